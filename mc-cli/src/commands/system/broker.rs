//! `mc system broker-config`: what an MQTT broker of your own needs, in one folder.
//!
//! Invariants: the broker's private key is made here and leaves this machine only when somebody carries it away; the
//! server signs the public one. Every file begins with a line that says who made it; one that does not is somebody
//! else's and stays, and nobody signs anything. All files are written beside their places before the first is put
//! there, and key and certificate follow each other: they disagree only when a run is killed just between the two,
//! which the next run mends. A file that is written again stays its owner's: the broker reads a renewed key as it read
//! the one before.

use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mc_api::Timestamp;
use mc_api::broker::{BROKER_FILE_MARK, CreateBrokerConfig};
use ring::rand::{SecureRandom as _, SystemRandom};
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde::Serialize;
use tempfile::NamedTempFile;

use crate::args::SystemBrokerConfig;
use crate::context::Invocation;
use crate::exit::Failure;
use crate::table;

/// The file of the private key, and of its certificate.
const KEY: &str = "server.key";
const CERTIFICATE: &str = "server.crt";
/// All files, as this version's server names them.
const FILES: [&str; 6] = ["acl", "ca.crt", KEY, CERTIFICATE, "revoked.crl", "mosquitto.conf"];
/// An Ed25519 private key in PKCS #8 is this and 32 bytes (RFC 8410 section 7); longer forms are not read everywhere.
const PKCS8_PREFIX: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// What was written.
#[derive(Serialize)]
struct Written {
    kind: &'static str,
    dir: PathBuf,
    files: Vec<WrittenFile>,
    revoked_nodes: u32,
    certificate_until: Timestamp,
    revocations_until: Timestamp,
    next: Vec<String>,
}

#[derive(Serialize)]
struct WrittenFile {
    name: String,
    is_secret: bool,
}

pub(super) async fn run(cx: &Invocation, args: SystemBrokerConfig) -> anyhow::Result<()> {
    let dir = std::path::absolute(&args.dir).with_context(|| format!("no folder {}", args.dir.display()))?;
    let installed_in = match args.installed_in {
        Some(path) => path,
        None => utf8(&dir)?.to_owned(),
    };
    let names = if args.names.is_empty() {
        ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec()
    } else {
        args.names
    };
    make_folder(&dir)?;
    if !args.force {
        refuse_others(&dir, &FILES)?;
    }
    let (key, public_key) = new_key()?;
    let first_name = names.first().cloned().unwrap_or_default();
    let request = CreateBrokerConfig {
        format: args.format,
        dir: installed_in.clone(),
        listen: args.listen.to_string(),
        names,
        public_key,
    };
    let config = cx.client()?.broker_config(&request).await?;
    let mut files: Vec<(&str, &str, bool)> =
        config.files.iter().map(|file| (file.name.as_str(), file.text.as_str(), false)).collect();
    let at = files.iter().position(|(name, ..)| *name == CERTIFICATE).unwrap_or_default();
    files.insert(at, (KEY, key.as_str(), true));
    let is_no_name = |name: &str| Path::new(name).file_name().is_none_or(|own| own != name);
    if let Some((name, ..)) = files.iter().find(|(name, ..)| is_no_name(name)) {
        anyhow::bail!("the server named a file {name:?}, which is no name of one");
    }
    if !args.force {
        // The server may be of another version, and name others.
        refuse_others(&dir, &files.iter().map(|(name, ..)| *name).collect::<Vec<_>>())?;
    }
    write(&dir, &files)?;
    let written = Written {
        kind: "broker_config",
        files: files
            .iter()
            .map(|(name, _, is_secret)| WrittenFile { name: (*name).to_owned(), is_secret: *is_secret })
            .collect(),
        dir,
        revoked_nodes: config.revoked_nodes,
        certificate_until: config.certificate_until,
        revocations_until: config.revocations_until,
        next: next(&installed_in, &first_name, args.listen.port(), config.revocations_until),
    };
    cx.out.value(&written, || text(&written))
}

/// What is left to do.
fn next(dir: &str, name: &str, port: u16, until: Timestamp) -> Vec<String> {
    let host = if name.contains(':') { format!("[{name}]") } else { name.to_owned() };
    vec![
        format!(
            "let the broker's account enter {dir}, and it alone read {dir}/{KEY}: chown mosquitto {dir}/{KEY}"
        ),
        format!(
            "start it: mosquitto -c {dir}/mosquitto.conf; Debian's service reads that file, too, after: ln -s {dir}/mosquitto.conf /etc/mosquitto/conf.d/mc.conf && systemctl restart mosquitto"
        ),
        "after a renewal send that process SIGHUP, or start it anew".to_owned(),
        format!("start the control plane with MC_MQTT_BROKER_URL=mqtts://{host}:{port}"),
        format!(
            "run this again when a node was revoked, and before {until}: then its list of them ends, and it refuses every node"
        ),
    ]
}

fn utf8(path: &Path) -> anyhow::Result<&str> {
    let why = || Failure::Usage(format!("{} is no UTF-8; say --installed-in", path.display()));
    Ok(path.to_str().ok_or_else(why)?)
}

/// A fresh key: the text of its file, and its public half in hexadecimal digits.
fn new_key() -> anyhow::Result<(String, String)> {
    use std::fmt::Write as _;
    let mut seed = [0; 32];
    SystemRandom::new().fill(&mut seed).map_err(|_| anyhow::anyhow!("the system gives no randomness"))?;
    let pair = Ed25519KeyPair::from_seed_unchecked(&seed)
        .map_err(|_| anyhow::anyhow!("no key can be made of the seed"))?;
    let body = STANDARD.encode([PKCS8_PREFIX.as_slice(), &seed].concat());
    let text =
        format!("{BROKER_FILE_MARK}\n-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n");
    let mut public_key = String::with_capacity(64);
    for byte in pair.public_key().as_ref() {
        write!(public_key, "{byte:02x}")?;
    }
    Ok((text, public_key))
}

/// Makes the folder when there is none. The broker's account has to enter it, whatever the umask says.
fn make_folder(dir: &Path) -> anyhow::Result<()> {
    let what = || format!("cannot make {}", dir.display());
    let missing: Vec<&Path> = dir.ancestors().take_while(|folder| !folder.exists()).collect();
    std::fs::create_dir_all(dir).with_context(what)?;
    // What ends in `..` is a folder that was there.
    for folder in missing.into_iter().filter(|folder| folder.file_name().is_some()) {
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).with_context(what)?;
    }
    Ok(())
}

/// Fails when one of the files is there and this command has not made it.
fn refuse_others(dir: &Path, names: &[&str]) -> anyhow::Result<()> {
    for path in names.iter().map(|name| dir.join(name)) {
        match std::fs::read(&path) {
            Ok(bytes) if bytes.starts_with(BROKER_FILE_MARK.as_bytes()) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                return Err(error).with_context(|| {
                    let path = path.display();
                    format!("cannot tell who made {path}; run this as its owner or as root, or give --force")
                });
            }
            _ => {
                return Err(Failure::Conflict(format!(
                    "{} was not made by this command and is not written over; name another --dir, or give --force",
                    path.display()
                ))
                .into());
            }
        }
    }
    Ok(())
}

/// Writes files (name, text, whether it is secret): each as a whole, and none before there is room for all of them.
fn write(dir: &Path, files: &[(&str, &str, bool)]) -> anyhow::Result<()> {
    let mut staged = Vec::new();
    for (name, text, is_secret) in files {
        let path = dir.join(name);
        let file = stage(&path, text, *is_secret);
        staged.push((file.with_context(|| format!("cannot write {}", path.display()))?, path));
    }
    for (file, path) in staged {
        let put = file.persist(&path).map_err(|error| error.error);
        put.with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// A file beside its place, for the owner and the group of the one that is there. Only its owner reads a secret one,
/// and its group when that was let before.
fn stage(path: &Path, text: &str, is_secret: bool) -> std::io::Result<NamedTempFile> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".mc-broker-").tempfile_in(folder)?;
    let mut mode = if is_secret { 0o600 } else { 0o644 };
    if let Ok(before) = std::fs::metadata(path) {
        fchown(file.as_file(), Some(before.uid()), Some(before.gid()))?;
        mode |= before.mode() & 0o040;
    }
    file.as_file().set_permissions(std::fs::Permissions::from_mode(mode))?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    Ok(file)
}

fn text(written: &Written) -> String {
    let mut fields = vec![("Folder", written.dir.display().to_string())];
    for file in &written.files {
        fields.push((if file.is_secret { "Secret" } else { "File" }, file.name.clone()));
    }
    fields.push(("Refused nodes", written.revoked_nodes.to_string()));
    fields.push(("Certificate until", written.certificate_until.to_string()));
    fields.push(("Revocations until", written.revocations_until.to_string()));
    let next: Vec<String> = written.next.iter().map(|step| format!("- {step}\n")).collect();
    format!("{}\nNext:\n{}", table::fields(&fields).trim_end(), next.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn what_is_of_others_is_known_and_a_key_is_readable_by_its_owner_alone() {
        let dir = tempfile::tempdir().unwrap();
        let (dir, path) = (dir.path(), dir.path().join(KEY));
        refuse_others(dir, &FILES).unwrap();
        let (key, public_key) = new_key().unwrap();
        assert!(public_key.len() == 64 && key.starts_with(BROKER_FILE_MARK));
        write(dir, &[(KEY, &key, true)]).unwrap();
        refuse_others(dir, &FILES).unwrap();
        assert_eq!(mode(&path), 0o600);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        write(dir, &[(KEY, &key, true)]).unwrap();
        assert_eq!(mode(&path), 0o640, "its group still reads it");
        write(dir, &[(KEY, "somebody's", false)]).unwrap();
        let error = refuse_others(dir, &FILES).unwrap_err();
        assert!(matches!(error.downcast_ref(), Some(Failure::Conflict(_))), "{error}");
        assert_eq!(mode(&path), 0o644);
        assert_eq!(std::fs::read_dir(dir).unwrap().count(), 1, "nothing half is left");
    }

    #[test]
    fn nothing_is_put_in_its_place_when_one_file_cannot_be_written() {
        let dir = tempfile::tempdir().unwrap();
        let error = write(dir.path(), &[(KEY, "new", true), ("none/acl", "new", false)]).unwrap_err();
        assert!(error.to_string().ends_with("none/acl"), "{error}");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_folder_that_is_made_can_be_entered_and_one_that_was_there_stays_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
        let made = dir.path().join("a/b");
        for _ in 0..2 {
            make_folder(&made).unwrap();
        }
        make_folder(&dir.path().join("new/../c")).unwrap();
        for name in ["a", "a/b", "c"] {
            assert_eq!(mode(&dir.path().join(name)), 0o755, "{name}");
        }
        assert_eq!(mode(dir.path()), 0o700);
    }

    #[test]
    fn a_file_that_may_not_be_read_is_not_said_to_be_of_others() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(KEY);
        std::fs::write(&path, BROKER_FILE_MARK).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o000)).unwrap();
        // Root reads it.
        if std::fs::read(&path).is_err() {
            let error = refuse_others(dir.path(), &FILES).unwrap_err();
            assert!(error.to_string().starts_with("cannot tell who made "), "{error}");
        }
    }
}

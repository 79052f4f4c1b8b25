//! `mc system support-bundle`: what the server tells of itself, and what this side knows, in one file without secrets.
//!
//! The server takes secrets out of its part, also those that it alone knows. Everything is looked through once more here,
//! since names of things and findings of the doctor come beside it.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use flate2::Compression;
use flate2::write::GzEncoder;
use mc_api::support::Scrubbed;
use serde::Serialize;

use super::doctor;
use crate::age::now;
use crate::args::{SystemDoctor, SystemSupport};
use crate::context::Invocation;
use crate::exit::{Exit, Failure};
use crate::{table, up};

/// How much of the end of each log is taken when the server cannot send them.
const LOG_BYTES: u64 = 256 << 10;

const README: &str = "\
What is in this archive of `mc system support-bundle`:

client.json         this mc and its machine
server.json         version and kind of the server's parts
configuration.json  settings that were given and where; of secret ones no value
readyz.json         whether requests are served
doctor.json         the server's checks of itself
contents.json       `mc system doctor`: whether stored contents and the database agree
database.json       schema version and number of rows of each table
nodes.json          the nodes
machine.json        facts about the server's machine and process
metrics.txt         counters
logs/               the ends of logs, when the server writes them to files
scrubbed.json       what was taken out, by file and sort
error.txt           only when the server did not answer: why

Credentials of a known shape and the server's own secrets were taken out. A secret of another shape is not recognised:
read everything before you send it. Names of missions, nodes, artifacts and people are in it.
";

/// What was written.
#[derive(Serialize)]
struct Written {
    file: PathBuf,
    size_bytes: u64,
    sha256: String,
    files: Vec<WrittenFile>,
    scrubbed: Vec<Scrubbed>,
}

#[derive(Serialize)]
struct WrittenFile {
    name: String,
    size_bytes: u64,
}

/// What is known on this side.
#[derive(Serialize)]
struct Side {
    version: &'static str,
    build_id: &'static str,
    server: String,
    os: &'static str,
    arch: &'static str,
    distribution: Option<String>,
    kernel: Option<String>,
}

/// Files that are put together.
#[derive(Default)]
struct Bundle {
    files: Vec<(String, String)>,
    scrubbed: BTreeMap<(String, String), u64>,
    known: Vec<String>,
}

impl Bundle {
    fn count(&mut self, file: &str, sort: &str, times: u64) {
        if times > 0 {
            *self.scrubbed.entry((file.to_owned(), sort.to_owned())).or_default() += times;
        }
    }

    fn text(&mut self, name: &str, text: &str) {
        let mut text = text.to_owned();
        let times = mc_secrets::scrub_known(&mut text, &self.known);
        self.count(name, "known-secret", times as u64);
        let (clean, findings) = mc_secrets::scrub(&text);
        for finding in findings {
            self.count(name, finding.sort, 1);
        }
        self.files.push((name.to_owned(), clean.into_owned()));
    }

    fn json(&mut self, name: &str, value: &impl Serialize) -> anyhow::Result<()> {
        let mut value = serde_json::to_value(value)?;
        for finding in mc_secrets::scrub_json(&mut value) {
            self.count(name, finding.sort, 1);
        }
        self.text(name, &format!("{value:#}\n"));
        Ok(())
    }

    fn scrubbed(&self) -> Vec<Scrubbed> {
        let all = self.scrubbed.iter();
        all.map(|((file, sort), count)| Scrubbed { file: file.clone(), sort: sort.clone(), count: *count })
            .collect()
    }

    /// The archive, with all files in one folder.
    fn archive(&self, folder: &str) -> anyhow::Result<Vec<u8>> {
        let seconds = u64::try_from(now().as_micros() / 1_000_000).unwrap_or_default();
        let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
        for (name, text) in &self.files {
            let mut header = tar::Header::new_gnu();
            header.set_size(text.len() as u64);
            header.set_mode(0o600);
            header.set_mtime(seconds);
            archive.append_data(&mut header, format!("{folder}/{name}"), text.as_bytes())?;
        }
        Ok(archive.into_inner()?.finish()?)
    }
}

fn side(server: String) -> Side {
    let read = |path: &str| std::fs::read_to_string(path).ok();
    let pretty = |text: String| {
        let line = text.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="))?;
        Some(line.trim_matches('"').to_owned())
    };
    Side {
        version: env!("CARGO_PKG_VERSION"),
        build_id: mc_api::BUILD_ID,
        server,
        os: std::env::consts::OS,
        arch: std::env::consts::ARCH,
        distribution: read("/etc/os-release").and_then(pretty),
        kernel: read("/proc/sys/kernel/osrelease").map(|text| text.trim().to_owned()),
    }
}

/// The server's part, and the comparison of contents.
async fn ask(cx: &Invocation, bundle: &mut Bundle, no_objects: bool) -> anyhow::Result<()> {
    let report = cx.client()?.support_report().await?;
    for file in report.files {
        bundle.text(&file.name, &file.text);
    }
    for found in report.scrubbed {
        bundle.count(&found.file, &found.sort, found.count);
    }
    if no_objects {
        return Ok(());
    }
    let report = doctor::examine(cx, SystemDoctor::default()).await?;
    bundle.json("contents.json", &report)
}

/// What can be had without the server: why it does not answer, and the logs of this machine.
fn without_server(cx: &Invocation, bundle: &mut Bundle, args: &SystemSupport, error: &anyhow::Error) {
    bundle.text("error.txt", &format!("the server did not answer: {error:#}\n"));
    let Ok(folder) = up::logs(args.data_dir.clone(), cx.environment()) else { return };
    let own = std::fs::read_to_string(folder.with_file_name("token")).ok();
    bundle.known.extend(own.map(|token| token.trim().to_owned()));
    let Ok(entries) = std::fs::read_dir(&folder) else { return };
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    for path in paths.iter().filter(|path| path.is_file()) {
        let name = format!("logs/{}", path.file_name().unwrap_or_default().to_string_lossy());
        match mc_secrets::scrub_log(path, LOG_BYTES, &bundle.known) {
            Ok((text, findings)) => {
                for finding in findings {
                    bundle.count(&name, finding.sort, 1);
                }
                bundle.text(&name, &text);
            }
            Err(error) => bundle.text(&name, &format!("this log could not be read: {error}\n")),
        }
    }
}

/// A name that says when, for files.
fn stamp() -> String {
    let text = now().to_string();
    let digits: String = text.chars().take_while(|c| *c != '.').filter(char::is_ascii_digit).collect();
    format!("mc-support-{digits}")
}

fn taken(path: &Path) -> Failure {
    Failure::Conflict(format!("{} exists and is not written over", path.display()))
}

/// Writes a file that only its owner reads, whole or not at all, and never over another.
fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let what = || format!("cannot write {}", path.display());
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".mc-support-").tempfile_in(folder).with_context(what)?;
    file.write_all(bytes).and_then(|()| file.as_file().sync_all()).with_context(what)?;
    match file.persist_noclobber(path) {
        Ok(_) => Ok(()),
        Err(error) if error.error.kind() == std::io::ErrorKind::AlreadyExists => Err(taken(path).into()),
        Err(error) => Err(error.error).with_context(what),
    }
}

pub(super) async fn run(cx: &Invocation, args: SystemSupport) -> anyhow::Result<()> {
    let name = stamp();
    let path = args.file.clone().unwrap_or_else(|| PathBuf::from(format!("{name}.tar.gz")));
    if path.exists() {
        return Err(taken(&path).into());
    }
    let mut bundle = Bundle::default();
    let (server, token) = cx.address()?;
    bundle.known.extend(token.map(|token| token.expose().to_owned()));
    bundle.text("README.txt", README);
    bundle.json("client.json", &side(server.to_string()))?;
    let failure = match ask(cx, &mut bundle, args.no_objects).await {
        Ok(()) => None,
        Err(error) if matches!(Exit::of(&error), Exit::Unreachable | Exit::Timeout) => {
            without_server(cx, &mut bundle, &args, &error);
            Some(error)
        }
        Err(error) => return Err(error),
    };
    let scrubbed = bundle.scrubbed();
    bundle.json("scrubbed.json", &scrubbed)?;
    let bytes = bundle.archive(&name)?;
    write(&path, &bytes)?;
    let written = Written {
        file: path,
        size_bytes: bytes.len() as u64,
        sha256: mc_ledger::sha256(&bytes).to_string(),
        files: bundle
            .files
            .iter()
            .map(|(name, text)| WrittenFile { name: name.clone(), size_bytes: text.len() as u64 })
            .collect(),
        scrubbed,
    };
    cx.out.value(&written, || text(&written))?;
    match failure {
        // It was written, and lacks the most of it.
        Some(error) => Err(error.context("only this side's part was written")),
        None => Ok(()),
    }
}

fn text(written: &Written) -> String {
    let rows = written.files.iter().map(|file| vec![file.size_bytes.to_string(), file.name.clone()]);
    let table = table::render(&["BYTES", "FILE"], rows.collect(), false);
    let taken: u64 = written.scrubbed.iter().map(|one| one.count).sum();
    format!(
        "{table}\nwrote {} ({} bytes, SHA-256 {})\n{taken} texts that look like secrets were taken out; scrubbed.json tells where.\n\
         Read it before you send it: a secret of an unknown shape is not recognised, and names of missions, nodes and people are in it.\n",
        written.file.display(),
        written.size_bytes,
        written.sha256
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_looked_through_and_the_archive_holds_them() {
        let token = format!("gh{}_a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8", 'p');
        let mut bundle = Bundle { known: vec!["my-own-word".into()], ..Bundle::default() };
        bundle.text("a.txt", &format!("x {token} my-own-word\n"));
        bundle.json("b.json", &serde_json::json!({"password": "correct7horse"})).unwrap();
        let told: Vec<_> = bundle.scrubbed().into_iter().map(|one| (one.file, one.sort)).collect();
        let pair = |file: &str, sort: &str| (file.to_owned(), sort.to_owned());
        assert_eq!(
            told,
            [pair("a.txt", "github-token"), pair("a.txt", "known-secret"), pair("b.json", "assigned-secret")]
        );
        let bytes = bundle.archive("folder").unwrap();
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(bytes.as_slice()));
        let names: Vec<String> = archive
            .entries()
            .unwrap()
            .map(|entry| entry.unwrap().path().unwrap().display().to_string())
            .collect();
        assert_eq!(names, ["folder/a.txt", "folder/b.json"]);
    }

    #[test]
    fn a_file_that_is_there_is_never_written_over() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.tar.gz");
        write(&path, b"one").unwrap();
        let again = write(&path, b"two").unwrap_err();
        assert_eq!(Exit::of(&again), Exit::Conflict);
        assert_eq!(std::fs::read(&path).unwrap(), b"one");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "nothing half is left");
    }
}

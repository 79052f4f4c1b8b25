//! A remote repository, spoken to by the program `git` (ADR 0008): read, fetch, push under a lease.
//!
//! The programs get an empty environment. A token or password is a header in Git's configuration by environment, a key is a
//! file in memory that only this user may open: neither is ever in an argument or on a disk.

use std::os::fd::{AsRawFd as _, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mc_api::persistence::{ConnectionKind, CredentialKind};
use tokio::process::Command;

use super::model;
use super::store::{Bound, Sealed};
use crate::app::App;
use crate::error::Error;

/// After this long a program is ended.
const PATIENCE: Duration = Duration::from_secs(40);
/// Where programs are looked for.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// The most of what a program says that is passed on.
const MAX_WORDS: usize = 500;

/// Why a remote did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RemoteError {
    /// Somebody else moved the branch meanwhile; building on top of it and trying again helps.
    #[error("the branch was moved by somebody else meanwhile")]
    Race,
    /// It refused, or could not be reached; later it may be different.
    #[error("{0}")]
    Refused(String),
    /// It was reached and does not take this very change, such as by a hook; another change may be taken.
    #[error("{0}")]
    Declined(String),
    /// No host key is trusted yet; somebody has to accept one.
    #[error("no host key of the SSH host is trusted yet; test the connection and accept its fingerprint")]
    HostKeyUnknown,
    /// A program that is needed is not there.
    #[error("the program {0} cannot be started: {1}")]
    Program(&'static str, String),
}

/// A repository with everything that opens it. Holds the secret in memory; made for one piece of work.
pub(crate) struct Remote {
    url: String,
    branch: String,
    kind: ConnectionKind,
    username: Option<String>,
    credential_kind: CredentialKind,
    secret: Vec<u8>,
    host_key: Option<String>,
    ca: Option<PathBuf>,
    /// Home of the programs, and of the files that are no secrets.
    folder: PathBuf,
}

/// The folder of mirrors and of what the programs need.
pub(crate) fn folder(app: &App) -> PathBuf {
    app.data_dir.join("publishing")
}

fn internal(error: std::io::Error) -> Error {
    Error::internal(error)
}

impl Remote {
    /// Opens the credential.
    ///
    /// # Errors
    /// A credential that does not open: the root key is another, or the row was changed by hand.
    pub(crate) fn open(app: &App, sealed: &Sealed, repository: &str, branch: &str) -> Result<Self, Error> {
        let connection = &sealed.connection;
        let secret = match (&sealed.key_id, &sealed.sealed) {
            (Some(key_id), Some(bytes)) => {
                app.keyring.unseal(key_id, &connection.id.to_string(), bytes.clone()).ok_or_else(|| {
                    Error::internal(crate::db::DbError::Inconsistent {
                        table: "git_connection",
                        message: format!("the credential of {} does not open", connection.id),
                    })
                })?
            }
            _ => Vec::new(),
        };
        let folder = folder(app);
        std::fs::create_dir_all(&folder).map_err(internal)?;
        let ca = connection.ca_certificate.as_ref().map(|pem| {
            let path = folder.join(format!("{}.ca.pem", connection.id));
            write(&path, pem.as_bytes()).map(|()| path)
        });
        Ok(Self {
            url: url(connection.connection_kind, &connection.url, connection.username.as_deref(), repository),
            branch: branch.to_owned(),
            kind: connection.connection_kind,
            username: connection.username.clone(),
            credential_kind: connection.credential_kind,
            secret,
            host_key: connection.host_key.clone(),
            ca: ca.transpose().map_err(internal)?,
            folder,
        })
    }

    /// The remote of a binding.
    pub(crate) fn of(app: &App, bound: &Bound) -> Result<Self, Error> {
        Self::open(app, &bound.sealed, &bound.binding.repository, &bound.binding.branch)
    }

    fn reference(&self) -> String {
        format!("refs/heads/{}", self.branch)
    }

    /// Where the branch is; `None` when the repository has no such branch.
    pub(crate) async fn head(&self) -> Result<Option<String>, RemoteError> {
        let said =
            self.git(&self.folder, &["ls-remote", "--quiet", "--", &self.url, &self.reference()]).await?;
        let id = said.split_whitespace().next().unwrap_or_default();
        Ok((!id.is_empty()).then(|| id.to_owned()))
    }

    /// Brings the branch into a bare repository.
    pub(crate) async fn fetch(&self, mirror: &Path) -> Result<(), RemoteError> {
        let refspec = format!("+{}:refs/remotes/origin/{}", self.reference(), self.branch);
        let words =
            ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", "--"];
        self.git(mirror, &[&words[..], &[&self.url, &refspec]].concat()).await.map(drop)
    }

    /// Moves the branch from `expected` to a commit; nothing happens when it is elsewhere.
    pub(crate) async fn push(
        &self,
        mirror: &Path,
        commit: &str,
        expected: Option<&str>,
        dry_run: bool,
    ) -> Result<(), RemoteError> {
        let reference = self.reference();
        let lease = format!("--force-with-lease={reference}:{}", expected.unwrap_or_default());
        let refspec = format!("{commit}:{reference}");
        let mut words = vec!["push", "--porcelain", "--no-verify", lease.as_str()];
        if dry_run {
            words.push("--dry-run");
        }
        words.extend(["--", &self.url, &refspec]);
        self.git(mirror, &words).await.map(drop)
    }

    /// The host keys that an SSH host presents now, as `type base64`.
    pub(crate) async fn scan(&self) -> Result<Vec<String>, RemoteError> {
        let authority =
            self.url.strip_prefix("ssh://").and_then(|rest| rest.split('/').next()).unwrap_or_default();
        let host = authority.rsplit('@').next().unwrap_or_default();
        let (host, port) = host.split_once(':').unwrap_or((host, "22"));
        let mut command = self.command("ssh-keyscan", &self.folder);
        command.args(["-T", "10", "-t", "ed25519,ecdsa,rsa", "-p", port, "--", host]);
        // `--` is unknown to old versions; the host was checked not to look like an option.
        let said = run(command, "ssh-keyscan").await;
        let text = match said {
            Ok((true, out, _)) => out,
            Ok((false, out, _)) if !out.is_empty() => out,
            Ok((false, _, error)) => return Err(RemoteError::Refused(self.words(&error))),
            Err(error) => return Err(error),
        };
        let keys = text.lines().filter_map(|line| model::host_key(line.split_once(' ')?.1));
        Ok(keys.collect())
    }

    fn command(&self, program: &str, folder: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", PATH)
            .env("HOME", &self.folder)
            .env("LC_ALL", "C")
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        command
    }

    async fn git(&self, folder: &Path, words: &[&str]) -> Result<String, RemoteError> {
        let mut command = self.command("git", folder);
        let mut settings = vec![
            ("gc.auto", "0".to_owned()),
            ("maintenance.auto", "false".to_owned()),
            ("credential.helper", String::new()),
            ("core.hooksPath", "/dev/null".to_owned()),
            ("core.fsync", "all".to_owned()),
            ("protocol.allow", "never".to_owned()),
        ];
        command
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_ASKPASS", "true");
        // Kept open until the program has ended.
        let mut key: Option<OwnedFd> = None;
        match self.kind {
            ConnectionKind::Local => settings.push(("protocol.file.allow", "always".into())),
            ConnectionKind::Https => {
                settings.push(("protocol.https.allow", "always".into()));
                settings.push(("http.followRedirects", "false".into()));
                settings.push(("http.lowSpeedLimit", "1".into()));
                settings.push(("http.lowSpeedTime", "30".into()));
                if let Some(ca) = &self.ca {
                    settings.push(("http.sslCAInfo", ca.display().to_string()));
                }
                if self.credential_kind != CredentialKind::None {
                    let user = self.username.as_deref().unwrap_or("x-access-token");
                    let pair = [user.as_bytes(), b":", &self.secret].concat();
                    settings.push((
                        "http.extraHeader",
                        format!("Authorization: Basic {}", STANDARD.encode(pair)),
                    ));
                }
            }
            ConnectionKind::Ssh => {
                settings.push(("protocol.ssh.allow", "always".into()));
                let opened = self.key().map_err(|error| RemoteError::Program("ssh", error.to_string()))?;
                command.env("GIT_SSH_VARIANT", "ssh").env("GIT_SSH_COMMAND", self.ssh(&opened)?);
                key = Some(opened);
            }
        }
        command.env("GIT_CONFIG_COUNT", settings.len().to_string());
        for (index, (name, value)) in settings.iter().enumerate() {
            command
                .env(format!("GIT_CONFIG_KEY_{index}"), name)
                .env(format!("GIT_CONFIG_VALUE_{index}"), value);
        }
        command.args(words);
        let outcome = run(command, "git").await;
        drop(key);
        match outcome? {
            (true, out, _) => Ok(out),
            (false, out, error) => Err(self.failure(&out, &error)),
        }
    }

    /// The private key as a file in memory.
    fn key(&self) -> std::io::Result<OwnedFd> {
        use rustix::fs::{MemfdFlags, Mode};
        let file = rustix::fs::memfd_create("mc-ssh-key", MemfdFlags::CLOEXEC)?;
        rustix::fs::fchmod(&file, Mode::RUSR | Mode::WUSR)?;
        let mut text = self.secret.clone();
        if text.last() != Some(&b'\n') {
            text.push(b'\n');
        }
        let mut rest = text.as_slice();
        while !rest.is_empty() {
            let written = rustix::io::write(&file, rest)?;
            rest = &rest[written..];
        }
        Ok(file)
    }

    fn ssh(&self, key: &OwnedFd) -> Result<String, RemoteError> {
        let host_key = self.host_key.as_ref().ok_or(RemoteError::HostKeyUnknown)?;
        let digest = model::fingerprint(host_key).unwrap_or_default();
        let name: String = digest.chars().filter(char::is_ascii_alphanumeric).collect();
        let known = self.folder.join(format!("{name}.known_hosts"));
        write(&known, format!("* {host_key}\n").as_bytes())
            .map_err(|error| RemoteError::Program("ssh", error.to_string()))?;
        let identity = format!("/proc/{}/fd/{}", std::process::id(), key.as_raw_fd());
        let options = [
            "BatchMode=yes".to_owned(),
            "IdentitiesOnly=yes".into(),
            "IdentityAgent=none".into(),
            "StrictHostKeyChecking=yes".into(),
            "GlobalKnownHostsFile=/dev/null".into(),
            format!("UserKnownHostsFile=\"{}\"", known.display()),
            "PreferredAuthentications=publickey".into(),
            "ConnectTimeout=15".into(),
            "ServerAliveInterval=10".into(),
            "ServerAliveCountMax=3".into(),
            "UpdateHostKeys=no".into(),
            "ForwardAgent=no".into(),
        ];
        let options: Vec<String> = options.iter().map(|option| format!("-o {}", quoted(option))).collect();
        Ok(format!("ssh -F /dev/null -T -i {} {}", quoted(&identity), options.join(" ")))
    }

    fn failure(&self, out: &str, error: &str) -> RemoteError {
        const RACES: [&str; 7] = [
            "stale info",
            "fetch first",
            "non-fast-forward",
            "cannot lock ref",
            "incorrect old value",
            "reference already exists",
            "failed to update ref",
        ];
        if RACES.iter().any(|race| out.contains(race) || error.contains(race)) {
            return RemoteError::Race;
        }
        let said = if error.trim().is_empty() { out } else { error };
        if out.contains("[remote rejected]") {
            // The line that is marked says why.
            let why = out.lines().filter(|line| line.starts_with('!')).collect::<Vec<_>>().join(" ");
            return RemoteError::Declined(self.words(&format!("{why} {said}")));
        }
        RemoteError::Refused(self.words(said))
    }

    /// What a program said, on one line, without any secret, and not too long.
    fn words(&self, text: &str) -> String {
        let mut text: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if let (Ok(secret), false) = (std::str::from_utf8(&self.secret), self.secret.is_empty()) {
            let user = self.username.as_deref().unwrap_or("x-access-token");
            let pair = STANDARD.encode(format!("{user}:{secret}"));
            text = text.replace(secret.trim(), "…").replace(&pair, "…");
        }
        let text: String = text.chars().filter(|c| !c.is_control()).take(MAX_WORDS).collect();
        if text.is_empty() { "it failed without a word".into() } else { text }
    }
}

/// Where a repository is; the user of SSH goes into the URL, secrets never do.
pub(crate) fn url(kind: ConnectionKind, base: &str, username: Option<&str>, repository: &str) -> String {
    let base = base.trim_end_matches('/');
    match (kind, username) {
        (ConnectionKind::Ssh, Some(user)) => {
            format!("ssh://{user}@{}/{repository}", base.strip_prefix("ssh://").unwrap_or(base))
        }
        _ => format!("{base}/{repository}"),
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// Writes a file that is no secret, whole or not at all.
fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    if std::fs::read(path).is_ok_and(|found| found == bytes) {
        return Ok(());
    }
    let temporary =
        path.with_extension(format!("new.{}.{:?}", std::process::id(), std::thread::current().id()));
    std::fs::write(&temporary, bytes)?;
    std::fs::rename(&temporary, path)
}

/// Runs a program to its end: whether it succeeded, and what it said.
async fn run(mut command: Command, program: &'static str) -> Result<(bool, String, String), RemoteError> {
    let child = command.spawn().map_err(|error| RemoteError::Program(program, error.to_string()))?;
    let group = child.id().and_then(|id| rustix::process::Pid::from_raw(id.try_into().ok()?));
    match tokio::time::timeout(PATIENCE, child.wait_with_output()).await {
        Ok(Ok(output)) => Ok((
            output.status.success(),
            String::from_utf8_lossy(&output.stdout).into_owned(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )),
        Ok(Err(error)) => Err(RemoteError::Program(program, error.to_string())),
        Err(_) => {
            // Its helpers too: they are in its group.
            if let Some(group) = group {
                let _gone = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
            }
            Err(RemoteError::Refused(format!("no answer within {} seconds", PATIENCE.as_secs())))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remote(secret: &str) -> Remote {
        Remote {
            url: "https://git.example.org/x.git".into(),
            branch: "main".into(),
            kind: ConnectionKind::Https,
            username: Some("anna".into()),
            credential_kind: CredentialKind::Token,
            secret: secret.as_bytes().to_vec(),
            host_key: None,
            ca: None,
            folder: PathBuf::from("/"),
        }
    }

    #[test]
    fn what_a_program_says_is_passed_on_without_the_secret() {
        let remote = remote("hunter2hunter2");
        let pair = STANDARD.encode("anna:hunter2hunter2");
        let said = remote.words(&format!("fatal: bad hunter2hunter2\n and {pair} {}", "x".repeat(900)));
        assert!(!said.contains("hunter2") && !said.contains(&pair) && said.len() < 600, "{said}");
    }

    #[test]
    fn a_race_is_told_from_a_refusal() {
        let remote = remote("s");
        let race = "To https://x\n!\tabc:refs/heads/main\t[rejected] (stale info)\nDone";
        assert_eq!(remote.failure(race, "error: failed to push some refs"), RemoteError::Race);
        let hook = "!\tabc:refs/heads/main\t[remote rejected] (pre-receive hook declined)";
        assert!(
            matches!(remote.failure(hook, ""), RemoteError::Declined(said) if said.contains("hook declined"))
        );
    }

    #[test]
    fn the_user_of_ssh_is_in_the_url_and_nothing_else_is() {
        let url = url(ConnectionKind::Ssh, "ssh://host:2222/srv/", Some("git"), "a/b.git");
        assert_eq!(url, "ssh://git@host:2222/srv/a/b.git");
        assert_eq!(quoted("a'b"), "'a'\\''b'");
    }
}

//! The state directory: names, atomic writes, lock files.
//!
//! ```text
//! STATE/mesh.lock controller_epoch runtimes.json
//!       restore_broken/<runtime>.json
//!       node/           node.key identity.json ca.der node.crt conn_seq            (uplink)
//!       sessions/<id>/  spec.json meta.json lock ack stderr.log journal/<first_seq>.seg
//!                       uplink.json grant.json work/ skills/                        (uplink)
//!       skills/         <sha256>.tar                                                (uplink)
//!       run/  mesh.sock  s/<8 hex>.sock            (0700)
//! ```

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::ids::SessionId;

/// Folder that holds everything a node knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateDir(PathBuf);

impl StateDir {
    /// Opens the folder, creating what is missing, readable by its owner only.
    pub fn open(path: &Path) -> io::Result<Self> {
        let mut private = DirBuilder::new();
        private.recursive(true).mode(0o700);
        private.create(path.join("sessions"))?;
        private.create(path.join("run/s"))?;
        private.create(path.join("restore_broken"))?;
        Ok(Self(fs::canonicalize(path)?))
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Held exclusively by the daemon.
    pub fn mesh_lock(&self) -> PathBuf {
        self.0.join("mesh.lock")
    }

    /// Counter of daemon starts.
    pub fn controller_epoch(&self) -> PathBuf {
        self.0.join("controller_epoch")
    }

    /// Runtime definitions added by the operator.
    pub fn runtimes(&self) -> PathBuf {
        self.0.join("runtimes.json")
    }

    /// There while sessions of this runtime are known to come back empty.
    pub fn restore_mark(&self, runtime: &str) -> PathBuf {
        self.0.join("restore_broken").join(format!("{}.json", runtime.replace('/', "_")))
    }

    /// Identity of the node and what its uplink counts.
    pub fn node(&self) -> PathBuf {
        self.0.join("node")
    }

    /// Archives of skills.
    pub fn skills(&self) -> PathBuf {
        self.0.join("skills")
    }

    /// Socket of the daemon.
    pub fn mesh_socket(&self) -> PathBuf {
        self.0.join("run/mesh.sock")
    }

    /// Folder of one session.
    pub fn session(&self, id: &SessionId) -> SessionDir {
        SessionDir {
            dir: self.0.join("sessions").join(id.as_str()),
            socket: self.0.join("run/s").join(format!("{}.sock", id.short())),
        }
    }

    /// Ids of all sessions, oldest first.
    pub fn sessions(&self) -> io::Result<Vec<SessionId>> {
        let mut ids = Vec::new();
        for entry in fs::read_dir(self.0.join("sessions"))? {
            ids.extend(entry?.file_name().to_str().and_then(|name| name.parse().ok()));
        }
        ids.sort();
        Ok(ids)
    }
}

/// Files of one session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionDir {
    dir: PathBuf,
    socket: PathBuf,
}

impl SessionDir {
    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.dir
    }

    /// What the session should be.
    pub fn spec(&self) -> PathBuf {
        self.dir.join("spec.json")
    }

    /// What the shim last said about it.
    pub fn meta(&self) -> PathBuf {
        self.dir.join("meta.json")
    }

    /// Held exclusively by the living shim.
    pub fn lock(&self) -> PathBuf {
        self.dir.join("lock")
    }

    /// Highest sequence acknowledged by the control plane.
    pub fn ack(&self) -> PathBuf {
        self.dir.join("ack")
    }

    /// What the uplink knows of a session that the control plane made; absent for local sessions.
    pub fn mark(&self) -> PathBuf {
        self.dir.join("uplink.json")
    }

    /// Credential of the agent's MCP server, renewed while the session lives.
    pub fn grant(&self) -> PathBuf {
        self.dir.join("grant.json")
    }

    /// Working directory of a session that names none.
    pub fn work(&self) -> PathBuf {
        self.dir.join("work")
    }

    /// Copies of the skills that hold for it.
    pub fn skills(&self) -> PathBuf {
        self.dir.join("skills")
    }

    /// Folder of the journal.
    pub fn journal(&self) -> PathBuf {
        self.dir.join("journal")
    }

    /// Standard error of the agent.
    pub fn stderr_log(&self) -> PathBuf {
        self.dir.join("stderr.log")
    }

    /// Standard error of the shim itself.
    pub fn shim_log(&self) -> PathBuf {
        self.dir.join("shim.log")
    }

    /// Socket of the shim.
    pub fn socket(&self) -> &Path {
        &self.socket
    }
}

/// Replaces a file by a synced new one; readers see the old or the new content, never a part.
pub(crate) fn write_atomic(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension("new");
    let mut file = OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(&temporary)?;
    file.write_all(bytes)?;
    file.sync_data()?;
    fs::rename(&temporary, path)?;
    File::open(path.parent().unwrap_or(Path::new("/")))?.sync_all()
}

/// [`write_atomic`] of a value as JSON.
pub(crate) fn write_json(path: &Path, value: &impl Serialize) -> io::Result<()> {
    write_atomic(path, &serde_json::to_vec_pretty(value)?)
}

/// Reads a JSON file; `None` when it does not exist.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> io::Result<Option<T>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// An exclusive `flock`, released by the kernel however the process ends.
#[derive(Debug)]
pub(crate) struct Lock(#[expect(dead_code, reason = "held for its lock")] File);

impl Lock {
    /// Takes the lock; `None` when another process holds it.
    pub(crate) fn try_acquire(path: &Path) -> io::Result<Option<Self>> {
        let file = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Self(file))),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether a living process holds the lock. The look itself takes it for an instant, shared.
    pub(crate) fn is_held(path: &Path) -> io::Result<bool> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        match flock(&file, FlockOperation::NonBlockingLockShared) {
            Ok(()) => Ok(false),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(true),
            Err(error) => Err(error.into()),
        }
    }
}

/// Binds a socket, replacing a stale one. Works for paths of any length.
pub(crate) fn bind(path: &Path) -> io::Result<UnixListener> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    with_short_path(path, |path| UnixListener::bind(path))
}

/// Connects to a socket. Works for paths of any length.
pub(crate) fn connect(path: &Path) -> io::Result<UnixStream> {
    with_short_path(path, |path| UnixStream::connect(path))
}

/// `sun_path` holds 108 bytes; a name below an open folder always fits.
fn with_short_path<T>(path: &Path, f: impl FnOnce(&Path) -> io::Result<T>) -> io::Result<T> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let folder = File::open(folder)?;
    f(&Path::new("/proc/self/fd").join(folder.as_raw_fd().to_string()).join(name))
}

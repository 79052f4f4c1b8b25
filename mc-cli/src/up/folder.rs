//! The data folder: names of the files that `mc up` shares with the parts.
//!
//! ```text
//! DIR/lock  token  controlplane.lock  node/mesh.lock  node/node/identity.json
//!     run/{supervisor,controlplane,mesh}.pid  run/up.json  run/status.json  run/join-token  run/down
//!     logs/{supervisor,controlplane,mesh}.log (+ .1)
//! ```

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use rustix::fs::{FlockOperation, flock};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::environment::Environment;
use crate::exit::Failure;

/// The folder of one installation, by its canonical path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Folder(PathBuf);

impl Folder {
    /// The folder given, else `~/.local/share/missioncontrol`.
    pub(super) fn path(given: Option<PathBuf>, environment: &Environment) -> Result<PathBuf, Failure> {
        given
            .or_else(|| environment.home.as_ref().map(|home| home.join(".local/share/missioncontrol")))
            .ok_or_else(|| Failure::Usage("no data folder: give --data-dir DIR, or set HOME".into()))
    }

    /// Makes what is missing, for its owner only.
    pub(super) fn create(path: &Path) -> anyhow::Result<Self> {
        let mut private = DirBuilder::new();
        private.recursive(true).mode(0o700);
        for name in ["run", "logs", "node"] {
            private.create(path.join(name)).map_err(|error| {
                Failure::Usage(format!("the data folder {} cannot be used: {error}", path.display()))
            })?;
        }
        Self::open(path)?.ok_or_else(|| anyhow::anyhow!("{} vanished", path.display()))
    }

    /// An existing folder; `None` when there is none.
    pub(super) fn open(path: &Path) -> anyhow::Result<Option<Self>> {
        match std::fs::canonicalize(path) {
            Ok(path) => Ok(Some(Self(path))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot open {}", path.display())),
        }
    }

    /// The folder itself.
    pub(super) fn dir(&self) -> &Path {
        &self.0
    }

    /// A file by its name below the folder.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Held by the supervisor.
    pub(super) fn lock(&self) -> PathBuf {
        self.file("lock")
    }

    /// The bootstrap token.
    pub(super) fn token(&self) -> PathBuf {
        self.file("token")
    }

    /// State of the local node.
    pub(super) fn node(&self) -> PathBuf {
        self.file("node")
    }

    /// Written by the node when it has joined.
    pub(super) fn identity(&self) -> PathBuf {
        self.file("node/node/identity.json")
    }

    /// Who is carrying out `mc down`: nothing is restarted while that process lives.
    pub(super) fn down(&self) -> PathBuf {
        self.file("run/down")
    }

    /// Log of a part, or of the supervisor.
    pub(super) fn log(&self, name: &str) -> PathBuf {
        self.0.join("logs").join(format!("{name}.log"))
    }

    /// Pid file of a part, or of the supervisor.
    pub(super) fn pid_file(&self, name: &str) -> PathBuf {
        self.0.join("run").join(format!("{name}.pid"))
    }
}

/// Replaces a file as a whole; only its owner may read it.
pub(super) fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let what = || format!("cannot write {}", path.display());
    let mut file =
        tempfile::NamedTempFile::new_in(path.parent().unwrap_or(Path::new("."))).with_context(what)?;
    file.write_all(bytes).with_context(what)?;
    file.persist(path).map(drop).map_err(|error| error.error).with_context(what)
}

/// [`write`] of a value as JSON.
pub(super) fn write_json(path: &Path, value: &impl Serialize) -> anyhow::Result<()> {
    write(path, &serde_json::to_vec_pretty(value)?)
}

/// Reads JSON; `None` when the file is absent or of another version.
pub(super) fn read_json<T: DeserializeOwned>(path: &Path) -> Option<T> {
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}

/// Takes a lock until the file is dropped; `None` when another process holds it.
pub(super) fn take_lock(path: &Path) -> std::io::Result<Option<File>> {
    let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(file)),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

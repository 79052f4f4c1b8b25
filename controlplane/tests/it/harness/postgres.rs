//! A Postgres server of one test alone, which may be stopped and started.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use super::database::Database;

/// Removed with everything in it when the test ends.
pub(crate) struct OwnServer {
    folder: tempfile::TempDir,
}

impl OwnServer {
    /// A running server; `None` where tests on Postgres are skipped.
    pub(crate) fn start(test: &'static str) -> Option<Self> {
        Database::Postgres.place(test)?;
        let folder = tempfile::Builder::new().prefix("mc-own-postgres-").tempdir_in("/tmp").unwrap();
        // The account that runs the server must be able to enter it.
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let server = Self { folder };
        server.up();
        Some(server)
    }

    fn script(&self, word: &str) -> String {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/postgres-dev.sh");
        let output =
            Command::new("bash").args([script, word]).env("MC_DEV_DIR", self.folder.path()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "postgres-dev.sh {word}: {said}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Starts it again, on the same port and data.
    pub(crate) fn up(&self) {
        self.script("start");
    }

    /// Stops it; connections are cut.
    pub(crate) fn down(&self) {
        self.script("stop");
    }

    pub(crate) fn url(&self) -> String {
        self.script("url")
    }
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        self.down();
    }
}

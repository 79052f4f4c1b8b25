//! What systemd is told of a daemon that it started (`Type=notify`). Without systemd nothing is said.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sd_notify::NotifyState;

use crate::protocol::{FromMesh, ToMesh};
use crate::{files, wire};

/// Says one thing.
pub(super) fn tell(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::warn!("the service manager was not told: {error}");
    }
}

/// Says that the daemon lives, thrice in the limit of the service manager, as long as its door answers.
pub(super) fn watch(socket: PathBuf) -> io::Result<()> {
    let Some(every) = sd_notify::watchdog_enabled().map(|limit| limit / 3) else { return Ok(()) };
    std::thread::Builder::new().name("watchdog".into()).spawn(move || {
        loop {
            match ask(&socket, every) {
                Ok(()) => tell(NotifyState::Watchdog),
                Err(error) => tracing::warn!("the daemon's own door does not answer: {error}"),
            }
            std::thread::sleep(every);
        }
    })?;
    Ok(())
}

fn ask(socket: &Path, limit: Duration) -> io::Result<()> {
    let stream = files::connect(socket)?;
    stream.set_read_timeout(Some(limit))?;
    stream.set_write_timeout(Some(limit))?;
    wire::send(&stream, &ToMesh::Status)?;
    wire::receive::<FromMesh>(&stream)?.map(drop).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
}

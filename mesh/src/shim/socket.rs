//! The shim's socket: one accept thread, two threads per connection, no decisions.

use std::io;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::mpsc::{SyncSender, sync_channel};

use super::Input;
use crate::protocol::{FromShim, ToShim};
use crate::wire;

/// Answers waiting for a client that does not read; at this point it is cut off.
const SEND_QUEUE: usize = 256;
const STACK_BYTES: usize = 128 * 1024;

/// Sending half of a connection.
pub(super) struct Client {
    to_peer: SyncSender<FromShim>,
    stream: UnixStream,
}

impl Client {
    /// Queues a message; false when the peer is gone or does not read.
    pub(super) fn send(&self, message: FromShim) -> bool {
        self.to_peer.try_send(message).is_ok()
    }

    /// Closes once what is queued was written; the peer is expected to read it.
    pub(super) fn close(self) {
        drop(self.to_peer);
    }

    /// Closes at once.
    pub(super) fn cut(self) {
        // A socket that is closed already needs no shutdown.
        let _ = self.stream.shutdown(std::net::Shutdown::Both);
    }
}

/// Serves `listener` until the process ends.
pub(super) fn serve(listener: UnixListener, to_core: SyncSender<Input>) -> io::Result<()> {
    spawn("accept", move || {
        for (stream, id) in listener.incoming().zip(1u64..) {
            let accepted = stream.and_then(|stream| accept(stream, id, &to_core));
            if let Err(error) = accepted {
                tracing::warn!("connection refused: {error}");
            }
        }
    })
}

fn accept(stream: UnixStream, id: u64, to_core: &SyncSender<Input>) -> io::Result<()> {
    if !wire::is_peer_trusted(&stream) {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    let (to_peer, outgoing) = sync_channel::<FromShim>(SEND_QUEUE);
    let mut writer = stream.try_clone()?;
    let reader = stream.try_clone()?;
    let core = to_core.clone();
    spawn("client-out", move || {
        while let Ok(message) = outgoing.recv() {
            if wire::send(&mut writer, &message).is_err() {
                break;
            }
        }
        // A socket that is closed already needs no shutdown.
        let _ = writer.shutdown(std::net::Shutdown::Both);
    })?;
    if core.send(Input::Connected { id, client: Client { to_peer, stream } }).is_err() {
        return Ok(());
    }
    spawn("client-in", move || {
        while let Ok(Some(message)) = wire::receive::<ToShim>(&reader) {
            if core.send(Input::Message { id, message }).is_err() {
                return;
            }
        }
        // The core may be gone already, and then nobody needs to know.
        let _ = core.send(Input::Disconnected { id });
    })
}

fn spawn(name: &str, f: impl FnOnce() + Send + 'static) -> io::Result<()> {
    std::thread::Builder::new().name(name.to_owned()).stack_size(STACK_BYTES).spawn(f).map(drop)
}

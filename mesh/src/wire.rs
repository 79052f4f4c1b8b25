//! Frames on the local sockets: `length u32 little endian | JSON`, both ways, at most 40 MiB.
//!
//! Receivers ignore unknown fields, so messages grow by adding fields; a changed meaning needs a new
//! [`crate::protocol::PROTO`]. Only peers of the same user (or root) are served.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;

use serde::Serialize;
use serde::de::DeserializeOwned;

const MAX_FRAME_BYTES: usize = 40 * 1024 * 1024;

/// Writes one message.
pub(crate) fn send(mut to: impl Write, message: &impl Serialize) -> io::Result<()> {
    let mut frame = vec![0; 4];
    serde_json::to_writer(&mut frame, message)?;
    let length = frame.len() - 4;
    if length > MAX_FRAME_BYTES {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "message is over the frame limit"));
    }
    frame[..4].copy_from_slice(&u32::try_from(length).expect("limit fits").to_le_bytes());
    to.write_all(&frame)
}

/// Reads one message; `None` at a clean end of the stream.
pub(crate) fn receive<T: DeserializeOwned>(mut from: impl Read) -> io::Result<Option<T>> {
    let mut length = [0; 4];
    match from.read_exact(&mut length) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let length = u32::from_le_bytes(length) as usize;
    if length > MAX_FRAME_BYTES {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "frame is over the limit"));
    }
    let mut body = Vec::with_capacity(length.min(64 * 1024));
    from.take(length as u64).read_to_end(&mut body)?;
    if body.len() < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(Some(serde_json::from_slice(&body)?))
}

/// Whether the peer runs as this user or as root.
pub(crate) fn is_peer_trusted(stream: &UnixStream) -> bool {
    let own = rustix::process::geteuid();
    rustix::net::sockopt::socket_peercred(stream).is_ok_and(|peer| peer.uid == own || peer.uid.is_root())
}

//! The daemon's own socket, for commands on this machine.

use std::io;
use std::os::unix::net::{UnixListener, UnixStream};

use super::Node;
use crate::ids::SessionId;
use crate::protocol::{FromMesh, ToMesh};
use crate::spec::{Desired, OnInterrupt, SessionSpec};
use crate::wire;

/// Serves until the socket fails.
pub(super) fn serve(listener: &UnixListener, node: &Node) -> io::Result<()> {
    for stream in listener.incoming() {
        let stream = stream?;
        if !wire::is_peer_trusted(&stream) {
            continue;
        }
        let node = node.clone();
        std::thread::Builder::new().name("local".into()).spawn(move || {
            if let Err(error) = converse(&stream, &node) {
                tracing::debug!("local connection ended: {error}");
            }
        })?;
    }
    Ok(())
}

fn converse(stream: &UnixStream, node: &Node) -> io::Result<()> {
    while let Some(request) = wire::receive::<ToMesh>(stream)? {
        wire::send(stream, &answer(node, request))?;
    }
    Ok(())
}

fn answer(node: &Node, request: ToMesh) -> FromMesh {
    let answered = match request {
        ToMesh::NewSession { runtime, cwd, session } => {
            let id = session.unwrap_or_else(SessionId::mint);
            let spec = SessionSpec {
                id: id.clone(),
                generation: 1,
                desired: Desired::Running,
                runtime,
                cwd,
                mcp_servers: Vec::new(),
                env: std::collections::BTreeMap::new(),
                on_interrupt: OnInterrupt::default(),
            };
            node.create(&spec).map(|()| FromMesh::Created { session: id })
        }
        ToMesh::Op { session, request } => node.submit(&session, request).map(FromMesh::Result),
        ToMesh::List => node.list().map(|sessions| FromMesh::Sessions { sessions }),
    };
    answered.unwrap_or_else(|error| FromMesh::Error { message: error.to_string() })
}

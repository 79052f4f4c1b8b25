//! The daemon's own socket, for commands on this machine.

use std::io;
use std::os::unix::net::{UnixListener, UnixStream};

use super::Node;
use crate::ids::SessionId;
use crate::protocol::{FromMesh, ToMesh};
use crate::spec::{Desired, OnInterrupt, SessionSpec};
use crate::uplink::Handle;
use crate::wire;

/// Serves until the socket fails.
pub(super) fn serve(listener: &UnixListener, node: &Node, uplink: Option<&Handle>) -> io::Result<()> {
    for stream in listener.incoming() {
        let stream = stream?;
        if !wire::is_peer_trusted(&stream) {
            continue;
        }
        let (node, uplink) = (node.clone(), uplink.cloned());
        std::thread::Builder::new().name("local".into()).spawn(move || {
            if let Err(error) = converse(&stream, &node, uplink.as_ref()) {
                tracing::debug!("local connection ended: {error}");
            }
        })?;
    }
    Ok(())
}

fn converse(stream: &UnixStream, node: &Node, uplink: Option<&Handle>) -> io::Result<()> {
    while let Some(request) = wire::receive::<ToMesh>(stream)? {
        wire::send(stream, &answer(node, uplink, request))?;
    }
    Ok(())
}

fn answer(node: &Node, uplink: Option<&Handle>, request: ToMesh) -> FromMesh {
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
        ToMesh::Status => Ok(FromMesh::Status { uplink: uplink.map(Handle::status) }),
        ToMesh::List => node.list().map(|sessions| FromMesh::Sessions { sessions }),
    };
    answered.unwrap_or_else(|error| FromMesh::Error { message: error.to_string() })
}

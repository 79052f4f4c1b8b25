//! The gRPC transport: TLS by the installation's authority, who is calling, errors as statuses.
//!
//! Every call but those of `Enroll` needs a client certificate that the authority signed, of a node that was not revoked:
//! [`routes`] refuses the others before any handler runs, whatever the path. A handler asks [`peer`] which node is calling.

mod blob;
mod enroll;
mod listen;
mod node;
mod peer;
mod status;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use mc_proto::mesh_v1::enroll_server::{self, EnrollServer};
use mc_proto::mesh_v1::node_server::NodeServer;
use tonic::service::Routes;

use crate::app::SharedApp;

pub use enroll::facts;
pub use listen::{serve, tls};
pub use node::take;
pub use peer::{NodeCaller, admit, peer};
pub use status::status;

/// No message of a node is larger.
pub const MAX_MESSAGE_BYTES: usize = 40 << 20;
/// No message of somebody unknown is larger.
const MAX_ANONYMOUS_BYTES: usize = 64 << 10;

/// All services. A further service is added here.
pub fn routes(app: &SharedApp) -> Routes {
    let enroll =
        EnrollServer::new(enroll::Enroll::new(app.clone())).max_decoding_message_size(MAX_ANONYMOUS_BYTES);
    let node = NodeServer::new(node::Node::new(app.clone())).max_decoding_message_size(MAX_MESSAGE_BYTES);
    let services = Routes::new(enroll).add_service(node);
    let guard = axum::middleware::from_fn_with_state(app.clone(), guard);
    Routes::from(services.into_axum_router().layer(guard))
}

/// Lets only nodes beyond `Enroll`, whatever the path.
async fn guard(State(app): State<SharedApp>, mut request: Request, next: Next) -> Response {
    let service = request.uri().path().split('/').nth(1).unwrap_or_default();
    if service != enroll_server::SERVICE_NAME {
        match peer::authenticate(&app, request.extensions()).await {
            Ok(known) => drop(request.extensions_mut().insert(known)),
            Err(error) => return status(error).into_http(),
        }
    }
    next.run(request).await
}

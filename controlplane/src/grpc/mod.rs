//! The gRPC transport: TLS by the installation's authority, who is calling, errors as statuses.
//!
//! Every call but those of `Enroll` needs a client certificate that the authority signed: [`routes`] refuses the others
//! before any handler runs, and each handler asks [`peer`] which node is calling, because a certificate alone does not
//! say whether the node was revoked since.

mod enroll;
mod listen;
mod peer;
mod status;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use mc_proto::mesh_v1::enroll_server::{self, EnrollServer};
use tonic::Status;
use tonic::service::Routes;

use crate::app::SharedApp;

pub use enroll::facts;
pub use listen::{serve, tls};
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
    let services = Routes::new(enroll);
    let guarded = services.into_axum_router().layer(axum::middleware::from_fn(guard));
    Routes::from(guarded)
}

/// Lets nobody without a certificate beyond `Enroll`, whatever the path.
async fn guard(request: Request, next: Next) -> Response {
    let service = request.uri().path().split('/').nth(1).unwrap_or_default();
    if service == enroll_server::SERVICE_NAME || peer::certificate(request.extensions()).is_some() {
        return next.run(request).await;
    }
    Status::unauthenticated("a client certificate of this installation is needed; join first").into_http()
}

//! Which node is calling.

use std::sync::Arc;

use http::Extensions;
use mc_api::id::NodeId;
use mc_api::node::Node;
use mc_api::{ProblemKind, Timestamp};
use tonic::transport::server::{TcpConnectInfo, TlsConnectInfo};
use uuid::Uuid;

use crate::app::App;
use crate::error::Error;
use crate::nodes;
use crate::op::{Caller, OpCtx};

/// A node that calls, as its certificate and the database say.
pub struct NodeCaller {
    /// The node, as it was when the call began.
    pub node: Node,
    /// Acts as the node's principal, which has no role: what a node may do follows from what is its own.
    pub cx: OpCtx,
    not_after: Timestamp,
}

impl NodeCaller {
    /// The node's id.
    pub fn id(&self) -> NodeId {
        self.node.id
    }

    /// When its certificate ends.
    pub fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// Looks again, for calls that last: whether the certificate still is good and the node was not revoked.
    ///
    /// # Errors
    /// [`ProblemKind::Unauthenticated`], [`ProblemKind::Forbidden`].
    pub async fn check(&self, app: &App) -> Result<(), Error> {
        if self.not_after <= app.clock.now() {
            return Err(refused("the certificate has ended; rejoin"));
        }
        nodes::service::authenticate(app, self.node.id).await.map(|_| ())
    }
}

/// What was found out about the caller before the handler.
#[derive(Clone)]
pub(super) struct Known {
    node: Node,
    caller: Arc<Caller>,
    not_after: Timestamp,
}

fn refused(why: &str) -> Error {
    Error::new(ProblemKind::Unauthenticated, why)
}

/// Finds the node that calls. TLS has checked that our authority signed the certificate.
///
/// # Errors
/// [`ProblemKind::Unauthenticated`] without a certificate, with one that has ended, or of a node we do not know;
/// [`ProblemKind::Forbidden`] when the node was revoked.
pub(super) async fn authenticate(app: &App, extensions: &Extensions) -> Result<Known, Error> {
    let certificate = extensions
        .get::<TlsConnectInfo<TcpConnectInfo>>()
        .and_then(TlsConnectInfo::peer_certs)
        .and_then(|chain| chain.first().cloned())
        .ok_or_else(|| refused("a client certificate of this installation is needed; join first"))?;
    let (id, not_before, not_after) =
        named(&certificate).ok_or_else(|| refused("the certificate names no node"))?;
    let now = app.clock.now();
    if now < not_before || not_after <= now {
        return Err(refused("the certificate has ended, or is not good yet; rejoin"));
    }
    let (node, caller) = nodes::service::authenticate(app, id).await?;
    Ok(Known { node, caller, not_after })
}

/// The node that calls.
///
/// # Errors
/// [`ProblemKind::Unauthenticated`] on a call that came past [`super::routes`], which no service does.
pub fn peer<T>(app: &App, request: &tonic::Request<T>) -> Result<NodeCaller, Error> {
    let known = request.extensions().get::<Known>().cloned();
    let Known { node, caller, not_after } = known.ok_or_else(|| refused("nobody is known to call"))?;
    let cx = OpCtx::new(caller, request_id(app), app.clock.now(), app.ids.clone());
    Ok(NodeCaller { node, cx, not_after })
}

/// A fresh id of a call, for log and ledger.
pub(super) fn request_id(app: &App) -> String {
    app.ids.uuid(app.clock.now()).as_simple().to_string()
}

/// The node that a certificate names (CN: 32 hex digits), and from when to when it is good.
fn named(der: &[u8]) -> Option<(NodeId, Timestamp, Timestamp)> {
    let (_, certificate) = x509_parser::parse_x509_certificate(der).ok()?;
    let hex = certificate.subject().iter_common_name().next()?.as_str().ok()?;
    let id = Uuid::try_parse(hex).ok().filter(|_| hex.len() == 32)?;
    let at = |seconds: i64| Timestamp::from_micros(seconds.saturating_mul(1_000_000));
    let validity = certificate.validity();
    Some((NodeId::from_uuid(id), at(validity.not_before.timestamp()), at(validity.not_after.timestamp())))
}

/// The node that a certificate names, when it may connect now; for connections beside gRPC. TLS has checked that our
/// authority signed the certificate.
///
/// # Errors
/// [`ProblemKind::Unauthenticated`] with a certificate that names no node we know or is not good now;
/// [`ProblemKind::Forbidden`] when the node was revoked; database failures.
pub async fn admit(app: &App, certificate: &[u8]) -> Result<NodeId, Error> {
    let (id, not_before, not_after) =
        named(certificate).ok_or_else(|| refused("the certificate names no node"))?;
    let now = app.clock.now();
    if now < not_before || not_after <= now {
        return Err(refused("the certificate has ended, or is not good yet; rejoin"));
    }
    nodes::service::authenticate(app, id).await.map(|(node, _)| node.id)
}

//! How a machine becomes a node, and how a node gets its next certificate.
//!
//! Both calls are anonymous: a nonce of ours, signed with the node's key, proves that the caller holds the key.

use std::collections::HashMap;
use std::sync::Arc;

use mc_api::auth::{Principal, PrincipalKind};
use mc_api::id::{NodeId, PrincipalId, TokenId};
use mc_api::node::{Node, NodeFacts, NodeState};
use mc_api::{Action, Name, ProblemKind, Timestamp};
use ring::signature::{ED25519, UnparsedPublicKey};
use serde::Serialize;

use super::model::{self, TokenText};
use super::service::heard_in;
use super::store;
use crate::app::App;
use crate::authn;
use crate::db::{DbError, Tx};
use crate::error::Error;
use crate::keyring::{NodeCertificate, Purpose};
use crate::ledger::{self, Event};
use crate::op::{Caller, OpCtx, organization_proof};
use crate::write::hex_digest;
use crate::write_tx;

/// Bytes of a nonce before the key id: tag, time, randomness.
const NONCE_HEAD: usize = 32 + 8 + 16;

/// Proof that the caller holds a key.
#[derive(Debug, Clone)]
pub struct Possession {
    /// A nonce of [`challenge`].
    pub nonce: Vec<u8>,
    /// Ed25519 over the message that `mc-proto` defines.
    pub signature: Vec<u8>,
}

/// What a machine brings to join.
#[derive(Debug, Clone)]
pub struct Join {
    /// The join token's text.
    pub token: String,
    /// Ed25519.
    pub public_key: [u8; 32],
    /// That it holds the key.
    pub possession: Possession,
    /// The name it wishes for.
    pub wish: String,
    /// What it says of itself.
    pub facts: NodeFacts,
}

/// A node and its new certificate.
pub struct Joined {
    /// The node.
    pub node: Node,
    /// Its certificate.
    pub certificate: NodeCertificate,
    /// When it was signed.
    pub at: Timestamp,
}

/// A nonce to sign, good for [`model::NONCE_LIFE`] on every replica. Nothing is kept: tag (HMAC-SHA256), time (i64
/// microseconds, big endian), 16 random bytes, id of the key.
pub fn challenge(app: &App) -> Vec<u8> {
    let body = [app.clock.now().as_micros().to_be_bytes().as_slice(), &app.ids.bytes::<16>()].concat();
    let (key_id, tag) = app.keyring.sign(Purpose::Nonce, &body);
    [tag.as_slice(), &body, key_id.as_bytes()].concat()
}

impl Possession {
    fn check(&self, app: &App, public_key: &[u8], message: &[u8]) -> Result<(), Error> {
        let refused = |why| Error::new(ProblemKind::Unauthenticated, why);
        let stale = || refused("the nonce is not ours, or older than a minute; ask for another");
        let (head, key_id) = self.nonce.split_at_checked(NONCE_HEAD).ok_or_else(stale)?;
        let (tag, body) = head.split_at(32);
        let key_id = std::str::from_utf8(key_id).map_err(|_| stale())?;
        if !app.keyring.verify(Purpose::Nonce, key_id, body, tag) {
            return Err(stale());
        }
        let made = body.first_chunk::<8>().copied().map(i64::from_be_bytes).ok_or_else(stale)?;
        if app.clock.now().since(Timestamp::from_micros(made)) > model::NONCE_LIFE {
            return Err(stale());
        }
        UnparsedPublicKey::new(&ED25519, public_key)
            .verify(message, &self.signature)
            .map_err(|_| refused("the signature does not fit the key"))
    }
}

/// Uses a join token once. The same key and token again, while the token lives, give the same node.
///
/// # Errors
/// [`ProblemKind::Unauthenticated`] for a token that is unknown, ended, revoked or used up, and for a bad proof;
/// [`ProblemKind::Forbidden`] when the key's node was revoked; [`ProblemKind::NameTaken`], [`ProblemKind::Validation`].
pub async fn join(app: &App, request_id: String, join: &Join) -> Result<Joined, Error> {
    let unknown = || Error::new(ProblemKind::Unauthenticated, "the join token is not known; make another");
    let text = TokenText::parse(&join.token).ok_or_else(unknown)?;
    let token_sha256 = mc_ledger::sha256(join.token.as_bytes());
    let message = mc_proto::join_message(&join.possession.nonce, &token_sha256.0);
    join.possession.check(app, &join.public_key, &message)?;
    let token = store::find_token(&mut app.db.begin_read().await?, text.id).await?.ok_or_else(unknown)?;
    if hex_digest(text.secret.as_bytes()) != token.secret_sha256
        || text.ca_sha256 != app.keyring.authority().sha256()
    {
        tracing::warn!(token.id = %text.id, "a join with a wrong secret for token {} was refused", text.id);
        return Err(unknown());
    }
    let facts = model::facts_text(&join.facts)?;
    let cx = system_context(app, request_id);
    let joined = write_tx!(app, &cx, |tx| { join_in(tx, app, &token, join, &facts).await });
    match joined {
        Ok(node) => issue(app, node, &join.public_key),
        Err(error) if matches!(error.kind, ProblemKind::Unauthenticated | ProblemKind::Forbidden) => {
            record_refusal(app, &token, join, &error).await?;
            Err(error)
        }
        Err(error) => Err(error),
    }
}

async fn join_in(
    tx: &mut Tx,
    app: &App,
    token: &store::Token,
    join: &Join,
    facts: &str,
) -> Result<Node, Error> {
    let now = app.clock.now();
    let ended = |why| Error::new(ProblemKind::Unauthenticated, format!("the join token {why}; make another"));
    let public_key = hex(&join.public_key);
    let known = store::find_by_key(tx, &public_key, now).await?;
    if let Some((record, _)) = &known
        && record.node.state == NodeState::Revoked
    {
        return Err(model::revoked(record.node.id));
    }
    // Read again: it may have been revoked or used since.
    let token = store::find_token(tx, token.join_token_id).await?.ok_or_else(|| ended("is gone"))?;
    if token.revoked_at.is_some() {
        return Err(ended("was revoked"));
    }
    if token.expires_at <= now {
        return Err(ended("has expired"));
    }
    let is_repeated = known.as_ref().is_some_and(|(_, with)| *with == token.join_token_id);
    if !is_repeated && !store::use_token(tx, token.join_token_id, now).await? {
        return Err(ended("is used up"));
    }
    if let Some((record, _)) = known {
        super::service::renew_in(tx, record.node.id, now).await?;
        return Ok(record.node);
    }
    let id = NodeId::from_uuid(app.ids.uuid(now));
    let node = Node {
        kind: "node".into(),
        id,
        name: choose_name(tx, &token, join, id).await?,
        state: NodeState::Ready,
        cordoned: false,
        draining: false,
        is_drained: false,
        drained_at: None,
        facts: join.facts.clone(),
        live_sessions: 0,
        last_seen_at: now,
        principal_id: PrincipalId::from_uuid(app.ids.uuid(now)),
        version: 1,
        created_at: now,
        updated_at: now,
    };
    let hex = id.as_uuid().as_simple().to_string();
    let principal = Principal {
        kind: "principal".into(),
        id: node.principal_id,
        name: format!("node-{}", &hex[20..]).parse().map_err(Error::internal)?,
        principal_kind: PrincipalKind::Node,
        role: None,
        mission_roles: Vec::new(),
        version: 1,
        created_at: now,
    };
    // Somebody may have taken the name or joined with the key at the same moment: run again, and find that.
    authn::store::insert(tx, token.organization_id, &principal).await.map_err(met)?;
    let new = store::New {
        node: &node,
        organization: token.organization_id,
        token: token.join_token_id,
        public_key: &public_key,
        facts,
        lease_until: now.plus(model::LEASE),
    };
    store::insert(tx, new).await.map_err(met)?;
    let proof = organization_proof(Action::ManageNode);
    let body = JoinEvent { node: &node, join_token_id: token.join_token_id };
    let event = Event { subject_kind: "node", subject_id: id.to_string(), body: &body, before_sha256: None };
    ledger::record_system(tx, app, token.organization_id, proof, "node.join", event).await?;
    Ok(node)
}

#[derive(Serialize)]
struct JoinEvent<'a> {
    node: &'a Node,
    join_token_id: TokenId,
}

fn met(error: DbError) -> DbError {
    match error {
        DbError::Unique(_) => DbError::Met,
        other => other,
    }
}

async fn choose_name(tx: &mut Tx, token: &store::Token, join: &Join, id: NodeId) -> Result<Name, Error> {
    if let Some(name) = &token.node_name {
        if store::has_name(tx, token.organization_id, name).await? {
            return Err(Error::new(
                ProblemKind::NameTaken,
                format!("a node {name} exists; revoke it first, or make a token with another name"),
            ));
        }
        return Ok(name.clone());
    }
    let names = model::names(&model::wished_name(&join.wish, &join.facts), id);
    for name in names {
        if !store::has_name(tx, token.organization_id, &name).await? {
            return Ok(name);
        }
    }
    Err(Error::new(ProblemKind::NameTaken, "no name is free for this node; make a token with a name"))
}

#[derive(Serialize)]
struct RefusedEvent<'a> {
    detail: &'a str,
    public_key: String,
}

/// Records that somebody who held a real token was refused.
async fn record_refusal(app: &App, token: &store::Token, join: &Join, error: &Error) -> Result<(), Error> {
    tracing::warn!(token.id = %token.join_token_id, "a join was refused: {}", error.detail);
    let body = RefusedEvent { detail: &error.detail, public_key: hex(&join.public_key) };
    let event = Event {
        subject_kind: "join_token",
        subject_id: token.join_token_id.to_string(),
        body: &body,
        before_sha256: None,
    };
    let mut tx = app.db.begin_write().await?;
    let proof = organization_proof(Action::ManageNode);
    ledger::record_system(&mut tx, app, token.organization_id, proof, "node.join_refused", event).await?;
    app.db.commit(tx).await?;
    app.sequencer.nudge();
    Ok(())
}

/// Gives a known key its next certificate.
///
/// # Errors
/// [`ProblemKind::Unauthenticated`] for an unknown node or a bad proof, [`ProblemKind::Forbidden`] when it was revoked.
pub async fn rejoin(
    app: &App,
    request_id: String,
    id: NodeId,
    possession: &Possession,
    facts: &NodeFacts,
) -> Result<Joined, Error> {
    let unknown = || Error::new(ProblemKind::Unauthenticated, "there is no such node with this key");
    let record =
        store::find_by_id(&mut app.db.begin_read().await?, id, app.clock.now()).await?.ok_or_else(unknown)?;
    let public_key = key_of(&record)?;
    let message = mc_proto::rejoin_message(&possession.nonce, &id.to_string());
    possession.check(app, &public_key, &message)?;
    if record.node.state == NodeState::Revoked {
        return Err(model::revoked(id));
    }
    let cx = system_context(app, request_id);
    let node = write_tx!(app, &cx, |tx| {
        heard_in(tx, app, id, facts).await?;
        let record = store::find_by_id(tx, id, app.clock.now()).await?.ok_or_else(unknown)?;
        Ok(record.node)
    })?;
    issue(app, node, &public_key)
}

fn issue(app: &App, node: Node, public_key: &[u8; 32]) -> Result<Joined, Error> {
    let at = app.clock.now();
    let certificate =
        app.keyring.authority().issue_node(&app.ids, node.id, public_key, at).map_err(Error::internal)?;
    tracing::info!(node.id = %node.id, "gave node {} a certificate until {}", node.name, certificate.not_after);
    Ok(Joined { node, certificate, at })
}

/// The system acts: whoever joins has no principal yet.
fn system_context(app: &App, request_id: String) -> OpCtx {
    let caller = Caller {
        id: app.system_principal,
        name: "system".to_owned(),
        kind: PrincipalKind::ServiceAccount,
        organization: app.organization,
        role: None,
        mission_roles: HashMap::new(),
        login: None,
        grant: None,
    };
    OpCtx::new(Arc::new(caller), request_id, app.clock.now(), app.ids.clone())
}

fn hex(bytes: &[u8; 32]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The key that a node signs with.
///
/// # Errors
/// [`DbError::Inconsistent`].
pub(super) fn key_of(record: &model::Record) -> Result<[u8; 32], DbError> {
    unhex(&record.public_key).ok_or_else(|| DbError::Inconsistent {
        table: "node",
        message: format!("public key of {}", record.node.id),
    })
}

/// 32 bytes of 64 hexadecimal digits.
pub(crate) fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[at * 2..at * 2 + 2], 16).ok()?;
    }
    Some(bytes)
}

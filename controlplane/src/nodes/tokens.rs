//! Operations on join tokens.

use std::time::Duration;

use mc_api::id::TokenId;
use mc_api::node::{CreateJoinToken, JoinToken};
use mc_api::{Action, Page};

use super::model::TokenText;
use super::store;
use crate::app::App;
use crate::error::Error;
use crate::http::page;
use crate::ledger::{self, Event};
use crate::op::OpCtx;
use crate::write::hex_digest;
use crate::write_tx;

/// Lifetime when none is asked for.
const DEFAULT_TTL_SECONDS: u32 = 900;

fn published(app: &App, token: store::Token) -> JoinToken {
    JoinToken {
        kind: "join_token".into(),
        id: token.join_token_id,
        token: None,
        ca_sha256: app.keyring.authority().sha256().to_owned(),
        server: app.endpoints.grpc_url(),
        node_name: token.node_name,
        uses: token.uses,
        used: token.used,
        expires_at: token.expires_at,
        created_by: token.created_by,
        created_at: token.created_at,
    }
}

/// Makes a join token; its text is shown once.
///
/// # Errors
/// [`mc_api::ProblemKind::Validation`], [`mc_api::ProblemKind::Forbidden`].
pub async fn create(app: &App, cx: &OpCtx, request: CreateJoinToken) -> Result<JoinToken, Error> {
    let ttl = request.ttl_seconds.unwrap_or(DEFAULT_TTL_SECONDS);
    if !(60..=86_400).contains(&ttl) {
        return Err(Error::invalid("/ttl_seconds", "60 to 86400 seconds"));
    }
    let uses = request.uses.unwrap_or(1);
    if !(1..=100).contains(&uses) {
        return Err(Error::invalid("/uses", "1 to 100"));
    }
    if request.node_name.is_some() && uses > 1 {
        return Err(Error::invalid("/uses", "a token with a node's name joins one node"));
    }
    write_tx!(app, cx, |tx| {
        let proof = cx.authorize(Action::ManageNode)?;
        let secret = cx.new_secret();
        let stored = store::Token {
            join_token_id: TokenId::from_uuid(cx.new_uuid()),
            organization_id: cx.caller.organization,
            secret_sha256: hex_digest(secret.as_bytes()),
            node_name: request.node_name.clone(),
            uses: uses.into(),
            used: 0,
            expires_at: cx.now().plus(Duration::from_secs(ttl.into())),
            revoked_at: None,
            created_by: cx.caller.id,
            created_at: cx.now(),
        };
        store::insert_token(tx, stored.clone()).await?;
        let token = published(app, stored);
        let event = Event {
            subject_kind: "join_token",
            subject_id: token.id.to_string(),
            body: &token,
            before_sha256: None,
        };
        ledger::record(tx, cx, proof, event).await?;
        let text = TokenText { id: token.id, secret: &secret, ca_sha256: &token.ca_sha256 }.to_string();
        Ok(JoinToken { token: Some(text), ..token })
    })
}

/// A page of the tokens that were neither revoked nor have ended, in the order of their ids.
///
/// # Errors
/// [`mc_api::ProblemKind::Forbidden`].
pub async fn list(app: &App, cx: &OpCtx, page: page::Request<TokenId>) -> Result<Page<JoinToken>, Error> {
    cx.authorize(Action::ManageNode)?;
    let mut tx = app.db.begin_read().await?;
    let rows =
        store::list_tokens(&mut tx, cx.caller.organization, page.after, page.fetch(), cx.now()).await?;
    let tokens = rows.into_iter().map(|token| published(app, token)).collect();
    Ok(page.cut(app, tokens, |token: &JoinToken| token.id))
}

/// One token by id, also after its end.
///
/// # Errors
/// [`mc_api::ProblemKind::NotFound`], also when it was revoked; [`mc_api::ProblemKind::Forbidden`].
pub async fn get(app: &App, cx: &OpCtx, reference: &str) -> Result<JoinToken, Error> {
    cx.authorize(Action::ManageNode)?;
    let mut tx = app.db.begin_read().await?;
    Ok(published(app, resolve(&mut tx, cx, reference).await?))
}

/// Revokes a token: nobody joins with it any more. Nodes that have joined stay.
///
/// # Errors
/// [`mc_api::ProblemKind::NotFound`], [`mc_api::ProblemKind::Forbidden`].
pub async fn revoke(app: &App, cx: &OpCtx, reference: &str) -> Result<(), Error> {
    write_tx!(app, cx, |tx| {
        let proof = cx.authorize(Action::ManageNode)?;
        let token = resolve(tx, cx, reference).await?;
        if !store::revoke_token(tx, token.join_token_id, cx.now()).await? {
            return Err(Error::not_found("join token", reference));
        }
        let token = published(app, token);
        let event = Event {
            subject_kind: "join_token",
            subject_id: token.id.to_string(),
            body: &serde_json::json!({ "revoked_at": cx.now() }),
            before_sha256: ledger::digest_of(&token)?,
        };
        ledger::record(tx, cx, proof, event).await?;
        Ok(())
    })
}

async fn resolve(tx: &mut crate::db::Tx, cx: &OpCtx, reference: &str) -> Result<store::Token, Error> {
    let found = match reference.parse::<TokenId>() {
        Ok(id) => store::find_token(tx, id).await?,
        Err(_) => None,
    };
    found
        .filter(|token| token.organization_id == cx.caller.organization && token.revoked_at.is_none())
        .ok_or_else(|| Error::not_found("join token", reference))
}

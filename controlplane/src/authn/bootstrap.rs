//! The first start: organization, bootstrap principal and token.

use mc_api::id::{OrganizationId, PrincipalId, TokenId};
use mc_api::{Action, Timestamp};

use crate::clock::IdSource;
use crate::config::Config;
use crate::db::{Db, Tx};
use crate::error::Error;
use crate::keyring::write_secret;
use crate::ledger::{self, Event};
use crate::op::organization_proof;
use crate::write::hex_digest;

/// What an installation always has.
pub struct Installed {
    /// The organization `default`.
    pub organization: OrganizationId,
    /// The principal that acts for the system.
    pub system: PrincipalId,
    /// Whether the bootstrap token was chosen by somebody and is short enough to be guessed.
    pub has_weak_token: bool,
}

/// A chosen token shorter than this is called weak.
const STRONG_CHARACTERS: usize = 24;

/// Why the bootstrap token cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TokenFileError {
    /// The file cannot be read or written.
    #[error("the token file {0} cannot be used")]
    File(String, #[source] std::io::Error),
    /// `MC_TOKEN` and the file differ.
    #[error(
        "MC_TOKEN differs from the bootstrap token in {0}: unset MC_TOKEN, or put the same token in both"
    )]
    Differs(String),
    /// The token is too short to be one.
    #[error("the bootstrap token in {0} is shorter than 8 characters")]
    TooShort(String),
}

/// The bootstrap token, and whether nobody chose it: it was made just now.
fn token(config: &Config, ids: &IdSource) -> Result<(String, bool), TokenFileError> {
    let path = config.data_dir.join("token");
    let shown = || path.display().to_string();
    let is_made = !path.exists() && config.bootstrap_token.is_none();
    if !path.exists() {
        let token = config.bootstrap_token.clone().unwrap_or_else(|| format!("mcb_{}", ids.secret()));
        write_secret(&path, token.as_bytes()).map_err(|error| TokenFileError::File(shown(), error))?;
    }
    let stored = std::fs::read_to_string(&path).map_err(|error| TokenFileError::File(shown(), error))?;
    let stored = stored.trim().to_owned();
    if config.bootstrap_token.as_ref().is_some_and(|given| *given != stored) {
        return Err(TokenFileError::Differs(shown()));
    }
    if stored.len() < 8 {
        return Err(TokenFileError::TooShort(shown()));
    }
    Ok((stored, is_made))
}

/// Makes what is missing. Two replicas may run it at once.
pub async fn install(db: &Db, config: &Config, ids: &IdSource, now: Timestamp) -> Result<Installed, Error> {
    let (token, is_made) = token(config, ids).map_err(Error::internal)?;
    let sha256 = hex_digest(token.as_bytes());
    let mut tx = db.begin_write().await?;
    tx.query("INSERT INTO organization (organization_id, name, created_at) VALUES ($1, 'default', $2) ON CONFLICT DO NOTHING")
        .bind(OrganizationId::from_uuid(ids.uuid(now)))
        .bind(now)
        .execute()
        .await?;
    let (organization,): (OrganizationId,) =
        tx.query("SELECT organization_id FROM organization WHERE name = 'default'").fetch_one().await?;
    let system = principal(&mut tx, ids, organization, "system", "service_account", now).await?;
    let bootstrap = principal(&mut tx, ids, organization, "bootstrap", "bootstrap", now).await?;
    tx.query(
        "INSERT INTO role_binding (principal_id, organization_id, mission_id, role)
         VALUES ($1, $2, NULL, 'admin') ON CONFLICT DO NOTHING",
    )
    .bind(bootstrap)
    .bind(organization)
    .execute()
    .await?;
    let fresh = tx
        .query(
            "INSERT INTO token (token_id, organization_id, principal_id, kind, token_sha256, created_at)
             VALUES ($1, $2, $3, 'bootstrap', $4, $5) ON CONFLICT DO NOTHING",
        )
        .bind(TokenId::from_uuid(ids.uuid(now)))
        .bind(organization)
        .bind(bootstrap)
        .bind(sha256.clone())
        .bind(now)
        .execute()
        .await?;
    // A token that somebody chose stands for those before it. One that a replica made for its own folder replaces none, and
    // neither does a replica that starts again with what it had.
    let replaced =
        if fresh == 1 && !is_made { end_others(&mut tx, bootstrap, sha256.clone(), now).await? } else { 0 };
    let (is_valid,): (bool,) = tx
        .query("SELECT revoked_at IS NULL FROM token WHERE token_sha256 = $1")
        .bind(sha256)
        .fetch_one()
        .await?;
    if replaced > 0 {
        let body = serde_json::json!({ "replaced": replaced });
        let event = Event {
            subject_kind: "principal",
            subject_id: bootstrap.to_string(),
            body: &body,
            before_sha256: None,
        };
        let proof = organization_proof(Action::ManagePrincipal);
        ledger::record_at_start(&mut tx, (organization, system, ids, now), proof, "token.replace", event)
            .await?;
    }
    db.commit(tx).await?;
    if replaced > 0 {
        tracing::info!("the bootstrap token was replaced; the old one is not valid any more");
    }
    if !is_valid {
        tracing::warn!(
            file = %config.data_dir.join("token").display(),
            "the bootstrap token in this file was replaced by another one and is not valid: put the present one there"
        );
    }
    let has_weak_token = token.len() < STRONG_CHARACTERS;
    Ok(Installed { organization, system, has_weak_token })
}

/// Ends every other bootstrap token. Returns how many.
async fn end_others(
    tx: &mut Tx,
    bootstrap: PrincipalId,
    sha256: String,
    now: Timestamp,
) -> Result<u64, Error> {
    let ended = tx
        .query(
            "UPDATE token SET revoked_at = $3
             WHERE principal_id = $1 AND kind = 'bootstrap' AND token_sha256 <> $2 AND revoked_at IS NULL",
        )
        .bind(bootstrap)
        .bind(sha256)
        .bind(now)
        .execute()
        .await?;
    Ok(ended)
}

async fn principal(
    tx: &mut Tx,
    ids: &IdSource,
    organization: OrganizationId,
    name: &'static str,
    kind: &'static str,
    now: Timestamp,
) -> Result<PrincipalId, Error> {
    tx.query(
        "INSERT INTO principal (principal_id, organization_id, name, kind, version, created_at)
         VALUES ($1, $2, $3, $4, 1, $5) ON CONFLICT DO NOTHING",
    )
    .bind(PrincipalId::from_uuid(ids.uuid(now)))
    .bind(organization)
    .bind(name)
    .bind(kind)
    .bind(now)
    .execute()
    .await?;
    let (id,): (PrincipalId,) = tx
        .query("SELECT principal_id FROM principal WHERE organization_id = $1 AND name = $2")
        .bind(organization)
        .bind(name)
        .fetch_one()
        .await?;
    Ok(id)
}

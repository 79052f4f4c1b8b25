//! Another root key: everything that the one before sealed is sealed anew, in one transaction of the start.
//!
//! The keys themselves stay, and with them tokens, certificates and stored secrets. Running it again changes nothing, and a
//! start that is killed on the way has changed nothing.

use mc_api::id::{OrganizationId, PrincipalId};
use mc_api::{Action, Timestamp};

use super::RootKey;
use crate::clock::IdSource;
use crate::db::{Db, Sql};
use crate::error::Error;
use crate::ledger::{self, Event};
use crate::op::organization_proof;

/// Where sealed keys are. Rows are locked, so that replicas that start at once do it once.
const TABLES: [(Sql, &str); 2] = [
    (
        Sql::Each {
            postgres: "SELECT key_id, sealed FROM keyring ORDER BY key_id FOR UPDATE",
            sqlite: "SELECT key_id, sealed FROM keyring ORDER BY key_id",
        },
        "UPDATE keyring SET sealed = $2 WHERE key_id = $1",
    ),
    (
        Sql::Each {
            postgres: "SELECT key_id, sealed FROM seal_key ORDER BY key_id FOR UPDATE",
            sqlite: "SELECT key_id, sealed FROM seal_key ORDER BY key_id",
        },
        "UPDATE seal_key SET sealed = $2 WHERE key_id = $1",
    ),
];

/// Seals anew what `before` sealed. Returns how many keys that were.
///
/// # Errors
/// Database failures, and keys that neither root key opens.
pub(crate) async fn rotate(
    db: &Db,
    root: &RootKey,
    before: &RootKey,
    (organization, system, ids, now): (OrganizationId, PrincipalId, &IdSource, Timestamp),
) -> Result<u64, Error> {
    let (mut tx, mut sealed_anew) = (db.begin_write().await?, 0_u64);
    for (select, update) in TABLES {
        let rows: Vec<(String, Vec<u8>)> = tx.query(select).fetch_all().await?;
        for (key_id, sealed) in rows {
            if root.unseal(&key_id, sealed.clone()).is_ok() {
                continue;
            }
            let secret = before.unseal(&key_id, sealed).map_err(Error::internal)?;
            let sealed = root.seal(&key_id, &secret, ids);
            tx.query(update).bind(key_id).bind(sealed).execute().await?;
            sealed_anew += 1;
        }
    }
    if sealed_anew > 0 {
        let body = serde_json::json!({ "keys": sealed_anew });
        let event = Event {
            subject_kind: "organization",
            subject_id: organization.to_string(),
            body: &body,
            before_sha256: None,
        };
        let proof = organization_proof(Action::ManagePrincipal);
        let at = (organization, system, ids, now);
        ledger::record_at_start(&mut tx, at, proof, "root_key.rotate", event).await?;
    }
    db.commit(tx).await?;
    Ok(sealed_anew)
}

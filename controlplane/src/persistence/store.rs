//! Connections, bindings and policies in the database.

use mc_api::id::{BindingId, ConnectionId, MissionId, OrganizationId, PrincipalId};
use mc_api::persistence::{Binding, Connection, ConnectionKind, CredentialKind, PublicationPolicy, Route};
use mc_api::{Name, Timestamp};

use super::model;
use crate::db::{DbError, Filter, Sql, Tx};
use crate::missions::store::{labels, text_of};
use crate::op::Scope;

/// A connection with its credential as it is stored.
#[derive(Clone)]
#[expect(clippy::struct_field_names, reason = "the columns are called so")]
pub(crate) struct Sealed {
    pub(crate) connection: Connection,
    pub(crate) key_id: Option<String>,
    pub(crate) sealed: Option<Vec<u8>>,
}

/// A binding with what opens its repository.
#[derive(Clone)]
pub(crate) struct Bound {
    pub(crate) binding: Binding,
    pub(crate) sealed: Sealed,
}

#[derive(sqlx_macros::FromRow)]
struct ConnectionRow {
    connection_id: ConnectionId,
    name: Name,
    connection_kind: ConnectionKind,
    url: String,
    username: Option<String>,
    credential_kind: CredentialKind,
    seal_key_id: Option<String>,
    sealed: Option<Vec<u8>>,
    ca_certificate: Option<String>,
    host_key: Option<String>,
    labels: String,
    version: i64,
    created_by: PrincipalId,
    created_at: Timestamp,
    updated_at: Timestamp,
}

const SELECT_CONNECTION: &str =
    "SELECT connection_id, name, connection_kind, url, username, credential_kind, seal_key_id, sealed,
    ca_certificate, host_key, labels, version, created_by, created_at, updated_at FROM git_connection";

impl TryFrom<ConnectionRow> for Sealed {
    type Error = DbError;
    fn try_from(row: ConnectionRow) -> Result<Self, DbError> {
        let connection = Connection {
            kind: "connection".into(),
            id: row.connection_id,
            name: row.name,
            connection_kind: row.connection_kind,
            url: row.url,
            username: row.username,
            credential_kind: row.credential_kind,
            ca_certificate: row.ca_certificate,
            host_key_sha256: row.host_key.as_deref().and_then(model::fingerprint),
            host_key: row.host_key,
            labels: labels("git_connection", &row.labels)?,
            version: row.version,
            created_by: row.created_by,
            created_at: row.created_at,
            updated_at: row.updated_at,
        };
        Ok(Self { connection, key_id: row.seal_key_id, sealed: row.sealed })
    }
}

pub(crate) async fn find_connection(
    tx: &mut Tx,
    organization: OrganizationId,
    reference: &str,
) -> Result<Option<Sealed>, DbError> {
    let filter = Filter::new(tx, SELECT_CONNECTION).and("organization_id = ?", organization);
    let filter = match (reference.parse::<ConnectionId>(), reference.parse::<Name>()) {
        (Ok(id), _) => filter.and("connection_id = ?", id),
        (_, Ok(name)) => filter.and("name = ?", name),
        _ => return Ok(None),
    };
    let row: Option<ConnectionRow> = filter.finish(tx, "connection_id", 1).fetch_optional().await?;
    row.map(Sealed::try_from).transpose()
}

pub(crate) async fn connections(
    tx: &mut Tx,
    organization: OrganizationId,
    after: Option<ConnectionId>,
    limit: i64,
) -> Result<Vec<Connection>, DbError> {
    let rows: Vec<ConnectionRow> = Filter::new(tx, SELECT_CONNECTION)
        .and("organization_id = ?", organization)
        .and_some("connection_id > ?", after)
        .finish(tx, "connection_id", limit)
        .fetch_all()
        .await?;
    rows.into_iter().map(|row| Sealed::try_from(row).map(|sealed| sealed.connection)).collect()
}

pub(crate) async fn insert_connection(
    tx: &mut Tx,
    organization: OrganizationId,
    sealed: &Sealed,
) -> Result<(), DbError> {
    let connection = &sealed.connection;
    tx.query(
        "INSERT INTO git_connection (connection_id, organization_id, name, connection_kind, url, username,
             credential_kind, seal_key_id, sealed, ca_certificate, host_key, labels, version, created_by, created_at,
             updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
    )
    .bind(connection.id)
    .bind(organization)
    .bind(connection.name.clone())
    .bind(connection.connection_kind)
    .bind(connection.url.clone())
    .bind(connection.username.clone())
    .bind(connection.credential_kind)
    .bind(sealed.key_id.clone())
    .bind(sealed.sealed.clone())
    .bind(connection.ca_certificate.clone())
    .bind(connection.host_key.clone())
    .bind(text_of(&connection.labels))
    .bind(connection.version)
    .bind(connection.created_by)
    .bind(connection.created_at)
    .bind(connection.updated_at)
    .execute()
    .await?;
    Ok(())
}

/// Writes what may change: credential, user, host key. `false` when the version is another.
pub(crate) async fn replace_connection(
    tx: &mut Tx,
    before: &Connection,
    after: &Sealed,
) -> Result<bool, DbError> {
    let connection = &after.connection;
    let changed = tx
        .query(
            "UPDATE git_connection SET username = $3, credential_kind = $4, seal_key_id = $5, sealed = $6,
                 host_key = $7, version = $8, updated_at = $9
             WHERE connection_id = $1 AND version = $2",
        )
        .bind(before.id)
        .bind(before.version)
        .bind(connection.username.clone())
        .bind(connection.credential_kind)
        .bind(after.key_id.clone())
        .bind(after.sealed.clone())
        .bind(connection.host_key.clone())
        .bind(connection.version)
        .bind(connection.updated_at)
        .execute()
        .await?;
    Ok(changed == 1)
}

pub(crate) async fn lock_connection(tx: &mut Tx, id: ConnectionId) -> Result<bool, DbError> {
    let row: Option<(i64,)> = tx
        .query(Sql::Each {
            postgres: "SELECT version FROM git_connection WHERE connection_id = $1 FOR UPDATE",
            sqlite: "SELECT version FROM git_connection WHERE connection_id = $1",
        })
        .bind(id)
        .fetch_optional()
        .await?;
    Ok(row.is_some())
}

pub(crate) async fn delete_connection(tx: &mut Tx, connection: &Connection) -> Result<bool, DbError> {
    let deleted = tx
        .query("DELETE FROM git_connection WHERE connection_id = $1 AND version = $2")
        .bind(connection.id)
        .bind(connection.version)
        .execute()
        .await?;
    Ok(deleted == 1)
}

/// Whether a binding uses the connection.
pub(crate) async fn is_bound(tx: &mut Tx, id: ConnectionId) -> Result<bool, DbError> {
    let (found,): (bool,) = tx
        .query("SELECT EXISTS (SELECT 1 FROM git_binding WHERE connection_id = $1)")
        .bind(id)
        .fetch_one()
        .await?;
    Ok(found)
}

#[derive(sqlx_macros::FromRow)]
struct BindingRow {
    binding_id: BindingId,
    name: Name,
    mission_id: MissionId,
    mission: Name,
    connection_id: ConnectionId,
    connection: Name,
    repository: String,
    branch: String,
    base_path: String,
    version: i64,
    created_by: PrincipalId,
    created_at: Timestamp,
    updated_at: Timestamp,
}

const SELECT_BINDING: &str =
    "SELECT b.binding_id, b.name, b.mission_id, m.name AS mission, b.connection_id, c.name AS connection,
    b.repository, b.branch, b.base_path, b.version, b.created_by, b.created_at, b.updated_at
    FROM git_binding b JOIN mission m ON m.mission_id = b.mission_id
    JOIN git_connection c ON c.connection_id = b.connection_id";

impl From<BindingRow> for Binding {
    fn from(row: BindingRow) -> Self {
        Self {
            kind: "binding".into(),
            id: row.binding_id,
            name: row.name,
            mission_id: row.mission_id,
            mission: row.mission,
            connection_id: row.connection_id,
            connection: row.connection,
            repository: row.repository,
            branch: row.branch,
            base_path: row.base_path,
            version: row.version,
            created_by: row.created_by,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// Which bindings are asked for.
#[derive(Default)]
pub(crate) struct Wanted {
    pub(crate) id: Option<BindingId>,
    pub(crate) name: Option<String>,
    pub(crate) mission: Option<MissionId>,
    pub(crate) after: Option<BindingId>,
    pub(crate) limit: i64,
}

pub(crate) async fn bindings(tx: &mut Tx, scope: Scope, wanted: Wanted) -> Result<Vec<Binding>, DbError> {
    let filter = Filter::new(tx, SELECT_BINDING).always("m.deleted_at IS NULL");
    let rows: Vec<BindingRow> = scope
        .apply(filter, "b.organization_id = ?", "b.mission_id")
        .and_some("b.binding_id = ?", wanted.id)
        .and_some("b.name = ?", wanted.name)
        .and_some("b.mission_id = ?", wanted.mission)
        .and_some("b.binding_id > ?", wanted.after)
        .finish(tx, "b.binding_id", wanted.limit)
        .fetch_all()
        .await?;
    Ok(rows.into_iter().map(Binding::from).collect())
}

/// A binding with what opens its repository, whoever asks: for the executor.
pub(crate) async fn bound(
    tx: &mut Tx,
    organization: OrganizationId,
    id: BindingId,
) -> Result<Option<Bound>, DbError> {
    let row: Option<BindingRow> = Filter::new(tx, SELECT_BINDING)
        .and("b.binding_id = ?", id)
        .finish(tx, "b.binding_id", 1)
        .fetch_optional()
        .await?;
    let Some(row) = row else { return Ok(None) };
    let binding = Binding::from(row);
    let sealed = find_connection(tx, organization, &binding.connection_id.to_string()).await?;
    let sealed = sealed.ok_or_else(|| DbError::Inconsistent {
        table: "git_connection",
        message: format!("{} is gone", binding.connection_id),
    })?;
    Ok(Some(Bound { binding, sealed }))
}

pub(crate) async fn insert_binding(
    tx: &mut Tx,
    organization: OrganizationId,
    binding: &Binding,
) -> Result<(), DbError> {
    tx.query(
        "INSERT INTO git_binding (binding_id, organization_id, mission_id, connection_id, name, repository, branch,
             base_path, version, created_by, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
    )
    .bind(binding.id)
    .bind(organization)
    .bind(binding.mission_id)
    .bind(binding.connection_id)
    .bind(binding.name.clone())
    .bind(binding.repository.clone())
    .bind(binding.branch.clone())
    .bind(binding.base_path.clone())
    .bind(binding.version)
    .bind(binding.created_by)
    .bind(binding.created_at)
    .bind(binding.updated_at)
    .execute()
    .await?;
    Ok(())
}

pub(crate) async fn delete_binding(tx: &mut Tx, binding: &Binding) -> Result<bool, DbError> {
    let deleted = tx
        .query("DELETE FROM git_binding WHERE binding_id = $1 AND version = $2")
        .bind(binding.id)
        .bind(binding.version)
        .execute()
        .await?;
    Ok(deleted == 1)
}

/// Whether another binding publishes to the same place.
pub(crate) async fn is_taken(tx: &mut Tx, binding: &Binding) -> Result<bool, DbError> {
    let (found,): (bool,) = tx
        .query(
            "SELECT EXISTS (SELECT 1 FROM git_binding WHERE connection_id = $1 AND repository = $2 AND branch = $3
                 AND base_path = $4)",
        )
        .bind(binding.connection_id)
        .bind(binding.repository.clone())
        .bind(binding.branch.clone())
        .bind(binding.base_path.clone())
        .fetch_one()
        .await?;
    Ok(found)
}

/// Whether any publication names the binding.
pub(crate) async fn is_used(tx: &mut Tx, id: BindingId) -> Result<bool, DbError> {
    let (found,): (bool,) = tx
        .query("SELECT EXISTS (SELECT 1 FROM publication WHERE binding_id = $1)")
        .bind(id)
        .fetch_one()
        .await?;
    Ok(found)
}

#[derive(sqlx_macros::FromRow)]
struct PolicyRow {
    default_binding: Option<Name>,
    fail_closed: bool,
    routes: String,
    version: i64,
    updated_at: Timestamp,
}

/// The policy of a mission; without one, everything goes to the Git ledger of the installation.
pub(crate) async fn policy(
    tx: &mut Tx,
    mission: &mc_api::mission::Mission,
) -> Result<PublicationPolicy, DbError> {
    let row: Option<PolicyRow> = tx
        .query("SELECT default_binding, fail_closed, routes, version, updated_at FROM publication_policy WHERE mission_id = $1")
        .bind(mission.id)
        .fetch_optional()
        .await?;
    let mut policy = PublicationPolicy {
        kind: "publication_policy".into(),
        mission_id: mission.id,
        mission: mission.name.clone(),
        default_binding: None,
        fail_closed: false,
        routes: Vec::new(),
        version: 0,
        updated_at: None,
    };
    if let Some(row) = row {
        policy.default_binding = row.default_binding;
        policy.fail_closed = row.fail_closed;
        policy.routes = serde_json::from_str::<Vec<Route>>(&row.routes).map_err(|error| {
            DbError::Inconsistent { table: "publication_policy", message: error.to_string() }
        })?;
        policy.version = row.version;
        policy.updated_at = Some(row.updated_at);
    }
    Ok(policy)
}

/// Writes a policy over version `before`. `false` when the version is another.
pub(crate) async fn put_policy(
    tx: &mut Tx,
    organization: OrganizationId,
    before: i64,
    policy: &PublicationPolicy,
    now: Timestamp,
) -> Result<bool, DbError> {
    let routes = serde_json::to_string(&policy.routes)
        .map_err(|error| DbError::Inconsistent { table: "publication_policy", message: error.to_string() })?;
    let changed = tx
        .query(
            "INSERT INTO publication_policy (mission_id, organization_id, default_binding, fail_closed, routes,
                 version, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7)
             ON CONFLICT (mission_id) DO UPDATE SET default_binding = excluded.default_binding,
                 fail_closed = excluded.fail_closed, routes = excluded.routes, version = excluded.version,
                 updated_at = excluded.updated_at
             WHERE publication_policy.version = $8",
        )
        .bind(policy.mission_id)
        .bind(organization)
        .bind(policy.default_binding.clone())
        .bind(policy.fail_closed)
        .bind(routes)
        .bind(policy.version)
        .bind(now)
        .bind(before)
        .execute()
        .await?;
    Ok(changed == 1)
}

//! Principals, roles and tokens in the database.

pub(crate) mod members;

use mc_api::auth::{Grant, MissionRole, Principal, PrincipalKind};
use mc_api::id::{MissionId, OrganizationId, PrincipalId, SessionId, TaskId, TokenId};
use mc_api::{Name, Role, Timestamp};

use crate::db::{DbError, Tx};

/// Who holds a token, with one of the roles that the principal has.
#[derive(sqlx_macros::FromRow)]
pub(crate) struct Holder {
    pub(crate) token_id: TokenId,
    pub(crate) token_kind: String,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) revoked_at: Option<Timestamp>,
    pub(crate) principal_id: PrincipalId,
    pub(crate) organization_id: OrganizationId,
    pub(crate) name: String,
    pub(crate) kind: PrincipalKind,
    pub(crate) mission_id: Option<MissionId>,
    pub(crate) session_id: Option<SessionId>,
    pub(crate) task_id: Option<TaskId>,
    pub(crate) attempt: Option<i32>,
    role: Option<Role>,
    role_mission_id: Option<MissionId>,
}

/// Who holds a token, and the principal's roles: one statement, since every request asks it.
pub(crate) async fn holder(
    tx: &mut Tx,
    token_sha256: String,
) -> Result<Option<(Holder, Vec<Binding>)>, DbError> {
    let rows: Vec<Holder> = tx.query(
        "SELECT t.token_id, t.kind AS token_kind, t.expires_at, t.revoked_at, p.principal_id, p.organization_id, p.name, p.kind,
                t.mission_id, t.session_id, t.task_id, t.attempt, b.role, b.mission_id AS role_mission_id
         FROM token t JOIN principal p ON p.principal_id = t.principal_id
              LEFT JOIN role_binding b ON b.principal_id = p.principal_id WHERE t.token_sha256 = $1",
    )
    .bind(token_sha256)
    .fetch_all()
    .await?;
    let bindings = rows
        .iter()
        .filter_map(|row| row.role.map(|role| Binding { mission_id: row.role_mission_id, role }))
        .collect();
    Ok(rows.into_iter().next().map(|holder| (holder, bindings)))
}

#[derive(sqlx_macros::FromRow)]
pub(crate) struct Binding {
    pub(crate) mission_id: Option<MissionId>,
    pub(crate) role: Role,
}

pub(crate) async fn bindings(tx: &mut Tx, principal: PrincipalId) -> Result<Vec<Binding>, DbError> {
    tx.query("SELECT mission_id, role FROM role_binding WHERE principal_id = $1 ORDER BY mission_id")
        .bind(principal)
        .fetch_all()
        .await
}

#[derive(sqlx_macros::FromRow)]
struct Row {
    principal_id: PrincipalId,
    name: Name,
    kind: PrincipalKind,
    version: i64,
    created_at: Timestamp,
}

const COLUMNS: &str = "SELECT principal_id, name, kind, version, created_at FROM principal";

async fn whole(tx: &mut Tx, row: Row) -> Result<Principal, DbError> {
    let mut role = None;
    let mut mission_roles = Vec::new();
    for binding in bindings(tx, row.principal_id).await? {
        match binding.mission_id {
            None => role = Some(binding.role),
            Some(mission_id) => mission_roles.push(MissionRole { mission_id, role: binding.role }),
        }
    }
    Ok(Principal {
        kind: "principal".into(),
        id: row.principal_id,
        name: row.name,
        principal_kind: row.kind,
        role,
        mission_roles,
        version: row.version,
        created_at: row.created_at,
    })
}

pub(crate) async fn find(
    tx: &mut Tx,
    organization: OrganizationId,
    reference: &str,
) -> Result<Option<Principal>, DbError> {
    let row: Option<Row> = match reference.parse::<PrincipalId>() {
        Ok(id) => {
            tx.query("SELECT principal_id, name, kind, version, created_at FROM principal WHERE organization_id = $1 AND principal_id = $2")
                .bind(organization)
                .bind(id)
                .fetch_optional()
                .await?
        }
        Err(_) => {
            tx.query("SELECT principal_id, name, kind, version, created_at FROM principal WHERE organization_id = $1 AND name = $2")
                .bind(organization)
                .bind(reference.to_owned())
                .fetch_optional()
                .await?
        }
    };
    match row {
        Some(row) => whole(tx, row).await.map(Some),
        None => Ok(None),
    }
}

pub(crate) async fn insert(
    tx: &mut Tx,
    organization: OrganizationId,
    principal: &Principal,
) -> Result<(), DbError> {
    tx.query("INSERT INTO principal (principal_id, organization_id, name, kind, version, created_at) VALUES ($1, $2, $3, $4, $5, $6)")
        .bind(principal.id)
        .bind(organization)
        .bind(principal.name.clone())
        .bind(principal.principal_kind)
        .bind(principal.version)
        .bind(principal.created_at)
        .execute()
        .await?;
    if let Some(role) = principal.role {
        set_role(tx, organization, principal.id, None, Some(role)).await?;
    }
    Ok(())
}

pub(crate) async fn set_role(
    tx: &mut Tx,
    organization: OrganizationId,
    principal: PrincipalId,
    mission: Option<MissionId>,
    role: Option<Role>,
) -> Result<(), DbError> {
    match mission {
        None => {
            tx.query("DELETE FROM role_binding WHERE principal_id = $1 AND mission_id IS NULL")
                .bind(principal)
                .execute()
                .await?;
        }
        Some(mission) => {
            tx.query("DELETE FROM role_binding WHERE principal_id = $1 AND mission_id = $2")
                .bind(principal)
                .bind(mission)
                .execute()
                .await?;
        }
    }
    if let Some(role) = role {
        tx.query("INSERT INTO role_binding (principal_id, organization_id, mission_id, role) VALUES ($1, $2, $3, $4)")
            .bind(principal)
            .bind(organization)
            .bind(mission)
            .bind(role)
            .execute()
            .await?;
    }
    Ok(())
}

pub(crate) async fn bump(tx: &mut Tx, principal: PrincipalId) -> Result<(), DbError> {
    tx.query("UPDATE principal SET version = version + 1 WHERE principal_id = $1")
        .bind(principal)
        .execute()
        .await?;
    Ok(())
}

pub(crate) struct NewToken {
    pub(crate) id: TokenId,
    pub(crate) organization: OrganizationId,
    pub(crate) principal: PrincipalId,
    pub(crate) sha256: String,
    pub(crate) created_at: Timestamp,
    pub(crate) expires_at: Timestamp,
}

pub(crate) async fn insert_login(tx: &mut Tx, token: NewToken) -> Result<(), DbError> {
    tx.query(
        "INSERT INTO token (token_id, organization_id, principal_id, kind, token_sha256, created_at, expires_at)
         VALUES ($1, $2, $3, 'login', $4, $5, $6)",
    )
    .bind(token.id)
    .bind(token.organization)
    .bind(token.principal)
    .bind(token.sha256)
    .bind(token.created_at)
    .bind(token.expires_at)
    .execute()
    .await?;
    Ok(())
}

/// Ends every login session of a principal. Returns how many lived.
pub(crate) async fn revoke_logins(
    tx: &mut Tx,
    principal: PrincipalId,
    now: Timestamp,
) -> Result<u64, DbError> {
    tx.query(
        "UPDATE token SET revoked_at = $2
         WHERE principal_id = $1 AND kind = 'login' AND revoked_at IS NULL AND expires_at > $2",
    )
    .bind(principal)
    .bind(now)
    .execute()
    .await
}

pub(crate) async fn insert_grant(tx: &mut Tx, token: NewToken, grant: &Grant) -> Result<(), DbError> {
    tx.query(
        "INSERT INTO token (token_id, organization_id, principal_id, kind, mission_id, session_id, task_id, attempt,
             token_sha256, created_at, expires_at)
         VALUES ($1, $2, $3, 'grant', $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(token.id)
    .bind(token.organization)
    .bind(token.principal)
    .bind(grant.mission_id)
    .bind(grant.session_id)
    .bind(grant.task_id)
    .bind(grant.attempt)
    .bind(token.sha256)
    .bind(token.created_at)
    .bind(token.expires_at)
    .execute()
    .await?;
    Ok(())
}

/// The mission that a grant is confined to; the outer `None` when there is no such grant.
pub(crate) async fn find_grant(
    tx: &mut Tx,
    organization: OrganizationId,
    grant: TokenId,
) -> Result<Option<Option<MissionId>>, DbError> {
    let row: Option<(Option<MissionId>,)> = tx
        .query("SELECT mission_id FROM token WHERE organization_id = $1 AND token_id = $2 AND kind = 'grant'")
        .bind(organization)
        .bind(grant)
        .fetch_optional()
        .await?;
    Ok(row.map(|(mission,)| mission))
}

pub(crate) async fn revoke_of_session(
    tx: &mut Tx,
    session: SessionId,
    now: Timestamp,
) -> Result<u64, DbError> {
    tx.query("UPDATE token SET revoked_at = $2 WHERE session_id = $1 AND revoked_at IS NULL")
        .bind(session)
        .bind(now)
        .execute()
        .await
}

/// Forgets grants that ended before a time. Returns how many.
pub(crate) async fn forget_grants(tx: &mut Tx, before: Timestamp) -> Result<u64, DbError> {
    tx.query("DELETE FROM token WHERE kind = 'grant' AND expires_at < $1").bind(before).execute().await
}

/// Whether a token was not revoked.
pub(crate) async fn is_live(tx: &mut Tx, token: TokenId) -> Result<bool, DbError> {
    let (live,): (bool,) = tx
        .query("SELECT EXISTS (SELECT 1 FROM token WHERE token_id = $1 AND revoked_at IS NULL)")
        .bind(token)
        .fetch_one()
        .await?;
    Ok(live)
}

pub(crate) async fn revoke(tx: &mut Tx, token: TokenId, now: Timestamp) -> Result<u64, DbError> {
    tx.query("UPDATE token SET revoked_at = $2 WHERE token_id = $1 AND revoked_at IS NULL")
        .bind(token)
        .bind(now)
        .execute()
        .await
}

//! Names of principals, who holds which role, and the tokens of others.

use mc_api::auth::{Grant, Principal, PrincipalKind};
use mc_api::id::{MissionId, NodeId, OrganizationId, PrincipalId, SessionId, TaskId, TokenId};
use mc_api::{Name, Role, Timestamp};

use super::{COLUMNS, Row, whole};
use crate::db::{DbError, Filter, Tx};
use crate::op::Scope;

/// A principal as it is named.
#[derive(Debug, Clone, sqlx_macros::FromRow)]
pub(crate) struct Named {
    pub(crate) principal_id: PrincipalId,
    pub(crate) name: Name,
    pub(crate) kind: PrincipalKind,
}

/// The names of these principals, in the order of their ids.
pub(crate) async fn names(
    tx: &mut Tx,
    organization: OrganizationId,
    ids: Vec<PrincipalId>,
) -> Result<Vec<Named>, DbError> {
    let most = i64::try_from(ids.len()).unwrap_or(i64::MAX);
    Filter::new(tx, "SELECT principal_id, name, kind FROM principal")
        .and("organization_id = ?", organization)
        .one_of("principal_id", ids)
        .finish(tx, "principal_id", most)
        .fetch_all()
        .await
}

/// The agent sessions of these agents, each with its mission.
pub(crate) async fn sessions_of(
    tx: &mut Tx,
    ids: Vec<PrincipalId>,
) -> Result<Vec<(PrincipalId, SessionId, MissionId)>, DbError> {
    let most = i64::try_from(ids.len()).unwrap_or(i64::MAX);
    Filter::new(tx, "SELECT principal_id, session_id, mission_id FROM agent_session")
        .one_of("principal_id", ids)
        .finish(tx, "principal_id", most)
        .fetch_all()
        .await
}

/// The nodes that these principals are.
pub(crate) async fn nodes_of(
    tx: &mut Tx,
    ids: Vec<PrincipalId>,
) -> Result<Vec<(PrincipalId, NodeId)>, DbError> {
    let most = i64::try_from(ids.len()).unwrap_or(i64::MAX);
    Filter::new(tx, "SELECT principal_id, node_id FROM node")
        .one_of("principal_id", ids)
        .finish(tx, "principal_id", most)
        .fetch_all()
        .await
}

/// Which principals are asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wanted {
    /// With a role there: in the mission itself or in the organization.
    pub(crate) mission: Option<MissionId>,
    pub(crate) kind: Option<PrincipalKind>,
    /// Who holds this role: in the organization, or where `mission` says.
    pub(crate) role: Option<Role>,
    pub(crate) after: Option<PrincipalId>,
    pub(crate) limit: i64,
}

macro_rules! holds {
    ($($role:literal)?) => {
        concat!(
            "EXISTS (SELECT 1 FROM role_binding b WHERE b.principal_id = principal.principal_id",
            $(" AND b.role = '", $role, "'",)?
            " AND (b.mission_id IS NULL OR b.mission_id = ?))"
        )
    };
}

/// Principals in the order of their ids.
pub(crate) async fn list(
    tx: &mut Tx,
    organization: OrganizationId,
    wanted: Wanted,
) -> Result<Vec<Principal>, DbError> {
    let filter = Filter::new(tx, COLUMNS)
        .and("organization_id = ?", organization)
        .and_some("kind = ?", wanted.kind)
        .and_some("principal_id > ?", wanted.after);
    let filter = match (wanted.mission, wanted.role) {
        (None, None) => filter,
        (None, Some(role)) => filter.and(
            "EXISTS (SELECT 1 FROM role_binding b WHERE b.principal_id = principal.principal_id
             AND b.mission_id IS NULL AND b.role = ?)",
            role,
        ),
        (Some(mission), None) => filter.and(holds!(), mission),
        (Some(mission), Some(Role::Viewer)) => filter.and(holds!("viewer"), mission),
        (Some(mission), Some(Role::Contributor)) => filter.and(holds!("contributor"), mission),
        (Some(mission), Some(Role::Admin)) => filter.and(holds!("admin"), mission),
    };
    let rows: Vec<Row> = filter.finish(tx, "principal_id", wanted.limit).fetch_all().await?;
    let mut principals = Vec::with_capacity(rows.len());
    for row in rows {
        principals.push(whole(tx, row).await?);
    }
    Ok(principals)
}

/// A person with a role.
#[derive(Debug, Clone, sqlx_macros::FromRow)]
pub(crate) struct Person {
    pub(crate) principal_id: PrincipalId,
    pub(crate) name: Name,
    pub(crate) role: Role,
}

/// People with one of these roles in a mission, by it or by the organization, by name; twice who has two such roles.
pub(crate) async fn people_with(
    tx: &mut Tx,
    organization: OrganizationId,
    mission: MissionId,
    roles: Vec<Role>,
    limit: i64,
) -> Result<Vec<Person>, DbError> {
    Filter::new(
        tx,
        "SELECT p.principal_id, p.name, b.role FROM principal p JOIN role_binding b ON b.principal_id = p.principal_id",
    )
    .and("p.organization_id = ?", organization)
    .and("(b.mission_id IS NULL OR b.mission_id = ?)", mission)
    .one_of("b.role", roles)
    .always("p.kind IN ('user', 'bootstrap')")
    .finish(tx, "p.name, b.role", limit)
    .fetch_all()
    .await
}

/// A login session as it is listed.
#[derive(sqlx_macros::FromRow)]
pub(crate) struct LoginRow {
    pub(crate) token_id: TokenId,
    pub(crate) principal_id: PrincipalId,
    pub(crate) principal: Name,
    pub(crate) created_at: Timestamp,
    pub(crate) expires_at: Timestamp,
}

const LOGINS: &str = "SELECT t.token_id, t.principal_id, p.name AS principal, t.created_at, t.expires_at
    FROM token t JOIN principal p ON p.principal_id = t.principal_id";

/// Login sessions that have not ended, of a principal or of all, in the order of their ids.
pub(crate) async fn logins(
    tx: &mut Tx,
    organization: OrganizationId,
    principal: Option<PrincipalId>,
    now: Timestamp,
    (after, limit): (Option<TokenId>, i64),
) -> Result<Vec<LoginRow>, DbError> {
    Filter::new(tx, LOGINS)
        .and("t.organization_id = ?", organization)
        .and_some("t.principal_id = ?", principal)
        .and("t.kind = ?", "login")
        .and("t.revoked_at IS NULL AND t.expires_at > ?", now)
        .and_some("t.token_id > ?", after)
        .finish(tx, "t.token_id", limit)
        .fetch_all()
        .await
}

/// Whose login session this is; `None` when there is no such one that has not ended.
pub(crate) async fn login_holder(
    tx: &mut Tx,
    organization: OrganizationId,
    login: TokenId,
    now: Timestamp,
) -> Result<Option<PrincipalId>, DbError> {
    let row: Option<LoginRow> = Filter::new(tx, LOGINS)
        .and("t.organization_id = ?", organization)
        .and("t.token_id = ?", login)
        .and("t.kind = ?", "login")
        .and("t.revoked_at IS NULL AND t.expires_at > ?", now)
        .finish(tx, "t.token_id", 1)
        .fetch_optional()
        .await?;
    Ok(row.map(|row| row.principal_id))
}

/// Ends every login session and every grant of a principal. Returns how many lived.
pub(crate) async fn revoke_all(tx: &mut Tx, principal: PrincipalId, now: Timestamp) -> Result<u64, DbError> {
    tx.query(
        "UPDATE token SET revoked_at = $2
         WHERE principal_id = $1 AND kind IN ('login', 'grant') AND revoked_at IS NULL AND expires_at > $2",
    )
    .bind(principal)
    .bind(now)
    .execute()
    .await
}

#[derive(sqlx_macros::FromRow)]
struct GrantRow {
    token_id: TokenId,
    principal_id: PrincipalId,
    principal: Name,
    mission_id: Option<MissionId>,
    session_id: Option<SessionId>,
    task_id: Option<TaskId>,
    attempt: Option<i32>,
    expires_at: Timestamp,
}

/// Grants that have not ended, without their tokens, in the order of their ids.
pub(crate) async fn grants(
    tx: &mut Tx,
    scope: Scope,
    principal: Option<PrincipalId>,
    now: Timestamp,
    (after, limit): (Option<TokenId>, i64),
) -> Result<Vec<Grant>, DbError> {
    let filter = Filter::new(
        tx,
        "SELECT t.token_id, t.principal_id, p.name AS principal, t.mission_id, t.session_id, t.task_id, t.attempt,
             t.expires_at
         FROM token t JOIN principal p ON p.principal_id = t.principal_id",
    )
    .always("t.kind = 'grant'");
    let rows: Vec<GrantRow> = scope
        .apply(filter, "t.organization_id = ?", "t.mission_id")
        .and_some("t.principal_id = ?", principal)
        .and("t.revoked_at IS NULL AND t.expires_at > ?", now)
        .and_some("t.token_id > ?", after)
        .finish(tx, "t.token_id", limit)
        .fetch_all()
        .await?;
    let shown = |row: GrantRow| Grant {
        kind: "grant".into(),
        id: row.token_id,
        principal_id: row.principal_id,
        principal: row.principal.to_string(),
        mission_id: row.mission_id,
        session_id: row.session_id,
        task_id: row.task_id,
        attempt: row.attempt,
        token: None,
        expires_at: row.expires_at,
    };
    Ok(rows.into_iter().map(shown).collect())
}

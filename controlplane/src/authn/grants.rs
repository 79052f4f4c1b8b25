//! Grants: what an agent acts with for a short time (`mcg_…`).
//!
//! A grant belongs to an agent principal and counts where that principal has a role, or only in one mission. It may
//! name the agent session it was made for, and the task with the attempt that is its fence. It makes no login and no
//! further grant, so nothing outlives it. The node service renews the grants of its agent sessions ([`issue_in`]);
//! people make theirs with [`issue`].

use std::time::Duration;

use mc_api::auth::{CreateGrant, Grant, Principal, PrincipalKind};
use mc_api::id::{MissionId, OrganizationId, PrincipalId, SessionId, TaskId, TokenId};
use mc_api::{Action, Name, ProblemKind, Role, Timestamp};

use super::service::new_principal;
use super::store;
use crate::app::App;
use crate::clock::IdSource;
use crate::db::{DbError, Tx};
use crate::error::Error;
use crate::ledger::{self, Event};
use crate::op::{self, Caller, OpCtx};
use crate::write::hex_digest;
use crate::{missions, tasks, write_tx};

/// The prefix of grants.
pub const GRANT_PREFIX: &str = "mcg_";
/// How long a grant lasts unless asked otherwise.
pub const LIFETIME: Duration = Duration::from_mins(15);

/// A grant that is to be made.
pub struct NewGrant {
    /// Whose organization.
    pub organization: OrganizationId,
    /// The agent.
    pub principal: PrincipalId,
    /// The agent's name.
    pub name: String,
    /// Only in this mission.
    pub mission: Option<MissionId>,
    /// For this agent session.
    pub session: Option<SessionId>,
    /// For this task and attempt.
    pub task: Option<(TaskId, i32)>,
    /// How long it lasts.
    pub lifetime: Duration,
}

/// Makes a grant in a transaction; the answer holds its token. Whether it may be made, and whether that is ledgered,
/// is the caller's to say: a renewal is neither asked for nor recorded anew.
pub async fn issue_in(tx: &mut Tx, ids: &IdSource, now: Timestamp, new: NewGrant) -> Result<Grant, DbError> {
    let token = format!("{GRANT_PREFIX}{}", ids.secret());
    let grant = Grant {
        kind: "grant".into(),
        id: TokenId::from_uuid(ids.uuid(now)),
        principal_id: new.principal,
        principal: new.name,
        mission_id: new.mission,
        session_id: new.session,
        task_id: new.task.map(|(task, _)| task),
        attempt: new.task.map(|(_, attempt)| attempt),
        token: None,
        expires_at: now.plus(new.lifetime),
    };
    let stored = store::NewToken {
        id: grant.id,
        organization: new.organization,
        principal: new.principal,
        sha256: hex_digest(token.as_bytes()),
        created_at: now,
        expires_at: grant.expires_at,
    };
    store::insert_grant(tx, stored, &grant).await?;
    Ok(Grant { token: Some(token), ..grant })
}

/// Ends a grant in a transaction; one that has ended stays so.
pub async fn revoke_in(tx: &mut Tx, grant: TokenId, now: Timestamp) -> Result<(), DbError> {
    store::revoke(tx, grant, now).await.map(drop)
}

/// Ends every grant of an agent session in a transaction. Returns how many lived.
pub async fn revoke_of_session_in(tx: &mut Tx, session: SessionId, now: Timestamp) -> Result<u64, DbError> {
    store::revoke_of_session(tx, session, now).await
}

/// Refuses what would outlive the caller's grant.
///
/// # Errors
/// [`ProblemKind::Forbidden`].
pub(super) fn refuse_grant(cx: &OpCtx) -> Result<(), Error> {
    if cx.caller.grant.is_none() {
        return Ok(());
    }
    Err(Error::new(ProblemKind::Forbidden, "a grant makes and ends no logins and no grants"))
}

/// A grant in use, without its token.
pub(super) fn shown(caller: &Caller, grant: &op::Grant) -> Grant {
    Grant {
        kind: "grant".into(),
        id: grant.id,
        principal_id: caller.id,
        principal: caller.name.clone(),
        mission_id: grant.mission,
        session_id: grant.session,
        task_id: grant.task.map(|(task, _)| task),
        attempt: grant.task.map(|(_, attempt)| attempt),
        token: None,
        expires_at: grant.expires_at,
    }
}

/// Makes a grant for an agent, who is made a Contributor of the mission (or the organization) when absent. The agent
/// may nowhere do more than the caller.
///
/// # Errors
/// [`ProblemKind::Forbidden`], [`ProblemKind::Validation`], [`ProblemKind::NotFound`], [`ProblemKind::LeaseLost`] when
/// the agent has not claimed the task.
pub async fn issue(app: &App, cx: &OpCtx, request: CreateGrant) -> Result<Grant, Error> {
    let lifetime = match request.ttl_seconds {
        None => LIFETIME,
        Some(ttl) if (60..=43_200).contains(&ttl) => Duration::from_secs(ttl.into()),
        Some(_) => return Err(Error::invalid("/ttl_seconds", "60 to 43200 seconds")),
    };
    let name = agent_name(cx, request.principal.as_ref())?;
    write_tx!(app, cx, |tx| {
        refuse_grant(cx)?;
        let mission = match &request.mission {
            Some(mission) => Some(missions::service::resolve(tx, cx, mission).await?.id),
            None => None,
        };
        let proof = match mission {
            Some(mission) => cx.authorize_in(Action::IssueGrant, mission)?,
            None => cx.authorize(Action::IssueGrant)?,
        };
        let agent = match store::find(tx, cx.caller.organization, name.as_str()).await? {
            Some(agent) => agent,
            None => new_agent(tx, cx, proof, name.clone(), mission).await?,
        };
        check(cx, &agent, mission)?;
        let task = match &request.task {
            Some(task) => {
                let task = tasks::service::resolve(tx, cx, task, mission, None).await?.task;
                tasks::model::check_fence(&task, task.attempt, agent.id)?;
                Some((task.id, task.attempt))
            }
            None => None,
        };
        let new = NewGrant {
            organization: cx.caller.organization,
            principal: agent.id,
            name: agent.name.to_string(),
            mission,
            session: None,
            task,
            lifetime,
        };
        let issued = issue_in(tx, &app.ids, cx.now(), new).await?;
        let body = Grant { token: None, ..issued.clone() };
        ledger::record(tx, cx, proof, event(issued.id, &body)).await?;
        Ok(issued)
    })
}

fn event<B: serde::Serialize>(id: TokenId, body: &B) -> Event<'_, B> {
    Event { subject_kind: "grant", subject_id: id.to_string(), body, before_sha256: None }
}

fn agent_name(cx: &OpCtx, asked: Option<&Name>) -> Result<Name, Error> {
    match asked {
        Some(name) => Ok(name.clone()),
        None => format!("{}-agent", cx.caller.name).parse().map_err(|_| {
            Error::invalid("/principal", "name the agent: the caller's name is too long to derive one")
        }),
    }
}

async fn new_agent(
    tx: &mut Tx,
    cx: &OpCtx,
    proof: op::Proof,
    name: Name,
    mission: Option<MissionId>,
) -> Result<Principal, Error> {
    let role = mission.is_none().then_some(Role::Contributor);
    let made = new_principal(cx, name, PrincipalKind::Agent, role);
    // Somebody else may make the same agent right now: the transaction then runs again and finds it.
    store::insert(tx, cx.caller.organization, &made).await.map_err(|error| match error {
        DbError::Unique(_) => DbError::Met,
        other => other,
    })?;
    if mission.is_some() {
        store::set_role(tx, cx.caller.organization, made.id, mission, Some(Role::Contributor)).await?;
    }
    let made = store::find(tx, cx.caller.organization, &made.id.to_string())
        .await?
        .ok_or_else(|| Error::not_found("principal", made.id))?;
    let event = Event {
        subject_kind: "principal",
        subject_id: made.id.to_string(),
        body: &made,
        before_sha256: None,
    };
    ledger::record(tx, cx, proof, event).await?;
    Ok(made)
}

/// An agent, with a role to act by, and nowhere with more than the caller has.
fn check(cx: &OpCtx, agent: &Principal, mission: Option<MissionId>) -> Result<(), Error> {
    if agent.principal_kind != PrincipalKind::Agent {
        return Err(Error::invalid(
            "/principal",
            format!("{} is no agent; grants are for agents", agent.name),
        ));
    }
    let in_mission = |id: MissionId| {
        let own = agent.mission_roles.iter().find(|role| role.mission_id == id).map(|role| role.role);
        agent.role.max(own)
    };
    let exceeds = match mission {
        Some(mission) if in_mission(mission).is_none() => {
            let detail = format!("{} has no role in the mission; an Admin gives it one", agent.name);
            return Err(Error::invalid("/principal", detail));
        }
        Some(mission) => in_mission(mission) > cx.caller.role_in(mission),
        None => {
            agent.role > cx.caller.role
                || agent.mission_roles.iter().any(|held| Some(held.role) > cx.caller.role_in(held.mission_id))
        }
    };
    if exceeds {
        return Err(Error::new(
            ProblemKind::Forbidden,
            format!("{} may do more than {:?}; an Admin makes its grant", agent.name, cx.caller.name),
        ));
    }
    Ok(())
}

/// Ends a grant before its time; one that has ended stays so.
///
/// # Errors
/// [`ProblemKind::NotFound`], [`ProblemKind::Forbidden`].
pub async fn revoke(app: &App, cx: &OpCtx, reference: &str) -> Result<(), Error> {
    let absent = || Error::not_found("grant", reference);
    let id: TokenId = reference.parse().map_err(|_| absent())?;
    write_tx!(app, cx, |tx| {
        refuse_grant(cx)?;
        let mission = store::find_grant(tx, cx.caller.organization, id).await?.ok_or_else(absent)?;
        let proof = match mission {
            Some(mission) => {
                cx.authorize_in(Action::RevokeGrant, mission).map_err(|error| match error.kind {
                    ProblemKind::NotFound => absent(),
                    _ => error,
                })?
            }
            // Whoever reads nothing of the organization itself does not learn that it is there.
            None => cx.authorize(Action::RevokeGrant).map_err(|error| {
                if cx.authorize(Action::ReadPrincipal).is_err() { absent() } else { error }
            })?,
        };
        revoke_in(tx, id, cx.now()).await?;
        ledger::record(tx, cx, proof, event(id, &serde_json::json!({}))).await?;
        Ok(())
    })
}

/// Forgets grants that ended a day ago or earlier. Returns how many.
pub(crate) async fn forget(app: &App, now: Timestamp) -> Result<u64, DbError> {
    let mut tx = app.db.begin_write().await?;
    let forgotten = store::forget_grants(&mut tx, now.minus(Duration::from_hours(24))).await?;
    app.db.commit(tx).await?;
    Ok(forgotten)
}

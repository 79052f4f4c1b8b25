//! Who is who, and what an Admin does about others: their logins and grants.

use std::collections::{BTreeSet, HashMap};

use mc_api::auth::{Grant, LoggedOut, Login, PrincipalKind, PrincipalName};
use mc_api::id::{MissionId, PrincipalId, TokenId};
use mc_api::{Action, Page, Role};

use super::store::{self, members};
use crate::app::App;
use crate::db::Tx;
use crate::error::Error;
use crate::http::page;
use crate::ledger::{self, Event};
use crate::op::OpCtx;
use crate::{missions, write_tx};

/// So many names are looked up at once.
const MOST_NAMES: usize = 100;

/// What a list of principals is narrowed to.
#[derive(Debug, Clone, Default)]
pub struct Narrow {
    /// Who has a role in this mission (id or name), by it or by the organization.
    pub mission: Option<String>,
    /// Of this sort.
    pub kind: Option<PrincipalKind>,
    /// Who holds this role: in the organization, or with `mission` there.
    pub role: Option<Role>,
}

/// A page of principals in the order of their ids.
///
/// # Errors
/// [`mc_api::ProblemKind::Forbidden`], [`mc_api::ProblemKind::NotFound`] for the mission.
pub async fn list(
    app: &App,
    cx: &OpCtx,
    page: page::Request<PrincipalId>,
    narrow: Narrow,
) -> Result<Page<mc_api::auth::Principal>, Error> {
    cx.authorize(Action::ReadPrincipal)?;
    let mut tx = app.db.begin_read().await?;
    let mission = match &narrow.mission {
        Some(mission) => Some(missions::service::resolve(&mut tx, cx, mission).await?.id),
        None => None,
    };
    let wanted = members::Wanted {
        mission,
        kind: narrow.kind,
        role: narrow.role,
        after: page.after,
        limit: page.fetch(),
    };
    let rows = members::list(&mut tx, cx.caller.organization, wanted).await?;
    Ok(page.cut(app, rows, |principal| principal.id))
}

/// The names behind ids. What does not exist and what the caller may not know of is left out alike: with a role in the
/// organization everybody is known; with roles in missions oneself, who has a role there, and the agents of their
/// sessions.
///
/// # Errors
/// [`mc_api::ProblemKind::Validation`] for too many ids and for what is none.
pub async fn names(app: &App, cx: &OpCtx, ids: &str) -> Result<Page<PrincipalName>, Error> {
    let wrong = || Error::invalid("?id", format!("1 to {MOST_NAMES} ids of principals, separated by commas"));
    let ids: BTreeSet<PrincipalId> =
        ids.split(',').map(|id| id.trim().parse().map_err(|_| wrong())).collect::<Result<_, Error>>()?;
    if ids.len() > MOST_NAMES {
        return Err(wrong());
    }
    let ids: Vec<PrincipalId> = ids.into_iter().collect();
    let mut tx = app.db.begin_read().await?;
    let found = members::names(&mut tx, cx.caller.organization, ids).await?;
    let of_kind = |kind: PrincipalKind| -> Vec<PrincipalId> {
        found.iter().filter(|one| one.kind == kind).map(|one| one.principal_id).collect()
    };
    let (agents, nodes) = (of_kind(PrincipalKind::Agent), of_kind(PrincipalKind::Node));
    let sessions: HashMap<_, _> = members::sessions_of(&mut tx, agents)
        .await?
        .into_iter()
        .filter(|(_, _, mission)| cx.authorize_in(Action::ReadSession, *mission).is_ok())
        .map(|(principal, session, _)| (principal, session))
        .collect();
    let nodes: HashMap<_, _> = match cx.authorize(Action::ReadNode) {
        Ok(_) => members::nodes_of(&mut tx, nodes).await?.into_iter().collect(),
        Err(_) => HashMap::new(),
    };
    let mut items = Vec::with_capacity(found.len());
    for one in found {
        let id = one.principal_id;
        if !sessions.contains_key(&id) && !is_known(&mut tx, cx, id).await? {
            continue;
        }
        items.push(PrincipalName {
            kind: "principal_name".into(),
            id,
            name: one.name,
            principal_kind: one.kind,
            session_id: sessions.get(&id).copied(),
            node_id: nodes.get(&id).copied(),
        });
    }
    Ok(Page { items, next_cursor: None })
}

/// Whether the caller may know of a principal by its roles and the caller's own.
async fn is_known(tx: &mut Tx, cx: &OpCtx, principal: PrincipalId) -> Result<bool, Error> {
    if principal == cx.caller.id || cx.caller.role >= Some(Action::ReadPrincipal.least_role()) {
        return Ok(true);
    }
    let own: Vec<MissionId> = cx.caller.mission_roles.keys().copied().collect();
    let bindings = store::bindings(tx, principal).await?;
    // Who has a role in the organization has it in every mission.
    Ok(!own.is_empty()
        && bindings.iter().any(|binding| binding.mission_id.is_none_or(|mission| own.contains(&mission))))
}

/// Whose login sessions are asked for.
#[derive(Debug, Clone, Default)]
pub struct Whose {
    /// Of this principal (id or name).
    pub principal: Option<String>,
    /// Of everybody.
    pub all: bool,
}

/// A page of login sessions that have not ended: one's own, or for an Admin those of others.
///
/// # Errors
/// [`mc_api::ProblemKind::Forbidden`], [`mc_api::ProblemKind::NotFound`], [`mc_api::ProblemKind::Validation`].
pub async fn logins(
    app: &App,
    cx: &OpCtx,
    page: page::Request<TokenId>,
    whose: &Whose,
) -> Result<Page<Login>, Error> {
    let mut tx = app.db.begin_read().await?;
    let organization = cx.caller.organization;
    let principal = match (&whose.principal, whose.all) {
        (Some(_), true) => return Err(Error::invalid("?all", "not together with principal")),
        (None, false) => Some(cx.caller.id),
        (None, true) => {
            cx.authorize(Action::ManagePrincipal)?;
            None
        }
        (Some(reference), false) => {
            let may = cx.authorize(Action::ManagePrincipal);
            let is_own = [cx.caller.name.clone(), cx.caller.id.to_string()].contains(reference);
            if is_own {
                Some(cx.caller.id)
            } else {
                may?;
                let found = store::find(&mut tx, organization, reference).await?;
                Some(found.ok_or_else(|| Error::not_found("principal", reference))?.id)
            }
        }
    };
    let rows =
        members::logins(&mut tx, organization, principal, cx.now(), (page.after, page.fetch())).await?;
    let current = cx.caller.login.map(|(id, _)| id);
    let logins = rows.into_iter().map(|row| Login {
        kind: "login".into(),
        id: row.token_id,
        principal_id: Some(row.principal_id),
        principal: Some(row.principal),
        is_current: Some(row.token_id) == current,
        created_at: row.created_at,
        expires_at: row.expires_at,
    });
    Ok(page.cut(app, logins.collect(), |login| login.id))
}

/// Ends one login session: an own one, or for an Admin anybody's. To everybody else those of others are absent.
///
/// # Errors
/// [`mc_api::ProblemKind::NotFound`], also when it ended before; [`mc_api::ProblemKind::Forbidden`] for a grant.
pub async fn revoke_login(app: &App, cx: &OpCtx, reference: &str) -> Result<(), Error> {
    let absent = || Error::not_found("login session", reference);
    let id: TokenId = reference.parse().map_err(|_| absent())?;
    write_tx!(app, cx, |tx| {
        super::grants::refuse_grant(cx)?;
        let holder = members::login_holder(tx, cx.caller.organization, id, cx.now()).await?;
        let holder = holder.ok_or_else(absent)?;
        let proof = if holder == cx.caller.id {
            cx.authorize_own(Action::Logout)?
        } else {
            cx.authorize(Action::ManagePrincipal).map_err(|_| absent())?
        };
        store::revoke(tx, id, cx.now()).await?;
        let body = serde_json::json!({ "verb": "revoke", "principal_id": holder });
        let event = Event {
            subject_kind: "login_session",
            subject_id: id.to_string(),
            body: &body,
            before_sha256: None,
        };
        ledger::record(tx, cx, proof, event).await?;
        Ok(())
    })
}

/// Ends every login session and every grant of somebody.
///
/// # Errors
/// [`mc_api::ProblemKind::Forbidden`], [`mc_api::ProblemKind::NotFound`].
pub async fn logout_of(app: &App, cx: &OpCtx, reference: &str) -> Result<LoggedOut, Error> {
    write_tx!(app, cx, |tx| {
        super::grants::refuse_grant(cx)?;
        let proof = cx.authorize(Action::ManagePrincipal)?;
        let found = store::find(tx, cx.caller.organization, reference).await?;
        let principal = found.ok_or_else(|| Error::not_found("principal", reference))?.id;
        let done = LoggedOut { ended: members::revoke_all(tx, principal, cx.now()).await? };
        let event = Event {
            subject_kind: "principal",
            subject_id: principal.to_string(),
            body: &done,
            before_sha256: None,
        };
        ledger::record(tx, cx, proof, event).await?;
        Ok(done)
    })
}

/// A page of grants that have not ended, without tokens: those that the caller might end.
///
/// # Errors
/// [`mc_api::ProblemKind::Forbidden`], [`mc_api::ProblemKind::NotFound`] for the principal.
pub async fn grants(
    app: &App,
    cx: &OpCtx,
    page: page::Request<TokenId>,
    principal: Option<&str>,
) -> Result<Page<Grant>, Error> {
    cx.authorize_own(Action::RevokeGrant)?;
    let scope = cx.scope(Action::RevokeGrant);
    let mut tx = app.db.begin_read().await?;
    let principal = match principal {
        None => None,
        Some(reference) => {
            let absent = || Error::not_found("principal", reference);
            let found = store::find(&mut tx, cx.caller.organization, reference).await?.ok_or_else(absent)?;
            if !is_known(&mut tx, cx, found.id).await? {
                return Err(absent());
            }
            Some(found.id)
        }
    };
    let rows = members::grants(&mut tx, scope, principal, cx.now(), (page.after, page.fetch())).await?;
    Ok(page.cut(app, rows, |grant| grant.id))
}

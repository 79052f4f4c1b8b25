//! Who is calling, logging in and out, principals and roles.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use mc_api::auth::{
    CreatePrincipal, LoggedOut, LoginRequest, LoginSession, Principal, PrincipalKind, SetRole, WhoAmI,
};
use mc_api::id::{MissionId, OrganizationId, PrincipalId, TokenId};
use mc_api::{Action, Name, ProblemKind, Role};

use super::store;
use crate::app::App;
use crate::db::{DbError, Tx};
use crate::error::Error;
use crate::ledger::{self, Event};
use crate::op::{Caller, Grant, OpCtx};
use crate::write::hex_digest;
use crate::write_tx;

/// The prefix of login tokens.
pub const LOGIN_PREFIX: &str = "mcs_";

/// Finds the caller of a bearer token.
///
/// # Errors
/// [`ProblemKind::Unauthenticated`] for unknown, revoked and expired tokens alike.
pub async fn authenticate(app: &App, token: &str) -> Result<Arc<Caller>, Error> {
    let refused =
        || Error::new(ProblemKind::Unauthenticated, "the token is unknown, revoked or expired; log in again");
    let mut tx = app.db.begin_read().await?;
    let (holder, bindings) =
        store::holder(&mut tx, hex_digest(token.as_bytes())).await?.ok_or_else(refused)?;
    if holder.revoked_at.is_some() || holder.expires_at.is_some_and(|end| end <= app.clock.now()) {
        return Err(refused());
    }
    let (role, mission_roles) = roles(bindings, holder.mission_id);
    let grant = match (holder.token_kind.as_str(), holder.expires_at) {
        ("grant", Some(expires_at)) => Some(Grant {
            id: holder.token_id,
            expires_at,
            mission: holder.mission_id,
            session: holder.session_id,
            task: holder.task_id.zip(holder.attempt),
        }),
        _ => None,
    };
    let login = match (holder.token_kind.as_str(), holder.expires_at) {
        ("login", Some(end)) => Some((holder.token_id, end)),
        _ => None,
    };
    Ok(Arc::new(Caller {
        id: holder.principal_id,
        name: holder.name,
        kind: holder.kind,
        organization: holder.organization_id,
        role,
        mission_roles,
        login,
        grant,
    }))
}

/// The roles of a principal; with `only`, what they come to in that mission and nowhere else.
fn roles(bindings: Vec<store::Binding>, only: Option<MissionId>) -> (Option<Role>, HashMap<MissionId, Role>) {
    let mut role = None;
    let mut mission_roles = HashMap::new();
    for binding in bindings {
        match binding.mission_id {
            None => role = Some(binding.role),
            Some(mission) => {
                mission_roles.insert(mission, binding.role);
            }
        }
    }
    if let Some(mission) = only {
        let here = role.max(mission_roles.remove(&mission));
        return (None, here.map(|role| (mission, role)).into_iter().collect());
    }
    (role, mission_roles)
}

/// The caller of a request that lasts, as it would be found now.
///
/// # Errors
/// [`ProblemKind::Unauthenticated`] when the login or grant was revoked or ended.
pub async fn again(app: &App, caller: &Caller) -> Result<Arc<Caller>, Error> {
    let mut tx = app.db.begin_read().await?;
    let grant = caller.grant.as_ref();
    if let Some((token, end)) = caller.login.or(grant.map(|grant| (grant.id, grant.expires_at)))
        && (end <= app.clock.now() || !store::is_live(&mut tx, token).await?)
    {
        return Err(Error::new(ProblemKind::Unauthenticated, "the login session or grant ended"));
    }
    let only = grant.and_then(|grant| grant.mission);
    let (role, mission_roles) = roles(store::bindings(&mut tx, caller.id).await?, only);
    Ok(Arc::new(Caller { role, mission_roles, ..caller.clone() }))
}

/// A principal with the roles it has now, which count in one mission only; for what it asked for before. `None` when it
/// is gone.
pub(crate) async fn acting_for(
    app: &App,
    principal: PrincipalId,
    mission: MissionId,
) -> Result<Option<Arc<Caller>>, Error> {
    let mut tx = app.db.begin_read().await?;
    let Some(found) = store::find(&mut tx, app.organization, &principal.to_string()).await? else {
        return Ok(None);
    };
    let (role, mission_roles) = roles(store::bindings(&mut tx, principal).await?, Some(mission));
    Ok(Some(Arc::new(Caller {
        id: found.id,
        name: found.name.to_string(),
        kind: found.principal_kind,
        organization: app.organization,
        role,
        mission_roles,
        login: None,
        grant: None,
    })))
}

/// Whether a principal may do something in a mission, as its roles are now; for what is carried out in its name.
pub(crate) async fn may_in(
    tx: &mut Tx,
    organization: OrganizationId,
    principal: PrincipalId,
    action: Action,
    mission: MissionId,
) -> Result<bool, Error> {
    let found = store::find(tx, organization, &principal.to_string()).await?;
    let role = found.and_then(|principal| {
        let here = principal.mission_roles.iter().find(|role| role.mission_id == mission);
        principal.role.max(here.map(|role| role.role))
    });
    Ok(role >= Some(action.least_role()))
}

/// Who the caller is.
pub async fn whoami(app: &App, cx: &OpCtx) -> Result<WhoAmI, Error> {
    let mut tx = app.db.begin_read().await?;
    let principal = store::find(&mut tx, cx.caller.organization, &cx.caller.id.to_string())
        .await?
        .ok_or_else(|| Error::not_found("principal", cx.caller.id))?;
    Ok(WhoAmI {
        principal,
        login_session_id: cx.caller.login.map(|(id, _)| id),
        grant: cx.caller.grant.as_ref().map(|grant| super::grants::shown(&cx.caller, grant)),
        expires_at: cx.caller.login.map(|(_, end)| end).or(cx.caller.grant.as_ref().map(|g| g.expires_at)),
        governance_profile: app.governance,
    })
}

/// Makes a login session for the caller, or (Admin) for a named user, who is made when absent.
///
/// # Errors
/// [`ProblemKind::Forbidden`], [`ProblemKind::Validation`].
pub async fn login(app: &App, cx: &OpCtx, request: LoginRequest) -> Result<LoginSession, Error> {
    let ttl = request.ttl_seconds.unwrap_or(43_200);
    if !(60..=2_592_000).contains(&ttl) {
        return Err(Error::invalid("/ttl_seconds", "60 to 2592000 seconds"));
    }
    if request.role.is_some() && request.principal.is_none() {
        return Err(Error::invalid("/role", "only together with principal"));
    }
    write_tx!(app, cx, |tx| {
        super::grants::refuse_grant(cx)?;
        // A named principal other than oneself may be made or impersonated by an Admin only.
        let principal = match &request.principal {
            None => store::find(tx, cx.caller.organization, &cx.caller.id.to_string()).await?,
            Some(name) => {
                let manage = cx.authorize(Action::ManagePrincipal)?;
                if let Some(found) = store::find(tx, cx.caller.organization, name.as_str()).await? {
                    if found.principal_kind == PrincipalKind::Bootstrap || found.id == app.system_principal {
                        return Err(Error::invalid("/principal", "nobody logs in as bootstrap or system"));
                    }
                    if request.role.is_some() && request.role != found.role {
                        return Err(Error::invalid(
                            "/role",
                            "the user exists with another role; change it with PUT …/role",
                        ));
                    }
                    Some(found)
                } else {
                    let role = request.role.unwrap_or(Role::Contributor);
                    let made = new_principal(cx, name.clone(), PrincipalKind::User, Some(role));
                    store::insert(tx, cx.caller.organization, &made).await.map_err(|error| match error {
                        DbError::Unique(_) => DbError::Met,
                        other => other,
                    })?;
                    let event = Event {
                        subject_kind: "principal",
                        subject_id: made.id.to_string(),
                        body: &made,
                        before_sha256: None,
                    };
                    ledger::record(tx, cx, manage, event).await?;
                    Some(made)
                }
            }
        };
        let principal = principal.ok_or_else(|| Error::not_found("principal", cx.caller.id))?;
        // Logging in is what every principal may do for itself; a role is needed for anything beyond it.
        let proof = cx.authorize(Action::Login).or_else(|refusal| {
            let mission = cx.caller.mission_roles.keys().next().copied();
            mission.map_or(Err(refusal), |mission| cx.authorize_in(Action::Login, mission))
        })?;
        let token = format!("{LOGIN_PREFIX}{}", cx.new_secret());
        let session = LoginSession {
            id: TokenId::from_uuid(cx.new_uuid()),
            principal: principal.clone(),
            token: None,
            expires_at: cx.now().plus(Duration::from_secs(ttl.into())),
        };
        let stored = store::NewToken {
            id: session.id,
            organization: cx.caller.organization,
            principal: principal.id,
            sha256: hex_digest(token.as_bytes()),
            created_at: cx.now(),
            expires_at: session.expires_at,
        };
        store::insert_login(tx, stored).await?;
        let event = Event {
            subject_kind: "login_session",
            subject_id: session.id.to_string(),
            body: &session,
            before_sha256: None,
        };
        ledger::record(tx, cx, proof, event).await?;
        Ok(LoginSession { token: Some(token), ..session })
    })
}

/// Revokes the login session in use.
///
/// # Errors
/// [`ProblemKind::InvalidTransition`] for the bootstrap token, which has no login session.
pub async fn logout(app: &App, cx: &OpCtx) -> Result<(), Error> {
    let Some((id, _)) = cx.caller.login else {
        return Err(Error::new(
            ProblemKind::InvalidTransition,
            "the bootstrap token and grants have no login session to end",
        ));
    };
    write_tx!(app, cx, |tx| {
        let proof = cx.authorize(Action::Logout).or_else(|refusal| {
            let mission = cx.caller.mission_roles.keys().next().copied();
            mission.map_or(Err(refusal), |mission| cx.authorize_in(Action::Logout, mission))
        })?;
        store::revoke(tx, id, cx.now()).await?;
        let event = Event {
            subject_kind: "login_session",
            subject_id: id.to_string(),
            body: &serde_json::json!({}),
            before_sha256: None,
        };
        ledger::record(tx, cx, proof, event).await?;
        Ok(())
    })
}

/// Revokes every login session of the caller, the one in use too. Grants and the bootstrap token stay.
///
/// # Errors
/// [`ProblemKind::Forbidden`] for a grant.
pub async fn logout_everywhere(app: &App, cx: &OpCtx) -> Result<LoggedOut, Error> {
    write_tx!(app, cx, |tx| {
        super::grants::refuse_grant(cx)?;
        let proof = cx.authorize(Action::Logout).or_else(|refusal| {
            let mission = cx.caller.mission_roles.keys().next().copied();
            mission.map_or(Err(refusal), |mission| cx.authorize_in(Action::Logout, mission))
        })?;
        let done = LoggedOut { ended: store::revoke_logins(tx, cx.caller.id, cx.now()).await? };
        let event = Event {
            subject_kind: "principal",
            subject_id: cx.caller.id.to_string(),
            body: &done,
            before_sha256: None,
        };
        ledger::record(tx, cx, proof, event).await?;
        Ok(done)
    })
}

pub(super) fn new_principal(cx: &OpCtx, name: Name, kind: PrincipalKind, role: Option<Role>) -> Principal {
    Principal {
        kind: "principal".into(),
        id: PrincipalId::from_uuid(cx.new_uuid()),
        name,
        principal_kind: kind,
        role,
        mission_roles: Vec::new(),
        version: 1,
        created_at: cx.now(),
    }
}

/// Creates a user, agent or service account.
///
/// # Errors
/// [`ProblemKind::NameTaken`], [`ProblemKind::Validation`], [`ProblemKind::Forbidden`].
pub async fn create(app: &App, cx: &OpCtx, request: CreatePrincipal) -> Result<Principal, Error> {
    match request.principal_kind {
        PrincipalKind::User | PrincipalKind::Agent | PrincipalKind::ServiceAccount => {}
        PrincipalKind::Bootstrap | PrincipalKind::Node => {
            return Err(Error::invalid("/principal_kind", "user, agent or service_account"));
        }
    }
    write_tx!(app, cx, |tx| {
        let proof = cx.authorize(Action::ManagePrincipal)?;
        let made = new_principal(cx, request.name.clone(), request.principal_kind, request.role);
        store::insert(tx, cx.caller.organization, &made).await.map_err(|error| match error {
            DbError::Unique(_) => {
                Error::new(ProblemKind::NameTaken, format!("a principal named {} exists", made.name))
            }
            other => other.into(),
        })?;
        let event = Event {
            subject_kind: "principal",
            subject_id: made.id.to_string(),
            body: &made,
            before_sha256: None,
        };
        ledger::record(tx, cx, proof, event).await?;
        Ok(made)
    })
}

/// One principal by id or name.
pub async fn get(app: &App, cx: &OpCtx, reference: &str) -> Result<Principal, Error> {
    cx.authorize(Action::ReadPrincipal)?;
    let mut tx = app.db.begin_read().await?;
    store::find(&mut tx, cx.caller.organization, reference)
        .await?
        .ok_or_else(|| Error::not_found("principal", reference))
}

/// Sets or removes a role.
///
/// # Errors
/// [`ProblemKind::Validation`] when the bootstrap principal or the caller itself would lose its role.
pub async fn set_role(app: &App, cx: &OpCtx, reference: &str, request: SetRole) -> Result<Principal, Error> {
    write_tx!(app, cx, |tx| {
        let proof = cx.authorize(Action::ManagePrincipal)?;
        let absent = || Error::not_found("principal", reference);
        let id = store::find(tx, cx.caller.organization, reference).await?.ok_or_else(absent)?.id;
        // Counting the version up locks the row, so that two changes of one principal's roles never meet.
        store::bump(tx, id).await?;
        let before = store::find(tx, cx.caller.organization, &id.to_string()).await?.ok_or_else(absent)?;
        let before = Principal { version: before.version - 1, ..before };
        cx.check_version(before.version)?;
        if before.principal_kind == PrincipalKind::Bootstrap
            || before.id == app.system_principal
            || before.id == cx.caller.id
        {
            return Err(Error::invalid(
                "/role",
                "neither the roles of the bootstrap principal and the system nor one's own can be changed",
            ));
        }
        let mission = match &request.mission {
            Some(mission) => Some(crate::missions::service::resolve(tx, cx, mission).await?.id),
            None => None,
        };
        store::set_role(tx, cx.caller.organization, before.id, mission, request.role).await?;
        let after = store::find(tx, cx.caller.organization, &id.to_string()).await?.ok_or_else(absent)?;
        let event = Event {
            subject_kind: "principal",
            subject_id: after.id.to_string(),
            body: &after,
            before_sha256: ledger::digest_of(&before)?,
        };
        ledger::record(tx, cx, proof, event).await?;
        Ok(after)
    })
}

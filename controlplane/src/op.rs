//! The context of one operation: who, when, for which request, and the proof that it was authorized.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mc_api::auth::PrincipalKind;
use mc_api::id::{MissionId, OrganizationId, PrincipalId, SessionId, TaskId, TokenId};
use mc_api::{Action, ProblemKind, Role, Timestamp};
use uuid::Uuid;

use crate::clock::IdSource;
use crate::db::Filter;
use crate::error::Error;

/// The acting principal with its roles, as authentication found it.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The principal.
    pub id: PrincipalId,
    /// Its name.
    pub name: String,
    /// Its sort.
    pub kind: PrincipalKind,
    /// Its organization.
    pub organization: OrganizationId,
    /// The role in the organization.
    pub role: Option<Role>,
    /// Roles in single missions.
    pub mission_roles: HashMap<MissionId, Role>,
    /// The login session; `None` for the bootstrap token and for grants.
    pub login: Option<(TokenId, Timestamp)>,
    /// The grant that an agent acts with.
    pub grant: Option<Grant>,
}

/// What an agent's short-lived token says beside who it is.
#[derive(Debug, Clone)]
pub struct Grant {
    /// The token.
    pub id: TokenId,
    /// When it ends.
    pub expires_at: Timestamp,
    /// The only mission in which its roles count.
    pub mission: Option<MissionId>,
    /// The agent session.
    pub session: Option<SessionId>,
    /// The task it works on, with the attempt that is its fence.
    pub task: Option<(TaskId, i32)>,
}

impl Caller {
    /// The role that counts in a mission: the higher of both.
    pub fn role_in(&self, mission: MissionId) -> Option<Role> {
        self.role.max(self.mission_roles.get(&mission).copied())
    }
}

/// Identifies a request that may be sent again.
#[derive(Debug, Clone)]
pub struct Idempotency {
    /// The caller's key.
    pub key: String,
    /// Method and path.
    pub route: String,
    /// SHA-256 of query and body.
    pub body_sha256: String,
}

/// Context of one operation.
pub struct OpCtx {
    /// Who acts.
    pub caller: Arc<Caller>,
    /// For log, ledger and answer.
    pub request_id: String,
    /// Present when the request may be sent again.
    pub idempotency: Option<Idempotency>,
    /// `x-approval-token`.
    pub approval_token: Option<String>,
    /// The version that `If-Match` names.
    pub if_match: Option<i64>,
    /// The time of the operation.
    pub now: Timestamp,
    /// Set when the answer was given before.
    pub replayed: AtomicBool,
    ids: Arc<IdSource>,
}

/// That an action was authorized, where. Only [`OpCtx`] makes one, and recording a ledger event needs one.
#[derive(Debug, Clone, Copy)]
pub struct Proof {
    action: Action,
    mission: Option<MissionId>,
}

impl Proof {
    /// What was authorized.
    pub fn action(self) -> Action {
        self.action
    }
    /// The same authorization, narrowed to a mission of the organization it covers.
    #[must_use]
    pub fn within(self, mission: MissionId) -> Self {
        Self { mission: Some(mission), ..self }
    }
    /// In which mission.
    pub fn mission(self) -> Option<MissionId> {
        self.mission
    }
}

/// What a list may show.
#[derive(Debug, Clone)]
pub enum Scope {
    /// Everything of the organization.
    Organization(OrganizationId),
    /// Only these missions.
    Missions(OrganizationId, Vec<MissionId>),
}

impl Scope {
    /// Whether nothing at all is in it.
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Missions(_, missions) if missions.is_empty())
    }

    /// Adds the scope to a list's conditions.
    #[must_use]
    pub fn apply(
        self,
        filter: Filter,
        organization_column: &'static str,
        mission_column: &'static str,
    ) -> Filter {
        match self {
            Self::Organization(id) => filter.and(organization_column, id),
            Self::Missions(id, missions) => {
                filter.and(organization_column, id).one_of(mission_column, missions)
            }
        }
    }
}

impl OpCtx {
    /// A context.
    pub fn new(caller: Arc<Caller>, request_id: String, now: Timestamp, ids: Arc<IdSource>) -> Self {
        Self {
            caller,
            request_id,
            idempotency: None,
            approval_token: None,
            if_match: None,
            now,
            replayed: AtomicBool::new(false),
            ids,
        }
    }

    /// What our own code does in the name of a node or an agent, as Contributor of one mission.
    pub(crate) fn acting(
        app: &crate::app::App,
        (id, name, kind): (PrincipalId, String, PrincipalKind),
        mission: MissionId,
    ) -> Self {
        let caller = Caller {
            id,
            name,
            kind,
            organization: app.organization,
            role: None,
            mission_roles: HashMap::from([(mission, Role::Contributor)]),
            login: None,
            grant: None,
        };
        Self::new(Arc::new(caller), "system".to_owned(), app.clock.now(), app.ids.clone())
    }

    /// The time of the operation.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// A fresh id.
    pub fn new_uuid(&self) -> Uuid {
        self.ids.uuid(self.now)
    }

    /// A fresh secret of 256 bits.
    pub fn new_secret(&self) -> String {
        self.ids.secret()
    }

    /// Compares `If-Match`, when given, with the version at hand.
    ///
    /// # Errors
    /// [`ProblemKind::StaleVersion`].
    pub fn check_version(&self, version: i64) -> Result<(), Error> {
        match self.if_match {
            Some(wanted) if wanted != version => Err(Error::new(
                ProblemKind::StaleVersion,
                format!("If-Match names version {wanted}, the resource has version {version}; read it again"),
            )),
            _ => Ok(()),
        }
    }

    pub(crate) fn mark_replayed(&self) {
        self.replayed.store(true, Ordering::Relaxed);
    }

    /// Asks for an action that concerns the whole organization.
    ///
    /// # Errors
    /// [`ProblemKind::Forbidden`].
    pub fn authorize(&self, action: Action) -> Result<Proof, Error> {
        if self.caller.role >= Some(action.least_role()) {
            return Ok(Proof { action, mission: None });
        }
        Err(self.refusal(action))
    }

    /// Asks for an action in a mission. Whoever has no role there does not learn that it exists.
    ///
    /// # Errors
    /// [`ProblemKind::NotFound`] without any role, [`ProblemKind::Forbidden`] with too small a one.
    pub fn authorize_in(&self, action: Action, mission: MissionId) -> Result<Proof, Error> {
        match self.caller.role_in(mission) {
            None => Err(Error::not_found("mission", mission)),
            Some(role) if role >= action.least_role() => Ok(Proof { action, mission: Some(mission) }),
            Some(_) => Err(self.refusal(action)),
        }
    }

    /// Asks for an action on what belongs to the caller alone: the highest role it has anywhere counts.
    ///
    /// # Errors
    /// [`ProblemKind::Forbidden`].
    pub fn authorize_own(&self, action: Action) -> Result<Proof, Error> {
        let highest = self.caller.role.max(self.caller.mission_roles.values().copied().max());
        if highest >= Some(action.least_role()) {
            return Ok(Proof { action, mission: None });
        }
        Err(self.refusal(action))
    }

    /// What a list may show for an action.
    pub fn scope(&self, action: Action) -> Scope {
        let organization = self.caller.organization;
        if self.caller.role >= Some(action.least_role()) {
            return Scope::Organization(organization);
        }
        let missions = self
            .caller
            .mission_roles
            .iter()
            .filter(|(_, role)| **role >= action.least_role())
            .map(|(id, _)| *id);
        Scope::Missions(organization, missions.collect())
    }

    fn refusal(&self, action: Action) -> Error {
        let role = self.caller.role.map_or("no role", Role::as_str);
        Error::new(
            ProblemKind::Forbidden,
            format!("{action} needs the role {}; {:?} has {role}", action.least_role(), self.caller.name),
        )
    }
}

/// What the system itself does for the whole organization, such as letting a node join.
pub(crate) fn organization_proof(action: Action) -> Proof {
    Proof { action, mission: None }
}

/// What the system itself does, such as expiring a lease: authorized by being our own code.
pub(crate) fn system_proof(action: Action, mission: MissionId) -> Proof {
    Proof { action, mission: Some(mission) }
}

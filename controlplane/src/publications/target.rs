//! Where a snapshot goes: the first route that fits, else the default binding, else the installation's own Git ledger
//! unless the policy is closed.

use mc_api::id::BindingId;
use mc_api::mission::Mission;
use mc_api::persistence::{
    Binding, EntityKind, ItemOperation, OnDelete, PublicationItem, PublicationPolicy, PublishFormat,
};
use mc_api::{Labels, ProblemKind, Timestamp};

use super::snapshot::Snapshot;
use crate::db::Tx;
use crate::error::Error;
use crate::op::{OpCtx, Scope};
use crate::persistence::{model, store};

/// What a mission publishes where, with the bindings that are named.
pub(crate) struct Targets {
    mission: Mission,
    policy: PublicationPolicy,
    bindings: Vec<Binding>,
}

/// A snapshot with its place.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Placed {
    pub(crate) snapshot: Snapshot,
    pub(crate) binding: Option<Binding>,
    /// The number of the route.
    pub(crate) route: Option<u32>,
    pub(crate) item: PublicationItem,
}

/// A file of a deleted entity, which goes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Removal {
    pub(crate) binding: Option<Binding>,
    pub(crate) item: PublicationItem,
    /// The state that was published last.
    pub(crate) meta: String,
}

impl Placed {
    pub(crate) fn binding_id(&self) -> Option<BindingId> {
        self.binding.as_ref().map(|binding| binding.id)
    }
}

impl Targets {
    pub(crate) async fn read(tx: &mut Tx, cx: &OpCtx, mission: &Mission) -> Result<Self, Error> {
        let wanted = store::Wanted { mission: Some(mission.id), limit: i64::MAX, ..store::Wanted::default() };
        let bindings = store::bindings(tx, Scope::Organization(cx.caller.organization), wanted).await?;
        Ok(Self { mission: mission.clone(), policy: store::policy(tx, mission).await?, bindings })
    }

    /// Since when the routes are as they are.
    pub(crate) fn since(&self) -> Timestamp {
        self.policy.updated_at.unwrap_or(Timestamp::from_micros(0))
    }

    /// A binding of the mission.
    pub(crate) fn binding(&self, id: Option<BindingId>) -> Option<&Binding> {
        self.bindings.iter().find(|binding| Some(binding.id) == id)
    }

    /// A binding by id or name; `-`: the Git ledger of the installation.
    ///
    /// # Errors
    /// [`ProblemKind::Validation`].
    pub(crate) fn named(&self, text: &str) -> Result<Option<BindingId>, Error> {
        if text == "-" {
            return Ok(None);
        }
        let found = self.bindings.iter().find(|b| b.name.as_str() == text || b.id.to_string() == text);
        found.map(|binding| Some(binding.id)).ok_or_else(|| {
            Error::invalid("/binding", format!("mission {} has no binding {text:?}", self.mission.name))
        })
    }

    /// The targets below whose folder a path lies.
    pub(crate) fn holding(&self, mission: &Mission, path: &str) -> Vec<Option<Binding>> {
        let is_below =
            |base: &str| base.is_empty() || path.strip_prefix(base).is_some_and(|rest| rest.starts_with('/'));
        let bindings = self.bindings.iter().filter(|binding| is_below(&binding.base_path)).cloned().map(Some);
        let ours = is_below(&format!("missions/{}", mission.name)).then_some(None);
        bindings.chain(ours).collect()
    }

    /// Whether the file of a deleted entity stays, by its labels when it was published.
    pub(crate) fn keeps(&self, kind: EntityKind, labels: &Labels) -> bool {
        let route = self.policy.routes.iter().find(|route| model::fits(route, kind, labels));
        route.and_then(|route| route.on_delete) == Some(OnDelete::Keep)
    }

    /// Finds the place of a snapshot.
    ///
    /// # Errors
    /// [`ProblemKind::NoRoute`] when nothing takes it and the policy is closed.
    pub(crate) fn place(&self, snapshot: Snapshot) -> Result<Placed, Error> {
        let fitting = self.policy.routes.iter().position(|r| model::fits(r, snapshot.kind, &snapshot.labels));
        let route = fitting.map(|index| &self.policy.routes[index]);
        let named = match route {
            Some(route) => route.binding.as_ref(),
            None => self.policy.default_binding.as_ref(),
        };
        if route.is_none() && named.is_none() && self.policy.fail_closed {
            return Err(Error::new(
                ProblemKind::NoRoute,
                format!(
                    "mission {} publishes only what has a route; no route fits {} {}",
                    self.mission.name, snapshot.kind, snapshot.id
                ),
            ));
        }
        let binding = match named {
            None => None,
            Some(name) => Some(
                self.bindings.iter().find(|binding| binding.name == *name).cloned().ok_or_else(|| {
                    Error::new(
                        ProblemKind::NoRoute,
                        format!("mission {} has no binding {name} any more", self.mission.name),
                    )
                })?,
            ),
        };
        let format = route.and_then(|route| route.format).unwrap_or_else(|| snapshot.usual_format());
        let template = route.and_then(|route| route.path.as_deref());
        let inner = model::fill(template, format, &snapshot.filling(self.mission.name.as_str()));
        let base = match &binding {
            Some(binding) => binding.base_path.clone(),
            None => format!("missions/{}", self.mission.name),
        };
        let path = if base.is_empty() { inner } else { format!("{base}/{inner}") };
        let item = item(&snapshot, path, format);
        let route = fitting.and_then(|index| u32::try_from(index).ok());
        Ok(Placed { snapshot, binding, route, item })
    }
}

fn item(snapshot: &Snapshot, path: String, format: PublishFormat) -> PublicationItem {
    PublicationItem {
        entity_type: snapshot.kind,
        entity_id: snapshot.id.clone(),
        entity_version: snapshot.version,
        path,
        format,
        sha256: snapshot.sha256.clone(),
        operation: ItemOperation::Write,
    }
}

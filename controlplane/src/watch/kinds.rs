//! The lists that can be watched.

use mc_api::approval::Approval;
use mc_api::artifact::Artifact;
use mc_api::doc::Doc;
use mc_api::id::{
    ApprovalId, ArtifactId, BatchId, DocId, KlusterId, MissionId, NodeId, ReservationId, SessionId, TaskId,
};
use mc_api::kluster::Kluster;
use mc_api::mission::Mission;
use mc_api::node::{Node, NodeState};
use mc_api::publication::Publication;
use mc_api::reservation::Reservation;
use mc_api::session::AgentSession;
use mc_api::task::Task;
use mc_api::{Labels, Page, ProblemKind};

use super::Watched;
use crate::app::SharedApp;
use crate::error::Error;
use crate::http::page;
use crate::op::OpCtx;
use crate::{
    approvals, artifacts, docs, klusters, missions, nodes, publications, reservations, sessions, tasks,
};

/// Whether the object carries all wanted labels.
fn wears(labels: &Labels, wanted: &[(String, Option<String>)]) -> bool {
    wanted.iter().all(|(key, value)| match (labels.0.get(key), value) {
        (Some(has), Some(value)) => has == value,
        (has, None) => has.is_some(),
        (None, Some(_)) => false,
    })
}

/// Absent is not a failure here.
fn found<T>(result: Result<T, Error>) -> Result<Option<T>, Error> {
    match result {
        Ok(object) => Ok(Some(object)),
        Err(error) if error.kind == ProblemKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Missions.
pub struct Missions {
    /// With these labels.
    pub labels: Vec<(String, Option<String>)>,
}

impl Watched for Missions {
    type Object = Mission;
    type Id = MissionId;
    const KIND: &'static str = "mission";
    async fn page(
        &self,
        app: &SharedApp,
        cx: &OpCtx,
        page: page::Request<MissionId>,
    ) -> Result<Page<Mission>, Error> {
        missions::service::list(app, cx, page, self.labels.clone()).await
    }
    async fn find(&self, app: &SharedApp, cx: &OpCtx, id: &str) -> Result<Option<Mission>, Error> {
        Ok(found(missions::service::get(app, cx, id).await)?
            .filter(|mission| wears(&mission.labels, &self.labels)))
    }
    fn id(object: &Mission) -> MissionId {
        object.id
    }
}

/// Klusters.
pub struct Klusters {
    /// Of this mission.
    pub mission: Option<MissionId>,
    /// With these labels.
    pub labels: Vec<(String, Option<String>)>,
}

impl Watched for Klusters {
    type Object = Kluster;
    type Id = KlusterId;
    const KIND: &'static str = "kluster";
    async fn page(
        &self,
        app: &SharedApp,
        cx: &OpCtx,
        page: page::Request<KlusterId>,
    ) -> Result<Page<Kluster>, Error> {
        let mission = self.mission.map(|id| id.to_string());
        klusters::service::list(app, cx, page, mission.as_deref(), self.labels.clone()).await
    }
    async fn find(&self, app: &SharedApp, cx: &OpCtx, id: &str) -> Result<Option<Kluster>, Error> {
        let kluster = found(klusters::service::get(app, cx, id, None).await)?;
        Ok(kluster.filter(|kluster| {
            self.mission.is_none_or(|mission| mission == kluster.mission_id)
                && wears(&kluster.labels, &self.labels)
        }))
    }
    fn id(object: &Kluster) -> KlusterId {
        object.id
    }
}

/// Tasks.
pub struct Tasks {
    /// Only these.
    pub narrow: tasks::service::Narrow,
}

impl Watched for Tasks {
    type Object = Task;
    type Id = TaskId;
    const KIND: &'static str = "task";
    async fn page(
        &self,
        app: &SharedApp,
        cx: &OpCtx,
        page: page::Request<TaskId>,
    ) -> Result<Page<Task>, Error> {
        tasks::service::list(app, cx, page, self.narrow.clone()).await
    }
    async fn find(&self, app: &SharedApp, cx: &OpCtx, id: &str) -> Result<Option<Task>, Error> {
        let task = found(tasks::service::get(app, cx, id, &tasks::service::At::default()).await)?;
        let narrow = &self.narrow;
        Ok(task.filter(|task| {
            narrow.id.is_none_or(|id| id == task.id)
                && narrow.mission.is_none_or(|mission| mission == task.mission_id)
                && narrow.kluster.is_none_or(|kluster| kluster == task.kluster_id)
                && narrow
                    .name
                    .as_deref()
                    .is_none_or(|name| task.name.as_ref().is_some_and(|has| has.as_str() == name))
                && narrow.states.as_ref().is_none_or(|states| states.contains(&task.state))
                && narrow.runtime.as_ref().is_none_or(|runtime| task.runtime.as_ref() == Some(runtime))
                && wears(&task.labels, &narrow.labels)
        }))
    }
    fn only(&self) -> Option<String> {
        self.narrow.id.map(|id| id.to_string())
    }
    fn id(object: &Task) -> TaskId {
        object.id
    }
}

/// Artifacts.
pub struct Artifacts(pub artifacts::service::Narrow);

impl Watched for Artifacts {
    type Object = Artifact;
    type Id = ArtifactId;
    const KIND: &'static str = "artifact";
    async fn page(
        &self,
        app: &SharedApp,
        cx: &OpCtx,
        page: page::Request<ArtifactId>,
    ) -> Result<Page<Artifact>, Error> {
        artifacts::service::list(app, cx, page, self.0.clone()).await
    }
    async fn find(&self, app: &SharedApp, cx: &OpCtx, id: &str) -> Result<Option<Artifact>, Error> {
        artifacts::service::among(app, cx, id, self.0.clone()).await
    }
    fn id(object: &Artifact) -> ArtifactId {
        object.id
    }
}

/// Docs.
pub struct Docs(pub docs::service::Narrow);

impl Watched for Docs {
    type Object = Doc;
    type Id = DocId;
    const KIND: &'static str = "doc";
    async fn page(
        &self,
        app: &SharedApp,
        cx: &OpCtx,
        page: page::Request<DocId>,
    ) -> Result<Page<Doc>, Error> {
        docs::service::list(app, cx, page, self.0.clone()).await
    }
    async fn find(&self, app: &SharedApp, cx: &OpCtx, id: &str) -> Result<Option<Doc>, Error> {
        let doc = found(docs::service::get(app, cx, id, &tasks::service::At::default()).await)?;
        let narrow = &self.0;
        Ok(doc.filter(|doc| {
            narrow.mission.is_none_or(|mission| mission == doc.mission_id)
                && narrow.kluster.is_none_or(|kluster| Some(kluster) == doc.kluster_id)
                && narrow.state.is_none_or(|state| state == doc.state)
                && narrow.name.as_deref().is_none_or(|name| doc.name.as_str() == name)
                && wears(&doc.labels, &narrow.labels)
        }))
    }
    fn id(object: &Doc) -> DocId {
        object.id
    }
}

/// Approvals.
pub struct Approvals(pub approvals::service::Narrow);

impl Watched for Approvals {
    type Object = Approval;
    type Id = ApprovalId;
    const KIND: &'static str = "approval";
    async fn page(
        &self,
        app: &SharedApp,
        cx: &OpCtx,
        page: page::Request<ApprovalId>,
    ) -> Result<Page<Approval>, Error> {
        approvals::service::list(app, cx, page, self.0.clone()).await
    }
    async fn find(&self, app: &SharedApp, cx: &OpCtx, id: &str) -> Result<Option<Approval>, Error> {
        let approval = found(approvals::service::get(app, cx, id).await)?;
        Ok(approval.filter(|approval| {
            self.0.id.is_none_or(|id| id == approval.id)
                && self.0.mission.is_none_or(|mission| mission == approval.mission_id)
                && self.0.state.is_none_or(|state| state == approval.state)
        }))
    }
    fn only(&self) -> Option<String> {
        self.0.id.map(|id| id.to_string())
    }
    fn left_out(&self) -> Option<i64> {
        self.0.recent.map(|recent| recent.left_out)
    }
    fn id(object: &Approval) -> ApprovalId {
        object.id
    }
}

/// Agent sessions. What nodes report of them is not in the ledger, so their versions are looked at instead.
pub struct Sessions(pub sessions::service::Narrow);

impl Watched for Sessions {
    type Object = AgentSession;
    type Id = SessionId;
    const KIND: &'static str = "session";
    const LOOKS: bool = true;
    async fn page(
        &self,
        app: &SharedApp,
        cx: &OpCtx,
        page: page::Request<SessionId>,
    ) -> Result<Page<AgentSession>, Error> {
        sessions::service::list(app, cx, page, self.0.clone()).await
    }
    async fn find(&self, app: &SharedApp, cx: &OpCtx, id: &str) -> Result<Option<AgentSession>, Error> {
        let session = found(sessions::service::get(app, cx, id).await)?;
        let narrow = &self.0;
        Ok(session.filter(|session| {
            narrow.mission.is_none_or(|mission| mission == session.mission_id)
                && narrow.task.is_none_or(|task| Some(task) == session.task_id)
                && narrow.node.is_none_or(|node| Some(node) == session.node_id)
                && narrow.states.as_ref().is_none_or(|states| states.contains(&session.state))
                && narrow.runtime.as_ref().is_none_or(|runtime| session.runtime == *runtime)
                && wears(&session.labels, &narrow.labels)
        }))
    }
    fn left_out(&self) -> Option<i64> {
        self.0.recent.map(|recent| recent.left_out)
    }
    fn id(object: &AgentSession) -> SessionId {
        object.id
    }
    async fn versions(&self, app: &SharedApp, cx: &OpCtx) -> Result<Vec<(String, i64)>, Error> {
        let versions = sessions::service::versions(app, cx, self.0.mission).await?;
        Ok(versions.into_iter().map(|(id, version)| (id.to_string(), version)).collect())
    }
}

/// Publications.
pub struct Publications(pub publications::service::Narrow);

impl Watched for Publications {
    type Object = Publication;
    type Id = BatchId;
    const KIND: &'static str = "publication";
    async fn page(
        &self,
        app: &SharedApp,
        cx: &OpCtx,
        page: page::Request<BatchId>,
    ) -> Result<Page<Publication>, Error> {
        publications::service::list(app, cx, page, self.0.clone()).await
    }
    async fn find(&self, app: &SharedApp, cx: &OpCtx, id: &str) -> Result<Option<Publication>, Error> {
        let publication = found(publications::service::get(app, cx, id).await)?;
        Ok(publication.filter(|publication| {
            self.0.mission.is_none_or(|mission| mission == publication.mission_id)
                && self.0.state.is_none_or(|state| state == publication.state)
        }))
    }
    fn id(object: &Publication) -> BatchId {
        object.id
    }
}

/// Reservations. Their renewals are not in the ledger and are not told.
pub struct Reservations(pub reservations::service::Narrow);

impl Watched for Reservations {
    type Object = Reservation;
    type Id = ReservationId;
    const KIND: &'static str = "reservation";
    async fn page(
        &self,
        app: &SharedApp,
        cx: &OpCtx,
        page: page::Request<ReservationId>,
    ) -> Result<Page<Reservation>, Error> {
        reservations::service::list(app, cx, page, self.0.clone()).await
    }
    async fn find(&self, app: &SharedApp, cx: &OpCtx, id: &str) -> Result<Option<Reservation>, Error> {
        let reservation = found(reservations::service::get(app, cx, id).await)?;
        Ok(reservation.filter(|reservation| self.0.fits(reservation)))
    }
    fn id(object: &Reservation) -> ReservationId {
        object.id
    }
}

/// Nodes.
pub struct Nodes(pub nodes::service::Narrow);

impl Watched for Nodes {
    type Object = Node;
    type Id = NodeId;
    const KIND: &'static str = "node";
    async fn page(
        &self,
        app: &SharedApp,
        cx: &OpCtx,
        page: page::Request<NodeId>,
    ) -> Result<Page<Node>, Error> {
        nodes::service::list(app, cx, page, self.0.clone()).await
    }
    async fn find(&self, app: &SharedApp, cx: &OpCtx, id: &str) -> Result<Option<Node>, Error> {
        let node = found(nodes::service::get(app, cx, id).await)?;
        Ok(node.filter(|node| match self.0.state {
            Some(state) => state == node.state,
            None => node.state != NodeState::Revoked,
        }))
    }
    fn id(object: &Node) -> NodeId {
        object.id
    }
}

//! The kinds of object and what may be done with each, so that one `get`, `list`, `create` serves all.

use mc_api::approval::Approval;
use mc_api::artifact::Artifact;
use mc_api::auth::{CreatePrincipal, Principal};
use mc_api::doc::{CreateDoc, Doc, UpdateDoc};
use mc_api::kluster::{CreateKluster, Kluster, UpdateKluster};
use mc_api::mission::{CreateMission, Mission, UpdateMission};
use mc_api::node::{CreateJoinToken, JoinToken, Node};
use mc_api::overlap::OverlapSuggestion;
use mc_api::persistence::{Binding, Connection, CreateBinding, CreateConnection};
use mc_api::publication::{CreatePublication, Publication};
use mc_api::reservation::{CreateReservation, Reservation};
use mc_api::session::{AgentSession, CreateSession, Turn};
use mc_api::skill::SkillBundle;
use mc_api::task::{CreateTask, Task, UpdateTask};
use mc_api::template::{CreateTemplate, TaskTemplate};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A kind of object that has a collection under `/api/v1`.
pub trait Resource: DeserializeOwned + Serialize + Send + Sync + 'static {
    /// The kind, singular.
    const KIND: &'static str;
    /// The collection's path segment.
    const COLLECTION: &'static str;
    /// The id's text.
    fn id(&self) -> String;
    /// The optimistic lock.
    fn version(&self) -> i64;
}

/// May be created.
pub trait Creatable: Resource {
    /// The body of the creation.
    type Create: Serialize + Sync;
}

/// May be changed by JSON Merge Patch.
pub trait Patchable: Resource {
    /// The patch.
    type Update: Serialize + Sync;
}

/// May be deleted.
pub trait Deletable: Resource {}

macro_rules! resources {
    ($($type:ty, $kind:literal, $collection:literal;)+) => {
        $(impl Resource for $type {
            const KIND: &'static str = $kind;
            const COLLECTION: &'static str = $collection;
            fn id(&self) -> String {
                self.id.to_string()
            }
            fn version(&self) -> i64 {
                self.version
            }
        })+
    };
}

macro_rules! creatable { ($($type:ty: $create:ty;)+) => { $(impl Creatable for $type { type Create = $create; })+ }; }
macro_rules! patchable { ($($type:ty: $update:ty;)+) => { $(impl Patchable for $type { type Update = $update; })+ }; }
macro_rules! deletable { ($($type:ty;)+) => { $(impl Deletable for $type {})+ }; }

resources! {
    Mission, "mission", "missions";
    Kluster, "kluster", "klusters";
    Task, "task", "tasks";
    Artifact, "artifact", "artifacts";
    Doc, "doc", "docs";
    SkillBundle, "skill", "skills";
    Approval, "approval", "approvals";
    Publication, "publication", "publications";
    Reservation, "reservation", "reservations";
    AgentSession, "session", "sessions";
    Turn, "turn", "turns";
    Principal, "principal", "principals";
    Node, "node", "nodes";
    OverlapSuggestion, "overlap", "overlaps";
    TaskTemplate, "template", "templates";
    Connection, "connection", "connections";
    Binding, "binding", "bindings";
}

impl Resource for JoinToken {
    const KIND: &'static str = "join_token";
    const COLLECTION: &'static str = "join-tokens";
    fn id(&self) -> String {
        self.id.to_string()
    }
    /// It changes by its uses only.
    fn version(&self) -> i64 {
        self.used
    }
}
creatable! {
    Mission: CreateMission;
    Kluster: CreateKluster;
    Task: CreateTask;
    Doc: CreateDoc;
    TaskTemplate: CreateTemplate;
    Publication: CreatePublication;
    Reservation: CreateReservation;
    AgentSession: CreateSession;
    Principal: CreatePrincipal;
    JoinToken: CreateJoinToken;
    Connection: CreateConnection;
    Binding: CreateBinding;
}
patchable! { Mission: UpdateMission; Kluster: UpdateKluster; Task: UpdateTask; Doc: UpdateDoc; }
deletable! { TaskTemplate; Mission; Kluster; Task; Artifact; Doc; Node; JoinToken; Connection; Binding; }

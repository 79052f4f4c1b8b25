//! Where a mission publishes to: connections with sealed credentials, bindings, the policy with its routes, and plans.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::id::{BindingId, ConnectionId, MissionId, PrincipalId};
use crate::{Labels, Name, Timestamp};

crate::text_enum! {
    /// How a connection reaches its repositories.
    pub enum ConnectionKind {
        /// Bare repositories in a folder of the server's machine.
        Local = "local",
        /// Git over HTTPS.
        Https = "https",
        /// Git over SSH.
        Ssh = "ssh",
    }
}

crate::text_enum! {
    /// What a connection proves itself with.
    pub enum CredentialKind {
        /// Nothing.
        None = "none",
        /// An access token, sent as the password of HTTP Basic.
        Token = "token",
        /// A user's password.
        Password = "password",
        /// A private key for SSH without a passphrase.
        SshKey = "ssh_key",
    }
}

crate::text_enum! {
    /// What can be published.
    pub enum EntityKind {
        /// A mission.
        Mission = "mission",
        /// A kluster.
        Kluster = "kluster",
        /// A task.
        Task = "task",
        /// A doc with the text of its newest version.
        Doc = "doc",
        /// An artifact: metadata, with the content when it is a small text.
        Artifact = "artifact",
        /// The keystone of a mission or kluster.
        Keystone = "keystone",
    }
}

crate::text_enum! {
    /// How a published file is written.
    pub enum PublishFormat {
        /// Front matter in YAML, then text.
        Markdown = "markdown",
        /// YAML.
        Yaml = "yaml",
        /// JSON.
        Json = "json",
    }
}

crate::text_enum! {
    /// What publishing would change in the repository.
    pub enum PlannedChange {
        /// This was never published there.
        Create = "create",
        /// Another state of it was published there.
        Update = "update",
        /// Exactly this was published there.
        Unchanged = "unchanged",
        /// The file of a deleted entity goes.
        Remove = "remove",
    }
}

impl PublishFormat {
    /// The end of file names.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Markdown => "md",
            Self::Yaml => "yaml",
            Self::Json => "json",
        }
    }
}

/// A connection: where repositories are, and what opens them. The credential is sealed and never shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Connection {
    /// Always `connection`.
    #[serde(default = "connection")]
    pub kind: String,
    /// The id.
    pub id: ConnectionId,
    /// Unique in the organization.
    pub name: Name,
    /// How repositories are reached.
    pub connection_kind: ConnectionKind,
    /// What stands before the repository: an absolute folder, `https://host/path`, `ssh://host:port/path`. Never changes:
    /// a credential is not sent to another place than it was given for.
    pub url: String,
    /// The user, for passwords, tokens and SSH.
    pub username: Option<String>,
    /// What it proves itself with.
    pub credential_kind: CredentialKind,
    /// Certificates in PEM that the server's must be signed by, instead of the system's.
    pub ca_certificate: Option<String>,
    /// The host key that is trusted, as `type base64`.
    pub host_key: Option<String>,
    /// Its fingerprint, `SHA256:…`.
    pub host_key_sha256: Option<String>,
    /// For selection.
    pub labels: Labels,
    /// Optimistic lock; also the `ETag`.
    pub version: i64,
    /// Who created it.
    pub created_by: PrincipalId,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

fn connection() -> String {
    "connection".into()
}

/// A secret on its way in.
#[derive(Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Credential {
    /// Which sort.
    pub credential_kind: CredentialKind,
    /// The token, the password, or the private key in PEM.
    #[serde(default)]
    pub secret: String,
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Credential({}, …)", self.credential_kind)
    }
}

/// Makes a connection (`POST /api/v1/connections`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateConnection {
    /// Unique in the organization.
    pub name: Name,
    /// How repositories are reached.
    pub connection_kind: ConnectionKind,
    /// What stands before the repository; without user, password, query and fragment.
    pub url: String,
    /// The user.
    #[serde(default)]
    pub username: Option<String>,
    /// Absent: none.
    #[serde(default)]
    pub credential: Option<Credential>,
    /// PEM, for `https`.
    #[serde(default)]
    pub ca_certificate: Option<String>,
    /// `type base64`, for `ssh`; or accept a fingerprint in a test.
    #[serde(default)]
    pub host_key: Option<String>,
    /// For selection.
    #[serde(default)]
    pub labels: Labels,
}

/// Replaces the credential (`POST /api/v1/connections/{ref}/rotate`). The old one is gone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RotateCredential {
    /// The new one.
    pub credential: Credential,
    /// Absent: the user stays.
    #[serde(default)]
    pub username: Option<String>,
}

/// Tests a connection without writing (`POST /api/v1/connections/{ref}/test`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TestConnection {
    /// The repository below the connection's URL.
    pub repository: String,
    /// Default `main`.
    #[serde(default)]
    pub branch: Option<String>,
    /// For `ssh`: trust the host key with this fingerprint (`SHA256:…`), if the host presents it now.
    #[serde(default)]
    pub accept_host_key: Option<String>,
}

/// What a test found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ConnectionTest {
    /// Always `connection_test`.
    pub kind: String,
    /// Reading works, and a push would be taken.
    pub ok: bool,
    /// The branch can be read, or is absent from a repository that can.
    pub readable: bool,
    /// A push would be taken; nothing was pushed.
    pub writable: bool,
    /// Where the branch is.
    pub head: Option<String>,
    /// Fingerprints of the host keys that the host presents, when none is trusted yet.
    pub host_keys_sha256: Vec<String>,
    /// For people.
    pub message: String,
}

/// A binding: a mission publishes to this branch of this repository.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Binding {
    /// Always `binding`.
    #[serde(default = "binding")]
    pub kind: String,
    /// The id.
    pub id: BindingId,
    /// Unique in the mission.
    pub name: Name,
    /// The mission.
    pub mission_id: MissionId,
    /// The mission's name.
    pub mission: Name,
    /// The connection.
    pub connection_id: ConnectionId,
    /// The connection's name.
    pub connection: Name,
    /// The repository below the connection's URL.
    pub repository: String,
    /// The branch.
    pub branch: String,
    /// The folder in the repository that everything is below; empty: the top.
    pub base_path: String,
    /// Optimistic lock; also the `ETag`. A binding never changes: what was approved for it goes nowhere else.
    pub version: i64,
    /// Who created it.
    pub created_by: PrincipalId,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

fn binding() -> String {
    "binding".into()
}

/// Binds a mission to a repository (`POST /api/v1/bindings`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateBinding {
    /// Mission id or name.
    pub mission: String,
    /// Unique in the mission.
    pub name: Name,
    /// Connection id or name.
    pub connection: String,
    /// The repository below the connection's URL, such as `team/ledger.git`.
    pub repository: String,
    /// Default `main`.
    #[serde(default)]
    pub branch: Option<String>,
    /// Default `missions/<mission>`.
    #[serde(default)]
    pub base_path: Option<String>,
}

crate::text_enum! {
    /// What becomes of a published file when its entity is deleted.
    pub enum OnDelete {
        /// Publishing what waits removes it.
        Remove = "remove",
        /// It stays as it was published last.
        Keep = "keep",
    }
}

crate::text_enum! {
    /// What a publication does with a file.
    pub enum ItemOperation {
        /// Writes the state of the entity.
        Write = "write",
        /// Removes the file of a deleted entity.
        Remove = "remove",
    }
}

fn write() -> ItemOperation {
    ItemOperation::Write
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_write(operation: &ItemOperation) -> bool {
    *operation == ItemOperation::Write
}

/// A route: what it fits goes to a binding. The first that fits counts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// The kinds it fits; empty: every kind.
    #[serde(default)]
    pub entities: Vec<EntityKind>,
    /// Labels that the entity must have, all of them.
    #[serde(default)]
    pub labels: Labels,
    /// The binding's name; absent: the Git ledger of the installation.
    #[serde(default)]
    pub binding: Option<Name>,
    /// Where in the base path, such as `tasks/{key}.{ext}`. Placeholders: `mission`, `kluster`, `kind`, `id`, `key`,
    /// `name`, `ext`; one of `id` and `key` is needed. Absent: the usual place.
    #[serde(default)]
    pub path: Option<String>,
    /// Absent: `markdown`, for artifacts `json`.
    #[serde(default)]
    pub format: Option<PublishFormat>,
    /// What becomes of the file when the entity is deleted. Absent: `remove`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_delete: Option<OnDelete>,
}

/// What a mission publishes where (`GET /api/v1/publication-policies/{mission}`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PublicationPolicy {
    /// Always `publication_policy`.
    pub kind: String,
    /// The mission.
    pub mission_id: MissionId,
    /// The mission's name.
    pub mission: Name,
    /// Where goes what no route fits: a binding's name; absent: the Git ledger of the installation, unless `fail_closed`.
    pub default_binding: Option<Name>,
    /// What no route fits, and no default binding takes, is refused.
    pub fail_closed: bool,
    /// In order; the first that fits counts.
    pub routes: Vec<Route>,
    /// Optimistic lock; also the `ETag`. 0: nothing was ever set.
    pub version: i64,
    /// When it was set.
    pub updated_at: Option<Timestamp>,
}

/// Replaces the policy of a mission (`PUT`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PutPublicationPolicy {
    /// A binding's name.
    #[serde(default)]
    pub default_binding: Option<Name>,
    /// Refuse what has no route.
    #[serde(default)]
    pub fail_closed: bool,
    /// In order.
    #[serde(default)]
    pub routes: Vec<Route>,
}

/// An entity, as callers name it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EntityRef {
    /// Its kind.
    pub entity_type: EntityKind,
    /// Its id, key or name. A keystone also by its mission's or kluster's id or name.
    pub entity_id: String,
}

/// An entity as it is published: which state of it, and where.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PublicationItem {
    /// Its kind.
    pub entity_type: EntityKind,
    /// Its id.
    pub entity_id: String,
    /// Its version when it was asked for.
    pub entity_version: i64,
    /// The file in the repository.
    pub path: String,
    /// How it is written.
    pub format: PublishFormat,
    /// SHA-256 of the canonical text of its state; of a removal: of the state that was published last.
    pub sha256: String,
    /// Absent: `write`.
    #[serde(default = "write", skip_serializing_if = "is_write")]
    pub operation: ItemOperation,
}

/// What would be published (`POST /api/v1/publications/plan`); nothing is changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanPublication {
    /// Mission id or name.
    pub mission: String,
    /// 1 to 256.
    pub entities: Vec<EntityRef>,
}

/// An entity of a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PlannedItem {
    /// Which state of it, and where.
    #[serde(flatten)]
    pub item: PublicationItem,
    /// The binding's name; absent: the Git ledger of the installation.
    pub binding: Option<Name>,
    /// The repository.
    pub repository: String,
    /// The branch.
    pub branch: String,
    /// The number of the route in the policy, from 0; absent: no route fits.
    pub route: Option<u32>,
    /// What publishing would change.
    pub change: PlannedChange,
}

/// What a publication would do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PublishPlan {
    /// Always `publish_plan`.
    pub kind: String,
    /// The mission.
    pub mission_id: MissionId,
    /// The mission's name.
    pub mission: Name,
    /// In the order of the request.
    pub items: Vec<PlannedItem>,
    /// How many publications it takes: one for each binding.
    pub publications: u32,
    /// What waits in the mission for each target that the plan names, this plan's entities among it.
    #[serde(default)]
    pub targets: Vec<PendingTarget>,
    /// The kind of approval that is needed; always `publish`.
    pub approval_kind: String,
    /// Whether the one who asks may also decide.
    pub self_approval: bool,
}

/// An entity that changed since it was last published, or never was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PendingEntity {
    /// Its kind.
    pub entity_type: EntityKind,
    /// Its id.
    pub entity_id: String,
    /// How many events of it are not published there.
    pub events: i64,
    /// The position of the newest.
    pub last_seq: i64,
    /// Where it waits to go: the binding's name; absent: the Git ledger of the installation, or no route.
    #[serde(default)]
    pub binding: Option<Name>,
    /// The file; absent when no route takes it.
    #[serde(default)]
    pub path: Option<String>,
    /// What publishing would change; absent when no route takes it.
    #[serde(default)]
    pub change: Option<PlannedChange>,
    /// Why no route takes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_route: Option<String>,
}

/// What waits for one target of a mission.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PendingTarget {
    /// The binding; absent: the Git ledger of the installation.
    pub binding_id: Option<BindingId>,
    /// Its name.
    pub binding: Option<Name>,
    /// The repository.
    pub repository: String,
    /// The branch.
    pub branch: String,
    /// Entities among the items that would be written.
    pub changed: i64,
    /// Files among the items that would be removed.
    pub removed: i64,
    /// Publications of the mission to it that wait for their approval.
    pub awaiting_approval: i64,
    /// Publications that wait for their commit.
    pub queued: i64,
    /// Publications that failed and wait for somebody.
    pub failed: i64,
}

/// What waits for publication in a mission, and where it waits to go.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PendingList {
    /// Always `pending`.
    pub kind: String,
    /// Oldest change first; an entity that waits for two targets is there twice.
    pub items: Vec<PendingEntity>,
    /// One for each target that something waits for.
    #[serde(default)]
    pub targets: Vec<PendingTarget>,
}

/// Asks for the publication of everything that waits (`POST /api/v1/publications/pending`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PublishPending {
    /// Mission id or name.
    pub mission_id: String,
    /// Only what goes to this binding, by name or id; `-`: only what goes to the Git ledger of the installation. Absent:
    /// every target.
    #[serde(default)]
    pub binding: Option<String>,
}

/// Something that was not published.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LeftOut {
    /// Its kind.
    pub entity_type: EntityKind,
    /// Its id.
    pub entity_id: String,
    /// Why.
    pub reason: String,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PublishedPending {
    /// Always `published_pending`.
    pub kind: String,
    /// One for each binding.
    pub publications: Vec<crate::publication::Publication>,
    /// What was left out.
    pub left_out: Vec<LeftOut>,
    /// What still waits for each target, with these publications.
    #[serde(default)]
    pub targets: Vec<PendingTarget>,
}

/// How far a mission is published (`GET /api/v1/publications/status`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PublicationStatus {
    /// Always `publication_status`.
    pub kind: String,
    /// The mission.
    pub mission_id: MissionId,
    /// Publications that wait for their approval.
    pub awaiting_approval: i64,
    /// Publications that wait for their commit.
    pub queued: i64,
    /// Of those, how many failed at least once.
    pub retrying: i64,
    /// Publications in Git.
    pub published: i64,
    /// Publications that failed for good, or too often: somebody retries or withdraws them.
    #[serde(default)]
    pub failed: i64,
    /// Publications that were given up.
    #[serde(default)]
    pub withdrawn: i64,
    /// The newest publications, newest first.
    pub publications: Vec<crate::publication::Publication>,
}

/// Sets up where a mission publishes in one step: the binding, and the policy that uses it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProvisionPersistence {
    /// Mission id or name.
    pub mission_id: String,
    /// Connection id or name.
    pub connection: String,
    /// The repository below the connection's URL.
    pub repository: String,
    /// Default `main`.
    #[serde(default)]
    pub branch: Option<String>,
    /// Default `missions/<mission>`.
    #[serde(default)]
    pub base_path: Option<String>,
    /// The binding's name; default `ledger`. One that is there and the same is used.
    #[serde(default)]
    pub binding: Option<Name>,
    /// Default false.
    #[serde(default)]
    pub fail_closed: bool,
    /// Default none: everything goes to the binding.
    #[serde(default)]
    pub routes: Vec<Route>,
}

/// What was set up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ProvisionedPersistence {
    /// The binding.
    pub binding: Binding,
    /// The policy.
    pub policy: PublicationPolicy,
}

/// A file of a Git ledger.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LedgerFile {
    /// Its path from the top of the repository.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// Rebuilds published state in an empty installation (`POST /api/v1/ledger/restore`). What is larger goes as a stream, see
/// [`crate::restore`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RestoreLedger {
    /// All text files of the branch.
    pub files: Vec<LedgerFile>,
    /// Where they come from, for the record: the commit id.
    pub commit: String,
    /// Whose state is rebuilt, when several installations went on side by side: its id, or a folder of its chains.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub installation: Option<String>,
    /// What files held in earlier commits: versions of docs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<LedgerFile>,
}

/// What was rebuilt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RestoredLedger {
    /// Always `restored_ledger`.
    pub kind: String,
    /// The commit that it comes from.
    pub commit: String,
    /// The last position of the chain that was verified.
    pub verified_seq: i64,
    /// The hash there.
    pub verified_hash: String,
    /// Missions, also those of which only the name is known.
    pub missions: i64,
    /// Klusters, also those of which only the name is known.
    pub klusters: i64,
    /// Tasks.
    pub tasks: i64,
    /// Docs without keystones.
    pub docs: i64,
    /// Versions of docs and keystones.
    #[serde(default)]
    pub doc_versions: i64,
    /// Keystones.
    pub keystones: i64,
    /// Artifacts.
    pub artifacts: i64,
    /// The installation whose state it is.
    #[serde(default)]
    pub installation: String,
    /// What is not as it was, such as an artifact whose bytes are not in Git.
    pub notes: Vec<String>,
}

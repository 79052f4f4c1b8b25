//! Actions, roles, and the one table that says which role may do what.

crate::text_enum! {
    /// A named permission set, held for the organization or for one mission.
    pub enum Role {
        /// Reads everything in scope.
        Viewer = "viewer",
        /// Reads and works: creates, claims, uploads, asks for approvals.
        Contributor = "contributor",
        /// Everything, also principals, roles and deletion.
        Admin = "admin",
    }
}

macro_rules! actions {
    ($($(#[$meta:meta])* $variant:ident = $text:literal => $role:ident,)+) => {
        crate::text_enum! {
            /// What an operation does, as authorization and the ledger name it: `subject.verb`.
            pub enum Action { $($(#[$meta])* $variant = $text),+ }
        }
        impl Action {
            /// The least role that may do it.
            pub const fn least_role(self) -> Role {
                match self { $(Self::$variant => Role::$role),+ }
            }
        }
    };
}

actions! {
    /// Read missions.
    ReadMission = "mission.read" => Viewer,
    /// Create a mission.
    CreateMission = "mission.create" => Contributor,
    /// Change a mission.
    UpdateMission = "mission.update" => Contributor,
    /// Delete a mission.
    DeleteMission = "mission.delete" => Admin,
    /// Export a mission as a pack.
    ExportMission = "mission.export" => Contributor,
    /// Export a mission with what looks like credentials.
    ExportSecrets = "mission.export_secrets" => Admin,
    /// Import a mission from a pack: states, decisions and policies that no operation here made.
    ImportMission = "mission.import" => Admin,
    /// Read klusters.
    ReadKluster = "kluster.read" => Viewer,
    /// Create a kluster.
    CreateKluster = "kluster.create" => Contributor,
    /// Change a kluster.
    UpdateKluster = "kluster.update" => Contributor,
    /// Delete a kluster.
    DeleteKluster = "kluster.delete" => Admin,
    /// Read tasks.
    ReadTask = "task.read" => Viewer,
    /// Create a task.
    CreateTask = "task.create" => Contributor,
    /// Change a task's description, dependencies or policy.
    UpdateTask = "task.update" => Contributor,
    /// Delete a task.
    DeleteTask = "task.delete" => Admin,
    /// Claim a task.
    ClaimTask = "task.claim" => Contributor,
    /// Renew the lease of a claim.
    HeartbeatTask = "task.heartbeat" => Contributor,
    /// Report progress with the newest attempt.
    ProgressTask = "task.progress" => Contributor,
    /// Complete a task with the newest attempt.
    CompleteTask = "task.complete" => Contributor,
    /// Give a task up with the newest attempt.
    FailTask = "task.fail" => Contributor,
    /// Give a claim back with the newest attempt.
    ReleaseTask = "task.release" => Contributor,
    /// Cancel, block, unblock or retry a task.
    SteerTask = "task.steer" => Contributor,
    /// Accept or reject a task in review.
    ReviewTask = "task.review" => Contributor,
    /// Read task templates and their versions.
    ReadTemplate = "template.read" => Viewer,
    /// Create a task template.
    CreateTemplate = "template.create" => Contributor,
    /// Write a new version of a task template.
    UpdateTemplate = "template.update" => Contributor,
    /// Delete a task template.
    DeleteTemplate = "template.delete" => Admin,
    /// Read suggestions of overlapping work, and ask what a task would overlap.
    ReadOverlap = "overlap.read" => Viewer,
    /// Accept or dismiss a suggestion of overlapping work.
    DecideOverlap = "overlap.decide" => Contributor,
    /// Say what a mutation does about overlapping work.
    SetOverlapPolicy = "overlap.set_policy" => Admin,
    /// Read artifacts' metadata.
    ReadArtifact = "artifact.read" => Viewer,
    /// Read artifacts' bytes.
    DownloadArtifact = "artifact.download" => Viewer,
    /// Store an artifact.
    CreateArtifact = "artifact.create" => Contributor,
    /// Delete an artifact.
    DeleteArtifact = "artifact.delete" => Admin,
    /// Replace an artifact of a kluster by another with the same name.
    ReplaceArtifact = "artifact.replace" => Contributor,
    /// Read docs, their versions and texts.
    ReadDoc = "doc.read" => Viewer,
    /// Create a doc, also a keystone.
    CreateDoc = "doc.create" => Contributor,
    /// Change a doc's metadata or write a new version.
    UpdateDoc = "doc.update" => Contributor,
    /// Publish a version of a doc.
    PublishDoc = "doc.publish" => Contributor,
    /// Delete a doc.
    DeleteDoc = "doc.delete" => Admin,
    /// Read skill bundles and what they come to, and who has which.
    ReadSkill = "skill.read" => Viewer,
    /// Store a version of a skill bundle as a draft.
    CreateSkill = "skill.create" => Contributor,
    /// Publish a skill bundle: every agent there follows it from then on.
    PublishSkill = "skill.publish" => Admin,
    /// Take a skill bundle out of use.
    DeprecateSkill = "skill.deprecate" => Admin,
    /// Say which skills one has, and what was changed in them.
    ReportSkill = "skill.report" => Contributor,
    /// Read own profiles.
    ReadProfile = "profile.read" => Viewer,
    /// Store a version of an own profile.
    PushProfile = "profile.push" => Contributor,
    /// Choose which of the own profiles is used where none is named.
    ActivateProfile = "profile.activate" => Contributor,
    /// Keep to a version of an own profile.
    PinProfile = "profile.pin" => Contributor,
    /// Give an own profile up.
    DropProfile = "profile.drop" => Contributor,
    /// Read an own workspace and what it loaded.
    ReadWorkspace = "workspace.read" => Viewer,
    /// Load a kluster under a lease and renew it.
    LoadWorkspace = "workspace.load" => Contributor,
    /// Give a workspace back.
    ReleaseWorkspace = "workspace.release" => Contributor,
    /// Commit a workspace; each change needs its own action too.
    CommitWorkspace = "workspace.commit" => Contributor,
    /// Read approvals.
    ReadApproval = "approval.read" => Viewer,
    /// Ask for an approval.
    RequestApproval = "approval.request" => Contributor,
    /// Decide an approval.
    DecideApproval = "approval.decide" => Contributor,
    /// Withdraw an own approval request.
    CancelApproval = "approval.cancel" => Contributor,
    /// Ask for a publication.
    RequestPublication = "publication.request" => Contributor,
    /// Publish to the Git ledger.
    Publish = "publication.publish" => Contributor,
    /// Give a publication up.
    WithdrawPublication = "publication.withdraw" => Contributor,
    /// Try a publication again.
    RetryPublication = "publication.requeue" => Contributor,
    /// Read publications.
    ReadPublication = "publication.read" => Viewer,
    /// Read connections to Git repositories; credentials are never read.
    ReadConnection = "connection.read" => Viewer,
    /// Make, change, test and delete connections.
    ManageConnection = "connection.manage" => Admin,
    /// Read bindings and what a mission publishes where.
    ReadBinding = "binding.read" => Viewer,
    /// Bind missions to repositories.
    ManageBinding = "binding.manage" => Admin,
    /// Say what a mission publishes where.
    SetPublicationPolicy = "publication.set_policy" => Admin,
    /// Rebuild published state from a Git ledger.
    RestoreLedger = "ledger.restore" => Admin,
    /// Read path reservations, and ask which ones touch a path.
    ReadReservation = "reservation.read" => Viewer,
    /// Reserve paths of a repository.
    CreateReservation = "reservation.create" => Contributor,
    /// Renew an own reservation.
    RenewReservation = "reservation.renew" => Contributor,
    /// Release an own reservation.
    ReleaseReservation = "reservation.release" => Contributor,
    /// Release somebody else's reservation.
    BreakReservation = "reservation.break" => Admin,
    /// Read agent sessions, their turns and events.
    ReadSession = "session.read" => Viewer,
    /// Create an agent session.
    CreateSession = "session.create" => Contributor,
    /// Prompt, cancel, stop an agent session, decide for it.
    SteerSession = "session.steer" => Contributor,
    /// Read nodes.
    ReadNode = "node.read" => Viewer,
    /// Make join tokens, cordon and revoke nodes.
    ManageNode = "node.manage" => Admin,
    /// Read the ledger.
    ReadLedger = "ledger.read" => Viewer,
    /// Export the whole ledger.
    ExportLedger = "ledger.export" => Admin,
    /// Read principals and roles.
    ReadPrincipal = "principal.read" => Viewer,
    /// Create principals and grant roles.
    ManagePrincipal = "principal.manage" => Admin,
    /// Make a login session for oneself.
    Login = "auth.login" => Viewer,
    /// Revoke an own login session.
    Logout = "auth.logout" => Viewer,
    /// Make a grant for an agent.
    IssueGrant = "grant.issue" => Contributor,
    /// End a grant before its time.
    RevokeGrant = "grant.revoke" => Contributor,
    /// Read what the system says of itself.
    ReadSystem = "system.read" => Viewer,
    /// Compare stored contents with what names them, and mend what differs.
    MendSystem = "system.mend" => Admin,
    /// Put together what somebody else needs to look into a problem.
    ExportSystem = "system.export" => Admin,
    /// Make the configuration of an MQTT broker, with a certificate of the installation's authority.
    ConfigureBroker = "system.configure_broker" => Admin,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_needs_no_more_than_viewer_and_deleting_needs_admin() {
        for action in Action::ALL {
            let verb = action.as_str().split('.').nth(1).expect("an action is subject.verb");
            match verb {
                "read" => assert_eq!(action.least_role(), Role::Viewer, "{action}"),
                "delete" | "manage" => assert_eq!(action.least_role(), Role::Admin, "{action}"),
                _ => {}
            }
        }
    }
}

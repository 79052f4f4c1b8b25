//! Workspaces and keystones.

use mc_api::doc::{Doc, DocContent, InitKeystone};
use mc_api::workspace::{
    CommitWorkspace, CommittedWorkspace, HeartbeatWorkspace, LoadWorkspace, LoadedWorkspace,
    ReleaseWorkspace, Workspace, WorkspaceContent,
};
use reqwest::Method;
use uuid::Uuid;

use crate::query::Scope;
use crate::transport::Call;
use crate::{Client, Error};

impl Client {
    /// Makes a keystone from its template, unless there is one.
    pub async fn init_keystone(&self, body: &InitKeystone) -> Result<Doc, Error> {
        self.json(Call::new(Method::POST, &["api", "v1", "keystones"]).json(body)).await
    }

    /// The keystone of a mission, or of a kluster when the scope names one.
    pub async fn keystone(&self, scope: &Scope) -> Result<DocContent, Error> {
        self.json(Call::get(&["api", "v1", "keystones"]).query(scope.pairs())).await
    }

    /// Loads a kluster under a lease.
    pub async fn load_workspace(&self, body: &LoadWorkspace) -> Result<LoadedWorkspace, Error> {
        self.json(Call::new(Method::POST, &["api", "v1", "workspaces"]).json(body)).await
    }

    /// The lease of a workspace.
    pub async fn workspace(&self, id: &str) -> Result<Workspace, Error> {
        self.json(Call::get(&["api", "v1", "workspaces", id])).await
    }

    /// A path in the version that was loaded.
    pub async fn workspace_content(&self, id: &str, path: &str) -> Result<WorkspaceContent, Error> {
        let query = vec![("path", path.to_owned())];
        self.json(Call::get(&["api", "v1", "workspaces", id, "content"]).query(query)).await
    }

    /// Renews the lease.
    pub async fn heartbeat_workspace(&self, id: &str, body: &HeartbeatWorkspace) -> Result<Workspace, Error> {
        self.json(Call::new(Method::POST, &["api", "v1", "workspaces", id, "heartbeat"]).json(body)).await
    }

    /// Commits a change set. `key` stands for it: sent again after a lost answer it gives the same answer.
    pub async fn commit_workspace(
        &self,
        id: &str,
        key: [u8; 16],
        body: &CommitWorkspace,
    ) -> Result<CommittedWorkspace, Error> {
        let path = ["api", "v1", "workspaces", id, "commit"];
        self.json(Call::new(Method::POST, &path).key(Uuid::from_bytes(key)).json(body)).await
    }

    /// Gives the workspace back.
    pub async fn release_workspace(&self, id: &str, body: &ReleaseWorkspace) -> Result<Workspace, Error> {
        self.json(Call::new(Method::POST, &["api", "v1", "workspaces", id, "release"]).json(body)).await
    }
}

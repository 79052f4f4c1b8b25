//! Workspaces as tools for agents.

use futures_util::FutureExt as _;
use mc_api::Action;
use mc_api::tool::{NoArguments, WorkspacePath, WorkspaceRef};
use mc_api::workspace::{CommitWorkspace, HeartbeatWorkspace, LoadWorkspace, ReleaseWorkspace};

use super::service::{self, Which};
use crate::error::Error;
use crate::mcp::Tool;

/// The tools.
pub fn tools() -> Vec<Tool> {
    vec![
        Tool::new(
            "load_kluster_workspace",
            Action::LoadWorkspace,
            "Loads a whole kluster under a lease (15 minutes unless said): docs with their texts, artifacts' metadata, tasks, \
             both keystones, and an index of paths with the versions that a commit is checked against.",
            |app, cx, _: NoArguments, body: LoadWorkspace| async move { service::load(&app, &cx, body).boxed().await },
        ),
        Tool::new(
            "heartbeat_workspace_lease",
            Action::LoadWorkspace,
            "Renews the lease of a workspace.",
            |app, cx, it: WorkspaceRef, body: HeartbeatWorkspace| async move {
                service::heartbeat(&app, &cx, &it.workspace, body).boxed().await
            },
        ),
        Tool::new(
            "fetch_workspace_artifact",
            Action::ReadWorkspace,
            "The content of a path of a workspace as it was loaded: a doc's text, or an artifact up to 512 KiB.",
            |app, cx, it: WorkspaceRef, at: WorkspacePath| async move {
                let which = match (at.path, at.artifact_id) {
                    (Some(path), None) => Which::Path(path),
                    (None, Some(id)) => Which::Id(id),
                    _ => return Err(Error::invalid("/path", "give exactly one of path and artifact_id")),
                };
                service::fetch(&app, &cx, &it.workspace, &which).boxed().await
            },
        )
        .read_only(),
        Tool::new(
            "commit_kluster_workspace",
            Action::CommitWorkspace,
            "Commits changes of docs (docs/<name>.md, keystones/…) and artifacts (artifacts/<name>) at once: all of them, or \
             nothing and the list of conflicts. A change without base_version is checked against the workspace's index. \
             Give a `key` of your own to repeat it safely.",
            |app, cx, it: WorkspaceRef, body: CommitWorkspace| async move {
                service::commit(&app, cx, &it.workspace, body).boxed().await.map(|(_, committed)| committed)
            },
        ),
        Tool::new(
            "release_kluster_workspace",
            Action::ReleaseWorkspace,
            "Gives a workspace back. What was not committed stays undone.",
            |app, cx, it: WorkspaceRef, body: ReleaseWorkspace| async move {
                service::release(&app, &cx, &it.workspace, body).boxed().await
            },
        ),
    ]
}

//! Overlaps as tools for agents.

use futures_util::FutureExt as _;
use mc_api::Action;
use mc_api::overlap::{AcceptOverlap, CheckOverlap, DismissOverlap, OverlapState};
use mc_api::tool::{NoArguments, OverlapRef, OverlapsOfTask};

use super::routes::{self, Side};
use super::service;
use crate::http::page;
use crate::mcp::Tool;

/// The tools.
pub fn tools() -> Vec<Tool> {
    vec![
        Tool::new(
            "check_overlap",
            Action::ReadOverlap,
            "Says which existing tasks a new one would overlap (kind doc or artifact: which texts), and whether the policy would \
             refuse it. Changes nothing. Call it before create_task, create_doc, create_artifact.",
            |app, cx, _: NoArguments, body: CheckOverlap| async move { service::check(&app, &cx, body).boxed().await },
        )
        .read_only(),
        Tool::new(
            "get_overlap_suggestions",
            Action::ReadOverlap,
            "The open suggestions of overlapping work for a task, doc or artifact, or of everything that you may read.",
            |app, cx, wanted: OverlapsOfTask, _: NoArguments| async move {
                let state = wanted.state.unwrap_or(OverlapState::Open);
                let side = Side { task: wanted.task_id, doc: wanted.doc_id, artifact: wanted.artifact_id };
                let narrow =
                    routes::narrow(&app, &cx, wanted.mission, side, Some(state)).boxed().await?;
                let page =
                    page::Request::read(&app, format!("overlaps {narrow:?}"), wanted.limit, wanted.cursor.as_deref())?;
                service::list(&app, &cx, page, narrow).boxed().await
            },
        )
        .read_only(),
        Tool::new(
            "accept_overlap",
            Action::DecideOverlap,
            "Acts on a suggestion: link says that both belong together, wait makes the newer task wait for the existing \
             one, merge cancels the newer in favour of the existing one.",
            |app, cx, overlap: OverlapRef, body: AcceptOverlap| async move {
                service::accept(&app, &cx, &overlap.overlap, body).boxed().await
            },
        ),
        Tool::new(
            "dismiss_overlap",
            Action::DecideOverlap,
            "Says that a suggestion is none, and why.",
            |app, cx, overlap: OverlapRef, body: DismissOverlap| async move {
                service::dismiss(&app, &cx, &overlap.overlap, body).boxed().await
            },
        ),
    ]
}

//! The one list of tools.

use std::sync::LazyLock;
use std::time::Instant;

use serde_json::{Map, Value};

use super::Tool;
use crate::app::SharedApp;
use crate::error::Error;
use crate::op::OpCtx;
use crate::{
    applies, approvals, artifacts, authn, docs, embeddings, imports, klusters, ledger, missions, overlap,
    packs, persistence, planning, profiles, publications, reservations, search, skills, tasks, templates,
    workspaces,
};

static TOOLS: LazyLock<Vec<Tool>> = LazyLock::new(|| {
    let subjects = [
        authn::tools::tools(),
        missions::tools::tools(),
        klusters::tools::tools(),
        tasks::tools::tools(),
        planning::tools::tools(),
        templates::tools::tools(),
        applies::tools::tools(),
        imports::tools::tools(),
        packs::tools::tools(),
        overlap::tools::tools(),
        search::tools::tools(),
        embeddings::tools::tools(),
        artifacts::tools::tools(),
        docs::tools::tools(),
        skills::tools::tools(),
        profiles::tools::tools(),
        workspaces::tools::tools(),
        publications::tools::tools(),
        persistence::tools::tools(),
        approvals::tools::tools(),
        reservations::tools::tools(),
        ledger::tools::tools(),
    ];
    subjects.into_iter().flatten().collect()
});

/// Every tool, in the order in which they are told to agents.
pub fn all() -> &'static [Tool] {
    &TOOLS
}

/// The tool with this name.
pub fn find(name: &str) -> Option<&'static Tool> {
    all().iter().find(|tool| tool.name == name)
}

/// Runs a tool; counted by tool and outcome, which is `ok` or the problem's slug.
///
/// # Errors
/// [`mc_api::ProblemKind::NotFound`] when there is none, and the tool's own.
pub async fn call(
    app: SharedApp,
    cx: OpCtx,
    name: &str,
    arguments: Map<String, Value>,
) -> Result<Value, Error> {
    let tool = find(name).ok_or_else(|| Error::not_found("tool", name))?;
    let began = Instant::now();
    let answer = tool.call(app, cx, arguments).await;
    let outcome = answer.as_ref().map_or_else(|error| error.kind.slug(), |_| "ok");
    let labels = [("tool", tool.name), ("outcome", outcome)];
    metrics::counter!("mc_tool_calls_total", &labels).increment(1);
    metrics::histogram!("mc_tool_call_duration_seconds", &labels).record(began.elapsed().as_secs_f64());
    answer
}

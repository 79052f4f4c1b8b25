//! The one list of tools.

use std::sync::LazyLock;

use serde_json::{Map, Value};

use super::Tool;
use crate::app::SharedApp;
use crate::error::Error;
use crate::op::OpCtx;
use crate::{approvals, artifacts, authn, ledger, publications, tasks};

static TOOLS: LazyLock<Vec<Tool>> = LazyLock::new(|| {
    let subjects = [
        authn::tools::tools(),
        tasks::tools::tools(),
        artifacts::tools::tools(),
        publications::tools::tools(),
        approvals::tools::tools(),
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

/// Runs a tool.
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
    tool.call(app, cx, arguments).await
}

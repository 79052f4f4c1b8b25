//! Packs as tools for agents: what an export would hold. The bytes go through HTTP.

use futures_util::FutureExt as _;
use mc_api::Action;
use mc_api::pack::InspectExport;
use mc_api::tool::NoArguments;

use super::service;
use crate::mcp::Tool;

/// The tools.
pub fn tools() -> Vec<Tool> {
    vec![Tool::new(
        "inspect_mission_export",
        Action::ExportMission,
        "Says what an export of a mission would hold, and which of its texts look like credentials, without them.",
        |app, cx, _: NoArguments, body: InspectExport| async move {
            service::inspect(&app, &cx, &body.mission).boxed().await
        },
    )]
}

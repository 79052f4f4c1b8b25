//! `mc mcp`.

use crate::args::McpCommand;
use crate::bridge::{Bridge, Identity};
use crate::context::Invocation;

pub(super) async fn run(cx: &Invocation, command: McpCommand) -> anyhow::Result<()> {
    match command {
        McpCommand::Serve { grant_file } => {
            let identity = match grant_file {
                Some(path) => Identity::File(path),
                None => Identity::Given(cx.client()?),
            };
            Bridge::new(identity).serve().await
        }
    }
}

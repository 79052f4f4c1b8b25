//! `mc system`.

use mc_api::system::Version;
use serde::Serialize;

use crate::args::SystemCommand;
use crate::context::Invocation;
use crate::exit::Failure;
use crate::table;

/// Versions on both sides.
#[derive(Serialize)]
struct Versions {
    client: &'static str,
    server: Version,
}

pub(super) async fn run(cx: &Invocation, command: SystemCommand) -> anyhow::Result<()> {
    match command {
        SystemCommand::Doctor => doctor(cx).await,
        SystemCommand::Version => version(cx).await,
    }
}

async fn doctor(cx: &Invocation) -> anyhow::Result<()> {
    let health = cx.client()?.doctor().await?;
    cx.out.value(&health, || {
        let rows = health.checks.iter().map(|check| {
            let verdict = if check.ok { "ok" } else { "NOT OK" };
            vec![verdict.to_owned(), check.name.clone(), check.detail.clone()]
        });
        table::render(&["RESULT", "CHECK", "DETAIL"], rows.collect(), false)
    })?;
    let bad: Vec<&str> =
        health.checks.iter().filter(|check| !check.ok).map(|check| check.name.as_str()).collect();
    if health.ok { Ok(()) } else { Err(Failure::Refused(format!("not well: {}", bad.join(", "))).into()) }
}

async fn version(cx: &Invocation) -> anyhow::Result<()> {
    let client = env!("CARGO_PKG_VERSION");
    let (address, _) = cx.address()?;
    let server = match cx.client()?.version().await {
        Ok(server) => server,
        Err(error) => {
            cx.out.talk(&format!("client {client}"));
            return Err(error.into());
        }
    };
    let versions = Versions { client, server };
    cx.out.value(&versions, || {
        let (server, text) = (&versions.server, |text: &str| text.to_owned());
        table::fields(&[
            ("Client", text(client)),
            ("Server", format!("{} (build {}) at {address}", server.version, server.build_id)),
            ("API", server.api_version.clone()),
        ])
    })
}

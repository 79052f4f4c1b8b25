//! `mc system`.

mod broker;
mod copies;
mod doctor;
mod support;
mod upgrade;

use mc_api::system::{EmbeddingProvider, Version};
use serde::Serialize;

use crate::args::SystemCommand;
use crate::context::Invocation;
use crate::table;

/// Versions on both sides.
#[derive(Serialize)]
struct Versions {
    client: &'static str,
    server: Version,
}

pub(super) async fn run(cx: &Invocation, command: SystemCommand) -> anyhow::Result<()> {
    match command {
        SystemCommand::Doctor(args) => doctor::run(cx, args).await,
        SystemCommand::Embeddings => embeddings(cx).await,
        SystemCommand::Version => version(cx).await,
        SystemCommand::SupportBundle(args) => support::run(cx, args).await,
        SystemCommand::Upgrade(args) => upgrade::run(cx, args).await,
        SystemCommand::Backup(args) => copies::backup(cx, args).await,
        SystemCommand::Restore(args) => copies::restore(cx, args).await,
        SystemCommand::Migrate(args) => copies::migrate(cx, args).await,
        SystemCommand::BrokerConfig(args) => broker::run(cx, args).await,
    }
}

async fn embeddings(cx: &Invocation) -> anyhow::Result<()> {
    let status = cx.client()?.embedding_status().await?;
    cx.out.value(&status, || {
        let limit = |limit: Option<i64>| limit.map_or_else(|| "any number".to_owned(), |n| n.to_string());
        let mut fields = vec![
            ("Provider", status.provider.to_string()),
            ("Model", status.model.clone()),
            ("Dimensions", status.dimensions.map_or_else(|| "not known yet".to_owned(), |n| n.to_string())),
            ("State", status.state.to_string()),
            ("Indexed", status.indexed.to_string()),
            ("Waiting", status.waiting.to_string()),
        ];
        if status.failed > 0 {
            fields.push(("Cannot", format!("{} of those that wait", status.failed)));
        }
        if let Some(error) = &status.error {
            fields.push(("Error", error.clone()));
        }
        if let Some(at) = status.retry_at {
            fields.push(("Goes on", at.to_string()));
        }
        if status.provider == EmbeddingProvider::OpenAi {
            let used = |used: i64, of: Option<i64>| format!("{used} of {}", limit(of));
            fields.push(("Tokens this hour", used(status.tokens_this_hour, status.tokens_per_hour)));
            fields.push(("Tokens today", used(status.tokens_today, status.tokens_per_day)));
        }
        table::fields(&fields)
    })
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

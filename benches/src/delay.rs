//! From the agent's standard output to the line of a follower, by the boot clock of one machine.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use futures_util::StreamExt as _;
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Base URL of the server.
    #[arg(long)]
    url: String,
    #[arg(long)]
    token_file: PathBuf,
    #[arg(long)]
    session: String,
    /// What the scripted agent witnesses.
    #[arg(long)]
    witness: PathBuf,
    /// How many chunks the agent is told to send.
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    chunks: u32,
    /// How many in a second.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rate: u32,
}

fn now_ns() -> i64 {
    let now = clock_gettime(ClockId::Boottime);
    now.tv_sec * 1_000_000_000 + now.tv_nsec
}

/// The text of a chunk that `/chunks` makes.
fn chunk(text: &str) -> Option<String> {
    text.starts_with("chunk ").then(|| text.trim().to_owned())
}

pub(crate) async fn run(args: Args) -> anyhow::Result<()> {
    let token = std::fs::read_to_string(&args.token_file).context("the token file")?;
    let token = token.trim();
    let client = reqwest::Client::builder().no_proxy().build()?;
    let base = format!("{}/api/v1/sessions/{}", args.url, args.session);
    let follow = client.get(format!("{base}/events?follow=true")).bearer_auth(token).send().await?;
    if !follow.status().is_success() {
        bail!("{}: {}", follow.status(), follow.text().await?);
    }
    let prompt = json!({ "text": format!("/chunks {} {}", args.chunks, args.rate) });
    let prompted = client.post(format!("{base}/prompt")).bearer_auth(token).json(&prompt).send().await?;
    prompted.error_for_status()?;

    let mut arrived: HashMap<String, i64> = HashMap::new();
    let (mut stream, mut buffer) = (follow.bytes_stream(), String::new());
    let most = Duration::from_secs(u64::from(args.chunks / args.rate) + 30);
    let read = async {
        while arrived.len() < usize::try_from(args.chunks)? {
            let bytes = stream.next().await.context("the stream ended early")??;
            let at = now_ns();
            buffer.push_str(std::str::from_utf8(&bytes)?);
            while let Some((block, rest)) = buffer.split_once("\n\n") {
                let data = block.lines().find_map(|line| line.strip_prefix("data:"));
                if let Some(event) = data.and_then(|data| serde_json::from_str::<Value>(data).ok())
                    && let Some(text) = event["body"]["content"]["text"].as_str().and_then(chunk)
                {
                    arrived.insert(text, at);
                }
                let rest = rest.len();
                buffer.drain(..buffer.len() - rest);
            }
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(most, read).await.context("not every chunk arrived in time")??;

    let mut millis = Vec::new();
    for line in std::fs::read_to_string(&args.witness)?.lines() {
        let record: Value = serde_json::from_str(line)?;
        let sent: Value =
            serde_json::from_str(record["line"].as_str().unwrap_or_default()).unwrap_or_default();
        let text = sent["params"]["update"]["content"]["text"].as_str().and_then(chunk);
        if record["dir"] == "out"
            && let Some(at) = text.and_then(|text| arrived.get(&text).copied())
        {
            let sent = record["t_boot_ns"].as_i64().context("the witness has no time")?;
            #[expect(clippy::cast_precision_loss, reason = "nanoseconds of seconds")]
            millis.push((at - sent) as f64 / 1e6);
        }
    }
    millis.sort_by(f64::total_cmp);
    crate::print(&json!({
        "updates": millis.len(),
        "p50_ms": crate::percentile(&millis, 0.5),
        "p99_ms": crate::percentile(&millis, 0.99),
    }));
    Ok(())
}

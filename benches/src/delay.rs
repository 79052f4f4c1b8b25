//! From the agent's standard output to the line of each follower, by the boot clock of one machine. A follower reads the
//! events of the session itself, or is `mc attach` with its whole way to a line of its standard output.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail};
use futures_util::StreamExt as _;
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

/// How long `mc attach` may take until it shows what there is.
const ATTACHING: Duration = Duration::from_secs(30);

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
    /// How many follow the session.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    clients: u32,
    /// The program `mc`: the one follower is its `attach`.
    #[arg(long, value_name = "MC", conflicts_with = "clients")]
    attach: Option<PathBuf>,
    /// The process of the server: says what each follower costs it in memory.
    #[arg(long)]
    server: Option<u32>,
    /// How many in a second.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rate: u32,
}

fn now_ns() -> i64 {
    let now = clock_gettime(ClockId::Boottime);
    now.tv_sec * 1_000_000_000 + now.tv_nsec
}

/// The number of a chunk that `/chunks` makes, out of the JSON of its event: reading all of it would cost the machine that
/// serves more than serving does.
fn chunk(event: &str) -> Option<u32> {
    let (_, rest) = event.split_once("\"chunk ")?;
    let end = rest.find(|letter: char| !letter.is_ascii_digit())?;
    rest[..end].parse().ok()
}

/// Kilobytes of memory that a process holds.
fn resident(process: u32) -> anyhow::Result<i64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    Ok(line.trim().trim_end_matches("kB").trim().parse()?)
}

/// Nanoseconds that the threads of a process have run.
fn processor_ns(process: u32) -> anyhow::Result<i64> {
    let mut sum = 0;
    for thread in std::fs::read_dir(format!("/proc/{process}/task"))? {
        // A thread that ended meanwhile is not counted.
        let Ok(told) = std::fs::read_to_string(thread?.path().join("schedstat")) else { continue };
        sum += told.split(' ').next().context("schedstat is empty")?.parse::<i64>()?;
    }
    Ok(sum)
}

/// When each chunk arrived at one follower.
async fn arrivals(follow: reqwest::Response, chunks: usize) -> anyhow::Result<HashMap<u32, i64>> {
    let mut arrived: HashMap<u32, i64> = HashMap::new();
    let (mut stream, mut buffer) = (follow.bytes_stream(), String::new());
    while arrived.len() < chunks {
        let bytes = stream.next().await.context("the stream ended early")??;
        let at = now_ns();
        buffer.push_str(std::str::from_utf8(&bytes)?);
        while let Some((block, rest)) = buffer.split_once("\n\n") {
            let data = block.lines().find_map(|line| line.strip_prefix("data:"));
            if let Some(number) = data.and_then(chunk) {
                arrived.insert(number, at);
            }
            let rest = rest.len();
            buffer.drain(..buffer.len() - rest);
        }
    }
    Ok(arrived)
}

/// `mc attach` at work.
struct Attached {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

/// Starts `mc attach` and waits until it shows what there is of the session: from then on it follows.
async fn attach(program: &Path, args: &Args) -> anyhow::Result<Attached> {
    let mut child = Command::new(program)
        .args(["attach", &args.session, "--server", &args.url, "--token-file"])
        .arg(&args.token_file)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("cannot start {}", program.display()))?;
    let mut lines = BufReader::new(child.stdout.take().context("its output is a pipe")?).lines();
    let first = tokio::time::timeout(ATTACHING, lines.next_line()).await;
    first.context("mc attach shows nothing")??.context("mc attach ended")?;
    Ok(Attached { child, lines })
}

/// The number of a chunk that `/chunks` makes, out of a line of `mc attach`.
fn line(text: &str) -> Option<u32> {
    let words = text.strip_prefix("agent: ").unwrap_or(text).strip_prefix("chunk ")?;
    words.split(' ').next()?.parse().ok()
}

/// When each chunk stood in a line of `mc attach`; those of an earlier prompt do not count.
async fn shown(mut attached: Attached, chunks: usize) -> anyhow::Result<HashMap<u32, i64>> {
    let mut arrived: HashMap<u32, i64> = HashMap::new();
    while arrived.len() < chunks {
        let text = attached.lines.next_line().await?.context("mc attach ended early")?;
        let at = now_ns();
        if text.starts_with("prompt: ") {
            arrived.clear();
        } else if let Some(number) = line(&text) {
            arrived.insert(number, at);
        }
    }
    attached.child.kill().await?;
    Ok(arrived)
}

/// When the agent sent each chunk, as it witnessed itself.
fn sent(witness: &Path) -> anyhow::Result<HashMap<u32, i64>> {
    let mut all = HashMap::new();
    for line in std::fs::read_to_string(witness)?.lines() {
        let record: Value = serde_json::from_str(line)?;
        if record["dir"] == "out"
            && let Some(number) = record["line"].as_str().and_then(chunk)
        {
            all.insert(number, record["t_boot_ns"].as_i64().context("the witness has no time")?);
        }
    }
    Ok(all)
}

pub(crate) async fn run(args: Args) -> anyhow::Result<()> {
    let token = std::fs::read_to_string(&args.token_file).context("the token file")?;
    let token = token.trim();
    let client = reqwest::Client::builder().no_proxy().build()?;
    let base = format!("{}/api/v1/sessions/{}", args.url, args.session);
    let session: Value =
        client.get(&base).bearer_auth(token).send().await?.error_for_status()?.json().await?;
    let from = session["last_seq"].as_i64().context("a session has a last_seq")? + 1;
    let before = args.server.map(resident).transpose()?;
    let mut following = tokio::task::JoinSet::new();
    if let Some(program) = &args.attach {
        following.spawn(shown(attach(program, &args).await?, usize::try_from(args.chunks)?));
    }
    let readers = if args.attach.is_some() { 0 } else { args.clients };
    for _ in 0..readers {
        let follow =
            client.get(format!("{base}/events?follow=true&from={from}")).bearer_auth(token).send().await?;
        if !follow.status().is_success() {
            bail!("{}: {}", follow.status(), follow.text().await?);
        }
        following.spawn(arrivals(follow, usize::try_from(args.chunks)?));
    }
    let worked = args.server.map(processor_ns).transpose()?;
    let prompt = json!({ "text": format!("/chunks {} {}", args.chunks, args.rate) });
    let prompted = client.post(format!("{base}/prompt")).bearer_auth(token).json(&prompt).send().await?;
    prompted.error_for_status()?;

    let most = Duration::from_secs(u64::from(args.chunks / args.rate) + 60);
    let mut arrived = Vec::new();
    let read = async {
        while let Some(one) = following.join_next().await {
            arrived.push(one??);
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(most, read).await.context("not every chunk arrived in time")??;
    let after = args.server.map(resident).transpose()?;
    let worked = worked.zip(args.server.map(processor_ns).transpose()?).map(|(before, after)| after - before);

    let sent = sent(&args.witness)?;
    let mut millis = Vec::new();
    for (number, at) in arrived.iter().flatten() {
        let sent = sent.get(number).context("a chunk that the agent did not send")?;
        #[expect(clippy::cast_precision_loss, reason = "nanoseconds of seconds")]
        millis.push((at - sent) as f64 / 1e6);
    }
    millis.sort_by(f64::total_cmp);
    let each = before.zip(after).map(|(before, after)| (after - before) / i64::from(args.clients));
    crate::print(&json!({
        "updates": millis.len(),
        "p50_ms": crate::percentile(&millis, 0.5),
        "p99_ms": crate::percentile(&millis, 0.99),
        "kilobytes_each": each,
        // Of the server's processors, for one update and one follower.
        "processor_us_each": worked.map(|ns| ns / 1000 / i64::try_from(millis.len().max(1)).unwrap_or(i64::MAX)),
    }));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_found_in_events_and_in_lines() {
        assert_eq!(chunk(r#"{"text":"chunk 7 of 500\n"}"#), Some(7));
        assert_eq!((line("agent: chunk 1 of 500"), line("chunk 23 of 500")), (Some(1), Some(23)));
        for other in ["prompt: /chunks 500 100", "-- turn 1 ended: end_turn", "chunk", "chunk x of 500"] {
            assert_eq!(line(other), None, "{other}");
        }
    }
}

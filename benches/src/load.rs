//! A closed loop: each connection sends the next request when it has the answer.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde_json::json;

use crate::words::Words;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// What is asked.
    url: String,
    /// File with the bearer token.
    #[arg(long)]
    token_file: Option<PathBuf>,
    /// Send this JSON by POST instead of a GET; `{n}` becomes a number that differs, `{title}` and `{text}` become words.
    #[arg(long)]
    post: Option<String>,
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=256))]
    connections: u32,
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// Queries, one a line (`#` begins a comment): each request asks for the next of them as `q`.
    #[arg(long)]
    queries: Option<PathBuf>,
    /// Ends after so many requests, also before the time is over.
    #[arg(long)]
    requests: Option<u64>,
}

/// The queries of a file.
fn read(file: &std::path::Path) -> anyhow::Result<Vec<String>> {
    let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let queries: Vec<String> = lines.map(str::to_owned).collect();
    if queries.is_empty() {
        bail!("{} holds no query", file.display());
    }
    Ok(queries)
}

/// The body of one request.
fn fill(body: &str, connection: u32, request: usize) -> String {
    let mut filled = body.replace("{n}", &format!("{connection}-{request}"));
    if filled.contains("{title}") || filled.contains("{text}") {
        let seed = u64::from(connection) << 40 | u64::try_from(request).unwrap_or_default();
        let mut words = Words::new(seed ^ u64::from(std::process::id()) << 16);
        filled = filled.replace("{title}", &words.text(8)).replace("{text}", &words.text(30));
    }
    filled
}

async fn one(
    client: reqwest::Client,
    args: std::sync::Arc<Args>,
    token: Option<String>,
    (number, queries): (u32, std::sync::Arc<[String]>),
) -> anyhow::Result<Vec<f64>> {
    let end = Instant::now() + Duration::from_secs(args.seconds);
    let most = args.requests.map_or(u64::MAX, |all| all.div_ceil(u64::from(args.connections)));
    let mut millis = Vec::new();
    while Instant::now() < end && (millis.len() as u64) < most {
        let began = Instant::now();
        let mut request = match &args.post {
            None if queries.is_empty() => client.get(&args.url),
            // Connections begin at different places of the list.
            None => {
                let next = usize::try_from(number).unwrap_or_default() * 7 + millis.len();
                client.get(&args.url).query(&[("q", &queries[next % queries.len()])])
            }
            Some(body) => client.post(&args.url).header("content-type", "application/json").body(fill(
                body,
                number,
                millis.len(),
            )),
        };
        if let Some(token) = &token {
            request = request.bearer_auth(token);
        }
        let answer = request.send().await?;
        let status = answer.status();
        let text = answer.bytes().await?;
        if !status.is_success() {
            bail!("{status}: {}", String::from_utf8_lossy(&text));
        }
        millis.push(began.elapsed().as_secs_f64() * 1000.0);
    }
    Ok(millis)
}

pub(crate) async fn run(args: Args) -> anyhow::Result<()> {
    let token =
        args.token_file.as_ref().map(std::fs::read_to_string).transpose().context("the token file")?;
    let token = token.map(|token| token.trim().to_owned());
    let client = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(256).build()?;
    let queries: std::sync::Arc<[String]> =
        args.queries.as_deref().map(read).transpose()?.unwrap_or_default().into();
    let args = std::sync::Arc::new(args);
    let began = Instant::now();
    let mut running: tokio::task::JoinSet<_> = (0..args.connections)
        .map(|number| one(client.clone(), args.clone(), token.clone(), (number, queries.clone())))
        .collect();
    let mut millis = Vec::new();
    while let Some(done) = running.join_next().await {
        millis.extend(done??);
    }
    let seconds = began.elapsed().as_secs_f64();
    millis.sort_by(f64::total_cmp);
    crate::print(&json!({
        "requests": millis.len(),
        "per_second": f64::from(u32::try_from(millis.len())?) / seconds,
        "p50_ms": crate::percentile(&millis, 0.5),
        "p99_ms": crate::percentile(&millis, 0.99),
    }));
    Ok(())
}

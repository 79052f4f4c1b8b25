//! What `scripts/bench.sh` measures with: a bare handler, a bounded load, the delay of an agent's update; each prints
//! one JSON object. Overlap detection on labelled pairs prints tables.

mod bare;
mod delay;
mod ledger;
mod load;
mod overlap;
mod vectors;
mod words;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "mc-bench", about = "Parts of scripts/bench.sh")]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serves the statement of a list of tasks with nothing around it; prints its address, ends with its input.
    Bare(bare::Args),
    /// Sends one request again and again for some seconds.
    Load(load::Args),
    /// Follows an agent session and compares arrival with the time at which the agent sent.
    Delay(delay::Args),
    /// Writes an export of many events; prints what an event takes to make.
    Ledger(ledger::Args),
    /// Measures overlap detection on labelled pairs, or fits it to them; prints tables.
    Overlap(overlap::Args),
    /// Measures how vectors are stored and found; prints a table.
    Vectors(vectors::Args),
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    // Fails only when one is installed already.
    rustls::crypto::ring::default_provider().install_default().expect("nothing is installed before");
    match Args::parse().command {
        Command::Bare(args) => bare::run(args).await,
        Command::Load(args) => load::run(args).await,
        Command::Delay(args) => delay::run(args).await,
        Command::Ledger(args) => ledger::run(&args),
        Command::Overlap(args) => overlap::run(&args),
        Command::Vectors(args) => vectors::run(args).await,
    }
}

/// Prints the outcome.
fn print(outcome: &serde_json::Value) {
    use std::io::Write as _;
    // Without a reader there is nobody to tell.
    let _ = writeln!(std::io::stdout(), "{outcome}");
}

/// The value below which a share of all lies.
fn percentile(sorted: &[f64], share: f64) -> f64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "an index below the length"
    )]
    let at = ((sorted.len() as f64 * share) as usize).min(sorted.len().saturating_sub(1));
    sorted.get(at).copied().unwrap_or_default()
}

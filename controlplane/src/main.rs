//! `mc-controlplane`: the API server of MissionControl.

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    if controlplane::commands::run(controlplane::config::Args::parse()) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

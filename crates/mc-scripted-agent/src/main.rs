//! The binary `mc-scripted-agent`.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    mc_scripted_agent::run(mc_scripted_agent::Config::parse())
}

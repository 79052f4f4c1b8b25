//! `mc`, the command line of MissionControl.
//!
//! `args` holds clap types only; `commands/<verb>` turns arguments into a request and the answer into a view;
//! `output` is the only place that prints: data to stdout, talk and errors to stderr. Exit codes are in `exit`.
//! No asynchronous runtime is started before a command needs the network.

pub mod age;
pub mod agents;
pub mod apply;
pub mod args;
mod bridge;
mod commands;
mod complete;
pub mod config;
pub mod context;
pub mod environment;
pub mod exit;
pub mod git;
mod grant_file;
pub mod import;
pub mod kind;
pub mod manifests;
pub mod output;
pub mod reach;
pub mod table;
pub mod transcript;
mod up;
pub mod view;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser as _;

use crate::args::Cli;
use crate::context::Invocation;
use crate::environment::Environment;
use crate::exit::{Exit, Failure};
use crate::output::Output;

/// Runs `mc` with the process's arguments and environment.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    if complete::answer(&arguments) {
        return Exit::Ok.into();
    }
    let environment = Environment::read();
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are answers (stdout, 0), the rest is usage (stderr, 2).
            let wrong = error.use_stderr();
            return if error.print().is_err() || !wrong { Exit::Ok } else { Exit::Usage }.into();
        }
    };
    table::fit(output::columns());
    let output = Output::new(cli.global.output, cli.global.quiet, environment.no_color);
    let invocation = Invocation::new(cli.global, environment, output);
    let exit = match commands::run(&invocation, cli.command) {
        Ok(()) => Exit::Ok,
        Err(error) => match error.downcast_ref::<Failure>() {
            Some(Failure::Exited(code)) => return ExitCode::from(*code),
            _ => invocation.out.failure(&error),
        },
    };
    exit.into()
}

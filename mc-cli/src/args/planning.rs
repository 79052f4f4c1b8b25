//! Grammar of planning.

use std::path::PathBuf;

use clap::Subcommand;
use mc_api::Name;

use crate::complete;
use crate::kind::Kind;

/// `mc template`.
#[derive(Debug, Subcommand)]
pub enum TemplateCommand {
    /// Create a template in the mission of -m, or write its next version
    Put {
        /// Unique in its mission
        name: Name,
        /// YAML or JSON with description, parameters and task; `-` for standard input
        #[arg(short, long = "filename", value_name = "FILE")]
        file: PathBuf,
    },
    /// Show the versions of a template
    Versions {
        /// Id, or name in the mission of -m
        #[arg(value_name = "REF", add = complete::of(Kind::Template))]
        reference: String,
    },
}

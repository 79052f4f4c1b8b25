//! Grammar of importing.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// `mc import`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Import {
    /// A pack that `mc export mission` wrote, `-` for standard input
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// The name of the new mission; default: the one in the pack
    #[arg(long, value_name = "NAME", requires = "file")]
    pub name: Option<mc_api::Name>,
    /// Verify the pack and say what would be made, keep nothing
    #[arg(long, requires = "file")]
    pub dry_run: bool,
    /// What is imported.
    #[command(subcommand)]
    pub command: Option<ImportCommand>,
}

/// What is imported.
#[derive(Debug, Subcommand)]
pub enum ImportCommand {
    /// Import tasks into the mission of -m and the kluster of -k; run again, nothing is made twice
    Tasks(ImportTasks),
}

/// `mc import tasks`.
#[derive(Debug, Args)]
pub struct ImportTasks {
    /// The file, `-` for standard input
    #[arg(short, long = "filename", value_name = "FILE")]
    pub file: PathBuf,
    /// How it is written
    #[arg(long, value_enum)]
    pub format: ImportFormat,
    /// Where ids are unique; default: the repository of issues, else the file's name
    #[arg(long, value_name = "NAME")]
    pub source: Option<String>,
    /// Column to read a field from: title=Summary; may be repeated. Fields: external_id, title, description,
    /// definition_of_done, priority, runtime, capabilities, paths, depends_on, labels, state
    #[arg(long = "map", value_name = "FIELD=COLUMN", value_parser = parse_mapping)]
    pub mapping: Vec<(String, String)>,
    /// Report what would be done with each row, keep nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Keep good rows beside bad ones; without it one bad row stops its batch and all after it
    #[arg(long)]
    pub continue_on_error: bool,
    /// Rows in one batch, 1 to 200: all of them are kept, or none
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=200))]
    pub batch: u16,
    /// Overlapping task that you have seen and take into account, by key or id; may be repeated
    #[arg(long, value_name = "KEY", value_delimiter = ',')]
    pub acknowledge_overlap: Vec<String>,
}

/// How a file of rows is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum ImportFormat {
    /// A header line, then one row per record.
    Csv,
    /// One JSON object per line.
    Jsonl,
    /// `gh issue list --json number,title,body,labels,state,stateReason,assignees,url`.
    GithubIssues,
}

fn parse_mapping(text: &str) -> Result<(String, String), String> {
    let (field, column) = text.split_once('=').ok_or("expected FIELD=COLUMN")?;
    let (field, column) = (field.trim(), column.trim());
    if !crate::import::FIELDS.contains(&field) {
        return Err(format!("{field:?} is no field; there are: {}", crate::import::FIELDS.join(", ")));
    }
    Ok((field.to_owned(), column.to_owned()))
}

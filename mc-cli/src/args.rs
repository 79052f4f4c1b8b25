//! The grammar: clap types only.

mod admin;
mod agents;
mod docs;
mod export;
mod import;
mod installation;
mod node;
mod overlap;
mod persistence;
mod planning;
mod profiles;
mod reserve;
mod session;
mod skills;
mod work;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use mc_api::auth::PrincipalKind;
use mc_api::{Name, Role};

use crate::age::parse_duration;
use crate::complete;
use crate::kind::{Kind, Target};
use crate::output::Format;

pub use admin::{
    AuthCommand, ConfigCommand, Installation, LedgerCommand, LogFilter, SystemBackup, SystemBrokerConfig,
    SystemCommand, SystemDoctor, SystemMigrate, SystemRestore, SystemSupport, SystemUpgrade,
};
pub use agents::{AgentProgram, McpCommand, Run};
pub use docs::{DocCommand, KeystoneCommand, WorkspaceCommand};
pub use export::{ExportCommand, ExportMission};
pub use import::{Import, ImportCommand, ImportFormat, ImportTasks};
pub use installation::{Down, Up};
pub use node::{NodeCommand, TokenCommand};
pub use overlap::{OverlapCommand, Search, SetCommand, SetPolicy};
pub use persistence::{CreateBinding, CreateConnection, CredentialFile, PersistenceCommand};
pub use planning::TemplateCommand;
pub use profiles::ProfileCommand;
pub use reserve::{FailPolicy, HookCommand, Renew, Reserve};
pub use session::{Attach, CreateSession, Logs, Prompt, SessionCommand};
pub use skills::SkillCommand;
pub use work::{ArtifactCommand, Attempt, Decide, Noted, Publish, PublishCommand, TaskCommand};

/// Control plane for AI agents: missions, tasks, approvals and a ledger that can be checked.
#[derive(Debug, Parser)]
#[command(name = "mc", version = mc_api::BUILD_ID, propagate_version = true, max_term_width = 100, after_help = AFTER)]
pub struct Cli {
    /// What holds for every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const AFTER: &str = "\
Kinds: mission (mis), kluster (klu), task (t), artifact (art), doc (d), skill (skl), approval (apr),
       publication (pub), overlap (ovl), reservation (rsv), session (ses), turn (trn),
       template (tpl), principal (prn), node (no), join_token (jt).
Environment: MC_BASE_URL and MC_TOKEN choose server and identity and win over the context; MC_CONFIG, NO_COLOR;
             MC_GRANT_FILE, MC_TASK: the grant and the task of an agent.
Exit codes: 0 ok, 1 internal, 2 usage, 3 refused, 4 not found, 5 conflict, 6 unreachable, 7 timeout,
            9 approval needed, 130 interrupted.";

/// Flags of every command.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// Server address: https://…, or http://… on loopback
    #[arg(long, global = true, env = "MC_BASE_URL", value_name = "URL", hide_env = true)]
    pub server: Option<String>,
    /// File with the token
    #[arg(long, global = true, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// Context of the configuration to use
    #[arg(long, global = true, value_name = "NAME")]
    pub context: Option<String>,
    /// Mission, by name or id
    #[arg(short, long, global = true, value_name = "REF", add = complete::of(Kind::Mission))]
    pub mission: Option<String>,
    /// Kluster, by name or id
    #[arg(short, long, global = true, value_name = "REF", add = complete::of(Kind::Kluster))]
    pub kluster: Option<String>,
    /// Form of the answer
    #[arg(
        short,
        long,
        global = true,
        value_enum,
        default_value_t,
        value_name = "FORMAT",
        hide_possible_values = true,
        help = "Form of the answer: table, wide, json, yaml, name"
    )]
    pub output: Format,
    /// Data and errors only
    #[arg(short, long, global = true)]
    pub quiet: bool,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start control plane and node on this machine
    Up(Up),
    /// End what `mc up` started
    Down(Down),
    /// Show objects
    Get(Get),
    /// Show one object with all that belongs to it
    Describe(Named),
    /// Create a mission, kluster, task, session or principal
    #[command(subcommand)]
    Create(Create),
    /// Create or change what manifests describe
    Apply(Apply),
    /// Show what applying would change; ends with 1 when something differs
    Diff(Diff),
    /// Edit a mission, kluster, task or doc in $EDITOR
    Edit(Named),
    /// Export a mission as a pack
    #[command(subcommand)]
    Export(ExportCommand),
    /// Import a mission from a pack, or tasks from elsewhere
    Import(Import),
    /// Delete objects
    #[command(visible_alias = "rm")]
    Delete(Delete),
    /// Show changes as they happen
    Watch(Watch),
    /// Wait until an object reaches a state or is gone
    Wait(Wait),
    /// Claim tasks, work on them, steer them
    #[command(subcommand)]
    Task(TaskCommand),
    /// Say why a task is not running, and what would help
    Why(Named),
    /// Hold a mission back: nobody claims its tasks, what is claimed goes on
    Pause(Named),
    /// Let the tasks of a paused mission be claimed again
    Resume(Named),
    /// Write task templates
    #[command(subcommand)]
    Template(TemplateCommand),
    /// Prompt an agent session
    Prompt(Prompt),
    /// Show the events of an agent session
    Logs(Logs),
    /// Take part in an agent session: see it, prompt it, answer it
    Attach(Attach),
    /// Cancel, stop, decide for an agent session
    #[command(subcommand)]
    Session(SessionCommand),
    /// Find tasks, klusters, docs, artifacts and ledger events by words and meaning
    Search(Search),
    /// Find and settle work that overlaps
    #[command(subcommand)]
    Overlap(OverlapCommand),
    /// Set policy, capacity, runtime or priority
    #[command(subcommand)]
    Set(SetCommand),
    /// Reserve paths of a repository, so that nobody else edits them meanwhile
    Reserve(Reserve),
    /// Renew the lease of a path reservation
    Renew(Renew),
    /// Let Git refuse commits to paths that others have reserved
    #[command(subcommand)]
    Hook(HookCommand),
    /// Store and fetch artifacts
    #[command(subcommand)]
    Artifact(ArtifactCommand),
    /// Write, read, compare and publish docs
    #[command(subcommand)]
    Doc(DocCommand),
    /// What a mission is for (-m), what a kluster is about (-k)
    #[command(subcommand)]
    Keystone(KeystoneCommand),
    /// Work on a kluster in a folder, commit all of it at once
    #[command(subcommand)]
    Workspace(WorkspaceCommand),
    /// Teach agents: store, publish, compare and check skills
    #[command(subcommand)]
    Skill(SkillCommand),
    /// Carry instructions and configuration from place to place
    #[command(subcommand)]
    Profile(ProfileCommand),
    /// Decide for an approval
    Approve(Decide),
    /// Decide against an approval
    Reject(Decide),
    /// Publish artifacts and other entities to Git
    Publish(Publish),
    /// Where missions publish to: connections, bindings, policy
    #[command(subcommand)]
    Persistence(PersistenceCommand),
    /// Let machines join, look after nodes
    #[command(subcommand)]
    Node(NodeCommand),
    /// Read and verify the ledger
    #[command(subcommand)]
    Ledger(LedgerCommand),
    /// Start an agent's command line with this server's tools
    Run(Run),
    /// The tools of this server, for agents
    #[command(subcommand)]
    Mcp(McpCommand),
    /// Log in and out
    #[command(subcommand)]
    Auth(AuthCommand),
    /// Contexts: servers and identities
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Health and version
    #[command(subcommand)]
    System(SystemCommand),
    /// Keep an installation running (started by `mc up`)
    #[command(hide = true)]
    Supervise {
        /// The installation's folder
        #[arg(long)]
        data_dir: PathBuf,
    },
    /// Become a program in a session of its own (started by `mc up`)
    #[command(hide = true)]
    Detached {
        /// Program and arguments
        #[arg(last = true, required = true)]
        command: Vec<OsString>,
    },
    /// Print a completion script
    Completion {
        /// For which shell
        #[arg(value_enum)]
        shell: Shell,
    },
}

/// Shells that completions are printed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Shell {
    /// GNU Bash.
    Bash,
    /// Z shell.
    Zsh,
    /// Fish.
    Fish,
}

/// What a list is filtered by.
#[derive(Clone, Debug, Default, Args)]
pub struct Filter {
    /// Labels that all must fit: key=value,key2=value2
    #[arg(short = 'l', long, value_name = "LABELS", value_parser = parse_selector)]
    pub selector: Option<Selector>,
    /// All missions, also when the context names one
    #[arg(short = 'A', long, conflicts_with = "mission")]
    pub all_missions: bool,
    /// Any of these states: ready,claimed
    #[arg(long, value_name = "STATES", value_delimiter = ',')]
    pub state: Vec<String>,
    /// Only of this task
    #[arg(long, value_name = "REF")]
    pub task: Option<String>,
    /// Only of this agent session
    #[arg(long, value_name = "ID")]
    pub session: Option<String>,
    /// Only on this node
    #[arg(long, value_name = "REF")]
    pub node: Option<String>,
    /// Only in this repository (reservations)
    #[arg(long, value_name = "REPOSITORY")]
    pub repo: Option<String>,
    /// Only what this path falls under (reservations)
    #[arg(long, value_name = "PATH")]
    pub path: Option<String>,
    /// Only with this runtime
    #[arg(long, value_name = "NAME")]
    pub runtime: Option<String>,
    /// Only who holds this role: in the organization, or with -m in that mission (principals)
    #[arg(long, value_name = "ROLE")]
    pub role: Option<Role>,
    /// Only of this sort: user, agent, node or `service_account` (principals)
    #[arg(long = "kind", value_name = "KIND")]
    pub principal_kind: Option<PrincipalKind>,
}

/// Labels that all must fit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector(pub Vec<(String, String)>);

impl std::fmt::Display for Selector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let pairs: Vec<String> = self.0.iter().map(|(key, value)| format!("{key}={value}")).collect();
        f.write_str(&pairs.join(","))
    }
}

/// Reads `key=value,key2=value2`.
pub fn parse_selector(text: &str) -> Result<Selector, String> {
    let mut pairs: Vec<(String, String)> = Vec::new();
    for part in text.split(',') {
        let (key, value) = part.split_once('=').ok_or("expected key=value, several joined by commas")?;
        let (key, value) = (key.trim(), value.trim().trim_start_matches('='));
        let labels = mc_api::name::Labels([(key.to_owned(), value.to_owned())].into());
        labels.check().map_err(|(key, message)| format!("{message} ({key:?})"))?;
        pairs.push((key.to_owned(), value.to_owned()));
    }
    Ok(Selector(pairs))
}

/// `mc get`.
#[derive(Debug, Args)]
pub struct Get {
    /// Kind, or KIND/REF
    #[arg(add = complete::targets())]
    pub kind: Target,
    /// Ids, keys or names; without any: the list
    #[arg(value_name = "REF", add = complete::of_target())]
    pub references: Vec<String>,
    /// Filter.
    #[command(flatten)]
    pub filter: Filter,
    /// At most so many; without it: all
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: Option<u32>,
    /// Go on where a limited list ended (its next_cursor)
    #[arg(long, value_name = "CURSOR")]
    pub cursor: Option<String>,
}

/// One object.
#[derive(Debug, Args)]
pub struct Named {
    /// Kind, or KIND/REF
    #[arg(add = complete::targets())]
    pub kind: Target,
    /// Id, key or name
    #[arg(value_name = "REF", add = complete::of_target())]
    pub reference: Option<String>,
}

/// `mc create`.
#[derive(Debug, Subcommand)]
pub enum Create {
    /// Create a mission
    #[command(visible_alias = "mis")]
    Mission {
        /// Unique: 1 to 63 of a-z, 0-9 and '-'
        name: Name,
        /// What it is about, Markdown
        #[arg(long, default_value = "", hide_default_value = true)]
        description: String,
        /// Labels: key=value,…
        #[arg(long, value_parser = parse_selector)]
        labels: Option<Selector>,
        /// Say what would be done, change nothing: `server` does all of it and keeps nothing, `client` sends nothing
        #[arg(long, value_enum, value_name = "WHERE", num_args = 0..=1, require_equals = true, default_missing_value = "server")]
        dry_run: Option<DryRun>,
    },
    /// Create a kluster in the mission of -m
    #[command(visible_alias = "klu")]
    Kluster {
        /// Unique in its mission
        name: Name,
        /// What it is about, Markdown
        #[arg(long, default_value = "", hide_default_value = true)]
        description: String,
        /// Runtime that its tasks inherit
        #[arg(long)]
        runtime: Option<Name>,
        /// At most so many of its tasks are claimed or running at once
        #[arg(long, value_name = "N")]
        max_running: Option<i32>,
        /// Labels: key=value,…
        #[arg(long, value_parser = parse_selector)]
        labels: Option<Selector>,
        /// Say what would be done, change nothing: `server` does all of it and keeps nothing, `client` sends nothing
        #[arg(long, value_enum, value_name = "WHERE", num_args = 0..=1, require_equals = true, default_missing_value = "server")]
        dry_run: Option<DryRun>,
    },
    /// Create a task in the mission of -m and the kluster of -k
    #[command(visible_alias = "t")]
    Task(Box<CreateTask>),
    /// Create an agent session in the mission of -m
    #[command(visible_alias = "ses")]
    Session(CreateSession),
    /// Create a connection to where Git repositories are
    #[command(visible_alias = "con")]
    Connection(Box<CreateConnection>),
    /// Bind the mission of -m to a branch of a repository
    #[command(visible_alias = "bnd")]
    Binding(CreateBinding),
    /// Create a principal
    #[command(visible_alias = "prn")]
    Principal {
        /// Unique
        name: Name,
        /// user, agent or service_account
        #[arg(long = "kind", default_value = "user")]
        principal_kind: PrincipalKind,
        /// viewer, contributor or admin
        #[arg(long)]
        role: Option<Role>,
    },
}

/// `mc create task`.
#[derive(Debug, Args)]
pub struct CreateTask {
    /// One line
    #[arg(long, required_unless_present = "template", default_value = "", hide_default_value = true)]
    pub title: String,
    /// Make it of this template of the mission, by name or id
    #[arg(long, value_name = "REF", add = complete::of(Kind::Template), conflicts_with_all = ["description", "definition_of_done", "review_gates", "max_attempts", "capabilities", "paths"])]
    pub template: Option<String>,
    /// Version of the template; default: the newest
    #[arg(long, value_name = "N", requires = "template")]
    pub template_version: Option<i64>,
    /// Value of a parameter of the template: name=value; may be repeated
    #[arg(short = 'p', long = "param", value_name = "NAME=VALUE", requires = "template", value_parser = parse_parameter)]
    pub parameters: Vec<(String, String)>,
    /// Unique in its kluster
    #[arg(long)]
    pub name: Option<Name>,
    /// Markdown
    #[arg(long, default_value = "", hide_default_value = true)]
    pub description: String,
    /// What must be true when it is done, Markdown
    #[arg(long, default_value = "", hide_default_value = true)]
    pub definition_of_done: String,
    /// Runtime that a node needs
    #[arg(long)]
    pub runtime: Option<Name>,
    /// Task to wait for, by id, key or name in the kluster; may be repeated
    #[arg(long, value_name = "REF")]
    pub depends_on: Vec<String>,
    /// 0 to 100, higher is claimed first; default 50, or the template's
    #[arg(long, value_name = "N")]
    pub priority: Option<i32>,
    /// Reviews needed before it is done
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub review_gates: i32,
    /// Attempts before an expiry fails it
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub max_attempts: i32,
    /// What a claimant must be capable of; may be repeated
    #[arg(long = "capability", value_name = "WORD")]
    pub capabilities: Vec<String>,
    /// Glob of paths it will touch; may be repeated
    #[arg(long = "path", value_name = "GLOB")]
    pub paths: Vec<String>,
    /// Overlapping task that you have seen and take into account, by key or id; may be repeated
    #[arg(long, value_name = "KEY", num_args = 1.., value_delimiter = ',')]
    pub acknowledge_overlap: Vec<String>,
    /// Labels: key=value,…
    #[arg(long, value_parser = parse_selector)]
    pub labels: Option<Selector>,
    /// Say what would be done, change nothing: `server` does all of it and keeps nothing, `client` sends nothing
    #[arg(long, value_enum, value_name = "WHERE", num_args = 0..=1, require_equals = true, default_missing_value = "server", conflicts_with = "template")]
    pub dry_run: Option<DryRun>,
}

/// Reads `name=value`; the value may be empty and may hold `=`.
fn parse_parameter(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected name=value")?;
    Ok((name.trim().to_owned(), value.to_owned()))
}

/// `mc apply`.
#[derive(Debug, Args)]
pub struct Apply {
    /// Files or folders with YAML or JSON, `-` for standard input; may be repeated
    #[arg(short, long = "filename", value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// Say what would be done, change nothing. The server does all of it, detection of overlaps too, and keeps nothing;
    /// with `client` only this side compares
    #[arg(long, value_enum, value_name = "WHERE", num_args = 0..=1, require_equals = true, default_missing_value = "server")]
    pub dry_run: Option<DryRun>,
    /// Own the fields that are written, and let the server take away what is no longer written
    #[arg(long)]
    pub server_side: bool,
    /// Who owns the fields
    #[arg(long, value_name = "NAME", default_value = "mc", requires = "server_side")]
    pub field_manager: String,
    /// Take fields over that others own
    #[arg(long, requires = "server_side")]
    pub force_conflicts: bool,
    /// Overlapping task or doc that you have seen and take into account, by key, name or id; may be repeated
    #[arg(long, value_name = "KEY", value_delimiter = ',')]
    pub acknowledge_overlap: Vec<String>,
}

/// Where a dry run is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum DryRun {
    /// By the server, which keeps nothing.
    Server,
    /// On this side only.
    Client,
}

/// `mc diff`.
#[derive(Debug, Args)]
pub struct Diff {
    /// Files or folders with YAML or JSON, `-` for standard input; may be repeated
    #[arg(short, long = "filename", value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// As `mc apply --server-side` would
    #[arg(long)]
    pub server_side: bool,
    /// Who owns the fields
    #[arg(long, value_name = "NAME", default_value = "mc", requires = "server_side")]
    pub field_manager: String,
    /// Take fields over that others own
    #[arg(long, requires = "server_side")]
    pub force_conflicts: bool,
    /// Overlapping task or doc that you have seen and take into account, by key, name or id; may be repeated
    #[arg(long, value_name = "KEY", value_delimiter = ',')]
    pub acknowledge_overlap: Vec<String>,
}

/// `mc delete`.
#[derive(Debug, Args)]
pub struct Delete {
    /// Kind, or KIND/REF
    #[arg(required_unless_present = "files", add = complete::targets())]
    pub kind: Option<Target>,
    /// Ids, keys or names
    #[arg(value_name = "REF", add = complete::of_target())]
    pub references: Vec<String>,
    /// Delete what these files or folders describe, the last first; `-` for standard input
    #[arg(short, long = "filename", value_name = "FILE", conflicts_with_all = ["kind", "references"])]
    pub files: Vec<PathBuf>,
    /// Instead of references: all with these labels, in the mission of -m and the kluster of -k
    #[arg(short = 'l', long, value_name = "LABELS", value_parser = parse_selector, conflicts_with_all = ["references", "files"])]
    pub selector: Option<Selector>,
    /// With --selector: also when they are more than one
    #[arg(short, long, requires = "selector")]
    pub yes: bool,
    /// What does not exist is no error
    #[arg(long)]
    pub ignore_not_found: bool,
}

/// `mc watch`.
#[derive(Debug, Args)]
pub struct Watch {
    /// Kind, or KIND/REF
    #[arg(add = complete::targets())]
    pub kind: Target,
    /// Only this object
    #[arg(value_name = "REF", add = complete::of_target())]
    pub reference: Option<String>,
    /// Filter.
    #[command(flatten)]
    pub filter: Filter,
    /// Only changes after this position, no snapshot first
    #[arg(long, value_name = "SEQ")]
    pub from: Option<i64>,
}

/// `mc wait`.
#[derive(Debug, Args)]
pub struct Wait {
    /// Kind, or KIND/REF
    #[arg(add = complete::targets())]
    pub kind: Target,
    /// Id, key or name
    #[arg(value_name = "REF", add = complete::of_target())]
    pub reference: Option<String>,
    /// Instead of a reference: all that have these labels now, in the mission of -m and the kluster of -k
    #[arg(short = 'l', long, value_name = "LABELS", value_parser = parse_selector, conflicts_with = "reference")]
    pub selector: Option<Selector>,
    /// state=STATE or delete
    #[arg(long = "for", value_name = "CONDITION", value_parser = parse_condition)]
    pub condition: Condition,
    /// How long at most: 90s, 5m, 1h30m
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = parse_duration)]
    pub timeout: Duration,
}

/// What is waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// This state.
    State(String),
    /// That it is gone.
    Delete,
}

fn parse_condition(text: &str) -> Result<Condition, String> {
    match text.split_once('=') {
        Some(("state", state)) if !state.is_empty() => Ok(Condition::State(state.to_owned())),
        None if text == "delete" => Ok(Condition::Delete),
        _ => Err("expected state=STATE or delete".into()),
    }
}

#[cfg(test)]
mod tests;

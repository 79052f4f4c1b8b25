//! The grammar: clap types only.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use mc_api::auth::PrincipalKind;
use mc_api::{Name, Role};

use crate::age::parse_duration;
use crate::kind::Target;
use crate::output::Format;

/// Control plane for AI agents: missions, tasks, approvals and a ledger that can be checked.
#[derive(Debug, Parser)]
#[command(name = "mc", version, propagate_version = true, max_term_width = 100, after_help = AFTER)]
pub struct Cli {
    /// What holds for every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const AFTER: &str = "\
Kinds: mission (mis), kluster (klu), task (t), artifact (art), approval (apr), publication (pub), principal (prn).
Environment: MC_BASE_URL and MC_TOKEN choose server and identity and win over the context; MC_CONFIG, NO_COLOR.
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
    #[arg(short, long, global = true, value_name = "REF")]
    pub mission: Option<String>,
    /// Kluster, by name or id
    #[arg(short, long, global = true, value_name = "REF")]
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
    /// Show objects
    Get(Get),
    /// Show one object with all that belongs to it
    Describe(Named),
    /// Create a mission, kluster, task or principal
    #[command(subcommand)]
    Create(Create),
    /// Create or change what manifests describe
    Apply(Apply),
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
    /// Store and fetch artifacts
    #[command(subcommand)]
    Artifact(ArtifactCommand),
    /// Decide for an approval
    Approve(Decide),
    /// Decide against an approval
    Reject(Decide),
    /// Publish artifacts to the Git ledger
    Publish(Publish),
    /// Read and verify the ledger
    #[command(subcommand)]
    Ledger(LedgerCommand),
    /// Log in and out
    #[command(subcommand)]
    Auth(AuthCommand),
    /// Contexts: servers and identities
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Health and version
    #[command(subcommand)]
    System(SystemCommand),
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
    /// Only with this runtime
    #[arg(long, value_name = "NAME")]
    pub runtime: Option<String>,
}

/// Labels that all must fit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector(pub Vec<(String, String)>);

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
    pub kind: Target,
    /// Ids, keys or names; without any: the list
    #[arg(value_name = "REF")]
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
    pub kind: Target,
    /// Id, key or name
    #[arg(value_name = "REF")]
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
        /// Labels: key=value,…
        #[arg(long, value_parser = parse_selector)]
        labels: Option<Selector>,
    },
    /// Create a task in the mission of -m and the kluster of -k
    #[command(visible_alias = "t")]
    Task(Box<CreateTask>),
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
    #[arg(long)]
    pub title: String,
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
    /// 0 to 100, higher is claimed first
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub priority: i32,
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
    /// Labels: key=value,…
    #[arg(long, value_parser = parse_selector)]
    pub labels: Option<Selector>,
}

/// `mc apply`.
#[derive(Debug, Args)]
pub struct Apply {
    /// Files or folders with YAML or JSON, `-` for standard input; may be repeated
    #[arg(short, long = "filename", value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// Say what would be done, change nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// `mc delete`.
#[derive(Debug, Args)]
pub struct Delete {
    /// Kind, or KIND/REF
    pub kind: Target,
    /// Ids, keys or names
    #[arg(value_name = "REF")]
    pub references: Vec<String>,
    /// What does not exist is no error
    #[arg(long)]
    pub ignore_not_found: bool,
}

/// `mc watch`.
#[derive(Debug, Args)]
pub struct Watch {
    /// Kind, or KIND/REF
    pub kind: Target,
    /// Only this object
    #[arg(value_name = "REF")]
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
    pub kind: Target,
    /// Id, key or name
    #[arg(value_name = "REF")]
    pub reference: Option<String>,
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

/// One task and the attempt that works on it.
#[derive(Debug, Args)]
pub struct Attempt {
    /// Id, key or name
    #[arg(value_name = "REF")]
    pub reference: String,
    /// Attempt that holds the claim; without it the newest, if it is yours
    #[arg(long, value_name = "N")]
    pub attempt: Option<i32>,
}

/// One task and a note.
#[derive(Debug, Args)]
pub struct Noted {
    /// Id, key or name
    #[arg(value_name = "REF")]
    pub reference: String,
    /// Why
    #[arg(long, value_name = "TEXT")]
    pub note: Option<String>,
}

/// `mc task`.
#[derive(Debug, Subcommand)]
pub enum TaskCommand {
    /// Claim a task; without REF the best ready one
    Claim {
        /// Id, key or name
        #[arg(value_name = "REF")]
        reference: Option<String>,
        /// Length of the lease: 60s
        #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
        lease: Option<Duration>,
        /// What you are capable of; may be repeated (only without REF)
        #[arg(long = "capability", value_name = "WORD", conflicts_with = "reference")]
        capabilities: Vec<String>,
        /// Only tasks that name one of these runtimes; may be repeated (only without REF)
        #[arg(long = "runtime", value_name = "NAME", conflicts_with = "reference")]
        runtimes: Vec<Name>,
    },
    /// Renew the lease
    Heartbeat {
        /// Which task.
        #[command(flatten)]
        task: Attempt,
        /// Length of the lease: 60s
        #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
        lease: Option<Duration>,
    },
    /// Report progress and renew the lease
    Progress {
        /// Which task.
        #[command(flatten)]
        task: Attempt,
        /// 0 to 100
        #[arg(long, value_name = "N")]
        percent: Option<i32>,
        /// What happened
        #[arg(long, value_name = "TEXT")]
        note: Option<String>,
    },
    /// Complete a task
    Complete {
        /// Which task.
        #[command(flatten)]
        task: Attempt,
        /// The result in words
        #[arg(long, value_name = "TEXT")]
        result: Option<String>,
        /// The result's artifact, by id or name
        #[arg(long, value_name = "REF")]
        artifact: Option<String>,
    },
    /// Give a task up
    Fail {
        /// Which task.
        #[command(flatten)]
        task: Attempt,
        /// Why
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// Another attempt may help
        #[arg(long)]
        retryable: bool,
    },
    /// Give the claim back; an operator may do it without the attempt
    Release {
        /// Id, key or name
        #[arg(value_name = "REF")]
        reference: String,
        /// Attempt that holds the claim
        #[arg(long, value_name = "N")]
        attempt: Option<i32>,
        /// Why
        #[arg(long, value_name = "TEXT")]
        note: Option<String>,
    },
    /// Call a task off
    Cancel(Noted),
    /// Hold a task back
    Block(Noted),
    /// Let a held task go on
    Unblock(Noted),
    /// Bring a failed task back
    Retry(Noted),
    /// Accept a task in review
    Accept(Noted),
    /// Send a task in review back
    Reject(Noted),
}

/// `mc artifact`.
#[derive(Debug, Subcommand)]
pub enum ArtifactCommand {
    /// Store a file in the mission of -m
    Put {
        /// The file, `-` for standard input
        file: PathBuf,
        /// Name for people; default: the file's
        #[arg(long)]
        name: Option<String>,
        /// Task it belongs to
        #[arg(long, value_name = "REF")]
        task: Option<String>,
        /// Media type; default: by the name's ending
        #[arg(long = "type", value_name = "MEDIA")]
        media_type: Option<String>,
    },
    /// Fetch the bytes
    Get {
        /// Id, or name in the mission of -m
        #[arg(value_name = "REF")]
        reference: String,
        /// Write here, after the digest was checked; default: standard output
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
    },
}

/// `mc approve`, `mc reject`.
#[derive(Debug, Args)]
pub struct Decide {
    /// Id of the approval
    #[arg(value_name = "ID")]
    pub reference: String,
    /// Words that go with the decision
    #[arg(long, value_name = "TEXT")]
    pub note: Option<String>,
    /// Refuse unless the action has this SHA-256 (as `mc describe approval` shows it)
    #[arg(long, value_name = "HEX")]
    pub action_sha256: Option<String>,
}

/// `mc publish`.
#[derive(Debug, Args)]
pub struct Publish {
    /// Artifacts, by id or name
    #[arg(value_name = "ARTIFACT")]
    pub artifacts: Vec<String>,
    /// All artifacts of this task
    #[arg(long, value_name = "REF")]
    pub task: Option<String>,
    /// First line of the commit message
    #[arg(long, value_name = "TEXT")]
    pub message: Option<String>,
    /// Wait for the approval and the commit
    #[arg(long)]
    pub wait: bool,
    /// How long at most
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = parse_duration)]
    pub timeout: Duration,
}

/// `mc ledger`.
#[derive(Debug, Subcommand)]
pub enum LedgerCommand {
    /// Recompute the hash chain on this side
    Verify {
        /// An export instead of the server, `-` for standard input
        #[arg(long, value_name = "FILE", conflicts_with = "git")]
        file: Option<PathBuf>,
        /// The Git ledger instead of the server: a bare repository, branch main
        #[arg(long, value_name = "DIR")]
        git: Option<PathBuf>,
    },
    /// Show events
    Log {
        /// Go on with new ones as they happen
        #[arg(short, long)]
        follow: bool,
        /// Only about this: KIND/REF or an id
        #[arg(long, value_name = "REF")]
        subject: Option<String>,
        /// Only this action, such as task.create
        #[arg(long, value_name = "ACTION")]
        action: Option<mc_api::Action>,
        /// Only after this position
        #[arg(long, value_name = "SEQ")]
        after: Option<i64>,
        /// Only the last so many
        #[arg(long, value_name = "N")]
        tail: Option<usize>,
    },
    /// Write the whole chain, one event in each line
    Export {
        /// Write here; default: standard output
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
    },
}

/// `mc auth`.
#[derive(Debug, Subcommand)]
pub enum AuthCommand {
    /// Make a login session and keep it in the configuration
    Login {
        /// As this user, made when absent (needs Admin)
        #[arg(long = "as", value_name = "NAME")]
        principal: Option<Name>,
        /// Role of a user made here: viewer, contributor or admin
        #[arg(long)]
        role: Option<Role>,
        /// How long it lasts
        #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
        ttl: Option<Duration>,
    },
    /// Who you are
    Whoami,
    /// End the login session in use
    Logout,
}

/// `mc config`.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Show the configuration, without secrets
    View {
        /// With secrets
        #[arg(long)]
        raw: bool,
    },
    /// List the contexts
    GetContexts,
    /// Make a context the current one
    UseContext {
        /// Its name
        name: String,
    },
    /// Add or change a context: --server, --token-file and -m are kept in it
    SetContext {
        /// Its name
        name: String,
    },
    /// Remove a context
    DeleteContext {
        /// Its name
        name: String,
    },
    /// Where the configuration is
    Path,
}

/// `mc system`.
#[derive(Debug, Subcommand)]
pub enum SystemCommand {
    /// Every check the server makes of itself
    Doctor,
    /// Version of client and server
    Version,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;
    use proptest::prelude::*;

    #[test]
    fn the_grammar_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn help_is_as_published() {
        insta::assert_snapshot!(Cli::command().render_help().to_string());
    }

    #[test]
    fn the_calls_others_rely_on_are_read() {
        for call in [
            "mc create mission apollo -o json",
            "mc create kluster build -m apollo --runtime scripted",
            "mc create task -m apollo -k build --title T --name n --description D --runtime r --depends-on a --depends-on b",
            "mc get tasks -A -o json --limit 3",
            "mc get t apollo-1 -o yaml",
            "mc approve apr_1 --note fine",
            "mc ledger verify -o json",
            "mc wait task apollo-1 --for state=done --timeout 60s",
            "mc publish -m apollo --task apollo-1 --wait",
            "mc apply -f - -f dir --dry-run",
        ] {
            let words: Vec<&str> = call.split(' ').collect();
            assert!(Cli::try_parse_from(words).is_ok(), "{call}");
        }
        for call in ["mc get", "mc get nodes", "mc create mission Bad_Name", "mc wait task a --for ready"] {
            assert!(Cli::try_parse_from(call.split(' ')).is_err(), "{call}");
        }
    }

    proptest! {
        #[test]
        fn selectors_read_back(pairs in prop::collection::vec(("[a-z][a-z0-9_./-]{0,8}", "[a-zA-Z0-9 .-]{0,8}"), 1..4)) {
            let text: Vec<String> = pairs.iter().map(|(k, v)| format!("{k}={v}")).collect();
            let read = parse_selector(&text.join(",")).unwrap();
            let expected: Vec<(String, String)> =
                pairs.iter().map(|(k, v)| (k.clone(), v.trim().to_owned())).collect();
            prop_assert_eq!(read.0, expected);
        }
    }

    #[test]
    fn selectors_refuse_what_no_label_can_be() {
        for bad in ["", "a", "=b", "a=b,", "a b=c"] {
            assert!(parse_selector(bad).is_err(), "{bad}");
        }
    }
}

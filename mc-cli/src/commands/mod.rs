//! The verbs: arguments into requests, answers into views.

mod apply;
mod artifact;
mod attach;
mod auth;
mod completion;
mod config;
mod create;
mod decide;
mod delete;
mod describe;
mod doc;
mod edit;
mod get;
mod hook;
mod import_tasks;
mod keystone;
mod ledger;
mod ledger_restore;
mod ledger_verify;
mod mcp;
mod node;
mod overlap;
mod pack;
mod persistence;
mod planning;
mod profile;
mod publish;
mod reserve;
mod run;
mod search;
mod server_apply;
mod session;
mod skill;
mod system;
mod task;
mod template;
mod wait;
mod watch;
mod why;
mod workspace;

use crate::args::{Command, ConfigCommand, ExportCommand, Import, ImportCommand, LedgerCommand};
use crate::context::Invocation;
use crate::exit::Failure;
use crate::kind::Target;
pub(crate) use get::collect;

use crate::up;

/// Runs one command. The asynchronous runtime starts only for those that need the network.
pub(crate) fn run(cx: &Invocation, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Completion { shell } => completion::run(cx, shell),
        Command::Config(command) => configuration(cx, &command),
        Command::Ledger(LedgerCommand::Verify { file: Some(file), .. }) => ledger_verify::file(cx, &file),
        Command::Ledger(LedgerCommand::Verify { file: None, git: Some(dir), branch }) => {
            ledger_verify::git(cx, &dir, &branch)
        }
        Command::Detached { command } => up::detached(&command),
        // These meet signals in their own way.
        Command::Up(args) => runtime()?.block_on(up::up(cx, args)),
        Command::Down(args) => runtime()?.block_on(up::down(cx, args)),
        Command::Supervise { data_dir } => runtime()?.block_on(up::supervise(cx, data_dir)),
        // The agent has the terminal: Ctrl-C is for it.
        Command::Run(args) => runtime()?.block_on(Box::pin(run::run(cx, args))),
        // Ctrl-C gives up the place in line.
        Command::Reserve(args) => runtime()?.block_on(reserve::run(cx, args)),
        // Ctrl-C is a word of its own there.
        Command::Attach(args) => runtime()?.block_on(attach::run(cx, args)),
        networked => runtime()?.block_on(async {
            tokio::select! {
                done = Box::pin(online(cx, networked)) => done,
                _ = tokio::signal::ctrl_c() => Err(Failure::Interrupted.into()),
            }
        }),
    }
}

pub(crate) fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    drop(rustls::crypto::ring::default_provider().install_default());
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}

fn configuration(cx: &Invocation, command: &ConfigCommand) -> anyhow::Result<()> {
    match command {
        ConfigCommand::View { raw } => config::view(cx, *raw),
        ConfigCommand::GetContexts => config::get_contexts(cx),
        ConfigCommand::UseContext { name } => config::use_context(cx, name),
        ConfigCommand::SetContext { name } => config::set_context(cx, name),
        ConfigCommand::DeleteContext { name } => config::delete_context(cx, name),
        ConfigCommand::Path => config::path(cx),
    }
}

async fn online(cx: &Invocation, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Get(args) => get::run(cx, args).await,
        Command::Describe(args) => describe::run(cx, args).await,
        Command::Create(args) => create::run(cx, args).await,
        Command::Apply(args) => apply::run(cx, args).await,
        Command::Diff(args) => server_apply::diff(cx, args).await,
        Command::Edit(args) => edit::run(cx, args).await,
        Command::Export(ExportCommand::Mission(args)) => pack::export(cx, args).await,
        Command::Import(Import { command: Some(ImportCommand::Tasks(args)), .. }) => {
            import_tasks::run(cx, args).await
        }
        Command::Import(Import { file: Some(file), name, dry_run, .. }) => {
            pack::import(cx, &file, name.as_ref(), dry_run).await
        }
        Command::Import(_) => {
            let said =
                "what is imported? `mc import FILE` for a pack, `mc import tasks` for tasks from elsewhere";
            Err(Failure::Usage(said.into()).into())
        }
        Command::Delete(args) => delete::run(cx, args).await,
        Command::Watch(args) => watch::run(cx, args).await,
        Command::Search(args) => search::run(cx, args).await,
        Command::Overlap(command) => overlap::run(cx, command).await,
        Command::Set(command) => planning::set(cx, command).await,
        Command::Renew(args) => reserve::renew(cx, args).await,
        Command::Why(args) => why::run(cx, args).await,
        Command::Pause(args) => planning::pause(cx, args, true).await,
        Command::Resume(args) => planning::pause(cx, args, false).await,
        Command::Template(command) => template::run(cx, command).await,
        Command::Wait(args) => wait::run(cx, args).await,
        Command::Task(args) => task::run(cx, args).await,
        Command::Prompt(args) => session::prompt(cx, args).await,
        Command::Logs(args) => session::logs(cx, args).await,
        Command::Attach(args) => attach::run(cx, args).await,
        Command::Session(args) => session::run(cx, args).await,
        Command::Hook(args) => hook::run(cx, args).await,
        Command::Artifact(args) => artifact::run(cx, args).await,
        Command::Doc(args) => doc::run(cx, args).await,
        Command::Keystone(args) => keystone::run(cx, args).await,
        Command::Workspace(args) => workspace::run(cx, args).await,
        Command::Skill(args) => skill::run(cx, args).await,
        Command::Profile(args) => profile::run(cx, args).await,
        Command::Approve(args) => decide::run(cx, mc_client::Decision::Approve, args).await,
        Command::Reject(args) => decide::run(cx, mc_client::Decision::Reject, args).await,
        Command::Publish(args) => publish::run(cx, args).await,
        Command::Persistence(command) => persistence::run(cx, command).await,
        Command::Node(args) => node::run(cx, args).await,
        Command::Ledger(LedgerCommand::Verify { .. }) => ledger_verify::server(cx).await,
        Command::Ledger(args) => ledger::run(cx, args).await,
        Command::Mcp(args) => mcp::run(cx, args).await,
        Command::Auth(args) => auth::run(cx, args).await,
        Command::System(args) => system::run(cx, args).await,
        Command::Config(_)
        | Command::Completion { .. }
        | Command::Run(_)
        | Command::Reserve(_)
        | Command::Up(_)
        | Command::Down(_)
        | Command::Supervise { .. }
        | Command::Detached { .. } => unreachable!("see run"),
    }
}

/// The references of a target: the one behind its slash, or those that follow.
fn references(target: &Target, given: impl IntoIterator<Item = String>) -> Result<Vec<String>, Failure> {
    let mut all: Vec<String> = target.reference.iter().cloned().collect();
    let given: Vec<String> = given.into_iter().collect();
    if !all.is_empty() && !given.is_empty() {
        return Err(Failure::Usage("write KIND/REF or KIND REF, not both".into()));
    }
    all.extend(given);
    Ok(all)
}

/// The one reference of a target.
fn reference(target: &Target, given: Option<String>) -> Result<String, Failure> {
    let mut all = references(target, given)?;
    all.pop().ok_or_else(|| Failure::Usage(format!("which {}? An id, key or name is needed", target.kind)))
}

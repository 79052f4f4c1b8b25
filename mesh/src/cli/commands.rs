//! What the local commands do.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use mc_journal::Reader;
use mc_transcript::Event;

use super::args::{Args, Choice, Command, Exec, Output, Runtime, Session};
use super::attach;
use crate::files::{self, Lock, StateDir};
use crate::ids::{SessionId, mint_op_id};
use crate::protocol::{Code, Decision, FromMesh, Op, OpRequest, OpResult, ToMesh};
use crate::spec::SessionMeta;
use crate::{daemon, exec, runtimes, shim, uplink, wire};

const FOLLOW_EVERY: Duration = Duration::from_millis(50);
const STOP_LIMIT: Duration = Duration::from_secs(45);

/// Carries out one command line.
pub fn run(args: Args) -> anyhow::Result<()> {
    let state_dir = args.state_dir;
    let open = || StateDir::open(&state_dir).with_context(|| format!("cannot open {}", state_dir.display()));
    match args.command {
        Command::Run { server, join_token_file, slots, keep_ended_hours } => {
            let keep_ended = Duration::from_hours(keep_ended_hours.into());
            let uplink = server.map(|server| uplink::Config { server, join_token_file, slots, keep_ended });
            Ok(daemon::run(&state_dir, uplink)?)
        }
        Command::Status { output } => status(&open()?, output),
        Command::Shim { session } => Ok(shim::run(&state_dir, &session)?),
        Command::Exec(Exec::Agent { parent, command }) => Err(exec::agent(parent, &command).into()),
        Command::Exec(Exec::Detached { command }) => Ok(exec::detached(&command)?),
        Command::Session(Session::New { runtime, cwd, id }) => {
            let cwd = std::fs::canonicalize(&cwd).with_context(|| format!("no folder {}", cwd.display()))?;
            let cwd = cwd.to_str().context("the folder's name is not UTF-8")?.to_owned();
            match ask(&open()?, &ToMesh::NewSession { runtime, cwd, session: id })? {
                FromMesh::Created { session } => print(session.as_str()),
                other => bail!("unexpected answer {other:?}"),
            }
        }
        Command::Session(Session::List { output }) => list(&open()?, output),
        Command::Runtime(Runtime::List { output }) => list_runtimes(&open()?, output),
        Command::Prompt { session, text, op_id } => {
            let blocks = vec![mc_acp::outgoing::text_block(&text)];
            operate(&open()?, session, Op::Prompt { blocks }, op_id)
        }
        Command::Answer { session, permission, option, op_id } => {
            operate(&open()?, session, Op::AnswerPermission { permission, option }, op_id)
        }
        Command::Cancel { session } => operate(&open()?, session, Op::Cancel, None),
        Command::Mode { session, mode } => operate(&open()?, session, Op::SetMode { mode }, None),
        Command::Decide { session, decision } => {
            let decision = match decision {
                Choice::NewSession => Decision::NewSession,
                Choice::Retry => Decision::Retry,
            };
            operate(&open()?, session, Op::Decide { decision }, None)
        }
        Command::Stop { session: Some(session), all: _ } => stop(&open()?, &session),
        Command::Stop { session: None, all: _ } => stop_all(&open()?),
        Command::Logs { session, from, follow, output } => {
            let mut out = io::stdout().lock();
            follow_events(&open()?, &session, from, follow, |event| show(&mut out, event, output))
        }
        Command::Attach { session, local: _ } => attach::run(&open()?, &session),
    }
}

fn print(line: &str) -> anyhow::Result<()> {
    Ok(writeln!(io::stdout().lock(), "{line}")?)
}

fn ask(state: &StateDir, request: &ToMesh) -> anyhow::Result<FromMesh> {
    let socket = state.mesh_socket();
    let stream = files::connect(&socket).with_context(|| {
        format!("no mc-mesh answers at {}; name the folder of one that runs by --state-dir", socket.display())
    })?;
    wire::send(&stream, request)?;
    match wire::receive(&stream)?.context("mc-mesh closed the connection")? {
        FromMesh::Error { message } => bail!("{message}"),
        answer => Ok(answer),
    }
}

pub(super) fn submit(
    state: &StateDir,
    session: SessionId,
    op: Op,
    op_id: Option<String>,
) -> anyhow::Result<OpResult> {
    let request = OpRequest { op_id: op_id.unwrap_or_else(mint_op_id), actor: "local".to_owned(), op };
    match ask(state, &ToMesh::Op { session, request })? {
        FromMesh::Result(result) => Ok(result),
        other => bail!("unexpected answer {other:?}"),
    }
}

/// Prints the answer as JSON; any code but `ok` makes the command fail.
fn operate(state: &StateDir, session: SessionId, op: Op, op_id: Option<String>) -> anyhow::Result<()> {
    let result = submit(state, session, op, op_id)?;
    print(&serde_json::to_string(&result)?)?;
    if result.code != Code::Ok {
        bail!("refused: {:?}", result.code);
    }
    Ok(())
}

fn stop(state: &StateDir, session: &SessionId) -> anyhow::Result<()> {
    operate(state, session.clone(), Op::Stop, None)?;
    let until = Instant::now() + STOP_LIMIT;
    while !has_ended(state, session)? {
        if Instant::now() > until {
            bail!("session {session} has not ended within {STOP_LIMIT:?}");
        }
        std::thread::sleep(FOLLOW_EVERY);
    }
    let left = crate::procs::marked(session);
    if !left.is_empty() {
        bail!("processes {left:?} of session {session} are still there");
    }
    Ok(())
}

fn has_ended(state: &StateDir, session: &SessionId) -> anyhow::Result<bool> {
    let dir = state.session(session);
    let meta: Option<SessionMeta> = files::read_json(&dir.meta())?;
    Ok(meta.is_some_and(|meta| meta.state.is_terminal()) && !Lock::is_held(&dir.lock())?)
}

/// Looks again until nothing is left to stop, because a session may be created while others end.
fn stop_all(state: &StateDir) -> anyhow::Result<()> {
    let until = Instant::now() + STOP_LIMIT;
    let mut asked = BTreeSet::new();
    loop {
        let mut left = Vec::new();
        for session in state.sessions()? {
            if state.session(&session).spec().exists() && !has_ended(state, &session)? {
                left.push(session);
            }
        }
        if left.is_empty() {
            break;
        }
        for session in &left {
            if asked.insert(session.clone()) {
                submit(state, session.clone(), Op::Stop, None)?;
            }
        }
        if Instant::now() > until {
            bail!("sessions that have not ended within {STOP_LIMIT:?}: {left:?}");
        }
        std::thread::sleep(FOLLOW_EVERY);
    }
    for session in asked {
        let left = crate::procs::marked(&session);
        if !left.is_empty() {
            bail!("processes {left:?} of session {session} are still there");
        }
        print(session.as_str())?;
    }
    Ok(())
}

fn list(state: &StateDir, output: Output) -> anyhow::Result<()> {
    let all = daemon::list(state)?;
    if output == Output::Json {
        return print(&serde_json::to_string_pretty(&all)?);
    }
    for summary in all {
        let state = summary.meta.as_ref().map_or("starting", |meta| meta.state.as_str());
        let live = if summary.is_live { "live" } else { "-" };
        print(&format!("{}  {:<10} {:<16} {live}", summary.spec.id, summary.spec.runtime, state))?;
    }
    Ok(())
}

fn list_runtimes(state: &StateDir, output: Output) -> anyhow::Result<()> {
    let all = runtimes::list(state).context("cannot read runtimes.json")?;
    if output == Output::Json {
        return print(&serde_json::to_string_pretty(&all)?);
    }
    for runtime in all {
        let is = if runtime.available { "available" } else { "-" };
        let about = runtime.hint.or(runtime.program).unwrap_or_default();
        let broken = runtime.restore_broken.map(|agent| format!(" ({agent} does not restore sessions)"));
        print(&format!("{:<10} {is:<9} {about}{}", runtime.name, broken.unwrap_or_default()))?;
    }
    Ok(())
}

fn status(state: &StateDir, output: Output) -> anyhow::Result<()> {
    let FromMesh::Status { uplink } = ask(state, &ToMesh::Status)? else { bail!("unexpected answer") };
    if output == Output::Json {
        return print(&serde_json::to_string_pretty(&uplink)?);
    }
    let Some(uplink) = uplink else { return print("works alone, without a control plane") };
    let node = if uplink.node_id.is_empty() { "not joined" } else { &uplink.node_id };
    print(&format!("node     {node} {}", uplink.name))?;
    print(&format!("server   {}", uplink.server))?;
    let since = uplink.connected_since_us.and_then(|at| jiff::Timestamp::from_microsecond(at).ok());
    let link = match (since, &uplink.last_error) {
        (Some(since), _) => format!("connected since {since:.0}"),
        (None, Some(error)) => format!("not connected: {error}"),
        (None, None) => "connecting".to_owned(),
    };
    print(&format!("uplink   {link} (connection {})", uplink.conn_seq))?;
    print(&format!("batches  {} by MQTT, {} by gRPC", uplink.batches.mqtt, uplink.batches.grpc))?;
    for backlog in uplink.sessions {
        let behind = match backlog.durable_seq {
            Some(durable) => format!("{} records behind", durable.saturating_sub(backlog.acked_seq)),
            None => "not found yet".to_owned(),
        };
        let failed = backlog.failed.map(|reason| format!(", failed: {reason}")).unwrap_or_default();
        print(&format!("{}  seq {} stored, {behind}{failed}", backlog.session, backlog.acked_seq))?;
    }
    Ok(())
}

/// Hands events to `emit`; with `follow` until the session has ended and its journal is read.
pub(super) fn follow_events(
    state: &StateDir,
    session: &SessionId,
    from: u64,
    follow: bool,
    mut emit: impl FnMut(&Event) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let dir = state.session(session);
    if !dir.spec().exists() {
        bail!("no session {session}");
    }
    let mut reader = Reader::open(&dir.journal(), from)?;
    loop {
        // Asked before reading: what was written before the end is then read after it.
        let meta: Option<SessionMeta> = files::read_json(&dir.meta())?;
        let has_ended = meta.is_some_and(|meta| meta.state.is_terminal()) && !Lock::is_held(&dir.lock())?;
        while let Some(record) = reader.next()? {
            if let Some(event) = Event::of(&record) {
                emit(&event)?;
            }
        }
        if !follow || has_ended {
            return Ok(());
        }
        std::thread::sleep(FOLLOW_EVERY);
    }
}

pub(super) fn show(out: &mut impl Write, event: &Event, output: Output) -> anyhow::Result<()> {
    match output {
        Output::Json => writeln!(out, "{}", serde_json::to_string(event)?)?,
        Output::Text => {
            let text = event.body["content"]["text"].as_str().or_else(|| event.body["text"].as_str());
            let body = text.map_or_else(|| event.body.to_string(), str::to_owned);
            writeln!(out, "{:>6} {:<17} {body}", event.seq, event.kind)?;
        }
    }
    Ok(out.flush()?)
}

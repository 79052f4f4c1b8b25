//! `mc up`: checks, starts the supervisor, waits until everything is ready.

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use mc_client::{Client, Options, Server};
use serde::Serialize;
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};

use super::folder::{Folder, take_lock};
use super::part::Part;
use super::process::{Process, lock_holder};
use super::programs::Programs;
use super::settings::Settings;
use super::status::Status;
use super::supervisor::already_supervised;
use super::{down, join, log, ports};
use crate::args::Up;
use crate::config::Context;
use crate::context::Invocation;
use crate::exit::Failure;
use crate::table;

const POLL: Duration = Duration::from_millis(50);
/// How long another call may be at starting.
const TURN: Duration = Duration::from_secs(20);
/// A control plane that ended so often before it was ready does not start.
const HOPELESS: u32 = 3;
const CONTEXT: &str = "local";

/// A running installation.
#[derive(Debug, Serialize)]
struct Running {
    kind: &'static str,
    data_dir: String,
    http: String,
    token_file: String,
    logs: String,
    supervisor_pid: Option<i32>,
    controlplane_pid: Option<i32>,
    mesh_pid: Option<i32>,
    already: bool,
}

/// Starts the installation, or finds that it runs.
pub(crate) async fn run(cx: &Invocation, args: Up) -> anyhow::Result<()> {
    let folder = Folder::create(&Folder::path(args.data_dir.clone(), cx.environment())?)?;
    wait_for_down(&folder).await?;
    check_token(cx, &folder)?;
    let mut started = find_or_launch(cx, &folder, &args).await?;
    let was_running = started.is_none();
    let settings = Settings::read(&folder).context("run/up.json is missing")?;
    same_address(&folder, args.http, settings.http)?;

    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let work = async {
        ready(&folder, settings, args.timeout, started.as_mut()).await?;
        keep_context(cx, &folder, settings);
        report(cx, &folder, settings, was_running)?;
        if args.detach { Ok(()) } else { follow(cx, &folder).await }
    };
    let result = tokio::select! {
        done = work => done,
        _ = terminate.recv() => Err(Failure::Interrupted.into()),
        _ = interrupt.recv() => Err(Failure::Interrupted.into()),
    };
    match result {
        // Whoever found it running leaves it running.
        Err(error) if !was_running => {
            let is_asked = !args.detach && matches!(error.downcast_ref(), Some(Failure::Interrupted));
            down::end(cx, &folder).await?;
            if is_asked {
                down::told_all(cx, folder.dir().display().to_string(), "is stopped, no process is left")
            } else {
                Err(error)
            }
        }
        result => result,
    }
}

/// Another call is ending this installation: it goes first.
async fn wait_for_down(folder: &Folder) -> anyhow::Result<()> {
    if let Some(process) = Process::read(&folder.down())
        && !process.ends_within(Duration::from_mins(2)).await
    {
        return Err(Failure::Timeout(format!("`mc down` is still at work: {}", process.described())).into());
    }
    Ok(())
}

/// `MC_TOKEN` becomes the bootstrap token of a new installation; it must not differ from the one of an old one.
fn check_token(cx: &Invocation, folder: &Folder) -> anyhow::Result<()> {
    let given = cx.environment().token.as_deref().map(str::trim);
    let Some(given) = given.filter(|token| !token.starts_with("mcs_") && !token.starts_with("mcg_")) else {
        return Ok(());
    };
    let path = folder.token();
    match std::fs::read_to_string(&path) {
        Ok(stored) if stored.trim() != given => Err(Failure::Conflict(format!(
            "MC_TOKEN differs from the bootstrap token of this installation in {0}\n  fix: unset MC_TOKEN, or export MC_TOKEN=\"$(cat '{0}')\"",
            path.display()
        ))
        .into()),
        _ => Ok(()),
    }
}

fn same_address(folder: &Folder, asked: Option<SocketAddr>, actual: SocketAddr) -> Result<(), Failure> {
    match asked {
        Some(asked) if asked.port() != 0 && asked != actual => Err(Failure::Conflict(format!(
            "{} runs at {actual} already, not at {asked}\n  fix: end it first with `mc down --data-dir {0}`",
            folder.dir().display()
        ))),
        _ => Ok(()),
    }
}

/// Starts the supervisor unless one is there; `None` when it was. Calls at the same time go one after the other.
async fn find_or_launch(cx: &Invocation, folder: &Folder, args: &Up) -> anyhow::Result<Option<Child>> {
    let deadline = Instant::now() + TURN;
    let _turn = loop {
        match take_lock(&folder.file("run/up.lock")).context("cannot lock the data folder")? {
            Some(turn) => break turn,
            None if Instant::now() >= deadline => {
                return Err(Failure::Timeout(format!(
                    "another `mc up` is starting {}",
                    folder.dir().display()
                ))
                .into());
            }
            None => tokio::time::sleep(POLL).await,
        }
    };
    if lock_holder(&folder.lock()).is_some() {
        return if args.detach { Ok(None) } else { Err(already_supervised(folder).into()) };
    }
    let mut child = launch(cx, folder, args).await?;
    while lock_holder(&folder.lock()).is_none() && child.try_wait()?.is_none() && Instant::now() < deadline {
        tokio::time::sleep(POLL).await;
    }
    Ok(Some(child))
}

/// Starts the supervisor in a session of its own.
async fn launch(cx: &Invocation, folder: &Folder, args: &Up) -> anyhow::Result<Child> {
    let programs = Programs::find(cx.environment())?;
    programs.check().await?;
    for part in Part::ALL {
        if let Some(holder) = lock_holder(&part.lock(folder)).filter(|process| !process.is_marked(folder)) {
            return Err(Failure::Conflict(format!(
                "{} is used by a {} that `mc up` did not start: {}\n  fix: end that process, or choose another --data-dir",
                folder.dir().display(),
                part.title(),
                holder.described()
            ))
            .into());
        }
    }
    // A part that goes on is adopted where it is, and the other must fit.
    let is_any_alive = Part::ALL.iter().any(|part| part.living(folder).is_some());
    let settings = match Settings::read(folder).filter(|_| is_any_alive) {
        Some(settings) => {
            same_address(folder, args.http, settings.http)?;
            settings
        }
        None => Settings::choose(args, Settings::read(folder))?,
    };
    if Part::ControlPlane.living(folder).is_none() {
        ports::must_be_free(settings.http, "--http")?;
        ports::must_be_free(settings.grpc, "--grpc")?;
        if !cx.environment().has_broker {
            ports::must_be_free(settings.mqtt, "--mqtt")?;
        }
    }
    settings.write(folder)?;
    let output = log::open(&folder.log("supervisor"))?;
    Command::new("/proc/self/exe")
        .args(["detached", "--"])
        // By its path, so that people recognise it among the processes.
        .arg(std::env::current_exe().context("cannot find this program")?)
        .args(["supervise", "--data-dir"])
        .arg(folder.dir())
        .current_dir(folder.dir())
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output)
        .spawn()
        .context("cannot start the supervisor")
}

/// Until everything is ready.
///
/// # Errors
/// [`Failure::Timeout`], or [`Failure::Conflict`] when it will not become ready; with the end of the log that tells why.
async fn ready(
    folder: &Folder,
    settings: Settings,
    patience: Duration,
    mut supervisor: Option<&mut Child>,
) -> anyhow::Result<()> {
    let client = client(settings)?;
    let deadline = Instant::now() + patience;
    let failed = |what: String, log_of: &str| {
        let path = folder.log(log_of);
        let lines: Vec<String> =
            log::tail(&path, 12).into_iter().map(|line| format!("\n  log: {line}")).collect();
        format!("{what}{}\n  fix: read {}", lines.concat(), path.display())
    };
    loop {
        let is_served =
            Part::ControlPlane.living(folder).is_some() && matches!(client.is_ready().await, Ok(true));
        if is_served
            && let Some(daemon) = Part::Mesh.living(folder)
            && join::is_ready(folder, settings, daemon).await
        {
            return Ok(());
        }
        if let Some(child) = supervisor.as_deref_mut()
            && let Some(end) = child.try_wait()?
        {
            let what = format!("the supervisor ended before everything was ready ({end})");
            return Err(Failure::Conflict(failed(what, "supervisor")).into());
        }
        let status = Status::read(folder);
        for part in Part::ALL {
            let status = status.of(part);
            if status.ends >= HOPELESS
                && let Some(end) = &status.last_end
            {
                let what = format!("the {} does not start ({end})", part.title());
                return Err(Failure::Conflict(failed(what, part.name())).into());
            }
        }
        if Instant::now() >= deadline {
            let (what, part) = if is_served {
                ("the node is", Part::Mesh)
            } else {
                ("the control plane is", Part::ControlPlane)
            };
            let what = format!("{what} not ready within {} s", patience.as_secs());
            return Err(Failure::Timeout(failed(what, part.name())).into());
        }
        tokio::time::sleep(POLL).await;
    }
}

fn client(settings: Settings) -> anyhow::Result<Client> {
    Ok(Client::new(Options::new(Server::parse(&settings.url())?))?)
}

/// Returns when the control plane answers that it is ready.
pub(super) async fn until_ready(settings: Settings) -> anyhow::Result<()> {
    let client = client(settings)?;
    while !matches!(client.is_ready().await, Ok(true)) {
        tokio::time::sleep(POLL).await;
    }
    Ok(())
}

/// Writes the context `local`, so that a second terminal needs no variables. Another current one stays.
fn keep_context(cx: &Invocation, folder: &Folder, settings: Settings) {
    let kept = cx.store().and_then(|store| {
        store.change(|config| {
            let token_file = Some(folder.token());
            let is_ours = config.find(CONTEXT).is_some_and(|context| context.token_file == token_file);
            if config.current_context.is_some() && !is_ours {
                return Ok(config.current_context.clone());
            }
            let mission =
                config.find(CONTEXT).filter(|_| is_ours).and_then(|context| context.mission.clone());
            config.put(Context {
                name: CONTEXT.into(),
                server: settings.url(),
                token: None,
                token_file,
                mission,
            });
            config.current_context.get_or_insert_with(|| CONTEXT.into());
            Ok(None)
        })
    });
    match kept {
        Ok(None) => {}
        Ok(Some(current)) => cx.out.talk(&format!(
            "note: the context {current} stays the current one; this installation is reached with MC_BASE_URL={} MC_TOKEN=\"$(cat '{}')\"",
            settings.url(),
            folder.token().display()
        )),
        Err(error) => cx.out.talk(&format!("note: no context was written: {error:#}")),
    }
}

fn report(cx: &Invocation, folder: &Folder, settings: Settings, was_running: bool) -> anyhow::Result<()> {
    let pid = |process: Option<Process>| process.map(|process| process.pid);
    let running = Running {
        kind: "installation",
        data_dir: folder.dir().display().to_string(),
        http: settings.url(),
        token_file: folder.token().display().to_string(),
        logs: folder.file("logs").display().to_string(),
        supervisor_pid: pid(lock_holder(&folder.lock())),
        controlplane_pid: pid(Part::ControlPlane.living(folder)),
        mesh_pid: pid(Part::Mesh.living(folder)),
        already: was_running,
    };
    cx.out.value(&running, || {
        let shown = |pid: Option<i32>| pid.map_or_else(|| "-".to_owned(), |pid| pid.to_string());
        let head = if was_running { "MissionControl is running already" } else { "MissionControl is up" };
        let fields = table::fields(&[
            ("Server", running.http.clone()),
            ("Data", running.data_dir.clone()),
            ("Token", running.token_file.clone()),
            ("Logs", running.logs.clone()),
            (
                "Processes",
                format!(
                    "control plane {}, node {}, supervisor {}",
                    shown(running.controlplane_pid),
                    shown(running.mesh_pid),
                    shown(running.supervisor_pid)
                ),
            ),
        ]);
        format!("{head}\n{fields}")
    })
}

/// In the foreground: tells what changes until the supervisor ends.
async fn follow(cx: &Invocation, folder: &Folder) -> anyhow::Result<()> {
    cx.out.talk("Ctrl-C ends it.");
    let mut seen = Status::read(folder);
    while lock_holder(&folder.lock()).is_some() {
        let status = Status::read(folder);
        for part in Part::ALL {
            let (before, after) = (seen.of(part), status.of(part));
            if after.ends > before.ends
                && let Some(end) = &after.last_end
            {
                cx.out.talk(&format!("{} ended: {end}", part.title()));
            }
            if let Some(pid) = after.pid.filter(|pid| before.pid != Some(*pid)) {
                cx.out.talk(&format!("{} runs again (pid {pid})", part.title()));
            }
        }
        seen = status;
        tokio::time::sleep(POLL * 5).await;
    }
    if folder.pid_file("controlplane").exists() {
        cx.out.talk("the supervisor is gone, its children go on; `mc up` adopts them, `mc down` ends them");
    }
    Ok(())
}

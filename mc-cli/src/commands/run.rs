//! `mc run`: an agent's command line with the tools of this server, under a grant of its own that is renewed while it
//! runs and ended with it.

use std::ffi::OsStr;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use anyhow::Context as _;
use mc_api::Role;
use mc_api::auth::{CreateGrant, Grant, GrantFile, WhoAmI};
use mc_client::Client;
use serde::Serialize;
use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};

use crate::agents::Launch;
use crate::args::{AgentProgram, Run};
use crate::context::Invocation;
use crate::exit::Failure;
use crate::{grant_file, output};

/// A grant is renewed this often; it lasts three times as long.
const RENEW: Duration = Duration::from_mins(5);
/// After a renewal that failed it is tried again this soon.
const RETRY: Duration = Duration::from_secs(20);

/// One thing that the agent needs.
#[derive(Serialize)]
struct Check {
    name: &'static str,
    ok: bool,
    detail: String,
}

pub(super) async fn run(cx: &Invocation, args: Run) -> anyhow::Result<()> {
    let (checks, found) = preflight(cx, args.agent).await;
    if args.preflight_only {
        let text = checks.iter().map(line).collect::<String>();
        cx.out.value(&checks, || text)?;
    } else if found.is_err() {
        for check in &checks {
            cx.out.talk(line(check).trim_end());
        }
    }
    let (program, client, who) = found?;
    if args.preflight_only {
        return Ok(());
    }
    let home = instance_home(cx, args.agent)?;
    let scratch = tempfile::Builder::new().prefix("run-").tempdir_in(&home)?;
    let grant = Renewed::issue(cx, client, &who, args.agent, scratch.path().join("grant.json")).await?;
    let mc = std::env::current_exe().context("where is the program mc?")?;
    let ended = match args.agent.prepare(&home, scratch.path(), &mc, &grant.path) {
        Ok(launch) => {
            // The folder, not the link: a switch while the agent works takes nothing from it.
            let profile = super::profile::in_use(cx);
            supervise(&program, (&launch, &args.arguments), &grant, profile).await
        }
        Err(error) => Err(error),
    };
    grant.end().await;
    match code(ended?) {
        0 => Ok(()),
        code => Err(Failure::Exited(code).into()),
    }
}

fn line(check: &Check) -> String {
    format!("{} {}: {}\n", if check.ok { "ok     " } else { "MISSING" }, check.name, check.detail)
}

type Found = (PathBuf, Client, WhoAmI);

/// Everything that must be there; what is missing comes with what to do, and all of it is said at once.
async fn preflight(cx: &Invocation, agent: AgentProgram) -> (Vec<Check>, anyhow::Result<Found>) {
    let name = agent.program();
    let program = cx.environment().path.as_deref().and_then(|path| on_path(path, name));
    let mut checks = vec![Check {
        name: "program",
        ok: program.is_some(),
        detail: program.as_ref().map_or_else(
            || format!("{name} is not on PATH; fix: {}", agent.install()),
            |path| path.display().to_string(),
        ),
    }];
    let mut check = |name, result: Result<String, String>| {
        let (ok, detail) = match result {
            Ok(detail) => (true, detail),
            Err(detail) => (false, detail),
        };
        checks.push(Check { name, ok, detail });
    };
    let known = identity(cx, &mut check).await;
    let found = match (program, known) {
        (_, Err(error)) => Err(error),
        (None, Ok(_)) => {
            Err(Failure::NotFound(format!("{name} is not on PATH; fix: {}", agent.install())).into())
        }
        (Some(program), Ok((client, who))) => Ok((program, client, who)),
    };
    (checks, found)
}

async fn identity(
    cx: &Invocation,
    check: &mut impl FnMut(&'static str, Result<String, String>),
) -> anyhow::Result<(Client, WhoAmI)> {
    let client = match cx.client() {
        Ok(client) => client,
        Err(error) => {
            check("server", Err(output::explain(&error)));
            return Err(error);
        }
    };
    match client.version().await {
        Ok(version) => check("server", Ok(format!("version {}", version.version))),
        Err(error) => {
            let error = anyhow::Error::new(error);
            check("server", Err(output::explain(&error)));
            return Err(error);
        }
    }
    let who = match client.whoami().await {
        Ok(who) => who,
        Err(error) => {
            let error = anyhow::Error::new(error);
            check("identity", Err(output::explain(&error)));
            return Err(error);
        }
    };
    let roles = who.principal.mission_roles.iter().map(|held| held.role);
    let role = roles.chain(who.principal.role).max();
    if role < Some(Role::Contributor) {
        let detail = format!("{} may not make a grant: it takes the role contributor", who.principal.name);
        check("identity", Err(detail.clone()));
        return Err(Failure::Refused(detail).into());
    }
    check("identity", Ok(who.principal.name.to_string()));
    Ok((client, who))
}

fn on_path(path: &OsStr, program: &str) -> Option<PathBuf> {
    let is_program = |file: &PathBuf| {
        std::fs::metadata(file).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
    };
    std::env::split_paths(path).map(|folder| folder.join(program)).find(is_program)
}

/// `$XDG_STATE_HOME/mc/run/<agent>`, for the owner only.
fn instance_home(cx: &Invocation, agent: AgentProgram) -> anyhow::Result<PathBuf> {
    let environment = cx.environment();
    let in_home = || environment.home.as_ref().map(|home| home.join(".local/state"));
    let state = environment.state_home.clone().or_else(in_home);
    let state = state.ok_or_else(|| Failure::Usage("neither XDG_STATE_HOME nor HOME is set".into()))?;
    let home = state.join("mc/run").join(agent.program());
    let mut folder = std::fs::DirBuilder::new();
    folder
        .recursive(true)
        .mode(0o700)
        .create(&home)
        .with_context(|| format!("cannot make {}", home.display()))?;
    Ok(home)
}

/// A grant in a file, which is kept alive.
struct Renewed {
    client: Client,
    request: CreateGrant,
    base_url: String,
    path: PathBuf,
    current: std::sync::Mutex<Option<mc_api::id::TokenId>>,
}

impl Renewed {
    async fn issue(
        cx: &Invocation,
        client: Client,
        who: &WhoAmI,
        agent: AgentProgram,
        path: PathBuf,
    ) -> anyhow::Result<Self> {
        let request = CreateGrant {
            // A name that is too long leaves the choice to the server.
            principal: format!("{}-{}", who.principal.name, agent.program()).parse().ok(),
            mission: cx.global.mission.clone(),
            task: None,
            ttl_seconds: u32::try_from(RENEW.as_secs() * 3).ok(),
        };
        let base_url = cx.address()?.0.to_string();
        let renewed = Self { client, request, base_url, path, current: std::sync::Mutex::new(None) };
        renewed.renew().await?;
        Ok(renewed)
    }

    /// Makes a new grant and replaces the file. The one before ends by itself: a call may be under way with it.
    async fn renew(&self) -> anyhow::Result<()> {
        let grant: Grant = self.client.issue_grant(&self.request).await?;
        let token =
            grant.token.ok_or_else(|| Failure::Conflict("the grant's answer came without a token".into()))?;
        let file = GrantFile { base_url: self.base_url.clone(), token, expires_at: Some(grant.expires_at) };
        grant_file::write(&self.path, &file)?;
        *self.current.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(grant.id);
        Ok(())
    }

    /// Renews for ever. A failure is not told, for the agent has the terminal; its calls tell what they are refused.
    async fn keep(&self) {
        let mut pause = RENEW;
        loop {
            tokio::time::sleep(pause).await;
            pause = if self.renew().await.is_ok() { RENEW } else { RETRY };
        }
    }

    /// Ends the grant. When the server is gone, the grant ends by its time.
    async fn end(self) {
        let current = self.current.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        if let Some(grant) = current {
            let end = self.client.revoke_grant(grant);
            drop(tokio::time::timeout(Duration::from_secs(5), end).await);
        }
    }
}

/// Runs the agent to its end. Ctrl-C reaches it through the terminal, SIGTERM is passed on.
async fn supervise(
    program: &Path,
    (launch, arguments): (&Launch, &[std::ffi::OsString]),
    grant: &Renewed,
    profile: Option<PathBuf>,
) -> anyhow::Result<ExitStatus> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut child = Command::new(program)
        .args(&launch.arguments)
        .args(arguments)
        .envs(launch.environment.iter().map(|(name, value)| (name, value)))
        // The agent acts by its grant, not as the user.
        .env_remove("MC_TOKEN")
        .env("MC_GRANT_FILE", &grant.path)
        .envs(profile.map(|folder| ("MC_PROFILE_DIR", folder)))
        .spawn()
        .with_context(|| format!("cannot start {}", program.display()))?;
    let pid = child.id().and_then(|pid| rustix::process::Pid::from_raw(i32::try_from(pid).ok()?));
    let mut keeping = std::pin::pin!(grant.keep());
    loop {
        tokio::select! {
            status = child.wait() => return Ok(status?),
            () = &mut keeping => {}
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {
                if let Some(pid) = pid {
                    // It may have ended this instant, which the next turn of the loop sees.
                    let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
                }
            }
        }
    }
}

/// The exit code to pass on; death by a signal counts as shells count it.
fn code(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1);
    u8::try_from(code).unwrap_or(1)
}

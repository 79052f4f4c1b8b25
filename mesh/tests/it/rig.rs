//! A node made of real processes in a folder of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::TempDir;

const LIMIT: Duration = Duration::from_mins(1);

/// A line of the witness file.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Witnessed {
    pub(crate) pid: i64,
    pub(crate) dir: Dir,
    pub(crate) line: String,
}

/// Which way a line went, seen from the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Dir {
    In,
    Out,
}

/// Waits until `probe` answers, or fails with `what`.
pub(crate) fn eventually<T>(what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + LIMIT;
    loop {
        if let Some(found) = probe() {
            return found;
        }
        assert!(Instant::now() < deadline, "timed out: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The scripted agent's options for conversations that another process can load.
pub(crate) const LOADS: &[&str] = &["--load", "full"];
/// For an agent that keeps its conversations to itself.
pub(crate) const FORGETS: &[&str] = &["--no-load"];

/// Waiting times short enough for tests.
pub(crate) fn timing() -> Value {
    json!({"cancel_ms": 300, "cancel_kill_ms": 300, "stop_eof_ms": 500, "stop_term_ms": 500, "restart_ms": 20,
           "restore_ms": 20})
}

pub(crate) struct Rig {
    dir: TempDir,
    daemon: Option<Child>,
}

impl Rig {
    /// A node with a running daemon whose runtime `agent` is the scripted agent with these options, witnessed.
    pub(crate) fn start(options: &[&str]) -> Self {
        Self::with_runtime(|dir| {
            let mut command = vec!["mc-scripted-agent".to_owned()];
            for (option, file) in [("--witness", "witness"), ("--state", "agent-state")] {
                command.extend([option.to_owned(), dir.join(file).display().to_string()]);
            }
            command.extend(options.iter().map(|&option| option.to_owned()));
            json!({"command": command, "timing": timing()})
        })
    }

    /// The scripted agent without a witness, whose syncs would slow a flood down, and a limit to the journal.
    pub(crate) fn unwitnessed(quota_bytes: Option<u64>) -> Self {
        Self::with_runtime(
            |_| json!({"command": ["mc-scripted-agent"], "journal_quota_bytes": quota_bytes, "timing": timing()}),
        )
    }

    /// A node with a running daemon whose runtime `agent` is defined, given the rig's folder, by `define`.
    pub(crate) fn with_runtime(define: impl FnOnce(&Path) -> Value) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join("state");
        fs::create_dir(&state).unwrap();
        let runtimes = json!({"agent": define(dir.path())});
        fs::write(state.join("runtimes.json"), runtimes.to_string()).unwrap();
        let mut rig = Self { dir, daemon: None };
        rig.start_daemon();
        rig
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mc-mesh"));
        command.arg("--state-dir").arg(self.path("state")).args(arguments).stdin(Stdio::null());
        command
    }

    pub(crate) fn start_daemon(&mut self) {
        let log = fs::OpenOptions::new().create(true).append(true).open(self.path("mesh.log")).unwrap();
        self.daemon = Some(self.command(&["run"]).stderr(log).spawn().unwrap());
        eventually("daemon socket", || {
            let listed = self.output(&["cancel", "ses_00000000000000000000000000000000"]);
            String::from_utf8_lossy(&listed.stderr).contains("no session").then_some(())
        });
    }

    /// SIGKILL to the daemon.
    pub(crate) fn kill_daemon(&mut self) {
        if let Some(mut daemon) = self.daemon.take() {
            daemon.kill().unwrap();
            daemon.wait().unwrap();
        }
    }

    /// SIGTERM to the daemon; how it ended and after how long.
    pub(crate) fn terminate_daemon(&mut self) -> (std::process::ExitStatus, Duration) {
        end_in_order(self.daemon.take().unwrap())
    }

    pub(crate) fn output(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Output of a command that must succeed.
    pub(crate) fn ok(&self, arguments: &[&str]) -> String {
        let output = self.output(arguments);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?} failed: {error}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Creates a session and waits until it is idle.
    pub(crate) fn session(&self) -> String {
        let id = self.ok(&["session", "new", "--runtime", "agent", "--cwd", "/"]);
        self.wait_state(&id, "idle");
        id
    }

    pub(crate) fn meta(&self, id: &str) -> Option<Value> {
        let path = self.path("state").join("sessions").join(id).join("meta.json");
        serde_json::from_slice(&fs::read(path).ok()?).ok()
    }

    pub(crate) fn wait_state(&self, id: &str, state: &str) -> Value {
        eventually(&format!("state {state}, log {}", self.path("state").display()), || {
            self.meta(id).filter(|meta| meta["state"] == state)
        })
    }

    pub(crate) fn prompt(&self, id: &str, text: &str) -> Value {
        serde_json::from_str(&self.ok(&["prompt", id, text])).unwrap()
    }

    /// Gives a prompt again and again, as the same command, until it is accepted: after a kill the session cannot be
    /// reached for a moment.
    pub(crate) fn prompt_again(&self, id: &str, text: &str, op_id: &str) -> String {
        eventually("prompt accepted", || {
            let output = self.output(&["prompt", id, text, "--op-id", op_id]);
            output.status.success().then(|| String::from_utf8(output.stdout).unwrap().trim().to_owned())
        })
    }

    pub(crate) fn events(&self, id: &str) -> Vec<Value> {
        let text = self.ok(&["logs", id, "-o", "json"]);
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    pub(crate) fn of_kind(&self, id: &str, kind: &str) -> Vec<Value> {
        self.events(id).into_iter().filter(|event| event["kind"] == kind).collect()
    }

    /// Waits for the `count`-th event of a kind and answers its body.
    pub(crate) fn wait_event(&self, id: &str, kind: &str, count: usize) -> Value {
        eventually(&format!("{count} events {kind}"), || {
            self.of_kind(id, kind).get(count - 1).map(|event| event["body"].clone())
        })
    }

    /// Text of all message chunks.
    pub(crate) fn text(&self, id: &str) -> String {
        let messages = self.of_kind(id, "message");
        messages.iter().map(|event| event["body"]["content"]["text"].as_str().unwrap().to_owned()).collect()
    }

    /// Records of the agent's own witness file, in order.
    pub(crate) fn witness(&self) -> Vec<Witnessed> {
        let text = fs::read_to_string(self.path("witness")).unwrap_or_default();
        // The last line may be half written by an agent that lives.
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Lines the agent received.
    pub(crate) fn received(&self) -> Vec<String> {
        self.witness().into_iter().filter(|seen| seen.dir == Dir::In).map(|seen| seen.line).collect()
    }

    pub(crate) fn witnessed_prompts(&self) -> usize {
        self.received().iter().filter(|line| line.contains("\"session/prompt\"")).count()
    }

    /// Answers the newest open permission request.
    pub(crate) fn answer(&self, id: &str, option: &str) {
        let open = self.of_kind(id, "permission_open").pop().expect("a permission request");
        self.ok(&["answer", id, open["body"]["id"].as_str().unwrap(), "--option", option]);
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.path("state")
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        // A failed test must not leave processes: end the daemon, then the shims, which take their agents along.
        self.kill_daemon();
        let sessions = fs::read_dir(self.path("state").join("sessions")).into_iter().flatten().flatten();
        for entry in sessions {
            let id = entry.file_name().into_string().unwrap_or_default();
            if let Some(meta) = self.meta(&id)
                && let Some(pid) = meta["shim_pid"].as_i64()
                && start_time(pid) == meta["shim_start_time"].as_u64()
            {
                kill(pid);
            }
            for pid in marked(&id) {
                kill(pid);
            }
        }
    }
}

/// SIGKILL by pid.
pub(crate) fn kill(pid: i64) {
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    // Gone already is as good.
    let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
}

/// SIGTERM to a process of ours; how it ended and after how long.
pub(crate) fn end_in_order(mut process: Child) -> (std::process::ExitStatus, Duration) {
    let pid = rustix::process::Pid::from_raw(i32::try_from(process.id()).unwrap()).unwrap();
    let began = Instant::now();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let status = eventually("the daemon ends", || process.try_wait().unwrap());
    (status, began.elapsed())
}

/// SIGSTOP by pid.
pub(crate) fn stop_process(pid: i64) {
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::STOP).unwrap();
}

/// Start time of a process; `None` when it is gone, a zombie, or ending and past its last instruction.
pub(crate) fn start_time(pid: i64) -> Option<u64> {
    const PF_EXITING: u64 = 4;
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = stat[stat.rfind(')')? + 2..].split(' ').collect();
    if fields[0] == "Z" || fields[6].parse::<u64>().ok()? & PF_EXITING != 0 {
        return None;
    }
    fields[19].parse().ok()
}

/// Living processes that carry the mark of a session.
pub(crate) fn marked(id: &str) -> Vec<i64> {
    let wanted = format!("MC_SESSION={id}");
    let pids = fs::read_dir("/proc").unwrap().flatten();
    pids.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid: &i64| {
            let environ =
                fs::read(Path::new("/proc").join(pid.to_string()).join("environ")).unwrap_or_default();
            environ.split(|byte| *byte == 0).any(|entry| entry == wanted.as_bytes())
                && start_time(*pid).is_some()
        })
        .collect()
}

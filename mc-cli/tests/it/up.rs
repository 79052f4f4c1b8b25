//! An installation of real processes, started, killed and ended.

use std::fs;
use std::io::Read as _;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

const LIMIT: Duration = Duration::from_secs(30);

fn eventually<T>(what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + LIMIT;
    loop {
        if let Some(found) = probe() {
            return found;
        }
        assert!(Instant::now() < deadline, "timed out: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn kill(pid: i64, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    rustix::process::kill_process(pid, signal).unwrap();
}

fn start_time(pid: i64) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat[stat.rfind(')')? + 2..].split(' ');
    if fields.next()? == "Z" {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

fn sibling(name: &str) -> PathBuf {
    Path::new(env!("CARGO_BIN_EXE_mc")).with_file_name(name)
}

/// A process that has nothing to do with the installation, ended with the test.
struct Stranger(Child);

impl Stranger {
    fn start(mark: Option<&Path>) -> Self {
        let mut command = Command::new("sleep");
        command.arg("300").stdin(Stdio::null());
        if let Some(dir) = mark {
            command.env("MC_INSTANCE", dir);
        }
        Self(command.spawn().unwrap())
    }

    fn pid(&self) -> i64 {
        self.0.id().into()
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// An installation in a folder whose name has spaces; ended with the test.
struct Rig {
    dir: TempDir,
}

impl Rig {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    fn data(&self) -> PathBuf {
        // As the mark has it: without links.
        fs::canonicalize(self.dir.path()).unwrap().join("data dir")
    }

    fn mc(&self, words: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mc"));
        command
            .args(words.split_whitespace())
            .env_clear()
            .env("MC_DATA_DIR", self.data())
            .env("MC_CONFIG", self.dir.path().join("config.yaml"))
            .stdin(Stdio::null());
        command
    }

    fn output(&self, words: &str) -> Output {
        self.mc(words).output().unwrap()
    }

    /// What a call says that must end with this code.
    fn says(&self, code: i32, words: &str) -> String {
        code_and_words(code, &self.output(words))
    }

    fn up(&self) -> Value {
        let output = self.output("up --detach --http 127.0.0.1:0 -o json");
        assert!(output.status.success(), "{}", text(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn again(&self) -> Value {
        serde_json::from_slice(&self.output("up --detach -o json").stdout).unwrap()
    }

    fn has_started(&self) -> bool {
        self.data().join("run/supervisor.pid").exists()
    }

    /// Living processes with the mark of this installation.
    fn marked(&self) -> Vec<i64> {
        let wanted = format!("MC_INSTANCE={}", self.data().display());
        let pids = fs::read_dir("/proc").unwrap().flatten();
        pids.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .filter(|pid| {
                let environ = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
                environ.split(|byte| *byte == 0).any(|entry| entry == wanted.as_bytes())
                    && start_time(*pid).is_some()
            })
            .collect()
    }

    fn down(&self) {
        let said = self.says(0, "down");
        assert!(said.contains("no process is left"), "{said}");
        assert_eq!(self.marked(), Vec::<i64>::new());
    }
}

fn code_and_words(code: i32, output: &Output) -> String {
    let said = text(&output.stdout) + &text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{said}");
    said
}

impl Drop for Rig {
    fn drop(&mut self) {
        if self.has_started() {
            drop(self.output("down"));
        }
        for pid in self.marked() {
            kill(pid, rustix::process::Signal::KILL);
        }
    }
}

fn pid(running: &Value, name: &str) -> i64 {
    running[name].as_i64().unwrap()
}

const PARTS: [&str; 3] = ["supervisor_pid", "controlplane_pid", "mesh_pid"];

#[test]
fn up_leaves_a_ready_installation_and_down_leaves_no_process() {
    let rig = Rig::new();
    assert!(rig.says(0, "down").contains("is not running"));
    let running = rig.up();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&rig.data().join("token")), 0o600);
    assert_eq!(mode(&rig.data()), 0o700);
    assert_eq!(mode(&rig.dir.path().join("config.yaml")), 0o600);
    for name in ["supervisor", "controlplane", "mesh"] {
        let pid = pid(&running, &format!("{name}_pid"));
        let file = fs::read_to_string(rig.data().join(format!("run/{name}.pid"))).unwrap();
        assert_eq!(file.trim(), format!("{pid} {}", start_time(pid).unwrap()));
        assert_eq!(mode(&rig.data().join(format!("logs/{name}.log"))), 0o600);
    }
    // The second terminal needs no variables.
    assert!(rig.says(0, "auth whoami").contains("bootstrap"));
    assert!(rig.says(0, "config get-contexts").contains("local"));

    assert!(!rig.data().join("run/join-token").exists(), "the join token is taken back");
    let again = rig.again();
    assert_eq!((again["already"].clone(), running["already"].clone()), (true.into(), false.into()));
    assert_eq!(PARTS.map(|part| pid(&again, part)), PARTS.map(|part| pid(&running, part)));
    let refused = rig.says(5, "up");
    assert!(refused.contains(&format!("pid {}", pid(&running, "supervisor_pid"))), "{refused}");
    assert!(rig.says(5, "up --detach --http 127.0.0.1:1").contains("mc down"));

    let identity = || fs::read(rig.data().join("node/node/identity.json")).unwrap();
    let node = serde_json::from_slice::<Value>(&identity()).unwrap()["node_id"].clone();
    rig.down();
    rig.up();
    let same = serde_json::from_slice::<Value>(&identity()).unwrap()["node_id"].clone();
    assert_eq!(same, node, "later starts reuse the node's identity");
    rig.down();
    assert!(PARTS.iter().all(|part| start_time(pid(&running, part)).is_none()));
    assert!(rig.says(0, "down").contains("is not running"));
}

#[test]
fn two_calls_at_once_start_one_installation() {
    let rig = Rig::new();
    let calls: Vec<Child> = (0..2)
        .map(|_| {
            let mut command = rig.mc("up --detach -o json --http 127.0.0.1:0");
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    let answers: Vec<Value> = calls
        .into_iter()
        .map(|call| {
            let output = call.wait_with_output().unwrap();
            assert!(output.status.success(), "{}", text(&output.stderr));
            serde_json::from_slice(&output.stdout).unwrap()
        })
        .collect();
    let pids = |answer: &Value| PARTS.map(|part| pid(answer, part));
    assert_eq!(pids(&answers[0]), pids(&answers[1]));
    assert_eq!(rig.marked().len(), 2, "one control plane and one node");
    rig.down();
}

#[test]
fn a_killed_supervisor_leaves_its_children_and_the_next_adopts_them() {
    let rig = Rig::new();
    let before = rig.up();
    kill(pid(&before, "supervisor_pid"), rustix::process::Signal::KILL);
    eventually("the supervisor is gone", || {
        start_time(pid(&before, "supervisor_pid")).is_none().then_some(())
    });
    // Even without pid files they are found, by their locks.
    fs::remove_file(rig.data().join("run/controlplane.pid")).unwrap();
    fs::remove_file(rig.data().join("run/mesh.pid")).unwrap();
    let after = rig.again();
    assert_eq!(after["already"], false);
    assert_ne!(after["supervisor_pid"], before["supervisor_pid"]);
    for part in ["controlplane_pid", "mesh_pid", "http"] {
        assert_eq!(after[part], before[part], "{part}");
    }
    assert_eq!(rig.marked().len(), 2);
    rig.down();
}

#[test]
fn down_needs_no_supervisor() {
    let rig = Rig::new();
    let running = rig.up();
    kill(pid(&running, "supervisor_pid"), rustix::process::Signal::KILL);
    rig.down();
}

#[test]
fn killed_parts_are_started_again_at_the_same_address() {
    let rig = Rig::new();
    let before = rig.up();
    for part in ["controlplane_pid", "mesh_pid"] {
        kill(pid(&before, part), rustix::process::Signal::KILL);
        let after = eventually("it runs again", || {
            let after = rig.again();
            (after[part].is_i64() && after[part] != before[part]).then_some(after)
        });
        assert_eq!((&after["http"], &after["supervisor_pid"]), (&before["http"], &before["supervisor_pid"]));
    }
    assert!(rig.says(0, "system doctor").contains("database"));
    rig.down();
}

#[test]
fn another_broker_is_taken_and_given_up_while_the_node_goes_on() {
    let rig = Rig::new();
    let mut running = rig.up();
    for url in [Some("mqtts://127.0.0.1:1"), None] {
        for part in ["supervisor_pid", "controlplane_pid"] {
            kill(pid(&running, part), rustix::process::Signal::KILL);
            eventually("it is gone", || start_time(pid(&running, part)).is_none().then_some(()));
        }
        let mut command = rig.mc("up --detach -o json");
        let output = command.envs(url.map(|url| ("MC_MQTT_BROKER_URL", url))).output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        let after: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(after["mesh_pid"], running["mesh_pid"]);
        let words = fs::read(format!("/proc/{}/cmdline", pid(&after, "controlplane_pid"))).unwrap();
        assert_eq!(text(&words).contains("--mqtt\0none\0"), url.is_some(), "{}", text(&words));
        running = after;
    }
    rig.down();
}

#[test]
fn a_supervisor_that_is_asked_to_end_ends_everything() {
    let rig = Rig::new();
    let running = rig.up();
    kill(pid(&running, "supervisor_pid"), rustix::process::Signal::TERM);
    eventually("everything is gone", || {
        let alive = PARTS.iter().any(|part| start_time(pid(&running, part)).is_some());
        (!alive).then_some(())
    });
    assert_eq!(rig.marked(), Vec::<i64>::new());
}

#[test]
fn ctrl_c_in_the_foreground_is_down() {
    let rig = Rig::new();
    let mut command = rig.mc("up --http 127.0.0.1:0");
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let running = eventually("it is up", || {
        let status: Value =
            serde_json::from_slice(&fs::read(rig.data().join("run/status.json")).ok()?).ok()?;
        status["mesh"]["pid"].as_i64()
    });
    kill(child.id().into(), rustix::process::Signal::INT);
    assert!(child.wait().unwrap().success());
    let mut said = String::new();
    child.stdout.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(said.contains("no process is left"), "{said}");
    assert_eq!((start_time(running), rig.marked().len()), (None, 0));
}

#[test]
fn a_busy_port_is_refused_with_its_holder() {
    let rig = Rig::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let said = rig.says(5, &format!("up --detach --http {address}"));
    assert!(said.contains(&format!("pid {}", std::process::id())), "{said}");
    assert!(said.contains("--http 127.0.0.1:PORT"), "{said}");
    assert!(!rig.has_started());
}

#[test]
fn a_token_that_differs_from_the_stored_one_is_refused_and_not_shown() {
    let rig = Rig::new();
    let with = |token: &str, words: &str| rig.mc(words).env("MC_TOKEN", token).output().unwrap();
    let first = "up --detach --http 127.0.0.1:0";
    code_and_words(0, &with("chosen-by-hand", first));
    assert_eq!(fs::read_to_string(rig.data().join("token")).unwrap(), "chosen-by-hand");
    let said = code_and_words(5, &with("another-token", first));
    assert!(said.contains("MC_TOKEN differs") && said.contains("data dir/token"), "{said}");
    assert!(!said.contains("chosen-by-hand") && !said.contains("another-token"), "{said}");
    // A login session's token is for clients.
    code_and_words(0, &with("mcs_whatever", "up --detach"));
    rig.down();
}

#[test]
fn programs_of_another_build_are_refused_with_both_paths() {
    let rig = Rig::new();
    let bin = rig.dir.path().join("bin");
    fs::create_dir(&bin).unwrap();
    let other = bin.join("mc-mesh");
    fs::write(&other, "#!/bin/sh\necho mc-mesh 0.0.1+other\n").unwrap();
    fs::set_permissions(&other, fs::Permissions::from_mode(0o755)).unwrap();
    let output = rig.mc("up --detach --http 127.0.0.1:0").env("MC_BIN_DIR", &bin).output().unwrap();
    let said = code_and_words(5, &output);
    assert!(said.contains(other.to_str().unwrap()) && said.contains(env!("CARGO_BIN_EXE_mc")), "{said}");
    assert!(said.contains("0.0.1+other"), "{said}");
    assert!(!rig.has_started());
}

#[test]
fn a_control_plane_that_cannot_start_is_told_with_its_log_and_leaves_nothing() {
    let rig = Rig::new();
    let mut command = rig.mc("up --detach --http 127.0.0.1:0");
    let said = code_and_words(5, &command.env("MC_ROOT_KEY_FILE", "/nonexistent/key").output().unwrap());
    assert!(said.contains("/nonexistent/key") && said.contains("controlplane.log"), "{said}");
    assert_eq!(rig.marked(), Vec::<i64>::new());
    assert!(rig.says(0, "down").contains("is not running"));
}

#[test]
fn a_reused_pid_is_never_signalled() {
    let rig = Rig::new();
    let stranger = Stranger::start(None);
    let run = rig.data().join("run");
    fs::create_dir_all(&run).unwrap();
    for name in ["supervisor", "controlplane", "mesh", "down"] {
        let file = if name == "down" { run.join(name) } else { run.join(format!("{name}.pid")) };
        // The number lives, but began at another time.
        fs::write(file, format!("{} 1\n", stranger.pid())).unwrap();
    }
    assert!(rig.says(0, "down").contains("is not running"));
    rig.up();
    rig.down();
    // Even with the right start time, as after a reboot, it lacks the mark.
    let exact = format!("{} {}\n", stranger.pid(), start_time(stranger.pid()).unwrap());
    fs::write(run.join("controlplane.pid"), exact).unwrap();
    let running = rig.up();
    assert_ne!(pid(&running, "controlplane_pid"), stranger.pid());
    rig.down();
    assert!(start_time(stranger.pid()).is_some());
}

#[test]
fn what_survives_is_named_and_fails_the_call() {
    let rig = Rig::new();
    rig.up();
    let survivor = Stranger::start(Some(&rig.data()));
    let said = rig.says(5, "down");
    assert!(said.contains(&format!("pid {} (sleep 300)", survivor.pid())), "{said}");
    assert!(start_time(survivor.pid()).is_some(), "it is reported, not ended");
}

#[test]
fn down_stops_agent_sessions_in_order() {
    let rig = Rig::new();
    rig.up();
    let mesh = |words: &[&str]| {
        let mut command = Command::new(sibling("mc-mesh"));
        let output = command.arg("--state-dir").arg(rig.data().join("node")).args(words).output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout)
    };
    let session = mesh(&["session", "new", "--runtime", "scripted", "--cwd", "/"]).trim().to_owned();
    let meta = rig.data().join(format!("node/sessions/{session}/meta.json"));
    let read = || -> Option<Value> { serde_json::from_slice(&fs::read(&meta).ok()?).ok() };
    let agent = eventually("the agent is idle", || {
        let meta = read()?;
        (meta["state"] == "idle").then(|| meta["agent_pid"].as_i64())?
    });
    assert!(rig.marked().contains(&agent), "the agent carries the mark");
    let said = rig.says(0, "down");
    assert!(said.contains("1 agent session stopped"), "{said}");
    assert_eq!((start_time(agent), read().unwrap()["state"].clone()), (None, "stopped".into()));
    assert_eq!(rig.marked(), Vec::<i64>::new());
}

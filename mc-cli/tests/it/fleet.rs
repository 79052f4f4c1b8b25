//! A whole installation of real processes, as `mc up` starts it, in a folder of its own.

use std::ffi::OsString;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use sqlx::{Connection as _, Row as _};

/// How long a condition may take to come true.
const DEADLINE: Duration = Duration::from_mins(1);

/// A process that may be killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Supervisor,
    ControlPlane,
    Mesh,
}

impl Role {
    pub(crate) const ALL: [Self; 3] = [Self::Supervisor, Self::ControlPlane, Self::Mesh];

    const fn file(self) -> &'static str {
        match self {
            Self::Supervisor => "supervisor.pid",
            Self::ControlPlane => "controlplane.pid",
            Self::Mesh => "mesh.pid",
        }
    }
}

/// Waits until `probe` answers, or fails with `what`.
pub(crate) fn eventually<T>(what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = probe() {
            return found;
        }
        assert!(began.elapsed() < DEADLINE, "still not after {DEADLINE:?}: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Numbers below a bound, the same for the same seed (SplitMix64).
pub(crate) fn seeded(mut state: u64) -> impl FnMut(usize) -> usize {
    move |bound| {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % bound as u64).unwrap()
    }
}

/// One journal record as the database holds it.
pub(crate) struct Stored {
    pub(crate) seq: i64,
    /// Code of the journal's record kind.
    pub(crate) record: i64,
    pub(crate) payload: Vec<u8>,
}

pub(crate) struct Fleet {
    dir: tempfile::TempDir,
    http: String,
    /// Variables that `mc` and what it starts see beside the usual ones.
    env: Vec<(&'static str, OsString)>,
}

impl Fleet {
    /// Starts control plane and node, with the runtimes of [`Fleet::define_runtimes`].
    pub(crate) fn start() -> Self {
        let fleet = Self::with_env(Vec::new());
        fleet.define_runtimes(&fleet.path("data/node"));
        fleet.up();
        fleet
    }

    /// Gives the node whose state is in this folder agents that write a witness: `scripted`, and `remembering`, whose
    /// conversations another process can load.
    pub(crate) fn define_runtimes(&self, state: &Path) {
        let timing = json!({ "restart_ms": 20, "restore_ms": 20 });
        let witness = self.path("witness");
        let scripted = json!({ "command": ["mc-scripted-agent", "--witness", witness], "timing": timing });
        let remembering = json!({
            "command": ["mc-scripted-agent", "--witness", witness, "--state", self.path("conversations")],
            "timing": timing,
        });
        fs::create_dir_all(state).unwrap();
        let runtimes = json!({ "scripted": scripted, "remembering": remembering });
        fs::write(state.join("runtimes.json"), runtimes.to_string()).unwrap();
    }

    /// A folder for an installation that is not started yet.
    pub(crate) fn with_env(env: Vec<(&'static str, OsString)>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Self { dir, http: format!("127.0.0.1:{port}"), env }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// `mc` with these words, without input, as it sees this installation.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mc"));
        command.args(words).env_clear().stdin(Stdio::null());
        for (name, value) in [("HOME", self.path("home")), ("MC_CONFIG", self.path("config.yaml"))] {
            command.env(name, value);
        }
        command
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("MC_BASE_URL", format!("http://{}", self.http))
            .envs(self.env.iter().cloned());
        if let Ok(token) = fs::read_to_string(self.path("data/token")) {
            command.env("MC_TOKEN", token.trim());
        }
        command
    }

    /// Runs `mc`.
    pub(crate) fn mc(&self, words: &[&str]) -> Output {
        self.command(words).output().unwrap()
    }

    /// Runs `mc`, which must succeed; gives what it printed.
    pub(crate) fn ok(&self, words: &[&str]) -> String {
        let output = self.mc(words);
        assert!(output.status.success(), "mc {words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// The JSON that `mc` prints, when it succeeds.
    pub(crate) fn json(&self, words: &[&str]) -> Option<Value> {
        let output = self.mc(words);
        output.status.success().then(|| serde_json::from_slice(&output.stdout).unwrap())
    }

    /// Starts what is not running.
    pub(crate) fn up(&self) {
        let data = self.path("data");
        let output = self.mc(&["up", "--detach", "--data-dir", data.to_str().unwrap(), "--http", &self.http]);
        assert!(output.status.success(), "mc up: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// What every process of this installation and of its agents has in its environment.
    pub(crate) fn mark(&self) -> String {
        format!("MC_INSTANCE={}", fs::canonicalize(self.path("data")).unwrap().display())
    }

    /// Ends everything; nothing may be left.
    pub(crate) fn down(&self) {
        let output = self.mc(&["down", "--data-dir", self.path("data").to_str().unwrap()]);
        assert!(output.status.success(), "mc down: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Pid and start time of a process, when it lives.
    pub(crate) fn process(&self, role: Role) -> Option<(i32, u64)> {
        let text = fs::read_to_string(self.path("data/run").join(role.file())).ok()?;
        let mut words = text.split_whitespace().map(|word| word.parse::<u64>().unwrap());
        let (pid, start) = (i32::try_from(words.next()?).unwrap(), words.next()?);
        (start_time(pid) == Some(start)).then_some((pid, start))
    }

    /// SIGKILL to a process, until it is gone. Whether there was one.
    pub(crate) fn kill(&self, role: Role) -> bool {
        let Some((pid, start)) = self.process(role) else { return false };
        let is_killed = kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).is_ok();
        eventually("the killed process is gone", || (start_time(pid) != Some(start)).then_some(()));
        is_killed
    }

    /// Sends a signal to a living process.
    pub(crate) fn signal(&self, role: Role, signal: Signal) {
        let (pid, _) = self.process(role).unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
    }

    /// SIGKILL to the shim of a session, until it is gone.
    pub(crate) fn kill_shim(&self, session: &str) {
        let path = self.path("data/node/sessions").join(session).join("meta.json");
        let meta: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        let pid = i32::try_from(meta["shim_pid"].as_i64().unwrap()).unwrap();
        let start = meta["shim_start_time"].as_u64().unwrap();
        assert_eq!(start_time(pid), Some(start), "the shim lives");
        kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
        eventually("the killed shim is gone", || (start_time(pid) != Some(start)).then_some(()));
    }

    /// A new agent session of the runtime `scripted`, idle.
    pub(crate) fn session(&self, mission: &str) -> String {
        self.session_of(mission, "scripted")
    }

    /// A new agent session of a runtime, idle.
    pub(crate) fn session_of(&self, mission: &str, runtime: &str) -> String {
        let made =
            self.json(&["create", "session", "-m", mission, "--runtime", runtime, "-o", "json"]).unwrap();
        let id = made["id"].as_str().unwrap().to_owned();
        self.ok(&["wait", "session", &id, "--for", "state=idle", "--timeout", "60s"]);
        id
    }

    pub(crate) fn get_session(&self, id: &str) -> Option<Value> {
        self.json(&["get", "session", id, "-o", "json"])
    }

    /// The value of a series of `/metrics`.
    pub(crate) fn metric(&self, series: &str) -> u64 {
        let mut stream = TcpStream::connect(&self.http).unwrap();
        // In this version answers come in one piece.
        write!(stream, "GET /metrics HTTP/1.0\r\nHost: {}\r\n\r\n", self.http).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let value = answer.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        value.unwrap_or_else(|| panic!("{series} is not in {answer}")).trim().parse().unwrap()
    }

    /// The turn of a session with this number, when it is over.
    pub(crate) fn ended_turn(&self, session: &str, number: usize) -> Option<Value> {
        let all = self.json(&["get", "turns", "--session", session, "-o", "json"])?;
        let turn = all["items"].as_array()?.iter().find(|turn| turn["number"] == number)?.clone();
        (turn["state"] != "queued" && turn["state"] != "running").then_some(turn)
    }

    /// The id of the open approval whose title contains a text.
    pub(crate) fn open_approval(&self, title: &str) -> Option<String> {
        let all = self.json(&["get", "approvals", "-A", "-o", "json"])?;
        let wanted = all["items"].as_array()?.iter().find(|item| {
            item["state"] == "open" && item["title"].as_str().is_some_and(|text| text.contains(title))
        })?;
        wanted["id"].as_str().map(str::to_owned)
    }

    /// Answers the one open permission of a session for it, over whatever is going on.
    pub(crate) fn approve(&self, title: &str) {
        eventually(&format!("the approval {title:?} is given"), || {
            self.mc(&["approve", &self.open_approval(title)?]).status.success().then_some(())
        });
    }

    /// Whole lines of the witness that went `way` (`in`, `out`), in order.
    pub(crate) fn witness(&self, way: &str) -> Vec<String> {
        let text = fs::read_to_string(self.path("witness")).unwrap_or_default();
        let entries = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        entries
            .map(|line| serde_json::from_str::<Value>(line).unwrap())
            .filter(|entry| entry["dir"] == way)
            .map(|entry| entry["line"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Whether a line that went `way` contains a text.
    pub(crate) fn witnessed(&self, way: &str, text: &str) -> bool {
        self.witness(way).iter().any(|line| line.contains(text))
    }

    /// All stored records of a session, by seq.
    pub(crate) fn stored(&self, session: &str) -> Vec<Stored> {
        let id = uuid::Uuid::try_parse(session.strip_prefix("ses_").unwrap()).unwrap();
        let url = format!("sqlite:{}?mode=ro", self.path("data/missioncontrol.db").display());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut connection = sqlx::SqliteConnection::connect(&url).await.unwrap();
            let query = "SELECT seq, record, payload FROM session_event WHERE session_id = $1 ORDER BY seq";
            let rows = sqlx::query(query).bind(id).fetch_all(&mut connection).await.unwrap();
            let stored = |row: &sqlx::sqlite::SqliteRow| Stored {
                seq: row.get(0),
                record: row.get(1),
                payload: row.get(2),
            };
            rows.iter().map(stored).collect()
        })
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        // A failed test must leave nothing; after a test that passed there is nothing left.
        self.mc(&["down", "--data-dir", self.path("data").to_str().unwrap()]);
        if std::thread::panicking() {
            for name in ["supervisor.log", "controlplane.log", "mesh.log"] {
                let log = fs::read_to_string(self.path("data/logs").join(name)).unwrap_or_default();
                let tail: Vec<&str> = log.lines().rev().take(40).collect();
                eprintln!("--- {name}");
                tail.iter().rev().for_each(|line| eprintln!("{line}"));
            }
        }
    }
}

/// Processes whose environment holds `mark`.
pub(crate) fn marked(mark: &str) -> Vec<i32> {
    let pids = fs::read_dir("/proc").unwrap().flatten();
    pids.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| {
            let environ = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environ.split(|byte| *byte == 0).any(|entry| entry == mark.as_bytes())
        })
        .collect()
}

/// Start time of a living process in clock ticks since boot.
pub(crate) fn start_time(pid: i32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat[stat.rfind(')')? + 2..].split(' ');
    if fields.next()? == "Z" {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

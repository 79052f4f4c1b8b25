//! The uplink between real processes: daemon, shims and scripted agents on one side, a control plane that loses
//! connections, answers and its memory on the other. The oracles are the journals and the agents' witness files.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use mc_journal::{Kind, Reader, Record};
use mc_mesh::SessionId;
use mc_proto::mesh_v1 as wire;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::control_plane::{A_WHILE, ControlPlane, Random};
use crate::rig::{eventually, kill, marked, start_time};

/// A machine with a node daemon that serves a control plane.
pub(crate) struct Machine {
    dir: TempDir,
    daemon: Option<Child>,
    server: String,
    options: Vec<String>,
}

impl Machine {
    pub(crate) fn start(control_plane: &ControlPlane, options: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("state")).unwrap();
        let witness = dir.path().join("witness");
        let memory = dir.path().join("agent-state");
        let runtime = json!({
            "command": ["mc-scripted-agent", "--witness", witness, "--state", memory],
            "timing": {"cancel_ms": 300, "cancel_kill_ms": 300, "stop_eof_ms": 500, "stop_term_ms": 500,
                       "restart_ms": 20, "restore_ms": 20},
        });
        let missing = json!({"command": ["no-such-agent"]});
        let plain = json!({"command": ["mc-scripted-agent"]});
        let runtimes = json!({"agent": runtime, "plain": plain, "missing": missing});
        fs::write(dir.path().join("state/runtimes.json"), runtimes.to_string()).unwrap();
        fs::write(dir.path().join("token"), control_plane.join_token()).unwrap();
        let options = options.iter().map(|&option| option.to_owned()).collect();
        let mut machine = Self { dir, daemon: None, server: control_plane.url(), options };
        machine.start_daemon();
        machine
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn session_file(&self, id: &str, name: &str) -> PathBuf {
        self.path("state/sessions").join(id).join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mc-mesh"));
        command.arg("--state").arg(self.path("state")).args(arguments).stdin(Stdio::null());
        command
    }

    pub(crate) fn start_daemon(&mut self) {
        let log = fs::OpenOptions::new().create(true).append(true).open(self.path("mesh.log")).unwrap();
        let token = self.path("token");
        let mut command = self.command(&["run", "--server", &self.server, "--join-token-file"]);
        command.arg(token).args(&self.options).stderr(log);
        self.daemon = Some(command.spawn().unwrap());
    }

    pub(crate) fn kill_daemon(&mut self) {
        if let Some(mut daemon) = self.daemon.take() {
            daemon.kill().unwrap();
            daemon.wait().unwrap();
        }
    }

    /// SIGTERM to the daemon; how it ended and after how long.
    pub(crate) fn terminate_daemon(&mut self) -> (std::process::ExitStatus, Duration) {
        crate::rig::end_in_order(self.daemon.take().unwrap())
    }

    pub(crate) fn output(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.path("mesh.log")).unwrap()
    }

    fn rss_kib(&self) -> u64 {
        let pid = self.daemon.as_ref().unwrap().id();
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    /// Every record that is not trimmed.
    pub(crate) fn journal(&self, id: &str) -> Vec<Record> {
        let folder = self.session_file(id, "journal");
        let oldest = Reader::oldest(&folder).unwrap().unwrap_or(1);
        let mut reader = Reader::open(&folder, oldest).unwrap();
        let mut records = Vec::new();
        while let Some(record) = reader.next().unwrap() {
            records.push(record);
        }
        records
    }

    fn meta(&self, id: &str) -> Option<Value> {
        serde_json::from_slice(&fs::read(self.session_file(id, "meta.json")).ok()?).ok()
    }

    /// Prompts that reached an agent.
    pub(crate) fn prompts(&self) -> usize {
        let text = fs::read_to_string(self.path("witness")).unwrap_or_default();
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines
            .filter(|entry| {
                entry["dir"] == "in" && entry["line"].as_str().unwrap().contains("\"session/prompt\"")
            })
            .count()
    }

    /// Waits until everything in the journal of a session at rest is stored, and compares record by record.
    pub(crate) fn expect_stored(&self, control_plane: &ControlPlane, id: &str) {
        let id = id.to_owned();
        let what = format!("all stored; {}; log\n{}", control_plane.describe(), self.log());
        let journal = eventually(&what, || {
            let stored = control_plane.memory().stored.get(&id).map_or(0, Vec::len) as u64;
            let journal = self.journal(&id);
            let last = journal.last().map_or(0, |record| record.seq);
            (stored > 0 && stored == last).then_some(journal)
        });
        let memory = control_plane.memory();
        for record in journal {
            let event = &memory.stored[&id][usize::try_from(record.seq).unwrap() - 1];
            assert_eq!(
                (record.seq, u32::from(record.kind.code()), record.stamp.wall_us, &record.payload),
                (event.seq, event.kind, event.wall_us, &event.payload)
            );
            assert_eq!(event.crc32c, crc32c::crc32c(&event.payload));
        }
        assert_eq!(memory.forks, 0);
    }

    pub(crate) fn turns(control_plane: &ControlPlane, id: &str) -> usize {
        let code = u32::from(Kind::OpDone.code());
        let memory = control_plane.memory();
        memory.stored.get(id).map_or(0, |events| events.iter().filter(|event| event.kind == code).count())
    }

    pub(crate) fn wait_turns(&self, control_plane: &ControlPlane, id: &str, count: usize) {
        eventually(&format!("{count} turns; {}; log\n{}", control_plane.describe(), self.log()), || {
            (Self::turns(control_plane, id) >= count).then_some(())
        });
        assert_eq!(Self::turns(control_plane, id), count);
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // A failed test must not leave processes: end the daemon, then the shims, which take their agents along.
        self.kill_daemon();
        for entry in fs::read_dir(self.path("state/sessions")).into_iter().flatten().flatten() {
            let id = entry.file_name().into_string().unwrap_or_default();
            if let Some(meta) = self.meta(&id)
                && let Some(pid) = meta["shim_pid"].as_i64()
                && start_time(pid) == meta["shim_start_time"].as_u64()
            {
                kill(pid);
            }
            marked(&id).into_iter().for_each(kill);
        }
    }
}

fn spec(runtime: &str) -> wire::SessionSpec {
    wire::SessionSpec {
        session: SessionId::mint().to_string(),
        generation: 1,
        desired: wire::Wanted::Running.into(),
        runtime: runtime.to_owned(),
        fence: 1,
        ..wire::SessionSpec::default()
    }
}

/// Wants a session, waits until its agent is idle, answers its id.
pub(crate) fn session(control_plane: &ControlPlane, machine: &Machine, runtime: &str) -> String {
    let spec = spec(runtime);
    let id = spec.session.clone();
    control_plane.want(spec);
    wait_state(control_plane, machine, &id, "idle");
    id
}

pub(crate) fn wait_state(
    control_plane: &ControlPlane,
    machine: &Machine,
    id: &str,
    state: &str,
) -> wire::SessionStatus {
    eventually(&format!("{state}; {}; log\n{}", control_plane.describe(), machine.log()), || {
        control_plane.memory().status(id).filter(|status| status.state == state).cloned()
    })
}

#[test]
fn session_runs_a_prompt_and_everything_is_stored_and_told() {
    let control_plane = ControlPlane::start();
    let machine = Machine::start(&control_plane, &["--slots", "3"]);
    let id = session(&control_plane, &machine, "agent");
    {
        let memory = control_plane.memory();
        let facts = memory.syncs[0].facts.clone().unwrap();
        assert_eq!((facts.slots, facts.sandbox_tier.as_str()), (3, "S0"));
        let runtime = |name: &str| facts.runtimes.iter().find(|runtime| runtime.name == name).unwrap();
        assert!(runtime("agent").available && runtime("agent").hint.is_empty());
        assert!(!runtime("missing").available && runtime("missing").hint.contains("no-such-agent"));
        let status = memory.status(&id).unwrap();
        assert!(status.agent_pid > 0 && status.shim_pid > 0 && !status.agent_session.is_empty());
        assert_eq!((status.epoch, status.observed_generation), (1, 1));
    }
    control_plane.send(control_plane.prompt(&id, "t1", "/cwd\n/say hello"));
    machine.wait_turns(&control_plane, &id, 1);
    machine.expect_stored(&control_plane, &id);
    assert!(machine.session_file(&id, "work").is_dir());
    let result = eventually("result", || control_plane.memory().results.first().cloned());
    assert_eq!((result.op_id.as_str(), result.code.as_str()), ("t1", "ok"));
    let shown = String::from_utf8(machine.output(&["status"]).stdout).unwrap();
    for word in [crate::control_plane::NODE, "connected since", &id, "0 records behind"] {
        assert!(shown.contains(word), "{word} is missing in {shown}");
    }
    control_plane.stop(&id);
    let stopped = wait_state(&control_plane, &machine, &id, "stopped");
    assert_eq!((stopped.observed_generation, stopped.agent_pid), (2, 0));
    assert_eq!(marked(&id), Vec::<i64>::new());
    // The end is told only when everything is stored.
    let last = machine.journal(&id).last().unwrap().seq;
    assert_eq!(control_plane.memory().stored[&id].len() as u64, last);
}

#[test]
fn a_prompt_that_runs_already_is_taken_back_by_cancelling_its_turn() {
    let control_plane = ControlPlane::start();
    let machine = Machine::start(&control_plane, &[]);
    let id = session(&control_plane, &machine, "agent");
    let take_back = |op_id: &str| {
        let op = wire::op::Op::RemoveQueued(wire::RemoveQueued { prompt: "t1".to_owned() });
        control_plane.send(control_plane.command(&id, op_id, op));
        eventually("answer", || {
            control_plane.memory().results.iter().find(|result| result.op_id == op_id).cloned()
        })
    };
    control_plane.send(control_plane.prompt(&id, "t1", "/sleep 600000"));
    wait_state(&control_plane, &machine, &id, "running");
    assert_eq!(take_back("c1").code, "ok");
    machine.wait_turns(&control_plane, &id, 1);
    let done = machine.journal(&id).into_iter().rfind(|record| record.kind == Kind::OpDone).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&done.payload).unwrap()["outcome"], "cancelled");
    // It is over: nothing of the next turn is cancelled.
    control_plane.send(control_plane.prompt(&id, "t2", "/sleep 300"));
    assert_eq!(take_back("c2").code, "not_found");
    machine.wait_turns(&control_plane, &id, 2);
    let done = machine.journal(&id).into_iter().rfind(|record| record.kind == Kind::OpDone).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&done.payload).unwrap()["outcome"], "end_turn");
}

#[test]
fn a_session_that_was_given_to_another_node_is_never_made() {
    let control_plane = ControlPlane::start();
    control_plane.memory().holds_grants = true;
    let machine = Machine::start(&control_plane, &[]);
    let asked = |id: &str| {
        eventually("asked for a grant", || {
            let memory = control_plane.memory();
            memory.leases.iter().any(|lease| lease.grants_for.iter().any(|wanted| wanted == id)).then_some(())
        });
    };
    let granted = || wire::SessionSpec { has_grant: true, ..spec("agent") };
    // One is taken back on the connection that stands, the other while there is none.
    let (first, second) = (granted(), granted());
    let ids = [first.session.clone(), second.session.clone()];
    for spec in [first, second] {
        control_plane.want(spec);
    }
    for id in &ids {
        asked(id);
    }
    control_plane.stop(&ids[0]);
    wait_state(&control_plane, &machine, &ids[0], "stopped");
    control_plane.memory().sessions.clear();
    let before = control_plane.memory().syncs.len();
    control_plane.cut();
    eventually("connected again", || (control_plane.memory().syncs.len() > before).then_some(()));
    wait_state(&control_plane, &machine, &ids[1], "stopped");
    control_plane.memory().holds_grants = false;
    std::thread::sleep(A_WHILE);
    for id in &ids {
        assert!(!machine.session_file(id, "spec.json").exists(), "{}", machine.log());
    }
}

#[test]
fn cut_connections_lose_and_double_nothing() {
    let seed = 20_261;
    let mut random = Random(seed);
    let control_plane = ControlPlane::start();
    {
        let mut memory = control_plane.memory();
        (memory.repeat, memory.refuse_one_of, memory.random) = (2, 9, Some(Random(seed + 1)));
    }
    let machine = Machine::start(&control_plane, &[]);
    let ids = [session(&control_plane, &machine, "agent"), session(&control_plane, &machine, "plain")];
    for id in &ids {
        control_plane.send(control_plane.prompt(id, &format!("t1-{id}"), "/chunks 3000 200"));
    }
    for cuts in 1..=50 {
        // Only a connection that stands can be cut.
        eventually("connection", || (control_plane.memory().syncs.len() >= cuts).then_some(()));
        std::thread::sleep(Duration::from_millis(random.below(150)));
        control_plane.cut();
    }
    for id in &ids {
        control_plane.send(control_plane.prompt(id, &format!("t2-{id}"), "/chunks 1500 0"));
        machine.wait_turns(&control_plane, id, 2);
        machine.expect_stored(&control_plane, id);
    }
    assert_eq!(machine.prompts(), 2);
    let seqs: Vec<u64> = control_plane.memory().syncs.iter().map(|sync| sync.conn_seq).collect();
    assert!(seqs.windows(2).all(|pair| pair[0] < pair[1]), "{seqs:?}");
}

#[test]
fn stopped_daemon_brings_up_what_is_durable_and_loses_and_doubles_nothing() {
    let control_plane = ControlPlane::start();
    let mut machine = Machine::start(&control_plane, &[]);
    let id = session(&control_plane, &machine, "agent");
    let agent = control_plane.memory().status(&id).unwrap().agent_pid;
    let started = start_time(agent.into());
    for turn in 1..=3 {
        eventually("it is connected", || {
            String::from_utf8_lossy(&machine.output(&["status"]).stdout)
                .contains("connected since")
                .then_some(())
        });
        control_plane.send(control_plane.prompt(&id, &format!("t{turn}"), "/chunks 100 400"));
        std::thread::sleep(Duration::from_millis(100 * turn));
        let (status, took) = machine.terminate_daemon();
        assert!(
            status.success() && took < Duration::from_secs(30),
            "{status} after {took:?}: {}",
            machine.log()
        );
        machine.start_daemon();
    }
    machine.wait_turns(&control_plane, &id, 3);
    machine.expect_stored(&control_plane, &id);
    assert_eq!((machine.prompts(), start_time(agent.into())), (3, started));
}

#[test]
fn killed_daemon_loses_and_doubles_nothing() {
    let seed = 77;
    let mut random = Random(seed);
    let control_plane = ControlPlane::start();
    let mut machine = Machine::start(&control_plane, &[]);
    let id = session(&control_plane, &machine, "agent");
    let agent = control_plane.memory().status(&id).unwrap().agent_pid;
    let started = start_time(agent.into());
    for turn in 1..=8 {
        control_plane.send(control_plane.prompt(&id, &format!("t{turn}"), "/chunks 200 400"));
        std::thread::sleep(Duration::from_millis(random.below(500)));
        machine.kill_daemon();
        machine.start_daemon();
    }
    machine.wait_turns(&control_plane, &id, 8);
    machine.expect_stored(&control_plane, &id);
    assert_eq!((machine.prompts(), start_time(agent.into())), (8, started), "seed {seed}");
    eventually("every command answered", || control_plane.memory().commands.is_empty().then_some(()));
}

#[test]
fn agents_go_on_without_the_control_plane_and_are_reported_later() {
    let control_plane = ControlPlane::start();
    let mut machine = Machine::start(&control_plane, &[]);
    let id = session(&control_plane, &machine, "agent");
    control_plane.send(control_plane.prompt(&id, "t1", "/sleep 500\n/chunks 400 0"));
    eventually("prompt", || (machine.prompts() == 1).then_some(()));
    control_plane.set_away(true);
    let turn = |machine: &Machine| {
        let journal = machine.journal(&id);
        journal.iter().filter(|record| record.kind == mc_journal::Kind::OpDone).count()
    };
    eventually("turn without a control plane", || (turn(&machine) == 1).then_some(()));
    // A daemon that starts while nobody answers finds everything again.
    machine.kill_daemon();
    machine.start_daemon();
    eventually("backlog is shown", || {
        let shown = String::from_utf8(machine.output(&["status"]).stdout).unwrap();
        (shown.contains("not connected") && shown.contains(&id)).then_some(())
    });
    assert_eq!(Machine::turns(&control_plane, &id), 0);
    control_plane.set_away(false);
    machine.wait_turns(&control_plane, &id, 1);
    machine.expect_stored(&control_plane, &id);
}

#[test]
fn control_plane_that_lost_its_memory_gets_everything_again() {
    let control_plane = ControlPlane::start();
    let machine = Machine::start(&control_plane, &[]);
    let id = session(&control_plane, &machine, "agent");
    control_plane.send(control_plane.prompt(&id, "t1", "/chunks 1200 0"));
    machine.wait_turns(&control_plane, &id, 1);
    machine.expect_stored(&control_plane, &id);
    control_plane.memory().stored.clear();
    control_plane.cut();
    machine.wait_turns(&control_plane, &id, 1);
    machine.expect_stored(&control_plane, &id);
    // It forgets while the connection stands: a hole, and a rewind below what was acknowledged.
    control_plane.memory().stored.clear();
    control_plane.send(control_plane.prompt(&id, "t2", "/say again"));
    machine.wait_turns(&control_plane, &id, 2);
    machine.expect_stored(&control_plane, &id);
    assert_eq!(machine.prompts(), 2);
}

#[test]
fn repeated_command_runs_once_and_a_bad_signature_never() {
    let control_plane = ControlPlane::start();
    control_plane.memory().repeat = 3;
    let machine = Machine::start(&control_plane, &[]);
    let id = session(&control_plane, &machine, "agent");
    let mut forged = control_plane.prompt(&id, "forged", "/say never");
    forged.signature[0] ^= 1;
    let mut moved = control_plane.prompt(&id, "moved", "/say never");
    moved.actor = "somebody else".to_owned();
    control_plane.send(forged);
    control_plane.send(moved);
    let good = control_plane.prompt(&id, "good", "/say once");
    control_plane.send(good.clone());
    machine.wait_turns(&control_plane, &id, 1);
    control_plane.send(good);
    control_plane.cut();
    eventually("answered again", || {
        let memory = control_plane.memory();
        let answers: Vec<_> = memory.results.iter().filter(|result| result.op_id == "good").collect();
        assert!(answers.iter().all(|answer| **answer == *answers[0]), "{answers:?}");
        (answers.len() > 1).then_some(())
    });
    machine.expect_stored(&control_plane, &id);
    assert_eq!(machine.prompts(), 1);
    let memory = control_plane.memory();
    assert!(memory.results.iter().all(|result| result.op_id == "good"), "{:?}", memory.results);
    assert!(
        machine.log().contains("refused command forged") && machine.log().contains("refused command moved")
    );
}

#[test]
fn withheld_acknowledgements_cost_no_memory() {
    let control_plane = ControlPlane::start();
    let machine = Machine::start(&control_plane, &[]);
    eventually("joined", || (!control_plane.memory().syncs.is_empty()).then_some(()));
    std::thread::sleep(A_WHILE);
    let alone = machine.rss_kib();
    assert!(alone < 20 * 1024, "{alone} KiB without a session");
    let id = session(&control_plane, &machine, "plain");
    let before = machine.rss_kib();
    control_plane.memory().holds_acks = true;
    control_plane.send(control_plane.prompt(&id, "t1", &"/bigline 1048576\n".repeat(40)));
    let mut highest = 0;
    eventually("turn", || {
        highest = highest.max(machine.rss_kib());
        machine.journal(&id).iter().any(|record| record.kind == mc_journal::Kind::OpDone).then_some(())
    });
    let stored: usize = control_plane.memory().stored[&id].iter().map(|event| event.payload.len()).sum();
    assert!(stored < 4 << 20, "more than the window was sent: {stored}");
    control_plane.memory().holds_acks = false;
    machine.wait_turns(&control_plane, &id, 1);
    machine.expect_stored(&control_plane, &id);
    highest = highest.max(machine.rss_kib());
    assert!(
        highest < before + 24 * 1024,
        "memory grew from {before} to {highest} KiB with 40 MiB of records"
    );
    eventually("journal trimmed", || (machine.journal(&id)[0].seq > 1).then_some(()));
    let (bytes, records) = control_plane.memory().largest;
    assert!(records <= 500 && bytes < 2 << 20, "{bytes} bytes, {records} records in one batch");
}

/// The node's line takes `width` bytes a second. One session has a record of 15 MB to report, another goes on talking.
/// Answers whether the large record came before the end of the talk, and how long after its prompt that end was stored.
#[expect(clippy::print_stdout, reason = "the figure of ADR 0004")]
fn talk_beside_a_large_record(control_plane: &ControlPlane, width: u64) -> (bool, Duration) {
    let machine = Machine::start(control_plane, &[]);
    let (large, small) =
        (session(control_plane, &machine, "plain"), session(control_plane, &machine, "plain"));
    control_plane.narrow(width);
    control_plane.send(control_plane.prompt(&large, "t1", "/bigline 15000000"));
    eventually("the large record", || {
        let journal = machine.journal(&large);
        journal.iter().any(|record| record.payload.len() > 14_000_000).then_some(())
    });
    let prompted = Instant::now();
    control_plane.send(control_plane.prompt(&small, "t2", "/chunks 100 50"));
    machine.wait_turns(control_plane, &small, 1);
    let took = prompted.elapsed();
    let is_large = |event: &wire::Event| event.payload.len() > 14_000_000;
    let large_came_first = control_plane.memory().stored[&large].iter().any(is_large);
    control_plane.narrow(0);
    machine.wait_turns(control_plane, &large, 1);
    machine.expect_stored(control_plane, &large);
    machine.expect_stored(control_plane, &small);
    assert_eq!(control_plane.memory().forks, 0);
    println!("large record first: {large_came_first}, talk of 2 s stored after {took:?}");
    (large_came_first, took)
}

#[test]
fn a_large_record_holds_up_no_other_session_and_goes_up_once() {
    let control_plane = ControlPlane::start();
    let (large_came_first, took) = talk_beside_a_large_record(&control_plane, 1_000_000);
    assert!(!large_came_first, "{took:?}");
    let memory = control_plane.memory();
    assert_eq!((memory.blobs, memory.duplicates), (1, 0), "blobs, records that came a second time");
}

#[test]
fn an_older_control_plane_gets_large_records_with_the_others() {
    let control_plane = ControlPlane::start();
    control_plane.memory().has_no_blobs = true;
    talk_beside_a_large_record(&control_plane, 1_000_000);
    assert_eq!(control_plane.memory().blobs, 0);
}

#[test]
fn large_records_of_many_sessions_wait_for_their_place_and_survive_refusals_and_cuts() {
    let control_plane = ControlPlane::start();
    let machine = Machine::start(&control_plane, &[]);
    let ids: Vec<String> = (0..6).map(|_| session(&control_plane, &machine, "plain")).collect();
    control_plane.memory().refuse_blobs = 3;
    control_plane.narrow(20_000_000);
    for (n, id) in ids.iter().enumerate() {
        let text = "/say before\n/bigline 3000000\n/say between\n/bigline 400000\n/say after";
        control_plane.send(control_plane.prompt(id, &format!("t{n}"), text));
    }
    for _ in 0..3 {
        let before = control_plane.memory().blobs;
        eventually("one more", || (control_plane.memory().blobs > before).then_some(()));
        control_plane.cut();
    }
    for id in &ids {
        machine.wait_turns(&control_plane, id, 1);
        machine.expect_stored(&control_plane, id);
    }
    let memory = control_plane.memory();
    assert_eq!((memory.forks, memory.refuse_blobs), (0, 0));
    assert!(memory.blobs >= 12, "{}", memory.blobs);
}

#[test]
fn grant_is_there_before_the_agent_and_is_renewed() {
    let control_plane = ControlPlane::start();
    (control_plane.memory().grant_ttl_ms, control_plane.memory().holds_grants) = (1_500, true);
    let machine = Machine::start(&control_plane, &[]);
    let granted = wire::SessionSpec { has_grant: true, ..spec("agent") };
    let id = granted.session.clone();
    control_plane.want(granted);
    eventually("asked for a grant", || {
        let memory = control_plane.memory();
        memory.leases.iter().any(|lease| lease.grants_for.contains(&id)).then_some(())
    });
    std::thread::sleep(A_WHILE);
    assert!(!machine.session_file(&id, "spec.json").exists(), "the agent waits for its grant");
    control_plane.memory().holds_grants = false;
    let file = machine.session_file(&id, "grant.json");
    let read = || serde_json::from_slice::<Value>(&fs::read(&file).ok()?).ok();
    let first = eventually("first grant", read);
    assert_eq!(first["base_url"], "http://127.0.0.1:1");
    assert!(first["token"].as_str().unwrap().starts_with("mcg_"));
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&file).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    wait_state(&control_plane, &machine, &id, "idle");
    let local: Value =
        serde_json::from_slice(&fs::read(machine.session_file(&id, "spec.json")).unwrap()).unwrap();
    let server = &local["mcp_servers"][0];
    assert_eq!((server["name"].as_str(), &server["env"]), (Some("missioncontrol"), &json!([])));
    assert_eq!(server["args"], json!(["mcp", "serve", "--grant-file", file.canonicalize().unwrap()]));
    eventually("renewed twice", || (control_plane.memory().grants >= 3).then_some(()));
    eventually("file replaced", || read().filter(|grant| grant["token"] != first["token"]));
    control_plane.stop(&id);
    wait_state(&control_plane, &machine, &id, "stopped");
    let before = control_plane.memory().grants;
    std::thread::sleep(A_WHILE * 2);
    assert!(control_plane.memory().grants <= before + 1, "an ended session gets no grants");
    let journal = machine.journal(&id);
    assert!(
        !journal.iter().any(|r| String::from_utf8_lossy(&r.payload).contains("mcg_")),
        "a token in the journal"
    );
}

#[test]
fn session_that_cannot_be_made_is_reported_as_failed_once() {
    let control_plane = ControlPlane::start();
    let mut machine = Machine::start(&control_plane, &[]);
    let unknown = spec("unheard-of");
    let missing = spec("missing");
    let homeless = wire::SessionSpec { cwd: "/no/such/folder".to_owned(), ..spec("agent") };
    let words = ["unheard-of", "not installed", "/no/such/folder"];
    let ids = [&unknown, &missing, &homeless].map(|spec| spec.session.clone());
    for spec in [unknown, missing, homeless] {
        control_plane.want(spec);
    }
    for (id, word) in ids.iter().zip(words) {
        let failed = wait_state(&control_plane, &machine, id, "failed");
        assert!(failed.reason.contains(word), "{failed:?}");
        control_plane.send(control_plane.prompt(id, &format!("t-{id}"), "/say never"));
    }
    eventually("commands refused", || (control_plane.memory().results.len() == 3).then_some(()));
    assert!(control_plane.memory().results.iter().all(|result| result.code == "not_found"));
    // Known after a restart; tried again when it is wanted differently.
    control_plane.memory().statuses.clear();
    machine.kill_daemon();
    machine.start_daemon();
    for id in &ids {
        wait_state(&control_plane, &machine, id, "failed");
        assert!(!machine.session_file(id, "spec.json").exists());
    }
    let repaired = wire::SessionSpec {
        generation: 2,
        cwd: String::new(),
        ..control_plane.memory().sessions[&ids[2]].clone()
    };
    control_plane.want(repaired);
    wait_state(&control_plane, &machine, &ids[2], "idle");
}

#[test]
fn session_whose_journal_is_gone_does_not_begin_anew() {
    let control_plane = ControlPlane::start();
    let lost = spec("agent");
    let event = wire::Event { seq: 1, kind: 8, ..wire::Event::default() };
    control_plane.memory().stored.insert(lost.session.clone(), vec![event]);
    let machine = Machine::start(&control_plane, &[]);
    let id = lost.session.clone();
    control_plane.want(lost);
    let failed = wait_state(&control_plane, &machine, &id, "failed");
    assert!(failed.reason.contains("journal is gone"), "{failed:?}");
    assert!(!machine.session_file(&id, "spec.json").exists());
}

#[test]
fn tasks_are_claimed_while_slots_are_free() {
    let control_plane = ControlPlane::start();
    control_plane.memory().tasks = (0..4).map(|_| spec("agent")).collect();
    let machine = Machine::start(&control_plane, &["--slots", "2"]);
    eventually("two claimed", || (control_plane.memory().sessions.len() == 2).then_some(()));
    std::thread::sleep(A_WHILE);
    let first = {
        let memory = control_plane.memory();
        assert_eq!((memory.sessions.len(), memory.tasks.len()), (2, 2));
        assert!(memory.claims.iter().all(|claim| !claim.runtimes.contains(&"missing".to_owned())));
        assert_eq!(memory.claims[0].free_slots, 2);
        memory.sessions.keys().next().unwrap().clone()
    };
    wait_state(&control_plane, &machine, &first, "idle");
    control_plane.stop(&first);
    wait_state(&control_plane, &machine, &first, "stopped");
    control_plane.call_for_work();
    eventually("a third one", || (control_plane.memory().tasks.len() == 1).then_some(()));
    eventually("an ended session is not renewed", || {
        let memory = control_plane.memory();
        memory.leases.last().is_some_and(|lease| !lease.live_sessions.contains(&first)).then_some(())
    });
}

#[test]
fn ended_sessions_are_removed_when_they_are_stored_and_forgotten() {
    let control_plane = ControlPlane::start();
    let machine = Machine::start(&control_plane, &["--keep-ended-hours", "0"]);
    let (kept, gone) =
        (session(&control_plane, &machine, "agent"), session(&control_plane, &machine, "agent"));
    control_plane.stop(&gone);
    wait_state(&control_plane, &machine, &gone, "stopped");
    std::thread::sleep(A_WHILE * 2);
    assert!(machine.session_file(&gone, "spec.json").exists(), "still wanted, as stopped");
    control_plane.memory().sessions.remove(&gone);
    control_plane.cut();
    let folder = machine.path("state/sessions").join(&gone);
    eventually("removed", || (!Path::exists(&folder)).then_some(()));
    assert!(machine.session_file(&kept, "spec.json").exists());
    control_plane.send(control_plane.prompt(&kept, "t1", "/say still here"));
    machine.wait_turns(&control_plane, &kept, 1);
}

//! kill -9 of daemon and shim while a turn is open.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::oracle::assert_journal_is_witness;
use crate::rig::{FORGETS, LOADS, Rig, eventually, kill, marked, start_time, stop_process};

fn pid(meta: &Value, key: &str) -> i64 {
    meta[key].as_i64().unwrap()
}

#[test]
fn stopped_daemon_ends_in_order_and_leaves_agent_and_turn_untouched() {
    let mut rig = Rig::start(FORGETS);
    let id = rig.session();
    let before = rig.meta(&id).unwrap();
    let agent = pid(&before, "agent_pid");
    let started = start_time(agent);
    rig.prompt(&id, "/chunks 60 20");
    eventually("prompt open", || (rig.witnessed_prompts() == 1).then_some(()));
    let (status, _) = rig.terminate_daemon();
    assert!(status.success(), "{status}");
    assert_eq!(rig.of_kind(&id, "turn_end").len(), 0, "the daemon ended after the turn");
    rig.wait_event(&id, "turn_end", 1);
    rig.start_daemon();
    rig.prompt_again(&id, "/say one", "op-2");
    rig.wait_event(&id, "turn_end", 2);
    let after = rig.meta(&id).unwrap();
    assert_eq!((pid(&after, "agent_pid"), start_time(agent)), (agent, started));
    assert_eq!(pid(&after, "shim_pid"), pid(&before, "shim_pid"));
    assert_journal_is_witness(&rig, &id);
}

#[test]
fn killed_daemon_leaves_agent_and_turn_untouched() {
    let mut rig = Rig::start(FORGETS);
    let id = rig.session();
    let before = rig.meta(&id).unwrap();
    let agent = pid(&before, "agent_pid");
    let started = start_time(agent);
    rig.prompt(&id, "/chunks 60 20");
    eventually("prompt open", || (rig.witnessed_prompts() == 1).then_some(()));
    rig.kill_daemon();
    assert_eq!(rig.of_kind(&id, "turn_end").len(), 0, "the daemon was killed after the turn");
    // The turn ends by itself while there is no daemon.
    rig.wait_event(&id, "turn_end", 1);
    assert_eq!(start_time(agent), started);
    rig.start_daemon();
    rig.prompt_again(&id, "/say one", "op-2");
    rig.wait_event(&id, "turn_end", 2);
    let after = rig.meta(&id).unwrap();
    assert_eq!((pid(&after, "agent_pid"), start_time(agent)), (agent, started));
    assert_eq!(pid(&after, "shim_pid"), pid(&before, "shim_pid"));
    assert_eq!(after["epoch"], 1);
    assert_eq!(rig.of_kind(&id, "message").len(), 61);
    assert_journal_is_witness(&rig, &id);
}

#[test]
fn open_permission_survives_a_killed_daemon_under_the_same_id() {
    let mut rig = Rig::start(FORGETS);
    let id = rig.session();
    let before = rig.meta(&id).unwrap();
    let agent = pid(&before, "agent_pid");
    let started = start_time(agent);
    rig.prompt(&id, "/ask Delete everything\n/say deleted");
    let open = rig.wait_event(&id, "permission_open", 1);
    rig.kill_daemon();
    rig.start_daemon();
    let permission = open["id"].as_str().unwrap();
    rig.ok(&["answer", &id, permission, "--option", "reject_once", "--op-id", "a1"]);
    rig.wait_event(&id, "turn_end", 1);
    assert_eq!(rig.text(&id), "rejected: Delete everything");
    assert_eq!(rig.of_kind(&id, "permission_open").len(), 1);
    let after = rig.wait_state(&id, "idle");
    assert_eq!((pid(&after, "agent_pid"), start_time(agent)), (agent, started));
    assert_eq!(pid(&after, "shim_pid"), pid(&before, "shim_pid"));
    assert_journal_is_witness(&rig, &id);
}

#[test]
fn killed_shim_interrupts_the_turn_and_nothing_is_sent_again() {
    let rig = Rig::start(LOADS);
    let id = rig.session();
    let before = rig.meta(&id).unwrap();
    rig.prompt(&id, "/fork 600\n/say one\n/ask anything");
    rig.prompt(&id, "/say two");
    rig.wait_state(&id, "requires_action");
    let old = marked(&id);
    assert!(old.len() >= 2, "agent and orphan: {old:?}");
    kill(pid(&before, "shim_pid"));
    let interrupted = rig.wait_event(&id, "interrupted", 1);
    assert_eq!(interrupted["turn"], 1);
    // The queued prompt was never sent, so it is sent now; the interrupted one is not.
    let done = rig.wait_event(&id, "turn_end", 1);
    assert_eq!((done["turn"].as_u64(), done["outcome"].as_str()), (Some(2), Some("end_turn")));
    let after = rig.wait_state(&id, "idle");
    assert_eq!(after["epoch"], 2);
    assert_eq!(after["agent_session"], before["agent_session"]);
    assert_ne!(pid(&after, "agent_pid"), pid(&before, "agent_pid"));
    assert_eq!(rig.witnessed_prompts(), 2);
    assert_eq!(rig.received().iter().filter(|line| line.contains("\"session/new\"")).count(), 1);
    assert_eq!(rig.of_kind(&id, "gap").len(), 1);
    let voided = rig.of_kind(&id, "permission_answer");
    assert_eq!(voided[0]["body"]["outcome"], "voided");
    for pid in old {
        assert_eq!(start_time(pid), None, "process {pid} of the first epoch lives");
    }
    assert_eq!(rig.text(&id).matches("one").count(), 1, "history replay must not appear twice");
    let seqs: Vec<u64> = rig.events(&id).iter().map(|event| event["seq"].as_u64().unwrap()).collect();
    assert!(seqs.is_sorted());
    assert_journal_is_witness(&rig, &id);
}

#[test]
fn op_ids_are_known_after_a_killed_shim() {
    let rig = Rig::start(LOADS);
    let id = rig.session();
    let first = rig.ok(&["prompt", &id, "/say one", "--op-id", "op-1"]);
    rig.wait_event(&id, "turn_end", 1);
    kill(pid(&rig.meta(&id).unwrap(), "shim_pid"));
    eventually("second epoch", || rig.meta(&id).filter(|meta| meta["epoch"] == 2 && meta["state"] == "idle"));
    assert_eq!(rig.prompt_again(&id, "/say one", "op-1"), first);
    assert_eq!(rig.witnessed_prompts(), 1);
}

#[test]
fn lost_context_waits_for_a_decision() {
    for options in [FORGETS, &["--load", "error"], &["--load", "none"]] {
        let rig = Rig::start(options);
        let id = rig.session();
        rig.prompt(&id, "/crash 3");
        rig.prompt(&id, "/say one");
        let lost = rig.wait_event(&id, "context_lost", 1);
        assert_eq!(lost["needs_decision"], true);
        let meta = rig.wait_state(&id, "requires_action");
        assert_eq!(meta["reason"], "context_lost");
        assert_eq!(rig.witnessed_prompts(), 1, "nothing is sent before the decision");
        let new = rig.received().iter().filter(|line| line.contains("session/new")).count();
        assert_eq!(new, 1, "no silent session/new");
        rig.ok(&["decide", &id, "new-session"]);
        rig.wait_event(&id, "turn_end", 1);
        assert_eq!(rig.text(&id), "one");
        assert_journal_is_witness(&rig, &id);
    }
}

#[test]
fn restore_without_the_mcp_servers_is_told() {
    let mut rig = Rig::start(LOADS);
    let id = rig.session();
    rig.prompt(&id, "/say one");
    rig.wait_event(&id, "turn_end", 1);
    rig.kill_daemon();
    kill(pid(&rig.meta(&id).unwrap(), "shim_pid"));
    let path = rig.state().join("sessions").join(&id).join("spec.json");
    let mut spec: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    // The scripted agent takes servers over stdio only.
    spec["mcp_servers"] =
        json!([{"type": "http", "name": "far", "url": "http://127.0.0.1:1/", "headers": []}]);
    std::fs::write(&path, spec.to_string()).unwrap();
    rig.start_daemon();
    eventually("restored", || rig.meta(&id).filter(|m| m["epoch"] == 2 && m["state"] == "idle"));
    let gaps = rig.of_kind(&id, "gap");
    assert!(
        gaps.iter().any(|gap| gap["body"]["reason"].as_str().unwrap().contains("MCP servers")),
        "{gaps:?}"
    );
    assert_journal_is_witness(&rig, &id);
}

#[test]
fn retries_of_an_operator_are_no_crash_loop() {
    let rig = Rig::start(&["--load", "error"]);
    let id = rig.session();
    rig.prompt(&id, "/crash 3");
    rig.wait_event(&id, "context_lost", 1);
    for retry in 1..=6 {
        rig.wait_state(&id, "requires_action");
        rig.ok(&["decide", &id, "retry"]);
        rig.wait_event(&id, "context_lost", retry + 1);
    }
    assert_eq!(rig.wait_state(&id, "requires_action")["epoch"], 8);
}

#[test]
fn stop_without_a_daemon_is_carried_out_by_the_next_one() {
    let mut rig = Rig::start(LOADS);
    let id = rig.session();
    rig.kill_daemon();
    kill(pid(&rig.meta(&id).unwrap(), "shim_pid"));
    rig.start_daemon();
    rig.ok(&["stop", &id]);
    assert_eq!(marked(&id), Vec::<i64>::new());
}

#[test]
fn local_attach_prompts_answers_and_shows_events() {
    let rig = Rig::start(FORGETS);
    let id = rig.session();
    let mut attach = Command::new(env!("CARGO_BIN_EXE_mc-mesh"))
        .arg("--state-dir")
        .arg(rig.state())
        .args(["attach", &id, "--local"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = attach.stdin.take().unwrap();
    writeln!(input, "/ask anything").unwrap();
    let open = rig.wait_event(&id, "permission_open", 1);
    writeln!(input, "/answer {} allow_once", open["id"].as_str().unwrap()).unwrap();
    rig.wait_event(&id, "turn_end", 1);
    rig.ok(&["stop", &id]);
    let shown = attach.wait_with_output().unwrap();
    let shown = String::from_utf8(shown.stdout).unwrap();
    for word in ["prompt", "permission_open", "permission_answer", "turn_end", "stopped"] {
        assert!(shown.contains(word), "{word} is missing in {shown}");
    }
}

#[test]
fn shim_that_does_not_answer_is_replaced_at_adoption() {
    let mut rig = Rig::start(LOADS);
    let id = rig.session();
    let shim = pid(&rig.meta(&id).unwrap(), "shim_pid");
    rig.kill_daemon();
    stop_process(shim);
    rig.start_daemon();
    let after =
        eventually("second epoch", || rig.meta(&id).filter(|m| m["epoch"] == 2 && m["state"] == "idle"));
    assert_ne!(pid(&after, "shim_pid"), shim);
    assert_eq!(start_time(shim), None);
}

#[test]
fn shim_that_hangs_is_replaced_by_a_daemon_that_runs() {
    let rig = Rig::start(LOADS);
    let id = rig.session();
    let before = rig.meta(&id).unwrap();
    rig.prompt(&id, "/fork 600\n/ask anything");
    rig.wait_state(&id, "requires_action");
    let old = marked(&id);
    stop_process(pid(&before, "shim_pid"));
    rig.wait_event(&id, "interrupted", 1);
    let after =
        eventually("second epoch", || rig.meta(&id).filter(|m| m["epoch"] == 2 && m["state"] == "idle"));
    assert_ne!(after["shim_pid"], before["shim_pid"]);
    for pid in old {
        assert_eq!(start_time(pid), None, "process {pid} of the first epoch lives");
    }
    assert_eq!(rig.witnessed_prompts(), 1);
    assert_journal_is_witness(&rig, &id);
}

#[test]
fn meta_names_a_shim_that_starts_into_an_unchanged_state() {
    // The agent never starts, so the state stays what it was however often the shim is replaced.
    let rig = Rig::with_runtime(|_| json!({"command": ["sleep", "600"], "timing": {"open_ms": 600_000}}));
    let id = rig.ok(&["session", "new", "--runtime", "agent", "--cwd", "/"]);
    let of =
        |epoch: u64| eventually("meta of the epoch", || rig.meta(&id).filter(|meta| meta["epoch"] == epoch));
    let first = of(1);
    kill(pid(&first, "shim_pid"));
    let second = of(2);
    assert_eq!(second["state"], "starting");
    assert_ne!(second["shim_pid"], first["shim_pid"]);
    assert!(
        start_time(pid(&second, "shim_pid")).is_some() && start_time(pid(&second, "agent_pid")).is_some()
    );
}

#[test]
fn agent_that_restores_nothing_is_found_out_and_remembered() {
    let rig = Rig::start(&["--load", "false-success"]);
    let (first, second) = (rig.session(), rig.session());
    for id in [&first, &second] {
        rig.prompt(id, "/say before");
        rig.wait_event(id, "turn_end", 1);
        kill(pid(&rig.meta(id).unwrap(), "shim_pid"));
        eventually("restored", || rig.meta(id).filter(|m| m["epoch"] == 2 && m["state"] == "idle"));
    }
    // The first prompt after the restore is answered by nothing.
    rig.prompt_again(&first, "/stop end_turn", "empty");
    rig.prompt(&first, "/say waiting");
    let lost = rig.wait_event(&first, "context_lost", 1);
    assert_eq!(lost["needs_decision"], true);
    assert_eq!(rig.wait_state(&first, "requires_action")["reason"], "context_lost");
    assert_eq!(rig.witnessed_prompts(), 3, "nothing is sent before the decision");
    // Another session of the runtime asks before it is restored the next time.
    kill(pid(&rig.meta(&second).unwrap(), "shim_pid"));
    rig.wait_event(&second, "context_lost", 1);
    assert_eq!(rig.wait_state(&second, "requires_action")["epoch"], 3);
    // An operator may insist, and work that is done takes the mark away.
    let broken = || {
        let all: Vec<Value> = serde_json::from_str(&rig.ok(&["runtime", "list", "-o", "json"])).unwrap();
        all.into_iter().find(|runtime| runtime["name"] == "agent").unwrap()["restore_broken"].clone()
    };
    assert!(broken().as_str().unwrap().starts_with("mc-scripted-agent "), "{}", broken());
    rig.ok(&["decide", &second, "retry"]);
    rig.prompt_again(&second, "/say again", "again");
    rig.wait_event(&second, "turn_end", 2);
    assert_eq!(broken(), Value::Null);
    rig.ok(&["decide", &first, "new-session"]);
    rig.wait_event(&first, "turn_end", 3);
    assert_eq!((rig.text(&first).as_str(), rig.text(&second).as_str()), ("beforewaiting", "beforeagain"));
}

//! Turns, permissions, cancellation and stop without any crash of ours.

use serde_json::{Value, json};

use crate::oracle::assert_journal_is_witness;
use crate::rig::{FORGETS, LOADS, Rig, eventually, kill, marked, start_time};

#[test]
fn prompts_queue_and_run_one_at_a_time() {
    let rig = Rig::start(FORGETS);
    let id = rig.session();
    rig.prompt(&id, "/ask first\n/say one;");
    rig.prompt(&id, "/say two;\n/say three;");
    rig.wait_state(&id, "requires_action");
    assert_eq!(rig.witnessed_prompts(), 1);
    rig.answer(&id, "allow_once");
    let done = rig.wait_event(&id, "turn_end", 2);
    assert_eq!(done["outcome"], "end_turn");
    assert_eq!(rig.text(&id), "one;two;three;");
    let order: Vec<Value> = rig.events(&id);
    let kinds: Vec<&str> = order
        .iter()
        .map(|event| event["kind"].as_str().unwrap())
        .filter(|kind| ["prompt", "permission_open", "permission_answer", "turn_end"].contains(kind))
        .collect();
    assert_eq!(kinds, ["prompt", "permission_open", "permission_answer", "turn_end", "prompt", "turn_end"]);
    assert_journal_is_witness(&rig, &id);
}

/// The modes that the journal says the agent took.
fn modes(rig: &Rig, id: &str) -> Vec<String> {
    let told = rig.of_kind(id, "other").into_iter().filter(|event| event["body"]["event"] == "mode");
    told.map(|event| event["body"]["mode"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_mode_is_taken_and_told_again_to_the_next_agent() {
    let rig = Rig::start(LOADS);
    let id = rig.session();
    rig.wait_state(&id, "idle");
    assert!(!rig.output(&["mode", &id, "loud"]).status.success(), "it is not offered");
    rig.ok(&["mode", &id, "plan"]);
    eventually("the agent took it", || (modes(&rig, &id) == ["plan"]).then_some(()));
    rig.prompt(&id, "/say one\n/crash");
    rig.wait_event(&id, "interrupted", 1);
    rig.wait_state(&id, "idle");
    eventually("the next one was told", || (modes(&rig, &id) == ["plan", "plan"]).then_some(()));
    rig.prompt(&id, "/say two");
    rig.wait_event(&id, "turn_end", 1);
    assert_journal_is_witness(&rig, &id);
}

/// The shim dies at another moment of the change each time, of an agent that can and of one that cannot restore a
/// session; before the first prompt there is no conversation to lose, so nobody is asked.
#[test]
fn a_mode_is_in_force_after_a_kill_of_the_shim_while_it_was_chosen() {
    for (round, options) in [LOADS, &["--load", "error"], FORGETS].into_iter().cycle().take(9).enumerate() {
        let rig = Rig::start(options);
        let id = rig.session();
        rig.wait_state(&id, "idle");
        let shim = rig.meta(&id).unwrap()["shim_pid"].as_i64().unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| rig.output(&["mode", &id, "plan"]));
            std::thread::sleep(std::time::Duration::from_millis(4 * u64::try_from(round).unwrap()));
            kill(shim);
        });
        // The command is given again until it is answered, as the uplink does.
        eventually("the mode is chosen", || {
            rig.output(&["mode", &id, "plan"]).status.success().then_some(())
        });
        eventually("the second agent took it", || {
            let opened = rig.received().iter().rposition(|line| line.contains("\"initialize\""))?;
            let later = rig.received().split_off(opened);
            let is_told = later.iter().any(|line| line.contains("session/set_mode") && line.contains("plan"));
            (is_told && rig.meta(&id)?["epoch"] == 2).then_some(())
        });
        eventually("and said so", || (modes(&rig, &id).last()? == "plan").then_some(()));
        rig.prompt(&id, "/say one");
        assert_eq!(rig.wait_event(&id, "turn_end", 1)["outcome"], "end_turn", "round {round}, {options:?}");
        let lost = rig.of_kind(&id, "context_lost");
        assert_eq!(lost.is_empty(), options == LOADS, "{lost:?}");
        assert!(lost.iter().all(|event| event["body"]["needs_decision"] == false), "{lost:?}");
        assert_journal_is_witness(&rig, &id);
    }
}

#[test]
fn same_op_id_is_carried_out_once_and_another_body_is_refused() {
    let rig = Rig::start(FORGETS);
    let id = rig.session();
    let first = rig.ok(&["prompt", &id, "/say one", "--op-id", "op-1"]);
    rig.wait_event(&id, "turn_end", 1);
    let again = rig.ok(&["prompt", &id, "/say one", "--op-id", "op-1"]);
    assert_eq!(first, again);
    let other = rig.output(&["prompt", &id, "/say two", "--op-id", "op-1"]);
    assert!(!other.status.success());
    assert!(String::from_utf8_lossy(&other.stdout).contains("op_id_reused"));
    assert_eq!(rig.witnessed_prompts(), 1);
}

#[test]
fn permission_is_answered_once_with_an_offered_option() {
    let rig = Rig::start(FORGETS);
    let id = rig.session();
    rig.prompt(&id, "/ask Write the file\n/say written");
    rig.wait_state(&id, "requires_action");
    let open = rig.wait_event(&id, "permission_open", 1);
    let permission = open["id"].as_str().unwrap();
    assert!(permission.starts_with("p-1-"), "{permission}");
    assert_eq!(open["tool_call"]["title"], "Write the file");
    assert!(!rig.output(&["answer", &id, permission, "--option", "maybe"]).status.success());
    rig.ok(&["answer", &id, permission, "--option", "allow_once", "--op-id", "winner"]);
    let late = rig.output(&["answer", &id, permission, "--option", "reject_once"]);
    let late: Value = serde_json::from_slice(&late.stdout).unwrap();
    assert_eq!((late["code"].as_str(), late["winner"].as_str()), (Some("already_answered"), Some("winner")));
    rig.wait_event(&id, "turn_end", 1);
    assert_eq!(rig.text(&id), "written");
    assert_eq!(rig.received().iter().filter(|line| line.contains("\"selected\"")).count(), 1);
    assert_journal_is_witness(&rig, &id);
}

#[test]
fn task_asks_once_and_reports() {
    for (option, outcome, said) in [
        ("allow_once", "end_turn", "Starting: Fix the roofResult: Fix the roof: done"),
        ("reject_once", "refusal", "Starting: Fix the roofPermission to write the result was refused"),
    ] {
        let rig = Rig::start(&["--task-mode"]);
        let id = rig.session();
        rig.prompt(&id, "Fix the roof");
        rig.wait_state(&id, "requires_action");
        rig.answer(&id, option);
        assert_eq!(rig.wait_event(&id, "turn_end", 1)["outcome"], outcome);
        assert_eq!(rig.text(&id), said);
        assert!(!rig.of_kind(&id, "plan").is_empty());
        assert_journal_is_witness(&rig, &id);
    }
}

#[test]
fn cancel_reaches_the_agent_once_and_ends_the_turn() {
    let rig = Rig::start(FORGETS);
    let id = rig.session();
    rig.prompt(&id, "/say one\n/sleep 600000");
    rig.wait_event(&id, "message", 1);
    rig.ok(&["cancel", &id]);
    let again = rig.output(&["cancel", &id]);
    assert!(again.status.success() || String::from_utf8_lossy(&again.stdout).contains("not_found"));
    assert_eq!(rig.wait_event(&id, "turn_end", 1)["outcome"], "cancelled");
    let cancels = rig.received().into_iter().filter(|line| line.contains("session/cancel")).count();
    assert_eq!(cancels, 1);
    rig.wait_state(&id, "idle");
}

#[test]
fn cancel_answers_the_open_permission() {
    let rig = Rig::start(FORGETS);
    let id = rig.session();
    rig.prompt(&id, "/ask anything");
    rig.wait_state(&id, "requires_action");
    rig.ok(&["cancel", &id]);
    assert_eq!(rig.wait_event(&id, "turn_end", 1)["outcome"], "cancelled");
    let answers = rig.of_kind(&id, "permission_answer");
    assert_eq!((answers.len(), answers[0]["body"]["outcome"].as_str()), (1, Some("cancelled")));
    assert_journal_is_witness(&rig, &id);
}

#[test]
fn agent_that_ignores_cancel_is_replaced() {
    let rig = Rig::start(LOADS);
    let id = rig.session();
    let pid = rig.meta(&id).unwrap()["agent_pid"].clone();
    rig.prompt(&id, "/say one\n/ignorecancel\n/sleep 600000");
    rig.wait_event(&id, "message", 1);
    rig.ok(&["cancel", &id]);
    let done = rig.wait_event(&id, "turn_end", 1);
    assert_eq!(done["outcome"], "cancelled");
    let meta =
        eventually("a new agent", || rig.meta(&id).filter(|m| m["state"] == "idle" && m["epoch"] == 2));
    assert_ne!(meta["agent_pid"], pid);
    assert!(rig.received().iter().any(|line| line.contains("$/cancel_request")));
    rig.prompt(&id, "/say two");
    rig.wait_event(&id, "turn_end", 2);
    assert_journal_is_witness(&rig, &id);
}

#[test]
fn stop_ends_a_deaf_agent_and_what_it_left_behind() {
    let rig = Rig::start(FORGETS);
    let id = rig.session();
    rig.prompt(&id, "/fork 600\n/ignoreeof\n/hang");
    rig.wait_event(&id, "message", 2);
    let before = eventually("agent and its orphan", || Some(marked(&id)).filter(|pids| pids.len() >= 2));
    let shim = rig.meta(&id).unwrap()["shim_pid"].as_i64().unwrap();
    rig.ok(&["stop", &id]);
    assert_eq!(marked(&id), Vec::<i64>::new(), "before the stop: {before:?}");
    eventually("shim ended", || start_time(shim).is_none().then_some(()));
    assert_eq!(rig.meta(&id).unwrap()["state"], "stopped");
    let states = rig.of_kind(&id, "state");
    assert_eq!(states.last().unwrap()["body"]["state"], "stopped");
}

#[test]
fn second_daemon_on_the_same_state_is_refused() {
    let rig = Rig::start(FORGETS);
    let second = rig.output(&["run"]);
    assert!(!second.status.success());
    assert!(String::from_utf8_lossy(&second.stderr).contains("another mc-mesh"));
}

#[test]
fn unknown_runtime_is_refused() {
    let rig = Rig::start(FORGETS);
    let refused = rig.output(&["session", "new", "--runtime", "nope"]);
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("no runtime"));
}

#[test]
fn runtime_without_its_adapter_is_listed_as_unavailable_and_refused() {
    let rig = Rig::with_runtime(
        |_| json!({"command": ["mc-no-such-adapter"], "cli": "sh", "install": "npm install --global adapter"}),
    );
    let all: Vec<Value> = serde_json::from_str(&rig.ok(&["runtime", "list", "-o", "json"])).unwrap();
    let of = |name: &str| all.iter().find(|runtime| runtime["name"] == name).unwrap();
    assert_eq!(of("scripted")["available"], true);
    assert_eq!(of("agent")["available"], false);
    let hint = of("agent")["hint"].as_str().unwrap();
    assert!(hint.starts_with("sh is installed, but its ACP adapter mc-no-such-adapter is not"), "{hint}");
    let refused = rig.output(&["session", "new", "--runtime", "agent"]);
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("npm install --global adapter"));
}

#[test]
fn command_to_a_session_that_is_just_starting_waits_for_it() {
    let mut rig = Rig::start(FORGETS);
    let id = rig.ok(&["session", "new", "--runtime", "agent", "--cwd", "/"]);
    rig.prompt(&id, "/say one;");
    rig.wait_event(&id, "turn_end", 1);
    rig.kill_daemon();
    rig.start_daemon();
    rig.prompt(&id, "/say two;");
    rig.wait_event(&id, "turn_end", 2);
    assert_eq!(rig.text(&id), "one;two;");
}

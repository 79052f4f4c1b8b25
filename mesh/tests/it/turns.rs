//! Turns, permissions, cancellation and stop without any crash of ours.

use serde_json::Value;

use crate::rig::{Rig, eventually, marked, start_time};

fn expected(turn: usize, chunks: usize) -> String {
    (0..chunks).map(|n| format!("t{turn}c{n};")).collect::<Vec<_>>().concat()
}

#[test]
fn prompts_queue_and_run_one_at_a_time() {
    let rig = Rig::start("");
    let id = rig.session();
    rig.prompt(&id, &format!("wait {}\nsay 2", rig.path("go").display()));
    rig.prompt(&id, "say 3");
    rig.wait_state(&id, "running");
    eventually("first prompt reached the agent", || (rig.witnessed_prompts() == 1).then_some(()));
    rig.touch("go");
    let done = rig.wait_event(&id, "turn_end", 2);
    assert_eq!(done["outcome"], "end_turn");
    assert_eq!(rig.text(&id), expected(1, 2) + &expected(2, 3));
    assert_eq!(rig.witnessed_prompts(), 2);
    let order: Vec<Value> = rig.events(&id).into_iter().filter(|e| e["kind"] != "message").collect();
    let kinds: Vec<&str> = order
        .iter()
        .map(|e| e["kind"].as_str().unwrap())
        .filter(|k| *k != "other" && *k != "state")
        .collect();
    assert_eq!(kinds, ["prompt", "turn_end", "prompt", "turn_end"]);
}

#[test]
fn same_op_id_is_carried_out_once_and_another_body_is_refused() {
    let rig = Rig::start("");
    let id = rig.session();
    let first = rig.ok(&["prompt", &id, "say 1", "--op-id", "op-1"]);
    rig.wait_event(&id, "turn_end", 1);
    let again = rig.ok(&["prompt", &id, "say 1", "--op-id", "op-1"]);
    assert_eq!(first, again);
    let other = rig.output(&["prompt", &id, "say 2", "--op-id", "op-1"]);
    assert!(!other.status.success());
    assert!(String::from_utf8_lossy(&other.stdout).contains("op_id_reused"));
    assert_eq!(rig.witnessed_prompts(), 1);
}

#[test]
fn permission_is_answered_once_with_an_offered_option() {
    let rig = Rig::start("");
    let id = rig.session();
    rig.prompt(&id, "ask\nsay 1");
    rig.wait_state(&id, "requires_action");
    let open = rig.wait_event(&id, "permission_open", 1);
    let permission = open["id"].as_str().unwrap();
    assert!(permission.starts_with("p-1-"), "{permission}");
    assert!(!rig.output(&["answer", &id, permission, "--option", "maybe"]).status.success());
    rig.ok(&["answer", &id, permission, "--option", "yes", "--op-id", "winner"]);
    let late = rig.output(&["answer", &id, permission, "--option", "no"]);
    let late: Value = serde_json::from_slice(&late.stdout).unwrap();
    assert_eq!((late["code"].as_str(), late["winner"].as_str()), (Some("already_answered"), Some("winner")));
    rig.wait_event(&id, "turn_end", 1);
    assert_eq!(rig.text(&id), "answer:yes;".replace(';', "") + "t1c0;");
    let replies = rig.witness("in").into_iter().filter(|line| line.contains("\"q1\"")).count();
    assert_eq!(replies, 1);
}

#[test]
fn garbage_is_kept_as_text_and_unknown_notifications_stay_raw() {
    let rig = Rig::start("");
    let id = rig.session();
    rig.prompt(&id, "garbage\nsay 1");
    rig.wait_event(&id, "turn_end", 1);
    let garbage = rig.wait_event(&id, "stderr", 1);
    assert_eq!(garbage["text"], "npm warn this is not a protocol line");
    assert_eq!(garbage["is_garbage"], true);
    assert!(rig.of_kind(&id, "other").iter().any(|event| event["body"]["method"] == "x/brand_new"));
    assert_eq!(rig.text(&id), expected(1, 1));
}

#[test]
fn flood_arrives_complete_and_in_order() {
    let rig = Rig::start("");
    let id = rig.session();
    rig.prompt(&id, "flood 10000");
    rig.wait_event(&id, "turn_end", 1);
    assert_eq!(rig.text(&id), expected(1, 10_000));
}

#[test]
fn cancel_reaches_the_agent_once_and_ends_the_turn() {
    let rig = Rig::start("");
    let id = rig.session();
    rig.prompt(&id, "say 1\nwait /nonexistent/never");
    rig.wait_event(&id, "message", 1);
    rig.ok(&["cancel", &id]);
    let again = rig.output(&["cancel", &id]);
    assert!(again.status.success() || String::from_utf8_lossy(&again.stdout).contains("not_found"));
    assert_eq!(rig.wait_event(&id, "turn_end", 1)["outcome"], "cancelled");
    let cancels = rig.witness("in").into_iter().filter(|line| line.contains("session/cancel")).count();
    assert_eq!(cancels, 1);
    rig.wait_state(&id, "idle");
}

#[test]
fn cancel_answers_the_open_permission() {
    let rig = Rig::start("");
    let id = rig.session();
    rig.prompt(&id, "ask");
    rig.wait_state(&id, "requires_action");
    rig.ok(&["cancel", &id]);
    rig.wait_event(&id, "turn_end", 1);
    let answers = rig.of_kind(&id, "permission_answer");
    assert_eq!((answers.len(), answers[0]["body"]["outcome"].as_str()), (1, Some("cancelled")));
}

#[test]
fn agent_that_ignores_cancel_is_replaced() {
    let rig = Rig::start("load");
    let id = rig.session();
    let pid = rig.meta(&id).unwrap()["agent_pid"].clone();
    rig.prompt(&id, "say 1\nstubborn\nwait /nonexistent/never");
    rig.wait_event(&id, "message", 1);
    rig.ok(&["cancel", &id]);
    let done = rig.wait_event(&id, "turn_end", 1);
    assert_eq!(done["outcome"], "cancelled");
    let meta =
        eventually("a new agent", || rig.meta(&id).filter(|m| m["state"] == "idle" && m["epoch"] == 2));
    assert_ne!(meta["agent_pid"], pid);
    assert!(rig.witness("in").iter().any(|line| line.contains("$/cancel_request")));
    rig.prompt(&id, "say 1");
    rig.wait_event(&id, "turn_end", 2);
}

#[test]
fn stop_leaves_no_process_behind() {
    let rig = Rig::start("ignore-eof");
    let id = rig.session();
    rig.prompt(&id, "daemon\nsay 1");
    rig.wait_event(&id, "turn_end", 1);
    let before = eventually("agent and its daemon", || Some(marked(&id)).filter(|pids| pids.len() >= 2));
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
    let rig = Rig::start("");
    let second = rig.output(&["run"]);
    assert!(!second.status.success());
    assert!(String::from_utf8_lossy(&second.stderr).contains("another mc-mesh"));
}

#[test]
fn unknown_runtime_is_refused() {
    let rig = Rig::start("");
    let refused = rig.output(&["session", "new", "--runtime", "nope"]);
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("no runtime"));
}

#[test]
fn full_journal_blocks_the_agent_and_nothing_else() {
    let rig = Rig::with_quota("", Some(200_000));
    let id = rig.session();
    rig.prompt(&id, "flood 100000");
    let refused = eventually("prompts are refused", || {
        let output = rig.output(&["prompt", &id, "say 1"]);
        (!output.status.success()).then(|| String::from_utf8(output.stdout).unwrap())
    });
    assert!(refused.contains("unavailable"), "{refused}");
    assert_eq!(rig.meta(&id).unwrap()["state"], "running");
    assert!(rig.witness("out").len() < 100_000, "the agent was not held back");
    rig.ok(&["stop", &id]);
    assert_eq!(marked(&id), Vec::<i64>::new());
    let chunks = rig.of_kind(&id, "message").len();
    assert_eq!(rig.text(&id), expected(1, chunks), "what was journaled is an exact prefix");
    assert_eq!(rig.of_kind(&id, "gap").len(), 1);
}

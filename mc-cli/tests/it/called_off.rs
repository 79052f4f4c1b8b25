//! What is asked of agent sessions while their node is not listening.

use rustix::process::Signal;
use serde_json::Value;

use crate::fleet::{Fleet, Role, eventually};

/// Gives a prompt and calls it off by `verb` while the node daemon is stopped; answers the turn when it is over.
fn called_off(fleet: &Fleet, session: impl FnOnce() -> String, verb: &str) -> Value {
    fleet.signal(Role::Mesh, Signal::STOP);
    let session = session();
    fleet.ok(&["prompt", &session, "/sleep 600000"]);
    fleet.ok(&["session", verb, &session]);
    fleet.signal(Role::Mesh, Signal::CONT);
    let state = if verb == "stop" { "state=stopped" } else { "state=idle" };
    let turn = eventually("the turn is over", || fleet.ended_turn(&session, 1));
    fleet.ok(&["wait", "session", &session, "--for", state, "--timeout", "60s"]);
    turn
}

#[test]
fn a_prompt_that_was_called_off_is_cancelled_however_late_its_node_hears_of_it() {
    let fleet = Fleet::start();
    fleet.ok(&["create", "mission", "late"]);
    let create = || {
        let made = fleet.json(&["create", "session", "-m", "late", "--runtime", "scripted", "-o", "json"]);
        made.unwrap()["id"].as_str().unwrap().to_owned()
    };
    for verb in ["cancel", "stop", "cancel", "stop", "stop"] {
        let turn = called_off(&fleet, create, verb);
        assert_eq!(turn["state"], "cancelled", "{verb} before the session started: {turn}");
    }
    // An agent at rest begins with the prompt before the node hears that it was called off.
    for verb in ["cancel", "stop"] {
        let session = fleet.session("late");
        let turn = called_off(&fleet, || session.clone(), verb);
        assert!(turn["state"] == "cancelled" || (verb == "stop" && turn["state"] == "interrupted"), "{turn}");
    }
    let session = fleet.session("late");
    fleet.ok(&["prompt", &session, "/say still here", "--wait", "--timeout", "60s"]);
    assert!(fleet.ok(&["logs", &session]).contains("still here"));
    fleet.down();
}

#[test]
fn a_session_that_its_silent_node_never_took_is_taken_back_and_started_once() {
    let fleet = Fleet::start();
    fleet.ok(&["create", "mission", "silent"]);
    let started = fleet.session("silent");
    fleet.signal(Role::Mesh, Signal::STOP);
    let made = fleet.json(&["create", "session", "-m", "silent", "--runtime", "scripted", "-o", "json"]);
    let session = made.unwrap()["id"].as_str().unwrap().to_owned();
    fleet.ok(&["prompt", &session, "/say once"]);
    eventually("it is taken back", || {
        let reason = fleet.get_session(&session)?["reason"].clone();
        reason.as_str().is_some_and(|reason| reason.contains("no ready node")).then_some(())
    });
    let told = fleet.mc(&["session", "stop", &started]);
    assert!(told.status.success());
    let told = String::from_utf8(told.stderr).unwrap();
    assert!(told.contains("is silent") && told.contains("mc node revoke"), "{told}");
    fleet.signal(Role::Mesh, Signal::CONT);
    let turn = eventually("the prompt is answered", || fleet.ended_turn(&session, 1));
    assert_eq!(turn["state"], "done", "{turn}");
    assert_eq!(fleet.get_session(&session).unwrap()["epoch"], 1);
    let prompts = fleet.witness("in").into_iter().filter(|line| line.contains("\"session/prompt\"")).count();
    assert_eq!(prompts, 1, "the prompt reached one agent, once");
    fleet.ok(&["wait", "session", &started, "--for", "state=stopped", "--timeout", "60s"]);
    fleet.down();
}

//! Prompts that are called off while their node is not listening.

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

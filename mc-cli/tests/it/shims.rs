//! SIGKILL to the shim of an agent session inside an open prompt: the turn is shown as interrupted, nothing is sent again
//! silently, the session goes on or asks, and no process of the dead shim is left.

use serde_json::Value;

use crate::fleet::{Fleet, eventually, marked, start_time};

/// How often agents were sent a prompt that contains a text.
fn sent(fleet: &Fleet, text: &str) -> usize {
    let lines = fleet.witness("in").into_iter();
    lines.filter(|line| line.contains("\"session/prompt\"") && line.contains(text)).count()
}

/// How often the events of a session say that its agent said a text.
fn said(fleet: &Fleet, session: &str, text: &str) -> usize {
    let logs = fleet.ok(&["logs", session, "-o", "json"]);
    let events = logs.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    events.filter(|event| event["kind"] == "message" && event["body"]["content"]["text"] == text).count()
}

/// What every process of a session's agents has in its environment.
fn mark(session: &str) -> String {
    format!("MC_SESSION={session}")
}

/// Kills the shim while the first prompt of a session waits for the permission with this title. The turn is interrupted,
/// its permission void, and the processes that there were are gone when the session is in `state` again.
fn kill_inside_a_prompt(fleet: &Fleet, session: &str, title: &str, state: (&str, Option<&str>)) {
    let approval = eventually("the agent asks", || fleet.open_approval(title));
    let before: Vec<(i32, u64)> =
        marked(&mark(session)).into_iter().filter_map(|pid| Some((pid, start_time(pid)?))).collect();
    let agent = fleet.get_session(session).unwrap()["agent_pid"].as_i64().unwrap();
    assert!(before.iter().any(|(pid, _)| i64::from(*pid) == agent), "{agent} is not in {before:?}");
    fleet.kill_shim(session);

    let turn = eventually("the turn is over", || fleet.ended_turn(session, 1));
    assert_eq!((&turn["state"], &turn["stop_reason"]), (&"interrupted".into(), &Value::Null), "{turn}");
    let void = fleet.json(&["get", "approval", &approval, "-o", "json"]).unwrap();
    assert_eq!(void["state"], "voided", "{void}");
    let late = fleet.mc(&["approve", &approval]);
    assert_eq!(late.status.code(), Some(5), "{}", String::from_utf8_lossy(&late.stderr));

    eventually(&format!("the session is {state:?} again"), || {
        let now = fleet.get_session(session)?;
        (now["epoch"] == 2 && now["state"] == state.0 && now["reason"].as_str() == state.1).then_some(())
    });
    let left: Vec<_> = before.into_iter().filter(|(pid, start)| start_time(*pid) == Some(*start)).collect();
    assert!(left.is_empty(), "processes of the dead shim are left: {left:?}");
    let logs = fleet.ok(&["logs", session]);
    assert_eq!(logs.matches("-- turn 1 was interrupted\n").count(), 1, "{logs}");
}

#[test]
fn an_agent_session_goes_on_or_asks_and_is_never_sent_a_prompt_again() {
    let fleet = Fleet::start();
    fleet.ok(&["create", "mission", "shims"]);

    // This agent remembers nothing: how it goes on is for a person to say. The prompt that waits was never sent.
    let forgets = fleet.session("shims");
    fleet.ok(&["prompt", &forgets, "/fork 600\n/say before\n/ask first question"]);
    fleet.ok(&["prompt", &forgets, "/say waited"]);
    kill_inside_a_prompt(&fleet, &forgets, "first question", ("requires_action", Some("context_lost")));
    assert_eq!((sent(&fleet, "first question"), sent(&fleet, "waited")), (1, 0));
    assert!(fleet.ok(&["logs", &forgets]).contains("-- the agent forgot the conversation"));
    fleet.ok(&["session", "decide", &forgets, "new_session"]);
    let turn = eventually("the prompt that waited is answered", || fleet.ended_turn(&forgets, 2));
    assert_eq!(turn["state"], "done", "{turn}");
    assert_eq!((sent(&fleet, "first question"), sent(&fleet, "waited")), (1, 1));

    // This one is restored with its conversation, and waits for whoever talks to it.
    let remembers = fleet.session_of("shims", "remembering");
    fleet.ok(&["prompt", &remembers, "/fork 600\n/say before\n/ask second question"]);
    kill_inside_a_prompt(&fleet, &remembers, "second question", ("idle", None));
    fleet.ok(&["prompt", &remembers, "/say after", "--wait", "--timeout", "60s"]);
    assert_eq!(sent(&fleet, "second question"), 1);
    let turns = fleet.json(&["get", "turns", "--session", &remembers, "-o", "json"]).unwrap();
    assert_eq!(turns["items"].as_array().unwrap().len(), 2, "nobody prompted but us: {turns}");
    assert_eq!((said(&fleet, &remembers, "before"), said(&fleet, &remembers, "after")), (1, 1));

    let all = fleet.mark();
    fleet.down();
    for mark in [mark(&forgets), mark(&remembers), all] {
        assert_eq!(marked(&mark), Vec::<i32>::new(), "{mark}");
    }
}

#[test]
fn a_task_that_a_node_claimed_goes_on_with_one_marked_prompt() {
    let fleet = Fleet::start();
    fleet.ok(&["create", "mission", "shims"]);
    fleet.ok(&["create", "kluster", "work", "-m", "shims"]);
    let task = ["create", "task", "-m", "shims", "-k", "work", "--title", "Mend the roof"];
    let task = [&task[..], &["--runtime", "remembering", "-o", "json"]].concat();
    let key = fleet.json(&task).unwrap()["key"].as_str().unwrap().to_owned();
    let session = eventually("the node claims the task", || {
        let all = fleet.json(&["get", "sessions", "-m", "shims", "-o", "json"])?;
        let session = all["items"].as_array()?.iter().find(|session| session["task"] == key.as_str())?;
        session["id"].as_str().map(str::to_owned)
    });
    // With its task the session is over.
    kill_inside_a_prompt(&fleet, &session, "write result", ("stopped", None));
    fleet.ok(&["wait", "task", &key, "--for", "state=done", "--timeout", "60s"]);
    let turn = fleet.ended_turn(&session, 2).unwrap();
    assert_eq!(turn["state"], "done", "{turn}");
    assert!(turn["prompt"].as_str().unwrap().starts_with("You were interrupted"), "{turn}");
    assert_eq!(
        (sent(&fleet, &format!("Task {key}: Mend the roof")), sent(&fleet, "You were interrupted")),
        (1, 1)
    );
    let logs = fleet.ok(&["logs", &session]);
    assert!(logs.contains("prompt: You were interrupted"), "{logs}");
    let turns = fleet.json(&["get", "turns", "--session", &session, "-o", "json"]).unwrap();
    assert_eq!(turns["items"].as_array().unwrap().len(), 2, "{turns}");

    let all = fleet.mark();
    fleet.down();
    for mark in [mark(&session), all] {
        assert_eq!(marked(&mark), Vec::<i32>::new(), "{mark}");
    }
}

//! Turns of a client that behaves.

use serde_json::{Value, json};

use crate::harness::{Agent, said, texts};

fn kinds(updates: &[Value]) -> Vec<&str> {
    updates.iter().map(|update| update["sessionUpdate"].as_str().unwrap_or("request")).collect()
}

#[test]
fn plain_text_comes_back_in_several_chunks() {
    let (mut agent, session) = Agent::with_session(&[]);
    let text = "an agent that repeats what it hears, gr\u{fc}n \u{1f980}\nsecond line";
    let (updates, reason) = agent.turn(&session, text);
    assert_eq!((said(&updates).as_str(), reason.as_str()), (text, "end_turn"));
    assert!(updates.len() >= 2);
}

#[test]
fn commands_run_in_order() {
    let (mut agent, session) = Agent::with_session(&[]);
    let (updates, reason) = agent.turn(
        &session,
        "ignored\n/think hm\n/say one\n/plan a;b\n/tool grep {\"for\":\"x\"}\n/mcp x {\n/say two\n/stop max_tokens\n/say no",
    );
    assert_eq!(reason, "max_tokens");
    let expected = [
        "agent_thought_chunk",
        "agent_message_chunk",
        "plan",
        "tool_call",
        "tool_call_update",
        "agent_message_chunk",
        "agent_message_chunk",
    ];
    assert_eq!(kinds(&updates), expected);
    assert_eq!(updates[2]["entries"][1]["content"], "b");
    assert_eq!(
        (&updates[3]["status"], &updates[3]["rawInput"]),
        (&json!("in_progress"), &json!({"for": "x"}))
    );
    assert_eq!(
        (&updates[4]["status"], &updates[4]["toolCallId"]),
        (&json!("completed"), &updates[3]["toolCallId"])
    );
    assert!(texts(&updates, "agent_message_chunk")[1].starts_with("/mcp: not JSON: "));
}

#[test]
fn updates_are_sent_as_they_are_given() {
    let (mut agent, session) = Agent::with_session(&[]);
    let diff = json!({
        "sessionUpdate": "tool_call", "toolCallId": "d", "title": "a\nb\u{0}\u{202e}", "status": "completed",
        "content": [{"type": "diff", "path": "x", "oldText": "a", "newText": "b"}],
    });
    let (updates, reason) = agent.turn(&session, &format!("/update {diff}\n/update \"x\""));
    assert_eq!((&updates[0], reason.as_str()), (&diff, "end_turn"));
    assert_eq!(said(&updates), "/update: an update is a JSON object");
}

#[test]
fn permission_decides_what_follows() {
    let (mut agent, session) = Agent::with_session(&[]);
    for (option, expected) in
        [("allow_once", "after"), ("allow_always", "after"), ("reject_once", "rejected: delete it")]
    {
        let id = agent.prompt(&session, "/ask delete it\n/say after");
        let request = agent.permission_request();
        let kinds: Vec<_> =
            request["params"]["options"].as_array().unwrap().iter().map(|o| &o["kind"]).collect();
        assert_eq!(kinds, ["allow_once", "allow_always", "reject_once"]);
        agent.answer_permission(&request, &json!({"outcome": "selected", "optionId": option}));
        let (updates, reason) = agent.finish(id);
        assert_eq!((said(&updates).as_str(), reason.as_str()), (expected, "end_turn"));
    }
}

#[test]
fn cancelled_permission_ends_the_turn_as_cancelled() {
    let (mut agent, session) = Agent::with_session(&[]);
    let id = agent.prompt(&session, "/ask delete it\n/say after");
    let request = agent.permission_request();
    agent.notify("session/cancel", &json!({"sessionId": session}));
    agent.answer_permission(&request, &json!({"outcome": "cancelled"}));
    let (updates, reason) = agent.finish(id);
    assert_eq!((said(&updates).as_str(), reason.as_str()), ("", "cancelled"));
    assert_eq!(agent.ask(&session, "/say next"), "next");
}

#[test]
fn cancel_interrupts_sleep_and_chunks() {
    let (mut agent, session) = Agent::with_session(&[]);
    for slow in ["/say started\n/sleep 3600000", "/say started\n/chunks 100000000 1"] {
        let id = agent.prompt(&session, slow);
        agent.until(|message| message["params"]["update"]["content"]["text"] == "started");
        agent.notify("session/cancel", &json!({"sessionId": session}));
        assert_eq!(agent.finish(id).1, "cancelled");
    }
}

#[test]
fn cancel_can_be_ignored() {
    let (mut agent, session) = Agent::with_session(&[]);
    let id = agent.prompt(&session, "/ignorecancel\n/ask first\n/say after");
    let request = agent.permission_request();
    agent.notify("session/cancel", &json!({"sessionId": session}));
    agent.answer_permission(&request, &json!({"outcome": "selected", "optionId": "allow_once"}));
    let (updates, reason) = agent.finish(id);
    assert_eq!((said(&updates).as_str(), reason.as_str()), ("after", "end_turn"));
}

#[test]
fn chunks_carry_their_number() {
    let (mut agent, session) = Agent::with_session(&[]);
    let expected = (1..=50).map(|n| format!("chunk {n} of 50\n")).collect::<Vec<_>>().concat();
    assert_eq!(agent.ask(&session, "/chunks 50 0"), expected);
    let start = std::time::Instant::now();
    assert_eq!(agent.ask(&session, "/chunks 50 1000"), expected);
    assert!(start.elapsed().as_millis() >= 49);
}

#[test]
fn environment_values_are_never_said() {
    let mut agent = Agent::start_with(|command| command.env("A_SECRET", "hunter2"));
    agent.initialize();
    let session = agent.open(&json!([]));
    let said = agent.ask(&session, "/env A_SECRET\n/env A_SECRET_THAT_IS_NOT_THERE\n/cwd");
    let folder = agent.folder.path().display().to_string();
    let expected = format!(
        "A_SECRET is set, 7 bytesA_SECRET_THAT_IS_NOT_THERE is not setprocess {folder} session {folder}"
    );
    assert_eq!(said, expected);
}

#[test]
fn script_runs_for_prompts_without_commands() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("script"), "# greeting\n/say from the script\n").unwrap();
    let mut agent = Agent::start_in(folder, |command| command.args(["--script", "script", "--task-mode"]));
    agent.initialize();
    let session = agent.open(&json!([]));
    assert_eq!(agent.ask(&session, "anything"), "from the script");
    assert_eq!(agent.ask(&session, "/say from the prompt"), "from the prompt");
}

#[test]
fn prompt_with_the_key_of_a_task_is_an_assignment() {
    let (mut agent, session) = Agent::with_session(&[]);
    let id = agent.prompt(&session, "Task apollo-12: Sweep the floor\nwith a broom");
    let asked = agent.until(|message| message["method"] == "session/request_permission");
    agent.answer_permission(asked.last().unwrap(), &json!({"outcome": "selected", "optionId": "allow_once"}));
    assert_eq!(agent.finish(id).1, "end_turn");
    // With commands too: an assignment asks at least once, and does nothing when it is refused.
    for (option, heard) in [("allow_once", "swept"), ("reject_once", "rejected: carry out apollo-12")] {
        let id = agent.prompt(&session, "Task apollo-12: Sweep the floor\n\n/say swept");
        let asked = agent.until(|message| message["method"] == "session/request_permission");
        assert_eq!(asked.last().unwrap()["params"]["toolCall"]["title"], "carry out apollo-12");
        agent.answer_permission(asked.last().unwrap(), &json!({"outcome": "selected", "optionId": option}));
        let (updates, reason) = agent.finish(id);
        assert_eq!((said(&updates).as_str(), reason.as_str()), (heard, "end_turn"));
    }
    for echoed in ["Task apollo: x", "Task 12: x", "A Task apollo-12: x", "Task apollo-x: y"] {
        assert_eq!(agent.ask(&session, echoed), echoed);
    }
}

#[test]
fn task_asks_once_and_obeys() {
    let mut agent = Agent::start_with(|command| command.env("MC_SCRIPTED_TASK", "1"));
    agent.initialize();
    let session = agent.open(&json!([]));
    for (option, reason, ending) in
        [("allow_once", "end_turn", "done"), ("reject_once", "refusal", "was refused")]
    {
        let id = agent.prompt(&session, "\n# Sweep the floor\nwith a broom");
        let before = agent.until(|message| message["method"] == "session/request_permission");
        assert_eq!(before[0]["params"]["update"]["content"]["text"], "Starting: # Sweep the floor");
        assert_eq!(before[1]["params"]["update"]["entries"].as_array().unwrap().len(), 2);
        let request = before.last().unwrap();
        assert_eq!(request["params"]["toolCall"]["title"], "write result");
        agent.answer_permission(request, &json!({"outcome": "selected", "optionId": option}));
        let (updates, got) = agent.finish(id);
        assert_eq!(got, reason);
        assert!(said(&updates).ends_with(ending) && !kinds(&updates).contains(&"request"));
    }
}

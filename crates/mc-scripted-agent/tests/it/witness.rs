//! The witness file against what really went over the pipes.

use rustix::process::{Signal, kill_process};
use serde_json::{Value, json};

use crate::harness::{Agent, records};

fn lines(records: &[Value], direction: &str) -> Vec<String> {
    let chosen = records.iter().filter(|record| record["dir"] == direction);
    chosen.map(|record| record["line"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn witness_equals_the_traffic_in_order() {
    let (mut agent, session) = Agent::with_session(&[]);
    agent.send_raw(b"{broken");
    agent.next();
    agent.send_raw(b"\xff");
    agent.next();
    let id =
        agent.prompt(&session, "/say a\n/garbage\n/utf8split\n/chunks 20 0\n/ask go on\n/bigline 100000");
    loop {
        let line = agent.next_line();
        let Ok(message) = serde_json::from_slice::<Value>(&line) else { continue };
        if message["method"] == "session/request_permission" {
            agent.answer_permission(&message, &json!({"outcome": "selected", "optionId": "allow_once"}));
        }
        if message["id"] == id && message.get("result").is_some() {
            break;
        }
    }
    agent.close_input();
    assert!(agent.wait().success());
    let records = records(&agent.witness_path());
    assert_eq!(lines(&records, "in"), agent.sent);
    assert_eq!(lines(&records, "out"), agent.received);
    let numbers: Vec<_> = records.iter().map(|record| record["n"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>());
    let times: Vec<_> = records.iter().map(|record| record["t_boot_ns"].as_u64().unwrap()).collect();
    assert!(times.is_sorted());
    assert!(records.iter().all(|record| record["pid"] == agent.child.id()));
    assert!(records.iter().any(|record| record["hex"] == "ff"));
}

#[test]
fn what_was_received_before_a_kill_is_in_the_witness() {
    let (mut agent, session) = Agent::with_session(&[]);
    agent.prompt(&session, "/chunks 100000000 0");
    for _ in 0..200 {
        agent.next_line();
    }
    kill_process(agent.pid(), Signal::KILL).unwrap();
    agent.wait();
    let written = lines(&records(&agent.witness_path()), "out");
    assert_eq!(written[..agent.received.len()], agent.received);
    assert_eq!(lines(&records(&agent.witness_path()), "in"), agent.sent);
}

#[test]
fn agent_without_a_writable_witness_does_not_start() {
    let mut agent = Agent::start(&["--witness", "/no/such/folder/witness"]);
    assert_eq!(agent.wait().code(), Some(1));
}

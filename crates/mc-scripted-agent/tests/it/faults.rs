//! Misbehaviour on purpose.

use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::sync::atomic::Ordering::SeqCst;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::harness::{Agent, eventually, is_alive, records};

#[test]
fn garbage_is_no_json_and_the_turn_goes_on() {
    let (mut agent, session) = Agent::with_session(&[]);
    let id = agent.prompt(&session, "/garbage\n/say after");
    let line = agent.next_line();
    assert!(serde_json::from_slice::<serde_json::Value>(&line).is_err());
    assert_eq!(agent.finish(id).1, "end_turn");
}

#[test]
fn split_characters_and_big_lines_arrive_whole() {
    let (mut agent, session) = Agent::with_session(&[]);
    assert_eq!(agent.ask(&session, "/utf8split"), "split: \u{20ac}\u{1f980}");
    let id = agent.prompt(&session, "/bigline 10485760");
    assert_eq!(agent.next_line().len() + 1, 10_485_760);
    assert_eq!(agent.finish(id).1, "end_turn");
}

#[test]
fn split_character_is_seen_in_two_reads() {
    let (mut agent, session) = Agent::with_session(&[]);
    // A slow reader may find both halves; it will not do so for ever.
    eventually("a read ends inside a character", || {
        agent.ask(&session, "/utf8split");
        agent.read_inside_character.load(SeqCst)
    });
}

#[test]
fn standard_error_and_exit_codes_are_as_asked() {
    for (command, code, signal) in
        [("/crash 7", Some(7), None), ("/crash", None, Some(6)), ("/exit", Some(0), None)]
    {
        let (mut agent, session) = Agent::with_session(&[]);
        agent.prompt(&session, &format!("/stderr last words\n{command}\n/say no"));
        let status = agent.wait();
        assert_eq!((status.code(), status.signal()), (code, signal), "{command}");
        let mut words = String::new();
        agent.child.stderr.take().unwrap().read_to_string(&mut words).unwrap();
        assert_eq!(words, "last words\n");
    }
}

#[test]
fn end_of_input_ends_the_agent_in_mid_turn() {
    let (mut agent, session) = Agent::with_session(&[]);
    agent.prompt(&session, "/sleep 3600000");
    agent.close_input();
    assert_eq!(agent.wait().code(), Some(0));
}

#[test]
fn hanging_agent_hears_only_the_end_of_input() {
    let (mut agent, session) = Agent::with_session(&[]);
    agent.prompt(&session, "/hang");
    agent.until(|message| message["params"]["update"]["content"]["text"] == "hanging");
    kill_process(agent.pid(), Signal::TERM).unwrap();
    kill_process(agent.pid(), Signal::INT).unwrap();
    agent.notify("session/cancel", &json!({"sessionId": session}));
    let request = agent.initialize_unheard();
    let witness = agent.witness_path();
    eventually("the agent has read the line after the signals", || {
        records(&witness).iter().any(|record| record["dir"] == "in" && record["line"] == request)
    });
    agent.close_input();
    assert_eq!(agent.wait().code(), Some(0));
    let last = records(&witness).pop().unwrap();
    assert_eq!(last["dir"], "in", "a hanging agent answers nothing");
}

#[test]
fn end_of_input_can_be_ignored() {
    let (mut agent, session) = Agent::with_session(&[]);
    let id = agent.prompt(&session, "/ignoreeof\n/say before\n/sleep 200\n/say after");
    agent.until(|message| message["params"]["update"]["content"]["text"] == "before");
    agent.close_input();
    assert_eq!(agent.finish(id).1, "end_turn");
    assert!(agent.child.try_wait().unwrap().is_none());
    kill_process(agent.pid(), Signal::TERM).unwrap();
    assert_eq!(agent.wait().signal(), Some(15));
}

#[test]
fn forked_process_outlives_the_agent() {
    let (mut agent, session) = Agent::with_session(&[]);
    let said = agent.ask(&session, "/fork 600");
    let pid = said.strip_prefix("left process ").unwrap().to_owned();
    agent.close_input();
    assert!(agent.wait().success());
    assert!(is_alive(&pid));
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let login_session = stat.rsplit_once(") ").unwrap().1.split(' ').nth(3).unwrap().to_owned();
    assert_ne!(login_session, rustix::process::getsid(None).unwrap().as_raw_nonzero().to_string());
    kill_process(Pid::from_raw(pid.parse().unwrap()).unwrap(), Signal::KILL).unwrap();
    eventually("the child is gone", || !is_alive(&pid));
}

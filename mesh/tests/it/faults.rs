//! Agents that misbehave on their output, or end.

use crate::oracle::assert_journal_is_witness;
use crate::rig::{FORGETS, LOADS, Rig, eventually, marked, start_time};

fn chunks(count: usize, of: usize) -> String {
    let lines: Vec<String> = (1..=count).map(|n| format!("chunk {n} of {of}\n")).collect();
    lines.concat()
}

#[test]
fn garbage_is_kept_as_text() {
    let rig = Rig::start(FORGETS);
    let id = rig.session();
    rig.prompt(&id, "/garbage\n/stderr on the other pipe\n/say one");
    rig.wait_event(&id, "turn_end", 1);
    // The other pipe may be read later, and in parts.
    eventually("both texts", || {
        let of = |is_garbage: bool| -> String {
            let texts =
                rig.of_kind(&id, "stderr").into_iter().filter(|e| e["body"]["is_garbage"] == is_garbage);
            texts.map(|e| e["body"]["text"].as_str().unwrap().to_owned()).collect()
        };
        (of(true) == "this line is {not JSON" && of(false) == "on the other pipe\n").then_some(())
    });
    assert_eq!(rig.text(&id), "one");
    assert_journal_is_witness(&rig, &id);
}

#[test]
fn agent_that_writes_only_garbage_is_restarted() {
    let rig = Rig::start(LOADS);
    let id = rig.session();
    let shim = rig.meta(&id).unwrap()["shim_pid"].clone();
    rig.prompt(&id, &("/garbage\n".repeat(21) + "/sleep 600000"));
    rig.wait_event(&id, "interrupted", 1);
    assert!(rig.wait_event(&id, "gap", 1)["reason"].as_str().unwrap().contains("no protocol"));
    let after = eventually("restored", || rig.meta(&id).filter(|m| m["epoch"] == 2 && m["state"] == "idle"));
    assert_eq!(after["shim_pid"], shim);
    assert_journal_is_witness(&rig, &id);
}

#[test]
fn flood_arrives_complete_and_in_order() {
    let rig = Rig::unwitnessed(None);
    let id = rig.session();
    rig.prompt(&id, "/chunks 10000 0");
    rig.wait_event(&id, "turn_end", 1);
    assert_eq!(rig.text(&id), chunks(10_000, 10_000));
}

#[test]
fn full_journal_blocks_the_agent_and_nothing_else() {
    let rig = Rig::unwitnessed(Some(200_000));
    let id = rig.session();
    rig.prompt(&id, "/chunks 100000 0");
    let refused = eventually("prompts are refused", || {
        let output = rig.output(&["prompt", &id, "/say one"]);
        (!output.status.success()).then(|| String::from_utf8(output.stdout).unwrap())
    });
    assert!(refused.contains("unavailable"), "{refused}");
    assert_eq!(rig.meta(&id).unwrap()["state"], "running", "the agent was not held back");
    rig.ok(&["stop", &id]);
    assert_eq!(marked(&id), Vec::<i64>::new());
    let count = rig.of_kind(&id, "message").len();
    assert_eq!(rig.text(&id), chunks(count, 100_000), "what was journaled is an exact prefix");
    assert_eq!(rig.of_kind(&id, "gap").len(), 1);
}

#[test]
fn lines_arrive_whole_however_they_are_cut_and_too_long_ones_end_the_agent() {
    let rig = Rig::start(FORGETS);
    let id = rig.session();
    rig.prompt(&id, "/utf8split\n/bigline 1000000");
    rig.wait_event(&id, "turn_end", 1);
    let text = rig.text(&id);
    assert!(text.starts_with("split: \u{20ac}\u{1f980}x"), "{}", &text[..40]);
    assert!((999_000..1_000_000).contains(&text.len()), "{}", text.len());
    assert_journal_is_witness(&rig, &id);
    rig.prompt(&id, "/bigline 20000000");
    rig.wait_event(&id, "interrupted", 1);
    assert!(rig.wait_event(&id, "gap", 1)["reason"].as_str().unwrap().contains("over the limit"));
    rig.wait_event(&id, "context_lost", 1);
}

#[test]
fn agent_that_dies_mid_turn_is_restored_by_the_same_shim_without_its_orphans() {
    for (crash, status) in [("/crash 3", "code 3"), ("/crash", "signal 6"), ("/exit", "code 0")] {
        let rig = Rig::start(LOADS);
        let id = rig.session();
        let before = rig.meta(&id).unwrap();
        rig.prompt(&id, &format!("/fork 600\n/say one\n{crash}"));
        let interrupted = rig.wait_event(&id, "interrupted", 1);
        assert!(interrupted["detail"].as_str().unwrap().contains(status), "{interrupted}");
        let text = rig.text(&id);
        let orphan: i64 =
            text.strip_prefix("left process ").unwrap().strip_suffix("one").unwrap().parse().unwrap();
        assert_eq!(start_time(orphan), None, "the orphan {orphan} lives");
        let after =
            eventually("restored", || rig.meta(&id).filter(|m| m["epoch"] == 2 && m["state"] == "idle"));
        assert_eq!(after["shim_pid"], before["shim_pid"]);
        rig.prompt(&id, "/say two");
        rig.wait_event(&id, "turn_end", 1);
        assert_eq!(rig.text(&id), text + "two");
        assert_journal_is_witness(&rig, &id);
    }
}

#[test]
fn agent_that_keeps_dying_makes_the_session_failed() {
    let rig = Rig::start(LOADS);
    let id = rig.session();
    for _ in 0..5 {
        rig.prompt(&id, "/crash 3");
    }
    rig.wait_state(&id, "failed");
    assert_eq!(rig.witnessed_prompts(), 5);
    assert_eq!(marked(&id), Vec::<i64>::new());
}

//! SIGKILL to the supervisor, the control plane and the node daemon while a prompt is open: the turn completes, the
//! agent's process stays, and the database holds what the agent's witness holds, each line once and in order.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::fleet::{Fleet, Role, Stored, eventually, seeded, start_time};

/// How many kills one run makes at least, each proven to fall inside an open prompt.
const KILLS: usize = 50;
const SEED: u64 = 20_261_121;

/// The line that a journal record says the agent sent.
fn said_in(row: &Stored) -> Option<Value> {
    let payload = serde_json::from_slice::<Value>(&row.payload);
    match row.record {
        1 => Some(payload.unwrap()),
        6 => {
            let open = payload.unwrap();
            let (id, params) = (&open["rpc_id"], &open["request"]);
            Some(
                json!({ "jsonrpc": "2.0", "id": id, "method": "session/request_permission", "params": params }),
            )
        }
        _ => None,
    }
}

/// The line that a journal record says the agent was sent.
fn heard_in(row: &Stored) -> Option<Value> {
    let payload = serde_json::from_slice::<Value>(&row.payload);
    match row.record {
        2 => Some(payload.unwrap()),
        5 | 7 => Some(payload.unwrap()["line"].take()),
        _ => None,
    }
}

fn lines(stored: &[Stored], of: fn(&Stored) -> Option<Value>) -> Vec<Value> {
    stored.iter().filter_map(of).collect()
}

/// What the database holds of the one agent's session is what the agent itself wrote down, synced, before it sent or
/// obeyed it: each line once and in order.
pub(crate) fn expect_stored_as_witnessed(fleet: &Fleet, session: &str) {
    let parse = |line: &String| serde_json::from_str::<Value>(line).unwrap();
    let said: Vec<Value> = fleet.witness("out").iter().map(parse).collect();
    let heard: Vec<Value> = fleet.witness("in").iter().map(parse).collect();
    let stored = eventually("everything is stored", || {
        let stored = fleet.stored(session);
        (lines(&stored, said_in).len() >= said.len()).then_some(stored)
    });
    assert_eq!(lines(&stored, said_in), said, "what the agent said is stored once and in order");
    assert_eq!(lines(&stored, heard_in), heard, "what the agent was told is stored once and in order");
    let seqs: Vec<i64> = stored.iter().map(|row| row.seq).collect();
    assert!(
        seqs.iter().zip(1..).all(|(seq, expected)| *seq == expected),
        "a number is missing or twice: {seqs:?}"
    );
}

/// Kills one to three of the processes, chosen by chance, and starts the supervisor again when it was among them.
fn kill_some(fleet: &Fleet, random: &mut impl FnMut(usize) -> usize) -> usize {
    let first = random(3);
    let count = 1 + random(3);
    let victims: Vec<Role> = (0..count).map(|step| Role::ALL[(first + step) % 3]).collect();
    let killed = victims.iter().filter(|role| fleet.kill(**role)).count();
    if fleet.process(Role::Supervisor).is_none() {
        fleet.up();
    }
    killed
}

#[test]
fn kills_inside_open_prompts_change_nothing() {
    #[expect(clippy::disallowed_methods, reason = "the setting of a test run")]
    let seed = std::env::var("MC_TEST_SEED").map_or(SEED, |text| text.parse().unwrap());
    eprintln!("seed {seed}; MC_TEST_SEED={seed} repeats this run");
    let mut random = seeded(seed);
    let fleet = Fleet::start();
    fleet.ok(&["create", "mission", "kills"]);
    let session = fleet.session("kills");
    let agent = i32::try_from(fleet.get_session(&session).unwrap()["agent_pid"].as_i64().unwrap()).unwrap();
    let born = start_time(agent).unwrap();

    let (mut kills, mut turns) = (0, 0_usize);
    while kills < KILLS {
        turns += 1;
        let name = format!("turn {turns:03}");
        let text = format!("/say {name} begins\n/ask {name}\n/sleep 200\n/say {name} ends");
        eventually("the prompt is taken", || {
            fleet.mc(&["prompt", &session, &text]).status.success().then_some(())
        });
        eventually("the agent asks", || fleet.witnessed("out", &format!("\"{name}\"")).then_some(()));
        kills += kill_some(&fleet, &mut random);
        if random(2) == 0 {
            kills += kill_some(&fleet, &mut random);
        }
        assert!(!fleet.witnessed("out", &format!("{name} ends")), "{name} was over before the kills");
        fleet.approve(&name);
        // The answer is on its way or the turn goes on: that, too, may be interrupted.
        if random(2) == 0 && !fleet.witnessed("out", &format!("{name} ends")) {
            kill_some(&fleet, &mut random);
        }
        let turn = eventually(&format!("{name} is over"), || fleet.ended_turn(&session, turns));
        assert_eq!((&turn["state"], &turn["stop_reason"]), (&"done".into(), &"end_turn".into()), "{turn}");
        assert_eq!(start_time(agent), Some(born), "{name}: the agent's process is another");
    }
    eprintln!("{kills} kills in {turns} turns");

    expect_stored_as_witnessed(&fleet, &session);
    let prompts: Vec<String> =
        fleet.witness("in").into_iter().filter(|line| line.contains("\"session/prompt\"")).collect();
    assert_eq!(prompts.len(), turns, "each prompt was sent once");
    assert_eq!(prompts.iter().collect::<BTreeSet<_>>().len(), turns);

    let object = fleet.get_session(&session).unwrap();
    assert_eq!(object["agent_pid"], agent);
    assert_eq!(object["epoch"], 1, "{object}");
    let approvals = fleet.json(&["get", "approvals", "-m", "kills", "-o", "json"]).unwrap();
    let approvals: &Vec<Value> = approvals["items"].as_array().unwrap();
    assert_eq!(approvals.len(), turns, "each permission is one approval");
    assert!(approvals.iter().all(|approval| approval["state"] == "executed"), "{approvals:?}");
    let verified = fleet.json(&["ledger", "verify", "-o", "json"]).unwrap();
    assert_eq!((&verified["ok"], &verified["unsealed"]), (&true.into(), &0.into()), "{verified}");
    fleet.down();
    assert_eq!(start_time(agent), None, "mc down ends the agent");
}

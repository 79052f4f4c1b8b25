//! Compares the agent's fsynced witness with the journal: line by line, both ways, per agent process.

use mc_journal::{Kind, Reader, Record, flag};
use mc_mesh::payload::{EpochEvent, PermAnswer, PermOpen, PromptSent};
use serde_json::{Value, json};

use crate::rig::{Dir, Rig};

/// What the journal says that one agent process wrote and was written.
#[derive(Debug, Default)]
struct Epoch {
    pid: i64,
    from_agent: Vec<Value>,
    to_agent: Vec<Value>,
    replayed: u64,
    has_ended: bool,
}

/// Asserts that witness and journal agree. Of a process that was killed, either side may lack the last lines: the
/// journal what was in the pipe, the agent what it had not read. Call it while no turn runs.
pub(crate) fn assert_journal_is_witness(rig: &Rig, id: &str) {
    let epochs = read_journal(rig, id);
    let witness = rig.witness();
    for epoch in &epochs {
        let lines = |dir: Dir| -> Vec<Value> {
            let own = witness.iter().filter(|seen| seen.pid == epoch.pid && seen.dir == dir);
            own.map(|seen| parse(seen.line.as_bytes())).collect()
        };
        let (received, mut sent) = (lines(Dir::In), lines(Dir::Out));
        drop_replay(&mut sent, &received, epoch.replayed);
        assert!(epoch.to_agent.starts_with(&received), "{received:#?} is not a part of {epoch:#?}");
        assert!(sent.starts_with(&epoch.from_agent), "{epoch:#?} is not a part of {sent:#?}");
        if !epoch.has_ended {
            assert_eq!((epoch.to_agent.len(), epoch.from_agent.len()), (received.len(), sent.len()));
        }
    }
    let known = |pid: i64| epochs.iter().any(|epoch| epoch.pid == pid);
    assert!(witness.iter().all(|seen| known(seen.pid)), "an agent process is not in the journal");
}

fn parse(line: &[u8]) -> Value {
    serde_json::from_slice(line).unwrap_or_else(|_| String::from_utf8_lossy(line).into())
}

/// Takes the updates out that an agent sent before its answer to the last `session/load`; there must be `replayed`.
fn drop_replay(sent: &mut Vec<Value>, received: &[Value], replayed: u64) {
    let load = received.iter().rfind(|line| line["method"] == "session/load").map(|line| line["id"].clone());
    let Some(load) = load else { return assert_eq!(replayed, 0) };
    let Some(answer) = sent.iter().position(|line| line["id"] == load) else { return };
    let before = sent.len();
    let mut at = 0;
    sent.retain(|line| {
        at += 1;
        at > answer || line["method"] != "session/update"
    });
    assert_eq!((before - sent.len()) as u64, replayed);
}

fn read_journal(rig: &Rig, id: &str) -> Vec<Epoch> {
    let mut reader = Reader::open(&rig.state().join("sessions").join(id).join("journal"), 1).unwrap();
    let mut epochs = Vec::<Epoch>::new();
    while let Some(record) = reader.next().unwrap() {
        if let Kind::Epoch = record.kind {
            match serde_json::from_slice(&record.payload).unwrap() {
                EpochEvent::Started { pid, .. } => {
                    epochs.push(Epoch { pid: pid.into(), ..Epoch::default() });
                }
                EpochEvent::Opened { replayed, .. } => epochs.last_mut().unwrap().replayed = replayed,
                EpochEvent::Mode { .. } | EpochEvent::ModeRefused { .. } => {}
                EpochEvent::Exited { .. } => epochs.last_mut().unwrap().has_ended = true,
            }
        } else if let Some(epoch) = epochs.last_mut() {
            take(epoch, &record);
        }
    }
    epochs
}

fn take(epoch: &mut Epoch, record: &Record) {
    let payload = &record.payload;
    match record.kind {
        Kind::In => epoch.from_agent.push(parse(payload)),
        Kind::Stderr if record.flags & flag::GARBAGE != 0 => epoch.from_agent.push(parse(payload)),
        Kind::PermOpen => {
            let open: PermOpen = serde_json::from_slice(payload).unwrap();
            let params = parse(open.request.get().as_bytes());
            epoch.from_agent.push(json!({
                "jsonrpc": "2.0", "id": open.rpc_id, "method": "session/request_permission", "params": params,
            }));
        }
        Kind::Out => epoch.to_agent.push(parse(payload)),
        Kind::PromptSent => {
            let sent: PromptSent = serde_json::from_slice(payload).unwrap();
            epoch.to_agent.push(parse(sent.line.get().as_bytes()));
        }
        Kind::PermAnswer => {
            let answer: PermAnswer = serde_json::from_slice(payload).unwrap();
            epoch.to_agent.extend(answer.line.map(|line| parse(line.get().as_bytes())));
        }
        _ => {}
    }
}

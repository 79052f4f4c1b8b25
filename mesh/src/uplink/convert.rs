//! Messages of the wire and our own types.

use mc_journal::Record;
use mc_proto::mesh_v1 as wire;
use prost::Message;

use crate::protocol::{Code, Decision, Op, OpResult};

/// What a command holds is no operation of ours.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct InvalidOp(String);

/// Decodes the operation of a verified command.
pub(super) fn op(bytes: &[u8]) -> Result<Op, InvalidOp> {
    use wire::op::Op as Wire;
    let decoded = wire::Op::decode(bytes).map_err(|error| InvalidOp(error.to_string()))?;
    Ok(match decoded.op.ok_or_else(|| InvalidOp("unknown operation".to_owned()))? {
        Wire::Prompt(prompt) => {
            let blocks = serde_json::from_slice(&prompt.blocks_json);
            Op::Prompt { blocks: blocks.map_err(|error| InvalidOp(format!("prompt: {error}")))? }
        }
        Wire::RemoveQueued(remove) => Op::RemoveQueued { prompt: remove.prompt },
        Wire::Cancel(_) => Op::Cancel,
        Wire::AnswerPermission(answer) => {
            Op::AnswerPermission { permission: answer.permission, option: answer.option }
        }
        Wire::Decide(decide) => {
            let decision = match decide.decision.as_str() {
                "new_session" => Decision::NewSession,
                "retry" => Decision::Retry,
                other => return Err(InvalidOp(format!("unknown decision {other:?}"))),
            };
            Op::Decide { decision }
        }
        Wire::SetMode(set) => Op::SetMode { mode: set.mode },
        Wire::Stop(_) => Op::Stop,
    })
}

/// An answer as it is reported.
pub(super) fn result(session: &str, result: OpResult) -> wire::OpResult {
    let code = match result.code {
        Code::Ok => "ok",
        Code::OpIdReused => "op_id_reused",
        Code::AlreadyAnswered => "already_answered",
        Code::NotFound => "not_found",
        Code::Invalid => "invalid",
        Code::StaleEpoch => "stale_epoch",
        Code::Unavailable => "unavailable",
    };
    wire::OpResult {
        op_id: result.op_id,
        session: session.to_owned(),
        code: code.to_owned(),
        winner: result.winner.unwrap_or_default(),
        at_seq: result.at_seq,
    }
}

/// A journal record as it is reported, payload verbatim.
pub(super) fn event(record: Record) -> wire::Event {
    wire::Event {
        seq: record.seq,
        seq_hi: 0,
        kind: u32::from(record.kind.code()),
        flags: u32::from(record.flags),
        wall_us: record.stamp.wall_us,
        crc32c: crc32c::crc32c(&record.payload),
        payload: record.payload,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_of_the_wire_become_ours_or_are_refused() {
        use wire::op::Op as Wire;
        let encode = |op: Wire| wire::Op { op: Some(op) }.encode_to_vec();
        let prompt = |json: &str| encode(Wire::Prompt(wire::Prompt { blocks_json: json.into() }));
        assert_eq!(op(&prompt("[]")).unwrap(), Op::Prompt { blocks: Vec::new() });
        assert!(op(&prompt("{}")).is_err());
        let answer =
            Wire::AnswerPermission(wire::AnswerPermission { permission: "p-1-2".into(), option: None });
        let expected = Op::AnswerPermission { permission: "p-1-2".into(), option: None };
        assert_eq!(op(&encode(answer)).unwrap(), expected);
        assert!(op(&encode(Wire::Decide(wire::Decide { decision: "dance".into() }))).is_err());
        let mode = Wire::SetMode(wire::SetMode { mode: "plan".into() });
        assert_eq!(op(&encode(mode)).unwrap(), Op::SetMode { mode: "plan".into() });
        assert!(op(&[]).is_err(), "an operation of a later version");
        assert!(op(&[0xff]).is_err());
    }
}

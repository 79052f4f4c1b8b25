//! The shim's socket protocol, spoken by the test itself.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use mc_mesh::protocol::{Code, FromShim, Op, OpRequest, OpResult, PROTO, SessionState, Status, ToShim};
use serde_json::json;

use crate::rig::{FORGETS, LOADS, Rig, eventually, kill};

struct Controller(UnixStream);

impl Controller {
    fn connect(rig: &Rig, id: &str) -> Self {
        // The test's folder is short enough for a socket address.
        let path = rig.state().join("run/s").join(format!("{}.sock", &id[id.len() - 8..]));
        let stream = UnixStream::connect(path).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        Self(stream)
    }

    fn hello(rig: &Rig, id: &str, controller_epoch: u64, read_only: bool) -> (Self, FromShim) {
        let mut controller = Self::connect(rig, id);
        controller.send(&ToShim::Hello { proto: PROTO, controller_epoch, read_only });
        let answer = controller.receive();
        (controller, answer)
    }

    fn send(&mut self, message: &ToShim) {
        let body = serde_json::to_vec(message).unwrap();
        self.0.write_all(&u32::try_from(body.len()).unwrap().to_le_bytes()).unwrap();
        self.0.write_all(&body).unwrap();
    }

    fn receive(&mut self) -> FromShim {
        let mut length = [0; 4];
        self.0.read_exact(&mut length).unwrap();
        let mut body = vec![0; u32::from_le_bytes(length) as usize];
        self.0.read_exact(&mut body).unwrap();
        serde_json::from_slice(&body).unwrap()
    }

    fn op(&mut self, op_id: &str, op: Op) -> OpResult {
        self.send(&ToShim::Op(OpRequest { op_id: op_id.into(), actor: "test".into(), op }));
        loop {
            if let FromShim::Result(result) = self.receive() {
                return result;
            }
        }
    }

    fn status(&mut self) -> Status {
        self.send(&ToShim::Status);
        loop {
            if let FromShim::Status(status) = self.receive() {
                return *status;
            }
        }
    }
}

fn prompt(text: &str) -> Op {
    Op::Prompt { blocks: vec![json!({"type": "text", "text": text})] }
}

#[test]
fn newest_controller_owns_the_session() {
    let rig = Rig::start(FORGETS);
    let id = rig.session();
    let shim = rig.meta(&id).unwrap()["shim_pid"].clone();
    let (mut reader, _) = Controller::hello(&rig, &id, 0, true);
    assert_eq!(reader.op("r1", prompt("/say one")).code, Code::StaleEpoch);
    let (mut first, answer) = Controller::hello(&rig, &id, 1000, false);
    assert!(matches!(answer, FromShim::Attached { proto: PROTO, .. }), "{answer:?}");
    let (mut second, _) = Controller::hello(&rig, &id, 1001, false);
    assert_eq!(first.receive(), FromShim::Displaced);
    let (_, refused) = Controller::hello(&rig, &id, 1000, false);
    assert_eq!(refused, FromShim::Refused { controller_epoch: 1001 });
    assert_eq!(second.op("s1", prompt("/say one")).code, Code::Ok);
    rig.wait_event(&id, "turn_end", 1);
    assert_eq!(second.status().state, SessionState::Idle);
    // The daemon, now of an older epoch, is refused and leaves the shim alone.
    eventually("daemon was refused", || {
        std::fs::read_to_string(rig.path("mesh.log")).unwrap().contains("has taken over").then_some(())
    });
    assert_eq!(rig.meta(&id).unwrap()["shim_pid"], shim);
    assert_eq!(rig.witnessed_prompts(), 1);
}

#[test]
fn trimmed_journal_still_knows_commands_session_and_turns() {
    let mut rig = Rig::start(LOADS);
    let id = rig.session();
    rig.kill_daemon();
    let before = rig.meta(&id).unwrap();
    let (mut controller, _) = Controller::hello(&rig, &id, 1, false);
    let mut results = Vec::new();
    for turn in 1..=3 {
        let result =
            controller.op(&format!("op-{turn}"), prompt(&format!("/say one\n{}", "x".repeat(5 << 20))));
        assert_eq!(result.code, Code::Ok);
        results.push(result);
        eventually("turn over", || {
            Some(controller.status()).filter(|s| s.turn.is_none() && s.queue.is_empty())
        });
    }
    let status = controller.status();
    assert_eq!(status.first_seq, 1);
    controller.send(&ToShim::Acked { seq: status.durable_seq });
    let trimmed = eventually("trimmed", || Some(controller.status()).filter(|status| status.first_seq > 1));
    assert!(trimmed.first_seq > results[0].at_seq, "the first command is gone from the journal");
    kill(i64::from(trimmed.shim_pid));
    rig.start_daemon();
    eventually("second epoch", || rig.meta(&id).filter(|meta| meta["epoch"] == 2 && meta["state"] == "idle"));
    assert_eq!(rig.meta(&id).unwrap()["agent_session"], before["agent_session"]);
    let (mut controller, _) = Controller::hello(&rig, &id, 1000, false);
    let again = controller.op("op-1", prompt(&format!("/say one\n{}", "x".repeat(5 << 20))));
    assert_eq!(again, results[0]);
    assert_eq!(controller.op("op-1", prompt("other")).code, Code::OpIdReused);
    assert_eq!(rig.witnessed_prompts(), 3);
}

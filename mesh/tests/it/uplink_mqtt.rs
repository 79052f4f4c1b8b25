//! MQTT beside gRPC, between real processes: each path alone delivers every record once, and neither can lie.

use mc_proto::mesh_v1 as wire;
use wire::op::Op;

use crate::broker;
use crate::control_plane::{A_WHILE, ControlPlane};
use crate::rig::eventually;
use crate::uplink::{Machine, session};

const TURNS: usize = 12;

fn wait_connected(control_plane: &ControlPlane, machine: &Machine) {
    eventually(&format!("MQTT connects; log\n{}", machine.log()), || {
        let memory = control_plane.memory();
        (!memory.mqtt.is_empty() && (memory.loses_mqtt || !memory.node_statuses.is_empty())).then_some(())
    });
}

/// Runs turns one after the other and compares what is stored with the journal, record by record.
fn run_turns(control_plane: &ControlPlane, machine: &Machine, id: &str) {
    for turn in 1..=TURNS {
        control_plane.send(control_plane.prompt(id, &format!("p{turn}"), &format!("turn {turn}")));
        machine.wait_turns(control_plane, id, turn);
    }
    machine.expect_stored(control_plane, id);
    assert_eq!(machine.prompts(), TURNS, "every prompt reached the agent once");
}

#[test]
fn live_batches_go_by_mqtt() {
    let control_plane = ControlPlane::start_with_broker();
    let machine = Machine::start(&control_plane, &[]);
    wait_connected(&control_plane, &machine);
    let id = session(&control_plane, &machine, "agent");
    run_turns(&control_plane, &machine, &id);
    let memory = control_plane.memory();
    assert!(memory.batches.mqtt > memory.batches.grpc, "{:?}", memory.batches);
    let status = memory.node_statuses.last().unwrap();
    assert!(status.online && status.conn_seq == memory.syncs.last().unwrap().conn_seq);
}

#[test]
fn all_mqtt_lost_every_record_arrives_once_by_grpc() {
    let control_plane = ControlPlane::start_with_broker();
    control_plane.memory().loses_mqtt = true;
    let machine = Machine::start(&control_plane, &[]);
    wait_connected(&control_plane, &machine);
    let id = session(&control_plane, &machine, "agent");
    run_turns(&control_plane, &machine, &id);
    let memory = control_plane.memory();
    assert_eq!(memory.batches.mqtt, 0);
    assert!(memory.batches.grpc > 0 && memory.lost_by_mqtt > 0);
}

#[test]
fn all_grpc_reports_lost_every_record_arrives_once_by_mqtt() {
    let control_plane = ControlPlane::start_with_broker();
    control_plane.memory().loses_reports = true;
    let machine = Machine::start(&control_plane, &[]);
    wait_connected(&control_plane, &machine);
    let id = session(&control_plane, &machine, "agent");
    run_turns(&control_plane, &machine, &id);
    let memory = control_plane.memory();
    assert_eq!(memory.batches.grpc, 0);
    assert!(memory.batches.mqtt > 0);
}

#[test]
fn a_stolen_broker_cannot_steer_nor_acknowledge_what_was_not_sent() {
    let control_plane = ControlPlane::start_with_broker();
    let machine = Machine::start(&control_plane, &[]);
    wait_connected(&control_plane, &machine);
    let id = session(&control_plane, &machine, "agent");
    control_plane.send(control_plane.prompt(&id, "honest", "one"));
    machine.wait_turns(&control_plane, &id, 1);
    let mut unsigned = control_plane.prompt(&id, "unsigned", "two");
    unsigned.signature.clear();
    let mut altered = control_plane.prompt(&id, "altered", "three");
    altered.op_id = "other".to_owned();
    altered.node_seq = unsigned.node_seq;
    let mut unknown = control_plane.command(&id, "unknown", Op::Stop(wire::Stop {}));
    unknown.key_id = "k2".to_owned();
    unknown.node_seq = unsigned.node_seq;
    {
        let mut memory = control_plane.memory();
        for command in [&unsigned, &altered, &unknown] {
            broker::say(&mut memory, "down/cmd", command);
        }
        let lie = wire::Cursor { session: id.clone(), acked_seq: 1 << 40, fence: 1, rewind: false };
        broker::say(&mut memory, "down/ack", &lie);
    }
    std::thread::sleep(A_WHILE);
    assert_eq!(machine.prompts(), 1);
    assert_eq!(machine.log().matches("refused command").count(), 3, "{}", machine.log());
    // Everything after the lies is stored as before.
    control_plane.send(control_plane.prompt(&id, "honest-2", "four"));
    machine.wait_turns(&control_plane, &id, 2);
    machine.expect_stored(&control_plane, &id);
}

#[test]
fn through_a_broker_of_others_everything_is_signed_and_what_is_not_is_dropped() {
    let control_plane = ControlPlane::start_with_broker_of_others();
    let machine = Machine::start(&control_plane, &[]);
    wait_connected(&control_plane, &machine);
    let id = session(&control_plane, &machine, "agent");
    // The broker looks at every signature of the node.
    run_turns(&control_plane, &machine, &id);
    let stored = {
        let memory = control_plane.memory();
        assert!(memory.batches.mqtt > memory.batches.grpc, "{:?}", memory.batches);
        memory.stored[&id].len() as u64
    };
    {
        let mut memory = control_plane.memory();
        let cursor = wire::Cursor { session: id.clone(), acked_seq: stored, fence: 1, rewind: false };
        let unsigned = mc_proto::to_mqtt(&cursor);
        // Not signed, signed for another topic, and signed but back behind what is acknowledged.
        let elsewhere = memory.sealed("/tenants/0/down/ack", unsigned.clone());
        broker::say_bytes(&mut memory, "down/ack", unsigned);
        broker::say_bytes(&mut memory, "down/ack", elsewhere);
        broker::say(&mut memory, "down/ack", &wire::Cursor { acked_seq: 1, rewind: true, ..cursor });
    }
    eventually("the three are refused", || {
        let log = machine.log();
        let is_refused =
            log.matches("has not signed it").count() == 2 && log.contains("dropped a cursor by MQTT");
        is_refused.then_some(())
    });
    control_plane.send(control_plane.prompt(&id, "after", "after"));
    machine.wait_turns(&control_plane, &id, TURNS + 1);
    machine.expect_stored(&control_plane, &id);
}

#[test]
fn a_copied_command_is_carried_out_once_and_in_order() {
    let control_plane = ControlPlane::start_with_broker();
    let machine = Machine::start(&control_plane, &[]);
    wait_connected(&control_plane, &machine);
    let id = session(&control_plane, &machine, "agent");
    // The first comes by Sync and tells the place; its successor comes by MQTT before Sync knows of it.
    control_plane.send(control_plane.prompt(&id, "c1", "one"));
    machine.wait_turns(&control_plane, &id, 1);
    let early = control_plane.prompt(&id, "c2", "two");
    broker::say(&mut control_plane.memory(), "down/cmd", &early);
    machine.wait_turns(&control_plane, &id, 2);
    // One that skips a number waits for Sync.
    let skipped = control_plane.prompt(&id, "c3", "three");
    let late = control_plane.prompt(&id, "c4", "four");
    broker::say(&mut control_plane.memory(), "down/cmd", &late);
    std::thread::sleep(A_WHILE);
    assert_eq!(machine.prompts(), 2);
    for command in [early, skipped, late] {
        control_plane.send(command);
    }
    machine.wait_turns(&control_plane, &id, 4);
    machine.expect_stored(&control_plane, &id);
    assert_eq!(machine.prompts(), 4);
}

//! MQTT beside gRPC: the node's own code on one side, the ingest on the other.

use std::sync::Arc;
use std::time::Duration;

use mc_journal::Kind;
use mc_mesh::uplink::mqtt::{self, Bus, Received};
use mc_proto::mesh_v1::desired::What;
use mc_proto::mesh_v1::node_client::NodeClient;
use mc_proto::mesh_v1::{self as wire, Cursor, EventBatch, NodeStatus};
use serde_json::{Value, json};
use tokio::sync::mpsc::Receiver;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::harness::{DEADLINE, TestApp, eventually};
use crate::nodes::{Machine, facts};

/// A node's end of the bus.
struct Line {
    bus: Bus,
    received: Receiver<Received>,
    stop: CancellationToken,
    work: tokio::task::JoinSet<()>,
}

impl Line {
    fn open(machine: &Machine) -> Self {
        let (host, port) = machine.identity.mqtt_address().unwrap().rsplit_once(':').unwrap();
        let (bus, received, uplink) = mqtt::bus(mqtt::Settings {
            node: machine.identity.node_id().trim_start_matches("node_").to_owned(),
            host: host.to_owned(),
            port: port.parse().unwrap(),
            tls: Arc::new(machine.identity.tls().unwrap()),
            signing: machine.identity.signing().unwrap().map(Arc::new),
            status: Box::new(|| NodeStatus { conn_seq: 1, online: true, ..NodeStatus::default() }),
        });
        let stop = CancellationToken::new();
        let mut work = tokio::task::JoinSet::new();
        work.spawn(uplink.run(stop.clone()));
        Self { bus, received, stop, work }
    }

    async fn connected(&self) {
        timeout(DEADLINE, self.bus.connected()).await.unwrap();
    }

    async fn next(&mut self) -> Received {
        timeout(DEADLINE, self.received.recv()).await.unwrap().unwrap()
    }

    async fn close(mut self) {
        self.stop.cancel();
        while self.work.join_next().await.is_some() {}
    }
}

fn records(spec: &wire::SessionSpec, first_seq: u64, payloads: &[(Kind, Value)]) -> EventBatch {
    let event = |(at, (kind, payload)): (usize, &(Kind, Value))| {
        let payload = payload.to_string().into_bytes();
        wire::Event {
            seq: first_seq + at as u64,
            kind: kind.code().into(),
            wall_us: 1_800_000_000_000_000,
            crc32c: crc32c::crc32c(&payload),
            payload,
            ..wire::Event::default()
        }
    };
    let events = payloads.iter().enumerate().map(event).collect();
    EventBatch {
        session: spec.session.clone(),
        fence: spec.fence,
        first_seq,
        events,
        ..EventBatch::default()
    }
}

async fn records_commands_and_revocation_pass_the_gate(app: TestApp) {
    app.mission("demo").await;
    let machine = Machine::join(&app, "one").await;
    let other = Machine::join(&app, "two").await;
    let mut client = NodeClient::new(machine.identity.channel().unwrap());
    let request = wire::SyncRequest { conn_seq: 1, facts: Some(facts()) };
    let mut sync = client.sync(request).await.unwrap().into_inner();
    let renewal = wire::RenewLeasesRequest { conn_seq: 1, ..wire::RenewLeasesRequest::default() };
    client.renew_leases(renewal).await.unwrap();
    let (mut line, mut foreign) = (Line::open(&machine), Line::open(&other));
    line.connected().await;
    foreign.connected().await;

    let body = json!({"mission": "demo", "runtime": "scripted", "node": "one"});
    let session = app.post(app.admin(), "/api/v1/sessions", body).await.ok(201);
    let path = format!("/api/v1/sessions/{}", session["id"].as_str().unwrap());
    let spec = loop {
        let desired = timeout(DEADLINE, sync.message()).await.unwrap().unwrap().unwrap();
        if let Some(What::Session(spec)) = desired.what {
            break spec;
        }
    };
    let first = [
        (Kind::State, json!({"state": "starting"})),
        (Kind::Epoch, json!({"event": "started", "epoch": 1, "pid": 4711})),
        (Kind::State, json!({"state": "idle"})),
    ];
    let batch = records(&spec, 1, &first);
    // Of another node it is refused without an answer; twice of its own it is stored once.
    foreign.bus.send_events(&batch).unwrap();
    for _ in 0..2 {
        line.bus.send_events(&batch).unwrap();
        let Received::Acked(cursor) = line.next().await else { panic!("a command") };
        let wanted = Cursor { session: spec.session.clone(), acked_seq: 3, fence: spec.fence, rewind: false };
        assert_eq!(cursor, wanted);
        let read = app.get(app.admin(), &path).await.ok(200);
        assert_eq!((&read["last_seq"], &read["state"]), (&json!(3), &json!("idle")));
    }
    // A hole asks for what is missing.
    line.bus.send_events(&records(&spec, 5, &[(Kind::State, json!({"state": "idle"}))])).unwrap();
    let Received::Acked(cursor) = line.next().await else { panic!("a command") };
    assert!(cursor.rewind && cursor.acked_seq == 3);
    assert!(timeout(Duration::from_millis(200), foreign.received.recv()).await.is_err());

    // A command comes by both paths, equal and signed for this node.
    let prompt = json!({"text": "hello"});
    app.post(app.admin(), &format!("{path}/prompt"), prompt).await;
    let by_sync = loop {
        let desired = timeout(DEADLINE, sync.message()).await.unwrap().unwrap().unwrap();
        if let Some(What::Command(command)) = desired.what {
            break command;
        }
    };
    let Received::Command(copy) = line.next().await else { panic!("a cursor") };
    assert_eq!(copy, by_sync);
    assert!(machine.identity.verify(&copy) && !other.identity.verify(&copy));

    // A revoked node is gone at once and does not come back.
    let bus = app.app().bus.get().unwrap();
    let id = machine.identity.node_id().parse().unwrap();
    assert!(bus.is_connected(id));
    app.delete(app.admin(), "/api/v1/nodes/one").await;
    eventually("the revoked node is disconnected", || async { (!bus.is_connected(id)).then_some(()) }).await;
    // That it does not come back is no event to wait for: its client tries again within this time.
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert!(!bus.is_connected(id) && bus.is_connected(other.identity.node_id().parse().unwrap()));
    line.close().await;
    foreign.close().await;
}

both!(records_commands_and_revocation_pass_the_gate);

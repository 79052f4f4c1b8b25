//! Large events of a node, in pieces, over its real connection.

use mc_proto::mesh_v1 as wire;
use mc_proto::mesh_v1::node_client::NodeClient;
use serde_json::json;
use tonic::transport::Channel;
use tonic::{Code, Status};

use crate::harness::TestApp;
use crate::journal::Journal;
use crate::nodes::{Machine, facts};

/// What `put_blob` answers to these parts.
async fn put(client: &NodeClient<Channel>, parts: Vec<wire::BlobPart>) -> Result<wire::Cursor, Status> {
    let mut answers = client.clone().put_blob(tokio_stream::iter(parts)).await?.into_inner();
    Ok(answers.message().await?.unwrap())
}

/// The entry number `at` of a journal, in parts of `bytes`.
fn parts(journal: &Journal, at: usize, bytes: usize) -> Vec<wire::BlobPart> {
    let entry = &journal.entries[at];
    let event = wire::Event {
        seq: entry.seq,
        kind: entry.kind,
        wall_us: entry.wall_us,
        crc32c: entry.crc32c,
        ..wire::Event::default()
    };
    let session = journal.session.to_string();
    let head = wire::EventBatch {
        session,
        fence: 1,
        first_seq: entry.seq,
        events: vec![event],
        ..Default::default()
    };
    let data = |data: &[u8]| wire::BlobPart { data: data.to_vec(), ..wire::BlobPart::default() };
    let mut parts: Vec<_> = entry.payload.chunks(bytes).map(data).collect();
    (parts[0].head, parts[0].size) = (Some(head), entry.payload.len() as u64);
    parts
}

async fn a_large_event_in_parts_is_stored_once_and_whole(app: TestApp) {
    app.mission("demo").await;
    let (machine, other) = (Machine::join(&app, "builder").await, Machine::join(&app, "other").await);
    let client = NodeClient::new(machine.identity.channel().unwrap());
    let sync = wire::SyncRequest { conn_seq: 1, facts: Some(facts()) };
    let _desired = client.clone().sync(sync).await.unwrap();
    let body = json!({"mission": "demo", "runtime": "scripted", "node": "builder"});
    let session = app.post(app.admin(), "/api/v1/sessions", body).await.ok(201);
    let mut journal = Journal::of(&session);
    journal.begin();
    let said: String = "0123456789abcdef".repeat(200_000);
    journal.say(&said);
    let large = journal.entries.len() - 1;

    // Before what precedes it is stored, it is asked for again.
    let early = put(&client, parts(&journal, large, 64 << 10)).await.unwrap();
    assert_eq!((early.acked_seq, early.rewind), (0, true));
    for at in 0..large {
        assert_eq!(put(&client, parts(&journal, at, 10)).await.unwrap().acked_seq, at as u64 + 1);
    }
    for _ in 0..2 {
        let stored = put(&client, parts(&journal, large, 64 << 10)).await.unwrap();
        assert_eq!((stored.acked_seq, stored.rewind), (large as u64 + 1, false));
    }
    let path = format!("/api/v1/sessions/{}/events", session["id"].as_str().unwrap());
    let events = app.get(app.admin(), &path).await.ok(200);
    let texts: Vec<_> = events["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|event| event["body"]["content"]["text"].as_str())
        .collect();
    assert_eq!(texts, [said.as_str()]);

    // What does not fit together changes nothing.
    journal.say("more");
    let at = large + 1;
    let refusal = async |parts: Vec<wire::BlobPart>| put(&client, parts).await.unwrap_err();
    let mut short = parts(&journal, at, 10);
    short.pop();
    let mut long = parts(&journal, at, 10);
    long.push(long[1].clone());
    let mut headless = parts(&journal, at, 10);
    headless[0].head = None;
    let mut huge = parts(&journal, at, 10);
    huge[0].size = u64::MAX;
    let mut double = parts(&journal, at, 10);
    let events = &mut double[0].head.as_mut().unwrap().events;
    events.push(events[0].clone());
    let mut filled = parts(&journal, at, 10);
    filled[0].head.as_mut().unwrap().events[0].payload = b"x".to_vec();
    for (parts, named) in [
        (short, "data"),
        (long, "data"),
        (headless, "head"),
        (huge, "size"),
        (double, "head.events"),
        (filled, "payload"),
        (Vec::new(), "no part"),
    ] {
        let status = refusal(parts).await;
        assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
        assert!(status.message().contains(named), "{named}: {status:?}");
    }
    let mut broken = parts(&journal, at, 10);
    broken[1].data[0] ^= 1;
    assert_eq!(put(&client, broken).await.unwrap(), wire::Cursor::default(), "a checksum");
    let foreign = NodeClient::new(other.identity.channel().unwrap());
    assert_eq!(
        put(&foreign, parts(&journal, at, 10)).await.unwrap(),
        wire::Cursor::default(),
        "a foreign node"
    );
    let stored = "SELECT COUNT(*) FROM session_event";
    assert_eq!(app.count(stored).await, i64::try_from(at).unwrap());
    assert_eq!(put(&client, parts(&journal, at, 10)).await.unwrap().acked_seq, at as u64 + 1);
}

both!(a_large_event_in_parts_is_stored_once_and_whole);

//! Nodes: joining, coming back, being refused, over real TLS connections with the node's own code.

use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use controlplane::keyring::NODE_CERTIFICATE_LIFE;
use controlplane::nodes::model::LEASE;
use controlplane::server::Server;
use mc_mesh::StateDir;
use mc_mesh::uplink::{Error, Identity, JoinToken};
use mc_proto::mesh_v1::node_client::NodeClient;
use mc_proto::mesh_v1::{self as wire, NodeFacts, RenewLeasesRequest};
use serde_json::{Value, json};
use tonic::Code;
use tonic::transport::Channel;

use crate::harness::{TestApp, config, eventually, metrics};

pub(crate) fn facts() -> NodeFacts {
    let runtime = wire::Runtime { name: "scripted".into(), available: true, ..wire::Runtime::default() };
    NodeFacts { hostname: "box".into(), slots: 4, runtimes: vec![runtime], ..NodeFacts::default() }
}

async fn token(app: &TestApp, body: Value) -> JoinToken {
    let made = app.post(app.admin(), "/api/v1/join-tokens", body).await.ok(201);
    made["token"].as_str().unwrap().parse().unwrap()
}

/// A machine with a state directory.
pub(crate) struct Machine {
    pub(crate) identity: Identity,
    pub(crate) folder: tempfile::TempDir,
}

fn state(folder: &tempfile::TempDir) -> StateDir {
    StateDir::open(folder.path()).unwrap()
}

impl Machine {
    /// Joins under a name of its own.
    pub(crate) async fn join(app: &TestApp, name: &str) -> Self {
        let token = token(app, json!({ "node_name": name })).await;
        Self::join_with(app, &token).await.unwrap()
    }

    async fn join_with(app: &TestApp, token: &JoinToken) -> Result<Self, Error> {
        let folder = tempfile::tempdir().unwrap();
        let identity = Identity::join(&state(&folder), &app.grpc(), token, "wish", &facts()).await?;
        Ok(Self { identity, folder })
    }

    /// As after a restart of the node, wherever the control plane is now.
    pub(crate) fn reload(&mut self, app: &TestApp) {
        self.identity = Identity::load(&state(&self.folder), &app.grpc()).unwrap().unwrap();
    }

    /// What a call of the node is answered with.
    async fn call(&self) -> Code {
        code(self.identity.channel().unwrap()).await
    }
}

/// What a call of the service `Node` is answered with; `Ok` when it came past the door, whatever it said there.
async fn code(channel: Channel) -> Code {
    let mut client = NodeClient::new(channel);
    let request = RenewLeasesRequest { conn_seq: 1, ..RenewLeasesRequest::default() };
    match client.renew_leases(request).await {
        Ok(_) => Code::Ok,
        Err(status) if status.code() == Code::Unimplemented => Code::Ok,
        Err(status) => status.code(),
    }
}

fn refused(result: Result<Machine, Error>) -> tonic::Status {
    match result {
        Err(Error::Refused(status)) => status,
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("it joined"),
    }
}

async fn actions(app: &TestApp) -> Vec<String> {
    app.events().await.into_iter().map(|event| event.envelope.action).collect()
}

async fn a_machine_joins_and_is_known_from_then_on(app: TestApp) {
    let mut machine = Machine::join(&app, "builder").await;
    let id = machine.identity.node_id().to_owned();
    let node = app.get(app.admin(), "/api/v1/nodes/builder").await.ok(200);
    assert_eq!((node["id"].as_str().unwrap(), &node["state"]), (id.as_str(), &json!("ready")));
    assert_eq!((&node["facts"]["slots"], &node["live_sessions"]), (&json!(4), &json!(0)));
    let principal = format!("/api/v1/principals/{}", node["principal_id"].as_str().unwrap());
    let principal = app.get(app.admin(), &principal).await.ok(200);
    assert_eq!((&principal["principal_kind"], &principal["role"]), (&json!("node"), &json!(null)));
    assert_eq!(machine.identity.http_url(), format!("http://{}", app.app().endpoints.http));
    assert_eq!(machine.identity.mqtt_address(), Some(app.app().endpoints.mqtt_address().as_str()));
    assert_eq!(machine.call().await, Code::Ok);

    for name in ["node.key", "node.crt", "ca.der", "identity.json"] {
        let file = std::fs::metadata(machine.folder.path().join("node").join(name)).unwrap();
        assert_eq!(file.permissions().mode() & 0o777, 0o600, "{name}");
    }
    // Opened again without a token: the same node, no further call of `Join`.
    let opened = Identity::open(&state(&machine.folder), &app.grpc(), None, "", &facts()).await.unwrap();
    assert_eq!(opened.node_id(), id);
    machine.reload(&app);
    assert!(!machine.identity.is_due());
    assert_eq!(machine.call().await, Code::Ok);
    assert_eq!(
        (machine.identity.next_connection().unwrap(), machine.identity.next_connection().unwrap()),
        (1, 2)
    );

    let empty = tempfile::tempdir().unwrap();
    let opened = Identity::open(&state(&empty), &app.grpc(), None, "", &facts()).await;
    assert!(matches!(opened, Err(Error::NotJoined)));
    let events = app.events().await;
    let joins = events.iter().filter(|event| event.envelope.action == "node.join");
    assert_eq!(joins.map(|event| event.envelope.subject_id.as_str()).collect::<Vec<_>>(), [id.as_str()]);
    let text = app.export().await;
    assert!(!text.contains("mcj_"), "no token in the ledger");
}

async fn a_token_is_used_once_and_repeated_by_the_same_key(app: TestApp) {
    let token = token(&app, json!({})).await;
    let first = Machine::join_with(&app, &token).await.unwrap();
    // The answer was lost: the same key and token again.
    let again = Identity::join(&state(&first.folder), &app.grpc(), &token, "other", &facts()).await.unwrap();
    assert_eq!((again.node_id(), again.name()), (first.identity.node_id(), "wish"));
    let status = refused(Machine::join_with(&app, &token).await);
    assert_eq!(status.code(), Code::Unauthenticated);
    assert!(status.message().contains("used up"), "{status:?}");
    assert_eq!(status.metadata().get("mc-problem").unwrap(), "unauthenticated");
    assert_eq!(app.count("SELECT COUNT(*) FROM node").await, 1);
    assert_eq!(app.count("SELECT used FROM join_token").await, 1);
    let actions = actions(&app).await;
    assert_eq!(actions.iter().filter(|action| *action == "node.join_refused").count(), 1, "{actions:?}");
}

async fn machines_that_join_at_once_share_the_uses(app: TestApp) {
    let token = token(&app, json!({ "uses": 3 })).await;
    let joins = (0..6).map(|_| Machine::join_with(&app, &token));
    let results = futures_util::future::join_all(joins).await;
    let mut names: Vec<_> =
        results.iter().flatten().map(|machine| machine.identity.name().to_owned()).collect();
    names.sort();
    assert_eq!(names, ["wish", "wish-2", "wish-3"]);
    assert_eq!(app.count("SELECT used FROM join_token").await, 3);
}

async fn tokens_that_ended_are_refused(app: TestApp) {
    let made = app.post(app.admin(), "/api/v1/join-tokens", json!({ "ttl_seconds": 60 })).await.ok(201);
    let path = format!("/api/v1/join-tokens/{}", made["id"].as_str().unwrap());
    let listed = app.get(app.admin(), "/api/v1/join-tokens").await.ok(200);
    assert_eq!(listed["items"][0]["id"], made["id"]);
    assert_eq!(listed["items"][0]["token"], json!(null), "shown once");
    assert_eq!(made["server"], app.grpc());
    app.delete(app.admin(), &path).await.ok(204);
    app.get(app.admin(), &path).await.problem(404, "not-found");
    let text: JoinToken = made["token"].as_str().unwrap().parse().unwrap();
    let status = refused(Machine::join_with(&app, &text).await);
    assert!(status.message().contains("revoked"), "{status:?}");

    let late = token(&app, json!({ "ttl_seconds": 60 })).await;
    app.advance(Duration::from_secs(61));
    let status = refused(Machine::join_with(&app, &late).await);
    assert!(status.message().contains("expired"), "{status:?}");
    assert_eq!(status.code(), Code::Unauthenticated);

    // The right token with a secret that was guessed.
    let good = app.post(app.admin(), "/api/v1/join-tokens", json!({})).await.ok(201);
    let mut parts: Vec<_> = good["token"].as_str().unwrap().split('.').collect();
    parts[1] = "guess";
    let status = refused(Machine::join_with(&app, &parts.join(".").parse().unwrap()).await);
    assert!(status.message().contains("not known"), "{status:?}");
    assert_eq!(app.count("SELECT COUNT(*) FROM node").await, 0);
    let refusals = actions(&app).await.into_iter().filter(|action| action == "node.join_refused").count();
    assert_eq!(refusals, 2, "a guess is no event: anybody could fill the ledger");
}

async fn tokens_have_limits(app: TestApp) {
    for (body, pointer) in [
        (json!({ "ttl_seconds": 59 }), "/ttl_seconds"),
        (json!({ "ttl_seconds": 86_401 }), "/ttl_seconds"),
        (json!({ "uses": 0 }), "/uses"),
        (json!({ "uses": 101 }), "/uses"),
        (json!({ "uses": 2, "node_name": "a" }), "/uses"),
    ] {
        let answer = app.post(app.admin(), "/api/v1/join-tokens", body).await;
        answer.problem(422, "validation");
        assert_eq!(answer.body["errors"][0]["pointer"], pointer);
    }
    Machine::join(&app, "a").await;
    let taken = token(&app, json!({ "node_name": "a" })).await;
    assert_eq!(refused(Machine::join_with(&app, &taken).await).code(), Code::AlreadyExists);
    // The same request again does not show the secret again.
    let key = [("idempotency-key", "k")];
    let create = || app.client.send("POST", "/api/v1/join-tokens", app.admin(), &key, Some(json!({})));
    assert!(create().await.ok(201)["token"].is_string());
    assert_eq!(create().await.ok(201)["token"], json!(null));
}

async fn a_revoked_node_is_refused_everywhere(app: TestApp) {
    let mut machine = Machine::join(&app, "builder").await;
    let channel = machine.identity.channel().unwrap();
    assert_eq!(code(channel.clone()).await, Code::Ok);
    app.delete(app.admin(), "/api/v1/nodes/builder").await.ok(204);
    assert_eq!(code(channel).await, Code::PermissionDenied, "also on a connection that is open");
    assert_eq!(machine.call().await, Code::PermissionDenied);
    let Err(Error::Refused(status)) = machine.identity.rejoin(&facts()).await else { panic!("it rejoined") };
    assert_eq!(status.code(), Code::PermissionDenied);
    let fresh = token(&app, json!({})).await;
    let again = Identity::join(&state(&machine.folder), &app.grpc(), &fresh, "", &facts()).await;
    assert!(matches!(again, Err(Error::Refused(status)) if status.code() == Code::PermissionDenied));

    let listed = app.get(app.admin(), "/api/v1/nodes").await.ok(200);
    assert_eq!(listed["items"], json!([]));
    app.get(app.admin(), "/api/v1/nodes/builder").await.problem(404, "not-found");
    let path = format!("/api/v1/nodes/{}", machine.identity.node_id());
    assert_eq!(app.get(app.admin(), &path).await.ok(200)["state"], "revoked");
    app.delete(app.admin(), &path).await.problem(404, "not-found");
    app.post(app.admin(), &format!("{path}/cordon"), json!({})).await.problem(409, "invalid-transition");
    // Its name is free again.
    Machine::join(&app, "builder").await;
}

async fn without_a_certificate_only_enroll_is_open(app: TestApp) {
    use base64::Engine as _;
    let der = app.app().keyring.authority().certificate();
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let pem = format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n");
    let tls = tonic::transport::ClientTlsConfig::new()
        .ca_certificate(tonic::transport::Certificate::from_pem(pem))
        .domain_name("localhost");
    let endpoint = Channel::from_shared(app.grpc()).unwrap().tls_config(tls).unwrap();
    let channel = endpoint.connect().await.unwrap();
    assert_eq!(code(channel.clone()).await, Code::Unauthenticated);

    let mut enroll = wire::enroll_client::EnrollClient::new(channel);
    let nonce = enroll.challenge(wire::ChallengeRequest {}).await.unwrap().into_inner().nonce;
    let machine = Machine::join(&app, "builder").await;
    let mut request = wire::RejoinRequest {
        node_id: machine.identity.node_id().to_owned(),
        nonce: nonce.clone(),
        signature: vec![7; 64],
        facts: None,
    };
    let status = enroll.rejoin(request.clone()).await.unwrap_err();
    assert_eq!(
        (status.code(), status.message()),
        (Code::Unauthenticated, "the signature does not fit the key")
    );
    request.nonce[40] ^= 1;
    let status = enroll.rejoin(request.clone()).await.unwrap_err();
    assert!(status.message().contains("nonce"), "{status:?}");
    request.nonce = nonce;
    app.advance(Duration::from_secs(61));
    let status = enroll.rejoin(request).await.unwrap_err();
    assert!(status.message().contains("older than a minute"), "{status:?}");
}

async fn another_authority_is_not_believed_on_either_side(app: TestApp) {
    let folder = tempfile::tempdir().unwrap();
    let other = Server::start(&config(&folder.path().join("other"), None), metrics()).await.unwrap();
    let there = format!("https://{}", other.grpc);

    // The token pins the authority: a stranger gets nothing of it.
    let token = token(&app, json!({})).await;
    let empty = tempfile::tempdir().unwrap();
    let joined = Identity::join(&state(&empty), &there, &token, "", &facts()).await;
    assert!(matches!(joined, Err(Error::Unreachable(..))), "{joined:?}");

    // The node's own trust.
    let machine = Machine::join(&app, "builder").await;
    let strange = Identity::load(&state(&machine.folder), &there).unwrap().unwrap();
    assert_ne!(code(strange.channel().unwrap()).await, Code::Ok);

    // The server's: a node that believes the stranger shows a certificate of ours.
    std::fs::write(machine.folder.path().join("node/ca.der"), other.app.keyring.authority().certificate())
        .unwrap();
    let forged = Identity::load(&state(&machine.folder), &there).unwrap().unwrap();
    assert_ne!(code(forged.channel().unwrap()).await, Code::Ok);
    assert!(other.stop().await);
}

async fn an_ended_certificate_is_renewed_with_the_key(app: TestApp) {
    let mut machine = Machine::join(&app, "builder").await;
    let open = machine.identity.channel().unwrap();
    assert_eq!(code(open.clone()).await, Code::Ok);
    app.advance(NODE_CERTIFICATE_LIFE + Duration::from_secs(1));
    assert_eq!(code(open).await, Code::Unauthenticated, "also on a connection that is open");
    assert_ne!(machine.call().await, Code::Ok);
    let mut newer = facts();
    newer.slots = 8;
    machine.identity.rejoin(&newer).await.unwrap();
    assert_eq!(machine.call().await, Code::Ok);
    machine.reload(&app);
    assert_eq!(machine.call().await, Code::Ok);
    let node = app.get(app.admin(), "/api/v1/nodes/builder").await.ok(200);
    assert_eq!(node["facts"]["slots"], 8);
    assert_eq!(app.count("SELECT COUNT(*) FROM node").await, 1);
}

async fn silent_connections_delay_nobody(app: TestApp) {
    let address = app.app().endpoints.grpc;
    let silent: Vec<_> = (0..60).map(|_| std::net::TcpStream::connect(address).unwrap()).collect();
    let began = Instant::now();
    Machine::join(&app, "builder").await;
    assert!(began.elapsed() < Duration::from_secs(4), "joining took {:?}", began.elapsed());
    // They are closed when their time is over.
    let last = silent.last().unwrap();
    last.set_nonblocking(true).unwrap();
    eventually("a silent connection is closed", || async {
        let mut byte = [0; 1];
        matches!(std::io::Read::read(&mut &*last, &mut byte), Ok(0)).then_some(())
    })
    .await;
}

async fn a_restart_keeps_authority_nodes_and_leases(app: TestApp) {
    let mut machine = Machine::join(&app, "builder").await;
    let ca = app.app().keyring.authority().sha256().to_owned();
    let token = token(&app, json!({})).await;
    // A node that went silent long before stays not ready.
    Machine::join(&app, "silent").await;
    app.sql("UPDATE node SET last_seen_at = 1, lease_until = 2 WHERE name = 'silent'").await;
    app.sql("UPDATE node SET lease_until = last_seen_at WHERE name = 'builder'").await;
    let app = app.restart().await;
    assert_eq!(app.app().keyring.authority().sha256(), ca);
    machine.reload(&app);
    assert_eq!(machine.call().await, Code::Ok);
    Machine::join_with(&app, &token).await.unwrap();
    let state = async |name: &str| {
        app.get(app.admin(), &format!("/api/v1/nodes/{name}")).await.ok(200)["state"].clone()
    };
    assert_eq!((state("builder").await, state("silent").await), (json!("ready"), json!("not_ready")));
}

async fn a_replica_shares_the_authority(app: TestApp) {
    let mut replica = app.replica().await;
    assert_eq!(replica.app().keyring.authority().sha256(), app.app().keyring.authority().sha256());
    let token = token(&app, json!({ "node_name": "builder" })).await;
    let mut machine = Machine::join_with(&replica, &token).await.unwrap();
    machine.reload(&app);
    assert_eq!(machine.call().await, Code::Ok);
    assert!(replica.stop().await);
}

async fn readiness_follows_the_lease_and_people_cordon(app: TestApp) {
    let machine = Machine::join(&app, "builder").await;
    let path = "/api/v1/nodes/builder";
    let mut watch = app.watch(app.admin(), "/api/v1/nodes?watch=true").await;
    watch.until(|change| change.event == "bookmark").await;
    app.advance(LEASE);
    assert_eq!(app.get(app.admin(), path).await.ok(200)["state"], "not_ready");
    let ready = app.get(app.admin(), "/api/v1/nodes?state=ready").await.ok(200);
    assert_eq!(ready["items"], json!([]));
    eventually("it is recorded", || async {
        let recorded = "SELECT COUNT(*) FROM node WHERE reported_ready";
        (app.count(recorded).await == 0).then_some(())
    })
    .await;
    let id = machine.identity.node_id().parse().unwrap();
    let mut tx = app.app().db.begin_write().await.unwrap();
    controlplane::nodes::service::renew_in(&mut tx, id, app.app().clock.now()).await.unwrap();
    app.app().db.commit(tx).await.unwrap();
    assert_eq!(app.get(app.admin(), path).await.ok(200)["state"], "ready");
    // Whoever watches hears of it, though nobody asked.
    let heard = watch.until(|change| change.data["version"] == 3).await;
    assert_eq!(heard.last().unwrap().data["state"], "ready");

    let cordoned = app.post(app.admin(), &format!("{path}/cordon"), json!({})).await.ok(200);
    assert_eq!((&cordoned["cordoned"], &cordoned["version"]), (&json!(true), &json!(4)));
    let again = app.post(app.admin(), &format!("{path}/cordon"), json!({})).await.ok(200);
    assert_eq!(again["version"], 4, "twice is like once");
    let change = watch.next().await.unwrap();
    assert_eq!((change.event.as_str(), &change.data["cordoned"]), ("modified", &json!(true)));
    let lifted = app.post(app.admin(), &format!("{path}/uncordon"), json!({})).await.ok(200);
    assert_eq!(lifted["cordoned"], false);
    app.delete(app.admin(), path).await.ok(204);
    let gone = watch.until(|change| change.event == "deleted").await;
    assert_eq!(gone.last().unwrap().data["id"], machine.identity.node_id());
}

async fn an_older_connection_gives_way(app: TestApp) {
    let machine = Machine::join(&app, "builder").await;
    let id = machine.identity.node_id().parse().unwrap();
    let connect = async |conn_seq| {
        let mut tx = app.app().db.begin_write().await.unwrap();
        let facts = controlplane::grpc::facts(Some(facts()));
        let connected =
            controlplane::nodes::service::connect_in(&mut tx, app.app(), id, conn_seq, &facts).await;
        app.app().db.commit(tx).await.unwrap();
        connected.map_err(|error| error.kind.slug())
    };
    assert_eq!(connect(2).await, Ok(()));
    assert_eq!(connect(2).await, Ok(()));
    assert_eq!(connect(1).await, Err("invalid-transition"));
    let node = app.get(app.admin(), "/api/v1/nodes/builder").await.ok(200);
    assert_eq!(node["version"], 1, "nothing new was said");
}

async fn commands_are_signed_for_one_node(app: TestApp) {
    let machine = Machine::join(&app, "builder").await;
    let mut command = wire::Command {
        session: "ses_1".into(),
        op_id: "op".into(),
        actor: "alice".into(),
        op: b"op".to_vec(),
        ..wire::Command::default()
    };
    let sign = |node: &str, command: &mut wire::Command| {
        let message = mc_proto::command_message(node, command);
        let (key_id, signature) = app.app().keyring.sign_command(&message);
        key_id.clone_into(&mut command.key_id);
        command.signature = signature;
    };
    sign(machine.identity.node_id(), &mut command);
    assert!(machine.identity.verify(&command));
    let changed = wire::Command { op: b"other".to_vec(), ..command.clone() };
    assert!(!machine.identity.verify(&changed));
    let unknown = wire::Command { key_id: "command-9".into(), ..command.clone() };
    assert!(!machine.identity.verify(&unknown));
    sign("node_other", &mut command);
    assert!(!machine.identity.verify(&command), "signed for another node");
}

async fn the_doors_are_written_down(app: TestApp) {
    let text = std::fs::read(app.data_dir().join("run/endpoints.json")).unwrap();
    let doors: Value = serde_json::from_slice(&text).unwrap();
    assert_eq!(doors["grpc"], app.grpc());
    assert_eq!(doors["http"], format!("http://{}", app.app().endpoints.http));
    assert_eq!(doors["mqtt"], app.app().endpoints.mqtt_address());
    assert_eq!(doors["pid"], std::process::id());
    assert!(doors["start_time"].as_u64().unwrap() > 0);
}

both!(
    a_machine_joins_and_is_known_from_then_on,
    a_token_is_used_once_and_repeated_by_the_same_key,
    machines_that_join_at_once_share_the_uses,
    tokens_that_ended_are_refused,
    tokens_have_limits,
    a_revoked_node_is_refused_everywhere,
    without_a_certificate_only_enroll_is_open,
    another_authority_is_not_believed_on_either_side,
    an_ended_certificate_is_renewed_with_the_key,
    silent_connections_delay_nobody,
    a_restart_keeps_authority_nodes_and_leases,
    readiness_follows_the_lease_and_people_cordon,
    an_older_connection_gives_way,
    commands_are_signed_for_one_node,
    the_doors_are_written_down,
);
both!(only postgres: a_replica_shares_the_authority);

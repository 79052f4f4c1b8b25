//! The configuration of an MQTT broker that runs elsewhere: what it lets in, and who may ask for it.

use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{CertificateError, RootCertStore};
use serde_json::{Value, json};

use crate::harness::TestApp;
use crate::nodes::Machine;

const PATH: &str = "/api/v1/system/broker-config";

fn body() -> Value {
    json!({
        "format": "mosquitto",
        "dir": "/etc/mosquitto/mc",
        "listen": "0.0.0.0:8883",
        "names": ["mqtt.example.org", "127.0.0.1"],
        "public_key": "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
    })
}

fn file<'c>(config: &'c Value, name: &str) -> &'c str {
    let files = config["files"].as_array().unwrap();
    files.iter().find(|file| file["name"] == name).unwrap()["text"].as_str().unwrap()
}

/// What a broker with this configuration asks of a client.
fn verifier(config: &Value) -> Arc<dyn ClientCertVerifier> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(file(config, "ca.crt").as_bytes()).unwrap()).unwrap();
    let revoked =
        CertificateRevocationListDer::from_pem_slice(file(config, "revoked.crl").as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
        .with_crls([revoked])
        .only_check_end_entity_revocation()
        .build()
        .unwrap()
}

async fn revoked_nodes_are_refused_and_no_others(app: TestApp) {
    let revoked = Machine::join(&app, "one").await;
    let other = Machine::join(&app, "two").await;
    let long_ago = Machine::join(&app, "three").await;
    let shown = |machine: &Machine| {
        CertificateDer::from_pem_file(machine.folder.path().join("node/node.crt")).unwrap()
    };
    let verify = |config: &Value, machine: &Machine| {
        let micros = u64::try_from(app.app().clock.now().as_micros()).unwrap();
        let now = UnixTime::since_unix_epoch(Duration::from_micros(micros));
        verifier(config).verify_client_cert(&shown(machine), &[], now)
    };
    let config = app.post(app.admin(), PATH, body()).await.ok(200);
    assert_eq!(config["revoked_nodes"], 0);
    assert!(verify(&config, &revoked).is_ok() && verify(&config, &other).is_ok());

    app.delete(app.admin(), "/api/v1/nodes/one").await.ok(204);
    let config = app.post(app.admin(), PATH, body()).await.ok(200);
    assert_eq!(config["revoked_nodes"], 1);
    let refused = verify(&config, &revoked).unwrap_err();
    assert_eq!(refused, rustls::Error::InvalidCertificate(CertificateError::Revoked));
    assert!(verify(&config, &other).is_ok());

    // A certificate that has ended by itself needs no mention.
    app.delete(app.admin(), "/api/v1/nodes/three").await.ok(204);
    app.sql("UPDATE node SET revoked_at = 1 WHERE name = 'three'").await;
    let config = app.post(app.admin(), PATH, body()).await.ok(200);
    assert_eq!(config["revoked_nodes"], 1);
    assert!(verify(&config, &long_ago).is_ok(), "what is told is when it was revoked");
    let events = app.events().await;
    let made = events.iter().filter(|event| event.envelope.action == "system.configure_broker").count();
    assert_eq!(made, 3);
}

async fn what_cannot_be_a_broker_is_refused_with_its_field(app: TestApp) {
    for (field, value, pointer) in [
        ("dir", json!("etc/mosquitto"), "/dir"),
        ("dir", json!("/etc/x\nuser root"), "/dir"),
        ("listen", json!("mqtt.example.org:8883"), "/listen"),
        ("listen", json!("0.0.0.0:0"), "/listen"),
        ("names", json!([]), "/names"),
        ("names", json!(["mqtt.example.org", "a b"]), "/names/1"),
        ("public_key", json!("d75a"), "/public_key"),
        ("public_key", json!("+f".repeat(32)), "/public_key"),
    ] {
        let mut body = body();
        body[field] = value;
        let answer = app.post(app.admin(), PATH, body).await;
        answer.problem(422, "validation");
        assert_eq!(answer.body["errors"][0]["pointer"], pointer, "{field}");
    }
    let worker = app.login_as("worker", "contributor").await;
    app.post(&worker, PATH, body()).await.problem(403, "forbidden");
    // The same request again gives the same answer, and one event.
    let key = [("idempotency-key", "k")];
    let make = || app.client.send("POST", PATH, app.admin(), &key, Some(body()));
    let first = make().await.ok(200);
    assert_eq!(make().await.ok(200), first);
    let events = app.events().await;
    let made = events.iter().filter(|event| event.envelope.action == "system.configure_broker").count();
    assert_eq!(made, 1);
}

both!(revoked_nodes_are_refused_and_no_others, what_cannot_be_a_broker_is_refused_with_its_field);

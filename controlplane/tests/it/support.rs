//! The support report: every part is there, and no secret is.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::harness::TestApp;

const PATH: &str = "/api/v1/system/support";

/// Name and text of the files of a report.
fn files(report: &Value) -> BTreeMap<String, String> {
    let text = |file: &Value, key: &str| file[key].as_str().unwrap().to_owned();
    report["files"].as_array().unwrap().iter().map(|file| (text(file, "name"), text(file, "text"))).collect()
}

/// One credential of each sort, put together here so that no tool that looks for them stops at this file.
fn planted() -> Vec<(&'static str, String)> {
    let body = "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8";
    let jwt =
        ["eyJhbGciOiJIUzI1NiJ9", "eyJzdWIiOiIxMjM0NTY3ODkwIn0", "dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P"].join(".");
    vec![
        ("missioncontrol-token", format!("mcs_{body}")),
        ("aws-access-key", format!("AK{}", "IAIOSFODNN7EXAMPLE")),
        ("github-token", format!("gh{}_{body}", 'p')),
        ("gitlab-token", format!("gl{}-{}", "pat", &body[..20])),
        ("slack-token", format!("xo{}-123456789012-123456789012-{}", "xb", &body[..24])),
        (
            "slack-webhook",
            format!("https://hooks.{}.com/services/T00000000/B00000000/{}", "slack", &body[..24]),
        ),
        ("jwt", jwt),
        ("anthropic-key", format!("sk-{}-api03-{body}", "ant")),
        ("openai-key", format!("sk-{}", &body[..32])),
        ("google-key", format!("AI{}{}", "za", &body[..35])),
        ("stripe-key", format!("sk_{}_{}", "live", &body[..24])),
        ("npm-token", format!("npm_{}", &body[..36])),
        ("pypi-token", format!("pypi-{}{body}{body}", "AgE")),
        ("huggingface-token", format!("hf_{}", &body[..34])),
    ]
}

/// A log with each of them, and with those that are known by what stands around them.
fn log(secrets: &[(&'static str, String)]) -> String {
    let mut log = String::from("INFO begin\n");
    for (_, secret) in secrets {
        writeln!(log, "WARN something failed with {secret} in it").unwrap();
        let body = format!("{{\"x\": \"{secret}\"}}");
        writeln!(log, "{}", json!({"level": "INFO", "body": body})).unwrap();
    }
    log += "INFO Authorization: Bearer Zm9vYmFyYmF6cXV4MTIz\n";
    log += "INFO connecting postgres://mc:hunter2!@db:5432/mc\n";
    log += "INFO DB_PASSWORD=correct7horse\n";
    let (begin, end) = ("-----BEGIN PRIVATE ", "-----END PRIVATE ");
    log + begin + "KEY-----\nb3BlbnNzaC1rZXktdjE\n" + end + "KEY-----\nINFO end\n"
}

async fn every_part_is_there_and_taking_it_is_in_the_ledger(app: TestApp) {
    app.mission("apollo").await;
    crate::nodes::Machine::join(&app, "builder").await;
    let before = app.events().await.len();
    let report = app.get(app.admin(), PATH).await.ok(200);
    assert_eq!(report["kind"], "support_report");
    let files = files(&report);
    let names: Vec<&str> = files.keys().map(String::as_str).collect();
    let expected = [
        "configuration.json",
        "database.json",
        "doctor.json",
        "machine.json",
        "metrics.txt",
        "nodes.json",
        "readyz.json",
        "server.json",
    ];
    assert_eq!(names, expected);
    let read = |name: &str| serde_json::from_str::<Value>(&files[name]).unwrap();
    let database = read("database.json");
    assert_eq!(database["schema"], database["newest_schema"]);
    assert_eq!((&database["rows"]["mission"], &database["rows"]["node"]), (&json!(1), &json!(1)));
    assert_eq!(read("nodes.json")[0]["name"], "builder");
    assert_eq!(read("readyz.json")["ok"], true);
    assert!(read("doctor.json")["checks"].as_array().unwrap().len() > 3);
    assert_eq!(read("server.json")["objects"], "folder");
    assert!(files["metrics.txt"].contains("mc_objects_swept_total"));
    assert!(read("machine.json")["data_disk_free_bytes"].is_string());
    let data_dir = read("configuration.json")
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["key"] == "MC_DATA_DIR")
        .cloned();
    assert_eq!(data_dir.unwrap()["source"], "option --data-dir");
    let events = app.events().await;
    let exported = events[before..].iter().filter(|event| event.envelope.action == "system.export").count();
    assert_eq!(exported, 1);

    let worker = app.login_as("worker", "contributor").await;
    app.get(&worker, PATH).await.problem(403, "forbidden");
    app.get("", PATH).await.problem(401, "unauthenticated");
    app.get(app.admin(), "/api/v1/system/supports").await.problem(404, "not-found");
}

async fn no_secret_of_any_sort_gets_out(app: TestApp) {
    let secrets = planted();
    let logs = app.data_dir().join("logs");
    std::fs::create_dir_all(&logs).unwrap();
    let own = app.admin().trim().to_owned();
    std::fs::write(logs.join("controlplane.log"), format!("{}INFO own {own}\n", log(&secrets))).unwrap();
    std::fs::write(logs.join("mesh.log.1"), "x".repeat(600 << 10) + "\n" + &log(&secrets)).unwrap();
    std::fs::write(logs.join("notes.txt"), "not a log").unwrap();
    let report = app.get(app.admin(), PATH).await.ok(200);
    let text = report.to_string();
    for (sort, secret) in &secrets {
        assert!(!text.contains(secret.as_str()), "{sort} gets out");
    }
    for rest in ["hunter2!", "correct7horse", "Zm9vYmFyYmF6", "b3BlbnNzaC1r", own.as_str(), "not a log"] {
        assert!(!text.contains(rest), "{rest} gets out");
    }
    let files = files(&report);
    assert!(files["logs/controlplane.log"].contains("INFO end"), "the rest stays");
    assert!(files["logs/mesh.log.1"].len() < 300 << 10, "only the end of a log");
    let found = |sort: &str| {
        let all = report["scrubbed"].as_array().unwrap().iter();
        all.filter(|one| one["sort"] == sort && one["file"] == "logs/controlplane.log").count()
    };
    for sort in secrets.iter().map(|(sort, _)| *sort).chain(["private-key", "known-secret", "url-password"]) {
        assert_eq!(found(sort), 1, "{sort}: {}", report["scrubbed"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_that_are_secret_are_told_by_where_they_come_from() {
    let (folder, s3) = (tempfile::tempdir().unwrap(), crate::harness::s3::S3Server::start());
    let data = folder.path().join("data");
    let (token, metrics) = ("words-of-a-bootstrap-token-of-ours", "words-of-a-token-that-reads-metrics");
    let mut command = crate::process::program(&data, None);
    command.envs(s3.variables()).env("MC_TOKEN", token).env("MC_METRICS_TOKEN", metrics);
    let (_child, client, _reader) = crate::process::serving(command).await;
    std::fs::create_dir_all(data.join("logs")).unwrap();
    let said = format!("INFO {token} {metrics} {}\n", crate::harness::s3::SECRET);
    std::fs::write(data.join("logs/controlplane.log"), said).unwrap();
    let report = client.send("GET", PATH, token, &[], None).await.ok(200);
    let text = report.to_string();
    for secret in [token, metrics, crate::harness::s3::SECRET, "the-id"] {
        assert!(!text.contains(secret), "{secret} gets out");
    }
    let settings: Value = serde_json::from_str(&files(&report)["configuration.json"]).unwrap();
    let setting =
        |key: &str| settings.as_array().unwrap().iter().find(|one| one["key"] == key).unwrap().clone();
    for secret in ["MC_TOKEN", "MC_METRICS_TOKEN", "MC_OBJECT_STORAGE_ACCESS_SECRET"] {
        assert_eq!(setting(secret), json!({"key": secret, "value": null, "source": "environment"}));
    }
    assert_eq!(setting("MC_OBJECT_STORAGE_BUCKET")["value"], crate::harness::s3::BUCKET);
}

both!(every_part_is_there_and_taking_it_is_in_the_ledger, no_secret_of_any_sort_gets_out);

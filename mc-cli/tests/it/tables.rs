//! Tables and descriptions from fixed objects.

use mc_api::Timestamp;
use mc_api::approval::Approval;
use mc_api::artifact::Artifact;
use mc_api::auth::Principal;
use mc_api::ledger::LedgerEvent;
use mc_api::mission::Mission;
use mc_api::publication::Publication;
use mc_api::task::Task;
use mc_cli::view::{self, View};
use mc_cli::{table, view::rows};

const DAY: &str = "2026-01-01T00:00:00.000000Z";

fn now() -> Timestamp {
    "2026-01-01T03:12:30.000000Z".parse().unwrap()
}

fn id(prefix: &str, n: u8) -> String {
    format!("{prefix}_0190abcd0000700080000000000000{n:02x}")
}

fn read<T: serde::de::DeserializeOwned>(text: &str) -> T {
    serde_json::from_str(text).unwrap()
}

fn mission(name: &str, description: &str) -> Mission {
    read(&format!(
        r#"{{"id":"{}","name":"{name}","description":"{description}","key_prefix":"{name}","labels":{{"team":"a"}},"annotations":{{}},"version":2,"created_by":"{}","created_at":"{DAY}","updated_at":"{DAY}"}}"#,
        id("mis", 1),
        id("prn", 1)
    ))
}

fn task(key: &str, state: &str, claim: &str) -> Task {
    read(&format!(
        r#"{{"id":"{}","key":"{key}","name":"write-parser","title":"Write the parser for manifests and make it refuse unknown members","description":"First line\nsecond line","definition_of_done":"Tests pass","mission_id":"{}","mission":"apollo","kluster_id":"{}","kluster":"guidance","parent_id":null,"state":"{state}","reason":null,"priority":50,"runtime":"scripted","capabilities":["rust"],"paths":["src/**"],"depends_on":[{{"id":"{}","key":"apollo-1","state":"done"}},{{"id":"{}","key":"apollo-2","state":"running"}}],"open_dependency_count":1,"on_dependency_failure":"block","review_gates":1,"attempt":2,"max_attempts":3,"claim":{claim},"progress_percent":40,"progress_note":"halfway","result_artifact_id":null,"result":null,"labels":{{}},"annotations":{{}},"version":7,"created_by":"{}","created_at":"{DAY}","updated_at":"{DAY}"}}"#,
        id("task", 3),
        id("mis", 1),
        id("klu", 1),
        id("task", 1),
        id("task", 2),
        id("prn", 1)
    ))
}

fn claim(lease_until: &str) -> String {
    format!(
        r#"{{"attempt":2,"principal_id":"{}","principal":"agent-of-apollo","state":"active","lease_until":"{lease_until}","claimed_at":"{DAY}"}}"#,
        id("prn", 2)
    )
}

fn approval() -> Approval {
    read(&format!(
        r#"{{"id":"{}","approval_kind":"publish","state":"approved","title":"Publish 2 artifacts of apollo","action":"{{\"artifacts\":2}}","action_sha256":"{}","execute":"on_approval","mission_id":"{}","mission":"apollo","requester_id":"{}","requester":"alice","decider_id":"{}","decider":"alice","note":"fine","self_approved":true,"decided_at":"{DAY}","expires_at":"2026-01-08T00:00:00.000000Z","outcome":null,"version":2,"created_at":"{DAY}","updated_at":"{DAY}"}}"#,
        id("apr", 1),
        "ab".repeat(32),
        id("mis", 1),
        id("prn", 1),
        id("prn", 1)
    ))
}

#[test]
fn missions() {
    let missions = [
        mission("apollo", "To the moon and back, within the decade, and with everybody alive"),
        mission("b", ""),
    ];
    insta::assert_snapshot!("missions", rows(&missions, now(), false));
    insta::assert_snapshot!("missions_wide", rows(&missions, now(), true));
    insta::assert_snapshot!("mission_yaml", view::yaml(&missions[0]).unwrap());
}

#[test]
fn tasks() {
    let tasks = [
        task("apollo-3", "running", &claim("2026-01-01T03:13:30.000000Z")),
        task("apollo-400", "pending", "null"),
    ];
    insta::assert_snapshot!("tasks", rows(&tasks, now(), false));
    insta::assert_snapshot!("tasks_wide", rows(&tasks, now(), true));
    insta::assert_snapshot!("task_described", table::fields(&tasks[0].fields(now())));
    insta::assert_snapshot!("task_yaml", view::yaml(&tasks[0]).unwrap());
    let late = task("apollo-3", "running", &claim("2026-01-01T03:12:00.000000Z"));
    assert!(table::fields(&late.fields(now())).contains("lease ended 30s ago"));
}

#[test]
fn the_record() {
    let artifact: Artifact = read(&format!(
        r#"{{"id":"{}","name":"report.md","mission_id":"{}","mission":"apollo","task_id":null,"media_type":"text/markdown","sha256":"{}","size_bytes":15360,"labels":{{}},"version":1,"created_by":"{}","created_at":"{DAY}","updated_at":"{DAY}"}}"#,
        id("art", 1),
        id("mis", 1),
        "cd".repeat(32),
        id("prn", 1)
    ));
    let publication: Publication = read(&format!(
        r#"{{"id":"{}","state":"published","mission_id":"{}","mission":"apollo","message":"Report of the first week","artifacts":["{}"],"approval_id":"{}","commit":"0123456789012345678901234567890123456789","requester_id":"{}","version":3,"created_at":"{DAY}","updated_at":"{DAY}"}}"#,
        id("bat", 1),
        id("mis", 1),
        id("art", 1),
        id("apr", 1),
        id("prn", 1)
    ));
    let principal: Principal = read(&format!(
        r#"{{"id":"{}","name":"alice","principal_kind":"user","role":"contributor","mission_roles":[],"version":1,"created_at":"{DAY}"}}"#,
        id("prn", 1)
    ));
    let event: LedgerEvent = read(&format!(
        r#"{{"id":"{}","seq":12,"action":"publication.publish","subject_kind":"publication","subject_id":"{}","mission_id":"{}","principal_id":"{}","request_id":"r","occurred_at":"{DAY}","body_sha256":"{z}","prev":"{z}","hash":"{z}"}}"#,
        id("evt", 1),
        id("bat", 1),
        id("mis", 1),
        id("prn", 1),
        z = "0".repeat(64)
    ));
    let approval = approval();
    let all = [
        rows(&[artifact], now(), false),
        rows(std::slice::from_ref(&approval), now(), false),
        rows(&[publication], now(), false),
        rows(&[principal], now(), false),
        view::events(&[event], now(), false),
    ];
    insta::assert_snapshot!("record", all.join("\n"));
    insta::assert_snapshot!("approval_described", table::fields(&approval.fields(now())));
    for line in all.iter().flat_map(|text| text.lines()) {
        assert!(line.chars().count() <= table::WIDTH, "{line}");
    }
}

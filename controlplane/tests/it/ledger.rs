//! The chain: dense, sealed, verifiable, also under load and with two control planes.

use serde_json::json;

use crate::harness::{TestApp, eventually};

/// Missions written by many writers at once.
async fn load(apps: &[&TestApp], writers: u32, each: u32) {
    let tasks = (0..writers).map(|writer| async move {
        let app = apps[writer as usize % apps.len()];
        for n in 0..each {
            let body = json!({ "name": format!("m-{writer}-{n}") });
            app.post(app.admin(), "/api/v1/missions", body).await.ok(201);
        }
    });
    futures_util::future::join_all(tasks).await;
}

async fn the_sequence_is_dense_under_concurrent_writers(app: TestApp) {
    load(&[&app], 16, 8).await;
    let events = app.events().await;
    assert!(events.iter().zip(1..).all(|(event, seq)| event.seq == seq));
    assert_eq!(events.iter().filter(|event| event.envelope.action == "mission.create").count(), 128);
    let head = app.get(app.admin(), "/api/v1/ledger/head").await.ok(200);
    // The export itself was ledgered after what it shows.
    assert_eq!(app.sealed().await, i64::try_from(events.len()).unwrap() + 1, "{head}");
}

async fn an_event_lists_as_it_is_exported(app: TestApp) {
    load(&[&app], 2, 3).await;
    let exported = app.events().await;
    let listed = app.get(app.admin(), "/api/v1/ledger/events?limit=500&action=mission.create").await.ok(200);
    for event in listed["items"].as_array().unwrap() {
        let seq = usize::try_from(event["seq"].as_u64().unwrap()).unwrap();
        let same = &exported[seq - 1];
        assert_eq!(event["hash"], same.hash.to_string());
        assert_eq!(event["body"], *same.body.as_ref().unwrap());
        assert_eq!(event["occurred_at"], *same.envelope.occurred_at);
    }
    assert_eq!(listed["items"].as_array().unwrap().len(), 6);
}

async fn a_changed_byte_in_the_database_is_found_and_named(app: TestApp) {
    load(&[&app], 2, 5).await;
    let events = app.events().await;
    let victim = &events[4];
    let at = format!("WHERE seq = {}", victim.seq);
    let flip = |hex: &str| format!("{}{}", if hex.starts_with('0') { '1' } else { '0' }, &hex[1..]);
    let changes = [
        ("body", victim.body.as_ref().unwrap().replacen(':', ": ", 1), victim.body.clone().unwrap()),
        ("action", "mission.creatf".into(), victim.envelope.action.clone()),
        ("request_id", "x".into(), victim.envelope.request_id.clone()),
        ("subject_id", "mis_0".into(), victim.envelope.subject_id.clone()),
        ("body_sha256", flip(&victim.body_sha256.to_string()), victim.body_sha256.to_string()),
        ("prev", flip(&victim.prev.to_string()), victim.prev.to_string()),
        ("hash", flip(&victim.hash.to_string()), victim.hash.to_string()),
    ];
    for (column, changed, right) in changes {
        app.sql(&format!("UPDATE ledger_event SET {column} = '{changed}' {at}")).await;
        let export = app.export().await;
        let fault = mc_ledger::verify_lines(export.lines()).fault.expect(column);
        assert_eq!(fault.seq, Some(victim.seq), "{column}: {fault}");
        app.sql(&format!("UPDATE ledger_event SET {column} = '{right}' {at}")).await;
        app.events().await;
    }
    app.sql(&format!("UPDATE ledger_event SET occurred_at = occurred_at + 1 {at}")).await;
    let export = app.export().await;
    assert_eq!(mc_ledger::verify_lines(export.lines()).fault.unwrap().seq, Some(victim.seq));
    app.sql(&format!("DELETE FROM ledger_event {at}")).await;
    let export = app.export().await;
    assert_eq!(mc_ledger::verify_lines(export.lines()).fault.unwrap().seq, Some(victim.seq + 1));
}

async fn what_waits_unsealed_is_sealed(mut app: TestApp) {
    load(&[&app], 1, 3).await;
    let sealed = app.sealed().await;
    app.stop().await;
    // As a crash between commit and seal leaves it on Postgres, and a foreign hand on SQLite: more than one batch.
    let copy = "INSERT INTO ledger_event (event_id, organization_id, action, subject_kind, subject_id, principal_id,
        request_id, occurred_at, body, body_sha256)
        SELECT NEW_ID, organization_id, 'test.event', 'test', 'x', principal_id, 'r', occurred_at, body, body_sha256
        FROM ledger_event, SERIES WHERE seq = 1";
    let (id, series) = match app.database {
        crate::harness::Database::Sqlite => (
            "randomblob(16)",
            "(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 700) SELECT i FROM n)",
        ),
        crate::harness::Database::Postgres => ("gen_random_uuid()", "generate_series(1, 700)"),
    };
    app.sql(&copy.replace("NEW_ID", id).replace("SERIES", series)).await;
    let app = app.revive().await;
    app.mission("the-next-write").await;
    assert_eq!(app.sealed().await, sealed + 701);
    let events = app.events().await;
    assert_eq!(events.iter().filter(|event| event.envelope.action == "test.event").count(), 700);
}

async fn a_restart_goes_on_with_the_chain(app: TestApp) {
    load(&[&app], 4, 3).await;
    let before = app.events().await;
    let app = app.restart().await;
    app.mission("after").await;
    let after = app.events().await;
    assert_eq!(after[..before.len()], before);
}

async fn two_control_planes_share_one_chain(app: TestApp) {
    let second = app.replica().await;
    let mut watch = second.watch(second.admin(), "/api/v1/missions?watch=true").await;
    watch.until(|change| change.event == "bookmark").await;
    let apps = [&app, &second];
    let ((), seen) = tokio::join!(load(&apps, 12, 10), async {
        let mut names = std::collections::BTreeSet::new();
        let mut last = 0;
        while names.len() < 120 {
            let change = watch.next().await.expect("the watch goes on");
            assert!(change.id > last, "positions ascend");
            last = change.id;
            assert!(names.insert(change.data["name"].as_str().unwrap().to_owned()), "told twice: {change:?}");
        }
        names
    });
    assert_eq!(seen.len(), 120);
    let (one, two) = (app.events().await, second.events().await);
    assert_eq!(two[..one.len()], one);
    assert_eq!(two.iter().filter(|event| event.envelope.action == "mission.create").count(), 120);

    // Each of both seals alone when the other is gone.
    let mut app = app;
    assert!(app.stop().await);
    second.mission("alone").await;
    assert!(second.events().await.len() > two.len());
}

async fn an_export_leaves_a_trace(app: TestApp) {
    app.export().await;
    eventually("the export is listed", || async {
        let page = app.get(app.admin(), "/api/v1/ledger/events?action=ledger.export").await.ok(200);
        (page["items"].as_array().unwrap().len() == 1).then_some(())
    })
    .await;
}

/// The `seq` of all events of a list, page by page.
async fn walked(app: &TestApp, token: &str, query: &str) -> Vec<i64> {
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = app.get(token, &format!("/api/v1/ledger/events?{query}{cursor}")).await.ok(200);
        seen.extend(page["items"].as_array().unwrap().iter().map(|event| event["seq"].as_i64().unwrap()));
        let Some(next) = page["next_cursor"].as_str() else { return seen };
        cursor = format!("&cursor={next}");
    }
}

async fn the_newest_come_first_and_filters_find_what_they_name(app: TestApp) {
    load(&[&app], 3, 4).await;
    let anna = app.login_as("anna", "contributor").await;
    let mission = app.post(&anna, "/api/v1/missions", json!({ "name": "annas" })).await.ok(201);
    let head = app.sealed().await;
    let whole: Vec<i64> = (1..=head).collect();
    assert_eq!(walked(&app, app.admin(), "limit=3").await, whole);
    let backwards: Vec<i64> = whole.iter().rev().copied().collect();
    assert_eq!(walked(&app, app.admin(), "limit=3&order=desc").await, backwards);
    let middle = walked(&app, app.admin(), "limit=2&order=desc&after=3&before=8").await;
    assert_eq!(middle, [7, 6, 5, 4]);

    let newest = app.get(app.admin(), "/api/v1/ledger/events?order=desc&limit=1").await.ok(200);
    let event = &newest["items"][0];
    assert_eq!((&event["action"], &event["principal"]), (&json!("mission.create"), &json!("anna")));
    let at = event["occurred_at"].as_str().unwrap();
    let id = event["principal_id"].as_str().unwrap();
    for by in ["anna", id] {
        for order in ["asc", "desc"] {
            let query = format!("order={order}&actor={by}&subject_kind=mission&limit=1");
            assert_eq!(walked(&app, app.admin(), &query).await, [head], "{query}");
        }
    }
    assert_eq!(walked(&app, app.admin(), &format!("since={at}&action=mission.create")).await, [head]);
    let older = walked(&app, app.admin(), &format!("until={at}&order=desc")).await;
    assert_eq!(older, backwards[1..]);
    let kinds = walked(&app, app.admin(), "action=mission.create,principal.manage&order=desc").await;
    assert_eq!(kinds.len(), 14, "12 and one missions, one principal: {kinds:?}");
    let of_mission = format!("mission={}&order=desc", mission["id"].as_str().unwrap());
    assert_eq!(walked(&app, &anna, &of_mission).await, [head]);

    // A cursor is good for its own list and order only.
    let first = app.get(app.admin(), "/api/v1/ledger/events?limit=2").await.ok(200);
    let cursor = first["next_cursor"].as_str().unwrap();
    let path = format!("/api/v1/ledger/events?limit=2&order=desc&cursor={cursor}");
    app.get(app.admin(), &path).await.problem(400, "invalid-cursor");
    for bad in ["order=up", "since=yesterday", "action=", "action=a,,b", "before=x"] {
        let answer = app.get(app.admin(), &format!("/api/v1/ledger/events?{bad}")).await;
        assert!(matches!(answer.status, 400 | 422), "{bad}: {}", answer.text);
        let name = bad.split('=').next().unwrap();
        assert!(answer.text.contains(name), "{bad}: {}", answer.text);
    }
    app.get(app.admin(), "/api/v1/ledger/events?actor=nobody-is-called-so").await.problem(404, "not-found");
}

async fn a_mission_member_looks_up_no_stranger_by_name(app: TestApp) {
    let mission = app.mission("inner").await;
    app.login_as("stranger", "admin").await;
    let ben = app.login_in("ben", mission["name"].as_str().unwrap(), "viewer").await;
    let answer = app.get(&ben, "/api/v1/ledger/events?actor=stranger").await;
    answer.problem(404, "not-found");
    app.get(&ben, "/api/v1/ledger/events?actor=no-such-name").await.problem(404, "not-found");
}

async fn what_is_rare_is_found_a_stretch_at_a_time(app: TestApp) {
    app.mission("rare").await;
    let before = app.sealed().await;
    // Sealed by a foreign hand: the chain is not what is looked at here.
    let copy =
        "INSERT INTO ledger_event (event_id, organization_id, action, subject_kind, subject_id, principal_id,
        request_id, occurred_at, body, body_sha256, seq, prev, hash)
        SELECT NEW_ID, e.organization_id, 'test.event', 'test', 'x', e.principal_id, 'r', e.occurred_at, '{}',
               e.body_sha256, 1000000 + n.i, e.prev, e.hash
        FROM ledger_event e, SERIES WHERE e.seq = 1";
    let (id, series) = match app.database {
        crate::harness::Database::Sqlite => (
            "randomblob(16)",
            "(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 120000) SELECT i FROM n) n",
        ),
        crate::harness::Database::Postgres => ("gen_random_uuid()", "generate_series(1, 120000) AS n(i)"),
    };
    let copy = copy.replace("NEW_ID", id).replace("SERIES", series).replace("1000000", &before.to_string());
    app.sql(&copy).await;
    app.sql(&format!("UPDATE ledger_head SET seq = {}", before + 120_000)).await;
    let made = walked(&app, app.admin(), "action=mission.create").await;
    assert_eq!(made.len(), 1);
    assert_eq!(walked(&app, app.admin(), "action=mission.create&order=desc&limit=1").await, made);
    let first = app.get(app.admin(), "/api/v1/ledger/events?action=mission.create&order=desc").await.ok(200);
    assert_eq!(first["items"], json!([]));
    assert!(first["next_cursor"].is_string(), "a short page goes on: {first}");
}

both!(
    the_newest_come_first_and_filters_find_what_they_name,
    a_mission_member_looks_up_no_stranger_by_name,
    what_is_rare_is_found_a_stretch_at_a_time,
    the_sequence_is_dense_under_concurrent_writers,
    an_event_lists_as_it_is_exported,
    a_changed_byte_in_the_database_is_found_and_named,
    what_waits_unsealed_is_sealed,
    a_restart_goes_on_with_the_chain,
    an_export_leaves_a_trace,
);
both!(only postgres: two_control_planes_share_one_chain);

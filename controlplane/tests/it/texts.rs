//! Overlap of docs and artifacts: found before they are written, through every door, and never shown to strangers.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Answer, TestApp, eventually};

const TITLE: &str = "How uploads are retried";
const TEXT: &str = "# Retries\n\nUploads fail for good when the object store times out once. We retry them with \
    back-off, at most five times, and give up with an alert to the storage team.\n";
/// The same knowledge in other words.
const SAME: &str = "Retrying uploads";
const SAME_TEXT: &str = "# Upload retries\n\nWhen the object store times out, an upload fails for good. It is retried \
    up to five times with backoff; then the storage team is alerted.\n";
const OTHER: &str = "Invoices in Portuguese";
const OTHER_TEXT: &str = "The template of the invoice is translated by the agency in Lisbon every spring.\n";

async fn place(app: &TestApp, mission: &str) {
    app.mission(mission).await;
    app.post(app.admin(), "/api/v1/klusters", json!({ "mission": mission, "name": "work" })).await.ok(201);
}

fn doc(mission: &str, name: &str, title: &str, content: &str) -> Value {
    json!({ "mission": mission, "kluster": "work", "name": name, "title": title, "content": content })
}

async fn make(app: &TestApp, token: &str, body: &Value) -> Answer {
    app.post(token, "/api/v1/docs", body.clone()).await
}

async fn tool(app: &TestApp, token: &str, name: &str, arguments: Value) -> Answer {
    app.post(token, "/mcp/call", json!({ "tool": name, "arguments": arguments })).await
}

async fn store(app: &TestApp, token: &str, name: &str, text: &str) -> Answer {
    tool(app, token, "create_artifact", json!({ "mission": "apollo", "name": name, "text": text })).await
}

async fn policy(app: &TestApp, mission: &str, mode: &str) {
    let body = json!({ "overlap_policy": { "mode": mode } });
    app.patch(app.admin(), &format!("/api/v1/missions/{mission}"), body).await.ok(200);
}

fn candidates(answer: &Value) -> Vec<String> {
    let found = answer["overlap_suggestions"].as_array().unwrap().iter();
    found.map(|found| found["candidate"]["key"].as_str().unwrap().to_owned()).collect()
}

fn id(object: &Value) -> &str {
    object["id"].as_str().unwrap()
}

async fn overlaps(app: &TestApp, token: &str, query: &str) -> Vec<Value> {
    let page = app.get(token, &format!("/api/v1/overlaps?{query}")).await.ok(200);
    page["items"].as_array().unwrap().clone()
}

async fn written(app: &TestApp) -> [i64; 4] {
    [
        app.count("SELECT COUNT(*) FROM doc_version").await,
        app.count("SELECT COUNT(*) FROM artifact WHERE deleted_at IS NULL").await,
        app.count("SELECT COUNT(*) FROM search_document").await,
        app.count("SELECT COUNT(*) FROM overlap_suggestion").await,
    ]
}

async fn texts_answer_with_what_they_overlap(app: TestApp) {
    place(&app, "apollo").await;
    let task = json!({ "mission": "apollo", "kluster": "work", "title": TITLE, "description": TEXT });
    app.post(app.admin(), "/api/v1/tasks", task.clone()).await.ok(201);
    let first = make(&app, app.admin(), &doc("apollo", "retries", TITLE, TEXT)).await.ok(201);
    assert_eq!(first["overlap_suggestions"], json!([]), "a task and a doc of the same words are no overlap");
    make(&app, app.admin(), &doc("apollo", "invoices", OTHER, OTHER_TEXT)).await.ok(201);

    let before = (written(&app).await, app.sealed().await);
    let check = json!({ "mission": "apollo", "kind": "doc", "title": SAME, "description": SAME_TEXT });
    let check = app.post(app.admin(), "/api/v1/overlap/check", check).await.ok(200);
    assert_eq!(check["suggestions"][0]["candidate"]["id"], first["id"], "{check}");
    assert_eq!(check["suggestions"].as_array().unwrap().len(), 1, "{check}");
    assert_eq!((written(&app).await, app.sealed().await), before, "a check changes nothing");
    // For tasks nothing changed: a kluster is needed, and docs are no candidates.
    let mut of_task = task;
    let found = app.post(app.admin(), "/api/v1/overlap/check", of_task.clone()).await.ok(200);
    assert!(found["suggestions"].as_array().unwrap().iter().all(|s| s["candidate"]["kind"] == "task"));
    of_task.as_object_mut().unwrap().remove("kluster");
    app.post(app.admin(), "/api/v1/overlap/check", of_task).await.problem(422, "validation");

    let second = make(&app, app.admin(), &doc("apollo", "again", SAME, SAME_TEXT)).await.ok(201);
    assert_eq!(candidates(&second), ["retries"]);
    assert_eq!(second["overlap_suggestions"][0]["score"], check["suggestions"][0]["score"]);
    for query in ["doc=retries&mission=apollo".to_owned(), format!("doc={}", id(&second))] {
        let kept = overlaps(&app, app.admin(), &query).await;
        assert_eq!((kept.len(), &kept[0]["subject"]["id"]), (1, &second["id"]), "{query}");
    }
    // A new version is compared as a new doc is.
    let body = json!({ "base_version": 1, "content": TEXT, "title": TITLE });
    let path = "/api/v1/docs/invoices/versions?mission=apollo&kluster=work";
    let mut found = candidates(&app.post(app.admin(), path, body).await.ok(200));
    found.sort();
    assert_eq!(found, ["again", "retries"]);

    // Artifacts: told of docs, and refused by neither under this policy.
    let stored = store(&app, app.admin(), "retries.md", SAME_TEXT).await.ok(200);
    assert!(candidates(&stored["result"]).contains(&"again".to_owned()), "{stored}");
    let twin = store(&app, app.admin(), "upload-retries.md", SAME_TEXT).await.ok(200);
    assert!(candidates(&twin["result"]).contains(&"retries.md".to_owned()), "{twin}");
    let query = format!("artifact={}", id(&twin["result"]));
    assert!(!overlaps(&app, app.admin(), &query).await.is_empty());
    let suggestions =
        tool(&app, app.admin(), "get_overlap_suggestions", json!({ "artifact_id": twin["result"]["id"] }));
    assert!(!suggestions.await.ok(200)["result"]["items"].as_array().unwrap().is_empty());
    // Bytes that are no text, and texts of the same name about something else.
    let binary = json!({ "mission": "apollo", "name": "photo.png", "content_base64": "iVBORw0KGgoAAAAN" });
    for _ in 0..2 {
        let stored = tool(&app, app.admin(), "create_artifact", binary.clone()).await.ok(200);
        assert_eq!(stored["result"]["overlap_suggestions"], json!([]));
    }
}

/// Each door, with what it would write: refused until the overlapping text is named.
async fn a_policy_holds_at_every_door(app: TestApp) {
    place(&app, "apollo").await;
    make(&app, app.admin(), &doc("apollo", "retries", TITLE, TEXT)).await.ok(201);
    make(&app, app.admin(), &doc("apollo", "invoices", OTHER, OTHER_TEXT)).await.ok(201);
    store(&app, app.admin(), "retries.md", TEXT).await.ok(200);
    let load = json!({ "mission": "apollo", "kluster": "work" });
    let workspace = app.post(app.admin(), "/api/v1/workspaces", load).await.ok(201);
    policy(&app, "apollo", "require_ack").await;
    let before = written(&app).await;

    let commit = format!("/api/v1/workspaces/{}/commit", id(&workspace["workspace"]));
    let change = |path: &str| json!({ "changes": [{ "path": path, "op": "create", "text": TEXT }] });
    let update = json!({ "base_version": 1, "content": TEXT, "title": TITLE });
    let versions = "/api/v1/docs/invoices/versions?mission=apollo&kluster=work";
    let call = |tool: &str, arguments: Value| json!({ "tool": tool, "arguments": arguments });
    let mut tool_update = update.clone();
    tool_update["doc"] = json!("invoices");
    tool_update["mission"] = json!("apollo");
    let mut tool_commit = change("docs/copy.md");
    tool_commit["workspace"] = workspace["workspace"]["id"].clone();
    let doors = [
        ("/api/v1/docs", doc("apollo", "copy", TITLE, TEXT), "retries"),
        (versions, update, "retries"),
        (commit.as_str(), change("docs/copy.md"), "retries"),
        (commit.as_str(), change("artifacts/copy.md"), "retries.md"),
        ("/mcp/call", call("create_doc", doc("apollo", "copy", TITLE, TEXT)), "retries"),
        ("/mcp/call", call("update_doc", tool_update), "retries"),
        ("/mcp/call", call("commit_kluster_workspace", tool_commit), "retries"),
        (
            "/mcp/call",
            call("create_artifact", json!({ "mission": "apollo", "name": "copy.md", "text": TEXT })),
            "retries.md",
        ),
    ];
    for (path, body, named) in doors {
        let refused = app.post(app.admin(), path, body.clone()).await;
        let detail = refused.problem(409, "overlap-unacknowledged");
        assert!(detail.contains(named), "{path}: {detail}");
        assert_eq!(refused.body["overlap_suggestions"][0]["candidate"]["key"], named);
        let mut other = body;
        let at = if path == "/mcp/call" { &mut other["arguments"] } else { &mut other };
        at["acknowledge_overlap"] = json!(["invoices", "absent"]);
        app.post(app.admin(), path, other).await.problem(409, "overlap-unacknowledged");
    }
    let upload = |named: &str| {
        let path = format!("/api/v1/artifacts?mission=apollo&name=copy.json{named}");
        let app = &app;
        async move { app.post(app.admin(), &path, json!({ "text": TEXT })).await }
    };
    assert_eq!(written(&app).await, before, "a refusal leaves nothing behind");
    upload("").await.problem(409, "overlap-unacknowledged");
    upload("&acknowledge_overlap=retries.md").await.ok(201);
    upload("&acknowledge_overlap=retries.md").await.problem(409, "overlap-unacknowledged");
    upload("&acknowledge_overlap=copy.json,retries.md").await.ok(201);

    let mut again = doc("apollo", "copy", TITLE, TEXT);
    again["acknowledge_overlap"] = json!(["retries"]);
    let made = make(&app, app.admin(), &again).await.ok(201);
    let of_doc = made["overlap_suggestions"].as_array().unwrap().iter();
    let of_doc: Vec<_> = of_doc.filter(|s| s["candidate"]["kind"] == "doc").collect();
    assert_eq!((of_doc.len(), &of_doc[0]["acknowledged"]), (1, &json!(true)));
    // A title alone is compared too.
    let path = "/api/v1/docs/copy?mission=apollo&kluster=work";
    app.patch(app.admin(), path, json!({ "title": "Retries of uploads" }))
        .await
        .problem(409, "overlap-unacknowledged");
    app.patch(app.admin(), path, json!({ "labels": { "a": "b" } })).await.ok(200);

    policy(&app, "apollo", "block").await;
    again["name"] = json!("third");
    again["acknowledge_overlap"] = json!(["retries", "copy"]);
    make(&app, app.admin(), &again).await.problem(409, "overlap-blocked");
    // What only moves does not overlap itself, and keystones are one of their kind in each place.
    let moved = json!({ "changes": [
        { "path": "docs/moved.md", "op": "create", "text": OTHER_TEXT },
        { "path": "docs/invoices.md", "op": "delete" },
    ] });
    app.post(app.admin(), &commit, moved).await.ok(200);
    for name in ["one", "two"] {
        app.post(app.admin(), "/api/v1/klusters", json!({ "mission": "apollo", "name": name })).await.ok(201);
        app.post(app.admin(), "/api/v1/keystones", json!({ "mission": "apollo", "kluster": name }))
            .await
            .ok(200);
    }
}

async fn a_suggestion_of_texts_has_a_life(app: TestApp) {
    place(&app, "apollo").await;
    make(&app, app.admin(), &doc("apollo", "retries", TITLE, TEXT)).await.ok(201);
    let second = make(&app, app.admin(), &doc("apollo", "again", SAME, SAME_TEXT)).await.ok(201);
    let overlap = id(&second["overlap_suggestions"][0]).to_owned();
    let state = async || {
        let found = app.get(app.admin(), &format!("/api/v1/overlaps/{overlap}")).await.ok(200);
        found["state"].as_str().unwrap().to_owned()
    };
    let path = "/api/v1/docs/retries/versions?mission=apollo&kluster=work";
    // Either side that goes another way ends it, and brings it back when it returns.
    let other = json!({ "base_version": 1, "content": OTHER_TEXT, "title": OTHER });
    app.post(app.admin(), path, other).await.ok(200);
    assert_eq!(state().await, "expired");
    let back = json!({ "base_version": 2, "content": TEXT, "title": TITLE });
    assert_eq!(candidates(&app.post(app.admin(), path, back).await.ok(200)).len(), 1);
    assert_eq!(state().await, "open");

    let at = |id: &str, verb: &str| format!("/api/v1/overlaps/{id}/{verb}");
    let wait = app.post(app.admin(), &at(&overlap, "accept"), json!({ "as": "wait" })).await;
    wait.problem(422, "validation");
    let merged = app.post(app.admin(), &at(&overlap, "accept"), json!({ "as": "merge" })).await.ok(200);
    assert_eq!((&merged["state"], &merged["resolution"]), (&json!("accepted"), &json!("merge")));
    app.get(app.admin(), &format!("/api/v1/docs/{}", id(&second))).await.ok(200);

    let third = make(&app, app.admin(), &doc("apollo", "third", TITLE, TEXT)).await.ok(201);
    let dismissed = id(&third["overlap_suggestions"][0]).to_owned();
    let reason = json!({ "reason": "another store" });
    let done = app.post(app.admin(), &at(&dismissed, "dismiss"), reason).await.ok(200);
    assert_eq!(done["state"], "dismissed");
    app.delete(app.admin(), "/api/v1/docs/third?mission=apollo&kluster=work").await.ok(204);
    assert_eq!(app.count("SELECT COUNT(*) FROM overlap_suggestion WHERE state = 'open'").await, 0);

    let stored = store(&app, app.admin(), "a.md", OTHER_TEXT).await.ok(200);
    let twin = store(&app, app.admin(), "b.md", OTHER_TEXT).await.ok(200);
    assert_eq!(
        overlaps(&app, app.admin(), &format!("artifact={}&state=open", id(&twin["result"]))).await.len(),
        1
    );
    app.delete(app.admin(), &format!("/api/v1/artifacts/{}", id(&stored["result"]))).await.ok(204);
    assert_eq!(app.count("SELECT COUNT(*) FROM overlap_suggestion WHERE state = 'open'").await, 0);
    assert_eq!(controlplane::overlap::reconcile::sweep(app.app()).await.unwrap(), 0);
}

async fn a_stranger_learns_nothing_of_texts(app: TestApp) {
    place(&app, "secret").await;
    place(&app, "open").await;
    let hidden = make(&app, app.admin(), &doc("secret", "retries", TITLE, TEXT)).await.ok(201);
    let put = json!({ "mission": "secret", "name": "retries.md", "text": TEXT });
    let artifact = tool(&app, app.admin(), "create_artifact", put).await.ok(200);
    for mode in ["suggest", "require_ack", "block"] {
        policy(&app, "open", mode).await;
        let guest = app.login_in(&format!("guest-{}", &mode[..5]), "open", "contributor").await;
        for kind in ["doc", "artifact"] {
            let check = json!({ "mission": "open", "kind": kind, "title": TITLE, "description": TEXT });
            let check = app.post(&guest, "/api/v1/overlap/check", check).await.ok(200);
            assert_eq!((&check["suggestions"], &check["decision"]), (&json!([]), &json!("allow")), "{mode}");
        }
        let made = make(&app, &guest, &doc("open", "mine", TITLE, TEXT)).await.ok(201);
        assert_eq!(made["overlap_suggestions"], json!([]));
        let put = json!({ "mission": "open", "name": "mine.md", "text": TEXT });
        let stored = tool(&app, &guest, "create_artifact", put).await.ok(200);
        let known = candidates(&stored["result"]);
        assert!(known.iter().all(|name| name == "mine"), "{known:?}");
        // Naming what may not be read is no different from naming nothing.
        let mut naming = doc("open", "other", OTHER, OTHER_TEXT);
        naming["acknowledge_overlap"] = json!([hidden["id"], "retries"]);
        make(&app, &guest, &naming).await.ok(201);
        for hidden in [id(&hidden), id(&artifact["result"])] {
            for path in ["/api/v1/overlaps", "/api/v1/ledger/events?mission=open&limit=500"] {
                let seen = app.get(&guest, path).await.ok(200).to_string();
                assert!(!seen.contains(hidden), "{path}: {seen}");
            }
        }
        app.get(&guest, &format!("/api/v1/overlaps?doc={}", id(&hidden))).await.problem(404, "not-found");
        let of = format!("/api/v1/overlaps?artifact={}", id(&artifact["result"]));
        app.get(&guest, &of).await.problem(404, "not-found");
        let check = json!({ "mission": "secret", "kind": "doc", "title": TITLE });
        app.post(&guest, "/api/v1/overlap/check", check).await.problem(404, "not-found");
        for name in ["mine", "other"] {
            app.delete(app.admin(), &format!("/api/v1/docs/{name}?mission=open&kluster=work")).await.ok(204);
        }
        app.delete(app.admin(), &format!("/api/v1/artifacts/{}", id(&stored["result"]))).await.ok(204);
    }
}

/// The same knowledge as several agents word it: title and text.
const WORDINGS: [[(&str, &str); 4]; 8] = [
    [
        (
            "Restoring backups",
            "To restore a backup, stop the writers, load the newest dump and replay the log up to the crash.",
        ),
        (
            "How to restore backups",
            "Restore backups like this: stop all writers, load the newest dump, replay the log up to the crash.",
        ),
        (
            "Backups: restoring them",
            "Restoring: the writers are stopped, the newest dump is loaded, the log is replayed up to the crash.",
        ),
        (
            "Restore a backup",
            "Stop the writers. Load the newest dump. Replay the log up to the crash. The backup is restored.",
        ),
    ],
    [
        (
            "Signing keys rotate",
            "The signing keys of the webhook sender rotate every month; old keys verify for two weeks.",
        ),
        (
            "Rotation of signing keys",
            "Every month the webhook sender's signing keys are rotated, and old keys verify for two weeks.",
        ),
        (
            "Rotating the signing keys",
            "Webhook sender: signing keys are rotated every month, the old keys verify for two weeks more.",
        ),
        (
            "Signing key rotation",
            "We rotate the signing keys of the webhook sender every month. Old keys verify two weeks.",
        ),
    ],
    [
        (
            "Audit log pagination",
            "The audit log endpoint is paginated by keyset cursors of at most 500 rows per page.",
        ),
        (
            "Paginating the audit log",
            "Pages of the audit log endpoint use keyset cursors, with at most 500 rows per page.",
        ),
        (
            "Pagination of the audit log",
            "The endpoint of the audit log has keyset cursors and pages of at most 500 rows.",
        ),
        (
            "Pages of the audit log",
            "Audit log endpoint: keyset cursors, at most 500 rows per page, paginated.",
        ),
    ],
    [
        (
            "Avatar images",
            "Avatar images are compressed to 64 kilobytes in the browser before they are uploaded.",
        ),
        (
            "Compressing avatar images",
            "Before the upload the browser compresses avatar images to 64 kilobytes.",
        ),
        (
            "Images of avatars",
            "The browser compresses each avatar image to 64 kilobytes before it is uploaded.",
        ),
        (
            "Avatar image compression",
            "In the browser, avatar images are compressed to 64 kilobytes before upload.",
        ),
    ],
    [
        (
            "Postgres in staging",
            "Staging runs Postgres 16 on two machines with streaming replication and nightly dumps.",
        ),
        (
            "Staging's Postgres",
            "Postgres 16 runs on two machines in staging, with streaming replication and nightly dumps.",
        ),
        (
            "The Postgres of staging",
            "In staging two machines run Postgres 16: streaming replication, nightly dumps.",
        ),
        (
            "Staging Postgres",
            "Two staging machines run Postgres 16 with nightly dumps and streaming replication.",
        ),
    ],
    [
        (
            "Flaky websocket test",
            "The websocket reconnect test is flaky because the server closes sockets before the ping timer.",
        ),
        (
            "Websocket test is flaky",
            "The websocket reconnect test is flaky, since the server closes sockets before the ping timer.",
        ),
        (
            "Why the websocket test flakes",
            "The server closes sockets before the ping timer, so the websocket reconnect test is flaky.",
        ),
        (
            "The flaky websocket test",
            "Because the server closes sockets before the ping timer, the websocket reconnect test is flaky.",
        ),
    ],
    [
        (
            "Colours of the charts",
            "Charts use eight colours that colour-blind people can tell apart, in light and dark mode.",
        ),
        (
            "Chart colours",
            "Eight colours that colour-blind people can tell apart are used in charts, in light and dark mode.",
        ),
        (
            "Which colours charts use",
            "In light and dark mode charts use eight colours that colour-blind people can tell apart.",
        ),
        (
            "Colours in charts",
            "Charts use eight colours, in light and dark mode, that colour-blind people can tell apart.",
        ),
    ],
    [
        (
            "Billing export",
            "The billing module exports invoices as CSV at midnight; the XML export was removed in March.",
        ),
        (
            "Export of billing",
            "At midnight the billing module exports invoices as CSV. The XML export was removed in March.",
        ),
        (
            "Exports of the billing module",
            "Billing exports invoices as CSV at midnight, and its XML export was removed in March.",
        ),
        (
            "The billing export",
            "Invoices are exported as CSV at midnight by the billing module; XML export was removed in March.",
        ),
    ],
];

/// 32 docs at once, four wordings of each of eight: one of each is left.
async fn many_texts_at_once_leave_one_of_each(app: TestApp) {
    place(&app, "apollo").await;
    policy(&app, "apollo", "block").await;
    let bodies: Vec<Value> = WORDINGS
        .iter()
        .flatten()
        .enumerate()
        .map(|(n, (title, text))| doc("apollo", &format!("doc-{n}"), title, text))
        .collect();
    let answers =
        futures_util::future::join_all(bodies.iter().map(|body| make(&app, app.admin(), body))).await;
    for answer in &answers {
        assert!(matches!(answer.status, 201 | 409), "{}", answer.body);
    }
    let titles = app.column("SELECT title FROM doc ORDER BY title").await;
    assert_eq!(titles.len(), WORDINGS.len(), "{titles:#?}");
}

/// Under the lenient policy nobody waits, and what was committed beside is found afterwards.
async fn texts_committed_at_once_are_found_afterwards(app: TestApp) {
    place(&app, "apollo").await;
    let bodies: Vec<Value> = (0..6).map(|n| doc("apollo", &format!("d{n}"), TITLE, TEXT)).collect();
    for answer in
        futures_util::future::join_all(bodies.iter().map(|body| make(&app, app.admin(), body))).await
    {
        answer.ok(201);
    }
    app.advance(Duration::from_secs(10));
    eventually("every doc has a suggestion", || async {
        let alone = app
            .count(
                "SELECT COUNT(*) FROM doc c WHERE NOT EXISTS
                 (SELECT 1 FROM overlap_suggestion s WHERE s.subject_id = c.doc_id OR s.candidate_id = c.doc_id)",
            )
            .await;
        (alone == 0).then_some(())
    })
    .await;
}

both!(
    texts_answer_with_what_they_overlap,
    a_policy_holds_at_every_door,
    a_suggestion_of_texts_has_a_life,
    a_stranger_learns_nothing_of_texts,
    many_texts_at_once_leave_one_of_each,
    texts_committed_at_once_are_found_afterwards,
);

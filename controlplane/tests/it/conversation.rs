//! Conversations, folded on the server.

use std::time::Instant;

use mc_journal::Kind;
use serde_json::{Value, json};

use crate::harness::TestApp;
use crate::journal::Journal;
use crate::sessions::{node, prompt, session};

fn tool(journal: &mut Journal, update: &Value) {
    journal.add(
        Kind::In,
        &json!({"jsonrpc": "2.0", "method": "session/update", "params": {"sessionId": "a-1", "update": update}}),
    );
}

/// The items of a conversation from its end, page by page, joined as a reader joins them.
async fn whole(app: &TestApp, session: &Value, limit: u32) -> (Vec<Value>, usize) {
    let path = format!("/api/v1/sessions/{}/conversation?limit={limit}", session["id"].as_str().unwrap());
    let (mut joined, mut pages, mut cursor) = (Vec::<Value>::new(), 0, String::new());
    loop {
        let page = app.get(app.admin(), &format!("{path}{cursor}")).await.ok(200);
        pages += 1;
        let mut older = page["items"].as_array().unwrap().clone();
        // What is a part here has its beginning there.
        let call = |item: &Value| item["tool_call"]["toolCallId"].as_str().map(str::to_owned);
        joined.retain(|newer| {
            let Some(beginning) =
                older.iter_mut().find(|item| call(item).is_some() && call(item) == call(newer))
            else {
                return true;
            };
            for (name, value) in newer["tool_call"].as_object().unwrap() {
                beginning["tool_call"][name] = value.clone();
            }
            false
        });
        if let (Some(last), Some(first)) = (older.last_mut(), joined.first())
            && first["is_partial"] == true
            && last["kind"] == first["kind"]
        {
            last["text"] = json!(last["text"].as_str().unwrap().to_owned() + first["text"].as_str().unwrap());
            joined.remove(0);
        }
        older.append(&mut joined);
        joined = older;
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return (joined, pages),
        }
    }
}

async fn a_conversation_is_the_same_in_pages_of_any_size(app: TestApp) {
    app.mission("demo").await;
    let node = node(&app, "one", 4).await;
    let session = session(&app, "one", json!({})).await;
    let turn = prompt(&app, &session, "go").await;
    let op = turn["id"].as_str().unwrap();
    let empty = app
        .get(app.admin(), &format!("/api/v1/sessions/{}/conversation", session["id"].as_str().unwrap()))
        .await
        .ok(200);
    assert_eq!(
        (&empty["items"], &empty["seq"], &empty["next_cursor"]),
        (&json!([]), &json!(0), &json!(null))
    );
    let mut journal = Journal::of(&session);
    journal.begin();
    journal.sent(op);
    for part in 0..7 {
        journal.say(&format!("m{part} "));
        journal.say("and ");
        journal.say("more");
        let id = format!("c{}", part / 2);
        let begins = if part % 2 == 0 { "tool_call" } else { "tool_call_update" };
        tool(&mut journal, &json!({"sessionUpdate": begins, "toolCallId": id, "title": format!("t{part}")}));
    }
    let permission = journal.ask();
    journal.answer(&permission, None);
    journal.done(op, "end_turn");
    journal.send(&app, node).await;
    let (all, pages) = whole(&app, &session, 200).await;
    assert_eq!(pages, 1);
    let kinds: Vec<&str> = all.iter().map(|item| item["kind"].as_str().unwrap()).collect();
    // An update of a call is no item of its own and does not part words.
    assert_eq!(kinds.iter().filter(|kind| **kind == "message").count(), 4, "{kinds:?}");
    assert_eq!(kinds.iter().filter(|kind| **kind == "tool_call").count(), 4, "{kinds:?}");
    assert_eq!((kinds[0], *kinds.last().unwrap()), ("prompt", "turn_end"));
    assert_eq!(all[1]["text"], "m0 and more");
    assert_eq!(all[3]["text"], "m1 and morem2 and more");
    assert_eq!(all[2]["tool_call"]["title"], "t1", "the newest word counts");
    assert_eq!((&all[0]["turn"], &all.last().unwrap()["turn"]), (&json!(op), &json!(op)));
    let asked = all.iter().find(|item| item["kind"] == "permission").unwrap();
    assert!(asked["permission"]["approval_id"].as_str().unwrap().starts_with("apr_"), "{asked}");
    assert_eq!(asked["permission"]["is_answered"], true);
    let essence = |items: &[Value]| -> Vec<Value> {
        items.iter().map(|item| json!([item["kind"], item["seq"], item["text"], item["tool_call"]])).collect()
    };
    for limit in [1, 2, 3, 5, 8] {
        let (paged, pages) = whole(&app, &session, limit).await;
        assert!(pages > 1);
        assert_eq!(essence(&paged), essence(&all), "in pages of {limit}");
    }
    let first = app
        .get(
            app.admin(),
            &format!("/api/v1/sessions/{}/conversation?limit=2", session["id"].as_str().unwrap()),
        )
        .await
        .ok(200);
    assert_eq!(first["seq"].as_i64().unwrap(), i64::try_from(journal.entries.len()).unwrap());

    let path = format!("/api/v1/sessions/{}/conversation", session["id"].as_str().unwrap());
    for bad in ["limit=0", "limit=201"] {
        app.get(app.admin(), &format!("{path}?{bad}")).await.problem(422, "validation");
    }
    app.get(app.admin(), &format!("{path}?cursor=abc")).await.problem(400, "invalid-cursor");
    app.mission("other").await;
    let stranger = app.login_in("stranger", "other", "admin").await;
    app.get(&stranger, &path).await.problem(404, "not-found");
}

/// Rows as ingest stores them, without the journal of a hundred thousand records.
async fn fill(app: &TestApp, session: &Value, from: i64, count: i64) {
    let record = json!({"jsonrpc": "2.0", "method": "session/update", "params": {"sessionId": "a-1", "update":
        {"sessionUpdate": "agent_message_chunk", "content": {"type": "text", "text": "word "}}}});
    let id = session["id"].as_str().unwrap().trim_start_matches("ses_");
    let (key, bytes, series) = match app.database {
        crate::harness::Database::Sqlite => (
            format!("x'{}'", id.replace('-', "")),
            format!("CAST('{record}' AS BLOB)"),
            format!(
                "(WITH RECURSIVE n(i) AS (SELECT {from} UNION ALL SELECT i + 1 FROM n WHERE i < {}) SELECT i FROM n) n",
                from + count - 1
            ),
        ),
        crate::harness::Database::Postgres => (
            format!("'{id}'::uuid"),
            format!("convert_to('{record}', 'UTF8')"),
            format!("generate_series({from}, {}) AS n(i)", from + count - 1),
        ),
    };
    let sql = format!(
        "INSERT INTO session_event (session_id, seq, seq_hi, record, flags, wall_us, kind, payload, crc)
         SELECT {key}, n.i, n.i, 1, 0, 1800000000000000, 'message', {bytes}, 0 FROM {series}"
    );
    assert_eq!(app.sql(&sql).await, u64::try_from(count).unwrap());
}

async fn the_end_of_a_hundred_thousand_events_is_there_at_once(app: TestApp) {
    app.mission("demo").await;
    node(&app, "one", 4).await;
    let session = session(&app, "one", json!({})).await;
    fill(&app, &session, 1, 100_000).await;
    let path = format!("/api/v1/sessions/{}/conversation", session["id"].as_str().unwrap());
    let began = Instant::now();
    let page = app.get(app.admin(), &path).await.ok(200);
    let took = began.elapsed();
    assert!(took.as_millis() < 3_000, "{took:?}");
    assert_eq!((&page["seq"], page["items"].as_array().unwrap().len()), (&json!(100_000), 1));
    assert_eq!(
        (&page["items"][0]["is_partial"], &page["items"][0]["kind"]),
        (&json!(true), &json!("message"))
    );
    assert!(page["next_cursor"].is_string());
    let cursor = page["next_cursor"].as_str().unwrap();
    let older = app.get(app.admin(), &format!("{path}?cursor={cursor}")).await.ok(200);
    assert_eq!(older["seq"].as_i64().unwrap() + 1, page["items"][0]["seq"].as_i64().unwrap());
}

both!(a_conversation_is_the_same_in_pages_of_any_size, the_end_of_a_hundred_thousand_events_is_there_at_once,);

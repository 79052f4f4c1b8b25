//! Search: what is found, in which order, in pages, and by whom.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::harness::{TestApp, eventually};

async fn place(app: &TestApp, mission: &str) {
    app.mission(mission).await;
    let body = json!({ "mission": mission, "name": "work", "description": "Everything about telescopes" });
    app.post(app.admin(), "/api/v1/klusters", body).await.ok(201);
}

async fn make(app: &TestApp, mission: &str, title: &str, description: &str) -> Value {
    let body = json!({
        "mission": mission, "kluster": "work", "title": title, "description": description,
        "labels": { "team": "blue" },
    });
    app.post(app.admin(), "/api/v1/tasks", body).await.ok(201)
}

async fn find(app: &TestApp, token: &str, query: &str) -> Vec<Value> {
    let page = app.get(token, &format!("/api/v1/search?{query}")).await.ok(200);
    page["items"].as_array().unwrap().clone()
}

fn titles(hits: &[Value]) -> Vec<&str> {
    hits.iter().map(|hit| hit["title"].as_str().unwrap()).collect()
}

async fn the_best_comes_first_with_what_matched(app: TestApp) {
    place(&app, "apollo").await;
    let upload =
        make(&app, "apollo", "Retry uploads", "The object store times out; the upload must be tried again.")
            .await;
    make(&app, "apollo", "Show upload progress", "A bar beneath the file name.").await;
    make(&app, "apollo", "Paint the shed", "").await;

    let hits = find(&app, app.admin(), "q=retry%20upload%20object%20store").await;
    assert_eq!(titles(&hits), ["Retry uploads", "Show upload progress"]);
    let best = &hits[0];
    assert_eq!((&best["kind"], &best["id"], &best["key"]), (&json!("task"), &upload["id"], &upload["key"]));
    assert_eq!(best["state"], "ready");
    assert!(best["score"].as_f64() > hits[1]["score"].as_f64());
    let title = json!({ "field": "title", "text": "**Retry** **uploads**", "at_byte": 0, "line": 1 });
    assert_eq!(best["highlights"][0], title);
    assert!(best["highlights"][1]["text"].as_str().unwrap().contains("**object** **store**"), "{best}");

    // A kluster is found too, and a changed text by its new words only.
    assert_eq!(titles(&find(&app, app.admin(), "q=telescopes").await), ["work"]);
    let path = format!("/api/v1/tasks/{}", upload["key"].as_str().unwrap());
    let patch = json!({ "title": "Water the garden", "description": "" });
    app.patch(app.admin(), &path, patch).await.ok(200);
    assert_eq!(titles(&find(&app, app.admin(), "q=garden").await), ["Water the garden"]);
    assert_eq!(titles(&find(&app, app.admin(), "q=retry").await), Vec::<&str>::new());
    app.delete(app.admin(), &path).await.ok(204);
    assert_eq!(titles(&find(&app, app.admin(), "q=garden").await), Vec::<&str>::new());
}

/// What was written while detection was off, or by a version with another index, is found after a start.
async fn what_the_index_lacks_is_filled_in(app: TestApp) {
    place(&app, "apollo").await;
    make(&app, "apollo", "Retry uploads", "").await;
    make(&app, "apollo", "Polish the mirror", "").await;
    // Docs and artifacts from before they were indexed, the end of a long one too.
    let long = format!("{}\nThe antimony is in the cellar.\n", "Words about nothing at all.\n".repeat(3000));
    write_doc(&app, "apollo", "notes", &long).await;
    store_artifact(&app, "apollo", "readme.md", "Polish it with beeswax").await;
    app.sql("DELETE FROM search_posting").await;
    app.sql("DELETE FROM search_document WHERE title IN ('work', 'Retry uploads', 'notes', 'readme.md')")
        .await;
    assert_eq!(app.count("SELECT COUNT(*) FROM search_part").await, 0, "parts go with their document");
    app.sql("UPDATE search_document SET index_version = 0, terms = '[]'").await;
    assert_eq!(find(&app, app.admin(), "q=uploads").await, Vec::<Value>::new());
    let app = app.restart().await;
    for (query, title) in [
        ("q=uploads", "Retry uploads"),
        ("q=mirror", "Polish the mirror"),
        ("q=telescopes", "work"),
        ("q=antimony", "notes"),
        ("q=beeswax", "readme.md"),
    ] {
        eventually("it is found again", async || {
            (titles(&find(&app, app.admin(), query).await) == [title]).then_some(())
        })
        .await;
    }
}

async fn filters_narrow_and_phrases_must_be_there(app: TestApp) {
    place(&app, "apollo").await;
    place(&app, "gemini").await;
    let first = make(&app, "apollo", "Rotate the signing keys", "Every month").await;
    make(&app, "gemini", "Signing keys of the gateway", "Rotate them").await;
    let both = ["Rotate the signing keys", "Signing keys of the gateway"];

    let sorted = |hits: Vec<Value>| {
        let mut all: Vec<String> = titles(&hits).into_iter().map(str::to_owned).collect();
        all.sort();
        all
    };
    assert_eq!(sorted(find(&app, app.admin(), "q=signing%20keys").await), both);
    assert_eq!(sorted(find(&app, app.admin(), "q=signing%20keys&labels=team%3Dblue&kind=task").await), both);
    for (query, expected) in [
        ("q=signing%20keys&mission=gemini", &both[1..]),
        ("q=signing%20keys&mission=apollo&kluster=work", &both[..1]),
        ("q=%22keys%20of%20the%22%20signing", &both[1..]),
        ("q=signing%20keys&labels=team%3Dred", &[]),
        ("q=signing%20keys&kind=kluster", &[]),
        ("q=signing%20keys&state=done,failed", &[]),
        ("q=signing%20keys&since=2999-01-01T00:00:00Z", &[]),
        ("q=signing%20keys&until=2000-01-01T00:00:00Z", &[]),
        ("q=zeppelin", &[]),
    ] {
        assert_eq!(sorted(find(&app, app.admin(), query).await), expected, "{query}");
    }
    app.post(app.admin(), &format!("/api/v1/tasks/{}/cancel", first["key"].as_str().unwrap()), json!({}))
        .await
        .ok(200);
    assert_eq!(sorted(find(&app, app.admin(), "q=signing%20keys&state=cancelled").await), &both[..1]);

    let short = app.get(app.admin(), "/api/search?q=signing").await.ok(200);
    assert_eq!(short, app.get(app.admin(), "/api/v1/search?q=signing").await.ok(200));
    let call =
        json!({ "tool": "search_tasks", "arguments": { "query": "signing keys", "mission": "gemini" } });
    let found = app.post(app.admin(), "/mcp/call", call).await.ok(200);
    assert_eq!(found["result"]["items"][0]["title"], both[1]);
}

async fn pages_show_each_hit_once(app: TestApp) {
    place(&app, "apollo").await;
    for n in 0..23 {
        make(&app, "apollo", &format!("Calibrate antenna number {n}"), "").await;
    }
    let mut seen = Vec::new();
    let mut query = "q=calibrate%20antenna&limit=5".to_owned();
    loop {
        let page = app.get(app.admin(), &format!("/api/v1/search?{query}")).await.ok(200);
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 5);
        seen.extend(items.iter().map(|hit| hit["key"].as_str().unwrap().to_owned()));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        let stranger =
            app.get(app.admin(), &format!("/api/v1/search?q=antenna&limit=5&cursor={cursor}")).await;
        stranger.problem(400, "invalid-cursor");
        query = format!("q=calibrate%20antenna&limit=5&cursor={cursor}");
    }
    assert_eq!((seen.len(), seen.iter().collect::<HashSet<_>>().len()), (23, 23));
}

async fn a_stranger_finds_nothing(app: TestApp) {
    place(&app, "secret").await;
    place(&app, "open").await;
    make(&app, "secret", "Acquire the zeppelin works", "Tell nobody").await;
    make(&app, "open", "Acquire a stapler", "").await;
    let guest = app.login_in("guest", "open", "viewer").await;
    assert_eq!(find(&app, app.admin(), "q=zeppelin").await.len(), 1);
    for query in ["q=zeppelin", "q=acquire%20zeppelin%20works%20nobody&kind=task", "q=%22tell%20nobody%22"] {
        let hits = find(&app, &guest, query).await;
        assert!(!hits.iter().any(|hit| hit.to_string().contains("zeppelin")), "{query}: {hits:?}");
    }
    assert_eq!(titles(&find(&app, &guest, "q=acquire").await), ["Acquire a stapler"]);
    // A mission that may not be read and one that is not there answer alike.
    let hidden = app.get(&guest, "/api/v1/search?q=zeppelin&mission=secret").await.problem(404, "not-found");
    let absent = app.get(&guest, "/api/v1/search?q=zeppelin&mission=absent").await.problem(404, "not-found");
    assert_eq!(hidden.replace("secret", ""), absent.replace("absent", ""));
    let nobody = app.login_as("nobody", "viewer").await;
    app.put(app.admin(), "/api/v1/principals/nobody/role", json!({ "role": null })).await.ok(200);
    assert_eq!(find(&app, &nobody, "q=acquire").await, Vec::<Value>::new());
}

async fn bad_searches_are_refused_by_parameter(app: TestApp) {
    let long = "x".repeat(401);
    for (query, pointer) in [
        ("q=", "?q"),
        ("q=%20", "?q"),
        (&*format!("q={long}"), "?q"),
        ("q=a&kind=planet", "?kind"),
        ("q=a&limit=0", "?limit"),
        ("q=a&labels=%3Db", "?labels"),
    ] {
        let answer = app.get(app.admin(), &format!("/api/v1/search?{query}")).await;
        answer.problem(422, "validation");
        assert_eq!(answer.body["errors"][0]["pointer"], pointer, "{query}");
    }
    app.get(app.admin(), "/api/v1/search").await.problem(400, "malformed-request");
    app.get(app.admin(), "/api/v1/search?q=a&colour=red").await.problem(400, "malformed-request");
}

async fn write_doc(app: &TestApp, mission: &str, name: &str, content: &str) -> Value {
    let body = json!({
        "mission": mission, "kluster": "work", "name": name, "content": content, "labels": { "team": "red" },
    });
    app.post(app.admin(), "/api/v1/docs", body).await.ok(201)
}

async fn store_artifact(app: &TestApp, mission: &str, name: &str, text: &str) -> Value {
    let arguments = json!({ "mission": mission, "name": name, "text": text });
    let body = json!({ "tool": "create_artifact", "arguments": arguments });
    app.post(app.admin(), "/mcp/call", body).await.ok(200)["result"].clone()
}

async fn texts_are_found_by_what_they_say(app: TestApp) {
    place(&app, "apollo").await;
    make(&app, "apollo", "Polish the mirror", "").await;
    let line = |n: i32| format!("Line {n} of the manual speaks of part{n}x.\n");
    let lines = (0..8_000).map(line).collect::<Vec<_>>().concat();
    let text = format!("# Manual\n\n{lines}The molybdenum\nis in the cellar.\n");
    let doc = write_doc(&app, "apollo", "manual", &text).await;
    let artifact = store_artifact(&app, "apollo", "notes.md", "The mirror is polished with beeswax.").await;
    let image =
        json!({ "mission": "apollo", "name": "mirror-photo.png", "content_base64": "iVBORw0KGgoAAAAN" });
    app.post(app.admin(), "/mcp/call", json!({ "tool": "create_artifact", "arguments": image }))
        .await
        .ok(200);

    // Any word of a long text, with its place.
    for n in [0, 3_777, 7_999] {
        let hits = find(&app, app.admin(), &format!("q=part{n}x")).await;
        assert_eq!(hits[0]["id"], doc["id"], "{n}");
    }
    let hits = find(&app, app.admin(), "q=molybdenum").await;
    assert_eq!(
        (&hits[0]["kind"], &hits[0]["key"], &hits[0]["state"]),
        (&json!("doc"), &json!("manual"), &json!("draft"))
    );
    let place = &hits[0]["highlights"][0];
    assert_eq!((&place["field"], &place["line"]), (&json!("body"), &json!(8_003)), "{place}");
    assert_eq!(place["at_byte"], text.find("molybdenum").unwrap());
    assert!(place["text"].as_str().unwrap().contains("**molybdenum** is in"), "{place}");

    for (query, expected) in [
        ("q=%22molybdenum%20is%20in%22", &["manual"][..]),
        ("q=%22is%20in%20molybdenum%22", &[]),
        ("q=molybdenum&kind=task,artifact", &[]),
        ("q=molybdenum&kind=doc&labels=team%3Dred&mission=apollo&kluster=work", &["manual"]),
        ("q=molybdenum&labels=team%3Dblue", &[]),
        ("q=molybdenum&state=draft", &["manual"]),
        ("q=molybdenum&state=published", &[]),
        ("q=molybdenum&since=2999-01-01T00:00:00Z", &[]),
        ("q=beeswax", &["notes.md"]),
        ("q=photo&kind=artifact", &["mirror-photo.png"]),
    ] {
        assert_eq!(titles(&find(&app, app.admin(), query).await), expected, "{query}");
    }
    let page = app.get(app.admin(), "/api/v1/search?q=mirror&limit=1").await.ok(200);
    let counts = json!([{ "kind": "task", "count": 1 }, { "kind": "artifact", "count": 2 }]);
    assert_eq!(page["counts"], counts, "of all pages");
    let call = json!({ "tool": "search", "arguments": { "query": "beeswax", "kind": "artifact" } });
    let found = app.post(app.admin(), "/mcp/call", call).await.ok(200);
    assert_eq!(found["result"]["items"][0]["id"], artifact["id"]);

    // A newer version is found by its own words, and a publication by its state.
    let path = format!("/api/v1/docs/{}", doc["id"].as_str().unwrap());
    let body = json!({ "base_version": 1, "content": text.replace("molybdenum", "tungsten") });
    app.post(app.admin(), &format!("{path}/versions"), body).await.ok(200);
    app.post(app.admin(), &format!("{path}/publish"), json!({ "version": 2 })).await.ok(200);
    assert_eq!(find(&app, app.admin(), "q=molybdenum").await, Vec::<Value>::new());
    assert_eq!(titles(&find(&app, app.admin(), "q=tungsten&state=published").await), ["manual"]);
    app.patch(app.admin(), &path, json!({ "title": "Zirconium handbook" })).await.ok(200);
    assert_eq!(find(&app, app.admin(), "q=zirconium").await.len(), 1);
    assert_eq!(find(&app, app.admin(), "q=tungsten").await.len(), 1);
    app.delete(app.admin(), &path).await.ok(204);
    assert_eq!(find(&app, app.admin(), "q=tungsten").await, Vec::<Value>::new());
    assert_eq!(app.count("SELECT COUNT(*) FROM search_part").await, 0);
}

async fn events_are_found_by_what_they_say(app: TestApp) {
    place(&app, "apollo").await;
    place(&app, "secret").await;
    let carol = app.login_in("carol", "apollo", "contributor").await;
    let body = json!({ "mission": "apollo", "kluster": "work", "title": "Polish the mirror" });
    let task = app.post(&carol, "/api/v1/tasks", body).await.ok(201);
    let hidden = make(&app, "secret", "Hide the mirror", "").await;
    app.sealed().await;
    let key = task["key"].as_str().unwrap();
    for query in [
        "q=task.create&kind=event&mission=apollo".to_owned(),
        format!("q=create%20{key}&kind=event"),
        format!("q={}&kind=event", task["id"].as_str().unwrap()),
        "q=create%20task%20carol&kind=event".to_owned(),
    ] {
        let hits = find(&app, app.admin(), &query).await;
        assert_eq!((hits.len(), &hits[0]["key"]), (1, &json!("task.create")), "{query}: {hits:?}");
        assert!(hits[0]["title"].as_str().unwrap().contains(task["id"].as_str().unwrap()));
        assert_eq!((&hits[0]["kind"], &hits[0]["mission_id"]), (&json!("event"), &task["mission_id"]));
    }
    // Newest first, each once, in pages.
    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = app
            .get(app.admin(), &format!("/api/v1/search?q=create&kind=event&limit=2{cursor}"))
            .await
            .ok(200);
        seen.extend(
            page["items"].as_array().unwrap().iter().map(|hit| hit["id"].as_str().unwrap().to_owned()),
        );
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    let all = app.count("SELECT COUNT(*) FROM ledger_event WHERE action LIKE '%create%'").await;
    let all = usize::try_from(all).unwrap();
    assert_eq!((seen.len(), seen.iter().collect::<HashSet<_>>().len()), (all, all));

    // What may not be read is not found by any word, key or id of it.
    for query in [
        "q=create&kind=event".to_owned(),
        format!("q={}&kind=event", hidden["key"].as_str().unwrap()),
        format!("q={}&kind=event", hidden["id"].as_str().unwrap()),
    ] {
        let hits = find(&app, &carol, &query).await;
        assert!(hits.iter().all(|hit| hit["mission_id"] == task["mission_id"]), "{query}: {hits:?}");
    }
    for (query, pointer) in [
        ("q=create&kind=event,task", "?kind"),
        ("q=create&kind=event&state=done", "?state"),
        ("q=x&state=bogus", "?state"),
        ("q=x&state=ready,", "?state"),
        ("q=create&kind=event&labels=a", "?labels"),
        ("q=create&kind=event&mission=apollo&kluster=work", "?kluster"),
    ] {
        let answer = app.get(app.admin(), &format!("/api/v1/search?{query}")).await;
        answer.problem(422, "validation");
        assert_eq!(answer.body["errors"][0]["pointer"], pointer, "{query}");
    }
}

/// A word that is common everywhere is found everywhere, whichever mission was written last.
async fn common_words_are_found_in_every_mission(app: TestApp) {
    let missions = ["mercury", "venus", "earth", "mars", "jupiter", "saturn"];
    for mission in missions {
        place(&app, mission).await;
        let tasks = (0..50).map(|n| {
            let (app, title) = (&app, format!("Calibrate antenna {n}"));
            async move { make(app, mission, &title, "").await }
        });
        futures_util::future::join_all(tasks.collect::<Vec<_>>()).await;
    }
    let guest = app.login_in("guest", "venus", "viewer").await;
    let role = json!({ "mission": "mars", "role": "viewer" });
    app.put(app.admin(), "/api/v1/principals/guest/role", role).await.ok(200);
    let of =
        |hits: &[Value]| hits.iter().map(|hit| hit["mission_id"].to_string()).collect::<HashSet<_>>().len();
    for query in ["q=antenna&limit=200", "q=calibrate%20antenna&limit=200", "q=antenna%20zeppelin&limit=200"]
    {
        assert_eq!(of(&find(&app, app.admin(), query).await), missions.len(), "{query}");
        assert_eq!(of(&find(&app, &guest, query).await), 2, "{query}");
    }
}

/// What is written between two pages is on neither, and moves nothing.
async fn pages_stay_as_they_were(app: TestApp) {
    place(&app, "apollo").await;
    for n in 0..6 {
        make(&app, "apollo", &format!("Calibrate antenna {n}"), "").await;
    }
    let page = app.get(app.admin(), "/api/v1/search?q=calibrate%20antenna&limit=3").await.ok(200);
    for _ in 0..4 {
        make(&app, "apollo", "Calibrate antenna", "calibrate antenna").await;
    }
    let cursor = page["next_cursor"].as_str().unwrap();
    let path = format!("/api/v1/search?q=calibrate%20antenna&limit=3&cursor={cursor}");
    let next = app.get(app.admin(), &path).await.ok(200);
    let all: HashSet<String> = [&page, &next]
        .into_iter()
        .flat_map(|page| page["items"].as_array().unwrap())
        .map(|hit| hit["title"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(all, (0..6).map(|n| format!("Calibrate antenna {n}")).collect());
    assert_eq!((&next["next_cursor"], &next["counts"]), (&Value::Null, &page["counts"]));
}

/// What is edited or deleted between two pages moves nothing: nothing is shown twice, nothing is missed.
async fn pages_go_on_when_texts_are_edited_and_deleted(app: TestApp) {
    place(&app, "apollo").await;
    for n in 0..12 {
        make(&app, "apollo", &format!("Calibrate antenna {n}"), "").await;
    }
    for n in 0..4 {
        write_doc(&app, "apollo", &format!("sheet-{n}"), "calibrate the antenna, step by step").await;
    }
    let path = |cursor: &str| format!("/api/v1/search?q=calibrate%20antenna&limit=4{cursor}");
    let first = app.get(app.admin(), &path("")).await.ok(200);
    let whole = app.get(app.admin(), "/api/v1/search?q=calibrate%20antenna&limit=100").await.ok(200);
    let ids = |page: &Value| -> Vec<String> {
        page["items"].as_array().unwrap().iter().map(|hit| hit["id"].as_str().unwrap().to_owned()).collect()
    };
    let all = ids(&whole);
    assert_eq!(all[..4], ids(&first)[..]);
    // One that was shown becomes worse, one that was not becomes better, one has nothing to do with it any more.
    let tasks: Vec<&String> = all.iter().filter(|id| id.starts_with("task_")).collect();
    let shown = ids(&first);
    let later: Vec<&String> = tasks.iter().filter(|id| !shown.contains(**id)).copied().collect();
    for (id, title) in [
        (&shown[0], "Something else"),
        (later[0], "Calibrate antenna calibrate antenna"),
        (later[1], "Nothing of the kind"),
    ] {
        let body = json!({ "title": title });
        app.patch(
            app.admin(),
            &format!("/api/v1/{}s/{id}", if id.starts_with("doc") { "doc" } else { "task" }),
            body,
        )
        .await
        .ok(200);
    }
    let docs: Vec<&String> = all.iter().filter(|id| id.starts_with("doc_") && !shown.contains(*id)).collect();
    let gone = docs.last().copied().cloned().unwrap_or_default();
    app.delete(app.admin(), &format!("/api/v1/docs/{gone}")).await.ok(204);
    let mut seen = shown;
    let mut cursor = first["next_cursor"].as_str().unwrap().to_owned();
    let stranger = app.login_as("stranger", "viewer").await;
    app.get(&stranger, &path(&format!("&cursor={cursor}"))).await.problem(400, "invalid-cursor");
    loop {
        let page = app.get(app.admin(), &path(&format!("&cursor={cursor}"))).await.ok(200);
        assert_eq!(page["counts"], first["counts"]);
        seen.extend(ids(&page));
        match page["next_cursor"].as_str() {
            Some(next) => next.clone_into(&mut cursor),
            None => break,
        }
    }
    let wanted: Vec<String> = all.into_iter().filter(|id| *id != gone).collect();
    assert_eq!(seen, wanted);
}

/// The piece of a text that is shown is the one with the phrase, marked as a whole.
async fn a_phrase_is_shown_where_it_stands(app: TestApp) {
    place(&app, "apollo").await;
    let filler = "The mirror is large. ".repeat(40);
    make(&app, "apollo", "Polish", &format!("{filler}Polish the\nmirror again.")).await;
    let hits = find(&app, app.admin(), "q=%22polish%20the%20mirror%22").await;
    let shown = hits[0]["highlights"].as_array().unwrap();
    let body = shown.iter().find(|piece| piece["field"] == "body").unwrap();
    assert!(body["text"].as_str().unwrap().contains("**Polish the mirror** again."), "{body}");
}

/// A narrowed search ranks everything that it found, not the newest of it.
async fn an_old_text_that_fits_best_is_found_among_newer_ones(app: TestApp) {
    place(&app, "apollo").await;
    make(&app, "apollo", "Zebra migration of the schema", "").await;
    for n in 0..140 {
        make(&app, "apollo", &format!("migration step number {n}"), "").await;
    }
    for narrow in ["", "&kind=task", "&state=ready", "&kluster=work", "&labels=team%3Dblue"] {
        let path = format!("/api/v1/search?q=zebra%20migration&mission=apollo{narrow}&limit=5");
        let page = app.get(app.admin(), &path).await.ok(200);
        assert_eq!(page["items"][0]["title"], "Zebra migration of the schema", "{narrow}");
        let counted: i64 =
            page["counts"].as_array().unwrap().iter().filter_map(|of| of["count"].as_i64()).sum();
        assert!((1..=120).contains(&counted), "{narrow}: {counted}");
    }
}

/// Texts of a mission that may not be read: neither hits nor counts nor errors tell of them.
async fn a_stranger_finds_no_texts(app: TestApp) {
    place(&app, "secret").await;
    place(&app, "open").await;
    let long =
        format!("Zeppelin works\n{}\nTell nobody of the helium.\n", "Words of no weight.\n".repeat(2000));
    write_doc(&app, "secret", "plan", &long).await;
    store_artifact(&app, "secret", "zeppelin.md", "The zeppelin floats on helium").await;
    write_doc(&app, "open", "list", "A stapler").await;
    let guest = app.login_in("guest", "open", "viewer").await;
    assert_eq!(find(&app, app.admin(), "q=helium").await.len(), 2);
    for query in [
        "q=helium",
        "q=zeppelin&kind=doc,artifact",
        "q=%22nobody%20of%20the%20helium%22",
        "q=plan%20zeppelin.md",
    ] {
        let page = app.get(&guest, &format!("/api/v1/search?{query}")).await.ok(200);
        assert_eq!((&page["items"], &page["counts"]), (&json!([]), &json!([])), "{query}");
    }
    let page = app.get(&guest, "/api/v1/search?q=stapler%20helium").await.ok(200);
    assert_eq!(page["counts"], json!([{ "kind": "doc", "count": 1 }]));
    for kind in ["doc", "artifact", "event"] {
        let path = |mission| format!("/api/v1/search?q=helium&kind={kind}&mission={mission}");
        let hidden = app.get(&guest, &path("secret")).await.problem(404, "not-found");
        let absent = app.get(&guest, &path("absent")).await.problem(404, "not-found");
        assert_eq!(hidden.replace("secret", ""), absent.replace("absent", ""));
    }
}

both!(
    the_best_comes_first_with_what_matched,
    what_the_index_lacks_is_filled_in,
    filters_narrow_and_phrases_must_be_there,
    pages_show_each_hit_once,
    a_stranger_finds_nothing,
    bad_searches_are_refused_by_parameter,
    texts_are_found_by_what_they_say,
    events_are_found_by_what_they_say,
    common_words_are_found_in_every_mission,
    pages_stay_as_they_were,
    pages_go_on_when_texts_are_edited_and_deleted,
    a_phrase_is_shown_where_it_stands,
    an_old_text_that_fits_best_is_found_among_newer_ones,
    a_stranger_finds_no_texts,
);

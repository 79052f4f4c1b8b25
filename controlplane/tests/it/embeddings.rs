//! Vectors of texts: that each gets one, that nobody waits for it, and what is found by them.

use std::time::{Duration, Instant};

use controlplane::config::Embeddings;
use serde_json::{Value, json};

use crate::harness::embeddings::{Endpoint, Mode};
use crate::harness::{TestApp, eventually};

/// Two wordings of one work that share no word; the stub's model knows their meanings.
const SHIP: &str = "Purchase another vessel, harbour sailors";
const FRIGATE: &str = "Obtain some frigate: quay mariners";
const OTHER: &str = "Varnish that hedge";

async fn place(app: &TestApp, mission: &str) {
    app.mission(mission).await;
    app.post(app.admin(), "/api/v1/klusters", json!({ "mission": mission, "name": "work" })).await.ok(201);
}

async fn make(app: &TestApp, mission: &str, title: &str) -> Value {
    let body = json!({ "mission": mission, "kluster": "work", "title": title });
    app.post(app.admin(), "/api/v1/tasks", body).await.ok(201)
}

async fn status(app: &TestApp) -> Value {
    app.get(app.admin(), "/api/v1/system/embeddings").await.ok(200)
}

async fn reaches(app: &TestApp, state: &str) -> Value {
    eventually(state, || async {
        let now = status(app).await;
        (now["state"] == state).then_some(now)
    })
    .await
}

/// Waits until nothing waits.
async fn ready(app: &TestApp) -> Value {
    eventually("every text has its vector", || async {
        let now = status(app).await;
        (now["state"] == "ready" && now["waiting"] == now["failed"]).then_some(now)
    })
    .await
}

async fn configured(mut app: TestApp, embeddings: Embeddings) -> TestApp {
    app.config.embeddings = embeddings;
    app.restart().await
}

async fn titles(app: &TestApp, token: &str, query: &str) -> Vec<String> {
    let page = app.get(token, &format!("/api/v1/search?q={query}")).await.ok(200);
    let hits = page["items"].as_array().unwrap();
    hits.iter().map(|hit| hit["title"].as_str().unwrap().to_owned()).collect()
}

/// Open suggestions, as pairs of keys.
async fn open(app: &TestApp) -> Vec<Value> {
    let page = app.get(app.admin(), "/api/v1/overlaps?state=open").await.ok(200);
    page["items"].as_array().unwrap().clone()
}

async fn every_text_gets_its_built_in_vector(app: TestApp) {
    place(&app, "apollo").await;
    let first = make(&app, "apollo", "Retry uploads to the object store").await;
    assert_eq!(first.get("overlap_pending"), None, "built-in vectors are at hand");
    make(&app, "apollo", OTHER).await;
    let now = ready(&app).await;
    assert_eq!((&now["provider"], &now["model"]), (&json!("builtin"), &json!("mc-subword-2")));
    assert_eq!((&now["dimensions"], &now["indexed"]), (&json!(256), &json!(3)), "two tasks and a kluster");
    assert_eq!(now["stored"].as_array().unwrap().len(), 1);

    let digests = || app.column("SELECT text_sha256 FROM search_vector ORDER BY document_no");
    let before = digests().await;
    let path = format!("/api/v1/tasks/{}", first["key"].as_str().unwrap());
    app.patch(app.admin(), &path, json!({ "title": "Water the roses" })).await.ok(200);
    eventually("the vector of the new text", || async { (digests().await != before).then_some(()) }).await;
    ready(&app).await;
    app.delete(app.admin(), &path).await.ok(204);
    assert_eq!(app.count("SELECT COUNT(*) FROM search_vector").await, 2, "it went with its text");

    let doctor = app.get(app.admin(), "/api/v1/system/doctor").await.ok(200);
    let check =
        doctor["checks"].as_array().unwrap().iter().find(|check| check["name"] == "embeddings").unwrap();
    assert_eq!(check["ok"], true);
    let detail = check["detail"].as_str().unwrap();
    assert!(detail.contains("builtin mc-subword-2, 256 dimensions, ready"), "{detail}");
    let tool = json!({ "tool": "get_embedding_status", "arguments": {} });
    assert_eq!(app.post(app.admin(), "/mcp/call", tool).await.ok(200)["result"]["model"], "mc-subword-2");
}

async fn what_shares_no_word_is_suggested_when_its_vector_arrives(app: TestApp) {
    let endpoint = Endpoint::start().await;
    let app = configured(app, endpoint.config(&[])).await;
    place(&app, "apollo").await;
    let first = make(&app, "apollo", SHIP).await;
    assert_eq!(first["overlap_pending"], true);
    ready(&app).await;
    assert_eq!(endpoint.authorization().as_deref(), Some("Bearer hush-hush"));

    let second = make(&app, "apollo", FRIGATE).await;
    assert_eq!((&second["overlap_suggestions"], &second["overlap_pending"]), (&json!([]), &json!(true)));
    make(&app, "apollo", OTHER).await;
    ready(&app).await;
    app.advance(Duration::from_secs(5));
    let found = eventually("a suggestion", || async { open(&app).await.pop() }).await;
    assert_eq!((&found["subject"]["key"], &found["candidate"]["key"]), (&second["key"], &first["key"]));
    assert!(found["vector"].as_f64().unwrap() > 0.8, "{found}");
    assert!(found["lexical"].as_f64().unwrap() < 0.2, "{found}");
    let opened =
        app.events().await.into_iter().filter(|event| event.envelope.action == "overlap.open").count();
    assert_eq!(opened, 1);

    // A question may wait for its vector, so it is found at once; the mutation that follows has it at hand.
    let asked = json!({ "mission": "apollo", "kluster": "work", "title": "Acquire one ship (pier, crew)" });
    let check = app.post(app.admin(), "/api/v1/overlap/check", asked.clone()).await.ok(200);
    assert_eq!(check["suggestions"].as_array().unwrap().len(), 2, "{check}");
    let third = app.post(app.admin(), "/api/v1/tasks", asked).await.ok(201);
    assert_eq!(third["overlap_suggestions"].as_array().unwrap().len(), 2, "{third}");
    assert_eq!(third.get("overlap_pending"), None);

    // What one caller asked is not at hand for another: nothing tells that it was asked.
    let guest = app.login_in("guest", "apollo", "contributor").await;
    let times = || endpoint.texts().iter().filter(|text| text.contains("(pier, crew, tug)")).count();
    let asked =
        json!({ "mission": "apollo", "kluster": "work", "title": "Acquire one ship (pier, crew, tug)" });
    for (who, wanted) in [(app.admin(), 1), (app.admin(), 1), (guest.as_str(), 2), (guest.as_str(), 2)] {
        app.post(who, "/api/v1/overlap/check", asked.clone()).await.ok(200);
        assert_eq!(times(), wanted);
    }
    let doc = json!({ "mission": "apollo", "name": "log", "content": "Nobody bought a boat yet" });
    assert_eq!(app.post(app.admin(), "/api/v1/docs", doc).await.ok(201)["overlap_pending"], true);
    ready(&app).await;

    // Search finds it by meaning too, and by words as ever.
    let found = titles(&app, app.admin(), "acquire%20ship%20pier").await;
    assert!(found.contains(&SHIP.to_owned()) && found.contains(&FRIGATE.to_owned()), "{found:?}");
    assert!(!found.contains(&OTHER.to_owned()), "{found:?}");
    assert_eq!(titles(&app, app.admin(), "hedge").await, [OTHER]);
}

async fn an_endpoint_that_fails_holds_nobody_up(app: TestApp) {
    let endpoint = Endpoint::start().await;
    let app = configured(app, endpoint.config(&[])).await;
    place(&app, "apollo").await;
    make(&app, "apollo", SHIP).await;
    ready(&app).await;
    let modes = [
        (Mode::Status(500), "answered 500"),
        (Mode::Hang, "did not answer in time"),
        (Mode::TooMany, "answered 429"),
        (Mode::Garbage, "not understood"),
        (Mode::TooFew, "vectors were given"),
        (Mode::Short, "MC_EMBEDDINGS_DIMENSIONS=24"),
        (Mode::Status(401), "answered 401"),
        (Mode::Elsewhere, "answered 307"),
    ];
    for (round, (mode, words)) in modes.into_iter().enumerate() {
        endpoint.answers(mode);
        let began = Instant::now();
        let made = make(&app, "apollo", &format!("Purchase vessel number {round}")).await;
        assert!(began.elapsed() < Duration::from_secs(2), "{mode:?}: {:?}", began.elapsed());
        assert_eq!(made["overlap_pending"], true);
        let now = reaches(&app, "failing").await;
        let error = now["error"].as_str().unwrap();
        assert!(error.contains(words) && !error.contains("hush"), "{mode:?}: {error}");
        assert!(now["retry_at"].is_string() && now["waiting"] == 1, "{mode:?}: {now}");
        // It is served with what is there.
        let began = Instant::now();
        assert!(!titles(&app, app.admin(), "vessel").await.is_empty());
        assert!(began.elapsed() < Duration::from_secs(2), "{mode:?}: {:?}", began.elapsed());
        app.get(app.admin(), "/readyz").await.ok(200);
        let doctor = app.get(app.admin(), "/api/v1/system/doctor").await.ok(200);
        assert_eq!(doctor["ok"], false);

        endpoint.answers(Mode::Well);
        app.advance(Duration::from_mins(5));
        ready(&app).await;
    }
    assert!(!app.export().await.contains("hush-hush"));
}

async fn a_text_that_cannot_be_embedded_does_not_stop_the_others(app: TestApp) {
    let endpoint = Endpoint::start().await;
    let app = configured(app, endpoint.config(&[])).await;
    place(&app, "apollo").await;
    make(&app, "apollo", SHIP).await;
    make(&app, "apollo", "An unembeddable thing").await;
    make(&app, "apollo", OTHER).await;
    let now = ready(&app).await;
    assert_eq!((&now["failed"], &now["indexed"]), (&json!(1), &json!(3)), "{now}");
    assert_eq!(titles(&app, app.admin(), "unembeddable").await, ["An unembeddable thing"]);
    // What refuses everything is no matter of the texts.
    endpoint.answers(Mode::Status(400));
    make(&app, "apollo", "Purchase a kite").await;
    let now = reaches(&app, "failing").await;
    assert_eq!(now["failed"], 1);
}

async fn a_budget_that_is_used_up_is_shown_and_ends(app: TestApp) {
    let endpoint = Endpoint::start().await;
    let app = configured(app, endpoint.config(&[("MC_EMBEDDINGS_TOKENS_PER_HOUR", "60")])).await;
    place(&app, "apollo").await;
    for round in 0..12 {
        make(&app, "apollo", &format!("Purchase vessel number {round} for the sailors of the harbour")).await;
    }
    let now = reaches(&app, "budget_exhausted").await;
    assert!(now["waiting"].as_i64().unwrap() > 0 && now["retry_at"].is_string(), "{now}");
    assert!(now["tokens_this_hour"].as_i64().unwrap() <= 60, "{now}");
    assert_eq!(now["tokens_per_hour"], 60);
    // A restart does not give it back.
    let app = app.restart().await;
    let again = reaches(&app, "budget_exhausted").await;
    assert!(again["tokens_this_hour"].as_i64().unwrap() <= 60, "{again}");
    let mut left = again["waiting"].as_i64().unwrap();
    while left > 0 {
        app.advance(Duration::from_hours(1));
        left = eventually("the next hour gives more", || async {
            let now = status(&app).await["waiting"].as_i64().unwrap();
            (now < left).then_some(now)
        })
        .await;
    }
    ready(&app).await;
}

async fn the_model_is_changed_while_everything_goes_on(app: TestApp) {
    let endpoint = Endpoint::start().await;
    place(&app, "apollo").await;
    make(&app, "apollo", SHIP).await;
    make(&app, "apollo", FRIGATE).await;
    make(&app, "apollo", OTHER).await;
    ready(&app).await;
    assert_eq!(open(&app).await, Vec::<Value>::new());

    endpoint.answers(Mode::Hang);
    let app = configured(app, endpoint.config(&[])).await;
    // Nothing came yet: the built-in vectors serve.
    assert_eq!(titles(&app, app.admin(), "hedge").await, [OTHER]);
    assert_eq!(app.count("SELECT COUNT(*) FROM search_vector").await, 4);
    endpoint.answers(Mode::Well);
    app.advance(Duration::from_mins(5));
    let now = ready(&app).await;
    assert_eq!((&now["model"], &now["dimensions"]), (&json!("by-meaning"), &json!(64)));
    eventually("the vectors of the model before are gone", || async {
        (status(&app).await["stored"].as_array().unwrap().len() == 1).then_some(())
    })
    .await;
    app.advance(Duration::from_secs(5));
    let found = eventually("a suggestion of the new model", || async { open(&app).await.pop() }).await;

    // A model of the same name with other vectors is taken only when somebody says so.
    endpoint.gives(48);
    let app = configured(app, endpoint.config(&[("MC_EMBEDDINGS_DIMENSIONS", "48")])).await;
    let now = eventually("the other length", || async {
        let now = status(&app).await;
        (now["dimensions"] == 48 && now["state"] == "ready" && now["waiting"] == 0).then_some(now)
    })
    .await;
    assert_eq!(now["indexed"], 4);

    // Under the built-in vectors the two are less alike.
    let path = format!("/api/v1/overlaps/{}", found["id"].as_str().unwrap());
    let held = app.get(app.admin(), &path).await.ok(200)["vector"].as_f64().unwrap();
    let app = configured(app, Embeddings::default()).await;
    ready(&app).await;
    eventually("the suggestion is judged anew", || async {
        controlplane::overlap::reconcile::sweep(app.app()).await.unwrap();
        let now = app.get(app.admin(), &path).await.ok(200);
        (now["vector"].as_f64().unwrap() < held).then_some(())
    })
    .await;
    eventually("one model is stored", || async {
        (app.count("SELECT COUNT(*) FROM embedding_model").await == 1).then_some(())
    })
    .await;
    assert_eq!(app.count("SELECT COUNT(*) FROM search_vector").await, 4);
    let judged = || async {
        let events = app.events().await;
        events.iter().filter(|event| event.envelope.action.starts_with("overlap.")).count()
    };
    let before = judged().await;
    for _ in 0..3 {
        controlplane::overlap::reconcile::sweep(app.app()).await.unwrap();
    }
    assert_eq!(judged().await, before, "nothing is judged twice");
}

async fn vectors_tell_a_stranger_nothing(app: TestApp) {
    let endpoint = Endpoint::start().await;
    let app = configured(app, endpoint.config(&[])).await;
    place(&app, "secret").await;
    place(&app, "open").await;
    make(&app, "secret", SHIP).await;
    make(&app, "open", OTHER).await;
    ready(&app).await;
    let guest = app.login_in("guest", "open", "contributor").await;
    assert!(titles(&app, app.admin(), "frigate%20quay%20mariners").await.contains(&SHIP.to_owned()));
    for query in
        ["frigate%20quay%20mariners", "vessel", "purchase%20harbour&kind=task", "frigate&state=ready"]
    {
        let found = app.get(&guest, &format!("/api/v1/search?q={query}")).await.ok(200);
        assert!(!found.to_string().contains("vessel"), "{query}: {found}");
    }
    let asked = json!({ "mission": "open", "kluster": "work", "title": FRIGATE });
    let check = app.post(&guest, "/api/v1/overlap/check", asked.clone()).await.ok(200);
    assert_eq!(check["suggestions"], json!([]));
    let made = app.post(&guest, "/api/v1/tasks", asked.clone()).await.ok(201);
    assert_eq!(made["overlap_suggestions"], json!([]));
    ready(&app).await;
    app.advance(Duration::from_secs(5));
    let hidden = app.post(
        &guest,
        "/api/v1/overlap/check",
        json!({ "mission": "secret", "kluster": "work", "title": FRIGATE }),
    );
    hidden.await.problem(404, "not-found");
    // Whoever may read both finds it.
    let check = app.post(app.admin(), "/api/v1/overlap/check", asked).await.ok(200);
    assert_eq!(check["suggestions"].as_array().unwrap().len(), 2, "{check}");
    let listed = app.get(&guest, "/api/v1/overlaps").await.ok(200);
    assert!(!listed.to_string().contains("vessel"), "{listed}");
}

/// Two control planes of one database share the work, and the one that started last says with which model.
async fn replicas_share_the_work(app: TestApp) {
    let endpoint = Endpoint::start().await;
    let app = configured(app, endpoint.config(&[("MC_EMBEDDINGS_BATCH", "2")])).await;
    endpoint.answers(Mode::Slow(20));
    let mut replica = app.replica().await;
    place(&app, "apollo").await;
    // The replica is built in and started last.
    make(&app, "apollo", SHIP).await;
    let now = ready(&replica).await;
    assert_eq!(now["provider"], "builtin");
    reaches(&app, "superseded").await;
    assert!(replica.stop().await);
    replica.config.embeddings = endpoint.config(&[("MC_EMBEDDINGS_BATCH", "2")]);
    let replica = replica.revive().await;
    for round in 0..20 {
        let of = if round % 2 == 0 { &app } else { &replica };
        make(of, "apollo", &format!("Purchase vessel number {round}")).await;
    }
    for of in [&app, &replica] {
        let now = ready(of).await;
        assert_eq!(now["indexed"], 22);
    }
    let mut texts = endpoint.texts();
    texts.retain(|text| text.starts_with("Purchase vessel"));
    texts.sort();
    texts.dedup();
    assert_eq!(texts.len(), 20);
}

/// So many texts that there are several cells, and one lookup does not read all.
async fn near_texts_are_found_among_many(app: TestApp) {
    place(&app, "apollo").await;
    make(&app, "apollo", "Calibrate the antenna").await;
    let words = [
        "amber", "birch", "cedar", "delta", "ember", "flint", "grove", "heath", "inlet", "jetty", "knoll",
        "ledge",
    ];
    let title = |n: usize| {
        let word = |by: usize| words[n / by % words.len()];
        format!("{} {} {} {n}", word(1), word(12), word(144))
    };
    // As they are stored by a mutation, without the mutation.
    let id = match app.database {
        crate::harness::Database::Sqlite => "randomblob(16)",
        crate::harness::Database::Postgres => "gen_random_uuid()",
    };
    for part in 0..6 {
        let rows: Vec<String> = (part * 200..(part + 1) * 200).map(|n| format!("('{}')", title(n))).collect();
        let rows = rows.join(", ");
        app.sql(&format!(
            "INSERT INTO search_document (organization_id, mission_id, kluster_id, subject_kind, subject_id, title, body, paths, done, terms, index_version, look, created_at, updated_at)
             SELECT d.organization_id, d.mission_id, d.kluster_id, 'kluster', {id}, v.column1, '', '[]', d.done, '[]', d.index_version, 0, 1, 1
             FROM search_document d, (VALUES {rows}) AS v WHERE d.subject_kind = 'task'"
        ))
        .await;
    }
    ready(&app).await;
    assert_eq!(app.count("SELECT COUNT(*) FROM search_vector").await, 1202);
    for n in [3, 777, 1199] {
        // No entry of the inverted index knows it, so it is found by its vector.
        let wanted = title(n);
        let found = titles(&app, app.admin(), &wanted.replace(' ', "%20")).await;
        assert!(found.contains(&wanted), "{wanted}: {found:?}");
    }
    if app.database == crate::harness::Database::Sqlite {
        let cells = app.count("SELECT COUNT(*) FROM search_cell").await;
        let largest =
            app.count("SELECT MAX(n) FROM (SELECT COUNT(*) AS n FROM search_vector GROUP BY cell_no)").await;
        assert!(cells >= 5 && largest <= 256, "{cells} cells, the largest of {largest}");
    }
}

/// Killed in the middle of giving texts their vectors, it goes on where it was.
async fn a_kill_in_the_middle_costs_one_batch(mut app: TestApp) {
    const TEXTS: usize = 60;
    let endpoint = Endpoint::start().await;
    place(&app, "apollo").await;
    for number in 0..TEXTS {
        make(&app, "apollo", &format!("Purchase vessel number {number}")).await;
    }
    ready(&app).await;
    assert!(app.stop().await);
    let (data, database) = (app.data_dir(), app.config.database.clone());
    let program = || {
        let mut program = crate::process::program(&data, database.as_deref());
        program.envs(endpoint.variables(&[("MC_EMBEDDINGS_BATCH", "2")]));
        program
    };
    endpoint.answers(Mode::Slow(30));
    let mut kills = 0;
    for goal in [10, 25, 40] {
        let (mut child, _, _reader) = crate::process::serving(program()).await;
        eventually("so many texts were asked for", || async {
            (endpoint.texts().len() >= goal).then_some(())
        })
        .await;
        // SIGKILL, by the id of the process that was started above.
        child.start_kill().unwrap();
        child.wait().await.unwrap();
        kills += 1;
        let whole = app.count(
            "SELECT COUNT(*) FROM search_document d WHERE d.embedded_by > 0 AND NOT EXISTS
                 (SELECT 1 FROM search_vector v WHERE v.document_no = d.document_no AND v.model_no = d.embedded_by)",
        );
        assert_eq!(whole.await, 0, "what counts as done is there");
    }
    endpoint.answers(Mode::Well);
    let (mut child, client, _reader) = crate::process::serving(program()).await;
    eventually("every text has its vector", || async {
        let now = client.send("GET", "/api/v1/system/embeddings", app.admin(), &[], None).await.ok(200);
        (now["state"] == "ready" && now["waiting"] == 0 && now["stored"].as_array().unwrap().len() == 1)
            .then_some(())
    })
    .await;
    assert_eq!(app.count("SELECT COUNT(*) FROM search_vector").await, i64::try_from(TEXTS + 1).unwrap());
    let asked = endpoint.texts().len();
    assert!(asked <= TEXTS + 1 + kills * 2, "{asked} texts were asked for");
    child.start_kill().unwrap();
    child.wait().await.unwrap();
}

/// What a lookup reads of a cell is made anew at the start, when another version of the program made it or nobody did.
async fn packs_are_made_at_the_start(app: TestApp) {
    if app.database != crate::harness::Database::Sqlite {
        return;
    }
    let endpoint = Endpoint::start().await;
    let mut app = configured(app, endpoint.config(&[])).await;
    place(&app, "apollo").await;
    make(&app, "apollo", SHIP).await;
    make(&app, "apollo", OTHER).await;
    ready(&app).await;
    let meant = "frigate%20quay%20mariners";
    assert!(titles(&app, app.admin(), meant).await.contains(&SHIP.to_owned()));
    let packs = "SELECT hex(entries) FROM search_cell_pack WHERE packing = 1 ORDER BY cell_no";
    let before = app.column(packs).await;
    assert!(!before.is_empty());
    for lost in ["DELETE FROM search_cell_pack", "UPDATE search_cell_pack SET packing = 0, entries = x'00'"] {
        app.sql(lost).await;
        assert_eq!(
            titles(&app, app.admin(), meant).await,
            Vec::<String>::new(),
            "it is found by its pack alone"
        );
        app = app.restart().await;
        assert_eq!(app.column(packs).await.len(), before.len(), "{lost}");
        assert!(titles(&app, app.admin(), meant).await.contains(&SHIP.to_owned()), "{lost}");
    }
}

/// The pages of a search are those of its first page, whether its provider answered then or answers now.
async fn a_provider_comes_and_goes_between_two_pages(app: TestApp) {
    let endpoint = Endpoint::start().await;
    let mut app = configured(app, endpoint.config(&[])).await;
    place(&app, "apollo").await;
    for n in 0..4 {
        make(&app, "apollo", &format!("Varnish the quay, part {n}")).await;
        make(&app, "apollo", &format!("Purchase vessel number {n}")).await;
    }
    ready(&app).await;
    let ids = |page: &Value| -> Vec<String> {
        page["items"].as_array().unwrap().iter().map(|hit| hit["id"].as_str().unwrap().to_owned()).collect()
    };
    let query = "/api/v1/search?q=frigate%20quay&kind=task";
    let mut found = Vec::new();
    for (first, later) in
        [(Mode::Well, Mode::Status(500)), (Mode::Status(500), Mode::Well), (Mode::Well, Mode::Hang)]
    {
        // A fresh process has no vector of this question at hand.
        app = app.restart().await;
        app.advance(Duration::from_mins(10));
        endpoint.answers(first);
        let whole = ids(&app.get(app.admin(), &format!("{query}&limit=100")).await.ok(200));
        let mut page = app.get(app.admin(), &format!("{query}&limit=3")).await.ok(200);
        let counts = page["counts"].clone();
        let mut seen = ids(&page);
        app = app.restart().await;
        app.advance(Duration::from_mins(10));
        endpoint.answers(later);
        while let Some(cursor) = page["next_cursor"].as_str() {
            page = app.get(app.admin(), &format!("{query}&limit=3&cursor={cursor}")).await.ok(200);
            assert_eq!(page["counts"], counts);
            seen.extend(ids(&page));
        }
        assert_eq!(seen, whole, "{first:?}, then {later:?}");
        found.push(whole.len());
    }
    assert!(found[0] > found[1], "by meaning more is found: {found:?}");
}

both!(
    every_text_gets_its_built_in_vector,
    what_shares_no_word_is_suggested_when_its_vector_arrives,
    an_endpoint_that_fails_holds_nobody_up,
    a_text_that_cannot_be_embedded_does_not_stop_the_others,
    a_budget_that_is_used_up_is_shown_and_ends,
    the_model_is_changed_while_everything_goes_on,
    vectors_tell_a_stranger_nothing,
    near_texts_are_found_among_many,
    packs_are_made_at_the_start,
    a_provider_comes_and_goes_between_two_pages,
    a_kill_in_the_middle_costs_one_batch,
);
both!(only postgres: replicas_share_the_work);

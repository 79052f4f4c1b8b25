//! Sixty-four agents at once with the same hundred tasks, each in its own words.
//!
//! Every work comes from eight of them; with `MC_TEST_DRILL=full` from all, which takes minutes.

use std::sync::Arc;

use mc_overlap::{Prepared, Provider, Text, Vectors, builtin, compare};
use serde_json::{Value, json};

use crate::harness::database::environment;
use crate::harness::{Answer, Client, TestApp};

const AGENTS: usize = 64;
const WORKS: usize = 100;

/// A title, prepared once.
struct Title {
    text: String,
    prepared: Prepared,
    vector: Vec<f32>,
}

impl Title {
    fn new(text: String) -> Self {
        let prepared = Prepared::new(&Text { title: &text, body: "", paths: &[] });
        let vector = builtin::embed(&prepared);
        Self { text, prepared, vector }
    }

    fn score(&self, other: &Self) -> f32 {
        let vectors = Vectors::of(Provider::Builtin, &self.vector, &other.vector);
        compare(&self.prepared, &other.prepared, Some(vectors), false).score
    }
}

/// The same work in other words.
fn wordings(title: &str) -> Vec<String> {
    let lower = title.to_lowercase();
    let (verb, rest) = lower.split_once(' ').unwrap_or((lower.as_str(), ""));
    vec![
        title.to_owned(),
        lower.clone(),
        format!("{title}."),
        format!("We need to {lower}"),
        format!("Please {lower}!"),
        format!("{rest}: {verb}"),
        format!("TODO: {title}"),
        format!("{lower}, please"),
    ]
}

/// A hundred works of the labelled pairs that are different ones, each with the wordings that are surely the same.
fn works() -> Vec<Vec<String>> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../benches/data/overlap/tune.jsonl");
    let points = Provider::Builtin.operating_points();
    let mut works: Vec<Vec<Title>> = Vec::new();
    let text = std::fs::read_to_string(path).unwrap();
    let pairs: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let titles = ["a", "b"].iter().flat_map(|side| pairs.iter().map(|pair| &pair[*side]["title"]));
    for title in titles.map(|title| title.as_str().unwrap()) {
        if works.len() == WORKS {
            break;
        }
        if !title.is_ascii() || title.split_whitespace().count() < 4 {
            continue;
        }
        // Each is the same as each: whichever comes first, it keeps the others out.
        let mut same: Vec<Title> = Vec::new();
        for wording in wordings(title).into_iter().map(Title::new) {
            if same.iter().all(|other| other.score(&wording) >= points.block + 0.005) {
                same.push(wording);
            }
        }
        let apart = works
            .iter()
            .flatten()
            .all(|other| same.iter().all(|one| one.score(other) < points.require_ack - 0.02));
        if same.len() >= 3 && apart {
            works.push(same);
        }
    }
    assert_eq!(works.len(), WORKS, "the labelled pairs hold a hundred works that are surely different");
    works.into_iter().map(|same| same.into_iter().map(|title| title.text).collect()).collect()
}

async fn begin(app: &TestApp, mode: &str) {
    app.mission("drill").await;
    app.post(app.admin(), "/api/v1/klusters", json!({"mission": "drill", "name": "work"})).await.ok(201);
    let policy = json!({"overlap_policy": {"mode": mode}});
    app.patch(app.admin(), "/api/v1/missions/drill", policy).await.ok(200);
}

async fn create(client: &Client, token: &str, title: &str, named: &[String]) -> Answer {
    let body = json!({"mission": "drill", "kluster": "work", "title": title, "acknowledge_overlap": named});
    client.send("POST", "/api/v1/tasks", token, &[], Some(body)).await
}

/// The keys that a refusal shows.
fn shown(refused: &Answer) -> Vec<String> {
    let all = refused.body["overlap_suggestions"].as_array().unwrap();
    all.iter().map(|one| one["candidate"]["key"].as_str().unwrap().to_owned()).collect()
}

/// Runs every agent through its works, all beside each other; gives the sum of what they count.
async fn run<F>(
    app: &TestApp,
    works: Arc<Vec<Vec<String>>>,
    each: fn(Client, String, String, usize) -> F,
) -> usize
where
    F: Future<Output = usize> + Send + 'static,
{
    let step = if environment("MC_TEST_DRILL").is_some_and(|drill| drill == "full") { 1 } else { 8 };
    let mut agents = tokio::task::JoinSet::new();
    for agent in 0..AGENTS {
        let (client, token, works) = (app.client.clone(), app.admin().to_owned(), works.clone());
        agents.spawn(async move {
            let mut sum = 0;
            for n in (agent % step..WORKS).step_by(step) {
                let work = &works[n];
                let title = work[(agent + n) % work.len()].clone();
                sum += each(client.clone(), token.clone(), title, agent * WORKS + n).await;
            }
            sum
        });
    }
    agents.join_all().await.into_iter().sum()
}

async fn sixty_four_agents_leave_a_hundred_tasks_under_block(app: TestApp) {
    begin(&app, "block").await;
    let works = Arc::new(works());
    let made = run(&app, works.clone(), |client, token, title, _| async move {
        let answer = create(&client, &token, &title, &[]).await;
        if answer.status == 201 {
            return 1;
        }
        answer.problem(409, "overlap-blocked");
        0
    })
    .await;
    let titles = app.column("SELECT title FROM task ORDER BY title").await;
    assert_eq!((made, titles.len()), (WORKS, WORKS), "{titles:#?}");
    for work in works.iter() {
        assert_eq!(titles.iter().filter(|title| work.contains(title)).count(), 1, "{work:?}");
    }
    app.events().await;
}

async fn sixty_four_agents_name_what_they_saw_under_require_ack(app: TestApp) {
    begin(&app, "require_ack").await;
    let works = Arc::new(works());
    let made = run(&app, works.clone(), |client, token, title, n| async move {
        let answer = create(&client, &token, &title, &[]).await;
        if answer.status == 201 {
            return 1;
        }
        answer.problem(409, "overlap-unacknowledged");
        // Another key opens nothing.
        if n % 16 == 0 {
            create(&client, &token, &title, &["drill-999999".into()])
                .await
                .problem(409, "overlap-unacknowledged");
        }
        // A few insist: whoever names what is shown gets through, also when more was made meanwhile.
        if n % 37 != 0 {
            return 0;
        }
        let mut named = shown(&answer);
        loop {
            let answer = create(&client, &token, &title, &named).await;
            if answer.status == 201 {
                return 1;
            }
            answer.problem(409, "overlap-unacknowledged");
            named.extend(shown(&answer));
        }
    })
    .await;
    let titles = app.column("SELECT title FROM task ORDER BY title").await;
    assert_eq!(made, titles.len());
    assert!(made > WORKS, "some insisted: {made}");
    // Of each work one came without naming anything; every other one named another of the same work.
    let named = "SELECT CAST(COUNT(DISTINCT subject_id) AS TEXT) FROM overlap_suggestion WHERE acknowledged";
    let named: usize = app.column(named).await[0].parse().unwrap();
    assert_eq!(named, made - WORKS);
    app.events().await;
}

both!(
    sixty_four_agents_leave_a_hundred_tasks_under_block,
    sixty_four_agents_name_what_they_saw_under_require_ack,
);

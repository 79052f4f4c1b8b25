//! Vectors of texts: how long they take to be stored, how long near ones take to be found, and how many of those that an
//! exact search gives are found. Built-in vectors of made-up texts, on a database of its own.

use std::io::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use controlplane::app::SharedApp;
use controlplane::config::Config;
use controlplane::db::{Backend, Sql};
use controlplane::embeddings::Where;
use controlplane::op::Scope;
use controlplane::server::{Server, install_metrics};
use mc_api::id::MissionId;
use mc_overlap::{Prepared, Text};
use uuid::Uuid;

use crate::percentile;
use crate::words::Words;

/// Words of a text.
const WORDS: usize = 24;
/// Missions among which texts are dealt out.
const MISSIONS: usize = 100;
/// Neighbours that are looked for.
const NEAREST: usize = 10;
/// Rows of one statement.
const ROWS: usize = 250;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// An empty database; default: SQLite in the folder.
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    /// An empty folder for the control plane.
    #[arg(long, value_name = "DIR")]
    data_dir: PathBuf,
    /// How many texts there are when it is measured, in rising order.
    #[arg(long, value_delimiter = ',', default_values_t = [1000, 10_000, 100_000])]
    sizes: Vec<usize>,
    /// Lookups of each sort.
    #[arg(long, default_value_t = 200)]
    lookups: usize,
}

fn mission(number: usize) -> Uuid {
    // Any id will do; its last bytes tell missions apart.
    Uuid::from_u128(0x0198_0000_0000_7000_8000_0000_0000_0000 + (number as u128 + 1) * 0x9E37_79B9)
}

fn embed(text: &str) -> Vec<f32> {
    mc_overlap::builtin::embed(&Prepared::new(&Text { title: text, body: "", paths: &[] }))
}

/// The same work in other words: a third of them left out, some put in.
fn reworded(words: &mut Words, text: &str) -> String {
    let kept: Vec<&str> =
        text.split(' ').enumerate().filter(|(n, _)| n % 3 != 1).map(|(_, word)| word).collect();
    format!("{} {}", words.text(4), kept.join(" "))
}

async fn insert(app: &SharedApp, first: usize, texts: &[String]) -> anyhow::Result<()> {
    let id = |id: Uuid| match app.db.backend() {
        Backend::Postgres => format!("'{id}'"),
        Backend::Sqlite => format!("X'{}'", id.simple()),
    };
    for (part, texts) in texts.chunks(ROWS).enumerate() {
        let rows: Vec<String> = texts
            .iter()
            .enumerate()
            .map(|(n, text)| {
                let number = first + part * ROWS + n;
                // Made-up texts hold nothing that must be escaped.
                format!(
                    "({}, {}, 'kluster', {}, '{text}', '', '[]', {}, '[]', {}, 0, 1, 1)",
                    id(app.organization.as_uuid()),
                    id(mission(number % MISSIONS)),
                    id(Uuid::from_u128(number as u128 + 1)),
                    if app.db.backend() == Backend::Postgres { "false" } else { "0" },
                    mc_overlap::INDEX_VERSION,
                )
            })
            .collect();
        let mut tx = app.db.begin_write().await?;
        tx.query(Sql::Built(format!(
            "INSERT INTO search_document (organization_id, mission_id, subject_kind, subject_id, title, body, paths, done, terms,
                 index_version, look, created_at, updated_at) VALUES {}",
            rows.join(", ")
        )))
        .execute()
        .await?;
        app.db.commit(tx).await?;
    }
    Ok(())
}

async fn indexed(app: &SharedApp) -> anyhow::Result<()> {
    loop {
        let mut tx = app.db.begin_read().await?;
        let (left,): (i64,) =
            tx.query("SELECT COUNT(*) FROM search_document WHERE embedded_by <= 0").fetch_one().await?;
        if left == 0 {
            return Ok(());
        }
        drop(tx);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A text that is stored.
struct Stored {
    number: i64,
    mission: usize,
    vector: Vec<f32>,
}

/// The share of the exact neighbours that is found, and the sorted times in milliseconds.
async fn lookups(
    app: &SharedApp,
    all: &[Stored],
    queries: &[String],
    missions: Option<usize>,
) -> anyhow::Result<(f64, Vec<f64>)> {
    let organization = app.organization;
    let scope = match missions {
        None => Scope::Organization(organization),
        Some(count) => {
            Scope::Missions(organization, (0..count).map(|n| MissionId::from_uuid(mission(n))).collect())
        }
    };
    let place = Where { scope, mission: None, kinds: None };
    let (mut found, mut wanted, mut times) = (0_u32, 0_u32, Vec::new());
    for query in queries {
        let own = embed(query);
        let mut exact: Vec<(f32, i64)> = all
            .iter()
            .filter(|text| missions.is_none_or(|count| text.mission < count))
            .map(|text| (own.iter().zip(&text.vector).map(|(a, b)| a * b).sum(), text.number))
            .collect();
        exact.sort_by(|a, b| b.0.total_cmp(&a.0));
        exact.truncate(NEAREST);
        let near = app.embeddings.at_hand(query, "");
        let mut tx = app.db.begin_read().await?;
        let began = Instant::now();
        let numbers = near.numbers(&mut tx, &place, NEAREST).await?;
        times.push(began.elapsed().as_secs_f64() * 1000.0);
        wanted += u32::try_from(exact.len())?;
        found += u32::try_from(exact.iter().filter(|(_, number)| numbers.contains(number)).count())?;
    }
    times.sort_by(f64::total_cmp);
    Ok((f64::from(found) / f64::from(wanted.max(1)), times))
}

pub(crate) async fn run(args: Args) -> anyhow::Result<()> {
    let mut words =
        vec!["mc-controlplane".into(), "--data-dir".into(), args.data_dir.clone().into_os_string()];
    words.extend(["--http", "127.0.0.1:0", "--mqtt", "none"].map(Into::into));
    if let Some(url) = &args.database {
        words.extend(["--database".into(), url.into()]);
    }
    let server = Server::start(&Config::of_words(words)?, install_metrics()?).await?;
    let app = server.app.clone();
    let mut out = std::io::stdout();
    writeln!(
        out,
        "{}, built-in vectors of {WORDS} words, {NEAREST} nearest of a reworded text",
        app.db.backend().as_str()
    )?;
    writeln!(out, "texts    stored/s  scope         recall   p50 ms   p99 ms")?;
    let (mut made, mut source) = (0, Words::new(42));
    let mut texts: Vec<String> = Vec::new();
    for size in args.sizes {
        let fresh: Vec<String> = (made..size).map(|_| source.text(WORDS)).collect();
        let began = Instant::now();
        insert(&app, made, &fresh).await?;
        indexed(&app).await?;
        #[expect(clippy::cast_precision_loss, reason = "a count")]
        let rate = fresh.len() as f64 / began.elapsed().as_secs_f64();
        made = size;
        texts.extend(fresh);
        let mut tx = app.db.begin_read().await?;
        let rows: Vec<(i64, String)> = tx
            .query("SELECT document_no, title FROM search_document ORDER BY document_no")
            .fetch_all()
            .await?;
        drop(tx);
        let all: Vec<Stored> = rows
            .into_iter()
            .enumerate()
            .map(|(at, (number, title))| Stored { number, mission: at % MISSIONS, vector: embed(&title) })
            .collect();
        let mut other = Words::new(7);
        let step = (size / args.lookups).max(1);
        let queries: Vec<String> =
            (0..args.lookups).map(|n| reworded(&mut other, &texts[n * step % size])).collect();
        for (scope, missions) in [("all", None), ("30 missions", Some(30)), ("1 mission", Some(1))] {
            let (recall, times) = lookups(&app, &all, &queries, missions).await?;
            writeln!(
                out,
                "{size:<8} {rate:>8.0}  {scope:<12} {recall:>7.3}  {:>7.2}  {:>7.2}",
                percentile(&times, 0.5),
                percentile(&times, 0.99)
            )?;
        }
    }
    anyhow::ensure!(server.stop().await, "the control plane did not stop in order");
    Ok(())
}

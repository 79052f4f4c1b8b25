//! Putting a report together.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use mc_api::Action;
use mc_api::support::SupportReport;
use serde::Serialize;
use tokio::time::Instant;

use super::facts;
use super::report::Draft;
use crate::app::App;
use crate::db::{Sql, bulk};
use crate::error::Error;
use crate::http::{page, system};
use crate::ledger::{self, Event};
use crate::objects::Objects;
use crate::op::OpCtx;
use crate::{nodes, write_tx};

/// How much of the end of each log is taken.
const LOG_BYTES: u64 = 256 << 10;
/// After this long no more tables are counted.
const COUNTING: Duration = Duration::from_secs(5);

/// What the event of a report says.
#[derive(Serialize)]
struct Exported {
    what: &'static str,
}

#[derive(Serialize)]
struct Parts {
    version: mc_api::system::Version,
    instance: String,
    database: &'static str,
    objects: &'static str,
    governance: mc_api::auth::GovernanceProfile,
    detects_overlap: bool,
}

#[derive(Serialize)]
struct Database {
    backend: &'static str,
    /// The version of the schema that is there.
    schema: i64,
    /// The version that this program brings it to.
    newest_schema: i64,
    /// Rows of each table; absent where there was no time to count.
    rows: BTreeMap<String, Option<i64>>,
}

/// What somebody else needs to look into a problem. That it was taken is in the ledger.
///
/// # Errors
/// [`mc_api::ProblemKind::Forbidden`], and a ledger that cannot be written. What else fails is told in the report.
pub async fn report(app: &App, cx: &OpCtx) -> Result<SupportReport, Error> {
    cx.authorize(Action::ExportSystem)?;
    write_tx!(app, cx, |tx| {
        let proof = cx.authorize(Action::ExportSystem)?;
        let event = Event {
            subject_kind: "system",
            subject_id: "support".into(),
            body: &Exported { what: "support" },
            before_sha256: None,
        };
        ledger::record(tx, cx, proof, event).await
    })?;
    let mut draft = Draft::new(app.known.secrets());
    draft.json("server.json", Ok(parts(app)));
    draft.json("configuration.json", Ok(&app.known.settings));
    draft.json("readyz.json", Ok(system::checks(app).await));
    draft.json("doctor.json", system::examination(app).await);
    draft.json("database.json", database(app).await);
    draft.json("nodes.json", nodes(app, cx).await);
    draft.text("metrics.txt", &app.metrics.render());
    let (data_dir, logs) = (app.data_dir.clone(), app.data_dir.join("logs"));
    let known = app.known.secrets();
    let gathered =
        tokio::task::spawn_blocking(move || (facts::gather(&data_dir), read_logs(&logs, &known))).await;
    let (facts, logs) = gathered.map_err(Error::internal)?;
    draft.json("machine.json", Ok(facts));
    for (path, log) in logs {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        draft.log(&format!("logs/{name}"), log);
    }
    let (files, scrubbed) = draft.end();
    Ok(SupportReport { kind: "support_report".into(), made_at: app.clock.now(), files, scrubbed })
}

fn parts(app: &App) -> Parts {
    Parts {
        version: system::version(),
        instance: app.instance.to_string(),
        database: app.db.backend().as_str(),
        objects: match &app.objects {
            Objects::Folder(_) => "folder",
            Objects::S3(_) => "s3",
        },
        governance: app.governance,
        detects_overlap: app.detects_overlap,
    }
}

async fn nodes(app: &App, cx: &OpCtx) -> Result<Vec<mc_api::node::Node>, Error> {
    Ok(nodes::service::list(app, cx, page::Request::largest(), nodes::service::Narrow::default())
        .await?
        .items)
}

async fn database(app: &App) -> Result<Database, Error> {
    let began = Instant::now();
    let schema = app.db.schema().await?;
    let mut tx = app.db.begin_read().await?;
    let mut rows = BTreeMap::new();
    for table in bulk::tables(&mut tx).await? {
        if began.elapsed() > COUNTING {
            rows.insert(table.name, None);
            continue;
        }
        // The name comes from the database's own catalog.
        let text = Sql::Built(format!("SELECT COUNT(*) FROM \"{}\"", table.name.replace('"', "\"\"")));
        let (count,): (i64,) = tx.query(text).fetch_one().await?;
        rows.insert(table.name, Some(count));
    }
    Ok(Database { backend: app.db.backend().as_str(), schema, newest_schema: app.db.newest_schema(), rows })
}

type Log = std::io::Result<(String, Vec<mc_secrets::Finding>)>;

/// The ends of the logs that `mc up` lets its parts write; without it the service manager has them.
fn read_logs(folder: &Path, known: &[String]) -> Vec<(PathBuf, Log)> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            path.is_file() && name.strip_suffix(".1").unwrap_or(name).strip_suffix(".log").is_some()
        })
        .collect();
    paths.sort();
    let ends = paths.into_iter().map(|path| {
        let log = mc_secrets::scrub_log(&path, LOG_BYTES, known);
        (path, log)
    });
    ends.collect()
}

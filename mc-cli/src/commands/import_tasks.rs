//! `mc import tasks`.

use std::io::Read;
use std::path::Path;

use mc_api::apply::{ApplyResult, ImportTasks as Request, ImportedRow};
use serde::Serialize;

use crate::args::ImportTasks;
use crate::context::Invocation;
use crate::exit::Failure;
use crate::import::Rows;
use crate::output::Format;
use crate::table;

/// How many rows came to what.
#[derive(Debug, Default, Serialize)]
struct Sums {
    created: u64,
    configured: u64,
    unchanged: u64,
    skipped: u64,
    failed: u64,
    /// Whether nothing was kept.
    dry_run: bool,
}

impl Sums {
    fn count(&mut self, result: ApplyResult) {
        *match result {
            ApplyResult::Created => &mut self.created,
            ApplyResult::Configured => &mut self.configured,
            ApplyResult::Unchanged => &mut self.unchanged,
            ApplyResult::Skipped => &mut self.skipped,
            ApplyResult::Failed => &mut self.failed,
        } += 1;
    }
}

pub(super) async fn run(cx: &Invocation, args: ImportTasks) -> anyhow::Result<()> {
    let (mission, kluster) = (cx.mission()?, cx.kluster()?);
    let client = cx.client()?;
    let mut rows = Rows::read(open(&args.file)?, args.format, &args.mapping)?;
    if !rows.unused.is_empty() {
        cx.out.talk(&format!("columns that no field reads: {}", rows.unused.join(", ")));
    }
    let source = args.source.clone().or_else(|| rows.repository.clone()).or_else(|| file_name(&args.file));
    let source = source.ok_or_else(|| {
        Failure::Usage("which source? Standard input has no name; say --source NAME".into())
    })?;
    let mut sums = Sums { dry_run: args.dry_run, ..Sums::default() };
    for bad in rows.bad.clone() {
        let row = ImportedRow {
            line: bad.line,
            external_id: bad.external_id,
            result: ApplyResult::Failed,
            key: None,
            errors: vec![bad.error],
            overlaps: Vec::new(),
        };
        report(cx, &row, &mut sums)?;
    }
    if sums.failed > 0 && !args.continue_on_error && !args.dry_run {
        return end(cx, &sums, Some("nothing was sent"));
    }
    let (total, step) = (rows.len(), usize::from(args.batch));
    let mut from = 0;
    while from < total {
        let batch = rows.batch(from, step, args.dry_run)?;
        let sent = batch.len();
        let request = Request {
            mission: mission.clone(),
            kluster: kluster.clone(),
            source: source.clone(),
            rows: batch,
            continue_on_error: args.continue_on_error,
            dry_run: args.dry_run,
            acknowledge_overlap: args.acknowledge_overlap.clone(),
        };
        let answer = client.import_tasks(&request).await?;
        let is_kept = answer.committed || args.dry_run;
        for row in &answer.rows {
            // Of a batch that was not kept only what was wrong with it counts.
            if is_kept || row.result == ApplyResult::Failed {
                report(cx, row, &mut sums)?;
            }
        }
        if !is_kept {
            let why =
                format!("the batch of {sent} rows from row {} on was not kept, nor any after it", from + 1);
            return end(cx, &sums, Some(&why));
        }
        from += sent;
        if from / 1000 != (from - sent) / 1000 && from < total {
            cx.out.talk(&format!("{from} of {total} rows"));
        }
    }
    end(cx, &sums, None)
}

/// One line per row that people should look at; with `-o json` one object per row.
fn report(cx: &Invocation, row: &ImportedRow, sums: &mut Sums) -> anyhow::Result<()> {
    sums.count(row.result);
    if cx.out.format == Format::Json {
        return cx.out.json_line(row);
    }
    let key = row.key.as_deref().unwrap_or("-");
    for error in &row.errors {
        let field = error.pointer.trim_start_matches('/');
        let field = if field.is_empty() { "-" } else { field };
        let line =
            format!("line {}  {}  {}  {field}: {}", row.line, row.external_id, row.result, error.message);
        cx.out.data(&format!("{}\n", table::one_line(&line)))?;
    }
    if !row.overlaps.is_empty() {
        let line = format!(
            "line {}  {}  {}  {key} overlaps {}",
            row.line,
            row.external_id,
            row.result,
            row.overlaps.join(", ")
        );
        cx.out.data(&format!("{}\n", table::one_line(&line)))?;
    }
    Ok(())
}

fn end(cx: &Invocation, sums: &Sums, stopped: Option<&str>) -> anyhow::Result<()> {
    if cx.out.format == Format::Json {
        cx.out.json_line(sums)?;
    } else {
        let dry = if sums.dry_run { " (dry run)" } else { "" };
        cx.out.data(&format!(
            "created {}, configured {}, unchanged {}, skipped {}, failed {}{dry}\n",
            sums.created, sums.configured, sums.unchanged, sums.skipped, sums.failed
        ))?;
    }
    match (stopped, sums.failed) {
        (Some(why), failed) => Err(Failure::Usage(format!("{failed} rows cannot be imported; {why}")).into()),
        (None, 0) => Ok(()),
        (None, failed) => Err(Failure::Usage(format!("{failed} rows cannot be imported")).into()),
    }
}

fn open(file: &Path) -> anyhow::Result<Box<dyn Read>> {
    if file == Path::new("-") {
        return Ok(Box::new(std::io::stdin().lock()));
    }
    let opened = std::fs::File::open(file)
        .map_err(|error| Failure::Usage(format!("cannot read {}: {error}", file.display())))?;
    Ok(Box::new(opened))
}

fn file_name(file: &Path) -> Option<String> {
    if file == Path::new("-") {
        return None;
    }
    Some(file.file_name()?.to_string_lossy().into_owned())
}

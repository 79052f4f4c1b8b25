//! What became of a copy, for people and for programs.

use mc_api::Problem;
use mc_api::installation::{CopyAction, CopySummary};

use crate::error::Error;

/// Some lines for people.
pub(crate) fn words(summary: &CopySummary) -> String {
    let target = summary.target.as_deref().unwrap_or_default();
    let first = match (summary.action, summary.already_there) {
        (CopyAction::Backup, _) => format!("backed up to {target}"),
        (CopyAction::Check, _) => "the archive is whole".to_owned(),
        (CopyAction::Restore, false) => format!("restored into {target}"),
        (CopyAction::Migrate, false) => format!("copied to {target}"),
        (CopyAction::Restore | CopyAction::Migrate, true) => {
            format!("{target} holds it already, no row was changed")
        }
    };
    let mut lines = vec![first];
    lines.push(format!("  shows     {}, schema {}", summary.made_at, summary.schema));
    lines.push(format!("  rows      {} in {} tables", summary.rows, summary.tables.len()));
    lines.push(format!("  contents  {} of {} bytes", summary.objects, summary.object_bytes));
    if summary.missing_objects > 0 {
        lines.push(format!("  MISSING   {} contents that rows name are not stored", summary.missing_objects));
    }
    lines.push(format!("  ledger    {} events, verified, head {}", summary.ledger_seq, summary.ledger_hash));
    if let Some(commit) = &summary.git_commit {
        lines.push(format!("  git       {commit}"));
    }
    if let Some(archive) = &summary.archive {
        let sort = if archive.encrypted { "encrypted" } else { "not encrypted" };
        let keys = if archive.has_keys { "with keys" } else { "without keys: back up the root key apart" };
        lines.push(format!("  archive   {} bytes, {sort}, {keys}", archive.size_bytes));
        lines.push(format!("  sha256    {}", archive.sha256));
    }
    #[expect(clippy::cast_precision_loss, reason = "for people")]
    let seconds = summary.duration_ms as f64 / 1000.0;
    lines.push(format!("  took      {seconds:.1} s, {} rows a second", summary.rows_per_second));
    lines.join("\n")
}

/// The document of what went wrong.
pub(crate) fn problem(error: &Error) -> Problem {
    let detail = match &error.source {
        Some(source) => format!("{}: {}", error.detail, crate::opening::causes(source.as_ref())),
        None => error.detail.clone(),
    };
    Problem {
        kind: format!("{}{}", Problem::TYPE_PREFIX, error.kind.slug()),
        title: error.kind.title().to_owned(),
        status: error.kind.status(),
        detail,
        instance: None,
        request_id: None,
        errors: error.errors.clone(),
        conflicts: Vec::new(),
        overlap_suggestions: Vec::new(),
        version_conflicts: Vec::new(),
    }
}

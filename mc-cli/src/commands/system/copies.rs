//! `mc system backup`, `restore` and `migrate`: the work is that of `mc-controlplane`, which opens database and contents.

use std::ffi::OsString;

use mc_api::installation::{CopyAction, CopySummary};

use crate::args::{SystemBackup, SystemMigrate, SystemRestore};
use crate::context::Invocation;
use crate::table;
use crate::up::{self, Word};

fn option(words: &mut Vec<OsString>, name: &str, value: Option<impl Into<OsString>>) {
    if let Some(value) = value {
        words.extend([name.into(), value.into()]);
    }
}

fn flag(words: &mut Vec<OsString>, name: &str, is_set: bool) {
    if is_set {
        words.push(name.into());
    }
}

pub(super) async fn backup(cx: &Invocation, args: SystemBackup) -> anyhow::Result<()> {
    let is_stream = args.to.as_os_str() == "-";
    let mut words = vec!["backup".into(), "--to".into(), args.to.into_os_string()];
    option(&mut words, "--passphrase-file", args.passphrase_file);
    flag(&mut words, "--with-keys", args.with_keys);
    flag(&mut words, "--without-keys", args.without_keys);
    flag(&mut words, "--allow-missing", args.allow_missing);
    let done = up::controlplane(cx, &args.installation, Word { words, is_stream, secret: None }).await?;
    // Of a stream it was told on standard error already.
    done.map_or(Ok(()), |summary| tell(cx, &summary))
}

pub(super) async fn restore(cx: &Invocation, args: SystemRestore) -> anyhow::Result<()> {
    let mut words = vec!["restore".into(), "--from".into(), args.from.into_os_string()];
    option(&mut words, "--passphrase-file", args.passphrase_file);
    flag(&mut words, "--check", args.check);
    let done =
        up::controlplane(cx, &args.installation, Word { words, is_stream: false, secret: None }).await?;
    done.map_or(Ok(()), |summary| tell(cx, &summary))
}

pub(super) async fn migrate(cx: &Invocation, args: SystemMigrate) -> anyhow::Result<()> {
    let mut words = vec!["copy".into()];
    option(&mut words, "--to-config", args.to_config);
    let word = Word { words, is_stream: false, secret: args.to };
    let done = up::controlplane(cx, &args.installation, word).await?;
    done.map_or(Ok(()), |summary| tell(cx, &summary))
}

fn tell(cx: &Invocation, summary: &CopySummary) -> anyhow::Result<()> {
    cx.out.value(summary, || {
        let target = summary.target.clone().unwrap_or_default();
        let done = match (summary.action, summary.already_there) {
            (CopyAction::Backup, _) => format!("backed up to {target}"),
            (CopyAction::Check, _) => "the archive is whole".to_owned(),
            (CopyAction::Restore, false) => format!("restored into {target}"),
            (CopyAction::Migrate, false) => format!("migrated to {target}"),
            (CopyAction::Restore | CopyAction::Migrate, true) => {
                format!("{target} holds it already, no row was changed")
            }
        };
        let mut fields = vec![
            ("Result", done),
            ("Shows", format!("{}, schema {}", summary.made_at, summary.schema)),
            ("Rows", format!("{} in {} tables, verified", summary.rows, summary.tables.len())),
            ("Contents", format!("{} of {} bytes, verified", summary.objects, summary.object_bytes)),
            ("Ledger", format!("{} events, verified, head {}", summary.ledger_seq, summary.ledger_hash)),
        ];
        if summary.missing_objects > 0 {
            fields.push(("Missing", format!("{} contents that rows name", summary.missing_objects)));
        }
        if let Some(commit) = &summary.git_commit {
            fields.push(("Git ledger", commit.clone()));
        }
        if let Some(archive) = &summary.archive {
            let sort = if archive.encrypted { "encrypted" } else { "not encrypted" };
            let keys = if archive.has_keys { "with keys" } else { "without keys: keep the root key apart" };
            fields.push(("Archive", format!("{} bytes, {sort}, {keys}", archive.size_bytes)));
            fields.push(("SHA-256", archive.sha256.clone()));
        }
        fields
            .push(("Took", format!("{} ms, {} rows a second", summary.duration_ms, summary.rows_per_second)));
        if summary.action == CopyAction::Migrate {
            fields.push(("Next", "start it with MC_DATABASE_URL set to the new database".to_owned()));
        }
        table::fields(&fields)
    })
}

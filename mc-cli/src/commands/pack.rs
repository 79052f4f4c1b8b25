//! `mc export mission` and `mc import FILE`.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use mc_api::Name;
use mc_api::pack::{ImportResult, Pack, PackCounts, SecretsMode};
use mc_client::{Exported, Upload};

use crate::args::ExportMission;
use crate::context::Invocation;
use crate::exit::Failure;

pub(super) async fn export(cx: &Invocation, args: ExportMission) -> anyhow::Result<()> {
    let mission = match args.name {
        Some(name) => name,
        None => cx.mission()?,
    };
    let secrets =
        if args.scrub { Some(SecretsMode::Scrub) } else { args.keep_secrets.then_some(SecretsMode::Keep) };
    let client = cx.client()?;
    if args.dry_run {
        let pack = client.inspect_export(&mission, secrets).await?;
        return cx.out.value(&pack, || told(&pack));
    }
    let Some(file) = args.file else {
        if std::io::stdout().is_terminal() {
            let said = format!("a pack is no text for a terminal: mc export mission {mission} > FILE");
            return Err(Failure::Usage(said).into());
        }
        let exported = client.export_mission(&mission, secrets, &mut tokio::io::stdout()).await?;
        say(cx, &exported, secrets, "written");
        return Ok(());
    };
    let folder = match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    let what = || format!("cannot write {}", file.display());
    let temporary = tempfile::Builder::new().prefix(".mc-export-").tempfile_in(folder).with_context(what)?;
    let mut out = tokio::fs::File::from_std(temporary.reopen().with_context(what)?);
    let exported = client.export_mission(&mission, secrets, &mut out).await?;
    out.sync_all().await.with_context(what)?;
    temporary.persist(&file).map_err(|error| error.error).with_context(what)?;
    say(cx, &exported, secrets, &format!("in {}", file.display()));
    Ok(())
}

fn say(cx: &Invocation, exported: &Exported, secrets: Option<SecretsMode>, place: &str) {
    cx.out.talk(&format!("{} bytes {place}, digest {}", exported.size_bytes, exported.sha256));
    if secrets == Some(SecretsMode::Scrub) && exported.secrets_found > 0 {
        cx.out.talk(&format!(
            "{} texts that look like credentials are replaced; `--dry-run` says where they are",
            exported.secrets_found
        ));
    }
}

fn counts(counts: &PackCounts) -> String {
    format!(
        "{} klusters, {} templates, {} tasks, {} docs with {} versions, {} artifacts, {} bindings, {} overlaps, {} bytes of content",
        counts.klusters,
        counts.templates,
        counts.tasks,
        counts.docs,
        counts.doc_versions,
        counts.artifacts,
        counts.bindings,
        counts.overlaps,
        counts.content_bytes
    )
}

fn told(pack: &Pack) -> String {
    let mut lines = vec![format!("mission {}: {}", pack.mission, counts(&pack.counts))];
    lines.extend(pack.notes.iter().map(|note| format!("note: {note}")));
    let secrets = pack.secrets.iter();
    lines.extend(secrets.map(|one| format!("looks like a credential: {}: {}", one.pointer, one.message)));
    let more = pack.secrets_found - i64::try_from(pack.secrets.len()).unwrap_or(0);
    if more > 0 {
        lines.push(format!("and {more} more"));
    }
    crate::output::lines(lines)
}

pub(super) async fn import(
    cx: &Invocation,
    file: &Path,
    name: Option<&Name>,
    dry_run: bool,
) -> anyhow::Result<()> {
    let client = cx.client()?;
    let spooled;
    let file = if file == Path::new("-") {
        // It must be possible to send it again.
        let mut spool = tempfile::NamedTempFile::new().context("cannot make a temporary file")?;
        std::io::copy(&mut std::io::stdin().lock(), &mut spool).context("cannot read standard input")?;
        spooled = spool;
        spooled.path()
    } else {
        std::fs::File::open(file)
            .map_err(|error| Failure::Usage(format!("cannot read {}: {error}", file.display())))?;
        file
    };
    let imported = client.import_pack(Upload::File(file.to_owned()), name, dry_run).await?;
    for note in &imported.notes {
        cx.out.talk(&format!("note: {note}"));
    }
    cx.out.value(&imported, || {
        let counts = counts(&imported.counts);
        match imported.result {
            ImportResult::Created => format!("mission/{} created: {counts}\n", imported.mission),
            ImportResult::Unchanged => {
                format!("mission/{} unchanged: it was made of this pack\n", imported.mission)
            }
            ImportResult::DryRun => format!("mission/{} created (dry run): {counts}\n", imported.mission),
        }
    })
}

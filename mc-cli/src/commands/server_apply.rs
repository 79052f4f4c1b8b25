//! Applying on the server: `mc apply --server-side`, `mc apply --dry-run=server`, `mc diff`.

use mc_api::apply::{Applied, Apply as Request, ApplyAnswer, ApplyResult};
use mc_api::fields;
use mc_api::manifest::Manifest;
use similar::TextDiff;

use crate::apply;
use crate::args::{Apply, Diff};
use crate::context::Invocation;
use crate::exit::{Exit, Failure};
use crate::manifests::Documents;
use crate::output::{Format, lines};

/// Missions, klusters, tasks after those they depend on, then docs.
fn ordered(documents: Documents) -> anyhow::Result<Vec<Manifest>> {
    let missions = documents.missions.into_iter().map(|one| one.raw);
    let klusters = documents.klusters.into_iter().map(|one| one.raw);
    let tasks = apply::order(documents.tasks)?.into_iter().map(|one| one.raw);
    let docs = documents.docs.into_iter().map(|one| one.raw);
    Ok(missions.chain(klusters).chain(tasks).chain(docs).collect())
}

/// `mc apply`, where the server does it.
pub(super) async fn run(cx: &Invocation, args: Apply, is_dry: bool) -> anyhow::Result<()> {
    let documents = ordered(Documents::read(&args.files)?)?;
    if documents.is_empty() {
        return Ok(());
    }
    let request = Request {
        documents,
        field_manager: args.server_side.then(|| args.field_manager.clone()),
        force_conflicts: args.force_conflicts,
        dry_run: is_dry,
        acknowledge_overlap: args.acknowledge_overlap,
    };
    let answer = cx.client()?.apply(&request).await?;
    match cx.out.format {
        Format::Json | Format::Yaml => cx.out.value(&answer, String::new),
        Format::Name => cx.out.data(&lines(answer.items.iter().map(name))),
        Format::Table | Format::Wide => said(cx, &answer),
    }
}

fn name(applied: &Applied) -> String {
    format!("{}/{}", applied.kind, applied.name)
}

fn said(cx: &Invocation, answer: &ApplyAnswer) -> anyhow::Result<()> {
    let dry = if answer.dry_run { " (dry run)" } else { "" };
    for applied in &answer.items {
        cx.out.data(&format!("{} {}{dry}\n", name(applied), applied.result))?;
        for overlap in &applied.overlap_suggestions {
            let other = overlap.candidate.key.as_deref().unwrap_or(&overlap.candidate.id);
            let score = overlap.score * 100.0;
            cx.out.talk(&format!(
                "{} overlaps {other} {:?}, {score:.0} %",
                name(applied),
                overlap.candidate.title
            ));
        }
    }
    Ok(())
}

/// `mc diff`: ends with 0 when nothing differs, 1 when something does, more when it cannot be said.
pub(super) async fn diff(cx: &Invocation, args: Diff) -> anyhow::Result<()> {
    match compared(cx, args).await {
        Ok(false) => Ok(()),
        Ok(true) => Err(Failure::Exited(1).into()),
        // 1 means that something differs.
        Err(error) if Exit::of(&error) == Exit::Internal => {
            cx.out.failure(&error);
            Err(Failure::Exited(Exit::Usage as u8).into())
        }
        Err(error) => Err(error),
    }
}

async fn compared(cx: &Invocation, args: Diff) -> anyhow::Result<bool> {
    let request = Request {
        documents: ordered(Documents::read(&args.files)?)?,
        field_manager: args.server_side.then(|| args.field_manager.clone()),
        force_conflicts: args.force_conflicts,
        dry_run: true,
        acknowledge_overlap: args.acknowledge_overlap,
    };
    let answer = cx.client()?.apply(&request).await?;
    let mut differs = false;
    for applied in &answer.items {
        if applied.result == ApplyResult::Unchanged {
            continue;
        }
        let text = |manifest: Option<&Manifest>| manifest.map(serde_yaml_ng::to_string).transpose();
        let (before, after) =
            (text(applied.before.as_ref())?.unwrap_or_default(), text(Some(&applied.after))?);
        let after = after.unwrap_or_default();
        differs = true;
        let names = (format!("{} (server)", name(applied)), format!("{} (applied)", name(applied)));
        let shown = TextDiff::from_lines(&before, &after);
        cx.out.data(&shown.unified_diff().header(&names.0, &names.1).to_string())?;
    }
    Ok(differs)
}

/// The Merge Patch that makes of one manifest another; empty when they are the same.
pub(super) fn patch(before: &Manifest, after: &Manifest) -> serde_json::Value {
    let (before, after) = (fields::of(before), fields::of(after));
    serde_json::Value::Object(fields::patch(&before, &fields::changes(&before, &after)))
}

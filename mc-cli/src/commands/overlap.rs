//! `mc overlap`, `mc set policy overlap`, and what a created task overlaps.

use mc_api::kluster::{Kluster, UpdateKluster};
use mc_api::mission::{Mission, UpdateMission};
use mc_api::overlap::{
    AcceptOverlap, CheckOverlap, DismissOverlap, OverlapFinding, OverlapKind, OverlapPolicy,
    OverlapSuggestion, TaskAnswer,
};
use mc_client::Scope;
use serde::Serialize;

use super::get::done;
use crate::args::{OverlapCommand, SetPolicy};
use crate::context::Invocation;
use crate::output::Format;
use crate::table;
use crate::view::View;

pub(super) async fn run(cx: &Invocation, command: OverlapCommand) -> anyhow::Result<()> {
    let client = cx.client()?;
    match command {
        OverlapCommand::Check { kind, title, description, file, paths, limit } => {
            let kind = kind.filter(|kind| *kind != OverlapKind::Task);
            let description = match file {
                Some(file) => super::doc::read_text(&file).await?,
                None => description,
            };
            // A text may stand directly in the mission.
            let kluster = if kind.is_none() { Some(cx.kluster()?) } else { cx.scope()?.kluster };
            let body =
                CheckOverlap { mission: cx.mission()?, kluster, kind, title, description, paths, limit };
            let check = client.check_overlap(&body).await?;
            cx.out.value(&check, || {
                let mut text = findings(&check.suggestions);
                text.extend([
                    "decision: ",
                    check.decision.as_str(),
                    " (policy ",
                    check.policy.mode.as_str(),
                    ")\n",
                ]);
                text
            })
        }
        OverlapCommand::Accept { reference, resolution, note } => {
            let body = AcceptOverlap { resolution, note };
            let overlap = client.accept_overlap(bare(&reference), &body).await?;
            let how = overlap.resolution.unwrap_or(overlap.action);
            done(cx, &overlap, &format!("accepted: {how}"))
        }
        OverlapCommand::Dismiss { reference, reason } => {
            let overlap = client.dismiss_overlap(bare(&reference), &DismissOverlap { reason }).await?;
            done(cx, &overlap, "dismissed")
        }
    }
}

fn bare(reference: &str) -> &str {
    reference.strip_prefix("overlap/").unwrap_or(reference)
}

fn findings(found: &[OverlapFinding]) -> String {
    if found.is_empty() {
        return "no overlap found\n".to_owned();
    }
    let rows = found.iter().map(|finding| {
        let candidate = &finding.candidate;
        vec![
            candidate.key.clone().unwrap_or_else(|| candidate.id.clone()),
            format!("{:.0} %", finding.score * 100.0),
            finding.action.to_string(),
            if candidate.done { "finished" } else { "open" }.to_owned(),
            candidate.title.clone(),
        ]
    });
    let all_tasks = found.iter().all(|finding| finding.candidate.kind == "task");
    table::render(
        &[if all_tasks { "TASK" } else { "EXISTING" }, "SCORE", "ACTION", "WORK", "TITLE"],
        rows.collect(),
        true,
    )
}

/// Shows a created task, and for people what it overlaps.
pub(super) fn created(cx: &Invocation, answer: &TaskAnswer, what: &str) -> anyhow::Result<()> {
    if cx.out.format == Format::Json {
        return cx.out.json(answer);
    }
    done(cx, &answer.task, what)?;
    told(cx, &answer.overlap_suggestions);
    pending(cx, answer.overlap_pending);
    Ok(())
}

fn pending(cx: &Invocation, is_pending: bool) {
    if is_pending {
        cx.out
            .talk("the vector of its text is still to come: more overlaps may show up in `mc get overlaps`");
    }
}

/// Shows a doc or artifact that was just written, and for people what it overlaps.
pub(super) fn wrote<V: View>(
    cx: &Invocation,
    (answer, item): (&impl Serialize, &V),
    (overlaps, is_pending): (&[OverlapSuggestion], bool),
    what: &str,
) -> anyhow::Result<()> {
    if cx.out.format == Format::Json {
        return cx.out.json(answer);
    }
    done(cx, item, what)?;
    told(cx, overlaps);
    pending(cx, is_pending);
    Ok(())
}

/// Says what was overlapped.
pub(super) fn told(cx: &Invocation, overlaps: &[OverlapSuggestion]) {
    for overlap in overlaps {
        let candidate = &overlap.candidate;
        cx.out.talk(&format!(
            "overlaps {} {:?}, {:.0} %: {} (mc describe overlap {})",
            candidate.key.as_deref().unwrap_or(&candidate.id),
            candidate.title,
            overlap.score * 100.0,
            overlap.action,
            overlap.id,
        ));
    }
}

pub(super) async fn set_policy(cx: &Invocation, policy: SetPolicy) -> anyhow::Result<()> {
    let SetPolicy::Overlap { mode, acknowledge_at, block_at, inherit: _ } = policy;
    let policy = mode.map(|mode| OverlapPolicy {
        mode,
        acknowledge_at_percent: acknowledge_at,
        block_at_percent: block_at,
    });
    let what =
        policy.map_or("overlap policy: inherited".to_owned(), |p| format!("overlap policy: {}", p.mode));
    let client = cx.client()?;
    let mission = cx.mission()?;
    // The kluster counts when it is given here: one that the context names says nothing about what is meant.
    if let Some(kluster) = &cx.global.kluster {
        let scope = Scope { mission: Some(mission), kluster: None };
        let patch = UpdateKluster { overlap_policy: Some(policy), ..UpdateKluster::default() };
        return done(cx, &client.update::<Kluster>(kluster, &scope, &patch, None).await?, &what);
    }
    let patch = UpdateMission { overlap_policy: Some(policy), ..UpdateMission::default() };
    done(cx, &client.update::<Mission>(&mission, &Scope::default(), &patch, None).await?, &what)
}

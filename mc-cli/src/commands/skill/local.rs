//! Skills in a folder where agents work: brought there, compared, reported.
//!
//! The copies are in `.mc/skills` of the folder; agents find links to the current one in `.agents/skills` and
//! `.claude/skills`. Nothing that is there and not ours is touched.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mc_api::bundle::Drift;
use mc_api::skill::{PromoteSkills, ReportSkills, SkillSyncState};
use mc_api::tool::TreeFile;
use mc_bundle::copies::{About, Copies, Copy};
use mc_bundle::{Limits, Tree, skills};
use mc_client::{Client, Scope};
use serde::Serialize;

use super::{done, snapshot};
use crate::age::now;
use crate::context::Invocation;
use crate::exit::Failure;
use crate::view;

/// The folder of the copies, below the one where agents work.
const FOLDER: &str = ".mc/skills";
/// The link to the current copy.
const CURRENT: &str = "current";

/// What was done, or found.
#[derive(Serialize)]
struct Answer<'a> {
    kind: &'static str,
    dir: &'a Path,
    effective_version: &'a str,
    sha256: &'a str,
    state: SkillSyncState,
    drift: &'a Drift,
    /// What of the folder's own stands where a skill would be shown.
    shadowed: Vec<String>,
}

fn folder(dir: &Path) -> anyhow::Result<(PathBuf, Copies)> {
    let dir = dir
        .canonicalize()
        .map_err(|error| Failure::Usage(format!("{} is no folder: {error}", dir.display())))?;
    let copies = Copies::new(&dir.join(FOLDER), CURRENT);
    Ok((dir, copies))
}

pub(super) async fn sync(cx: &Invocation, dir: &Path, force: bool) -> anyhow::Result<()> {
    let client = cx.client()?;
    let (dir, copies) = folder(dir)?;
    let snapshot = snapshot(cx, &client, None).await?;
    let about = About {
        subject: snapshot.kluster.as_ref().unwrap_or(&snapshot.mission).to_string(),
        version: snapshot.effective_version.clone(),
        sha256: snapshot.sha256.clone(),
        origin: origin(&snapshot.mission_id.to_string(), snapshot.kluster_id.map(|id| id.to_string())),
    };
    let unusable = || format!("{} cannot be used", copies.root().display());
    let lock = copies.lock().with_context(unusable)?;
    // The copies are nobody's to commit.
    mc_bundle::folder::write_file(&dir.join(".mc/.gitignore"), b"*\n").with_context(unusable)?;
    let before = copies.current().with_context(unusable)?;
    if let Some(before) = &before {
        let drift = copies.drift(before)?;
        if !drift.is_empty() && !force {
            let message = format!(
                "{drift} in {}; `mc skill drift {}` names them, --force goes on and leaves them there",
                copies.path(before).display(),
                dir.display()
            );
            return Err(Failure::Conflict(message).into());
        }
        if !drift.is_empty() {
            cx.out.talk(&format!("{drift}: kept in {}", copies.path(before).display()));
        }
    }
    let bytes = client.snapshot_content(&snapshot).await?;
    let tree = Tree::read(&bytes, Limits::SNAPSHOT).context("the server's archive")?;
    let copy = copies.provide(about, &tree, &lock)?;
    copies.activate(&copy, &lock).with_context(unusable)?;
    let shadowed =
        skills::expose(&dir, &format!("{FOLDER}/{CURRENT}"), &copy.files).with_context(unusable)?;
    // A program that looks into the copy before this one goes on doing so.
    let keep: Vec<&str> = before.iter().map(|before| before.folder.as_str()).collect();
    copies.prune(&keep, &lock)?;
    drop(lock);
    let drift = Drift::default();
    report(cx, &client, &dir, (&copy, &drift)).await;
    for path in &shadowed {
        cx.out.talk(&format!(
            "warning: {path} is the folder's own and stays; agents do not see the skill there"
        ));
    }
    let answer = Answer {
        kind: "skill_copy",
        dir: &dir,
        effective_version: &copy.about.version,
        sha256: &copy.about.sha256,
        state: SkillSyncState::InSync,
        drift: &drift,
        shadowed,
    };
    cx.out.value(&answer, || {
        format!("{} in {}, {} files\n", copy.about.version, dir.display(), copy.files.len())
    })
}

fn origin(mission: &str, kluster: Option<String>) -> Vec<String> {
    std::iter::once(mission.to_owned()).chain(kluster).collect()
}

/// Says what is there. The folder is what it is, whether the server hears of it or not.
async fn report(cx: &Invocation, client: &Client, dir: &Path, (copy, drift): (&Copy, &Drift)) {
    // Only for people, to tell machines apart.
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let place: String = format!("{}:{}", host.trim(), dir.display()).chars().take(300).collect();
    let Some(mission) = copy.about.origin.first() else { return };
    let report = ReportSkills {
        mission: mission.clone(),
        kluster: copy.about.origin.get(1).cloned(),
        place,
        effective_version: copy.about.version.clone(),
        sha256: copy.about.sha256.clone(),
        drift: drift.clone(),
    };
    if let Err(error) = client.report_skills(&report).await {
        cx.out.talk(&format!("warning: the server was not told: {error}"));
    }
}

pub(super) async fn drift(cx: &Invocation, dir: &Path) -> anyhow::Result<()> {
    let (dir, copies) = folder(dir)?;
    let current = copies.current().with_context(|| format!("{} cannot be read", copies.root().display()))?;
    let Some(copy) = current else {
        let message = format!("{} has no skills; `mc skill sync` brings them", dir.display());
        return Err(Failure::NotFound(message).into());
    };
    let drift = copies.drift(&copy)?;
    // Without a server there is still an answer.
    let mut wanted = None;
    if let Ok(client) = cx.client()
        && let Some(mission) = copy.about.origin.first()
    {
        report(cx, &client, &dir, (&copy, &drift)).await;
        let kluster = copy.about.origin.get(1).map(String::as_str);
        wanted = client.effective_skills(mission, kluster, None).await.ok().map(|now| now.effective_version);
    }
    let state = match &wanted {
        _ if !drift.is_empty() => SkillSyncState::Drifted,
        Some(wanted) if *wanted != copy.about.version => SkillSyncState::Outdated,
        _ => SkillSyncState::InSync,
    };
    let answer = Answer {
        kind: "skill_copy",
        dir: &dir,
        effective_version: &copy.about.version,
        sha256: &copy.about.sha256,
        state,
        drift: &drift,
        shadowed: Vec::new(),
    };
    cx.out.value(&answer, || {
        let lists = [("changed", &drift.changed), ("missing", &drift.missing), ("added", &drift.added)];
        let lines =
            lists.iter().flat_map(|(word, list)| list.iter().map(move |path| format!("{word:8} {path}\n")));
        let newer = wanted.filter(|wanted| *wanted != copy.about.version);
        let newer = newer.map(|wanted| format!(", {wanted} holds now")).unwrap_or_default();
        format!("{} {state}{newer}: {drift}\n{}", copy.about.version, lines.collect::<String>())
    })
}

/// Sends what was changed in the copy; the copy stays as it is until the next sync.
pub(super) async fn promote(
    cx: &Invocation,
    dir: &Path,
    to_mission: bool,
    note: String,
    publish: bool,
) -> anyhow::Result<()> {
    let (dir, copies) = folder(dir)?;
    let current = copies.current().with_context(|| format!("{} cannot be read", copies.root().display()))?;
    let Some(copy) = current else {
        let message = format!("{} has no skills; `mc skill sync` brings them", dir.display());
        return Err(Failure::NotFound(message).into());
    };
    let drift = copies.drift(&copy)?;
    if drift.is_empty() {
        return Err(Failure::Usage(format!("nothing was changed in {}", dir.display())).into());
    }
    let Some(mission) = copy.about.origin.first().cloned() else {
        return Err(Failure::Usage(format!("{} does not say what it is synced with", dir.display())).into());
    };
    let most = [&drift.changed, &drift.added, &drift.missing].map(Vec::len).into_iter().max();
    if most >= Some(mc_api::bundle::MAX_DRIFT) {
        let message = "too much was changed to tell it all; push a whole bundle: `mc skill push`";
        return Err(Failure::Usage(message.into()).into());
    }
    let tree = mc_bundle::folder::pack(&copies.path(&copy), &[], Limits::SNAPSHOT)
        .map_err(|error| Failure::Usage(error.to_string()))?;
    let is_changed = |path: &str| drift.changed.iter().chain(&drift.added).any(|changed| changed == path);
    let files = tree.iter().filter(|(path, _)| is_changed(path)).map(|(path, file)| {
        let text = String::from_utf8(file.content.clone()).ok().filter(|text| !text.contains('\0'));
        let content_base64 = text.is_none().then(|| STANDARD.encode(&file.content));
        TreeFile { path: path.to_owned(), text, content_base64, executable: file.executable }
    });
    // The version names both bundles; without a kluster there is none of the second.
    let of_mission = copy.about.version.split_once('-').map(|(mission, _)| format!("{mission}-k0"));
    let changes = PromoteSkills {
        mission,
        kluster: copy.about.origin.get(1).cloned().filter(|_| !to_mission),
        effective_version: if to_mission { of_mission } else { Some(copy.about.version.clone()) },
        files: files.collect(),
        missing: drift.missing.clone(),
        note,
    };
    let client = cx.client()?;
    let mut bundle = client.promote_skills(&changes).await?;
    if publish {
        bundle = client.skill_step(&bundle.id.to_string(), &Scope::default(), "publish").await?;
    }
    let what = format!("{} {}: {drift}", bundle.name, bundle.state);
    done(cx, &bundle, &what)
}

pub(super) async fn copies(cx: &Invocation) -> anyhow::Result<()> {
    let copies = cx.client()?.skill_sync(&cx.scope()?, None).await?;
    cx.out.list(copies, |copies| view::skills::copies(copies, now()))
}

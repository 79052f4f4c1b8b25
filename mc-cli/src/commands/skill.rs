//! `mc skill`.

mod local;

use std::path::Path;

use anyhow::Context as _;
use mc_api::bundle::BundleFile;
use mc_api::skill::{CreateSkill, REMOVES_FILE, SkillBundle, SkillSnapshot};
use mc_bundle::{Limits, Tree, folder};
use mc_client::{Client, ListQuery, Scope, Upload};
use similar::TextDiff;
use tokio::io::AsyncReadExt as _;

use super::get::{collect, done, find};
use crate::args::SkillCommand;
use crate::context::Invocation;
use crate::exit::Failure;
use crate::output::lines;
use crate::table;

pub(super) async fn run(cx: &Invocation, command: SkillCommand) -> anyhow::Result<()> {
    match command {
        SkillCommand::Push { path, remove, note, publish } => push(cx, &path, &remove, note, publish).await,
        SkillCommand::Publish { reference } => step(cx, &reference, "publish", "published").await,
        SkillCommand::Deprecate { reference } => step(cx, &reference, "deprecate", "is out of use").await,
        SkillCommand::Effective { version } => effective(cx, version.as_deref()).await,
        SkillCommand::Pull { dir, from } => pull(cx, &dir, from).await,
        SkillCommand::Diff { from, to } => diff(cx, &from, &to).await,
        SkillCommand::Sync { dir, force } => local::sync(cx, &dir, force).await,
        SkillCommand::Promote { dir, to_mission, note, publish } => {
            local::promote(cx, &dir, to_mission, note.unwrap_or_default(), publish).await
        }
        SkillCommand::Drift { dir: Some(dir) } => local::drift(cx, &dir).await,
        SkillCommand::Drift { dir: None } => local::copies(cx).await,
    }
}

/// Names at the top of a folder that belong to no bundle: what sync puts there, what Git and desktops leave.
const SKIP: [&str; 4] = [".git", ".mc", ".DS_Store", REMOVES_FILE];

/// A folder as a tree; what cannot be in a bundle is a fault of the folder.
pub(super) fn pack(dir: &Path, skip: &[&str]) -> anyhow::Result<Tree> {
    folder::pack(dir, skip, Limits::BUNDLE).map_err(|error| match error {
        folder::PackError::Refused(refusal) => Failure::Usage(refusal.to_string()).into(),
        other @ folder::PackError::Io(..) => {
            Failure::Usage(crate::output::explain(&anyhow::Error::new(other))).into()
        }
    })
}

/// A file, or standard input, whole.
async fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    if path == Path::new("-") {
        let mut bytes = Vec::new();
        tokio::io::stdin().read_to_end(&mut bytes).await.context("cannot read standard input")?;
        return Ok(bytes);
    }
    let bytes = tokio::fs::read(path).await;
    bytes.map_err(|error| Failure::Usage(format!("cannot read {}: {error}", path.display())).into())
}

async fn push(
    cx: &Invocation,
    path: &Path,
    remove: &[String],
    note: Option<String>,
    publish: bool,
) -> anyhow::Result<()> {
    let (tree, listed) = if path.is_dir() {
        let listed = std::fs::read(path.join(REMOVES_FILE)).ok();
        (pack(path, &SKIP)?, listed)
    } else {
        let bytes = read(path).await?;
        Tree::read_with(&bytes, Limits::BUNDLE, REMOVES_FILE)
            .map_err(|refusal| Failure::Usage(refusal.to_string()))?
    };
    let mut list = String::from_utf8_lossy(&listed.unwrap_or_default()).into_owned();
    for path in remove {
        if !list.is_empty() && !list.ends_with('\n') {
            list.push('\n');
        }
        list.push_str(path);
        list.push('\n');
    }
    let own = (!list.trim().is_empty()).then_some((REMOVES_FILE, list.as_bytes()));
    let scope = cx.scope()?;
    let create = CreateSkill { mission: cx.mission()?, kluster: scope.kluster, note };
    let client = cx.client()?;
    let mut bundle = client.push_skill(&create, Upload::Bytes(tree.write_with(own).into())).await?;
    if publish {
        bundle = client.skill_step(&bundle.id.to_string(), &Scope::default(), "publish").await?;
    }
    let what = format!("{} {}, {} files", bundle.name, bundle.state, bundle.file_count);
    done(cx, &bundle, &what)
}

async fn step(cx: &Invocation, reference: &str, verb: &'static str, what: &str) -> anyhow::Result<()> {
    let bundle = cx.client()?.skill_step(reference, &cx.scope()?, verb).await?;
    done(cx, &bundle, &format!("{} {what}", bundle.name))
}

/// What holds in the mission of -m and the kluster of -k.
async fn snapshot(cx: &Invocation, client: &Client, version: Option<&str>) -> anyhow::Result<SkillSnapshot> {
    Ok(client.effective_skills(&cx.mission()?, cx.global.kluster.as_deref(), version).await?)
}

async fn effective(cx: &Invocation, version: Option<&str>) -> anyhow::Result<()> {
    let snapshot = snapshot(cx, &cx.client()?, version).await?;
    cx.out.value(&snapshot, || {
        let rows = snapshot.files.iter().map(|file| {
            let BundleFile { path, size_bytes, sha256, .. } = &file.file;
            vec![path.clone(), file.from.clone(), size_bytes.to_string(), sha256.chars().take(12).collect()]
        });
        let files = table::render(&["PATH", "FROM", "BYTES", "SHA256"], rows.collect(), false);
        let removed = lines(snapshot.removed.iter().map(|path| format!("taken out: {path}")));
        format!("{} {}\n{files}{removed}", snapshot.effective_version, snapshot.sha256)
    })
}

async fn pull(cx: &Invocation, dir: &Path, from: Option<String>) -> anyhow::Result<()> {
    let (client, scope) = (cx.client()?, cx.scope()?);
    let bundle: SkillBundle = match from {
        Some(reference) => find(&client, &reference, &scope).await?,
        None => newest(&client, &scope, &cx.mission()?).await?,
    };
    if dir.symlink_metadata().is_ok() {
        return Err(
            Failure::Usage(format!("{} is there already; pull to a new folder", dir.display())).into()
        );
    }
    let bytes = client.skill_content(&bundle).await?;
    let tree = Tree::read(&bytes, Limits::BUNDLE).context("the server's archive")?;
    let absolute = std::path::absolute(dir)?;
    let (Some(parent), Some(name)) = (absolute.parent(), absolute.file_name().and_then(|name| name.to_str()))
    else {
        return Err(Failure::Usage(format!("{} cannot be made", dir.display())).into());
    };
    let list = lines(&bundle.removes);
    let own = (!list.is_empty()).then_some((REMOVES_FILE, list.as_bytes()));
    folder::place_new(parent, name, &tree, own).with_context(|| format!("cannot write {}", dir.display()))?;
    done(cx, &bundle, &format!("{} written to {}, {} files", bundle.name, dir.display(), tree.len()))
}

/// The newest version of the mission itself, or of the kluster, whatever its state.
async fn newest(client: &Client, scope: &Scope, mission: &str) -> anyhow::Result<SkillBundle> {
    let query = ListQuery {
        mission: Some(mission.to_owned()),
        kluster: scope.kluster.clone(),
        ..ListQuery::default()
    };
    let all = collect::<SkillBundle>(client, query, None).await?.items;
    let own = all.into_iter().filter(|bundle| bundle.kluster.is_some() == scope.kluster.is_some());
    let place = scope.kluster.as_deref().unwrap_or(mission);
    let absent = || Failure::NotFound(format!("{place} has no skills; `mc skill push` stores some"));
    own.max_by_key(|bundle| bundle.number).ok_or_else(|| absent().into())
}

async fn diff(cx: &Invocation, from: &str, to: &str) -> anyhow::Result<()> {
    let (client, scope) = (cx.client()?, cx.scope()?);
    let mut sides = Vec::new();
    for reference in [from, to] {
        let bundle: SkillBundle = find(&client, reference, &scope).await?;
        let bytes = client.skill_content(&bundle).await?;
        sides.push((bundle.name, Tree::read(&bytes, Limits::BUNDLE).context("the server's archive")?));
    }
    let [(old_name, old), (new_name, new)] = &sides[..] else { unreachable!("two were read") };
    let mut text = String::new();
    let paths: std::collections::BTreeSet<&str> =
        old.iter().chain(new.iter()).map(|(path, _)| path).collect();
    for path in paths {
        let content = |tree: &Tree| tree.get(path).map(|file| (file.content.clone(), file.executable));
        let (before, after) = (content(old), content(new));
        if before == after {
            continue;
        }
        let name =
            |side: &str, is_there: bool| if is_there { format!("{side}/{path}") } else { "/dev/null".into() };
        let names = (name(old_name, before.is_some()), name(new_name, after.is_some()));
        let modes = (before.as_ref().map(|b| b.1), after.as_ref().map(|a| a.1));
        let utf8 =
            |side: Option<(Vec<u8>, bool)>| String::from_utf8(side.map(|side| side.0).unwrap_or_default());
        match (utf8(before), utf8(after)) {
            (Ok(before), Ok(after)) => {
                let shown = TextDiff::from_lines(&before, &after);
                text.push_str(&shown.unified_diff().context_radius(3).header(&names.0, &names.1).to_string());
                if let (Some(old), Some(new)) = modes
                    && old != new
                {
                    let word = if new { "may" } else { "may not" };
                    text.extend([path, ": ", word, " be run\n"]);
                }
            }
            _ => text.extend([&names.0, " and ", &names.1, " differ, and one is no text\n"]),
        }
    }
    cx.out.data(&text)
}

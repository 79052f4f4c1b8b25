//! `mc edit`.

use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use anyhow::Context as _;
use mc_api::doc::{Doc, PutDocVersion, UpdateDoc};
use mc_api::kluster::Kluster;
use mc_api::manifest::Manifest;
use mc_api::mission::Mission;
use mc_api::task::Task;
use mc_client::{Client, Patchable, Resource as _, Scope};
use serde::de::DeserializeOwned;
use tempfile::TempPath;

use super::get::{done, find};
use super::{reference, server_apply};
use crate::args::Named;
use crate::context::Invocation;
use crate::exit::Failure;
use crate::kind::Kind;
use crate::view::View;

pub(super) async fn run(cx: &Invocation, args: Named) -> anyhow::Result<()> {
    let reference = reference(&args.kind, args.reference)?;
    match args.kind.kind {
        Kind::Mission => edit::<Mission>(cx, &reference).await,
        Kind::Kluster => edit::<Kluster>(cx, &reference).await,
        Kind::Task => edit::<Task>(cx, &reference).await,
        Kind::Doc => edit_doc(cx, &reference).await,
        kind => {
            let message = format!("a {kind} cannot be edited; missions, klusters, tasks and docs can");
            Err(Failure::Usage(message).into())
        }
    }
}

async fn edit<R>(cx: &Invocation, reference: &str) -> anyhow::Result<()>
where
    R: View + Patchable,
    R::Update: DeserializeOwned,
{
    let client = cx.client()?;
    let item: R = find(&client, reference, &cx.scope()?).await?;
    let before = item.manifest().context("a mission, kluster or task has a manifest")?;
    let head = format!("# {}, version {}.", crate::view::name(&item), item.version());
    let Some(path) = typed(cx, &head, &before)? else { return Ok(()) };
    let outcome = apply::<R>(cx, &client, &item, &before, &path).await;
    kept(path, outcome, "nothing was changed")
}

/// A doc with its text: what is about it is changed first, then the text becomes a new version.
async fn edit_doc(cx: &Invocation, reference: &str) -> anyhow::Result<()> {
    let client = cx.client()?;
    let doc: Doc = find(&client, reference, &cx.scope()?).await?;
    let mut before = Manifest::from(&doc);
    if let serde_json::Value::Object(spec) = &mut before.spec {
        spec.insert("content".to_owned(), client.doc_text(&doc, doc.latest_version).await?.into());
    }
    let head = format!("# {}, version {} of its text.", crate::view::name(&doc), doc.latest_version);
    let Some(path) = typed(cx, &head, &before)? else { return Ok(()) };
    let mut done = "nothing was changed";
    let outcome = apply_doc(cx, &client, &doc, &before, (&path, &mut done)).await;
    kept(path, outcome, done)
}

async fn apply_doc(
    cx: &Invocation,
    client: &Client,
    doc: &Doc,
    before: &Manifest,
    (path, so_far): (&Path, &mut &str),
) -> anyhow::Result<()> {
    let Some(serde_json::Value::Object(mut patch)) = wanted(cx, before, path)? else { return Ok(()) };
    let content = match patch.remove("content") {
        None => None,
        Some(serde_json::Value::String(text)) => Some(text),
        Some(_) => return Err(Failure::Usage("spec.content: a doc has a text".into()).into()),
    };
    if patch.get("title").is_some_and(serde_json::Value::is_null) {
        patch.insert("title".to_owned(), doc.name.to_string().into());
    }
    let mut changed = doc.clone();
    if !patch.is_empty() {
        let patch: UpdateDoc = serde_json::from_value(patch.into())
            .map_err(|error| Failure::Usage(format!("the edited file: {error}")))?;
        let updated = client.update::<Doc>(&doc.id(), &Scope::default(), &patch, Some(doc.version)).await;
        changed = updated.map_err(|error| stale(error, doc.version))?;
        *so_far = "the text was not changed, what is about it was";
    }
    if let Some(content) = content {
        let body = PutDocVersion {
            base_version: doc.latest_version,
            content,
            title: None,
            note: String::new(),
            acknowledge_overlap: Vec::new(),
        };
        let answer = client.put_doc_version(&doc.id(), &Scope::default(), &body).await?;
        super::overlap::told(cx, &answer.overlap_suggestions);
        changed = answer.doc;
    }
    done(cx, &changed, "edited")
}

/// What was typed over a manifest; `None`: the editor removed the file.
fn typed(cx: &Invocation, head: &str, before: &Manifest) -> anyhow::Result<Option<TempPath>> {
    let head = format!("{head} What is taken out gets its default; an empty file changes nothing.\n");
    let mut file = tempfile::Builder::new()
        .prefix("mc-edit-")
        .suffix(".yaml")
        .tempfile()
        .context("cannot make a temporary file")?;
    file.write_all(format!("{head}{}", serde_yaml_ng::to_string(before)?).as_bytes())?;
    let path = file.into_temp_path();
    open(cx, &path)?;
    if !path.exists() {
        // As an empty file: some editors do so when nothing is kept.
        cx.out.talk("the editor removed the file; nothing was changed");
        return Ok(None);
    }
    Ok(Some(path))
}

fn kept(path: TempPath, outcome: anyhow::Result<()>, done: &str) -> anyhow::Result<()> {
    match outcome {
        Ok(()) => Ok(()),
        // What was typed is worth more than a clean folder.
        Err(error) => {
            let kept = path.keep().context("cannot keep the edited file")?;
            Err(error.context(format!("{done}; your edit is kept in {}", kept.display())))
        }
    }
}

/// The editor of `VISUAL` or `EDITOR`, as the shell would run it; else `vi`.
fn open(cx: &Invocation, path: &Path) -> anyhow::Result<()> {
    let editor = cx.environment().editor.clone().unwrap_or_else(|| "vi".to_owned());
    let status = Command::new("sh")
        .args(["-c", &format!("{editor} \"$1\""), "sh"])
        .arg(path)
        .status()
        .with_context(|| format!("the editor {editor:?} cannot be started"))?;
    if status.success() {
        return Ok(());
    }
    Err(Failure::Usage(format!("the editor {editor:?} ended with {status}; nothing was changed")).into())
}

async fn apply<R>(
    cx: &Invocation,
    client: &Client,
    item: &R,
    before: &Manifest,
    path: &Path,
) -> anyhow::Result<()>
where
    R: View + Patchable,
    R::Update: DeserializeOwned,
{
    let Some(patch) = wanted(cx, before, path)? else { return Ok(()) };
    let patch: R::Update =
        serde_json::from_value(patch).map_err(|error| Failure::Usage(format!("the edited file: {error}")))?;
    let changed = client
        .update::<R>(&item.id(), &Scope::default(), &patch, Some(item.version()))
        .await
        .map_err(|error| stale(error, item.version()))?;
    done(cx, &changed, "edited")
}

fn stale(error: mc_client::Error, version: i64) -> anyhow::Error {
    let is_stale = error.problem_kind() == Some(mc_api::ProblemKind::StaleVersion);
    let error = anyhow::Error::from(error);
    if is_stale {
        return error.context(format!("somebody changed it since version {version}; edit it again"));
    }
    error
}

/// The Merge Patch that the edited file means; `None`: nothing is changed.
fn wanted(cx: &Invocation, before: &Manifest, path: &Path) -> anyhow::Result<Option<serde_json::Value>> {
    let text = std::fs::read_to_string(path).context("cannot read the edited file")?;
    if text.lines().all(|line| line.trim().is_empty() || line.starts_with('#')) {
        cx.out.talk("the file is empty; nothing was changed");
        return Ok(None);
    }
    let after: Manifest = serde_yaml_ng::from_str(&text)
        .map_err(|error| Failure::Usage(format!("the edited file: {error}")))?;
    let identity = |one: &Manifest| {
        (
            one.api_version.clone(),
            one.kind.clone(),
            one.metadata.name.clone(),
            one.metadata.mission.clone(),
            one.metadata.kluster.clone(),
        )
    };
    if identity(before) != identity(&after) {
        let message =
            "apiVersion, kind, name, mission and kluster say which object it is; they stay as they are";
        return Err(Failure::Usage(message.into()).into());
    }
    let patch = server_apply::patch(before, &after);
    if patch.as_object().is_none_or(serde_json::Map::is_empty) {
        cx.out.talk("nothing was changed");
        return Ok(None);
    }
    Ok(Some(patch))
}

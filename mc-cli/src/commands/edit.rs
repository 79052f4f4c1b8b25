//! `mc edit`.

use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use anyhow::Context as _;
use mc_api::kluster::Kluster;
use mc_api::manifest::Manifest;
use mc_api::mission::Mission;
use mc_api::task::Task;
use mc_client::{Client, Patchable, Scope};
use serde::de::DeserializeOwned;

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
        kind => {
            Err(Failure::Usage(format!("a {kind} cannot be edited; missions, klusters and tasks can")).into())
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
    let head = format!(
        "# {}, version {}. What is taken out gets its default; an empty file changes nothing.\n",
        crate::view::name(&item),
        item.version()
    );
    let mut file = tempfile::Builder::new()
        .prefix("mc-edit-")
        .suffix(".yaml")
        .tempfile()
        .context("cannot make a temporary file")?;
    file.write_all(format!("{head}{}", serde_yaml_ng::to_string(&before)?).as_bytes())?;
    let path = file.into_temp_path();
    open(cx, &path)?;
    if !path.exists() {
        // As an empty file: some editors do so when nothing is kept.
        cx.out.talk("the editor removed the file; nothing was changed");
        return Ok(());
    }
    let outcome = apply::<R>(cx, &client, &item, &before, &path).await;
    match outcome {
        Ok(()) => Ok(()),
        // What was typed is worth more than a clean folder.
        Err(error) => {
            let kept = path.keep().context("cannot keep the edited file")?;
            Err(error.context(format!("nothing was changed; your edit is kept in {}", kept.display())))
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
    let text = std::fs::read_to_string(path).context("cannot read the edited file")?;
    if text.lines().all(|line| line.trim().is_empty() || line.starts_with('#')) {
        cx.out.talk("the file is empty; nothing was changed");
        return Ok(());
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
        return Ok(());
    }
    let patch: R::Update =
        serde_json::from_value(patch).map_err(|error| Failure::Usage(format!("the edited file: {error}")))?;
    let changed = client
        .update::<R>(&item.id(), &Scope::default(), &patch, Some(item.version()))
        .await
        .map_err(|error| {
            let is_stale = error.problem_kind() == Some(mc_api::ProblemKind::StaleVersion);
            let error = anyhow::Error::from(error);
            if is_stale {
                let version = item.version();
                return error.context(format!("somebody changed it since version {version}; edit it again"));
            }
            error
        })?;
    done(cx, &changed, "edited")
}

//! `mc keystone`.

use std::path::Path;

use anyhow::Context as _;
use mc_api::doc::{InitKeystone, PutDocVersion};
use mc_client::Scope;

use super::doc::read_text;
use super::get::done;
use crate::args::KeystoneCommand;
use crate::context::Invocation;
use crate::exit::Failure;

pub(super) async fn run(cx: &Invocation, command: KeystoneCommand) -> anyhow::Result<()> {
    let client = cx.client()?;
    let scope = Scope { mission: Some(cx.mission()?), kluster: cx.scope()?.kluster };
    match command {
        KeystoneCommand::Init => {
            let body = InitKeystone { mission: cx.mission()?, kluster: scope.kluster };
            let doc = client.init_keystone(&body).await?;
            done(cx, &doc, &format!("is there, version {}", doc.latest_version))
        }
        KeystoneCommand::Show => {
            let found = client.keystone(&scope).await?;
            cx.out.value(&found, || found.content.clone())
        }
        KeystoneCommand::Edit { file, note } => {
            let before = client.keystone(&scope).await?;
            let content = match file {
                Some(file) => read_text(&file).await?,
                None => edited(cx, &before.content).await?,
            };
            let body = PutDocVersion {
                base_version: before.version.number,
                content,
                title: None,
                note,
                acknowledge_overlap: Vec::new(),
            };
            let id = before.doc.id.to_string();
            let doc = client.put_doc_version(&id, &Scope::default(), &body).await?.doc;
            if doc.latest_version == before.doc.latest_version {
                return done(cx, &doc, &format!("unchanged, version {}", doc.latest_version));
            }
            done(cx, &doc, &format!("version {} written", doc.latest_version))
        }
    }
}

/// The text after a person edited it in the editor of `VISUAL` or `EDITOR`.
async fn edited(cx: &Invocation, text: &str) -> anyhow::Result<String> {
    let Some(editor) = &cx.environment().editor else {
        return Err(Failure::Usage("say --file FILE, or set VISUAL or EDITOR".into()).into());
    };
    let mut words = editor.split_whitespace();
    let program = words.next().unwrap_or_default();
    let file = tempfile::Builder::new().prefix("mc-keystone-").suffix(".md").tempfile()?;
    std::fs::write(file.path(), text).context("cannot write the file to edit")?;
    let status = tokio::process::Command::new(program)
        .args(words)
        .arg(file.path())
        .status()
        .await
        .map_err(|error| Failure::Usage(format!("cannot start {program:?}: {error}")))?;
    if !status.success() {
        return Err(Failure::Refused(format!("{program} ended with {status}; nothing was changed")).into());
    }
    read_text(Path::new(file.path())).await
}

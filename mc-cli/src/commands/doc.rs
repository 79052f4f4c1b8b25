//! `mc doc`.

use std::path::Path;

use anyhow::Context as _;
use mc_api::ProblemKind;
use mc_api::doc::{CreateDoc, Doc, DocVersion, MAX_CONTENT_BYTES, PublishDoc, PutDocVersion};
use mc_client::{Client, Scope};
use tokio::io::AsyncReadExt as _;

use super::get::{done, find};
use super::overlap::wrote;
use crate::age::{age, now};
use crate::args::DocCommand;
use crate::context::Invocation;
use crate::exit::Failure;
use crate::table;

pub(super) async fn run(cx: &Invocation, command: DocCommand) -> anyhow::Result<()> {
    let client = cx.client()?;
    let scope = cx.scope()?;
    match command {
        DocCommand::Put { name, file, title, note, base, media_type, acknowledge_overlap } => {
            let content = read_text(&file).await?;
            let create = CreateDoc {
                mission: cx.mission()?,
                kluster: scope.kluster.clone(),
                name,
                title,
                media_type,
                content,
                note,
                labels: mc_api::Labels::default(),
                annotations: mc_api::Labels::default(),
                acknowledge_overlap,
            };
            put(cx, &client, create, base).await
        }
        DocCommand::Get { reference, version } => {
            let doc: Doc = find(&client, &reference, &scope).await?;
            let text = client.doc_text(&doc, version.unwrap_or(doc.latest_version)).await?;
            cx.out.data(&text)
        }
        DocCommand::Versions { reference } => {
            let versions = client.doc_versions(&reference, &scope).await?;
            cx.out.list(versions, rows)
        }
        DocCommand::Diff { reference, from, to } => {
            let diff = client.doc_diff(&reference, &scope, from, to).await?;
            cx.out.value(&diff, || {
                if diff.binary {
                    format!("versions {} and {} differ, and one is no text\n", diff.from, diff.to)
                } else {
                    diff.unified.clone()
                }
            })
        }
        DocCommand::Publish { reference, version } => {
            let doc: Doc = find(&client, &reference, &scope).await?;
            let version = version.unwrap_or(doc.latest_version);
            let id = doc.id.to_string();
            let doc = client.publish_doc(&id, &Scope::default(), &PublishDoc { version }).await?;
            done(cx, &doc, &format!("version {version} published"))
        }
    }
}

/// The whole of a file, or of standard input, as text.
pub(super) async fn read_text(file: &Path) -> anyhow::Result<String> {
    let bytes = if file == Path::new("-") {
        let mut bytes = Vec::new();
        tokio::io::stdin().read_to_end(&mut bytes).await.context("cannot read standard input")?;
        bytes
    } else {
        tokio::fs::read(file)
            .await
            .map_err(|error| Failure::Usage(format!("cannot read {}: {error}", file.display())))?
    };
    text_of(bytes, &file.display().to_string()).map_err(Into::into)
}

/// Bytes that a doc takes: the server would refuse others after all of them were sent.
pub(super) fn text_of(bytes: Vec<u8>, name: &str) -> Result<String, Failure> {
    if bytes.len() > MAX_CONTENT_BYTES {
        let message =
            format!("{name} has more than {MAX_CONTENT_BYTES} bytes; store it with `mc artifact put`");
        return Err(Failure::Usage(message));
    }
    String::from_utf8(bytes)
        .map_err(|_| Failure::Usage(format!("{name} is not UTF-8; store it with `mc artifact put`")))
}

/// The doc of this name in exactly this place.
pub(super) async fn in_place(
    client: &Client,
    name: &str,
    scope: &Scope,
) -> Result<Option<Doc>, mc_client::Error> {
    match client.get::<Doc>(name, scope).await {
        // A name without a kluster may mean a doc of one of the klusters too.
        Ok(doc) if doc.kluster.is_some() && scope.kluster.is_none() => Ok(None),
        Ok(doc) => Ok(Some(doc)),
        Err(error) => match error.problem_kind() {
            Some(ProblemKind::NotFound) => Ok(None),
            // Several klusters have the name, and the mission itself has not.
            Some(ProblemKind::AmbiguousReference) if scope.kluster.is_none() => Ok(None),
            _ => Err(error),
        },
    }
}

/// Creates the doc, or writes the next version on top of `base` or of the newest.
pub(super) async fn put(
    cx: &Invocation,
    client: &Client,
    create: CreateDoc,
    base: Option<i64>,
) -> anyhow::Result<()> {
    let scope = Scope { mission: Some(create.mission.clone()), kluster: create.kluster.clone() };
    let Some(before) = in_place(client, create.name.as_str(), &scope).await? else {
        if let Some(base) = base {
            let message = format!("there is no doc {} with a version {base}", create.name);
            return Err(Failure::NotFound(message).into());
        }
        let answer = client.create_doc(&create).await?;
        return wrote(
            cx,
            (&answer, &answer.doc),
            (&answer.overlap_suggestions, answer.overlap_pending),
            "created, version 1",
        );
    };
    let body = PutDocVersion {
        base_version: base.unwrap_or(before.latest_version),
        content: create.content,
        title: create.title,
        note: create.note,
        acknowledge_overlap: create.acknowledge_overlap,
    };
    let answer = client.put_doc_version(&before.id.to_string(), &Scope::default(), &body).await?;
    let doc = &answer.doc;
    let what = if doc.latest_version == before.latest_version {
        format!("has this text already, version {}", doc.latest_version)
    } else {
        format!("version {} written", doc.latest_version)
    };
    wrote(cx, (&answer, doc), (&answer.overlap_suggestions, answer.overlap_pending), &what)
}

fn rows(versions: &[DocVersion]) -> String {
    let cells = versions.iter().map(|version| {
        vec![
            version.number.to_string(),
            version.size_bytes.to_string(),
            age(version.created_at, now()),
            version.sha256.clone(),
            version.note.clone(),
        ]
    });
    table::render(&["VERSION", "BYTES", "AGE", "SHA256", "NOTE"], cells.collect(), false)
}

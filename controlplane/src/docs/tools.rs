//! Docs as tools for agents.

use futures_util::FutureExt as _;
use mc_api::Action;
use mc_api::doc::{CreateDoc, InitKeystone, PublishDoc, PutDocVersion};
use mc_api::tool::{DiffVersions, DocRef, ListDocs, NoArguments, WhichVersion};

use super::keystone;
use super::routes::narrow;
use super::service;
use crate::http::page;
use crate::mcp::Tool;
use crate::tasks::service::At;

fn at(doc: &DocRef) -> At {
    At { mission: doc.mission.clone(), kluster: doc.kluster.clone() }
}

/// The tools.
pub fn tools() -> Vec<Tool> {
    vec![
        Tool::new(
            "create_doc",
            Action::CreateDoc,
            "Creates a doc in a kluster, or directly in a mission, with its first version. It begins as a draft.",
            |app, cx, _: NoArguments, body: CreateDoc| async move { service::create(&app, &cx, body).boxed().await },
        ),
        Tool::new(
            "get_doc",
            Action::ReadDoc,
            "A doc with the text of its newest version, or of the version `number`.",
            |app, cx, doc: DocRef, which: WhichVersion| async move {
                service::content(&app, &cx, &doc.doc, &at(&doc), which.number).boxed().await
            },
        )
        .read_only(),
        Tool::new(
            "read_doc",
            Action::ReadDoc,
            "The same as get_doc.",
            |app, cx, doc: DocRef, which: WhichVersion| async move {
                service::content(&app, &cx, &doc.doc, &at(&doc), which.number).boxed().await
            },
        )
        .read_only(),
        Tool::new(
            "list_docs",
            Action::ReadDoc,
            "Lists docs without their texts, oldest first, narrowed by mission, kluster, state, name, labels; in pages.",
            |app, cx, wanted: ListDocs, _: NoArguments| async move {
                let at = At { mission: wanted.mission, kluster: wanted.kluster };
                let by = (wanted.state, wanted.name, wanted.labels.as_deref());
                let narrow = narrow(&app, &cx, &at, by).boxed().await?;
                let name = format!("docs {narrow:?}");
                let page = page::Request::read(&app, name, wanted.limit, wanted.cursor.as_deref())?;
                service::list(&app, &cx, page, narrow).boxed().await
            },
        )
        .read_only(),
        Tool::new(
            "update_doc",
            Action::UpdateDoc,
            "Writes a new version of a doc. base_version is the version you read; when somebody wrote a newer one since, \
             the answer is a version conflict: read again and merge. A published doc becomes a draft again.",
            |app, cx, doc: DocRef, body: PutDocVersion| async move {
                service::put_version(&app, &cx, &doc.doc, &at(&doc), body).boxed().await
            },
        ),
        Tool::new(
            "diff_doc",
            Action::ReadDoc,
            "Compares two versions of a doc as a unified diff; by default the newest with the one before it.",
            |app, cx, doc: DocRef, sides: DiffVersions| async move {
                service::diff(&app, &cx, &doc.doc, &at(&doc), (sides.from, sides.to)).boxed().await
            },
        )
        .read_only(),
        Tool::new(
            "publish_doc",
            Action::PublishDoc,
            "Publishes the version of a doc that is named.",
            |app, cx, doc: DocRef, body: PublishDoc| async move {
                service::publish(&app, &cx, &doc.doc, &at(&doc), body).boxed().await
            },
        ),
        Tool::new(
            "get_keystone",
            Action::ReadDoc,
            "What a mission is for (its north star), or what a kluster is about (its workstream): read it before you work there.",
            |app, cx, of: InitKeystone, _: NoArguments| async move {
                keystone::get(&app, &cx, &of.mission, of.kluster.as_deref()).boxed().await
            },
        )
        .read_only(),
        Tool::new(
            "delete_doc",
            Action::DeleteDoc,
            "Deletes a doc with all its versions.",
            |app, cx, doc: DocRef, _: NoArguments| async move {
                service::delete(&app, &cx, &doc.doc, &at(&doc)).boxed().await
            },
        ),
    ]
}

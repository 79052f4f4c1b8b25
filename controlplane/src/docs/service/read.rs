//! Reading versions: their list, their texts, and how one became another.

use futures_util::StreamExt as _;
use mc_api::Page;
use mc_api::doc::{Doc, DocContent, DocDiff, DocVersion};
use mc_api::id::MissionId;
use mc_ledger::Digest;

use super::resolve;
use crate::app::App;
use crate::db::Tx;
use crate::docs::{model, store};
use crate::error::Error;
use crate::http::page;
use crate::objects::ObjectStore as _;
use crate::op::OpCtx;
use crate::tasks::service::At;

/// The versions of a doc, ascending, in pages.
pub async fn versions(
    app: &App,
    cx: &OpCtx,
    reference: &str,
    at: &At,
    (limit, cursor): (Option<u32>, Option<&str>),
) -> Result<Page<DocVersion>, Error> {
    let mut tx = app.db.begin_read().await?;
    let doc = resolve(&mut tx, cx, reference, at).await?;
    let page = page::Request::<i64>::read(app, format!("versions of {}", doc.id), limit, cursor)?;
    let rows = store::versions(&mut tx, doc.id, page.after.unwrap_or(0), page.fetch()).await?;
    Ok(page.cut(app, rows, |version| version.number))
}

/// The bytes of a version, which are at most [`mc_api::doc::MAX_CONTENT_BYTES`].
async fn bytes_of(app: &App, mission: MissionId, version: &DocVersion) -> Result<Vec<u8>, Error> {
    let sha256: Digest = version.sha256.parse().map_err(Error::internal)?;
    let mut content = app.objects.get(mission, sha256, None).await?;
    let mut bytes = Vec::new();
    while let Some(part) = content.next().await {
        bytes.extend_from_slice(&part.map_err(Error::internal)?);
    }
    Ok(bytes)
}

async fn find_version(tx: &mut Tx, doc: &Doc, number: i64) -> Result<DocVersion, Error> {
    let absent = || Error::not_found("version", format!("{} of doc {}", number, doc.name));
    store::find_version(tx, doc.id, number).await?.ok_or_else(absent)
}

/// A doc with the text of a version, the newest unless one is named.
///
/// # Errors
/// [`mc_api::ProblemKind::NotFound`].
pub async fn content(
    app: &App,
    cx: &OpCtx,
    reference: &str,
    at: &At,
    number: Option<i64>,
) -> Result<DocContent, Error> {
    let (doc, version) = {
        let mut tx = app.db.begin_read().await?;
        let doc = resolve(&mut tx, cx, reference, at).await?;
        let version = find_version(&mut tx, &doc, number.unwrap_or(doc.latest_version)).await?;
        (doc, version)
    };
    let bytes = bytes_of(app, doc.mission_id, &version).await?;
    let content = String::from_utf8(bytes).map_err(Error::internal)?;
    Ok(DocContent { doc, version, content })
}

/// How one version became another: the newest and the one before it, unless versions are named.
///
/// # Errors
/// [`mc_api::ProblemKind::NotFound`], also when there is no version before.
pub async fn diff(
    app: &App,
    cx: &OpCtx,
    reference: &str,
    at: &At,
    (from, to): (Option<i64>, Option<i64>),
) -> Result<DocDiff, Error> {
    let (doc, old, new) = {
        let mut tx = app.db.begin_read().await?;
        let doc = resolve(&mut tx, cx, reference, at).await?;
        let to = to.unwrap_or(doc.latest_version);
        let new = find_version(&mut tx, &doc, to).await?;
        let old = find_version(&mut tx, &doc, from.unwrap_or(to - 1)).await?;
        (doc, old, new)
    };
    let sides = (bytes_of(app, doc.mission_id, &old).await?, bytes_of(app, doc.mission_id, &new).await?);
    let names = (format!("{} v{}", doc.name, old.number), format!("{} v{}", doc.name, new.number));
    let compared =
        tokio::task::spawn_blocking(move || model::unified((&sides.0, &names.0), (&sides.1, &names.1)));
    let unified = compared.await.map_err(Error::internal)?;
    Ok(DocDiff {
        doc_id: doc.id,
        from: old.number,
        to: new.number,
        binary: unified.is_none(),
        unified: unified.unwrap_or_default(),
    })
}

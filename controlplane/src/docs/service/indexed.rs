//! Docs in the index: as they are compared, and those that it lacks.

use futures_util::StreamExt as _;
use mc_api::doc::Doc;
use mc_api::id::DocId;
use mc_api::overlap::OverlapKind;
use mc_ledger::Digest;

use crate::app::App;
use crate::docs::store;
use crate::error::Error;
use crate::objects::ObjectStore as _;
use crate::op::Scope;
use crate::overlap::texts::{self, Subject};
use crate::search::content::Content;
use crate::system_tx;

/// How many docs are indexed in one round.
const BATCH: i64 = 100;

/// The doc as it is compared.
pub(super) fn subject<'a>(doc: &'a Doc, content: &'a Content, is_known: bool) -> Subject<'a> {
    Subject {
        kind: OverlapKind::Doc,
        mission: doc.mission_id,
        kluster: doc.kluster_id,
        id: doc.id.as_uuid(),
        name: doc.name.as_str(),
        title: &doc.title,
        content,
        at: doc.updated_at,
        is_known,
    }
}

/// Indexes docs that the index lacks, or has in the form of another version. Returns how many.
///
/// # Errors
/// Database failures; the next round tries again.
pub(crate) async fn index_missing(app: &App) -> Result<usize, Error> {
    let mut tx = app.db.begin_read().await?;
    let missing = store::not_indexed(&mut tx, app.organization, mc_overlap::INDEX_VERSION, BATCH).await?;
    drop(tx);
    for (id,) in &missing {
        let Some(before) = find(&mut app.db.begin_read().await?, app, *id).await? else { continue };
        // Read before the transaction; a doc whose text changes meanwhile is indexed by that change.
        let content = match read(app, &before).await {
            Ok(text) => Content::read(text).await?,
            Err(error) => {
                tracing::warn!(doc = %id, error = ?error, "the text of doc {id} cannot be read, it is found by its title only");
                Content::none()
            }
        };
        system_tx!(app, |tx| {
            if !store::lock(tx, *id).await? {
                return Ok(());
            }
            let Some(doc) = find(tx, app, *id).await? else { return Ok(()) };
            if doc.sha256 != before.sha256 {
                return Ok(());
            }
            Ok(texts::fill(tx, app.organization, &subject(&doc, &content, true), doc.keystone).await?)
        })?;
    }
    Ok(missing.len())
}

async fn find(tx: &mut crate::db::Tx, app: &App, id: DocId) -> Result<Option<Doc>, Error> {
    let wanted = store::Wanted { id: Some(id), limit: 1, ..store::Wanted::default() };
    Ok(store::list(tx, Scope::Organization(app.organization), wanted).await?.pop())
}

async fn read(app: &App, doc: &Doc) -> Result<String, Error> {
    let sha256: Digest = doc.sha256.parse().map_err(Error::internal)?;
    let mut stream = app.objects.get(doc.mission_id, sha256, None).await?;
    let mut bytes = Vec::new();
    while let Some(part) = stream.next().await {
        bytes.extend_from_slice(&part.map_err(Error::internal)?);
    }
    String::from_utf8(bytes).map_err(Error::internal)
}

//! Artifacts in the index: as they are compared, and those that it lacks.

use futures_util::StreamExt as _;
use mc_api::artifact::Artifact;
use mc_api::id::KlusterId;
use mc_api::overlap::OverlapKind;
use mc_ledger::Digest;

use super::{store, text};
use crate::app::App;
use crate::error::Error;
use crate::objects::ObjectStore as _;
use crate::overlap::texts::{self, Subject};
use crate::search::content::Content;
use crate::system_tx;

/// How many artifacts are indexed in one round.
const BATCH: i64 = 100;

/// The artifact as it is compared; `kluster` is its own, or that of its task.
pub(super) fn subject<'a>(
    artifact: &'a Artifact,
    kluster: Option<KlusterId>,
    content: &'a Content,
) -> Subject<'a> {
    Subject {
        kind: OverlapKind::Artifact,
        mission: artifact.mission_id,
        kluster,
        id: artifact.id.as_uuid(),
        name: &artifact.name,
        title: &artifact.name,
        content,
        at: artifact.updated_at,
        is_known: false,
    }
}

/// Indexes artifacts that the index lacks, or has in the form of another version. Returns how many.
///
/// # Errors
/// Database failures; the next round tries again.
pub(crate) async fn index_missing(app: &App) -> Result<usize, Error> {
    let mut tx = app.db.begin_read().await?;
    let missing = store::not_indexed(&mut tx, app.organization, mc_overlap::INDEX_VERSION, BATCH).await?;
    let ids = missing.into_iter().map(|(id,)| id).collect::<Vec<_>>();
    let missing = super::service::find_in(&mut tx, app.organization, ids).await?;
    drop(tx);
    for artifact in &missing {
        // Bytes never change, so nothing happens between reading and entering but that the artifact goes.
        let content = match read(app, artifact).await {
            Ok(bytes) => text::content(&artifact.media_type, &artifact.name, &bytes).await?,
            Err(error) => {
                tracing::warn!(artifact = %artifact.id, error = ?error, "the bytes of artifact {} cannot be read, it is found by its name only", artifact.id);
                Content::none()
            }
        };
        system_tx!(app, |tx| {
            crate::missions::store::lock_shared(tx, artifact.mission_id).await?;
            if super::service::find_in(tx, app.organization, vec![artifact.id]).await?.is_empty() {
                return Ok(());
            }
            let kluster = store::kluster_of(tx, artifact).await?;
            Ok(texts::fill(tx, app.organization, &subject(artifact, kluster, &content), true).await?)
        })?;
    }
    Ok(missing.len())
}

async fn read(app: &App, artifact: &Artifact) -> Result<Vec<u8>, Error> {
    let sha256: Digest = artifact.sha256.parse().map_err(Error::internal)?;
    let size = u64::try_from(artifact.size_bytes).map_err(Error::internal)?;
    let most = size.min(text::READ_BYTES as u64);
    if most == 0 {
        return Ok(Vec::new());
    }
    let mut stream = app.objects.get(artifact.mission_id, sha256, Some(0..most)).await?;
    let mut bytes = Vec::new();
    while let Some(part) = stream.next().await {
        bytes.extend_from_slice(&part.map_err(Error::internal)?);
    }
    Ok(bytes)
}

//! Sweeping bytes that no living artifact, doc, skill bundle or profile names.

use std::time::Duration;

use mc_api::Timestamp;
use mc_api::id::MissionId;
use mc_ledger::Digest;

use super::store;
use crate::app::App;
use crate::backup::Sweeping;
use crate::error::Error;
use crate::objects::{Area, ObjectError, ObjectStore as _};
use crate::{docs, profiles, skills};

/// Bytes younger than this may belong to an upload whose row is still to come.
pub const KEEP_ORPHANS: Duration = Duration::from_hours(24);

/// Removes bytes that are old enough and named by nothing that lives, and ends uploads that nobody finished. Returns how
/// many objects.
///
/// # Errors
/// Database and object store failures; what was not swept is found again.
pub async fn sweep(app: &App) -> Result<u64, Error> {
    if crate::restore::is_unfinished(&mut app.db.begin_read().await?).await? {
        // What it stored is named by rows that do not live yet.
        return Ok(0);
    }
    let Some(alone) = Sweeping::begin(&app.db, &app.data_dir).await? else {
        // A backup reads what its snapshot names, also when it is deleted meanwhile.
        return Ok(0);
    };
    let before = app.clock.now().minus(KEEP_ORPHANS);
    let swept = sweep_stored(app, before).await?;
    sweep_aside(app, before).await?;
    let aborted = app.objects.abort_uploads(before).await?;
    metrics::counter!("mc_objects_uploads_aborted_total").increment(aborted);
    alone.end(&app.db).await?;
    Ok(swept)
}

/// Whether something that lives names these bytes.
pub(crate) async fn is_named(app: &App, mission: MissionId, sha256: Digest) -> Result<bool, Error> {
    let mut tx = app.db.begin_read().await?;
    Ok(store::names_content(&mut tx, mission, sha256.to_string()).await?
        || docs::store::names_content(&mut tx, mission, sha256.to_string()).await?
        || skills::store::names_content(&mut tx, mission, sha256.to_string()).await?
        || profiles::store::names_content(&mut tx, mission, sha256.to_string()).await?)
}

async fn sweep_stored(app: &App, before: Timestamp) -> Result<u64, Error> {
    let (mut swept, mut after) = (0, None);
    loop {
        let page = app.objects.list(Area::Stored, before, after).await?;
        for (mission, sha256) in page.objects {
            if is_named(app, mission, sha256).await? {
                continue;
            }
            match app.objects.remove_if_older(mission, sha256, before).await {
                Ok(true) => {
                    swept += 1;
                    metrics::counter!("mc_objects_swept_total").increment(1);
                }
                // Stored again in the meantime, or swept by another replica.
                Ok(false) | Err(ObjectError::Missing) => {}
                Err(error) => return Err(error.into()),
            }
        }
        after = page.next;
        if after.is_none() {
            return Ok(swept);
        }
    }
}

/// What was set aside a day ago: an upload that met the sweep has its row by now.
async fn sweep_aside(app: &App, before: Timestamp) -> Result<(), Error> {
    let mut after = None;
    loop {
        let page = app.objects.list(Area::Aside, before, after).await?;
        for (mission, sha256) in page.objects {
            if is_named(app, mission, sha256).await? {
                app.objects.restore(mission, sha256).await?;
            }
            app.objects.discard(mission, sha256).await?;
        }
        after = page.next;
        if after.is_none() {
            return Ok(());
        }
    }
}

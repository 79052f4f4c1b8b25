//! Sweeping bytes that no living artifact names.

use std::time::Duration;

use super::store;
use crate::app::App;
use crate::error::Error;
use crate::objects::ObjectError;

/// Bytes younger than this may belong to an upload whose row is still to come.
pub const KEEP_ORPHANS: Duration = Duration::from_hours(24);

/// Removes bytes that are old enough and named by no living artifact. Returns how many objects.
///
/// # Errors
/// Database and object store failures; what was not swept is found again.
pub async fn sweep(app: &App) -> Result<u64, Error> {
    let before = app.clock.now().minus(KEEP_ORPHANS);
    let mut swept = 0;
    for (mission, sha256) in app.objects.older_than(before).await? {
        let mut tx = app.db.begin_read().await?;
        if store::names_content(&mut tx, mission, sha256.to_string()).await? {
            continue;
        }
        drop(tx);
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
    Ok(swept)
}

//! Leases after a restart, and forgetting.

use std::time::Duration;

use super::store;
use crate::app::App;
use crate::error::Error;

/// A workspace is kept for so long after its lease ended.
const KEEP: Duration = Duration::from_hours(24 * 7);
/// A lease that ended longer ago than this when we start was not cut short by our absence.
const ABSENCE: Duration = Duration::from_hours(1);

/// Forgets workspaces whose lease ended a week ago. Returns how many.
///
/// # Errors
/// Database failures; the next round tries again.
pub async fn forget(app: &App) -> Result<u64, Error> {
    let mut tx = app.db.begin_write().await?;
    let forgotten = store::forget(&mut tx, app.clock.now().minus(KEEP)).await?;
    app.db.commit(tx).await?;
    Ok(forgotten)
}

/// Gives every lease that may have lived a whole length from now: a restart of ours costs nobody a lease.
///
/// # Errors
/// Database failures.
pub async fn extend_after_restart(app: &App) -> Result<(), Error> {
    let now = app.clock.now();
    let mut tx = app.db.begin_write().await?;
    let extended = store::extend_leases(&mut tx, now.minus(ABSENCE), now).await?;
    app.db.commit(tx).await?;
    if extended > 0 {
        tracing::info!(leases = extended, "extended {extended} leases of workspaces after the start");
    }
    Ok(())
}

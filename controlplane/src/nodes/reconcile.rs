//! Leases of nodes after a restart of the control plane.

use super::{model, store};
use crate::app::App;
use crate::error::Error;

/// Gives every lease that held when we stopped a whole length from now: a restart of ours makes no node unreliable.
///
/// # Errors
/// Database failures.
pub async fn extend_after_restart(app: &App) -> Result<(), Error> {
    let mut tx = app.db.begin_write().await?;
    let extended = store::extend_leases(&mut tx, app.clock.now().plus(model::LEASE)).await?;
    app.db.commit(tx).await?;
    if extended > 0 {
        tracing::info!(nodes = extended, "extended the leases of {extended} nodes after the start");
    }
    Ok(())
}

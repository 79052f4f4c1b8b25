//! Expiring what nobody decided in time.

use super::{service, store};
use crate::app::App;
use crate::error::Error;

/// Expires open approvals whose time is over. Returns how many.
///
/// # Errors
/// Database failures; what was not expired is found again, and cannot be decided in the meantime.
pub async fn expire(app: &App) -> Result<u64, Error> {
    let overdue = store::overdue(&mut app.db.begin_read().await?, app.clock.now()).await?;
    let mut expired = 0;
    for id in overdue {
        if service::expire(app, id).await? {
            expired += 1;
            metrics::counter!("mc_approvals_expired_total").increment(1);
        }
    }
    Ok(expired)
}

//! Background work on agent sessions: scheduling, settling. Two replicas may do it at once.

use super::{schedule, settle};
use crate::app::App;
use crate::error::Error;

/// One round: idempotent.
///
/// # Errors
/// Database failures; the next round tries again.
pub async fn run(app: &App) -> Result<(), Error> {
    settle::run(app).await?;
    schedule::run(app).await
}

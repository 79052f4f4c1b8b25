//! Numbers for task keys, taken from blocks that are reserved outside the creating transaction. Gaps are allowed.

use std::collections::HashMap;

use mc_api::id::MissionId;
use tokio::sync::Mutex;

use crate::app::App;
use crate::error::Error;
use crate::missions;

/// How many numbers one reservation takes.
const BLOCK: i64 = 32;

/// The blocks of this process.
#[derive(Debug, Default)]
pub struct Numbers {
    blocks: Mutex<HashMap<MissionId, (i64, i64)>>,
}

impl Numbers {
    /// The next number of a mission, never given before.
    pub async fn take(&self, app: &App, mission: MissionId) -> Result<i64, Error> {
        let mut blocks = self.blocks.lock().await;
        if let Some((next, end)) = blocks.get_mut(&mission)
            && next < end
        {
            *next += 1;
            return Ok(*next - 1);
        }
        let mut tx = app.db.begin_write().await?;
        let first = missions::store::reserve_numbers(&mut tx, mission, BLOCK).await?;
        app.db.commit(tx).await?;
        blocks.insert(mission, (first + 1, first + BLOCK));
        Ok(first)
    }
}

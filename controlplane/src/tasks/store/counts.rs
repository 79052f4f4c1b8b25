//! How many tasks are in which state, of an index alone.

use mc_api::id::{KlusterId, MissionId};
use mc_api::task::TaskState;

use crate::db::{DbError, Sql, Tx, placeholders};

/// Counts by mission and state; what has none is not there.
pub(crate) async fn by_mission(
    tx: &mut Tx,
    missions: &[MissionId],
) -> Result<Vec<(MissionId, TaskState, i64)>, DbError> {
    if missions.is_empty() {
        return Ok(Vec::new());
    }
    let text = format!(
        "SELECT mission_id, state, COUNT(*) FROM task WHERE deleted_at IS NULL AND mission_id IN {}
         GROUP BY mission_id, state",
        placeholders(1, missions.len())
    );
    let query = tx.query(Sql::Built(text));
    missions.iter().fold(query, |query, id| query.bind(*id)).fetch_all().await
}

/// Counts by kluster and state, of klusters of one or several missions; what has none is not there.
pub(crate) async fn by_kluster(
    tx: &mut Tx,
    missions: &[MissionId],
    klusters: &[KlusterId],
) -> Result<Vec<(KlusterId, TaskState, i64)>, DbError> {
    if klusters.is_empty() {
        return Ok(Vec::new());
    }
    let places = |from: usize, count: usize| {
        let all: Vec<String> = (from + 1..=from + count).map(|index| format!("${index}")).collect();
        all.join(", ")
    };
    // The mission is named as well, since the index begins with it.
    let text = format!(
        "SELECT kluster_id, state, COUNT(*) FROM task
         WHERE deleted_at IS NULL AND mission_id IN ({}) AND kluster_id IN ({}) GROUP BY kluster_id, state",
        places(0, missions.len()),
        places(missions.len(), klusters.len())
    );
    let query = missions.iter().fold(tx.query(Sql::Built(text)), |query, id| query.bind(*id));
    klusters.iter().fold(query, |query, id| query.bind(*id)).fetch_all().await
}

//! How many tasks are in which state, by mission or kluster.

use std::collections::{BTreeSet, HashMap};

use mc_api::id::{KlusterId, MissionId};
use mc_api::kluster::Kluster;
use mc_api::mission::Mission;
use mc_api::task::{StateCounts, TaskCounts, TaskState};
use mc_api::{Action, Page};

use super::{At, within};
use crate::app::App;
use crate::error::Error;
use crate::http::page;
use crate::op::OpCtx;
use crate::tasks::store::counts;
use crate::{klusters, missions};

fn collected<K: Eq + std::hash::Hash>(rows: Vec<(K, TaskState, i64)>) -> HashMap<K, StateCounts> {
    let mut all: HashMap<K, StateCounts> = HashMap::new();
    for (key, state, count) in rows {
        all.entry(key).or_default().set(state, count);
    }
    all
}

/// Counts of missions, in the order of their ids; those without tasks are there as well.
///
/// # Errors
/// [`mc_api::ProblemKind::NotFound`].
pub async fn counts_by_mission(
    app: &App,
    cx: &OpCtx,
    page: page::Request<MissionId>,
    mission: Option<&str>,
) -> Result<Page<TaskCounts>, Error> {
    let mut tx = app.db.begin_read().await?;
    let found = if let Some(reference) = mission {
        Page { items: vec![missions::service::resolve(&mut tx, cx, reference).await?], next_cursor: None }
    } else {
        let wanted = missions::store::Wanted { after: page.after, limit: page.fetch(), labels: Vec::new() };
        let rows = missions::store::list(&mut tx, cx.scope(Action::ReadTask), wanted).await?;
        page.cut(app, rows, |mission: &Mission| mission.id)
    };
    let ids: Vec<MissionId> = found.items.iter().map(|mission| mission.id).collect();
    let mut all = collected(counts::by_mission(&mut tx, &ids).await?);
    let items = found.items.into_iter().map(|mission| {
        let counts = all.remove(&mission.id).unwrap_or_default();
        TaskCounts {
            mission_id: mission.id,
            mission: mission.name,
            kluster_id: None,
            kluster: None,
            total: counts.total(),
            counts,
        }
    });
    Ok(Page { items: items.collect(), next_cursor: found.next_cursor })
}

/// Counts of klusters, in the order of their ids; those without tasks are there as well.
///
/// # Errors
/// [`mc_api::ProblemKind::NotFound`], [`mc_api::ProblemKind::AmbiguousReference`].
pub async fn counts_by_kluster(
    app: &App,
    cx: &OpCtx,
    page: page::Request<KlusterId>,
    at: &At,
) -> Result<Page<TaskCounts>, Error> {
    let mut tx = app.db.begin_read().await?;
    let (mission, kluster) = within(&mut tx, cx, at).await?;
    let wanted = klusters::store::Wanted {
        id: kluster,
        mission,
        name: None,
        labels: Vec::new(),
        after: page.after,
        limit: page.fetch(),
    };
    let rows = klusters::store::list(&mut tx, cx.scope(Action::ReadTask), wanted).await?;
    let found = page.cut(app, rows, |kluster: &Kluster| kluster.id);
    let missions: BTreeSet<MissionId> = found.items.iter().map(|kluster| kluster.mission_id).collect();
    let missions: Vec<MissionId> = missions.into_iter().collect();
    let ids: Vec<KlusterId> = found.items.iter().map(|kluster| kluster.id).collect();
    let mut all = collected(counts::by_kluster(&mut tx, &missions, &ids).await?);
    let items = found.items.into_iter().map(|kluster| {
        let counts = all.remove(&kluster.id).unwrap_or_default();
        TaskCounts {
            mission_id: kluster.mission_id,
            mission: kluster.mission,
            kluster_id: Some(kluster.id),
            kluster: Some(kluster.name),
            total: counts.total(),
            counts,
        }
    });
    Ok(Page { items: items.collect(), next_cursor: found.next_cursor })
}

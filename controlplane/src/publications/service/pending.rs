//! What waits for publication, for each target of a mission.

use std::collections::{BTreeMap, HashSet};

use mc_api::id::BindingId;
use mc_api::mission::Mission;
use mc_api::page::{DEFAULT_LIMIT, MAX_LIMIT};
use mc_api::persistence::{
    EntityKind, EntityRef, ItemOperation, LeftOut, PendingEntity, PendingList, PendingTarget, PlannedChange,
    PublicationItem, PublishFormat, PublishPending, PublishedPending,
};
use mc_api::publication::PublicationState;
use mc_api::{Action, ProblemKind};

use super::{MAX_ITEMS, New, create_in, read_texts, target_text};
use crate::app::App;
use crate::db::Tx;
use crate::error::Error;
use crate::op::OpCtx;
use crate::publications::snapshot::{self, Meta, Snapshot};
use crate::publications::store::{self, Candidate, Target};
use crate::publications::target::{Placed, Removal, Targets};
use crate::{missions, write, write_tx};

/// How many candidates are read at once.
const PAGE: i64 = 200;
/// At most this many that wait are looked for; what a list counts is at most this.
const MOST: usize = 500;

/// Something that waits.
pub(super) struct Waiting {
    found: Candidate,
    what: What,
}

enum What {
    Write(Box<Placed>, PlannedChange),
    Remove(Box<Removal>),
    /// No route takes it.
    Stuck(String),
}

impl Waiting {
    /// Where it goes; `None`: nowhere.
    fn target(&self) -> Option<Target> {
        match &self.what {
            What::Write(placed, _) => Some(placed.binding_id()),
            What::Remove(removal) => Some(removal.binding.as_ref().map(|binding| binding.id)),
            What::Stuck(_) => None,
        }
    }

    fn shown(&self) -> PendingEntity {
        let mut shown = PendingEntity {
            entity_type: self.found.subject_kind,
            entity_id: self.found.subject_id.clone(),
            events: self.found.events,
            last_seq: self.found.last_seq,
            binding: None,
            path: None,
            change: None,
            no_route: None,
        };
        match &self.what {
            What::Write(placed, change) => {
                shown.entity_type = placed.item.entity_type;
                shown.binding = placed.binding.as_ref().map(|binding| binding.name.clone());
                shown.path = Some(placed.item.path.clone());
                shown.change = Some(*change);
            }
            What::Remove(removal) => {
                shown.entity_type = removal.item.entity_type;
                shown.binding = removal.binding.as_ref().map(|binding| binding.name.clone());
                shown.path = Some(removal.item.path.clone());
                shown.change = Some(PlannedChange::Remove);
            }
            What::Stuck(why) => shown.no_route = Some(why.clone()),
        }
        shown
    }
}

/// What waits in a mission, oldest change first, at most [`MOST`]; `only` for one target.
pub(super) async fn scan(
    tx: &mut Tx,
    cx: &OpCtx,
    mission: &Mission,
    targets: &Targets,
    only: Option<Target>,
) -> Result<Vec<Waiting>, Error> {
    let mut waiting = Vec::new();
    let mut after = (0, String::new());
    loop {
        let page = store::candidates(tx, mission.id, targets.since(), after, PAGE).await?;
        let is_last = page.len() < usize::try_from(PAGE).unwrap_or(usize::MAX);
        after = page.last().map_or((0, String::new()), |last| (last.last_seq, last.subject_id.clone()));
        for found in page {
            for what in waits(tx, cx, mission, targets, &found).await? {
                let one = Waiting { found: found.clone(), what };
                if only.is_none_or(|only| one.target() == Some(only)) {
                    waiting.push(one);
                }
            }
            if waiting.len() >= MOST {
                return Ok(waiting);
            }
        }
        if is_last {
            return Ok(waiting);
        }
    }
}

/// What waits of one entity.
async fn waits(
    tx: &mut Tx,
    cx: &OpCtx,
    mission: &Mission,
    targets: &Targets,
    found: &Candidate,
) -> Result<Vec<What>, Error> {
    if found.is_gone {
        let removals = removals(tx, mission, targets, &found.subject_id).await?;
        return Ok(removals.into_iter().map(|removal| What::Remove(Box::new(removal))).collect());
    }
    let entity = EntityRef { entity_type: found.subject_kind, entity_id: found.subject_id.clone() };
    let snapshot = match snapshot::take(tx, cx, mission, &entity).await {
        Ok(snapshot) => snapshot,
        // Deleted a moment ago: its removal waits once that is sealed.
        Err(error) if error.kind == ProblemKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    match targets.place(snapshot) {
        Ok(placed) => {
            let (id, target) = (&placed.snapshot.id, placed.binding_id());
            if store::last_state(tx, id, target, true).await?.as_ref() == Some(&placed.item.sha256) {
                return Ok(Vec::new());
            }
            let change = match store::last_state(tx, id, target, false).await? {
                Some(_) => PlannedChange::Update,
                None => PlannedChange::Create,
            };
            Ok(vec![What::Write(Box::new(placed), change)])
        }
        Err(error) if error.kind == ProblemKind::NoRoute => Ok(vec![What::Stuck(error.detail)]),
        Err(error) => Err(error),
    }
}

/// The files of a deleted entity that stand in Git and are to go.
async fn removals(
    tx: &mut Tx,
    mission: &Mission,
    targets: &Targets,
    entity: &str,
) -> Result<Vec<Removal>, Error> {
    let asked = store::asked(tx, entity).await?;
    let mut seen: HashSet<(Option<BindingId>, String)> = HashSet::new();
    let mut removals = Vec::new();
    for standing in asked {
        let is_newest = seen.insert((standing.binding_id, standing.path.clone()));
        let stands =
            standing.operation == ItemOperation::Write && standing.state == PublicationState::Published;
        let binding = targets.binding(standing.binding_id).cloned();
        if !is_newest || !stands || binding.is_none() != standing.binding_id.is_none() {
            continue;
        }
        let item = PublicationItem {
            entity_type: standing.entity_kind,
            entity_id: entity.to_owned(),
            entity_version: standing.entity_version,
            path: standing.path,
            format: standing.format,
            sha256: standing.sha256,
            operation: ItemOperation::Remove,
        };
        removals.push(Removal { binding, item, meta: standing.meta });
    }
    for (kind, path, sha256, meta) in store::restored(tx, mission.id, entity).await? {
        for binding in targets.holding(mission, &path) {
            if seen.insert((binding.as_ref().map(|binding| binding.id), path.clone())) {
                let item = restored_item((kind, entity), &path, &sha256, &meta)?;
                removals.push(Removal { binding, item, meta: meta.clone() });
            }
        }
    }
    let mut kept = Vec::with_capacity(removals.len());
    for removal in removals {
        if !targets.keeps(removal.item.entity_type, &labels_of(&removal.meta)?) {
            kept.push(removal);
        }
    }
    Ok(kept)
}

fn labels_of(meta: &str) -> Result<mc_api::Labels, Error> {
    let meta: Meta = serde_json::from_str(meta).map_err(Error::internal)?;
    let labels = meta.object.get("labels").cloned().unwrap_or_default();
    Ok(serde_json::from_value(labels).unwrap_or_default())
}

fn restored_item(
    (kind, entity): (EntityKind, &str),
    path: &str,
    sha256: &str,
    meta: &str,
) -> Result<PublicationItem, Error> {
    let meta: Meta = serde_json::from_str(meta).map_err(Error::internal)?;
    let format = match path.rsplit_once('.').map(|(_, end)| end) {
        Some("json") => PublishFormat::Json,
        Some("yaml") => PublishFormat::Yaml,
        _ => PublishFormat::Markdown,
    };
    Ok(PublicationItem {
        entity_type: kind,
        entity_id: entity.to_owned(),
        entity_version: meta.object.get("version").and_then(serde_json::Value::as_i64).unwrap_or(0),
        path: path.to_owned(),
        format,
        sha256: sha256.to_owned(),
        operation: ItemOperation::Remove,
    })
}

/// Counts what waits for each target, and what was asked for there and has not ended.
pub(super) async fn by_target(
    tx: &mut Tx,
    cx: &OpCtx,
    mission: &Mission,
    targets: &Targets,
    waiting: &[Waiting],
) -> Result<Vec<PendingTarget>, Error> {
    let mut counts: BTreeMap<Option<BindingId>, [i64; 5]> = BTreeMap::new();
    for one in waiting {
        if let Some(target) = one.target() {
            let place = usize::from(matches!(one.what, What::Remove(_)));
            counts.entry(target).or_default()[place] += 1;
        }
    }
    for (target, state, count) in store::open_by_target(tx, mission.id).await? {
        let place = match state {
            PublicationState::AwaitingApproval => 2,
            PublicationState::Queued => 3,
            PublicationState::Failed => 4,
            PublicationState::Published | PublicationState::Rejected | PublicationState::Withdrawn => {
                continue;
            }
        };
        counts.entry(target).or_default()[place] = count;
    }
    let mut found = Vec::with_capacity(counts.len());
    for (target, [changed, removed, awaiting_approval, queued, failed]) in counts {
        let binding = targets.binding(target);
        found.push(PendingTarget {
            binding_id: target,
            binding: binding.map(|binding| binding.name.clone()),
            repository: target_text(tx, cx, binding).await?,
            branch: binding.map_or_else(|| "main".to_owned(), |binding| binding.branch.clone()),
            changed,
            removed,
            awaiting_approval,
            queued,
            failed,
        });
    }
    Ok(found)
}

/// What waits in a mission: what changed since it was last published or asked for at its target, and what was deleted.
///
/// # Errors
/// [`ProblemKind::Validation`], [`ProblemKind::Forbidden`], [`ProblemKind::NotFound`].
pub async fn pending(
    app: &App,
    cx: &OpCtx,
    mission: &str,
    binding: Option<&str>,
    limit: Option<u32>,
) -> Result<PendingList, Error> {
    let limit = limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(Error::invalid("?limit", format!("1 to {MAX_LIMIT}")));
    }
    let mut tx = app.db.begin_read().await?;
    let mission = missions::service::resolve(&mut tx, cx, mission).await?;
    cx.authorize_in(Action::ReadPublication, mission.id)?;
    let targets = Targets::read(&mut tx, cx, &mission).await?;
    let only = binding.map(|binding| targets.named(binding)).transpose()?;
    let waiting = scan(&mut tx, cx, &mission, &targets, only).await?;
    let mut found = by_target(&mut tx, cx, &mission, &targets, &waiting).await?;
    found.retain(|target| only.is_none_or(|only| only == target.binding_id));
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let items = waiting.iter().take(limit).map(Waiting::shown).collect();
    Ok(PendingList { kind: "pending".into(), items, targets: found })
}

/// What is looked at again in the transaction.
enum Seen {
    Write(Box<Snapshot>),
    Gone(String),
}

/// Asks for the publication of what waits, at most [`MAX_ITEMS`] files at once: one publication for each target. Asked
/// again it makes none for what was asked for already.
///
/// # Errors
/// [`ProblemKind::Forbidden`], [`ProblemKind::NotFound`], [`ProblemKind::StaleVersion`] when something changed at the
/// same moment. What cannot be published is in the answer, with its reason.
pub async fn publish_pending(
    app: &App,
    cx: &OpCtx,
    request: PublishPending,
) -> Result<PublishedPending, Error> {
    let (mission, only, seen, left_out) = {
        let mut tx = app.db.begin_read().await?;
        let mission = missions::service::resolve(&mut tx, cx, &request.mission_id).await?;
        if let Err(error) = cx.authorize_in(Action::RequestPublication, mission.id) {
            drop(tx);
            return Err(write::refused(app, cx, error).await);
        }
        let targets = Targets::read(&mut tx, cx, &mission).await?;
        let only = request.binding.as_deref().map(|binding| targets.named(binding)).transpose()?;
        let mut waiting = scan(&mut tx, cx, &mission, &targets, only).await?;
        waiting.truncate(MAX_ITEMS);
        let (seen, left_out) = sorted(waiting);
        (mission, only, seen, left_out)
    };
    let snapshots: Vec<Snapshot> = seen
        .iter()
        .filter_map(|seen| match seen {
            Seen::Write(snapshot) => Some(Snapshot::clone(snapshot)),
            Seen::Gone(_) => None,
        })
        .collect();
    let texts = read_texts(app, mission.id, &snapshots).await?;
    write_tx!(app, cx, |tx| {
        cx.authorize_in(Action::RequestPublication, mission.id)?;
        missions::store::lock(tx, mission.id).await?;
        let targets = Targets::read(tx, cx, &mission).await?;
        let (groups, stuck) = grouped(tx, cx, &mission, &targets, &seen, only).await?;
        let mut publications = Vec::with_capacity(groups.len());
        for new in groups.into_values() {
            publications.push(create_in(tx, cx, &mission, new, &texts).await?);
        }
        let waiting = scan(tx, cx, &mission, &targets, only).await?;
        let mut found = by_target(tx, cx, &mission, &targets, &waiting).await?;
        found.retain(|target| only.is_none_or(|only| only == target.binding_id));
        let left_out = left_out.iter().cloned().chain(stuck).collect();
        Ok(PublishedPending { kind: "published_pending".into(), publications, left_out, targets: found })
    })
}

/// In the order of kinds and ids; and what no route takes.
fn sorted(waiting: Vec<Waiting>) -> (Vec<Seen>, Vec<LeftOut>) {
    let (mut writes, mut gone, mut left_out) = (Vec::new(), Vec::new(), Vec::new());
    for Waiting { found, what } in waiting {
        match what {
            What::Write(placed, _) => writes.push(placed.snapshot),
            What::Remove(_) => gone.push(found.subject_id),
            What::Stuck(reason) => left_out.push(LeftOut {
                entity_type: found.subject_kind,
                entity_id: found.subject_id,
                reason,
            }),
        }
    }
    writes.sort_by(|a, b| (a.kind, &a.id).cmp(&(b.kind, &b.id)));
    gone.sort();
    gone.dedup();
    let writes = writes.into_iter().map(|snapshot| Seen::Write(Box::new(snapshot)));
    (writes.chain(gone.into_iter().map(Seen::Gone)).collect(), left_out)
}

type Groups = BTreeMap<Option<BindingId>, New>;

/// What was seen, as it is in this transaction, by target.
async fn grouped(
    tx: &mut Tx,
    cx: &OpCtx,
    mission: &Mission,
    targets: &Targets,
    seen: &[Seen],
    only: Option<Target>,
) -> Result<(Groups, Vec<LeftOut>), Error> {
    let (mut groups, mut left_out) = (Groups::new(), Vec::new());
    let is_wanted = |target: Option<BindingId>| only.is_none_or(|only| only == target);
    for seen in seen {
        let before = match seen {
            Seen::Gone(id) => {
                for removal in removals(tx, mission, targets, id).await? {
                    let target = removal.binding.as_ref().map(|binding| binding.id);
                    if is_wanted(target) {
                        let group = groups.entry(target).or_default();
                        group.binding.clone_from(&removal.binding);
                        group.removed.push(removal);
                    }
                }
                continue;
            }
            Seen::Write(before) => before,
        };
        let entity = EntityRef { entity_type: before.kind, entity_id: before.id.clone() };
        let snapshot = snapshot::take(tx, cx, mission, &entity).await?;
        match targets.place(snapshot) {
            Ok(placed) => {
                let target = placed.binding_id();
                let asked = store::last_state(tx, &placed.snapshot.id, target, true).await?;
                if asked.as_ref() != Some(&placed.item.sha256) && is_wanted(target) {
                    let group = groups.entry(target).or_default();
                    group.binding.clone_from(&placed.binding);
                    group.placed.push(placed);
                }
            }
            Err(error) if error.kind == ProblemKind::NoRoute => left_out.push(LeftOut {
                entity_type: entity.entity_type,
                entity_id: entity.entity_id,
                reason: error.detail,
            }),
            Err(error) => return Err(error),
        }
    }
    Ok((groups, left_out))
}

//! Operations on publications, and what their approval sets in motion.

mod ends;
mod pending;

pub use ends::{retry, withdraw};
pub use pending::{pending, publish_pending};

use std::collections::{HashMap, HashSet};

use mc_api::approval::{ApprovalKind, Execute};
use mc_api::auth::GovernanceProfile;
use mc_api::id::{ArtifactId, BatchId, ConnectionId, MissionId};
use mc_api::mission::Mission;
use mc_api::page::MAX_LIMIT;
use mc_api::persistence::{
    Binding, EntityKind, EntityRef, PlanPublication, PlannedChange, PlannedItem, PublicationStatus,
    PublishPlan,
};
use mc_api::publication::{CreatePublication, Publication, PublicationState};
use mc_api::{Action, Page, ProblemKind, Timestamp};
use mc_ledger::Digest;

use super::model::{self, MAX_ITEMS, Record};
use super::snapshot::{self, Snapshot};
use super::store;
use super::target::{Placed, Removal, Targets};
use crate::app::App;
use crate::approvals::model::{DEFAULT_WAIT, Record as ApprovalRecord};
use crate::approvals::service::{NewApproval, request_in};
use crate::db::Tx;
use crate::error::Error;
use crate::http::page;
use crate::ledger::{self, Event};
use crate::missions::service::changed_meanwhile;
use crate::op::{OpCtx, system_proof};
use crate::{artifacts, authn, missions, persistence, write, write_tx};

/// At most this many bytes of text in one publication.
const MAX_TEXT_BYTES: usize = 16 * 1024 * 1024;

fn event<'a>(after: &'a Record, before: Option<&Record>) -> Result<Event<'a, Publication>, Error> {
    let before_sha256 = match before {
        Some(before) => ledger::digest_of(&before.publication)?,
        None => None,
    };
    let subject_id = after.publication.id.to_string();
    Ok(Event { subject_kind: "publication", subject_id, body: &after.publication, before_sha256 })
}

/// The texts of what is to be published, by digest: read before the transaction.
type Texts = HashMap<(EntityKind, Digest), Option<String>>;

async fn read_texts(app: &App, mission: MissionId, snapshots: &[Snapshot]) -> Result<Texts, Error> {
    let mut texts = Texts::new();
    let mut bytes = 0;
    for snapshot in snapshots {
        if let Some(digest) = snapshot.content {
            let text = snapshot.read(app, mission).await?;
            bytes += text.as_ref().map_or(0, String::len);
            if bytes > MAX_TEXT_BYTES {
                let message =
                    format!("the texts are more than {MAX_TEXT_BYTES} bytes together; ask in parts");
                return Err(Error::invalid("/entities", message));
            }
            texts.insert((snapshot.kind, digest), text);
        }
    }
    Ok(texts)
}

/// Takes the pictures of entities; a problem names the place in the request.
async fn take_all(
    tx: &mut Tx,
    cx: &OpCtx,
    mission: &Mission,
    wanted: &[(String, EntityRef)],
) -> Result<Vec<(String, Snapshot)>, Error> {
    let mut taken: Vec<(String, Snapshot)> = Vec::with_capacity(wanted.len());
    for (pointer, entity) in wanted {
        let snapshot = snapshot::take(tx, cx, mission, entity).await.map_err(|error| match error.kind {
            ProblemKind::NotFound => {
                let message =
                    format!("mission {} has no {} {:?}", mission.name, entity.entity_type, entity.entity_id);
                Error::invalid(pointer.clone(), message)
            }
            _ => error,
        })?;
        if !taken.iter().any(|(_, other)| other.id == snapshot.id) {
            taken.push((pointer.clone(), snapshot));
        }
    }
    taken.sort_by(|(_, a), (_, b)| (a.kind, &a.id).cmp(&(b.kind, &b.id)));
    Ok(taken)
}

/// Where a publication goes, for people and for the action that is approved.
async fn target_text(tx: &mut Tx, cx: &OpCtx, binding: Option<&Binding>) -> Result<String, Error> {
    let Some(binding) = binding else { return Ok("git ledger of the installation, branch main".to_owned()) };
    let organization = cx.caller.organization;
    let connection =
        persistence::store::find_connection(tx, organization, &binding.connection_id.to_string()).await?;
    let connection =
        connection.ok_or_else(|| Error::not_found("connection", binding.connection_id))?.connection;
    let user = connection.username.as_deref();
    let url =
        persistence::remote::url(connection.connection_kind, &connection.url, user, &binding.repository);
    Ok(format!("{url}, branch {}, binding {}", binding.branch, binding.id))
}

/// Asks for a publication: the batch and its approval in one transaction.
///
/// # Errors
/// [`ProblemKind::Validation`], [`ProblemKind::NoRoute`], [`ProblemKind::Forbidden`], [`ProblemKind::NotFound`],
/// [`ProblemKind::StaleVersion`] when something changed at the same moment.
pub async fn create(app: &App, cx: &OpCtx, request: CreatePublication) -> Result<Publication, Error> {
    let wanted = model::check(&request)?;
    let (mission, snapshots) = {
        let mut tx = app.db.begin_read().await?;
        let mission = missions::service::resolve(&mut tx, cx, &request.mission).await?;
        if let Err(error) = cx.authorize_in(Action::RequestPublication, mission.id) {
            drop(tx);
            return Err(write::refused(app, cx, error).await);
        }
        let taken = take_all(&mut tx, cx, &mission, &wanted).await?;
        (mission, taken.into_iter().map(|(_, snapshot)| snapshot).collect::<Vec<_>>())
    };
    let texts = read_texts(app, mission.id, &snapshots).await?;
    write_tx!(app, cx, |tx| {
        missions::store::lock(tx, mission.id).await?;
        let taken = take_all(tx, cx, &mission, &wanted).await?;
        let targets = Targets::read(tx, cx, &mission).await?;
        let mut placed: Vec<Placed> = Vec::with_capacity(taken.len());
        for (pointer, snapshot) in taken {
            let next = targets.place(snapshot)?;
            if let Some(first) = placed.first()
                && first.binding_id() != next.binding_id()
            {
                let name = |placed: &Placed| match &placed.binding {
                    Some(binding) => format!("binding {}", binding.name),
                    None => "the Git ledger".to_owned(),
                };
                let message =
                    format!("it goes to {}, others to {}; ask for each on its own", name(&next), name(first));
                return Err(Error::invalid(pointer, message));
            }
            placed.push(next);
        }
        let new = New { message: request.message.clone(), ..New::of(placed) };
        create_in(tx, cx, &mission, new, &texts).await
    })
}

/// A publication that is asked for: everything goes to one target.
#[derive(Default)]
struct New {
    binding: Option<Binding>,
    placed: Vec<Placed>,
    removed: Vec<Removal>,
    message: Option<String>,
    replaces: Option<BatchId>,
}

impl New {
    fn of(placed: Vec<Placed>) -> Self {
        let binding = placed.first().and_then(|placed| placed.binding.clone());
        Self { binding, placed, ..Self::default() }
    }
}

/// What is written of each file; refuses files that stand in each other's way.
fn items_of(new: &New, texts: &Texts) -> Result<Vec<store::NewItem>, Error> {
    let mut items = Vec::with_capacity(new.placed.len() + new.removed.len());
    let mut paths = HashSet::new();
    for Placed { snapshot, item, .. } in &new.placed {
        if !paths.insert(item.path.clone()) {
            return Err(Error::invalid("/entities", format!("two of them would be the file {}", item.path)));
        }
        let content = match snapshot.content {
            // Read outside of the transaction; another text means that it changed since.
            Some(digest) => texts.get(&(snapshot.kind, digest)).ok_or_else(changed_meanwhile)?.clone(),
            None => None,
        };
        let meta = serde_json::to_string(&snapshot.meta).map_err(Error::internal)?;
        items.push(store::NewItem { item: item.clone(), meta, content });
    }
    model::check_paths(&paths)?;
    let removed = new.removed.iter().filter(|removal| !paths.contains(&removal.item.path));
    let removed = removed.map(|removal| store::NewItem {
        item: removal.item.clone(),
        meta: removal.meta.clone(),
        content: None,
    });
    items.extend(removed);
    Ok(items)
}

/// Makes a publication of what goes to one target, with its approval.
async fn create_in(
    tx: &mut Tx,
    cx: &OpCtx,
    mission: &Mission,
    new: New,
    texts: &Texts,
) -> Result<Publication, Error> {
    let proof = cx.authorize_in(Action::RequestPublication, mission.id)?;
    let items = items_of(&new, texts)?;
    let message = new.message.clone().unwrap_or_else(|| default_message(&new, mission));
    let mut artifacts: Vec<ArtifactId> = new
        .placed
        .iter()
        .filter_map(|placed| placed.snapshot.artifact.as_ref().map(|artifact| artifact.id))
        .collect();
    artifacts.sort_unstable();
    let binding = new.binding;
    let mut publication = Publication {
        kind: "publication".into(),
        id: BatchId::from_uuid(cx.new_uuid()),
        state: PublicationState::AwaitingApproval,
        mission_id: mission.id,
        mission: mission.name.clone(),
        message,
        artifacts,
        items: items.iter().map(|new| new.item.clone()).collect(),
        binding_id: binding.as_ref().map(|binding| binding.id),
        binding: binding.as_ref().map(|binding| binding.name.clone()),
        // Made below, once there is an action to approve.
        approval_id: mc_api::id::ApprovalId::from_uuid(cx.new_uuid()),
        commit: None,
        failures: 0,
        last_error: None,
        next_attempt_at: None,
        task_numbers_below: missions::store::next_number(tx, mission.id).await?,
        replaces: new.replaces,
        requester_id: cx.caller.id,
        version: 1,
        created_at: cx.now(),
        updated_at: cx.now(),
    };
    let target = target_text(tx, cx, binding.as_ref()).await?;
    let new = NewApproval {
        kind: ApprovalKind::Publish,
        mission,
        title: publication.message.clone(),
        action: model::action(&publication, &target)?,
        execute: Execute::OnApproval,
        expires_at: cx.now().plus(DEFAULT_WAIT),
    };
    publication.approval_id = request_in(tx, cx, new).await?.approval.id;
    let record = Record {
        publication,
        organization: cx.caller.organization,
        is_begun: false,
        range: None,
        queued_at: None,
        request_id: cx.request_id.clone(),
    };
    store::insert(tx, &record).await?;
    store::insert_items(tx, record.publication.id, &items).await?;
    ledger::record(tx, cx, proof, event(&record, None)?).await?;
    Ok(record.publication)
}

fn default_message(new: &New, mission: &Mission) -> String {
    let counted = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
    let (count, removed) = (new.placed.len(), new.removed.len());
    let artifacts = new.placed.iter().filter(|placed| placed.snapshot.artifact.is_some()).count();
    let written = counted(count, if artifacts == count { "artifact" } else { "object" });
    match (count, removed) {
        (_, 0) => format!("Publish {written} of {}", mission.name),
        (0, _) => format!("Remove {} of {}", counted(removed, "file"), mission.name),
        _ => format!("Publish {written} of {}, remove {}", mission.name, counted(removed, "file")),
    }
}

/// Says what a publication would do; changes nothing.
///
/// # Errors
/// [`ProblemKind::Validation`], [`ProblemKind::NoRoute`], [`ProblemKind::Forbidden`], [`ProblemKind::NotFound`].
pub async fn plan(app: &App, cx: &OpCtx, request: PlanPublication) -> Result<PublishPlan, Error> {
    if !(1..=MAX_ITEMS).contains(&request.entities.len()) {
        return Err(Error::invalid("/entities", format!("1 to {MAX_ITEMS}")));
    }
    let wanted: Vec<(String, EntityRef)> = (0..)
        .zip(&request.entities)
        .map(|(index, entity): (u32, _)| (format!("/entities/{index}"), entity.clone()))
        .collect();
    model::check_references(wanted.iter().map(|(pointer, entity)| (pointer.as_str(), entity)))?;
    let mut tx = app.db.begin_read().await?;
    let mission = missions::service::resolve(&mut tx, cx, &request.mission).await?;
    cx.authorize_in(Action::ReadPublication, mission.id)?;
    let targets = Targets::read(&mut tx, cx, &mission).await?;
    let (mut items, mut places) = (Vec::new(), HashSet::new());
    for (_, snapshot) in take_all(&mut tx, cx, &mission, &wanted).await? {
        let placed = targets.place(snapshot)?;
        let id = placed.snapshot.id.clone();
        let change = match store::last_state(&mut tx, &id, placed.binding_id(), false).await? {
            None => PlannedChange::Create,
            Some(digest) if digest == placed.item.sha256 => PlannedChange::Unchanged,
            Some(_) => PlannedChange::Update,
        };
        places.insert(placed.binding_id());
        let binding = placed.binding.as_ref();
        items.push(PlannedItem {
            repository: target_text(&mut tx, cx, binding).await?,
            branch: binding.map_or_else(|| "main".to_owned(), |binding| binding.branch.clone()),
            binding: binding.map(|binding| binding.name.clone()),
            route: placed.route,
            change,
            item: placed.item,
        });
    }
    let waiting = pending::scan(&mut tx, cx, &mission, &targets, None).await?;
    let mut waits = pending::by_target(&mut tx, cx, &mission, &targets, &waiting).await?;
    waits.retain(|target| places.contains(&target.binding_id));
    Ok(PublishPlan {
        kind: "publish_plan".into(),
        mission_id: mission.id,
        mission: mission.name,
        items,
        publications: u32::try_from(places.len()).unwrap_or(u32::MAX),
        targets: waits,
        approval_kind: ApprovalKind::Publish.to_string(),
        self_approval: app.governance == GovernanceProfile::Development,
    })
}

/// The id of an entity that the caller may read. What is gone is found by its id only.
///
/// # Errors
/// [`ProblemKind::NotFound`]; [`ProblemKind::Validation`] when a name needs the mission.
pub(crate) async fn id_of(
    app: &App,
    cx: &OpCtx,
    kind: EntityKind,
    reference: String,
    mission: Option<&str>,
) -> Result<String, Error> {
    let is_id = match kind {
        EntityKind::Mission => reference.parse::<MissionId>().is_ok(),
        EntityKind::Kluster => reference.parse::<mc_api::id::KlusterId>().is_ok(),
        EntityKind::Task => reference.parse::<mc_api::id::TaskId>().is_ok(),
        EntityKind::Doc | EntityKind::Keystone => reference.parse::<mc_api::id::DocId>().is_ok(),
        EntityKind::Artifact => reference.parse::<ArtifactId>().is_ok(),
    };
    if is_id {
        return Ok(reference);
    }
    let mut tx = app.db.begin_read().await?;
    let mission = match (mission, kind) {
        (Some(mission), _) => mission,
        (None, EntityKind::Mission) => reference.as_str(),
        (None, _) => {
            return Err(Error::invalid("/mission_id", "a name or key is looked for in a mission; name it"));
        }
    };
    let mission = missions::service::resolve(&mut tx, cx, mission).await?;
    let entity = EntityRef { entity_type: kind, entity_id: reference };
    Ok(snapshot::take(&mut tx, cx, &mission, &entity).await?.id)
}

/// How far a mission is published, with its newest publications.
pub async fn status(
    app: &App,
    cx: &OpCtx,
    mission: &str,
    limit: Option<u32>,
) -> Result<PublicationStatus, Error> {
    let limit = limit.unwrap_or(20);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(Error::invalid("?limit", format!("1 to {MAX_LIMIT}")));
    }
    let mut tx = app.db.begin_read().await?;
    let mission = missions::service::resolve(&mut tx, cx, mission).await?;
    cx.authorize_in(Action::ReadPublication, mission.id)?;
    let mut status = PublicationStatus {
        kind: "publication_status".into(),
        mission_id: mission.id,
        awaiting_approval: 0,
        queued: 0,
        retrying: 0,
        published: 0,
        failed: 0,
        withdrawn: 0,
        publications: Vec::new(),
    };
    for (state, count, failing) in store::counts(&mut tx, mission.id).await? {
        match state {
            PublicationState::AwaitingApproval => status.awaiting_approval = count,
            PublicationState::Queued => (status.queued, status.retrying) = (count, failing),
            PublicationState::Published => status.published = count,
            PublicationState::Failed => status.failed = count,
            PublicationState::Withdrawn => status.withdrawn = count,
            PublicationState::Rejected => {}
        }
    }
    let newest = store::newest(&mut tx, mission.id, i64::from(limit)).await?;
    status.publications = newest.into_iter().map(|record| record.publication).collect();
    Ok(status)
}

/// Publications that wait for a connection are tried at once: its credential is another now.
pub(crate) async fn retry_now(tx: &mut Tx, connection: ConnectionId) -> Result<(), Error> {
    Ok(store::retry_now(tx, connection).await.map(drop)?)
}

/// One publication by id.
pub async fn get(app: &App, cx: &OpCtx, reference: &str) -> Result<Publication, Error> {
    let absent = || Error::not_found("publication", reference);
    let id: BatchId = reference.parse().map_err(|_| absent())?;
    let wanted = store::Wanted { id: Some(id), limit: 1, ..store::Wanted::default() };
    let mut tx = app.db.begin_read().await?;
    let found = store::list(&mut tx, cx.scope(Action::ReadPublication), wanted).await?.pop();
    found.map(|record| record.publication).ok_or_else(absent)
}

/// What a list is narrowed to.
#[derive(Debug, Clone, Default)]
pub struct Narrow {
    /// Of this mission.
    pub mission: Option<MissionId>,
    /// In this state.
    pub state: Option<PublicationState>,
}

/// A page of publications in the order of their ids.
pub async fn list(
    app: &App,
    cx: &OpCtx,
    page: page::Request<BatchId>,
    narrow: Narrow,
) -> Result<Page<Publication>, Error> {
    let mut tx = app.db.begin_read().await?;
    let wanted = store::Wanted {
        id: None,
        mission: narrow.mission,
        state: narrow.state,
        after: page.after,
        limit: page.fetch(),
    };
    let rows = store::list(&mut tx, cx.scope(Action::ReadPublication), wanted).await?;
    let rows = rows.into_iter().map(|record| record.publication).collect();
    Ok(page.cut(app, rows, |publication: &Publication| publication.id))
}

/// Writes the next state; its event is the caller's to record.
async fn saved(tx: &mut Tx, before: &Record, mut after: Record, now: Timestamp) -> Result<Record, Error> {
    let (old, new) = (before.publication.state, after.publication.state);
    if old != new && !old.allows(new) {
        let detail = format!("the publication is {old} and cannot become {new}");
        return Err(Error::new(ProblemKind::InvalidTransition, detail));
    }
    after.publication.version = before.publication.version + 1;
    after.publication.updated_at = now.max(before.publication.updated_at);
    if store::replace(tx, before, &after).await? { Ok(after) } else { Err(changed_meanwhile()) }
}

/// Writes the next state with its event, by the system.
pub(super) async fn save(
    app: &App,
    tx: &mut Tx,
    before: &Record,
    after: Record,
    verb: &'static str,
) -> Result<(), Error> {
    let after = saved(tx, before, after, app.clock.now()).await?;
    let proof = system_proof(Action::Publish, after.publication.mission_id);
    ledger::record_system(tx, app, after.organization, proof, verb, event(&after, Some(before))?).await
}

/// A publication that stays as it is read until the end of the transaction.
pub(super) async fn locked(tx: &mut Tx, id: BatchId) -> Result<Record, Error> {
    store::lock(tx, id).await?;
    Ok(store::find(tx, id).await?)
}

async fn waiting(tx: &mut Tx, approval: &ApprovalRecord) -> Result<Record, Error> {
    let seen = store::of_approval(tx, approval.approval.id).await?;
    store::lock(tx, seen.publication.id).await?;
    Ok(store::of_approval(tx, approval.approval.id).await?)
}

/// Queues the publication of an approval, in the approval's transaction: as the requester, whose rights are asked
/// again, and only for the very bytes that were approved.
///
/// # Errors
/// [`ProblemKind::Forbidden`] when the requester may no longer publish, [`ProblemKind::InvalidTransition`] when the
/// artifacts are no longer those of the action.
pub(crate) async fn queue_in(app: &App, tx: &mut Tx, approval: &ApprovalRecord) -> Result<(), Error> {
    let before = waiting(tx, approval).await?;
    let publication = &before.publication;
    let refused = |detail: String| Error::new(ProblemKind::InvalidTransition, detail);
    if publication.state != PublicationState::AwaitingApproval {
        return Err(refused(format!("publication {} is {}", publication.id, publication.state)));
    }
    let requester = publication.requester_id;
    if !authn::service::may_in(tx, before.organization, requester, Action::Publish, publication.mission_id)
        .await?
    {
        return Err(Error::new(
            ProblemKind::Forbidden,
            format!(
                "the requester {} may no longer publish here; reject the request",
                approval.approval.requester
            ),
        ));
    }
    let found = artifacts::service::find_in(tx, before.organization, publication.artifacts.clone()).await?;
    if found.len() != publication.artifacts.len() {
        return Err(refused("an artifact of the request was deleted; reject the request".into()));
    }
    if publication.items.is_empty() {
        return Err(refused(
            "it was asked for before publications had items; reject it and ask again".into(),
        ));
    }
    let mut after = before.clone();
    after.publication.state = PublicationState::Queued;
    after.queued_at = Some(app.clock.now());
    save(app, tx, &before, after, "publication.queue").await
}

/// Ends the publication of an approval that was not given.
pub(crate) async fn reject_in(app: &App, tx: &mut Tx, approval: &ApprovalRecord) -> Result<(), Error> {
    let before = waiting(tx, approval).await?;
    if before.publication.state != PublicationState::AwaitingApproval {
        return Ok(());
    }
    let mut after = before.clone();
    after.publication.state = PublicationState::Rejected;
    save(app, tx, &before, after, "publication.reject").await
}

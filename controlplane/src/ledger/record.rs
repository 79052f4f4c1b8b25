//! Recording events inside a change's transaction.

use mc_api::Timestamp;
use mc_api::id::{EventId, MissionId, OrganizationId, PrincipalId};
use mc_ledger::{sha256, to_canonical};
use serde::Serialize;

use crate::app::App;
use crate::clock::IdSource;
use crate::db::{Sql, Tx, placeholders};
use crate::error::Error;
use crate::op::{OpCtx, Proof};

/// What happened to which object.
pub struct Event<'a, B: Serialize> {
    /// Such as `task`.
    pub subject_kind: &'static str,
    /// The object's id.
    pub subject_id: String,
    /// The object after the change, or what describes the deed.
    pub body: &'a B,
    /// SHA-256 of the canonical text of the object before the change.
    pub before_sha256: Option<String>,
}

#[derive(Serialize)]
struct Body<'a, B: Serialize> {
    #[serde(skip_serializing_if = "Option::is_none")]
    before_sha256: Option<String>,
    after: &'a B,
}

struct Row {
    organization: OrganizationId,
    mission: Option<MissionId>,
    action: String,
    principal: PrincipalId,
    request_id: String,
    at: Timestamp,
}

/// Records an event. A change whose event cannot be recorded does not happen.
pub async fn record<B: Serialize>(
    tx: &mut Tx,
    cx: &OpCtx,
    proof: Proof,
    event: Event<'_, B>,
) -> Result<(), Error> {
    record_as(tx, cx, proof, proof.action().as_str(), event).await
}

/// Records what follows from an authorized action, under a word of its own.
pub async fn record_as<B: Serialize>(
    tx: &mut Tx,
    cx: &OpCtx,
    proof: Proof,
    verb: &'static str,
    event: Event<'_, B>,
) -> Result<(), Error> {
    let row = Row {
        organization: cx.caller.organization,
        mission: proof.mission(),
        action: verb.to_owned(),
        principal: cx.caller.id,
        request_id: cx.request_id.clone(),
        at: cx.now(),
    };
    insert(tx, EventId::from_uuid(cx.new_uuid()), row, event).await
}

/// Records several things that follow from an authorized action, each in its own place, by one statement.
pub(crate) async fn record_each<B: Serialize>(
    tx: &mut Tx,
    cx: &OpCtx,
    verb: &'static str,
    events: Vec<(Proof, Event<'_, B>)>,
) -> Result<(), Error> {
    let rows = events.into_iter().map(|(proof, event)| {
        let row = Row {
            organization: cx.caller.organization,
            mission: proof.mission(),
            action: verb.to_owned(),
            principal: cx.caller.id,
            request_id: cx.request_id.clone(),
            at: cx.now(),
        };
        (EventId::from_uuid(cx.new_uuid()), row, event)
    });
    insert_all(tx, rows.collect()).await
}

/// Records what the system itself did, such as an expiry.
pub async fn record_system<B: Serialize>(
    tx: &mut Tx,
    app: &App,
    organization: OrganizationId,
    proof: Proof,
    verb: &'static str,
    event: Event<'_, B>,
) -> Result<(), Error> {
    let at = app.clock.now();
    let row = Row {
        organization,
        mission: proof.mission(),
        action: verb.to_owned(),
        principal: app.system_principal,
        request_id: "system".to_owned(),
        at,
    };
    insert(tx, EventId::from_uuid(app.ids.uuid(at)), row, event).await
}

/// Records what the system did while it starts: in which organization, as whom, when.
pub(crate) async fn record_at_start<B: Serialize>(
    tx: &mut Tx,
    (organization, principal, ids, at): (OrganizationId, PrincipalId, &IdSource, Timestamp),
    proof: Proof,
    verb: &'static str,
    event: Event<'_, B>,
) -> Result<(), Error> {
    let row = Row {
        organization,
        mission: proof.mission(),
        action: verb.to_owned(),
        principal,
        request_id: "start".to_owned(),
        at,
    };
    insert(tx, EventId::from_uuid(ids.uuid(at)), row, event).await
}

#[derive(Serialize)]
struct Refusal<'a> {
    kind: &'static str,
    detail: &'a str,
}

/// Records that a change was refused, in a transaction of its own.
pub async fn record_refusal(app: &App, cx: &OpCtx, error: &Error) -> Result<(), Error> {
    let mut tx = app.db.begin_write().await?;
    let row = Row {
        organization: cx.caller.organization,
        mission: None,
        action: "authorization.refuse".to_owned(),
        principal: cx.caller.id,
        request_id: cx.request_id.clone(),
        at: cx.now(),
    };
    let body = Refusal { kind: error.kind.slug(), detail: &error.detail };
    let event = Event {
        subject_kind: "principal",
        subject_id: cx.caller.id.to_string(),
        body: &body,
        before_sha256: None,
    };
    insert(&mut tx, EventId::from_uuid(cx.new_uuid()), row, event).await?;
    app.db.commit(tx).await?;
    app.sequencer.nudge();
    Ok(())
}

async fn insert<B: Serialize>(tx: &mut Tx, id: EventId, row: Row, event: Event<'_, B>) -> Result<(), Error> {
    insert_all(tx, vec![(id, row, event)]).await
}

const INSERT: &str =
    "INSERT INTO ledger_event (event_id, organization_id, mission_id, action, subject_kind, subject_id,
     principal_id, request_id, occurred_at, body, body_sha256) VALUES ";

async fn insert_all<B: Serialize>(
    tx: &mut Tx,
    events: Vec<(EventId, Row, Event<'_, B>)>,
) -> Result<(), Error> {
    if events.is_empty() {
        return Ok(());
    }
    let mut query = tx.query(Sql::Built(format!("{INSERT}{}", placeholders(events.len(), 11))));
    for (id, row, event) in events {
        let body = to_canonical(&Body { before_sha256: event.before_sha256, after: event.body })?;
        let body_sha256 = sha256(body.as_bytes()).to_string();
        query = query
            .bind(id)
            .bind(row.organization)
            .bind(row.mission)
            .bind(row.action)
            .bind(event.subject_kind)
            .bind(event.subject_id)
            .bind(row.principal)
            .bind(row.request_id)
            .bind(row.at)
            .bind(body)
            .bind(body_sha256);
    }
    query.execute().await?;
    tx.recorded = true;
    Ok(())
}

/// The digest of an object as it was before a change.
pub(crate) fn digest_of<B: Serialize>(object: &B) -> Result<Option<String>, Error> {
    Ok(Some(sha256(to_canonical(object)?.as_bytes()).to_string()))
}

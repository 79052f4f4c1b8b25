//! Reading and exporting the ledger.

use std::time::Duration;

use mc_api::id::PrincipalId;
use mc_api::ledger::{LedgerEvent, LedgerHead};
use mc_api::page::ListOrder;
use mc_api::tool::EntityHistory;
use mc_api::{Action, Page, Timestamp};
use mc_ledger::SealedEvent;

use super::{Event, record, store};
use crate::app::App;
use crate::db::Tx;
use crate::error::Error;
use crate::http::page;
use crate::op::{OpCtx, Scope};
use crate::{authn, missions, publications, write_tx};

/// A filter that no index serves looks at this many positions of the chain for one page.
const STRETCH: i64 = 50_000;
/// Positions follow time but for this much.
const DISORDER: Duration = Duration::from_mins(15);

/// What a reader of the ledger asks for.
#[derive(Debug, Clone, Default)]
pub struct Query {
    /// Events of this mission (id or name).
    pub mission: Option<String>,
    /// Events of this object.
    pub subject: Option<String>,
    /// Events of objects of this kind.
    pub subject_kind: Option<String>,
    /// Events of one of these actions.
    pub actions: Option<Vec<String>>,
    /// Events by this principal (id or name).
    pub actor: Option<String>,
    /// Events at this time or later.
    pub since: Option<Timestamp>,
    /// Events before this time.
    pub until: Option<Timestamp>,
    /// Events after this position.
    pub after: i64,
    /// Events before this position.
    pub before: Option<i64>,
    /// From the end of the chain.
    pub newest_first: bool,
}

impl Query {
    /// Whether what fits may be far apart, with no index that leads from one to the next.
    fn is_rare(&self) -> bool {
        self.subject.is_none()
            && (self.subject_kind.is_some() || self.actions.is_some() || self.actor.is_some())
    }
}

/// The principal whose events are asked for, when the caller may know of it; nobody acts under an id that is no one's.
async fn actor(tx: &mut Tx, cx: &OpCtx, reference: &str) -> Result<PrincipalId, Error> {
    if let Ok(id) = reference.parse() {
        return Ok(id);
    }
    let absent = || Error::not_found("principal", reference);
    cx.authorize(Action::ReadPrincipal).map_err(|_| absent())?;
    Ok(authn::store::find(tx, cx.caller.organization, reference).await?.ok_or_else(absent)?.id)
}

/// A page of sealed events, ascending or from the end. A page of a rare filter may be short, even empty, and yet have a
/// next one.
///
/// # Errors
/// [`mc_api::ProblemKind::NotFound`] for a mission or an actor that the caller may not know.
pub async fn list(
    app: &App,
    cx: &OpCtx,
    page: page::Request<i64>,
    query: Query,
) -> Result<Page<LedgerEvent>, Error> {
    let mut tx = app.db.begin_read().await?;
    let is_rare = query.is_rare();
    let mission = match &query.mission {
        Some(mission) => Some(missions::service::resolve(&mut tx, cx, mission).await?.id),
        None => None,
    };
    let by = match &query.actor {
        Some(reference) => Some(actor(&mut tx, cx, reference).await?),
        None => None,
    };
    // Behind `low` and before `high`.
    let head = store::head(&mut tx).await?.seq;
    let (mut low, mut high) = (query.after.max(0), query.before.unwrap_or(i64::MAX).min(head + 1));
    if let Some(since) = query.since {
        low = low.max(store::position_at(&mut tx, since.minus(DISORDER), head).await? - 1);
    }
    if let Some(until) = query.until {
        high = high.min(store::position_at(&mut tx, until.plus(DISORDER), head).await?);
    }
    match (page.after, query.newest_first) {
        (Some(cursor), true) => high = high.min(cursor),
        (Some(cursor), false) => low = low.max(cursor),
        (None, _) => {}
    }
    let is_long = is_rare && high.saturating_sub(low) > STRETCH + 1;
    let edge = match (is_long, query.newest_first) {
        (false, _) => None,
        (true, true) => {
            low = high - STRETCH - 1;
            Some(low + 1)
        }
        (true, false) => {
            high = low + STRETCH + 1;
            Some(high - 1)
        }
    };
    let wanted = store::Wanted {
        after: low,
        before: Some(high),
        mission,
        subject: query.subject,
        subject_kind: query.subject_kind,
        actions: query.actions,
        actor: by,
        since: query.since,
        until: query.until,
        newest_first: query.newest_first,
        limit: page.fetch(),
    };
    let rows = store::list(&mut tx, cx.scope(Action::ReadLedger), wanted).await?;
    Ok(page.cut_at(app, rows.into_iter().map(LedgerEvent::from).collect(), |event| event.seq, edge))
}

/// What happened to an entity, by its id, or by its kind and any reference; or to a mission, or to everything.
///
/// # Errors
/// [`mc_api::ProblemKind::NotFound`], [`mc_api::ProblemKind::Validation`].
pub async fn history(app: &App, cx: &OpCtx, wanted: EntityHistory) -> Result<Page<LedgerEvent>, Error> {
    let name = format!(
        "ledger {:?} {:?} {:?} {:?}",
        wanted.mission_id, wanted.entity_id, wanted.action, wanted.order
    );
    let page = page::Request::read(app, name, wanted.limit, wanted.cursor.as_deref())?;
    let subject = match (wanted.entity_type, wanted.entity_id) {
        (Some(_), None) => return Err(Error::invalid("/entity_id", "which one? An id, key or name")),
        (Some(kind), Some(reference)) => {
            let mission = wanted.mission_id.as_deref();
            Some(publications::service::id_of(app, cx, kind, reference, mission).await?)
        }
        (None, id) => id,
    };
    let query = Query {
        mission: wanted.mission_id,
        subject,
        actions: wanted.action.map(|action| vec![action]),
        after: wanted.after.unwrap_or(0),
        newest_first: wanted.order == Some(ListOrder::Desc),
        ..Query::default()
    };
    list(app, cx, page, query).await
}

/// The end of the chain.
pub async fn head(app: &App, cx: &OpCtx) -> Result<LedgerHead, Error> {
    cx.authorize(Action::ReadLedger)?;
    Ok(store::head(&mut app.db.begin_read().await?).await?)
}

/// The next sealed events of a range of the chain, whoever's they are; for publication.
pub(crate) async fn range(tx: &mut Tx, after: i64, upto: i64) -> Result<Vec<SealedEvent>, Error> {
    let rows = store::range(tx, after, upto).await?;
    rows.into_iter().map(|row| SealedEvent::try_from(row).map_err(Error::from)).collect()
}

/// Records that the whole ledger is exported; returns the position up to which.
pub async fn begin_export(app: &App, cx: &OpCtx) -> Result<i64, Error> {
    let head = write_tx!(app, cx, |tx| {
        let proof = cx.authorize(Action::ExportLedger)?;
        let head = store::head(tx).await?;
        let event =
            Event { subject_kind: "ledger", subject_id: "ledger".into(), body: &head, before_sha256: None };
        record(tx, cx, proof, event).await?;
        Ok(head)
    })?;
    Ok(head.seq)
}

/// The next part of an export.
pub async fn export(app: &App, cx: &OpCtx, after: i64, upto: i64) -> Result<Vec<SealedEvent>, Error> {
    let mut tx = app.db.begin_read().await?;
    let wanted = store::Wanted { after, limit: 500.min(upto - after), ..store::Wanted::default() };
    let rows = store::list(&mut tx, Scope::Organization(cx.caller.organization), wanted).await?;
    rows.into_iter().map(|row| SealedEvent::try_from(row).map_err(Error::from)).collect()
}

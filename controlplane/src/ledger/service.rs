//! Reading and exporting the ledger.

use mc_api::ledger::{LedgerEvent, LedgerHead};
use mc_api::tool::EntityHistory;
use mc_api::{Action, Page};
use mc_ledger::SealedEvent;

use super::{Event, record, store};
use crate::app::App;
use crate::db::Tx;
use crate::error::Error;
use crate::http::page;
use crate::op::{OpCtx, Scope};
use crate::{missions, publications, write_tx};

/// What a reader of the ledger asks for.
pub struct Query {
    /// Events of this mission (id or name).
    pub mission: Option<String>,
    /// Events of this object.
    pub subject: Option<String>,
    /// Events of this action.
    pub action: Option<String>,
    /// Events after this position.
    pub after: i64,
}

/// A page of sealed events, ascending.
pub async fn list(
    app: &App,
    cx: &OpCtx,
    page: page::Request<i64>,
    query: Query,
) -> Result<Page<LedgerEvent>, Error> {
    let mut tx = app.db.begin_read().await?;
    let mission = match &query.mission {
        Some(mission) => Some(missions::service::resolve(&mut tx, cx, mission).await?.id),
        None => None,
    };
    let wanted = store::Wanted {
        after: page.after.unwrap_or(query.after),
        mission,
        subject: query.subject,
        action: query.action,
        limit: page.fetch(),
    };
    let rows = store::list(&mut tx, cx.scope(Action::ReadLedger), wanted).await?;
    Ok(page.cut(app, rows.into_iter().map(LedgerEvent::from).collect(), |event| event.seq))
}

/// What happened to an entity, by its id, or by its kind and any reference; or to a mission, or to everything.
///
/// # Errors
/// [`mc_api::ProblemKind::NotFound`], [`mc_api::ProblemKind::Validation`].
pub async fn history(app: &App, cx: &OpCtx, wanted: EntityHistory) -> Result<Page<LedgerEvent>, Error> {
    let name = format!("ledger {:?} {:?} {:?}", wanted.mission_id, wanted.entity_id, wanted.action);
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
        action: wanted.action,
        after: wanted.after.unwrap_or(0),
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

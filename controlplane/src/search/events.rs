//! Finding events of the ledger by what they say: action, subject, actor.
//!
//! Events are many and short, so they have no entries of their own: the newest in the caller's scope are read, or all of
//! the subject that the query names. They are found when they are asked for alone; every change of every object is one.

use mc_api::id::{EventId, MissionId, PrincipalId};
use mc_api::search::{SearchHit, SearchKind, SearchPage};
use mc_api::{Action, Timestamp};

use super::service::{Narrow, Place};
use crate::app::App;
use crate::artifacts;
use crate::db::{DbError, Filter, Tx};
use crate::error::Error;
use crate::http::page;
use crate::op::{OpCtx, Scope};

/// How many of the newest events are looked at, for one page.
const WINDOW: i64 = 20_000;
/// How many are read at once.
const BATCH: i64 = 1000;
/// At most this many words of a query count.
const MOST_WORDS: usize = 8;

const SELECT: &str =
    "SELECT e.seq, e.event_id, e.mission_id, e.action, e.subject_kind, e.subject_id, e.principal_id, p.name AS actor,
     e.occurred_at FROM ledger_event e LEFT JOIN principal p ON p.principal_id = e.principal_id";

#[derive(sqlx_macros::FromRow)]
struct Row {
    seq: i64,
    event_id: EventId,
    mission_id: Option<MissionId>,
    action: String,
    subject_kind: String,
    subject_id: String,
    principal_id: PrincipalId,
    actor: Option<String>,
    occurred_at: Timestamp,
}

/// The words of a query: an id or key names a subject, others are looked for in what the event says.
struct Asked {
    words: Vec<String>,
    subjects: Vec<String>,
}

async fn asked(tx: &mut Tx, cx: &OpCtx, query: &str) -> Result<Asked, Error> {
    let mut asked = Asked { words: Vec::new(), subjects: Vec::new() };
    let all = query.split(|c: char| c.is_whitespace() || c == '"').filter(|word| !word.is_empty());
    for word in all.take(MOST_WORDS) {
        let lower = word.to_lowercase();
        let is_id = word
            .split_once('_')
            .is_some_and(|(_, hex)| hex.len() == 32 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()));
        if is_id {
            asked.subjects.push(lower);
            continue;
        }
        // A key is looked up like any other name of a task, and tells nothing where the caller may not read it.
        let task = artifacts::store::find_task(tx, cx.caller.organization, word).await?;
        match task.filter(|(_, mission)| cx.authorize_in(Action::ReadTask, *mission).is_ok()) {
            Some((task, _)) => asked.subjects.push(task.to_string()),
            None => asked.words.push(lower),
        }
    }
    Ok(asked)
}

/// A page of events, the newest first.
///
/// # Errors
/// [`mc_api::ProblemKind::Validation`] for filters that events have not.
pub(super) async fn search(
    app: &App,
    cx: &OpCtx,
    page: page::Request<Place>,
    narrow: Narrow,
) -> Result<SearchPage, Error> {
    for (pointer, is_given) in [
        ("?kluster", narrow.kluster.is_some()),
        ("?state", narrow.states.is_some()),
        ("?labels", !narrow.labels.is_empty()),
    ] {
        if is_given {
            return Err(Error::invalid(pointer, "events have none; narrow them by mission and time"));
        }
    }
    let mut tx = app.db.begin_read().await?;
    let asked = asked(&mut tx, cx, &narrow.query).await?;
    let scope = cx.scope(Action::ReadLedger);
    if scope.is_empty() {
        return Ok(SearchPage { items: Vec::new(), next_cursor: None, counts: Vec::new() });
    }
    let names = cx.authorize(Action::ReadPrincipal).is_ok();
    let rows = rows(&mut tx, scope, &asked, (&narrow, names), &page).await?;
    drop(tx);
    let page = page.cut(app, rows, |row| Place::at(row.seq, row.event_id.as_uuid()));
    let items = page.items.into_iter().map(|row| shown(row, names)).collect();
    Ok(SearchPage { items, next_cursor: page.next_cursor, counts: Vec::new() })
}

fn shown(row: Row, names: bool) -> SearchHit {
    let actor = row.actor.filter(|_| names).unwrap_or_else(|| row.principal_id.to_string());
    SearchHit {
        kind: SearchKind::Event,
        id: row.event_id.to_string(),
        key: Some(row.action.clone()),
        title: format!("{} {} by {actor}", row.action, row.subject_id),
        mission_id: row.mission_id,
        state: None,
        score: 1.0,
        lexical: 1.0,
        vector: 0.0,
        highlights: Vec::new(),
        updated_at: row.occurred_at,
    }
}

/// Whether an event says a word: in its action, as the kind of its subject, or in the name of who acted.
fn says(row: &Row, word: &str, names: bool) -> bool {
    let actor = row.actor.as_ref().filter(|_| names);
    row.action.contains(word)
        || row.subject_kind == word
        || actor.is_some_and(|actor| actor.to_lowercase().contains(word))
}

/// The newest events that say all words, at most one page of them.
async fn rows(
    tx: &mut Tx,
    scope: Scope,
    asked: &Asked,
    (narrow, names): (&Narrow, bool),
    page: &page::Request<Place>,
) -> Result<Vec<Row>, DbError> {
    let wanted = usize::try_from(page.fetch()).unwrap_or(usize::MAX);
    let (mut found, mut before) =
        (Vec::new(), page.after.as_ref().and_then(Place::first).unwrap_or(i64::MAX));
    for _ in 0..WINDOW / BATCH {
        let filter = Filter::new(tx, SELECT).and("e.seq < ?", before);
        let mut filter = scope
            .clone()
            .apply(filter, "e.organization_id = ?", "e.mission_id")
            .and_some("e.mission_id = ?", narrow.mission)
            .and_some("e.occurred_at >= ?", narrow.since)
            .and_some("e.occurred_at < ?", narrow.until);
        if !asked.subjects.is_empty() {
            filter = filter.one_of("e.subject_id", asked.subjects.clone());
        }
        let batch: Vec<Row> = filter.finish(tx, "e.seq DESC", BATCH).fetch_all().await?;
        let is_last = batch.len() < usize::try_from(BATCH).unwrap_or(usize::MAX);
        before = batch.last().map_or(0, |row| row.seq);
        found.extend(batch.into_iter().filter(|row| asked.words.iter().all(|word| says(row, word, names))));
        if is_last || found.len() >= wanted {
            break;
        }
    }
    found.truncate(wanted);
    Ok(found)
}

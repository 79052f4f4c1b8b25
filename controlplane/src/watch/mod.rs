//! Watching lists: snapshot, bookmark, changes, as server-sent events.
//!
//! The position is the ledger's `seq`, which is dense and given only to committed changes: a client that comes back
//! with its last `id` misses nothing and sees nothing twice. Objects are read after their event was sealed and carry
//! their `version`; a receiver drops versions it has already seen, which makes the snapshot's race harmless.

mod kinds;
pub mod routes;

use std::collections::{HashMap, HashSet, VecDeque};
use std::convert::Infallible;
use std::future::Future;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Duration;

use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use mc_api::{Page, ProblemKind};
use serde::Serialize;
use tokio::sync::watch::Receiver;

use crate::app::SharedApp;
use crate::authn;
use crate::error::Error;
use crate::http::page;
use crate::ledger;
use crate::op::OpCtx;

pub use kinds::{
    Approvals, Artifacts, Docs, Klusters, Missions, Nodes, Publications, Reservations, Sessions, Tasks,
};

/// A list that can be watched.
pub trait Watched: Send + Sync + 'static {
    /// The object.
    type Object: Serialize + Send;
    /// Its id.
    type Id: std::str::FromStr + std::fmt::Display + Clone + Send + Sync;
    /// The ledger's word for the object.
    const KIND: &'static str;
    /// One page of the list.
    fn page(
        &self,
        app: &SharedApp,
        cx: &OpCtx,
        page: page::Request<Self::Id>,
    ) -> impl Future<Output = Result<Page<Self::Object>, Error>> + Send;
    /// The object, when it is (still) part of the list.
    fn find(
        &self,
        app: &SharedApp,
        cx: &OpCtx,
        id: &str,
    ) -> impl Future<Output = Result<Option<Self::Object>, Error>> + Send;
    /// The object's id.
    fn id(object: &Self::Object) -> Self::Id;
    /// The only object that can be part of the list, when there is one: what happens to others is not told.
    fn only(&self) -> Option<String> {
        None
    }
    /// How many objects the snapshot leaves out, when it may leave out some. What happens to them is told.
    fn left_out(&self) -> Option<i64> {
        None
    }
    /// The ledger does not tell of every change: the versions are looked at every [`LOOK`] instead.
    const LOOKS: bool = false;
    /// Ids and versions of all that may be part of the list, for those that look.
    fn versions(
        &self,
        _app: &SharedApp,
        _cx: &OpCtx,
    ) -> impl Future<Output = Result<Vec<(String, i64)>, Error>> + Send {
        std::future::ready(Ok(Vec::new()))
    }
}

/// At most this many events of the ledger are read at once.
const STEP: i64 = 500;
/// How often a list whose changes are not all in the ledger is looked at.
const LOOK: Duration = Duration::from_millis(200);
/// How often a silent stream says that it lives.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

struct Stream<W: Watched> {
    app: SharedApp,
    cx: OpCtx,
    list: W,
    head: Receiver<i64>,
    /// Everything up to here was said.
    seq: i64,
    snapshot: Option<page::Request<W::Id>>,
    /// What the client has: ids, and a hash of what it was told last.
    known: HashMap<String, u64>,
    /// The versions that were looked at last; only for lists that look.
    versions: HashMap<String, i64>,
    checked: tokio::time::Instant,
    /// A client that came back may know what is not in `known`; what it was told to be gone is told once.
    told_gone: Option<HashSet<String>>,
    ready: VecDeque<Event>,
    /// Whether changes follow the snapshot.
    follows: bool,
    ended: bool,
}

/// Streams a list.
///
/// # Errors
/// [`ProblemKind::SeqExpired`] when `from` is beyond the head, as after a restore; the client starts afresh.
pub async fn stream<W: Watched>(
    app: SharedApp,
    cx: OpCtx,
    list: W,
    from: Option<i64>,
) -> Result<Response, Error> {
    Ok(answer(events(app, cx, list, from, true).await?))
}

/// Events as an answer, with a sign of life while nothing happens.
fn answer(events: impl futures_util::Stream<Item = Event> + Send + 'static) -> Response {
    let events = futures_util::StreamExt::map(events, Ok::<_, Infallible>);
    Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response()
}

/// The events of a list; they end with the login, and when the server stops.
async fn events<W: Watched>(
    app: SharedApp,
    cx: OpCtx,
    list: W,
    from: Option<i64>,
    follows: bool,
) -> Result<impl futures_util::Stream<Item = Event> + Send, Error> {
    let head = app.sequencer.follow();
    let sealed = ledger::store::head(&mut app.db.begin_read().await?).await?.seq;
    if let Some(from) = from
        && !(0..=sealed).contains(&from)
    {
        return Err(Error::new(
            ProblemKind::SeqExpired,
            format!("from={from} is outside 0..={sealed}; start again without `from`"),
        ));
    }
    // Asked once before the stream begins, so that a refusal is a problem document and not a broken stream.
    list.page(&app, &cx, page::Request::largest()).await?;
    let state = Stream {
        // A list that looks has no position to go on from: its client drops the versions it has seen.
        snapshot: (from.is_none() || W::LOOKS).then(page::Request::largest),
        seq: from.unwrap_or(sealed),
        app,
        cx,
        list,
        head,
        known: HashMap::new(),
        versions: HashMap::new(),
        checked: tokio::time::Instant::now(),
        told_gone: from.map(|_| HashSet::new()),
        ready: VecDeque::new(),
        follows,
        ended: false,
    };
    Ok(stream::unfold(state, |mut state| async move {
        let event = state.next().await?;
        Some((event, state))
    }))
}

fn message(seq: i64, name: &'static str, data: &impl Serialize) -> Result<Event, Error> {
    Event::default().id(seq.to_string()).event(name).json_data(data).map_err(Error::internal)
}

impl<W: Watched> Stream<W> {
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            if self.ended {
                return None;
            }
            let stepped = match self.snapshot.take() {
                Some(page) => self.step_snapshot(page).await,
                None if W::LOOKS => self.step_look().await,
                None => self.step_changes().await,
            };
            if let Err(error) = stepped {
                // The client reconnects with its last id; nothing is lost by ending here.
                tracing::info!(request.id = %self.cx.request_id, error = %error, "a watch ended");
                self.ended = true;
            }
        }
    }

    async fn step_snapshot(&mut self, page: page::Request<W::Id>) -> Result<(), Error> {
        if W::LOOKS && page.after.is_none() {
            self.first_look().await?;
        }
        let found = self.list.page(&self.app, &self.cx, page.clone()).await?;
        let last = found.items.last().map(W::id);
        for object in &found.items {
            self.tell(self.seq, W::id(object).to_string(), object)?;
        }
        if let (Some(_), Some(last)) = (found.next_cursor, last) {
            self.snapshot = Some(page.after(last));
            return Ok(());
        }
        let mut mark = serde_json::json!({ "kind": W::KIND, "seq": self.seq });
        if let Some(left_out) = self.list.left_out() {
            mark["left_out"] = left_out.into();
        }
        self.ready.push_back(message(self.seq, "bookmark", &mark)?);
        self.ended = !self.follows;
        Ok(())
    }

    /// What is looked at before the snapshot is older than it, never newer: a change in between is told twice.
    async fn first_look(&mut self) -> Result<(), Error> {
        self.versions = self.list.versions(&self.app, &self.cx).await?.into_iter().collect();
        Ok(())
    }

    async fn step_look(&mut self) -> Result<(), Error> {
        tokio::select! {
            () = self.app.stop.cancelled() => {
                self.ended = true;
                return Ok(());
            }
            () = tokio::time::sleep(LOOK) => {}
        }
        if self.checked.elapsed() >= KEEP_ALIVE {
            self.checked = tokio::time::Instant::now();
            self.check_login().await?;
        }
        let versions: HashMap<String, i64> =
            self.list.versions(&self.app, &self.cx).await?.into_iter().collect();
        self.seq = self.seq.max(*self.head.borrow());
        let changed: Vec<String> = versions
            .iter()
            .filter(|(id, version)| self.versions.get(*id) != Some(version))
            .map(|(id, _)| id.clone())
            .collect();
        let gone = self.known.keys().filter(|id| !versions.contains_key(*id)).cloned();
        for id in changed.into_iter().chain(gone.collect::<Vec<_>>()) {
            match self.list.find(&self.app, &self.cx, &id).await? {
                Some(object) => self.tell(self.seq, id, &object)?,
                None if self.known.remove(&id).is_some() => {
                    let gone = serde_json::json!({ "kind": W::KIND, "id": id });
                    self.ready.push_back(message(self.seq, "deleted", &gone)?);
                }
                None => {}
            }
        }
        self.versions = versions;
        Ok(())
    }

    async fn step_changes(&mut self) -> Result<(), Error> {
        let head = *self.head.borrow_and_update();
        if head <= self.seq {
            tokio::select! {
                changed = self.head.changed() => self.ended = changed.is_err(),
                () = self.app.stop.cancelled() => self.ended = true,
                // A login that was revoked or ended must not go on reading.
                () = tokio::time::sleep(KEEP_ALIVE) => self.check_login().await?,
            }
            return Ok(());
        }
        self.check_login().await?;
        let upto = head.min(self.seq + STEP);
        let changes =
            ledger::store::changes(&mut self.app.db.begin_read().await?, W::KIND, self.seq, upto).await?;
        let only = self.list.only();
        for (index, change) in changes.iter().enumerate() {
            if only.as_ref().is_some_and(|only| *only != change.subject_id) {
                continue;
            }
            // Only the last of several changes of one object is said: the object is read as it is now.
            if changes[index + 1..].iter().any(|later| later.subject_id == change.subject_id) {
                continue;
            }
            match self.list.find(&self.app, &self.cx, &change.subject_id).await? {
                Some(object) => self.tell(change.seq, change.subject_id.clone(), &object)?,
                None if self.known.remove(&change.subject_id).is_some() || self.may_be_known(change) => {
                    let gone = serde_json::json!({ "kind": W::KIND, "id": change.subject_id });
                    self.ready.push_back(message(change.seq, "deleted", &gone)?);
                }
                None => {}
            }
        }
        self.seq = upto;
        Ok(())
    }

    /// Says how an object is now, unless this stream said so before: an object is read as it is, which may be ahead of
    /// the event that led to it, and the next event then brings nothing new.
    fn tell(&mut self, seq: i64, id: String, object: &W::Object) -> Result<(), Error> {
        let text = serde_json::to_string(object).map_err(Error::internal)?;
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        let said = hasher.finish();
        let name = match self.known.insert(id, said) {
            Some(before) if before == said => return Ok(()),
            Some(_) => "modified",
            None => "added",
        };
        self.ready.push_back(Event::default().id(seq.to_string()).event(name).data(text));
        Ok(())
    }

    /// Whether a client that came back may have seen the object; only what it may read is said to be gone.
    fn may_be_known(&mut self, change: &ledger::store::Change) -> bool {
        let readable = match change.mission_id {
            Some(mission) => self.cx.caller.role_in(mission).is_some(),
            None => self.cx.caller.role.is_some(),
        };
        readable && self.told_gone.as_mut().is_some_and(|told| told.insert(change.subject_id.clone()))
    }

    /// Ends the stream with its login, and goes on with the roles of now.
    async fn check_login(&mut self) -> Result<(), Error> {
        self.cx.caller = authn::service::again(&self.app, &self.cx.caller).await?;
        Ok(())
    }
}

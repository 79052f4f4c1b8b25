//! Following the events of one session as server-sent events.
//!
//! `id` is the position in the session, so that a client that comes back with `Last-Event-ID` misses nothing and sees
//! nothing twice. When the session has ended and everything was sent, the last event is `end` and the stream ends.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use mc_api::id::SessionId;
use mc_api::session::SessionEvent;
use tokio::sync::watch::Receiver;

use super::{service, store};
use crate::app::SharedApp;
use crate::authn;
use crate::error::Error;
use crate::op::OpCtx;

/// At most this many events are read at once.
const STEP: i64 = 500;
/// How often is looked without being woken: another replica may have stored what is new.
const LOOK: Duration = Duration::from_millis(500);
/// How often the login is checked, and a silent stream says that it lives.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

struct Follower {
    app: SharedApp,
    cx: OpCtx,
    session: SessionId,
    /// The next position to send.
    from: i64,
    stored: Receiver<i64>,
    ready: VecDeque<SessionEvent>,
    checked: tokio::time::Instant,
    ended: bool,
}

/// Streams the events of a session from a position on.
///
/// # Errors
/// [`mc_api::ProblemKind::NotFound`].
pub(super) async fn stream(app: SharedApp, cx: OpCtx, reference: &str, from: i64) -> Result<Response, Error> {
    // To attach is a deed that the ledger knows; reading a page is not.
    let session = service::attach(&app, &cx, reference, from).await?;
    let stored = app.sessions.follow(session);
    let follower = Follower {
        app,
        cx,
        session,
        from: from.max(0),
        stored,
        ready: VecDeque::new(),
        checked: tokio::time::Instant::now(),
        ended: false,
    };
    let events = stream::unfold(follower, |mut follower| async move {
        let event = follower.next().await?;
        Some((Ok::<_, Infallible>(event), follower))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response())
}

impl Follower {
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                let message = Event::default().id(event.seq.to_string()).event(&event.kind).json_data(&event);
                match message {
                    Ok(message) => return Some(message),
                    Err(error) => {
                        tracing::error!(session.id = %self.session, error = %error, "an event cannot be sent");
                        return None;
                    }
                }
            }
            if self.ended {
                return None;
            }
            match self.step().await {
                Ok(None) => {}
                Ok(Some(end)) => return Some(end),
                Err(error) => {
                    // The client comes back with its last id; nothing is lost by ending here.
                    tracing::info!(request.id = %self.cx.request_id, error = %error, "a follower ended");
                    return None;
                }
            }
        }
    }

    /// Reads what is new, or waits for it; answers the last event of all.
    async fn step(&mut self) -> Result<Option<Event>, Error> {
        // Marked as seen before reading, so that what is stored meanwhile wakes the wait below.
        self.stored.borrow_and_update();
        let (events, has_ended) = {
            let mut tx = self.app.db.begin_read().await?;
            // The state is read first: what ended the session was stored with it or before.
            let record = store::find(&mut tx, self.session, self.app.clock.now()).await?;
            let has_ended = record.is_none_or(|record| record.session.state.is_terminal());
            (service::events_from(&mut tx, self.session, self.from, STEP).await?, has_ended)
        };
        if let Some(last) = events.last() {
            self.from = last.seq + 1;
            self.ready.extend(events);
            return Ok(None);
        }
        if has_ended {
            self.ended = true;
            let end = serde_json::json!({ "seq": self.from - 1 });
            return Event::default().event("end").json_data(end).map(Some).map_err(Error::internal);
        }
        tokio::select! {
            changed = self.stored.changed() => self.ended = changed.is_err(),
            () = self.app.stop.cancelled() => self.ended = true,
            () = tokio::time::sleep(LOOK) => {}
        }
        if self.checked.elapsed() >= KEEP_ALIVE {
            self.checked = tokio::time::Instant::now();
            self.cx.caller = authn::service::again(&self.app, &self.cx.caller).await?;
            // A role that was taken away ends the stream as well.
            service::get(&self.app, &self.cx, &self.session.to_string()).await?;
        }
        Ok(None)
    }
}

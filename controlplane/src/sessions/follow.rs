//! Following the events of one session as server-sent events.
//!
//! `id` is the position in the session, so that a client that comes back with `Last-Event-ID` misses nothing and sees
//! nothing twice. When the session has ended and everything was sent, the last event is `end` and the stream ends.
//!
//! A follower reads the database up to the end of what is stored, then takes what is new from the session's [`Feed`],
//! which is read and written out once for all. Who is too slow for what the feed keeps reads the database again.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderValue, header};
use mc_api::id::SessionId;
use tokio::sync::watch::Receiver;
use tokio::time::Instant;

use super::feed::{self, Feed, Found, Frame};
use super::service;
use crate::app::SharedApp;
use crate::authn;
use crate::error::Error;
use crate::op::OpCtx;

/// How often the login is checked, and a stream says that it lives.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// A comment of the format: a sign of life.
const ALIVE: &[u8] = b":\n\n";

struct Follower {
    app: SharedApp,
    cx: OpCtx,
    session: SessionId,
    /// The next position to send.
    from: i64,
    feed: Option<(Arc<Feed>, Receiver<()>)>,
    ready: VecDeque<Frame>,
    check_at: Instant,
    ended: bool,
}

/// Streams the events of a session from a position on.
///
/// # Errors
/// [`mc_api::ProblemKind::NotFound`].
pub(super) async fn stream(app: SharedApp, cx: OpCtx, reference: &str, from: i64) -> Result<Response, Error> {
    // To attach is a deed that the ledger knows; reading a page is not.
    let session = service::attach(&app, &cx, reference, from).await?;
    // Followers that came together are not checked together: what is new would wait for that.
    let [phase] = app.ids.bytes::<1>();
    let follower = Follower {
        app,
        cx,
        session,
        from: from.max(0),
        feed: None,
        // Said at once, so that the client knows that it is connected.
        ready: VecDeque::from([Frame { seq: -1, bytes: Bytes::from_static(ALIVE) }]),
        check_at: Instant::now() + KEEP_ALIVE.mul_f64((1.0 + f64::from(phase)) / 256.0),
        ended: false,
    };
    let bytes = stream::unfold(follower, |mut follower| async move {
        let bytes = follower.next().await?;
        Some((Ok::<_, Infallible>(bytes), follower))
    });
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    Ok((headers, Body::from_stream(bytes)).into_response())
}

impl Follower {
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(frame) = self.ready.pop_front() {
                return Some(frame.bytes);
            }
            if self.ended {
                return None;
            }
            match self.step().await {
                Ok(None) => {}
                Ok(bytes) => return bytes,
                Err(error) => {
                    // The client comes back with its last id; nothing is lost by ending here.
                    tracing::info!(request.id = %self.cx.request_id, error = %error, "a follower ended");
                    return None;
                }
            }
        }
    }

    /// Finds what is new, or waits for it; answers what is to be said beside events.
    async fn step(&mut self) -> Result<Option<Bytes>, Error> {
        if Instant::now() >= self.check_at {
            self.check_at = Instant::now() + KEEP_ALIVE;
            self.check().await?;
            return Ok(Some(Bytes::from_static(ALIVE)));
        }
        let Some((feed, told)) = &mut self.feed else { return self.catch_up(None).await };
        // Marked as seen before looking, so that what comes meanwhile wakes the wait below.
        told.borrow_and_update();
        match feed.at(self.from) {
            Found::Frames(frames) => self.take(frames),
            Found::Behind(covers) => return self.catch_up(Some(covers)).await,
            Found::End => return Ok(Some(self.end())),
            Found::Closed => self.ended = true,
            Found::Nothing => tokio::select! {
                changed = told.changed() => self.ended = changed.is_err(),
                () = self.app.stop.cancelled() => self.ended = true,
                () = tokio::time::sleep_until(self.check_at) => {}
            },
        }
        Ok(None)
    }

    /// Reads the database until it has nothing more; from there on, the feed has. `covers`: from where it is complete.
    async fn catch_up(&mut self, covers: Option<i64>) -> Result<Option<Bytes>, Error> {
        let read = feed::read(&self.app, self.session, self.from).await?;
        if read.is_end {
            return Ok(Some(self.end()));
        }
        match covers {
            _ if !read.frames.is_empty() => self.take(read.frames),
            // There is none before what the feed has.
            Some(covers) => self.from = self.from.max(covers),
            None => self.feed = Some(self.app.sessions.follow(self.session, read.head)),
        }
        Ok(None)
    }

    fn take(&mut self, frames: Vec<Frame>) {
        if let Some(last) = frames.last() {
            self.from = last.seq + 1;
        }
        self.ready.extend(frames);
    }

    fn end(&mut self) -> Bytes {
        self.ended = true;
        Bytes::from(format!("event: end\ndata: {{\"seq\":{}}}\n\n", self.from - 1))
    }

    /// The login may have ended, and a role that was taken away ends the stream as well.
    async fn check(&mut self) -> Result<(), Error> {
        self.cx.caller = authn::service::again(&self.app, &self.cx.caller).await?;
        service::get(&self.app, &self.cx, &self.session.to_string()).await?;
        Ok(())
    }
}

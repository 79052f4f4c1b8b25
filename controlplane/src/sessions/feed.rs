//! The newest events of agent sessions that are followed: read once and written out once for all who follow.
//!
//! A [`Feed`] is the end of one session's events in the form in which they are sent, at most [`KEPT`] bytes of it. One
//! task reads for it what is stored, however many follow. Who is behind its beginning reads the database for himself
//! and comes back. A feed lives as long as somebody follows; when its task ends otherwise, it is closed and so are the
//! streams of its followers, whose clients come back with their last id.
//!
//! A feed knows nothing of rights: each follower has his own, and looks after them himself.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::{BufMut as _, Bytes, BytesMut};
use mc_api::id::SessionId;
use mc_api::session::SessionEvent;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use super::{service, store};
use crate::app::{App, SharedApp};
use crate::error::Error;
use crate::lifetime::DRAIN_LIMIT;

/// At most this many events are read at once.
const STEP: i64 = 500;
/// How often is looked without being woken: another replica may have stored what is new.
const LOOK: Duration = Duration::from_millis(500);
/// At most this many bytes are kept for a session, unless a single event is larger.
const KEPT: usize = 1024 * 1024;
/// At most this many bytes are handed out at once, unless a single event is larger: what a slow follower holds.
const HANDED: usize = 256 * 1024;

/// An event as it is sent.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    pub(super) seq: i64,
    pub(super) bytes: Bytes,
}

impl Frame {
    /// Writes an event as a server-sent event. Its text has no line breaks: JSON escapes them, kinds have none.
    pub(super) fn of(event: &SessionEvent) -> Result<Self, Error> {
        use std::io::Write as _;
        let mut out = BytesMut::with_capacity(256).writer();
        let written = write!(out, "id: {}\nevent: {}\ndata: ", event.seq, event.kind)
            .map_err(serde_json::Error::io)
            .and_then(|()| serde_json::to_writer(&mut out, event));
        written.map_err(Error::internal)?;
        let mut bytes = out.into_inner();
        bytes.put_slice(b"\n\n");
        Ok(Self { seq: event.seq, bytes: bytes.freeze() })
    }
}

/// What was read of a session.
pub(super) struct Read {
    /// In order.
    pub(super) frames: Vec<Frame>,
    /// The session has ended and nothing comes after `frames`.
    pub(super) is_end: bool,
    /// The position after the last record that was stored before `frames` were read, published or not.
    pub(super) head: i64,
}

/// Reads the next events of a session from a position on; none when there are none.
///
/// # Errors
/// Database failures.
pub(super) async fn read(app: &App, session: SessionId, from: i64) -> Result<Read, Error> {
    let mut tx = app.db.begin_read().await?;
    // The state is read first: what ended the session was stored with it or before.
    let record = store::find(&mut tx, session, app.clock.now()).await?;
    let head = record.as_ref().map_or(from, |record| record.session.last_seq + 1);
    let has_ended = record.is_none_or(|record| record.session.state.is_terminal());
    let events = service::events_from(&mut tx, session, from, STEP).await?;
    let frames = events.iter().map(Frame::of).collect::<Result<Vec<_>, _>>()?;
    Ok(Read { is_end: has_ended && frames.is_empty(), frames, head })
}

/// What a follower finds at his position.
#[derive(Debug)]
pub(super) enum Found {
    /// These come next.
    Frames(Vec<Frame>),
    /// The position is before what is kept; it is complete from here on.
    Behind(i64),
    /// Nothing yet.
    Nothing,
    /// Nothing will come: the session has ended.
    End,
    /// Nobody reads any more; the client comes back.
    Closed,
}

#[derive(Debug)]
struct Tail {
    frames: VecDeque<Frame>,
    size: usize,
    /// Every event from here to `head` is in `frames`.
    covers: i64,
    head: i64,
    has_ended: bool,
    is_closed: bool,
}

/// The end of one session's events.
#[derive(Debug)]
pub(super) struct Feed {
    session: SessionId,
    tail: Mutex<Tail>,
    /// Wakes the task that reads.
    stored: Notify,
    /// Wakes the followers.
    told: watch::Sender<()>,
    /// Whether a task reads for it.
    is_served: std::sync::atomic::AtomicBool,
}

impl Feed {
    /// A feed of what comes from `head` on.
    pub(super) fn new(session: SessionId, head: i64) -> Self {
        let tail =
            Tail { frames: VecDeque::new(), size: 0, covers: head, head, has_ended: false, is_closed: false };
        Self {
            session,
            tail: Mutex::new(tail),
            stored: Notify::new(),
            told: watch::channel(()).0,
            is_served: false.into(),
        }
    }

    fn tail(&self) -> MutexGuard<'_, Tail> {
        // The tail is whole between statements, so a panic elsewhere leaves it usable.
        self.tail.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<()> {
        self.told.subscribe()
    }

    /// Whether somebody follows.
    pub(super) fn is_followed(&self) -> bool {
        self.told.receiver_count() > 0
    }

    /// Something was stored.
    pub(super) fn nudge(&self) {
        self.stored.notify_one();
    }

    /// What comes at a position.
    pub(super) fn at(&self, from: i64) -> Found {
        let tail = self.tail();
        if from < tail.covers {
            return Found::Behind(tail.covers);
        }
        let begin = tail.frames.partition_point(|frame| frame.seq < from);
        let mut size = 0;
        let next = tail.frames.range(begin..).take_while(|frame| {
            let is_first = size == 0;
            size += frame.bytes.len();
            is_first || size <= HANDED
        });
        let frames: Vec<Frame> = next.cloned().collect();
        match (frames.is_empty(), tail.has_ended, tail.is_closed) {
            (false, _, _) => Found::Frames(frames),
            (true, true, _) => Found::End,
            (true, false, true) => Found::Closed,
            (true, false, false) => Found::Nothing,
        }
    }

    /// Takes what was read at its head.
    fn push(&self, read: Read) {
        let mut tail = self.tail();
        for frame in read.frames {
            tail.head = frame.seq + 1;
            tail.size += frame.bytes.len();
            tail.frames.push_back(frame);
        }
        while tail.size > KEPT && tail.frames.len() > 1 {
            if let Some(dropped) = tail.frames.pop_front() {
                tail.size -= dropped.bytes.len();
                tail.covers = dropped.seq + 1;
            }
        }
        tail.has_ended |= read.is_end;
        drop(tail);
        self.told.send_replace(());
    }

    fn close(&self) {
        self.tail().is_closed = true;
        self.told.send_replace(());
    }

    /// Reads until the session has ended, nobody follows, or the process stops.
    async fn run(self: Arc<Self>, app: SharedApp) {
        // However this ends, nobody waits for a feed that nobody reads for.
        let served = Served { feed: &self, app: &app };
        let mut failures = 0_u32;
        loop {
            let mut is_new = false;
            let head = self.tail().head;
            match read(&app, self.session, head).await {
                Ok(read) => {
                    failures = 0;
                    let is_end = read.is_end;
                    is_new = !read.frames.is_empty();
                    if is_new || is_end {
                        self.push(read);
                    }
                    if is_end {
                        break;
                    }
                }
                Err(error) => {
                    failures += 1;
                    if failures.is_power_of_two() {
                        tracing::warn!(session.id = %self.session, failures, error = ?error, "new events of agent session {} cannot be read, it is tried again", self.session);
                    }
                }
            }
            if !is_new {
                tokio::select! {
                    () = self.stored.notified(), if failures == 0 => {}
                    () = tokio::time::sleep(LOOK) => {}
                    () = app.stop.cancelled() => {}
                }
            }
            if app.stop.is_cancelled() || app.sessions.forget(&self) {
                break;
            }
        }
        drop(served);
    }
}

struct Served<'a> {
    feed: &'a Arc<Feed>,
    app: &'a App,
}

impl Drop for Served<'_> {
    fn drop(&mut self) {
        self.app.sessions.drop_feed(self.feed);
        self.feed.close();
    }
}

/// Reads for every feed there is, each in a task of its own.
pub(crate) async fn run(app: SharedApp) {
    let mut feeds = JoinSet::new();
    loop {
        for feed in app.sessions.feeds() {
            if !feed.is_served.swap(true, std::sync::atomic::Ordering::AcqRel) {
                feeds.spawn(feed.run(app.clone()));
            }
        }
        tokio::select! {
            () = app.stop.cancelled() => break,
            () = app.sessions.opened() => {}
            Some(ended) = feeds.join_next() => {
                if let Err(error) = ended {
                    tracing::error!(error = %error, "reading for followers failed");
                }
            }
        }
    }
    // Each of them ends with the same token, and what still waits for the database then with this.
    let ended = async { while feeds.join_next().await.is_some() {} };
    if tokio::time::timeout(DRAIN_LIMIT, ended).await.is_err() {
        tracing::warn!("reading for followers was left in the middle");
    }
}

#[cfg(test)]
#[path = "feed_tests.rs"]
mod tests;

//! Watching a list: snapshot, marker, changes; reconnects by itself where it stopped.

use std::collections::{HashMap, VecDeque};
use std::marker::PhantomData;

use mc_api::ProblemKind;
use serde::Deserialize;

use crate::query::ListQuery;
use crate::resource::Resource;
use crate::sse::{Message, Parser};
use crate::transport::{Call, dice};
use crate::{Client, Error};

/// What is told about one object, or about the stream.
#[derive(Clone, Debug, PartialEq)]
pub enum Event<T> {
    /// It exists (snapshot) or came into existence.
    Added(T),
    /// It changed.
    Modified(T),
    /// It is gone.
    Deleted(Deleted),
    /// Everything up to this position was told; after the first one the stream is live.
    Bookmark(i64),
    /// The position is older than what the server keeps: a fresh snapshot follows, and what it does not contain
    /// is gone.
    Restarted,
}

/// An object that is gone.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Deleted {
    /// Its kind.
    pub kind: String,
    /// Its id.
    pub id: String,
}

#[derive(Deserialize)]
struct Bookmark {
    seq: i64,
}

/// A list being watched. Versions already told are not told again.
pub struct Watch<T> {
    client: Client,
    query: ListQuery,
    /// The last position told.
    last: Option<i64>,
    /// The snapshot is complete, so `last` is a place to resume at.
    live: bool,
    stream: Option<reqwest::Response>,
    parser: Parser,
    ready: VecDeque<Message>,
    versions: HashMap<String, i64>,
    failures: u32,
    /// A stream that lived has ended.
    lost: bool,
    object: PhantomData<fn() -> T>,
}

impl Client {
    /// Watches a list: with `from`, only changes after that position; else a snapshot first.
    pub fn watch<R: Resource>(&self, query: ListQuery, from: Option<i64>) -> Watch<R> {
        Watch {
            client: self.clone(),
            query,
            last: from,
            live: from.is_some(),
            stream: None,
            parser: Parser::default(),
            ready: VecDeque::new(),
            versions: HashMap::new(),
            failures: 0,
            lost: false,
            object: PhantomData,
        }
    }
}

impl<R: Resource> Watch<R> {
    const MAX_MESSAGE_BYTES: usize = 16 << 20;
    /// Broken connections in a row, each already repeated as [`crate::Retry`] says, before the watch gives up.
    const MAX_FAILURES: u32 = 20;

    /// The next event. Does not end by itself.
    ///
    /// # Errors
    /// A problem other than `seq-expired`; [`Error::Unreachable`] when the server stays away.
    ///
    /// # Cancel safety
    /// Safe: an event is either returned or kept.
    pub async fn next(&mut self) -> Result<Event<R>, Error> {
        loop {
            while let Some(message) = self.ready.pop_front() {
                if let Some(event) = self.read(&message)? {
                    return Ok(event);
                }
            }
            let Some(stream) = &mut self.stream else {
                if self.connect().await? {
                    return Ok(Event::Restarted);
                }
                continue;
            };
            match self.client.chunk(stream).await {
                Ok(Some(chunk)) => {
                    self.failures = 0;
                    self.ready.extend(self.parser.feed(&chunk));
                    if self.parser.pending() > Self::MAX_MESSAGE_BYTES {
                        return Err(self.unreadable("a message without end".into()));
                    }
                }
                Ok(None) | Err(Error::Unreachable { .. } | Error::Timeout { .. }) => {
                    (self.stream, self.lost) = (None, true);
                }
                Err(other) => return Err(other),
            }
        }
    }

    /// Opens the stream. Answers whether the server refused the position and a snapshot is needed.
    async fn connect(&mut self) -> Result<bool, Error> {
        if self.lost || self.failures > 0 {
            // Also the first time: all that a server fed lose it at the same moment.
            tokio::time::sleep(self.client.options.retry.wait(self.failures.max(1) + 1, dice())).await;
        }
        self.parser = Parser::default();
        let mut query = self.query.pairs();
        query.push(("watch", "true".into()));
        if let (true, Some(from)) = (self.live, self.last) {
            query.push(("from", from.to_string()));
        }
        match self.client.send(Call::get(&["api", "v1", R::COLLECTION]).query(query).stream()).await {
            Ok(response) => {
                // Counts until bytes come, so that a server that accepts and hangs up is not asked in a circle.
                self.failures += 1;
                self.stream = Some(response);
                Ok(false)
            }
            Err(error) if error.problem_kind() == Some(ProblemKind::SeqExpired) => {
                self.last = None;
                self.live = false;
                self.versions.clear();
                Ok(true)
            }
            Err(error @ (Error::Unreachable { .. } | Error::Timeout { .. })) => {
                // Before anything was told, the caller learns at once; a stream that lived is worth patience.
                self.failures += 1;
                if self.last.is_none() || self.failures > Self::MAX_FAILURES { Err(error) } else { Ok(false) }
            }
            Err(error) => Err(error),
        }
    }

    fn read(&mut self, message: &Message) -> Result<Option<Event<R>>, Error> {
        let event = match message.event.as_str() {
            "added" => self.fresh(&message.data)?.map(Event::Added),
            "modified" => self.fresh(&message.data)?.map(Event::Modified),
            "deleted" => {
                let gone: Deleted = self.parse(&message.data)?;
                self.versions.remove(&gone.id);
                Some(Event::Deleted(gone))
            }
            "bookmark" => {
                let Bookmark { seq } = self.parse(&message.data)?;
                self.live = true;
                self.last = Some(seq);
                return Ok(Some(Event::Bookmark(seq)));
            }
            // New kinds of message may be added; an old reader passes over them.
            _ => None,
        };
        if let Some(id) = &message.id {
            let seq = id.parse().map_err(|_| self.unreadable(format!("id {id:?} is no position")))?;
            self.last = Some(seq);
        }
        Ok(event)
    }

    /// The object, unless this version or a later one was told before.
    fn fresh(&mut self, data: &str) -> Result<Option<R>, Error> {
        let object: R = self.parse(data)?;
        let seen = self.versions.insert(object.id(), object.version());
        match seen {
            Some(seen) if seen >= object.version() => {
                self.versions.insert(object.id(), seen);
                Ok(None)
            }
            _ => Ok(Some(object)),
        }
    }

    fn parse<T: serde::de::DeserializeOwned>(&self, data: &str) -> Result<T, Error> {
        serde_json::from_str(data).map_err(|error| self.unreadable(error.to_string()))
    }

    fn unreadable(&self, detail: String) -> Error {
        self.client.unexpected(reqwest::StatusCode::OK, detail)
    }
}

//! Agent sessions: prompting, steering, and their events as a page or a stream that resumes.

use std::collections::VecDeque;

use mc_api::Page;
use mc_api::session::{
    AgentSession, Conversation, DecideSession, PromptSession, SessionEvent, SetSessionMode, Turn,
};
use reqwest::Method;

use crate::sse::{Message, Parser};
use crate::transport::{Call, dice};
use crate::{Client, Error};

impl Client {
    /// Queues a prompt. Repeated after a lost answer it is queued once.
    pub async fn prompt_session(&self, reference: &str, body: &PromptSession) -> Result<Turn, Error> {
        self.json(Call::new(Method::POST, &["api", "v1", "sessions", reference, "prompt"]).json(body)).await
    }

    /// Cancels the running turn, or the newest prompt that waits.
    pub async fn cancel_session(&self, reference: &str) -> Result<AgentSession, Error> {
        self.json(Call::new(Method::POST, &["api", "v1", "sessions", reference, "cancel"])).await
    }

    /// Takes a prompt back that waits.
    pub async fn cancel_turn(&self, turn: &str) -> Result<Turn, Error> {
        self.json(Call::new(Method::POST, &["api", "v1", "turns", turn, "cancel"])).await
    }

    /// Lets the agent work in another mode that it offers.
    pub async fn set_session_mode(
        &self,
        reference: &str,
        body: &SetSessionMode,
    ) -> Result<AgentSession, Error> {
        self.json(Call::new(Method::PUT, &["api", "v1", "sessions", reference, "mode"]).json(body)).await
    }

    /// A page of a conversation from its end; `cursor` reads the page before.
    pub async fn conversation(
        &self,
        reference: &str,
        limit: Option<u32>,
        cursor: Option<String>,
    ) -> Result<Conversation, Error> {
        let mut query = Vec::new();
        query.extend(limit.map(|limit| ("limit", limit.to_string())));
        query.extend(cursor.map(|cursor| ("cursor", cursor)));
        self.json(Call::get(&["api", "v1", "sessions", reference, "conversation"]).query(query)).await
    }

    /// Stops a session for good.
    pub async fn stop_session(&self, reference: &str) -> Result<AgentSession, Error> {
        self.json(Call::new(Method::POST, &["api", "v1", "sessions", reference, "stop"])).await
    }

    /// Decides for a session whose agent forgot the conversation.
    pub async fn decide_session(&self, reference: &str, body: &DecideSession) -> Result<AgentSession, Error> {
        self.json(Call::new(Method::POST, &["api", "v1", "sessions", reference, "decide"]).json(body)).await
    }

    /// A page of events from a position on; `next_cursor` is the position of the next page.
    pub async fn session_events(
        &self,
        reference: &str,
        from: i64,
        limit: u32,
    ) -> Result<Page<SessionEvent>, Error> {
        let query = vec![("from", from.to_string()), ("limit", limit.to_string())];
        self.json(Call::get(&["api", "v1", "sessions", reference, "events"]).query(query)).await
    }

    /// Follows the events of a session from a position on, until it has ended.
    pub fn follow_session(&self, reference: &str, from: i64) -> Follow {
        Follow {
            client: self.clone(),
            session: reference.to_owned(),
            from,
            stream: None,
            parser: Parser::default(),
            ready: VecDeque::new(),
            failures: 0,
            lost: false,
            ended: false,
        }
    }
}

/// The events of one session, each once and in order, over broken connections.
pub struct Follow {
    client: Client,
    session: String,
    /// The next position.
    from: i64,
    stream: Option<reqwest::Response>,
    parser: Parser,
    ready: VecDeque<Message>,
    failures: u32,
    /// A stream that lived has ended.
    lost: bool,
    ended: bool,
}

impl Follow {
    /// No event may be longer: a line of an agent has at most 34 MiB.
    const MAX_MESSAGE_BYTES: usize = 256 << 20;
    /// Broken connections in a row, each already repeated as [`crate::Retry`] says, before it gives up.
    const MAX_FAILURES: u32 = 20;

    /// The next event; `None` when the session has ended and everything was told.
    ///
    /// # Errors
    /// A problem; [`Error::Unreachable`] when the server stays away.
    ///
    /// # Cancel safety
    /// Safe: an event is either returned or kept.
    pub async fn next(&mut self) -> Result<Option<SessionEvent>, Error> {
        loop {
            while let Some(message) = self.ready.pop_front() {
                if message.event == "end" {
                    self.ended = true;
                    return Ok(None);
                }
                if message.id.is_none() {
                    continue;
                }
                let event: SessionEvent = serde_json::from_str(&message.data)
                    .map_err(|error| self.unreadable(error.to_string()))?;
                if event.seq >= self.from {
                    self.from = event.seq + 1;
                    return Ok(Some(event));
                }
            }
            if self.ended {
                return Ok(None);
            }
            let Some(stream) = &mut self.stream else {
                self.connect().await?;
                continue;
            };
            match self.client.chunk(stream).await {
                Ok(Some(chunk)) => {
                    self.failures = 0;
                    self.ready.extend(self.parser.feed(&chunk));
                    if self.parser.pending() > Self::MAX_MESSAGE_BYTES {
                        return Err(self.unreadable("an event without end".into()));
                    }
                }
                Ok(None) | Err(Error::Unreachable { .. } | Error::Timeout { .. }) => {
                    (self.stream, self.lost) = (None, true);
                }
                Err(other) => return Err(other),
            }
        }
    }

    async fn connect(&mut self) -> Result<(), Error> {
        if self.lost || self.failures > 0 {
            // Also the first time: all that a server fed lose it at the same moment.
            tokio::time::sleep(self.client.options.retry.wait(self.failures.max(1) + 1, dice())).await;
        }
        self.parser = Parser::default();
        let query = vec![("follow", "true".to_owned()), ("from", self.from.to_string())];
        let path = ["api", "v1", "sessions", &self.session, "events"];
        let opened = self.client.send(Call::get(&path).query(query).stream()).await;
        // Counts until bytes come, so that a server that accepts and hangs up is not asked in a circle.
        self.failures += 1;
        match opened {
            Ok(response) => {
                self.stream = Some(response);
                Ok(())
            }
            Err(Error::Unreachable { .. } | Error::Timeout { .. }) if self.failures <= Self::MAX_FAILURES => {
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    fn unreadable(&self, detail: String) -> Error {
        self.client.unexpected(reqwest::StatusCode::OK, detail)
    }
}

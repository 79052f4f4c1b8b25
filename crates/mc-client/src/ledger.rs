//! The ledger: its events, its head, and the export that is verified on this side.

use bytes::{Buf as _, BytesMut};
use mc_api::Page;
use mc_api::ledger::{LedgerEvent, LedgerHead};

use crate::query::ListQuery;
use crate::transport::Call;
use crate::{Client, Error};

/// Lines of text as they arrive.
pub struct Lines {
    client: Client,
    response: reqwest::Response,
    buffer: BytesMut,
    ended: bool,
}

impl Lines {
    /// No line may be longer: bodies are limited to a few hundred KiB by the server.
    const MAX_LINE_BYTES: usize = 16 << 20;

    /// The next line without its end; `None` after the last.
    ///
    /// # Errors
    /// [`Error::Unreachable`] when the stream breaks, [`Error::Timeout`] when it falls silent,
    /// [`Error::UnexpectedAnswer`] for bytes that are no text or a line without end.
    ///
    /// # Cancel safety
    /// Safe: what was read stays in the buffer.
    pub async fn next(&mut self) -> Result<Option<String>, Error> {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line = self.buffer.split_to(end);
                self.buffer.advance(1);
                return self.text(&line).map(Some);
            }
            if self.ended {
                let rest = self.buffer.split();
                return if rest.is_empty() { Ok(None) } else { self.text(&rest).map(Some) };
            }
            if self.buffer.len() > Self::MAX_LINE_BYTES {
                return Err(self.client.unexpected(self.response.status(), "a line without end".into()));
            }
            match self.client.chunk(&mut self.response).await? {
                Some(chunk) => self.buffer.extend_from_slice(&chunk),
                None => self.ended = true,
            }
        }
    }

    fn text(&self, line: &[u8]) -> Result<String, Error> {
        String::from_utf8(line.to_vec())
            .map_err(|_| self.client.unexpected(self.response.status(), "a line that is no UTF-8".into()))
    }
}

impl Client {
    /// A page of events in the order of `query.order`. It may be short, even empty, and yet have a next one.
    pub async fn ledger_events(&self, query: &ListQuery) -> Result<Page<LedgerEvent>, Error> {
        self.json(Call::get(&["api", "v1", "ledger", "events"]).query(query.pairs())).await
    }

    /// The end of the chain.
    pub async fn ledger_head(&self) -> Result<LedgerHead, Error> {
        self.json(Call::get(&["api", "v1", "ledger", "head"])).await
    }

    /// The whole chain, one `mc_ledger::SealedEvent` in each line.
    pub async fn ledger_export(&self) -> Result<Lines, Error> {
        let response = self.send(Call::get(&["api", "v1", "ledger", "export"]).stream()).await?;
        Ok(Lines { client: self.clone(), response, buffer: BytesMut::new(), ended: false })
    }

    /// The next piece of a streamed answer.
    pub(crate) async fn chunk(
        &self,
        response: &mut reqwest::Response,
    ) -> Result<Option<bytes::Bytes>, Error> {
        match tokio::time::timeout(self.options.idle_timeout, response.chunk()).await {
            Ok(chunk) => chunk.map_err(|error| self.transport(error)),
            Err(_) => Err(self.timeout(self.options.idle_timeout)),
        }
    }
}

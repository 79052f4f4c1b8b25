//! The client's side of the process: lines out through one lock, each witnessed first, and requests that wait.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, Write};
use std::os::fd::AsFd;
use std::sync::Mutex;
use std::sync::mpsc::Sender;
use std::time::Duration;

use serde_json::{Value, json};

use crate::lock;
use crate::rpc::{self, RpcError};
use crate::witness::{Direction, Witness};

/// A longer line is answered with a parse error and not kept.
pub(crate) const LONGEST_LINE: usize = 64 << 20;
/// Between the halves of a split character: long enough that a waiting reader sees two reads.
const SPLIT_PAUSE: Duration = Duration::from_millis(20);

/// What wakes a turn.
#[derive(Debug)]
pub(crate) enum Event {
    Cancel,
    /// The client answered request `id`.
    Client {
        id: u64,
        outcome: Result<Value, RpcError>,
    },
    /// An MCP server answered request `id`.
    Server {
        id: u64,
        outcome: Result<Value, RpcError>,
    },
}

#[derive(Debug)]
pub(crate) struct Wire {
    // Standard output itself: `io::Stdout` would hold back half lines.
    out: Mutex<File>,
    witness: Option<Witness>,
    waiting: Mutex<(u64, HashMap<u64, Sender<Event>>)>,
}

impl Wire {
    pub(crate) fn new(witness: Option<Witness>) -> io::Result<Self> {
        let out = File::from(io::stdout().as_fd().try_clone_to_owned()?);
        Ok(Self { out: Mutex::new(out), witness, waiting: Mutex::new((0, HashMap::new())) })
    }

    /// Writes `line` and its end; in two writes when `split` names a place inside.
    ///
    /// A client that no longer reads is not an error here: the end of its input is what ends the agent.
    pub(crate) fn send_bytes(&self, line: &[u8], split: Option<usize>) {
        let mut out = lock(&self.out);
        if let Some(witness) = &self.witness {
            witness.record(Direction::Out, line);
        }
        let mut bytes = line.to_vec();
        bytes.push(b'\n');
        let (head, tail) = bytes.split_at(split.unwrap_or(0).min(line.len()));
        // Broken pipe: see above.
        let _ = out.write_all(head);
        if split.is_some() {
            std::thread::sleep(SPLIT_PAUSE);
        }
        let _ = out.write_all(tail);
    }

    pub(crate) fn send(&self, message: &Value) {
        self.send_bytes(message.to_string().as_bytes(), None);
    }

    pub(crate) fn reply(&self, id: &Value, outcome: Result<Value, RpcError>) {
        self.send(&rpc::reply(id, outcome));
    }

    pub(crate) fn update(&self, session: &str, update: &Value) {
        self.send(&update_message(session, update));
    }

    /// Sends a request whose answer arrives at `answer` as [`Event::Client`] with the returned id.
    pub(crate) fn request(&self, method: &str, params: &Value, answer: Sender<Event>) -> u64 {
        let id = {
            let mut waiting = lock(&self.waiting);
            waiting.0 += 1;
            let id = waiting.0;
            waiting.1.insert(id, answer);
            id
        };
        self.send(&rpc::request(id, method, params));
        id
    }

    /// Hands an answer to whoever waits for it; answers nobody waits for are dropped.
    pub(crate) fn answered(&self, id: &Value, outcome: Result<Value, RpcError>) {
        let Some(id) = id.as_u64() else { return };
        let waiting = lock(&self.waiting).1.remove(&id);
        if let Some(answer) = waiting {
            // The turn may have ended meanwhile.
            let _ = answer.send(Event::Client { id, outcome });
        }
    }

    /// Never returns, and no line is sent any more.
    pub(crate) fn freeze(&self) {
        let _out = lock(&self.out);
        loop {
            std::thread::park();
        }
    }

    pub(crate) fn received(&self, line: &[u8]) {
        if let Some(witness) = &self.witness {
            witness.record(Direction::In, line);
        }
    }
}

pub(crate) fn update_message(session: &str, update: &Value) -> Value {
    rpc::notification("session/update", &json!({"sessionId": session, "update": update}))
}

/// Reads one line without its end into `line`; false at the end of input. What passes `limit` is read and not kept,
/// one byte excepted, by which the caller sees it.
pub(crate) fn read_line(input: &mut impl BufRead, line: &mut Vec<u8>, limit: usize) -> io::Result<bool> {
    line.clear();
    let mut any = false;
    loop {
        let buffer = match input.fill_buf() {
            Ok(buffer) => buffer,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(e),
        };
        if buffer.is_empty() {
            return Ok(any);
        }
        any = true;
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let part = &buffer[..end.unwrap_or(buffer.len())];
        let room = (limit + 1).saturating_sub(line.len());
        line.extend_from_slice(&part[..part.len().min(room)]);
        let used = end.map_or(buffer.len(), |end| end + 1);
        input.consume(used);
        if end.is_some() {
            return Ok(true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_at_their_ends_and_at_the_limit() {
        let mut input = io::BufReader::with_capacity(3, &b"one\n\nmuch too long\nlast"[..]);
        let mut line = Vec::new();
        let mut seen = Vec::new();
        while read_line(&mut input, &mut line, 5).unwrap() {
            seen.push(String::from_utf8(line.clone()).unwrap());
        }
        assert_eq!(seen, ["one", "", "much t", "last"]);
    }
}

//! Conversations and their history, in memory and, when asked for, in a file that outlives the process.
//!
//! The state file holds one JSON line per session (`{"session":ID}`) and per update (`{"session":ID,"update":…}`),
//! appended in order. Lines that cannot be read, such as one torn by a kill, are passed over.

use std::fs::File;
use std::io::{self, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::Sender;

use serde_json::{Value, json};

use crate::lock;
use crate::mcp::Servers;
use crate::wire::{Event, read_line};

/// The modes offered to the client; the first is the default.
pub(crate) const MODES: [(&str, &str); 2] = [("default", "Default"), ("plan", "Plan only")];

#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) id: String,
    pub(crate) cwd: PathBuf,
    pub(crate) servers: Servers,
    pub(crate) ignores_cancel: AtomicBool,
    mode: Mutex<&'static str>,
    turn: Mutex<Option<Sender<Event>>>,
    history: Mutex<Vec<Value>>,
    tool_calls: AtomicU64,
}

impl Session {
    pub(crate) fn new(id: String, cwd: PathBuf, servers: Servers, history: Vec<Value>) -> Self {
        let tool_calls = history.iter().filter(|update| update["sessionUpdate"] == "tool_call").count();
        Self {
            id,
            cwd,
            servers,
            ignores_cancel: AtomicBool::new(false),
            mode: Mutex::new(MODES[0].0),
            turn: Mutex::new(None),
            history: Mutex::new(history),
            tool_calls: AtomicU64::new(tool_calls as u64),
        }
    }

    /// Begins a turn; false when one is running.
    pub(crate) fn begin_turn(&self, events: Sender<Event>) -> bool {
        let mut turn = lock(&self.turn);
        let free = turn.is_none();
        if free {
            *turn = Some(events);
        }
        free
    }

    pub(crate) fn end_turn(&self) {
        *lock(&self.turn) = None;
    }

    pub(crate) fn is_busy(&self) -> bool {
        lock(&self.turn).is_some()
    }

    pub(crate) fn cancel(&self) {
        if let Some(turn) = &*lock(&self.turn) {
            // The turn may be over, its reply on the way.
            let _ = turn.send(Event::Cancel);
        }
    }

    /// Sets a mode; false when it is unknown.
    pub(crate) fn set_mode(&self, mode: &str) -> bool {
        let known = MODES.iter().find(|(id, _)| *id == mode);
        if let Some((id, _)) = known {
            *lock(&self.mode) = id;
        }
        known.is_some()
    }

    pub(crate) fn modes(&self) -> Value {
        let offered: Vec<_> = MODES.iter().map(|(id, name)| json!({"id": id, "name": name})).collect();
        json!({"currentModeId": *lock(&self.mode), "availableModes": offered})
    }

    /// An id no earlier tool call of this conversation had, also before a load.
    pub(crate) fn next_tool_call(&self) -> String {
        format!("call-{}", self.tool_calls.fetch_add(1, Ordering::Relaxed) + 1)
    }

    pub(crate) fn remember(&self, update: Value) {
        lock(&self.history).push(update);
    }

    pub(crate) fn history(&self) -> Vec<Value> {
        lock(&self.history).clone()
    }
}

/// The file of `--state`.
#[derive(Debug)]
pub(crate) struct StateFile {
    path: PathBuf,
    file: Mutex<File>,
}

impl StateFile {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let mut file = File::options().append(true).create(true).open(path)?;
        // Ends a line torn by a kill; an empty line is passed over.
        if file.metadata()?.len() > 0 {
            file.write_all(b"\n")?;
        }
        Ok(Self { path: path.to_owned(), file: Mutex::new(file) })
    }

    pub(crate) fn append(&self, session: &str, update: Option<&Value>) -> io::Result<()> {
        let record = match update {
            Some(update) => json!({"session": session, "update": update}),
            None => json!({"session": session}),
        };
        lock(&self.file).write_all(format!("{record}\n").as_bytes())
    }

    /// The updates of one session in order; `None` when it is unknown.
    pub(crate) fn history(&self, session: &str) -> io::Result<Option<Vec<Value>>> {
        let mut input = BufReader::new(File::open(&self.path)?);
        let mut line = Vec::new();
        let mut found = None;
        while read_line(&mut input, &mut line, usize::MAX - 1)? {
            let Ok(mut record) = serde_json::from_slice::<Value>(&line) else { continue };
            if record["session"] == session {
                let history: &mut Vec<Value> = found.get_or_insert_default();
                let update = record["update"].take();
                if !update.is_null() {
                    history.push(update);
                }
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn history_survives_a_torn_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        let state = StateFile::open(&path).unwrap();
        state.append("a", None).unwrap();
        state.append("b", Some(&json!({"n": 0}))).unwrap();
        state.append("a", Some(&json!({"n": 1}))).unwrap();
        lock(&state.file).write_all(b"{\"session\":\"a\",\"upd").unwrap();
        let state = StateFile::open(&path).unwrap();
        state.append("a", Some(&json!({"n": 2}))).unwrap();
        assert_eq!(state.history("a").unwrap(), Some(vec![json!({"n": 1}), json!({"n": 2})]));
        assert_eq!(state.history("c").unwrap(), None);
    }
}

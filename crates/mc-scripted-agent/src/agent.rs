//! The agent's state and the methods that open, load and end sessions.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::config::{Config, Load};
use crate::lock;
use crate::mcp::{Definition, Servers};
use crate::rpc::{INTERNAL, INVALID_PARAMS, INVALID_REQUEST, METHOD_NOT_FOUND, NOT_FOUND, RpcError};
use crate::session::{Session, StateFile};
use crate::wire::Wire;
use crate::witness::{Witness, boot_time_ns};

type Answer = Result<Value, RpcError>;

#[derive(Debug)]
pub(crate) struct Agent {
    pub(crate) config: Config,
    pub(crate) wire: Wire,
    pub(crate) initialized: AtomicBool,
    pub(crate) ignores_eof: AtomicBool,
    pub(crate) hangs: AtomicBool,
    sessions: Mutex<BTreeMap<String, Arc<Session>>>,
    opened: AtomicU64,
    state: Option<StateFile>,
}

/// Parameters of `session/new`, and with an id of `session/load` and `session/resume`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Open {
    #[serde(default)]
    session_id: Option<String>,
    cwd: PathBuf,
    #[serde(default)]
    mcp_servers: Vec<Definition>,
}

impl Open {
    /// The rules serde cannot see.
    pub(crate) fn check(&self, with_id: bool) -> Result<(), RpcError> {
        let refuse = |reason: &str| Err(RpcError::new(INVALID_PARAMS, reason));
        if with_id && self.session_id.is_none() {
            return refuse("missing field `sessionId`");
        }
        if !self.cwd.is_absolute() {
            return refuse("cwd is not absolute");
        }
        if self
            .mcp_servers
            .iter()
            .any(|server| server.transport.as_deref().is_some_and(|kind| kind != "stdio"))
        {
            return refuse("only MCP servers over stdio are supported");
        }
        Ok(())
    }
}

impl Agent {
    pub(crate) fn new(config: Config) -> io::Result<Self> {
        let witness = config.witness.as_deref().map(Witness::open).transpose()?;
        let state = config.state.as_deref().map(StateFile::open).transpose()?;
        Ok(Self {
            wire: Wire::new(witness)?,
            config,
            initialized: AtomicBool::new(false),
            ignores_eof: AtomicBool::new(false),
            hangs: AtomicBool::new(false),
            sessions: Mutex::default(),
            opened: AtomicU64::new(0),
            state,
        })
    }

    pub(crate) fn session(&self, id: &str) -> Result<Arc<Session>, RpcError> {
        lock(&self.sessions).get(id).cloned().ok_or_else(|| unknown(id))
    }

    /// `session/new`. Takes as long as the MCP servers take to start.
    pub(crate) fn create(&self, open: Open) -> Answer {
        let n = self.opened.fetch_add(1, Ordering::Relaxed);
        let id = format!("scripted-{:x}-{}-{n}", boot_time_ns(), std::process::id());
        if let Some(state) = &self.state {
            state.append(&id, None).map_err(|e| unwritable(&e))?;
        }
        let session = self.put(id, open, Vec::new());
        Ok(json!({"sessionId": session.id, "modes": session.modes()}))
    }

    /// `session/load`: as the configuration says, right or wrong.
    pub(crate) fn load(&self, open: Open) -> Answer {
        let id = open.session_id.clone().unwrap_or_default();
        let (replayed, kept) = match self.config.load {
            Load::None => return Err(RpcError::new(METHOD_NOT_FOUND, "no method session/load")),
            Load::Error => return Err(RpcError::new(INTERNAL, format!("cannot load session {id}"))),
            Load::FalseSuccess => (0, Vec::new()),
            Load::Full => {
                let history = self.recall(&id)?;
                (history.len(), history)
            }
            Load::Partial => {
                let mut history = self.recall(&id)?;
                history.truncate(history.len() / 2);
                (history.len(), history)
            }
        };
        self.refuse_while_busy(&id)?;
        for update in &kept[..replayed] {
            self.wire.update(&id, update);
        }
        Ok(json!({"modes": self.put(id, open, kept).modes()}))
    }

    /// `session/resume`: as load, without the replay.
    pub(crate) fn resume(&self, open: Open) -> Answer {
        let id = open.session_id.clone().unwrap_or_default();
        let history = self.recall(&id)?;
        self.refuse_while_busy(&id)?;
        Ok(json!({"modes": self.put(id, open, history).modes()}))
    }

    /// `session/close`: cancels the turn, ends the session's MCP servers.
    pub(crate) fn close(&self, id: &str) -> Answer {
        let session = lock(&self.sessions).remove(id).ok_or_else(|| unknown(id))?;
        session.cancel();
        session.servers.end();
        Ok(json!({}))
    }

    /// Ends all sessions: before the process ends of its own will.
    pub(crate) fn end(&self) {
        let sessions = std::mem::take(&mut *lock(&self.sessions));
        for session in sessions.values() {
            session.servers.end();
        }
    }

    /// Remembers an update before it is sent.
    pub(crate) fn remember(&self, session: &Session, update: Value) {
        let kept = self.state.as_ref().map_or(Ok(()), |state| state.append(&session.id, Some(&update)));
        if let Err(e) = kept {
            use std::io::Write;
            // Standard error is for whoever looks; the conversation goes on.
            let _ = writeln!(io::stderr(), "mc-scripted-agent: {}", unwritable(&e));
        }
        session.remember(update);
    }

    fn put(&self, id: String, open: Open, history: Vec<Value>) -> Arc<Session> {
        let servers = Servers::start(&open.mcp_servers, &open.cwd);
        let session = Arc::new(Session::new(id.clone(), open.cwd, servers, history));
        let replaced = lock(&self.sessions).insert(id, Arc::clone(&session));
        if let Some(replaced) = replaced {
            replaced.servers.end();
        }
        session
    }

    fn recall(&self, id: &str) -> Result<Vec<Value>, RpcError> {
        if let Ok(session) = self.session(id) {
            return Ok(session.history());
        }
        let Some(state) = &self.state else { return Err(unknown(id)) };
        let history =
            state.history(id).map_err(|e| RpcError::new(INTERNAL, format!("cannot read the state: {e}")))?;
        history.ok_or_else(|| unknown(id))
    }

    fn refuse_while_busy(&self, id: &str) -> Result<(), RpcError> {
        match self.session(id) {
            Ok(session) if session.is_busy() => Err(RpcError::new(INVALID_REQUEST, "a turn is running")),
            _ => Ok(()),
        }
    }
}

fn unknown(id: &str) -> RpcError {
    RpcError::new(NOT_FOUND, format!("no session {id}"))
}

fn unwritable(e: &io::Error) -> RpcError {
    RpcError::new(INTERNAL, format!("cannot write the state: {e}"))
}

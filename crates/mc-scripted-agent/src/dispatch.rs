//! Reads lines and hands each to its method. The only reader of standard input; answers to our own requests and
//! cancellations come in between, so nothing that can take long runs here.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::mpsc::channel;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::agent::{Agent, Open};
use crate::rpc::{
    self, INTERNAL, INVALID_PARAMS, INVALID_REQUEST, Incoming, METHOD_NOT_FOUND, PARSE_ERROR, RpcError,
};
use crate::turn::Turn;
use crate::wire::{LONGEST_LINE, read_line};

const PROTOCOL_VERSION: u16 = 1;

type Opening = fn(&Agent, Open) -> Result<Value, RpcError>;

/// Serves until the input ends; for ever, when the end is to be ignored.
pub(crate) fn serve(agent: &Arc<Agent>) {
    let mut input = io::stdin().lock();
    let mut line = Vec::new();
    while let Ok(true) = read_line(&mut input, &mut line, LONGEST_LINE) {
        agent.wire.received(&line);
        if agent.hangs.load(SeqCst) || line.trim_ascii().is_empty() {
            continue;
        }
        if line.len() > LONGEST_LINE {
            let error = RpcError::new(PARSE_ERROR, format!("a line of more than {LONGEST_LINE} bytes"));
            agent.wire.reply(&Value::Null, Err(error));
            continue;
        }
        match rpc::parse(&line) {
            Incoming::Request { id, method, params } => request(agent, &id, &method, params),
            Incoming::Notification { method, params } => notification(agent, &method, params),
            Incoming::Reply { id, outcome } => agent.wire.answered(&id, outcome),
            Incoming::Invalid { id, error } => agent.wire.reply(&id, Err(error)),
        }
    }
    while agent.ignores_eof.load(SeqCst) {
        std::thread::park();
    }
    agent.end();
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Initialize {
    #[expect(dead_code, reason = "version 1 is the answer to every version; the field must be there")]
    protocol_version: u16,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Authenticate {
    #[expect(dead_code, reason = "every method succeeds; the field must be there")]
    method_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OfSession {
    session_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SetMode {
    session_id: String,
    mode_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Prompt {
    session_id: String,
    prompt: Vec<Block>,
}

#[derive(Deserialize)]
struct Block {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    text: Option<String>,
}

/// Answers at once, from a thread of its own, or, for a prompt, at the end of the turn.
fn request(agent: &Arc<Agent>, id: &Value, method: &str, params: Value) {
    let opening: Option<Opening> = match method {
        "session/new" => Some(Agent::create),
        "session/load" if !agent.config.no_load => Some(Agent::load),
        "session/resume" if agent.config.resume => Some(Agent::resume),
        _ => None,
    };
    let answer = match method {
        "initialize" => read::<Initialize>(params).map(|_| {
            agent.initialized.store(true, SeqCst);
            capabilities(agent)
        }),
        "authenticate" => read::<Authenticate>(params).map(|_| json!({})),
        _ if method.starts_with("session/") && !agent.initialized.load(SeqCst) => {
            Err(RpcError::new(INVALID_REQUEST, "not initialized"))
        }
        "session/set_mode" => read(params).and_then(|params| set_mode(agent, &params)),
        "session/prompt" => match read(params).and_then(|params| prompt(agent, id, params)) {
            Ok(()) => return,
            Err(e) => Err(e),
        },
        "session/close" => match read::<OfSession>(params) {
            Ok(params) => return later(agent, id, move |agent| agent.close(&params.session_id)),
            Err(e) => Err(e),
        },
        _ => match opening {
            Some(opening) => match read::<Open>(params)
                .and_then(|open| open.check(method != "session/new").map(|()| open))
            {
                Ok(open) => return later(agent, id, move |agent| opening(agent, open)),
                Err(e) => Err(e),
            },
            None => Err(RpcError::new(METHOD_NOT_FOUND, format!("no method {method}"))),
        },
    };
    agent.wire.reply(id, answer);
}

fn notification(agent: &Agent, method: &str, params: Value) {
    // Notifications have no answer: unknown ones and malformed ones are passed over.
    if method == "session/cancel"
        && let Ok(params) = read::<OfSession>(params)
        && let Ok(session) = agent.session(&params.session_id)
    {
        session.cancel();
    }
}

fn read<T: DeserializeOwned>(params: Value) -> Result<T, RpcError> {
    serde_json::from_value(params).map_err(|e| RpcError::new(INVALID_PARAMS, e.to_string()))
}

/// Starting and ending MCP servers takes time, in which cancellations must be heard.
fn later(
    agent: &Arc<Agent>,
    id: &Value,
    work: impl FnOnce(&Agent) -> Result<Value, RpcError> + Send + 'static,
) {
    let worker = Arc::clone(agent);
    let copy = id.clone();
    let started = std::thread::Builder::new().spawn(move || {
        let answer = work(&worker);
        worker.wire.reply(&copy, answer);
    });
    if let Err(e) = started {
        agent.wire.reply(id, Err(RpcError::new(INTERNAL, format!("cannot start a thread: {e}"))));
    }
}

fn capabilities(agent: &Agent) -> Value {
    let mut session = json!({"close": {}});
    if agent.config.resume {
        session["resume"] = json!({});
    }
    json!({
        "protocolVersion": PROTOCOL_VERSION,
        "agentCapabilities": {
            "loadSession": !agent.config.no_load,
            "promptCapabilities": {"image": false, "audio": false, "embeddedContext": false},
            "mcpCapabilities": {"http": false, "sse": false},
            "sessionCapabilities": session,
        },
        "agentInfo": {"name": "mc-scripted-agent", "title": "Scripted agent", "version": env!("CARGO_PKG_VERSION")},
        "authMethods": [],
    })
}

fn set_mode(agent: &Agent, params: &SetMode) -> Result<Value, RpcError> {
    if agent.session(&params.session_id)?.set_mode(&params.mode_id) {
        Ok(json!({}))
    } else {
        Err(RpcError::new(INVALID_PARAMS, format!("no mode {}", params.mode_id)))
    }
}

/// Starts a turn, which sends the answer.
fn prompt(agent: &Arc<Agent>, id: &Value, params: Prompt) -> Result<(), RpcError> {
    let session = agent.session(&params.session_id)?;
    if params.prompt.iter().any(|block| block.kind == "text" && block.text.is_none()) {
        return Err(RpcError::new(INVALID_PARAMS, "missing field `text`"));
    }
    let texts: Vec<_> = params
        .prompt
        .into_iter()
        .filter(|block| block.kind == "text")
        .filter_map(|block| block.text)
        .collect();
    let (sender, events) = channel();
    if !session.begin_turn(sender.clone()) {
        return Err(RpcError::new(INVALID_REQUEST, "a turn is running"));
    }
    let mut turn = Turn::new(Arc::clone(agent), Arc::clone(&session), sender, events);
    let id = id.clone();
    let started = std::thread::Builder::new().spawn(move || turn.run(&id, &texts.join("\n")));
    started.map(drop).map_err(|e| {
        session.end_turn();
        RpcError::new(INTERNAL, format!("cannot start a thread: {e}"))
    })
}

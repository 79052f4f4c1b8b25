//! A client of MCP servers over standard input and output (Model Context Protocol, "Lifecycle", "Transports/stdio",
//! "Tools").
//!
//! Each server is a child process with a thread that reads it. A server that cannot be started does not stop the
//! session; what went wrong is told when a tool is asked for. Lines here are not in the witness: they may carry secrets.

use std::collections::HashMap;
use std::io::{self, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::lock;
use crate::rpc::{self, INTERNAL, Incoming, METHOD_NOT_FOUND, RpcError};
use crate::wire::{Event, LONGEST_LINE, read_line};

const VERSIONS: [&str; 4] = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"];
const HANDSHAKE: Duration = Duration::from_secs(30);
/// How long servers may take to end after the end of their input, all together.
const FAREWELL: Duration = Duration::from_secs(2);
const MOST_PAGES: usize = 100;

/// A stdio server as `session/new` names it.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Definition {
    #[serde(rename = "type", default)]
    pub(crate) transport: Option<String>,
    name: String,
    command: PathBuf,
    #[serde(default)]
    args: Vec<String>,
    #[serde(default)]
    env: Vec<Variable>,
}

#[derive(Debug, Clone, Deserialize)]
struct Variable {
    name: String,
    value: String,
}

/// The servers of one session, in the client's order.
#[derive(Debug, Default)]
pub(crate) struct Servers {
    connected: Vec<Server>,
    failed: Vec<String>,
}

impl Servers {
    pub(crate) fn start(definitions: &[Definition], cwd: &Path) -> Self {
        let mut servers = Self::default();
        for definition in definitions {
            match Server::start(definition, cwd) {
                Ok(server) => servers.connected.push(server),
                Err(e) => servers.failed.push(format!("{}: {}", definition.name, e.message)),
            }
        }
        servers
    }

    /// The first server that offers `tool`, or why there is none.
    pub(crate) fn offering(&self, tool: &str) -> Result<&Server, String> {
        let mut reasons = self.failed.clone();
        for server in &self.connected {
            if lock(&server.link.waiting).ended {
                reasons.push(format!("{}: ended", server.name));
                continue;
            }
            match server.offers(tool) {
                Ok(true) => return Ok(server),
                Ok(false) => {}
                Err(e) => reasons.push(format!("{}: {}", server.name, e.message)),
            }
        }
        let mut answer = format!("no connected MCP server offers {tool}");
        for reason in reasons {
            answer.push_str("; ");
            answer.push_str(&reason);
        }
        Err(answer)
    }

    /// Ends the servers: closes their input, waits, kills what is left.
    pub(crate) fn end(&self) {
        for server in &self.connected {
            server.link.close();
        }
        let deadline = Instant::now() + FAREWELL;
        for server in &self.connected {
            let mut child = lock(&server.child);
            while Instant::now() < deadline && matches!(child.try_wait(), Ok(None)) {
                std::thread::sleep(Duration::from_millis(5));
            }
            // Both fail only for a process that is gone already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) name: String,
    child: Mutex<Child>,
    link: Arc<Link>,
    tools: Mutex<Vec<String>>,
}

/// What the writing and the reading side share.
#[derive(Debug)]
struct Link {
    input: Mutex<Option<ChildStdin>>,
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    last_id: u64,
    answers: HashMap<u64, Sender<Event>>,
    ended: bool,
}

impl Server {
    fn start(definition: &Definition, cwd: &Path) -> Result<Self, RpcError> {
        let mut child = Command::new(&definition.command)
            .args(&definition.args)
            .envs(definition.env.iter().map(|variable| (&variable.name, &variable.value)))
            .current_dir(cwd)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|e| {
                RpcError::new(INTERNAL, format!("cannot start {}: {e}", definition.command.display()))
            })?;
        let link = Arc::new(Link { input: Mutex::new(child.stdin.take()), waiting: Mutex::default() });
        if let Some(output) = child.stdout.take() {
            let link = Arc::clone(&link);
            std::thread::spawn(move || link.read(output));
        }
        let server =
            Self { name: definition.name.clone(), child: Mutex::new(child), link, tools: Mutex::default() };
        match server.handshake() {
            Ok(()) => Ok(server),
            Err(e) => {
                let failed = Servers { connected: vec![server], failed: Vec::new() };
                failed.end();
                Err(e)
            }
        }
    }

    fn handshake(&self) -> Result<(), RpcError> {
        let answer = self.call(
            "initialize",
            &json!({
                "protocolVersion": VERSIONS[0],
                "capabilities": {},
                "clientInfo": {"name": "mc-scripted-agent", "version": env!("CARGO_PKG_VERSION")},
            }),
        )?;
        let version = answer["protocolVersion"].as_str().unwrap_or_default();
        if !VERSIONS.contains(&version) {
            return Err(RpcError::new(INTERNAL, format!("speaks protocol version {version:?}")));
        }
        self.link.send(&rpc::notification("notifications/initialized", &json!({})));
        if answer["capabilities"]["tools"].is_object() { self.list_tools() } else { Ok(()) }
    }

    /// Asks anew when the tool is not in the list, which a server may change at any time.
    fn offers(&self, tool: &str) -> Result<bool, RpcError> {
        let known = |server: &Self| lock(&server.tools).iter().any(|name| name == tool);
        if known(self) {
            return Ok(true);
        }
        self.list_tools()?;
        Ok(known(self))
    }

    fn list_tools(&self) -> Result<(), RpcError> {
        let mut names = Vec::new();
        let mut params = json!({});
        for _ in 0..MOST_PAGES {
            let page = self.call("tools/list", &params)?;
            let tools = page["tools"].as_array().map(Vec::as_slice).unwrap_or_default();
            names.extend(tools.iter().filter_map(|tool| tool["name"].as_str()).map(str::to_owned));
            match page["nextCursor"].as_str() {
                Some(cursor) => params = json!({ "cursor": cursor }),
                None => break,
            }
        }
        *lock(&self.tools) = names;
        Ok(())
    }

    /// Starts a call; the answer arrives as [`Event::Server`] with the returned id.
    pub(crate) fn start_call(
        &self,
        tool: &str,
        arguments: &Map<String, Value>,
        answer: Sender<Event>,
    ) -> u64 {
        self.link.request("tools/call", &json!({"name": tool, "arguments": arguments}), answer)
    }

    pub(crate) fn cancel_call(&self, id: u64) {
        let params = json!({"requestId": id, "reason": "the turn was cancelled"});
        self.link.send(&rpc::notification("notifications/cancelled", &params));
    }

    fn call(&self, method: &str, params: &Value) -> Result<Value, RpcError> {
        let (sender, events) = channel();
        self.link.request(method, params, sender);
        match events.recv_timeout(HANDSHAKE) {
            Ok(Event::Server { outcome, .. }) => outcome,
            Ok(_) | Err(_) => Err(RpcError::new(INTERNAL, format!("no answer to {method} in time"))),
        }
    }
}

impl Link {
    fn request(&self, method: &str, params: &Value, answer: Sender<Event>) -> u64 {
        let id = {
            let mut waiting = lock(&self.waiting);
            waiting.last_id += 1;
            let id = waiting.last_id;
            if waiting.ended {
                // The asker holds the other end: it is not gone.
                let _ = answer.send(Event::Server { id, outcome: Err(ended()) });
                return id;
            }
            waiting.answers.insert(id, answer);
            id
        };
        self.send(&rpc::request(id, method, params));
        id
    }

    fn send(&self, message: &Value) {
        if let Some(input) = &mut *lock(&self.input) {
            // A server that is gone is noticed by its reader, which answers everyone who waits.
            let _ = input.write_all(format!("{message}\n").as_bytes());
        }
    }

    fn close(&self) {
        *lock(&self.input) = None;
    }

    fn read(&self, output: ChildStdout) {
        let mut output = BufReader::new(output);
        let mut line = Vec::new();
        while let Ok(true) = read_line(&mut output, &mut line, LONGEST_LINE) {
            match rpc::parse(&line) {
                Incoming::Reply { id, outcome } => {
                    let asker =
                        id.as_u64().and_then(|id| Some((id, lock(&self.waiting).answers.remove(&id)?)));
                    if let Some((id, answer)) = asker {
                        // The turn that asked may be over.
                        let _ = answer.send(Event::Server { id, outcome });
                    }
                }
                Incoming::Request { id, method, .. } => {
                    let outcome = match method.as_str() {
                        "ping" => Ok(json!({})),
                        _ => Err(RpcError::new(METHOD_NOT_FOUND, format!("no method {method}"))),
                    };
                    self.send(&rpc::reply(&id, outcome));
                }
                Incoming::Notification { .. } => {}
                Incoming::Invalid { error, .. } => {
                    // Standard error is for whoever looks; losing it changes nothing.
                    let _ = writeln!(io::stderr(), "mc-scripted-agent: MCP server sent no message: {error}");
                }
            }
        }
        let mut waiting = lock(&self.waiting);
        waiting.ended = true;
        for (id, answer) in waiting.answers.drain() {
            // As above.
            let _ = answer.send(Event::Server { id, outcome: Err(ended()) });
        }
    }
}

fn ended() -> RpcError {
    RpcError::new(INTERNAL, "the MCP server ended")
}

/// The text of a tool's result, and whether it is an error.
pub(crate) fn result_text(result: &Value) -> (String, bool) {
    let blocks = result["content"].as_array().map(Vec::as_slice).unwrap_or_default();
    let texts: Vec<_> = blocks.iter().filter_map(|block| block["text"].as_str()).collect();
    (texts.join("\n"), result["isError"] == true)
}

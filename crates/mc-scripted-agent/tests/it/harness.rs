//! A client of the agent, plain enough to see every line.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_mc-scripted-agent");

pub(crate) struct Agent {
    pub(crate) child: Child,
    pub(crate) folder: TempDir,
    input: Option<ChildStdin>,
    lines: Receiver<Vec<u8>>,
    last_id: u64,
    /// Some read ended between the bytes of a character.
    pub(crate) read_inside_character: Arc<AtomicBool>,
    /// Every line sent and received, in this client's order for each direction.
    pub(crate) sent: Vec<String>,
    pub(crate) received: Vec<String>,
}

impl Agent {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::start_with(|command| command.args(arguments))
    }

    /// The agent's working folder, witness and state are in `folder`.
    pub(crate) fn start_with(set: impl FnOnce(&mut Command) -> &mut Command) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), set)
    }

    pub(crate) fn start_in(folder: TempDir, set: impl FnOnce(&mut Command) -> &mut Command) -> Self {
        let mut command = Command::new(BINARY);
        command.current_dir(folder.path()).env("MC_WITNESS", folder.path().join("witness"));
        command.env_remove("MC_SCRIPTED_TASK");
        set(&mut command);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (sender, lines) = channel();
        let read_inside_character = Arc::new(AtomicBool::new(false));
        let inside = Arc::clone(&read_inside_character);
        let mut output = child.stdout.take().unwrap();
        std::thread::spawn(move || {
            let mut bytes = vec![0; 1 << 16];
            let mut line = Vec::new();
            while let Ok(count @ 1..) = output.read(&mut bytes) {
                let cut = std::str::from_utf8(&bytes[..count]).is_err_and(|e| e.error_len().is_none());
                inside.fetch_or(cut, SeqCst);
                for byte in &bytes[..count] {
                    if *byte != b'\n' {
                        line.push(*byte);
                    } else if sender.send(std::mem::take(&mut line)).is_err() {
                        return;
                    }
                }
            }
        });
        let input = child.stdin.take();
        Self {
            child,
            folder,
            input,
            lines,
            last_id: 0,
            read_inside_character,
            sent: Vec::new(),
            received: Vec::new(),
        }
    }

    /// Initialized, with one session.
    pub(crate) fn with_session(arguments: &[&str]) -> (Self, String) {
        let mut agent = Self::start(arguments);
        agent.initialize();
        let session = agent.open(&json!([]));
        (agent, session)
    }

    pub(crate) fn initialize(&mut self) -> Value {
        self.call("initialize", &json!({"protocolVersion": 1, "clientCapabilities": {}}))
    }

    /// Sends a request to an agent that is not expected to answer; the line.
    pub(crate) fn initialize_unheard(&mut self) -> String {
        self.request("initialize", &json!({"protocolVersion": 1}));
        self.sent.last().unwrap().clone()
    }

    pub(crate) fn open(&mut self, servers: &Value) -> String {
        let cwd = self.folder.path().to_owned();
        let answer = self.call("session/new", &json!({"cwd": cwd, "mcpServers": servers}));
        answer["result"]["sessionId"].as_str().expect("a session").to_owned()
    }

    pub(crate) fn send_raw(&mut self, line: &[u8]) {
        let input = self.input.as_mut().expect("input is open");
        input.write_all(line).unwrap();
        input.write_all(b"\n").unwrap();
        self.sent.push(String::from_utf8_lossy(line).into_owned());
    }

    pub(crate) fn send(&mut self, message: &Value) {
        self.send_raw(message.to_string().as_bytes());
    }

    pub(crate) fn request(&mut self, method: &str, params: &Value) -> u64 {
        self.last_id += 1;
        let id = self.last_id;
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        id
    }

    pub(crate) fn notify(&mut self, method: &str, params: &Value) {
        self.send(&json!({"jsonrpc": "2.0", "method": method, "params": params}));
    }

    pub(crate) fn prompt(&mut self, session: &str, text: &str) -> u64 {
        self.request(
            "session/prompt",
            &json!({"sessionId": session, "prompt": [{"type": "text", "text": text}]}),
        )
    }

    pub(crate) fn next_line(&mut self) -> Vec<u8> {
        let line = self.lines.recv_timeout(PATIENCE).expect("a line in time");
        self.received.push(String::from_utf8_lossy(&line).into_owned());
        line
    }

    pub(crate) fn next(&mut self) -> Value {
        let line = self.next_line();
        serde_json::from_slice(&line).expect("a JSON line")
    }

    /// Messages up to and with the one that `wanted` picks; the last is that one.
    pub(crate) fn until(&mut self, wanted: impl Fn(&Value) -> bool) -> Vec<Value> {
        let mut seen = Vec::new();
        loop {
            let message = self.next();
            let found = wanted(&message);
            seen.push(message);
            if found {
                return seen;
            }
        }
    }

    pub(crate) fn call(&mut self, method: &str, params: &Value) -> Value {
        let id = self.request(method, params);
        self.until(|message| message["id"] == id && message.get("method").is_none()).pop().unwrap()
    }

    /// The updates of a turn and its stop reason.
    pub(crate) fn turn(&mut self, session: &str, text: &str) -> (Vec<Value>, String) {
        let id = self.prompt(session, text);
        self.finish(id)
    }

    pub(crate) fn finish(&mut self, id: u64) -> (Vec<Value>, String) {
        let mut seen = self.until(|message| message["id"] == id && message.get("method").is_none());
        let answer = seen.pop().unwrap();
        let reason = answer["result"]["stopReason"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned();
        (seen.into_iter().map(|mut message| message["params"]["update"].take()).collect(), reason)
    }

    /// What the agent said in a turn, its chunks joined.
    pub(crate) fn ask(&mut self, session: &str, text: &str) -> String {
        let (updates, reason) = self.turn(session, text);
        assert_eq!(reason, "end_turn");
        said(&updates)
    }

    pub(crate) fn permission_request(&mut self) -> Value {
        self.until(|message| message["method"] == "session/request_permission").pop().unwrap()
    }

    pub(crate) fn answer_permission(&mut self, request: &Value, outcome: &Value) {
        self.send(&json!({"jsonrpc": "2.0", "id": request["id"], "result": {"outcome": outcome}}));
    }

    pub(crate) fn close_input(&mut self) {
        self.input = None;
    }

    pub(crate) fn wait(&mut self) -> ExitStatus {
        let mut status = None;
        eventually("the agent ends", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        status.unwrap()
    }

    pub(crate) fn witness_path(&self) -> PathBuf {
        self.folder.path().join("witness")
    }

    /// The pid of the agent for signals.
    pub(crate) fn pid(&self) -> rustix::process::Pid {
        rustix::process::Pid::from_child(&self.child)
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // Fails only when the test has ended it already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn said(updates: &[Value]) -> String {
    texts(updates, "agent_message_chunk").concat()
}

pub(crate) fn texts(updates: &[Value], kind: &str) -> Vec<String> {
    let wanted = updates.iter().filter(|update| update["sessionUpdate"] == kind);
    wanted.map(|update| update["content"]["text"].as_str().unwrap().to_owned()).collect()
}

pub(crate) fn records(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

pub(crate) fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// False for a zombie too.
pub(crate) fn is_alive(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

//! A model's HTTP interface on loopback, for agents that are not ours: OpenAI responses and chat completions, Anthropic
//! messages and Gemini content streams, as server-sent events.
//!
//! The newest word of the prompt that begins with `STUB-` says what the model does: `STUB-PONG` answers at once,
//! `STUB-SLOW` streams until the client hangs up, `STUB-RUN:COMMAND;` asks for the command to be run outside of the
//! agent's sandbox (responses only).

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

/// What [`Stub`] says.
pub(crate) const PONG: &str = "STUB: pong";

/// Pieces of a slow answer: a minute's worth, so that a client which never hangs up fails its test and not the machine.
const SLOW_PIECES: usize = 600;
const SLOW_PAUSE: Duration = Duration::from_millis(100);
const LARGEST_BODY: u64 = 64 << 20;

#[derive(Debug)]
pub(crate) struct Stub {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    is_over: AtomicBool,
    hung_up: AtomicUsize,
    requests: Mutex<Vec<String>>,
}

impl Stub {
    /// Listens on a free port until dropped.
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::<Shared>::default();
        let serving = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if serving.is_over.load(SeqCst) {
                    return;
                }
                let (Ok(stream), shared) = (stream, Arc::clone(&serving)) else { continue };
                // A client that goes away ends its conversation, and that is no failure.
                std::thread::spawn(move || drop(converse(&stream, &shared)));
            }
        });
        Self { address, shared }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Bodies of the requests so far.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.shared.requests.lock().unwrap().clone()
    }

    /// How many slow answers were cut off by their clients.
    pub(crate) fn hung_up(&self) -> usize {
        self.shared.hung_up.load(SeqCst)
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.shared.is_over.store(true, SeqCst);
        // Wakes the accepting thread; when it cannot be reached it has ended.
        let _ = TcpStream::connect(self.address);
    }
}

/// One request per connection.
fn converse(stream: &TcpStream, shared: &Shared) -> io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    let (mut head, mut length, mut is_chunked) = (String::new(), 0, false);
    loop {
        let mut line = String::new();
        if (&mut reader).take(16 << 10).read_line(&mut line)? == 0 {
            return Ok(());
        }
        let lower = line.trim().to_ascii_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
        is_chunked |= lower.strip_prefix("transfer-encoding:").is_some_and(|value| value.contains("chunked"));
        if lower.is_empty() {
            break;
        }
        head.push_str(&line);
    }
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    if !head.starts_with("POST") {
        return write!(
            &mut &*stream,
            "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        );
    }
    let body = if is_chunked { read_chunks(&mut reader)? } else { read_exactly(&mut reader, length)? };
    shared.requests.lock().unwrap().push(body.clone());
    let mut answer = Answer { stream, shared };
    write!(
        &mut &*stream,
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-store\r\nconnection: close\r\n\r\n"
    )?;
    if path.contains("/responses") {
        responses(&mut answer, &body)
    } else if path.contains("/completions") {
        completions(&mut answer, &body)
    } else if path.contains("/messages") {
        messages(&mut answer, &body)
    } else {
        contents(&mut answer, &body)
    }
}

fn read_exactly(reader: &mut impl Read, length: u64) -> io::Result<String> {
    let mut body = Vec::new();
    reader.take(length.min(LARGEST_BODY)).read_to_end(&mut body)?;
    Ok(String::from_utf8_lossy(&body).into_owned())
}

fn read_chunks(reader: &mut impl BufRead) -> io::Result<String> {
    let mut body = String::new();
    while body.len() as u64 <= LARGEST_BODY {
        let mut size = String::new();
        reader.read_line(&mut size)?;
        let size = u64::from_str_radix(size.trim(), 16).map_err(io::Error::other)?;
        body.push_str(&read_exactly(reader, size)?);
        reader.read_line(&mut String::new())?;
        if size == 0 {
            break;
        }
    }
    Ok(body)
}

/// What the prompt asks for.
enum Wish<'a> {
    Pong,
    Slow,
    Run(&'a str),
}

impl<'a> Wish<'a> {
    fn of(body: &'a str) -> Self {
        let Some(at) = body.rfind("STUB-") else { return Self::Pong };
        let newest = &body[at..];
        if let Some(rest) = newest.strip_prefix("STUB-RUN:")
            // Once it has run, the model is content.
            && !newest.contains("function_call_output")
        {
            return Self::Run(rest.split(';').next().unwrap_or_default());
        }
        if newest.starts_with("STUB-SLOW") { Self::Slow } else { Self::Pong }
    }
}

struct Answer<'a> {
    stream: &'a TcpStream,
    shared: &'a Shared,
}

impl Answer<'_> {
    /// One event; with a name, as Anthropic and OpenAI have it.
    fn event(&mut self, data: &Value) -> io::Result<()> {
        let name = data["type"].as_str().map(|name| format!("event: {name}\n")).unwrap_or_default();
        write!(&mut &*self.stream, "{name}data: {data}\n\n")
    }

    /// The text of the answer, piece by piece.
    fn text(&mut self, wish: &Wish, piece: impl Fn(&str) -> Value) -> io::Result<()> {
        if !matches!(wish, Wish::Slow) {
            return self.event(&piece(PONG));
        }
        for _ in 0..SLOW_PIECES {
            if let Err(error) = self.event(&piece("slow ")) {
                self.shared.hung_up.fetch_add(1, SeqCst);
                return Err(error);
            }
            if self.shared.is_over.load(SeqCst) {
                return Ok(());
            }
            std::thread::sleep(SLOW_PAUSE);
        }
        Ok(())
    }
}

fn responses(answer: &mut Answer, body: &str) -> io::Result<()> {
    let wish = Wish::of(body);
    answer.event(&json!({"type": "response.created", "response": {"id": "r1"}}))?;
    let item = if let Wish::Run(command) = wish {
        let arguments = json!({
            "cmd": command, "login": false, "yield_time_ms": 30_000,
            "sandbox_permissions": "require_escalated", "justification": "May I?",
        });
        json!({"type": "function_call", "id": "f1", "call_id": "c1", "name": "exec_command",
               "arguments": arguments.to_string()})
    } else {
        let item = |status: &str, content: Value| json!({"type": "message", "id": "m1", "role": "assistant", "status": status, "content": content});
        answer.event(&json!({
            "type": "response.output_item.added", "output_index": 0, "item": item("in_progress", json!([])),
        }))?;
        answer.text(&wish, |text| {
            json!({"type": "response.output_text.delta", "item_id": "m1", "output_index": 0, "content_index": 0,
                   "delta": text})
        })?;
        item("completed", json!([{"type": "output_text", "text": PONG, "annotations": []}]))
    };
    answer.event(&json!({"type": "response.output_item.done", "output_index": 0, "item": item}))?;
    let usage = json!({"input_tokens": 1, "output_tokens": 1, "total_tokens": 2});
    answer.event(&json!({"type": "response.completed", "response": {"id": "r1", "usage": usage}}))
}

fn completions(answer: &mut Answer, body: &str) -> io::Result<()> {
    let chunk = |delta: Value, finish: Option<&str>| {
        json!({"id": "c1", "object": "chat.completion.chunk", "created": 0, "model": "stub",
               "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})
    };
    answer.text(&Wish::of(body), |text| chunk(json!({"role": "assistant", "content": text}), None))?;
    answer.event(&chunk(json!({}), Some("stop")))?;
    write!(&mut &*answer.stream, "data: [DONE]\n\n")
}

fn messages(answer: &mut Answer, body: &str) -> io::Result<()> {
    let usage = json!({"input_tokens": 1, "output_tokens": 1});
    answer.event(&json!({"type": "message_start", "message": {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "stub", "content": [], "stop_reason": null,
        "stop_sequence": null, "usage": usage,
    }}))?;
    answer.event(&json!({
        "type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""},
    }))?;
    answer.text(&Wish::of(body), |text| {
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}})
    })?;
    answer.event(&json!({"type": "content_block_stop", "index": 0}))?;
    let delta = json!({"stop_reason": "end_turn", "stop_sequence": null});
    answer.event(&json!({"type": "message_delta", "delta": delta, "usage": usage}))?;
    answer.event(&json!({"type": "message_stop"}))
}

fn contents(answer: &mut Answer, body: &str) -> io::Result<()> {
    let part = |text: &str| json!({"candidates": [{"index": 0, "content": {"role": "model", "parts": [{"text": text}]}}]});
    answer.text(&Wish::of(body), part)?;
    let mut last = part("");
    last["candidates"][0]["finishReason"] = "STOP".into();
    last["usageMetadata"] = json!({"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2});
    answer.event(&last)
}

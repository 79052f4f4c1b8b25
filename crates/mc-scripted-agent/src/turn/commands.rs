//! What each command does.

use std::io::{self, Write};
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use super::permission::Answer;
use super::{Flow, Turn, chunk, plan};
use crate::language::{Choice, Command, StopReason};
use crate::wire::{Event, update_message};
use crate::{mcp, process};

/// A tool may wait for a person's approval.
const TOOL_CALL: Duration = Duration::from_mins(15);
const GARBAGE: &[u8] = b"this line is {not JSON";

impl Turn {
    pub(super) fn command(&mut self, command: Command) -> Flow {
        match command {
            Command::Say(text) => self.say(&text),
            Command::Think(text) => self.update(chunk("agent_thought_chunk", &text)),
            Command::Tool { name, input } => self.tool(&name, &input),
            Command::Plan(items) => self.update(plan(items.iter().map(|item| (item.as_str(), "pending")))),
            Command::Ask { title, options } => return self.ask_and_tell(&title, &options),
            Command::Mcp { name, arguments, says } => self.mcp(&name, &arguments, says),
            Command::Update(update) => self.update(update),
            Command::Sleep(time) => {
                self.sleep_until(Instant::now() + time);
            }
            Command::Chunks { count, per_second } => self.chunks(count, per_second),
            Command::Garbage => self.agent.wire.send_bytes(GARBAGE, None),
            Command::Utf8Split => self.split_chunk(),
            Command::BigLine(bytes) => self.big_line(bytes),
            Command::Stderr(text) => {
                // A closed standard error is the client's choice.
                let _ = writeln!(io::stderr(), "{text}");
            }
            Command::Crash(None) => std::process::abort(),
            Command::Crash(Some(code)) => std::process::exit(code.into()),
            Command::Exit => {
                self.agent.end();
                std::process::exit(0);
            }
            Command::Hang => self.hang(),
            Command::IgnoreCancel => self.session.ignores_cancel.store(true, SeqCst),
            Command::IgnoreEof => self.agent.ignores_eof.store(true, SeqCst),
            Command::Fork(time) => self.say(&match process::leave_behind(time) {
                Ok(pid) => format!("left process {pid}"),
                Err(e) => format!("cannot leave a process: {e}"),
            }),
            Command::Stop(reason) => return Flow::Break(reason),
            Command::Env(name) => self.say(&match std::env::var_os(&name) {
                Some(value) => format!("{name} is set, {} bytes", value.len()),
                None => format!("{name} is not set"),
            }),
            Command::Cwd => {
                let own =
                    std::env::current_dir().map_or_else(|e| e.to_string(), |path| path.display().to_string());
                self.say(&format!("process {own} session {}", self.session.cwd.display()));
            }
        }
        Flow::Continue(())
    }

    fn tool(&self, name: &str, input: &Value) {
        let call = self.start_tool_call(name, input);
        self.finish_tool_call(&call, "completed", &format!("{name} done"));
    }

    fn start_tool_call(&self, title: &str, input: &Value) -> String {
        let call = self.session.next_tool_call();
        self.update(json!({
            "sessionUpdate": "tool_call", "toolCallId": call, "title": title, "kind": "other",
            "status": "in_progress", "rawInput": input,
        }));
        call
    }

    fn finish_tool_call(&self, call: &str, status: &str, text: &str) {
        self.update(json!({
            "sessionUpdate": "tool_call_update", "toolCallId": call, "status": status,
            "content": [{"type": "content", "content": {"type": "text", "text": text}}],
        }));
    }

    pub(super) fn ask_and_tell(&mut self, title: &str, options: &[Choice]) -> Flow {
        match self.ask(title, options) {
            Answer::Allowed => Flow::Continue(()),
            Answer::Rejected => {
                self.say(&format!("rejected: {title}"));
                Flow::Break(StopReason::EndTurn)
            }
            Answer::Cancelled if self.session.ignores_cancel.load(SeqCst) => {
                self.say(&format!("cancelled, and ignored: {title}"));
                Flow::Continue(())
            }
            Answer::Cancelled => Flow::Break(StopReason::Cancelled),
            Answer::Failed(reason) => {
                self.say(&format!("no permission for {title}: {reason}"));
                Flow::Break(StopReason::EndTurn)
            }
        }
    }

    fn mcp(&mut self, name: &str, arguments: &Map<String, Value>, says: bool) {
        let session = std::sync::Arc::clone(&self.session);
        let server = match session.servers.offering(name) {
            Ok(server) => server,
            Err(reason) => return self.say(&reason),
        };
        let (text, failed) = self.call_tool(server, name, arguments);
        if (says || failed) && !self.cancelled {
            self.say(&text);
        }
    }

    /// Calls a tool when a server offers it; gives the JSON of its result, if it succeeded with any.
    pub(super) fn use_tool(&mut self, name: &str, arguments: Value) -> Option<Value> {
        let session = std::sync::Arc::clone(&self.session);
        let server = session.servers.offering(name).ok()?;
        let Value::Object(arguments) = arguments else { return None };
        let (text, failed) = self.call_tool(server, name, &arguments);
        if failed { None } else { serde_json::from_str(&text).ok() }
    }

    fn call_tool(
        &mut self,
        server: &mcp::Server,
        name: &str,
        arguments: &Map<String, Value>,
    ) -> (String, bool) {
        let title = format!("{}/{name}", server.name);
        let call = self.start_tool_call(&title, &Value::Object(arguments.clone()));
        let asked = server.start_call(name, arguments, self.sender.clone());
        let deadline = Instant::now() + TOOL_CALL;
        let (text, failed) = loop {
            match self.wait(Some(deadline)) {
                Some(Event::Server { id, outcome: Ok(result) }) if id == asked => {
                    break mcp::result_text(&result);
                }
                Some(Event::Server { id, outcome: Err(e) }) if id == asked => break (e.to_string(), true),
                Some(_) => {}
                None => {
                    server.cancel_call(asked);
                    break ("cancelled".into(), true);
                }
            }
        };
        self.finish_tool_call(&call, if failed { "failed" } else { "completed" }, &text);
        (text, failed)
    }

    fn chunks(&mut self, count: u64, per_second: u32) {
        let start = Instant::now();
        for n in 1..=count {
            if let (Some(rate), true) = (std::num::NonZeroU32::new(per_second), n > 1) {
                let nanos = u128::from(n - 1) * 1_000_000_000 / u128::from(rate.get());
                let after = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
                // A time past the clock's end is never reached; the turn can still be cancelled.
                let at = start.checked_add(after).unwrap_or_else(|| start + TOOL_CALL);
                self.sleep_until(at);
            }
            self.drain();
            if self.cancelled {
                return;
            }
            self.say(&format!("chunk {n} of {count}\n"));
        }
    }

    fn split_chunk(&self) {
        let update = chunk("agent_message_chunk", "split: \u{20ac}\u{1f980}");
        let message = update_message(&self.session.id, &update).to_string();
        self.agent.remember(&self.session, update);
        let inside = message.find('\u{20ac}').map(|at| at + 1);
        self.agent.wire.send_bytes(message.as_bytes(), inside);
    }

    /// A message whose line, its end included, has `bytes` bytes, if that is enough for the message at all.
    fn big_line(&self, bytes: usize) {
        let frame = update_message(&self.session.id, &chunk("agent_message_chunk", "")).to_string().len() + 1;
        self.say(&"x".repeat(bytes.saturating_sub(frame)));
    }

    /// Deaf from now on; the end of input still ends the process, unless that is ignored too.
    fn hang(&self) {
        if let Err(e) = process::ignore_signals() {
            return self.say(&format!("cannot ignore signals: {e}"));
        }
        self.agent.hangs.store(true, SeqCst);
        self.say("hanging");
        self.agent.wire.freeze();
    }
}

//! One prompt turn: runs commands in order, tells the client, hears cancellation.

mod commands;
mod permission;

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::agent::Agent;
use crate::language::{self, Choice, Command, StopReason};
use crate::session::Session;
use crate::wire::Event;
use permission::Answer;

/// The most pieces an echo is cut into.
const ECHO_PIECES: usize = 8;

pub(crate) struct Turn {
    agent: Arc<Agent>,
    session: Arc<Session>,
    sender: Sender<Event>,
    events: Receiver<Event>,
    cancelled: bool,
}

/// The key in the first line of a task assignment, `Task KEY: TITLE`.
fn task_key(text: &str) -> Option<&str> {
    let (key, _) = text.lines().next()?.strip_prefix("Task ")?.split_once(": ")?;
    let (prefix, number) = key.rsplit_once('-')?;
    let is_key = !prefix.is_empty() && !key.contains(' ') && number.parse::<u64>().is_ok();
    is_key.then_some(key)
}

/// `Break` ends the turn.
type Flow = std::ops::ControlFlow<StopReason>;

impl Turn {
    pub(crate) fn new(
        agent: Arc<Agent>,
        session: Arc<Session>,
        sender: Sender<Event>,
        events: Receiver<Event>,
    ) -> Self {
        Self { agent, session, sender, events, cancelled: false }
    }

    /// Runs the turn and sends its answer.
    pub(crate) fn run(&mut self, id: &Value, text: &str) {
        self.agent.remember(&self.session, chunk("user_message_chunk", text));
        let flow = self.prompt(text);
        self.drain();
        let reason = match flow {
            _ if self.cancelled => StopReason::Cancelled,
            Flow::Break(reason) => reason,
            Flow::Continue(()) => StopReason::EndTurn,
        };
        // In this order: a client may send the next prompt as soon as it has the answer.
        self.session.end_turn();
        self.agent.wire.reply(id, Ok(json!({"stopReason": reason.as_str()})));
    }

    fn prompt(&mut self, text: &str) -> Flow {
        let key = task_key(text);
        let mut commands = match key {
            Some(key) => language::parse(&text.replace("{task}", key)),
            None => language::parse(text),
        };
        if commands.is_empty()
            && let Some(script) = &self.agent.config.script
        {
            match std::fs::read_to_string(script) {
                Ok(script) => commands = language::parse(&script),
                Err(e) => {
                    self.say(&format!("cannot read the script: {e}"));
                    return Flow::Continue(());
                }
            }
        }
        if commands.is_empty() {
            let is_task = key.is_some() || self.agent.config.task_mode;
            return if is_task { self.task(text, key) } else { self.echo(text) };
        }
        if let Some(key) = key
            && !commands.iter().any(|command| matches!(command, Ok(Command::Ask { .. })))
        {
            self.ask_and_tell(&format!("carry out {key}"), &Choice::DEFAULT)?;
        }
        for command in commands {
            self.drain();
            if self.cancelled {
                break;
            }
            match command {
                Ok(command) => self.command(command)?,
                Err(e) => self.say(&e.to_string()),
            }
        }
        Flow::Continue(())
    }

    fn echo(&mut self, text: &str) -> Flow {
        let letters: Vec<char> = text.chars().collect();
        let pieces = (letters.len() / 16).clamp(2, ECHO_PIECES);
        for piece in letters.chunks(letters.len().div_ceil(pieces).max(1)) {
            self.say(&piece.iter().collect::<String>());
        }
        Flow::Continue(())
    }

    /// What a task assignment gets: a plan of two steps and exactly one question. Where MCP servers offer the tools,
    /// the task's progress, its result as an artifact and its completion are reported too.
    fn task(&mut self, text: &str, key: Option<&str>) -> Flow {
        let title: String = text
            .lines()
            .find(|line| !line.trim().is_empty())
            .unwrap_or("task")
            .trim()
            .chars()
            .take(200)
            .collect();
        let plan = |states: [&str; 2]| plan(["Do the work", "Write the result"].into_iter().zip(states));
        self.say(&format!("Starting: {title}"));
        self.update(plan(["in_progress", "pending"]));
        let task = key.and_then(|key| {
            self.use_tool("progress_task", json!({"task": key, "percent": 10, "note": "started"}))
        });
        match self.ask("write result", &Choice::DEFAULT) {
            Answer::Allowed => {
                let result = format!("Result: {title}: done");
                if let Some(task) = task {
                    self.hand_in(&task, &result);
                }
                self.update(plan(["completed", "completed"]));
                self.say(&result);
                Flow::Continue(())
            }
            Answer::Rejected => {
                self.say("Permission to write the result was refused");
                Flow::Break(StopReason::Refusal)
            }
            Answer::Cancelled => Flow::Break(StopReason::Cancelled),
            Answer::Failed(reason) => {
                self.say(&format!("Permission to write the result could not be had: {reason}"));
                Flow::Break(StopReason::Refusal)
            }
        }
    }

    /// Stores the result as an artifact of the task and completes the task with it.
    fn hand_in(&mut self, task: &Value, result: &str) {
        let (mission, key) = (&task["mission"], &task["key"]);
        let text = format!("# {}\n\n{result}\n", task["title"].as_str().unwrap_or_default());
        let artifact = json!({
            "mission": mission, "task": key, "name": "result.md", "media_type": "text/markdown", "text": text,
        });
        if let Some(artifact) = self.use_tool("create_artifact", artifact) {
            self.use_tool(
                "complete_task",
                json!({"task": key, "result": result, "artifact": artifact["id"]}),
            );
        }
    }

    fn say(&self, text: &str) {
        self.update(chunk("agent_message_chunk", text));
    }

    fn update(&self, update: Value) {
        let message = crate::wire::update_message(&self.session.id, &update);
        self.agent.remember(&self.session, update);
        self.agent.wire.send(&message);
    }

    /// The next event other than a cancellation, which is noted; `None` at the deadline.
    /// A cancellation that counts ends the wait too.
    fn wait(&mut self, deadline: Option<Instant>) -> Option<Event> {
        loop {
            let time =
                deadline.map_or(Duration::from_hours(1), |at| at.saturating_duration_since(Instant::now()));
            match self.events.recv_timeout(time) {
                Ok(Event::Cancel) => {
                    if self.hear_cancel() {
                        return None;
                    }
                }
                Ok(event) => return Some(event),
                Err(RecvTimeoutError::Timeout) if deadline.is_none() => {}
                // We hold a sender ourselves: the channel does not disconnect.
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return None,
            }
        }
    }

    /// Notes a cancellation that came meanwhile. Late answers are dropped.
    fn drain(&mut self) {
        while let Ok(event) = self.events.try_recv() {
            if matches!(event, Event::Cancel) {
                self.hear_cancel();
            }
        }
    }

    fn hear_cancel(&mut self) -> bool {
        self.cancelled |= !self.session.ignores_cancel.load(SeqCst);
        self.cancelled
    }

    /// False when the turn was cancelled meanwhile.
    fn sleep_until(&mut self, deadline: Instant) -> bool {
        while !self.cancelled && self.wait(Some(deadline)).is_some() {}
        !self.cancelled
    }
}

fn chunk(kind: &str, text: &str) -> Value {
    json!({"sessionUpdate": kind, "content": {"type": "text", "text": text}})
}

fn plan<'a>(entries: impl Iterator<Item = (&'a str, &'a str)>) -> Value {
    let entries: Vec<_> = entries
        .map(|(content, status)| json!({"content": content, "priority": "medium", "status": status}))
        .collect();
    json!({"sessionUpdate": "plan", "entries": entries})
}

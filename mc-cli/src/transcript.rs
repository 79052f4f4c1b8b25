//! The events of an agent session as text for people: who said what, tool calls folded, permissions in full.

use std::collections::HashMap;

use mc_api::session::SessionEvent;
use serde_json::Value;

use crate::table::{one_line, printable};

/// An offered option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Id to answer with.
    pub id: String,
    /// Label.
    pub name: String,
    /// `allow_once` and its like.
    pub kind: String,
}

/// The id and options of a permission that an event opens.
pub fn permission(event: &SessionEvent) -> Option<(String, Vec<Choice>)> {
    if event.kind != "permission_open" {
        return None;
    }
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let choice = |option: &Value| Choice {
        id: text(&option["optionId"]),
        name: text(&option["name"]),
        kind: text(&option["kind"]),
    };
    let options = event.body["options"].as_array().map(Vec::as_slice).unwrap_or_default();
    Some((event.body["id"].as_str()?.to_owned(), options.iter().map(choice).collect()))
}

/// Turns events into text. Chunks of one message run on; everything else begins a line.
#[derive(Debug, Default)]
pub struct Transcript {
    /// Whose words the open line holds.
    speaker: Option<&'static str>,
    titles: HashMap<String, String>,
}

impl Transcript {
    /// The text of one event; empty for those that say nothing to people.
    pub fn text(&mut self, event: &SessionEvent) -> String {
        let body = &event.body;
        match event.kind.as_str() {
            "message" => self.words("agent", &body["content"]),
            "thought" => self.words("agent thinks", &body["content"]),
            "prompt" => {
                let blocks = body["prompt"].as_array().map(Vec::as_slice).unwrap_or_default();
                let texts: Vec<&str> = blocks.iter().filter_map(|block| block["text"].as_str()).collect();
                self.line(&format!("prompt: {}", printable(&texts.join("\n"))))
            }
            "tool_call" => self.tool_call(body),
            "plan" => {
                let entries = body["entries"].as_array().map(Vec::as_slice).unwrap_or_default();
                let steps: Vec<String> = entries
                    .iter()
                    .map(|step| format!("{} [{}]", word(&step["content"]), word(&step["status"])))
                    .collect();
                self.line(&format!("plan: {}", steps.join("; ")))
            }
            "permission_open" => self.permission_open(event),
            "permission_answer" => {
                let option = body["option"].as_str().map(one_line);
                let answer = option.unwrap_or_else(|| word(&body["outcome"]));
                self.line(&format!("{} answered: {answer}", asked(body)))
            }
            "turn_end" => self.line(&format!("-- turn {} ended: {}", body["turn"], word(&body["outcome"]))),
            "interrupted" => self.line(&format!("-- turn {} was interrupted", body["turn"])),
            "state" => {
                let reason = body["reason"].as_str().map(|reason| format!(" ({})", one_line(reason)));
                self.line(&format!("-- {}{}", word(&body["state"]), reason.unwrap_or_default()))
            }
            "gap" => self.line(&format!("-- something may be missing: {}", word(&body["reason"]))),
            "context_lost" => {
                let what =
                    if body["needs_decision"] == false { "began anew" } else { "forgot the conversation" };
                self.line(&format!("-- the agent {what}: {}", word(&body["reason"])))
            }
            "stderr" => self.line(&format!("stderr: {}", printable(word_raw(&body["text"]).trim_end()))),
            _ => String::new(),
        }
    }

    /// Ends a line that is open.
    pub fn close(&mut self) -> &'static str {
        if self.speaker.take().is_some() { "\n" } else { "" }
    }

    fn line(&mut self, text: &str) -> String {
        format!("{}{text}\n", self.close())
    }

    fn words(&mut self, speaker: &'static str, content: &Value) -> String {
        let Some(text) = content["text"].as_str() else { return String::new() };
        let text = printable(text);
        if self.speaker == Some(speaker) {
            return text;
        }
        let text = format!("{}{speaker}: {text}", self.close());
        self.speaker = Some(speaker);
        text
    }

    /// Said when a call begins and when it ends; what lies between is folded.
    fn tool_call(&mut self, body: &Value) -> String {
        let id = body["toolCallId"].as_str().unwrap_or_default().to_owned();
        let begins = !self.titles.contains_key(&id);
        if let Some(title) = body["title"].as_str() {
            self.titles.insert(id.clone(), one_line(title));
        }
        let title = self.titles.entry(id).or_insert_with(|| "tool".to_owned()).clone();
        match body["status"].as_str() {
            Some(end @ ("completed" | "failed")) => self.line(&format!("tool: {title} {end}")),
            _ if begins => self.line(&format!("tool: {title}")),
            _ => String::new(),
        }
    }

    fn permission_open(&mut self, event: &SessionEvent) -> String {
        let Some((_, choices)) = permission(event) else { return String::new() };
        let title =
            event.body["tool_call"]["title"].as_str().map_or_else(|| "permission".to_owned(), one_line);
        let mut text = self.line(&format!("{} asked: {title}", asked(&event.body)));
        for (index, choice) in choices.iter().enumerate() {
            let line = format!("  {}) {} [{}]\n", index + 1, one_line(&choice.name), one_line(&choice.kind));
            text.push_str(&line);
        }
        text
    }
}

/// What is decided: the approval; without one, as in a journal on its node, the permission.
fn asked(body: &Value) -> String {
    match body["approval_id"].as_str() {
        Some(approval) => format!("approval {}", one_line(approval)),
        None => format!("permission {}", word(&body["id"])),
    }
}

fn word_raw(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn word(value: &Value) -> String {
    one_line(value.as_str().unwrap_or("?"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn event(kind: &str, body: Value) -> SessionEvent {
        SessionEvent { seq: 1, kind: kind.into(), at: mc_api::Timestamp::from_micros(0), body }
    }

    #[test]
    fn chunks_run_on_and_tool_calls_fold() {
        let mut transcript = Transcript::default();
        let chunk = |text: &str| event("message", json!({"content": {"type": "text", "text": text}}));
        let call = |status: &str| {
            event("tool_call", json!({"toolCallId": "c", "title": "write\nfile", "status": status}))
        };
        let ask = json!({"id": "p-1-9", "tool_call": {"title": "write"}, "options": [
            {"optionId": "a", "name": "Allow", "kind": "allow_once"}]});
        let known = json!({"id": "p-1-9", "approval_id": "apr_1", "outcome": "selected", "option": "a"});
        let events = [
            event("prompt", json!({"prompt": [{"type": "text", "text": "hi"}]})),
            chunk("one "),
            chunk("two\u{1b}[31m"),
            call("pending"),
            call("in_progress"),
            event("permission_open", ask),
            event("permission_answer", known),
            call("completed"),
            event("turn_end", json!({"turn": 3, "outcome": "end_turn"})),
            event("other", json!({"x": 1})),
        ];
        let text: String = events.iter().map(|event| transcript.text(event)).collect();
        assert_eq!(
            text,
            "prompt: hi\nagent: one two [31m\ntool: write file\npermission p-1-9 asked: write\n  1) Allow [allow_once]\n\
             approval apr_1 answered: a\n\
             tool: write file completed\n-- turn 3 ended: end_turn\n"
        );
    }
}

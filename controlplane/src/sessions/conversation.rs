//! A conversation as people read it: events of a session folded into items.
//!
//! Words that stream in are one message; a tool call and its updates, and a permission and its answer, are one item.
//! Folding begins anywhere: what began before the first event is marked as a part, and the page before holds the
//! beginning under the same id.

use std::collections::HashMap;

use mc_api::session::{Conversation, ConversationItem, ItemKind, ItemPermission, SessionEvent};
use mc_api::{Action, Page};
use serde_json::{Map, Value, json};

use super::model::{MAX_PERMISSION, clean};
use super::{service, store};
use crate::app::App;
use crate::error::Error;
use crate::http::page;
use crate::op::OpCtx;

/// At most this many bytes of words in one item, or of one field of a tool call.
const MOST_TEXT: usize = 64 * 1024;
/// Events read at once.
const STEP: i64 = 1_000;
/// So often more are read for one page.
const STEPS: usize = 5;
/// Items of a page.
const MOST_ITEMS: u32 = 200;
/// Items of a page when nothing is said.
const DEFAULT_ITEMS: u32 = 100;

/// The words of content blocks.
fn words(block: &Value) -> String {
    let text = block["text"].as_str().or_else(|| block["resource"]["text"].as_str());
    match (text, block["uri"].as_str(), block["type"].as_str()) {
        (Some(text), _, _) => text.to_owned(),
        (None, Some(uri), kind) => format!("[{}: {uri}]", kind.unwrap_or("link")),
        (None, None, Some(kind)) => format!("[{kind}]"),
        (None, None, None) => String::new(),
    }
}

/// Appends as much as an item holds; `true` when something was left out.
fn append(text: &mut String, more: &str) -> bool {
    let room = MOST_TEXT.saturating_sub(text.len());
    let mut end = room.min(more.len());
    while !more.is_char_boundary(end) {
        end -= 1;
    }
    text.push_str(&more[..end]);
    end < more.len()
}

/// A value that is not too long, and whether it was.
fn fitting(value: &Value) -> (Value, bool) {
    match value {
        Value::String(text) if text.len() > MOST_TEXT => {
            let mut kept = String::new();
            append(&mut kept, text);
            (Value::String(kept), true)
        }
        Value::Array(_) | Value::Object(_) if value.to_string().len() > MOST_TEXT => (Value::Null, true),
        other => (other.clone(), false),
    }
}

/// Whether words of this kind that follow each other are one item.
const fn says(kind: ItemKind) -> bool {
    matches!(kind, ItemKind::Message | ItemKind::Thought | ItemKind::Stderr)
}

#[derive(Default)]
struct Folding {
    items: Vec<ConversationItem>,
    tools: HashMap<String, usize>,
    permissions: HashMap<String, usize>,
    title: Option<String>,
    mode: Option<String>,
    usage: Option<Value>,
}

impl Folding {
    fn push(&mut self, event: &SessionEvent, kind: ItemKind) -> &mut ConversationItem {
        self.items.push(ConversationItem {
            kind,
            seq: event.seq,
            last_seq: event.seq,
            at: event.at,
            last_at: event.at,
            is_partial: false,
            is_cut: false,
            text: None,
            turn: None,
            tool_call: None,
            entries: None,
            permission: None,
            outcome: None,
            mark: None,
            detail: None,
        });
        let last = self.items.len() - 1;
        &mut self.items[last]
    }

    /// An item whose beginning is elsewhere stands before words that are being said, so that it does not part them.
    fn place(&mut self, event: &SessionEvent, kind: ItemKind, is_partial: bool) -> usize {
        let is_between = is_partial && self.items.last().is_some_and(|last| says(last.kind));
        self.push(event, kind).is_partial = is_partial;
        let last = self.items.len() - 1;
        if !is_between {
            return last;
        }
        self.items.swap(last - 1, last);
        last - 1
    }

    /// Words that follow words of the same kind are one item.
    fn say(&mut self, event: &SessionEvent, kind: ItemKind, said: &str, between: &str) {
        let joins = self.items.last().is_some_and(|last| last.kind == kind);
        if said.is_empty() && !joins {
            return;
        }
        if !joins {
            self.push(event, kind).text = Some(String::new());
        }
        let Some(item) = self.items.last_mut() else { return };
        let text = item.text.get_or_insert_default();
        let gap = if joins { between } else { "" };
        item.is_cut |= append(text, gap) | append(text, said);
        (item.last_seq, item.last_at) = (event.seq, event.at);
    }

    fn tool(&mut self, event: &SessionEvent) {
        let body = &event.body;
        let id = body["toolCallId"].as_str().unwrap_or_default().to_owned();
        let begins = body["sessionUpdate"] == "tool_call";
        let known = self.tools.get(&id).copied().filter(|index| {
            let status = self.items[*index].tool_call.as_ref().and_then(|call| call["status"].as_str());
            // An id that begins again after its end is another call.
            !(begins && matches!(status, Some("completed" | "failed")))
        });
        let index = known.unwrap_or_else(|| {
            let index = self.place(event, ItemKind::ToolCall, !begins);
            self.items[index].tool_call = Some(Value::Object(Map::new()));
            self.tools.insert(id, index);
            index
        });
        let item = &mut self.items[index];
        (item.last_seq, item.last_at) = (event.seq, event.at);
        let (Some(Value::Object(call)), Some(fields)) = (&mut item.tool_call, body.as_object()) else {
            return;
        };
        for (name, value) in
            fields.iter().filter(|(name, value)| *name != "sessionUpdate" && !value.is_null())
        {
            let (kept, is_cut) = fitting(value);
            item.is_cut |= is_cut;
            call.insert(name.clone(), kept);
        }
    }

    fn permission(&mut self, event: &SessionEvent) {
        let body = &event.body;
        let id = body["id"].as_str().unwrap_or_default().to_owned();
        let is_answer = event.kind == "permission_answer";
        let index = self.permissions.get(&id).copied().unwrap_or_else(|| {
            let (tool_call, is_cut) = fitting(&body["tool_call"]);
            let index = self.place(event, ItemKind::Permission, is_answer);
            let item = &mut self.items[index];
            item.is_cut = is_cut;
            item.permission = Some(ItemPermission {
                id: id.clone(),
                approval_id: body["approval_id"].as_str().map(str::to_owned),
                title: tool_call["title"].as_str().map(str::to_owned),
                tool_call,
                options: if body["options"].is_array() {
                    body["options"].clone()
                } else {
                    Value::Array(vec![])
                },
                is_answered: false,
                option: None,
            });
            self.permissions.insert(id, index);
            index
        });
        let item = &mut self.items[index];
        (item.last_seq, item.last_at) = (event.seq, event.at);
        if let (true, Some(permission)) = (is_answer, &mut item.permission) {
            permission.is_answered = true;
            permission.option = body["option"].as_str().map(str::to_owned);
        }
    }

    /// One plan in each turn: a newer one takes the place of the older.
    fn plan(&mut self, event: &SessionEvent) {
        let (entries, is_cut) = fitting(&event.body["entries"]);
        let of_turn =
            self.items.iter().rposition(|item| item.kind == ItemKind::Prompt).map_or(0, |at| at + 1);
        let known = self.items[of_turn..].iter().position(|item| item.kind == ItemKind::Plan);
        let index = known.map_or_else(
            || {
                self.push(event, ItemKind::Plan);
                self.items.len() - 1
            },
            |at| of_turn + at,
        );
        let item = &mut self.items[index];
        (item.entries, item.is_cut) = (Some(entries), is_cut);
        (item.last_seq, item.last_at) = (event.seq, event.at);
    }

    fn mark(&mut self, event: &SessionEvent, mark: &str) {
        let (detail, is_cut) = fitting(&event.body);
        let item = self.push(event, ItemKind::Mark);
        (item.mark, item.detail, item.is_cut) = (Some(mark.to_owned()), Some(detail), is_cut);
    }

    fn other(&mut self, event: &SessionEvent) {
        let body = &event.body;
        match (body["sessionUpdate"].as_str(), body["event"].as_str()) {
            (Some("usage_update"), _) => self.usage = Some(fitting(body).0),
            (Some("current_mode_update"), _) => {
                self.mode = body["currentModeId"].as_str().map(str::to_owned);
            }
            (Some("session_info_update"), _) => {
                self.title = body["title"].as_str().map(str::to_owned).or(self.title.take());
            }
            (_, Some("mode")) => self.mode = body["mode"].as_str().map(str::to_owned),
            (_, Some("mode_refused")) => self.mark(event, "mode_refused"),
            (_, Some("started")) if body["epoch"].as_i64() > Some(1) => self.mark(event, "agent"),
            _ => {}
        }
    }

    fn take(&mut self, event: &SessionEvent) {
        let body = &event.body;
        match event.kind.as_str() {
            "prompt" => {
                let blocks = body["prompt"].as_array().map(Vec::as_slice).unwrap_or_default();
                let said: Vec<String> = blocks.iter().map(words).collect();
                let turn = body["op_id"].as_str().map(str::to_owned);
                let item = self.push(event, ItemKind::Prompt);
                let mut text = String::new();
                item.is_cut = append(&mut text, &said.join("\n"));
                (item.text, item.turn) = (Some(text), turn);
            }
            "message" => self.say(event, ItemKind::Message, &words(&body["content"]), ""),
            "thought" => self.say(event, ItemKind::Thought, &words(&body["content"]), ""),
            "stderr" => {
                self.say(event, ItemKind::Stderr, body["text"].as_str().unwrap_or_default(), "\n");
            }
            "tool_call" => self.tool(event),
            "plan" => self.plan(event),
            "permission_open" | "permission_answer" => self.permission(event),
            "turn_end" => {
                let (outcome, turn) = (body["outcome"].as_str(), body["op_id"].as_str());
                let (outcome, turn) = (outcome.map(str::to_owned), turn.map(str::to_owned));
                let item = self.push(event, ItemKind::TurnEnd);
                (item.outcome, item.turn) = (outcome, turn);
                let usage = body.pointer("/line/result/usage").map(|usage| json!({ "usage": usage }));
                item.detail = body.get("detail").cloned().or(usage).map(|detail| fitting(&detail).0);
            }
            "interrupted" => self.mark(event, "interrupted"),
            "gap" => self.mark(event, "gap"),
            "context_lost" => self.mark(event, "context_lost"),
            "state" if matches!(body["state"].as_str(), Some("recovering" | "failed" | "stopped")) => {
                self.mark(event, "state");
            }
            "state" => {}
            _ => self.other(event),
        }
    }
}

fn folded(events: &[SessionEvent]) -> Folding {
    let mut folding = Folding::default();
    for event in events {
        folding.take(event);
    }
    folding
}

/// Where a page begins that ends with words longer than an item holds: inside them, so that their end is seen. The page
/// before ends with what was said earlier.
fn inside(events: &[SessionEvent], folding: &Folding) -> Option<i64> {
    let last = folding.items.last().filter(|item| item.is_cut && says(item.kind))?;
    let mut room = MOST_TEXT;
    let mut from = None;
    for event in events.iter().rev().take_while(|event| event.seq >= last.seq) {
        let said = match event.kind.as_str() {
            "message" | "thought" => words(&event.body["content"]).len(),
            "stderr" => event.body["text"].as_str().unwrap_or_default().len() + 1,
            _ => 0,
        };
        if said > room && from.is_some() {
            break;
        }
        room = room.saturating_sub(said);
        from = Some(event.seq);
    }
    from.filter(|from| *from > last.seq)
}

/// A page of a conversation from its end, or before the cursor. Of a session with a hundred thousand events only the
/// last are read.
///
/// # Errors
/// [`mc_api::ProblemKind::NotFound`], [`mc_api::ProblemKind::Validation`], [`mc_api::ProblemKind::InvalidCursor`].
pub async fn conversation(
    app: &App,
    cx: &OpCtx,
    reference: &str,
    limit: Option<u32>,
    cursor: Option<&str>,
) -> Result<Conversation, Error> {
    let limit = limit.unwrap_or(DEFAULT_ITEMS);
    if !(1..=MOST_ITEMS).contains(&limit) {
        return Err(Error::invalid("?limit", format!("1 to {MOST_ITEMS}")));
    }
    let mut tx = app.db.begin_read().await?;
    let session = service::resolve(&mut tx, cx, reference).await?.session;
    cx.authorize_in(Action::ReadSession, session.mission_id)?;
    let page: page::Request<i64> =
        page::Request::read(app, format!("conversation {}", session.id), Some(limit), cursor)?;
    let mut before = page.after.unwrap_or(i64::MAX);
    let mut events: Vec<SessionEvent> = Vec::new();
    let (mut newest, mut is_whole) = (None, false);
    for _ in 0..STEPS {
        let found = service::events_before(&mut tx, session.id, before, STEP).await?;
        is_whole = found.is_first;
        newest = newest.or(found.newest);
        before = found.oldest.unwrap_or(before);
        events.splice(0..0, found.events);
        let folding = folded(&events);
        if is_whole || folding.items.len() > limit as usize || inside(&events, &folding).is_some() {
            break;
        }
    }
    // An item whose beginning was not read is left to the page before, unless it is all there is.
    let mut folding = folded(&events);
    let within = inside(&events, &folding);
    if let Some(within) = within {
        events.retain(|event| event.seq >= within);
        folding = folded(&events);
        (before, is_whole) = (within, false);
        if let Some(last) = folding.items.last_mut() {
            last.is_partial = true;
        }
    }
    let spare = folding.items.len().saturating_sub(limit as usize);
    let skipped = match (within, is_whole) {
        (Some(_), _) => 0,
        (None, true) => spare,
        (None, false) => spare.max(usize::from(folding.items.len() > 1)),
    };
    let from = folding.items[skipped.min(folding.items.len())..].iter().map(|item| item.seq).min();
    if let (true, Some(from)) = (skipped > 0, from) {
        // Once more from there, so that what belongs to earlier items is a part of its own, as the page before says.
        events.retain(|event| event.seq >= from);
        folding = folded(&events);
    }
    let is_last = is_whole && skipped == 0;
    if let (false, 0, Some(first)) = (is_whole, skipped, folding.items.first_mut()) {
        first.is_partial = true;
    }
    let oldest = from.filter(|_| skipped > 0).unwrap_or(before);
    for item in &mut folding.items {
        if let Some(permission) = item.permission.as_mut().filter(|known| known.approval_id.is_none()) {
            let known = clean(&permission.id, MAX_PERMISSION);
            let approval = store::find_permission(&mut tx, session.id, &known).await?;
            permission.approval_id = approval.map(|id| id.to_string());
        }
    }
    let next: Page<i64> = page.cut_at(app, Vec::new(), |seq| *seq, (!is_last).then_some(oldest));
    Ok(Conversation {
        kind: "conversation".into(),
        session_id: session.id,
        items: folding.items,
        next_cursor: next.next_cursor,
        seq: newest.unwrap_or(0),
        title: folding.title,
        mode: folding.mode.or(session.mode),
        usage: folding.usage,
    })
}

#[cfg(test)]
mod tests {
    use mc_api::Timestamp;

    use super::*;

    fn events(bodies: &[(&str, Value)]) -> Vec<SessionEvent> {
        let event = |(index, (kind, body)): (usize, &(&str, Value))| SessionEvent {
            seq: i64::try_from(index).unwrap() + 1,
            kind: (*kind).to_owned(),
            at: Timestamp::from_micros(1),
            body: body.clone(),
        };
        bodies.iter().enumerate().map(event).collect()
    }

    fn text(text: &str) -> Value {
        json!({ "content": { "type": "text", "text": text } })
    }

    #[test]
    fn streams_become_messages_and_updates_become_one_call() {
        use ItemKind::{Message, Permission, Prompt, Stderr, Thought, ToolCall, TurnEnd};
        let all = events(&[
            ("prompt", json!({"op_id": "t1", "prompt": [{"type": "text", "text": "go"}]})),
            ("thought", text("hm")),
            ("message", text("one ")),
            ("other", json!({"sessionUpdate": "usage_update", "used": 7})),
            ("message", text("two")),
            (
                "tool_call",
                json!({"sessionUpdate": "tool_call", "toolCallId": "c", "title": "run", "status": "pending"}),
            ),
            ("message", text("three")),
            (
                "tool_call",
                json!({"sessionUpdate": "tool_call_update", "toolCallId": "c", "status": "completed", "title": null}),
            ),
            ("tool_call", json!({"sessionUpdate": "tool_call", "toolCallId": "c", "title": "again"})),
            (
                "permission_open",
                json!({"id": "p", "options": [{"optionId": "y"}], "tool_call": {"title": "rm"}}),
            ),
            ("permission_answer", json!({"id": "p", "option": "y"})),
            ("turn_end", json!({"op_id": "t1", "outcome": "end_turn"})),
            ("stderr", json!({"text": "a"})),
            ("stderr", json!({"text": "b"})),
        ]);
        let folding = folded(&all);
        let kinds: Vec<ItemKind> = folding.items.iter().map(|item| item.kind).collect();
        assert_eq!(
            kinds,
            [Prompt, Thought, Message, ToolCall, Message, ToolCall, Permission, TurnEnd, Stderr]
        );
        let item = |index: usize| &folding.items[index];
        assert_eq!(item(2).text.as_deref(), Some("one two"));
        assert_eq!((item(2).seq, item(2).last_seq), (3, 5));
        assert_eq!(
            item(3).tool_call,
            Some(json!({"toolCallId": "c", "title": "run", "status": "completed"}))
        );
        assert_eq!((item(3).seq, item(3).last_seq, item(3).is_partial), (6, 8, false));
        let permission = item(6).permission.as_ref().unwrap();
        assert_eq!((permission.is_answered, permission.option.as_deref()), (true, Some("y")));
        assert_eq!(item(8).text.as_deref(), Some("a\nb"));
        assert_eq!(folding.usage.unwrap()["used"], 7);
    }

    #[test]
    fn a_page_begins_inside_words_that_are_too_long_for_an_item() {
        let word = "ä".repeat(MOST_TEXT / 8);
        let all = events(&[
            ("prompt", json!({"op_id": "t1", "prompt": []})),
            ("message", text(&word)),
            ("message", text(&word)),
            ("message", text(&word)),
            ("other", json!({"sessionUpdate": "usage_update", "used": 7})),
            ("message", text(&word)),
            ("message", text("the end")),
        ]);
        let folding = folded(&all);
        assert!(folding.items[1].is_cut);
        assert_eq!(inside(&all, &folding), Some(3));
        let rest = folded(&all[2..]);
        assert!(rest.items[0].text.as_deref().unwrap().ends_with("the end") && !rest.items[0].is_cut);
        assert_eq!(inside(&all[2..], &rest), None);
        // One event that is too long alone is where the page begins.
        let one = events(&[("message", text("a")), ("message", text(&word.repeat(9)))]);
        assert_eq!(inside(&one, &folded(&one)), Some(2));
        // Words that others follow stay cut: the page goes on behind them.
        let followed = [all, events(&[("prompt", json!({"op_id": "t2", "prompt": []}))])].concat();
        assert_eq!(inside(&followed, &folded(&followed)), None);
    }

    #[test]
    fn what_began_before_is_a_part_and_what_is_long_is_cut() {
        let long = "ä".repeat(MOST_TEXT);
        let all = events(&[
            ("tool_call", json!({"sessionUpdate": "tool_call_update", "toolCallId": "c", "rawOutput": long})),
            ("permission_answer", json!({"id": "p"})),
            ("message", text(&long)),
            ("message", text("more")),
        ]);
        let folding = folded(&all);
        assert!(folding.items[0].is_partial && folding.items[0].is_cut);
        assert!(folding.items[1].is_partial && folding.items[1].permission.as_ref().unwrap().is_answered);
        let message = &folding.items[2];
        assert!(message.is_cut && message.text.as_ref().unwrap().len() <= MOST_TEXT);
        assert_eq!(message.last_seq, 4);
    }

    #[test]
    fn no_body_upsets_it() {
        let kinds = [
            "prompt",
            "message",
            "thought",
            "tool_call",
            "plan",
            "permission_open",
            "permission_answer",
            "turn_end",
            "interrupted",
            "gap",
            "context_lost",
            "state",
            "stderr",
            "other",
            "new",
        ];
        for body in
            [json!(null), json!([]), json!(7), json!("x"), json!({"content": [1], "prompt": {}, "id": 4})]
        {
            let all: Vec<(&str, Value)> = kinds.iter().map(|kind| (*kind, body.clone())).collect();
            folded(&events(&all));
        }
    }
}

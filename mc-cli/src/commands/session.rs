//! `mc prompt`, `mc logs` and `mc session`.

use mc_api::approval::{Approval, ApprovalState};
use mc_api::page::MAX_LIMIT;
use mc_api::session::{
    AgentSession, ConversationItem, DecideSession, ItemKind, PromptSession, SessionState, SetSessionMode,
    Turn, TurnState,
};
use mc_client::{Client, ListQuery, Scope};
use serde_json::Value;

use super::get::{collect, done};
use super::wait::Patience;
use crate::args::{Logs, Prompt, SessionCommand};
use crate::context::Invocation;
use crate::exit::Failure;
use crate::output::Format;
use crate::transcript::Transcript;

/// The id in `session/ID` or `ID`.
pub(super) fn id(reference: &str) -> &str {
    reference.strip_prefix("session/").unwrap_or(reference)
}

/// The node of a session that goes on, when nothing is heard of it.
fn silent_node(session: &AgentSession) -> Option<&str> {
    session.node.as_deref().filter(|_| !session.is_node_reachable && !session.state.is_terminal())
}

pub(super) async fn run(cx: &Invocation, command: SessionCommand) -> anyhow::Result<()> {
    let client = cx.client()?;
    let (session, what): (AgentSession, _) = match &command {
        SessionCommand::Dequeue { turn } => {
            let turn = client.cancel_turn(turn.strip_prefix("turn/").unwrap_or(turn)).await?;
            return done(cx, &turn, "told to leave the queue");
        }
        SessionCommand::Conversation { session, limit, cursor } => {
            let page = client.conversation(id(session), Some(*limit), cursor.clone()).await?;
            if let (Some(cursor), false) = (&page.next_cursor, cx.out.format == Format::Json) {
                cx.out.talk(&format!("there is more before it; go on with --cursor {cursor}"));
            }
            return cx.out.value(&page, || page.items.iter().map(told).collect::<String>());
        }
        SessionCommand::Mode { session, mode } => {
            let body = SetSessionMode { mode: mode.clone() };
            (client.set_session_mode(id(session), &body).await?, "told the mode")
        }
        SessionCommand::Cancel { session } => (client.cancel_session(id(session)).await?, "told to cancel"),
        SessionCommand::Stop { session } => (client.stop_session(id(session)).await?, "told to stop"),
        SessionCommand::Decide { session, decision } => {
            let body = DecideSession { decision: *decision };
            (client.decide_session(id(session), &body).await?, "told the decision")
        }
    };
    done(cx, &session, what)?;
    if let Some(node) = silent_node(&session) {
        cx.out.talk(&format!(
            "node {node} is silent: it hears of it when it is back, and until then the session stays {}; \
             `mc node revoke {node}` gives the node up with all of its sessions",
            session.state
        ));
    }
    Ok(())
}

/// An item of a conversation in a few lines.
fn told(item: &ConversationItem) -> String {
    let call = |field: &str| {
        item.tool_call.as_ref().and_then(|call| call[field].as_str()).unwrap_or_default().to_owned()
    };
    let words = match item.kind {
        ItemKind::Prompt | ItemKind::Message | ItemKind::Thought | ItemKind::Stderr => {
            item.text.clone().unwrap_or_default()
        }
        ItemKind::ToolCall => format!("{} ({})", call("title"), call("status")),
        ItemKind::Plan => {
            let entries =
                item.entries.as_ref().and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            let line = |entry: &Value| {
                let text = |field: &str| entry[field].as_str().unwrap_or_default().to_owned();
                format!("[{}] {}", text("status"), text("content"))
            };
            entries.iter().map(line).collect::<Vec<_>>().join("\n")
        }
        ItemKind::Permission => item.permission.as_ref().map_or_else(String::new, |permission| {
            let state = match (&permission.option, permission.is_answered) {
                (Some(option), _) => format!("answered {option}"),
                (None, true) => "declined or void".to_owned(),
                (None, false) => "open".to_owned(),
            };
            let approval = permission.approval_id.as_deref().unwrap_or("no approval");
            format!("{} ({state}, {approval})", permission.title.as_deref().unwrap_or("a permission"))
        }),
        ItemKind::TurnEnd => item.outcome.clone().unwrap_or_default(),
        ItemKind::Mark => item.mark.clone().unwrap_or_default(),
    };
    let cut = if item.is_cut { " …" } else { "" };
    let words = crate::table::printable(words.trim_end()).replace('\n', "\n    ");
    format!("{:>6}  {}\n    {words}{cut}\n", item.seq, item.kind)
}

pub(super) async fn prompt(cx: &Invocation, args: Prompt) -> anyhow::Result<()> {
    let client = cx.client()?;
    let turn = client.prompt_session(id(&args.session), &PromptSession { text: args.text }).await?;
    if !args.wait {
        return done(cx, &turn, "queued");
    }
    let turn = ended(cx, &client, turn, Patience::new(args.timeout)).await?;
    match cx.out.format {
        Format::Table | Format::Wide => {
            let text = crate::table::printable(turn.message.trim_end());
            cx.out.data(&if text.is_empty() { text } else { text + "\n" })?;
        }
        Format::Json | Format::Yaml | Format::Name => super::get::show(cx, &turn)?,
    }
    match turn.state {
        TurnState::Done => Ok(()),
        other => Err(Failure::Conflict(format!("turn {} is {other}", turn.id)).into()),
    }
}

/// The open approvals of a session's permissions, each with the permission's id, oldest first.
pub(super) async fn open_permissions(
    client: &Client,
    session: &AgentSession,
) -> anyhow::Result<Vec<(String, Approval)>> {
    let query = ListQuery {
        mission: Some(session.mission_id.to_string()),
        states: vec![ApprovalState::Open.to_string()],
        ..ListQuery::default()
    };
    let id = session.id.to_string();
    let of_session = |approval: Approval| {
        let action: Value = serde_json::from_str(&approval.action).ok()?;
        let permission =
            action["permission"].as_str().filter(|_| action["session"] == id.as_str())?.to_owned();
        Some((permission, approval))
    };
    Ok(collect::<Approval>(client, query, None).await?.items.into_iter().filter_map(of_session).collect())
}

/// Why a turn does not go on, in words with the command that helps.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Waits {
    /// A person has to answer a permission, here or elsewhere.
    Permission(String),
    /// Waiting alone leads nowhere.
    Decision(String),
    /// The session has not started, or its node is silent.
    Start(String),
}

impl Waits {
    fn words(&self) -> &str {
        match self {
            Self::Permission(words) | Self::Decision(words) | Self::Start(words) => words,
        }
    }
}

/// What a session waits for; nothing as well when it cannot be read now.
async fn waits_for(client: &Client, session: &str) -> Option<Waits> {
    let now = client.get::<AgentSession>(session, &Scope::default()).await.ok()?;
    match (now.state, now.reason.as_deref()) {
        (SessionState::RequiresAction, Some("permission")) => {
            let open = open_permissions(client, &now).await.ok()?;
            let (_, approval) = open.first()?;
            let (id, title) = (approval.id, crate::table::one_line(&approval.title));
            Some(Waits::Permission(format!(
                "it waits for approval {id} ({title}): `mc approve {id}` or `mc reject {id} --note WHY`"
            )))
        }
        (SessionState::RequiresAction, reason) => Some(Waits::Decision(format!(
            "the session asks ({}): `mc session decide {session} new_session` or `retry`",
            reason.unwrap_or("decision")
        ))),
        (SessionState::Starting, Some(reason)) => {
            Some(Waits::Start(format!("the session does not start yet: {reason}")))
        }
        _ => silent_node(&now).map(|node| Waits::Start(format!("node {node} is silent"))),
    }
}

/// The turn when it is over. Who answers its permissions may do so from elsewhere meanwhile.
async fn ended(
    cx: &Invocation,
    client: &Client,
    mut turn: Turn,
    mut patience: Patience,
) -> anyhow::Result<Turn> {
    let id = turn.id.to_string();
    let session = turn.session_id.to_string();
    let mut told = None;
    while !turn.state.is_terminal() {
        let waits = waits_for(client, &session).await;
        if let Some(waits @ Waits::Decision(_)) = &waits {
            return Err(Failure::Conflict(format!("turn {id} is {}: {}", turn.state, waits.words())).into());
        }
        if let Some(waits) = waits.as_ref().filter(|waits| told.as_ref() != Some(*waits)) {
            cx.out.talk(waits.words());
        }
        told = waits;
        if !patience.pause().await {
            let still = format!("turn {id} is still {}", turn.state);
            return Err(match told {
                Some(waits @ Waits::Permission(_)) => {
                    Failure::ApprovalNeeded(format!("{still}; {}", waits.words())).into()
                }
                Some(waits) => Failure::Timeout(format!("{still}; {}", waits.words())).into(),
                None => Failure::Timeout(still).into(),
            });
        }
        turn = match client.get::<Turn>(&id, &Scope::default()).await {
            Ok(turn) => turn,
            // A restart of the server is waited for like anything else.
            Err(mc_client::Error::Unreachable { .. }) if !patience.is_over() => turn,
            Err(error) => return Err(error.into()),
        };
    }
    Ok(turn)
}

pub(super) async fn logs(cx: &Invocation, args: Logs) -> anyhow::Result<()> {
    let client = cx.client()?;
    let session = id(&args.session);
    let mut transcript = Transcript::default();
    let mut say = |event: &mc_api::session::SessionEvent| match cx.out.format {
        Format::Json => cx.out.json_line(event),
        Format::Table | Format::Wide | Format::Yaml | Format::Name => cx.out.data(&transcript.text(event)),
    };
    if args.follow {
        let mut follow = client.follow_session(session, args.from);
        while let Some(event) = follow.next().await? {
            say(&event)?;
        }
    } else {
        let mut from = args.from;
        loop {
            let page = client.session_events(session, from, MAX_LIMIT).await?;
            for event in &page.items {
                say(event)?;
            }
            match page.next_cursor.as_deref().map(str::parse) {
                Some(Ok(next)) => from = next,
                Some(Err(_)) | None => break,
            }
        }
    }
    cx.out.data(transcript.close())
}

//! `mc prompt`, `mc logs` and `mc session`.

use mc_api::page::MAX_LIMIT;
use mc_api::session::{AgentSession, DecideSession, PromptSession, SessionState, Turn, TurnState};
use mc_client::{Client, Scope};

use super::get::done;
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

pub(super) async fn run(cx: &Invocation, command: SessionCommand) -> anyhow::Result<()> {
    let client = cx.client()?;
    let (session, what): (AgentSession, _) = match &command {
        SessionCommand::Cancel { session } => (client.cancel_session(id(session)).await?, "told to cancel"),
        SessionCommand::Stop { session } => (client.stop_session(id(session)).await?, "told to stop"),
        SessionCommand::Decide { session, decision } => {
            let body = DecideSession { decision: *decision };
            (client.decide_session(id(session), &body).await?, "told the decision")
        }
    };
    done(cx, &session, what)
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

/// What a session waits for, in words with the command that helps; `true` when waiting alone leads nowhere.
async fn waits_for(client: &Client, session: &str) -> Option<(bool, String)> {
    let now = client.get::<AgentSession>(session, &Scope::default()).await.ok()?;
    match (now.state, now.reason.as_deref()) {
        (SessionState::RequiresAction, Some("permission")) => Some((
            false,
            format!("it waits for a permission: `mc get approvals -m {} --state open`", now.mission),
        )),
        (SessionState::RequiresAction, reason) => Some((
            true,
            format!(
                "the session asks ({}): `mc session decide {session} new_session` or `retry`",
                reason.unwrap_or("decision")
            ),
        )),
        (SessionState::Starting, Some(reason)) => {
            Some((false, format!("the session does not start yet: {reason}")))
        }
        _ => None,
    }
}

/// The turn when it is over.
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
        if let Some((true, what)) = &waits {
            return Err(Failure::Conflict(format!("turn {id} is {}: {what}", turn.state)).into());
        }
        if waits.is_some() && waits != told {
            let (_, what) = waits.clone().expect("it is something");
            cx.out.talk(&what);
        }
        told = waits;
        if !patience.pause().await {
            let what = told.map(|(_, what)| format!("; {what}")).unwrap_or_default();
            return Err(Failure::Timeout(format!("turn {id} is still {}{what}", turn.state)).into());
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

//! `mc attach`: the events of a session as text; what is typed is a prompt, or a digit that answers a permission.

use std::io::BufRead as _;

use mc_api::approval::{Approval, DecideApproval};
use mc_api::session::{AgentSession, PromptSession, SessionEvent};
use mc_client::{Client, Decision, Scope};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use super::session::{id, open_permissions};
use crate::args::Attach;
use crate::context::Invocation;
use crate::exit::Failure;
use crate::transcript::{Choice, Transcript, permission};

/// Lines that were typed and not yet read; a further one waits in the terminal.
const TYPED: usize = 16;

/// A permission that waits.
struct Waiting {
    id: String,
    choices: Vec<Choice>,
}

struct Attached<'a> {
    cx: &'a Invocation,
    client: Client,
    session: AgentSession,
    transcript: Transcript,
    waiting: Vec<Waiting>,
    has_cancelled: bool,
}

pub(super) async fn run(cx: &Invocation, args: Attach) -> anyhow::Result<()> {
    let client = cx.client()?;
    let session: AgentSession = client.get(id(&args.session), &Scope::default()).await?;
    cx.out.talk("type to prompt, a number to answer a permission; Ctrl-C cancels the turn, twice leaves");
    let mut follow = client.follow_session(&session.id.to_string(), args.from);
    let mut typed = typed();
    // One for all of them: a Ctrl-C that comes while a typed line is on its way is heard after it.
    let mut interrupts = signal(SignalKind::interrupt())?;
    let mut attached = Attached {
        cx,
        client,
        session,
        transcript: Transcript::default(),
        waiting: Vec::new(),
        has_cancelled: false,
    };
    let mut is_open = true;
    loop {
        tokio::select! {
            event = follow.next() => match event? {
                Some(event) => attached.show(&event)?,
                None => break,
            },
            line = typed.recv(), if is_open => match line {
                Some(line) => attached.typed(line.trim()).await,
                None => is_open = false,
            },
            _ = interrupts.recv() => attached.interrupted().await?,
        }
    }
    cx.out.data(attached.transcript.close())
}

/// Lines of standard input. The thread lives until the process ends: a read of a terminal cannot be taken back.
fn typed() -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel(TYPED);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            let Ok(line) = line else { return };
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

impl Attached<'_> {
    fn show(&mut self, event: &SessionEvent) -> anyhow::Result<()> {
        if let Some((id, choices)) = permission(event) {
            self.waiting.push(Waiting { id, choices });
        }
        match event.kind.as_str() {
            "permission_answer" => self.waiting.retain(|waiting| event.body["id"] != waiting.id.as_str()),
            "turn_end" | "interrupted" => {
                self.waiting.clear();
                self.has_cancelled = false;
            }
            _ => {}
        }
        self.cx.out.data(&self.transcript.text(event))
    }

    /// What fails is said; the session goes on.
    async fn typed(&mut self, line: &str) {
        if line.is_empty() {
            return;
        }
        let number = line.parse::<usize>().ok();
        let chosen = number.zip(self.waiting.first());
        let done = if number.is_some() && chosen.is_none() {
            // An answer that came too late is no prompt.
            Err(Failure::Conflict("no permission is open".into()).into())
        } else if let Some((number, waiting)) = chosen {
            self.answer(number, waiting).await
        } else {
            let body = PromptSession { text: line.to_owned() };
            let prompted = self.client.prompt_session(&self.session.id.to_string(), &body).await;
            prompted.map(drop).map_err(Into::into)
        };
        if let Err(error) = done {
            self.cx.out.talk(&crate::output::explain(&error));
        }
    }

    async fn answer(&self, number: usize, waiting: &Waiting) -> anyhow::Result<()> {
        let choice = number.checked_sub(1).and_then(|index| waiting.choices.get(index));
        let Some(choice) = choice else {
            return Err(Failure::Usage(format!("1 to {}", waiting.choices.len())).into());
        };
        let Some(approval) = self.approval(&waiting.id).await? else {
            return Err(Failure::Conflict("the permission was answered already".into()).into());
        };
        let decision = if choice.kind.starts_with("reject") { Decision::Reject } else { Decision::Approve };
        let body = DecideApproval { option: Some(choice.id.clone()), ..DecideApproval::default() };
        self.client.decide(&approval.id.to_string(), decision, &body).await?;
        Ok(())
    }

    /// The open approval of a permission of this session.
    async fn approval(&self, permission: &str) -> anyhow::Result<Option<Approval>> {
        let open = open_permissions(&self.client, &self.session).await?;
        Ok(open.into_iter().find(|(id, _)| id == permission).map(|(_, approval)| approval))
    }

    async fn interrupted(&mut self) -> anyhow::Result<()> {
        if std::mem::replace(&mut self.has_cancelled, true) {
            return Err(Failure::Interrupted.into());
        }
        match self.client.cancel_session(&self.session.id.to_string()).await {
            Ok(_) => self.cx.out.talk("told to cancel; Ctrl-C again leaves"),
            Err(error) => {
                self.cx.out.talk(&format!("{}; Ctrl-C again leaves", crate::output::explain(&error.into())));
            }
        }
        Ok(())
    }
}

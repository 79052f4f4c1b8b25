//! `mc wait`.
//!
//! The object is read anew in growing pauses, up to one second: that holds for every kind, over broken connections
//! and restarts of the server, and costs one small read.

use std::str::FromStr;
use std::time::Duration;

use mc_api::ProblemKind;
use mc_api::approval::{Approval, ApprovalState};
use mc_api::doc::{Doc, DocState};
use mc_api::node::{Node, NodeState};
use mc_api::overlap::{OverlapState, OverlapSuggestion};
use mc_api::publication::{Publication, PublicationState};
use mc_api::reservation::{Reservation, ReservationState};
use mc_api::session::{AgentSession, SessionState, Turn, TurnState};
use mc_api::task::{Task, TaskState};
use mc_client::{Client, Scope};
use tokio::time::Instant;

use super::get::{done, find, selected};
use super::reference;
use crate::args::{Condition, Wait};
use crate::context::Invocation;
use crate::exit::Failure;
use crate::view::View;
use crate::{for_kind, reach};

/// A kind with states that can be waited for.
trait Stateful: View {
    type State: Copy + PartialEq + std::fmt::Display + FromStr<Err = mc_api::problem::UnknownWord>;
    fn state(&self) -> Self::State;
    fn can_reach(from: Self::State, target: Self::State) -> bool;
}

macro_rules! stateful {
    ($($kind:ty, $state:ty, $reach:path;)+) => {
        $(impl Stateful for $kind {
            type State = $state;
            fn state(&self) -> $state {
                self.state
            }
            fn can_reach(from: $state, target: $state) -> bool {
                $reach(from, target)
            }
        })+
    };
}

stateful! {
    Task, TaskState, reach::task;
    Doc, DocState, reach::doc;
    Approval, ApprovalState, reach::approval;
    Publication, PublicationState, reach::publication;
    OverlapSuggestion, OverlapState, reach::overlap;
    Reservation, ReservationState, reach::reservation;
    AgentSession, SessionState, reach::session;
    Turn, TurnState, reach::turn;
    Node, NodeState, reach::node;
}

pub(super) async fn run(cx: &Invocation, args: Wait) -> anyhow::Result<()> {
    let client = cx.client()?;
    let kind = args.kind.kind;
    let references = match &args.selector {
        None => vec![reference(&args.kind, args.reference)?],
        Some(selector) => {
            let found: Vec<String> = for_kind!(kind, R => {
                let found = selected::<R>(cx, &client, &args.kind, selector).await?;
                found.iter().map(mc_client::Resource::id).collect()
            });
            if found.is_empty() && args.condition != Condition::Delete {
                return Err(Failure::NotFound(format!("no {kind} with {selector} found")).into());
            }
            found
        }
    };
    // All at once: what has become impossible for one ends it, whatever the others do.
    let waits =
        references.iter().map(|reference| one(cx, &client, (kind, reference), &args.condition, args.timeout));
    futures_util::future::try_join_all(waits).await.map(drop)
}

/// Waits for one object.
async fn one(
    cx: &Invocation,
    client: &Client,
    (kind, reference): (crate::kind::Kind, &str),
    condition: &Condition,
    timeout: Duration,
) -> anyhow::Result<()> {
    use crate::kind::Kind;
    match (condition, kind) {
        (_, Kind::Skill) => {
            Err(Failure::Usage("skills are not waited for; `mc get skills` shows their states".into()).into())
        }
        (Condition::Delete, _) => {
            for_kind!(kind, R => gone::<R>(cx, client, reference, timeout).await)
        }
        (Condition::State(state), Kind::Task) => reached::<Task>(cx, client, reference, state, timeout).await,
        (Condition::State(state), Kind::Approval) => {
            reached::<Approval>(cx, client, reference, state, timeout).await
        }
        (Condition::State(state), Kind::Doc) => reached::<Doc>(cx, client, reference, state, timeout).await,
        (Condition::State(state), Kind::Publication) => {
            reached::<Publication>(cx, client, reference, state, timeout).await
        }
        (Condition::State(state), Kind::Overlap) => {
            reached::<OverlapSuggestion>(cx, client, reference, state, timeout).await
        }
        (Condition::State(state), Kind::Reservation) => {
            reached::<Reservation>(cx, client, reference, state, timeout).await
        }
        (Condition::State(state), Kind::Session) => {
            reached::<AgentSession>(cx, client, reference, state, timeout).await
        }
        (Condition::State(state), Kind::Turn) => reached::<Turn>(cx, client, reference, state, timeout).await,
        (Condition::State(state), Kind::Node) => reached::<Node>(cx, client, reference, state, timeout).await,
        (
            Condition::State(_),
            Kind::Mission
            | Kind::Kluster
            | Kind::Artifact
            | Kind::Principal
            | Kind::Template
            | Kind::JoinToken
            | Kind::Connection
            | Kind::Binding,
        ) => {
            Err(Failure::Usage(format!("a {kind} has no state; only `--for delete` can be waited for"))
                .into())
        }
    }
}

async fn reached<S: Stateful>(
    cx: &Invocation,
    client: &Client,
    reference: &str,
    state: &str,
    timeout: Duration,
) -> anyhow::Result<()> {
    let target: S::State =
        state.parse().map_err(|error| Failure::Usage(format!("--for state={state}: {error}")))?;
    let mut patience = Patience::new(timeout);
    let first: S = find(client, reference, &cx.scope()?).await?;
    let id = first.id();
    let mut item = first;
    loop {
        let is = item.state();
        if is == target {
            return done(cx, &item, &format!("is {target}"));
        }
        if !S::can_reach(is, target) {
            let message = format!("{} is {is} and cannot become {target} any more", crate::view::name(&item));
            return Err(Failure::Conflict(message).into());
        }
        if !patience.pause().await {
            let message = format!("{} is still {is}, not {target}", crate::view::name(&item));
            return Err(Failure::Timeout(message).into());
        }
        item = match client.get::<S>(&id, &Scope::default()).await {
            Ok(item) => item,
            Err(error) if error.problem_kind() == Some(ProblemKind::NotFound) => {
                let message =
                    format!("{} was deleted and cannot become {target} any more", crate::view::name(&item));
                return Err(Failure::Conflict(message).into());
            }
            // A restart of the server is waited for like anything else.
            Err(mc_client::Error::Unreachable { .. }) if !patience.is_over() => item,
            Err(error) => return Err(error.into()),
        };
    }
}

async fn gone<V: View>(
    cx: &Invocation,
    client: &Client,
    reference: &str,
    timeout: Duration,
) -> anyhow::Result<()> {
    let is_gone = |error: &anyhow::Error| crate::exit::Exit::of(error) == crate::exit::Exit::NotFound;
    let mut patience = Patience::new(timeout);
    let item: V = match find(client, reference, &cx.scope()?).await {
        Ok(item) => item,
        Err(error) if is_gone(&error) => return cx.out.did(V::KIND, reference, "is gone"),
        Err(error) => return Err(error),
    };
    let name = crate::view::name(&item);
    while patience.pause().await {
        match client.get::<V>(&item.id(), &Scope::default()).await {
            Ok(_) => {}
            Err(error) if error.problem_kind() == Some(ProblemKind::NotFound) => {
                return cx.out.did(V::KIND, &item.reference(), "is gone");
            }
            Err(mc_client::Error::Unreachable { .. }) if !patience.is_over() => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Failure::Timeout(format!("{name} is still there")).into())
}

/// Growing pauses up to an end.
pub(super) struct Patience {
    end: Instant,
    pause: Duration,
}

impl Patience {
    pub(super) fn new(timeout: Duration) -> Self {
        Self { end: Instant::now() + timeout, pause: Duration::from_millis(50) }
    }

    pub(super) fn is_over(&self) -> bool {
        Instant::now() >= self.end
    }

    /// Sleeps; `false` when the time had run out before.
    pub(super) async fn pause(&mut self) -> bool {
        if self.is_over() {
            return false;
        }
        tokio::time::sleep(self.pause.min(self.end.saturating_duration_since(Instant::now()))).await;
        self.pause = (self.pause * 3 / 2).min(Duration::from_secs(1));
        true
    }
}

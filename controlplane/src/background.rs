//! Reconcilers: no input, idempotent, on a period and on a nudge. Two replicas may run them at once.

use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::app::{App, SharedApp};
use crate::error::Error;
use crate::lifetime::{Lifetime, OnExit, late};

/// The reconcilers.
#[derive(Clone, Copy, Debug)]
enum Reconciler {
    /// Leases that ran out, dependency counts.
    Tasks,
    /// Approvals that nobody decided in time.
    Approvals,
    /// Publications that wait for their commit.
    Publisher,
    /// Reservations that ran out or lost their holder, and who is next in line.
    Reservations,
    /// Agent sessions that wait for a node, turns that wait for their meaning.
    Sessions,
    /// Bytes that no artifact and no doc names.
    Objects,
    /// Answers kept for repeated requests, workspaces long ended.
    Answers,
    /// Overlaps of what was committed at once.
    Overlaps,
    /// Suggestions that do not fit their sides any more.
    Suggestions,
    /// What the index lacks: written before there was one, by another version, or while it was switched off.
    Index,
    /// Texts that wait for their vectors.
    Embeddings,
    /// Nodes that became ready or not ready.
    Nodes,
    /// What the database knows of its tables.
    Statistics,
}

impl Reconciler {
    const ALL: [Self; 13] = [
        Self::Tasks,
        Self::Approvals,
        Self::Publisher,
        Self::Reservations,
        Self::Sessions,
        Self::Objects,
        Self::Answers,
        Self::Overlaps,
        Self::Suggestions,
        Self::Index,
        Self::Embeddings,
        Self::Nodes,
        Self::Statistics,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Tasks => "tasks",
            Self::Approvals => "approvals",
            Self::Publisher => "publisher",
            Self::Reservations => "reservations",
            Self::Sessions => "sessions",
            Self::Objects => "objects",
            Self::Answers => "answers",
            Self::Overlaps => "overlaps",
            Self::Suggestions => "suggestions",
            Self::Index => "index",
            Self::Embeddings => "embeddings",
            Self::Nodes => "nodes",
            Self::Statistics => "statistics",
        }
    }

    const fn period(self) -> Duration {
        match self {
            Self::Tasks
            | Self::Approvals
            | Self::Publisher
            | Self::Reservations
            | Self::Sessions
            | Self::Nodes
            | Self::Embeddings
            | Self::Overlaps => Duration::from_secs(1),
            Self::Statistics => Duration::from_secs(2),
            Self::Suggestions => Duration::from_secs(15),
            Self::Answers | Self::Index => Duration::from_mins(10),
            // A listing of a whole bucket costs money.
            Self::Objects => Duration::from_hours(1),
        }
    }

    async fn once(self, app: &SharedApp) -> Result<(), Error> {
        match self {
            Self::Tasks => crate::tasks::reconcile::run(app).await,
            Self::Approvals => crate::approvals::reconcile::expire(app).await.map(|_| ()),
            Self::Publisher => crate::publications::reconcile::publish(app).await.map(|_| ()),
            Self::Reservations => crate::reservations::reconcile::run(app).await,
            Self::Sessions => crate::sessions::reconcile::run(app).await,
            Self::Objects => crate::artifacts::reconcile::sweep(app).await.map(|_| ()),
            Self::Nodes => crate::nodes::reconcile::run(app).await,
            Self::Suggestions => crate::overlap::reconcile::sweep(app).await.map(|_| ()),
            Self::Overlaps => crate::overlap::reconcile::look(app).await.map(|_| ()),
            Self::Index => crate::search::fill(app).await,
            Self::Embeddings => crate::embeddings::reconcile::run(app).await,
            Self::Statistics => crate::db::statistics::refresh(&app.db).await.map_err(Error::from),
            Self::Answers => {
                crate::workspaces::reconcile::forget(app).await?;
                crate::write::forget_answers(app, app.clock.now()).await?;
                crate::authn::grants::forget(app, app.clock.now()).await.map(|_| ()).map_err(Error::from)
            }
        }
    }
}

/// While people and agents write, work that can wait gets one part in this many of the time.
const SHARE: u32 = 10;
/// The longest rest between two steps of work that can wait.
const LONGEST_REST: Duration = Duration::from_secs(5);
/// After this long without a change nobody is kept waiting by work that can wait.
const QUIET: Duration = Duration::from_millis(100);

/// Work that can wait, and gives way to changes that somebody waits for.
pub(crate) struct Patient<'a> {
    app: &'a App,
    began: Instant,
    seen: u64,
}

impl<'a> Patient<'a> {
    /// A step begins.
    pub(crate) fn begin(app: &'a App) -> Self {
        Self { app, began: Instant::now(), seen: app.changes() }
    }

    /// A step of work ended that is never urgent: rests so long that it takes one twentieth of the time.
    pub(crate) async fn rest_long(self) {
        tokio::select! {
            () = tokio::time::sleep((self.began.elapsed() * 19).min(LONGEST_REST)) => {}
            () = self.app.stop.cancelled() => {}
        }
    }

    /// A step ended: rests as long as changes go on, at most so long that the work keeps its share of the time.
    pub(crate) async fn rest(self) {
        let longest = (self.began.elapsed() * (SHARE - 1)).min(LONGEST_REST);
        let rested = Instant::now();
        let mut seen = self.seen;
        while self.app.changes() != seen && rested.elapsed() < longest && !self.app.stop.is_cancelled() {
            seen = self.app.changes();
            tokio::select! {
                () = tokio::time::sleep(QUIET.min(longest)) => {}
                () = self.app.stop.cancelled() => {}
            }
        }
    }
}

/// Starts all background work.
pub fn start(app: &SharedApp, lifetime: &Lifetime) {
    lifetime.spawn("sequencer", OnExit::Shutdown, app.sequencer.clone().run(app.db.clone(), lifetime.stop()));
    lifetime.spawn("followers", OnExit::Shutdown, crate::sessions::feed::run(app.clone()));
    for reconciler in Reconciler::ALL {
        lifetime.spawn(reconciler.name(), OnExit::Shutdown, run(reconciler, app.clone(), lifetime.stop()));
    }
}

async fn run(reconciler: Reconciler, app: SharedApp, stop: CancellationToken) {
    let name = reconciler.name();
    let mut failures = 0_u32;
    // A round can be repeated from wherever it ended: one that goes on after a stop is given up as by a crash.
    let late = late(stop.clone());
    tokio::pin!(late);
    loop {
        let round = tokio::select! {
            round = reconciler.once(&app) => round,
            () = &mut late => {
                tracing::warn!(reconciler = name, "reconciler {name} was left in the middle of a round");
                return;
            }
        };
        match round {
            Ok(()) => failures = 0,
            Err(error) => {
                failures += 1;
                if failures.is_power_of_two() {
                    tracing::warn!(reconciler = name, failures, error = ?error, "reconciler {name} failed, it tries again");
                }
            }
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = app.publisher.notified(), if matches!(reconciler, Reconciler::Publisher) => {}
            () = app.sessions.nudged(), if matches!(reconciler, Reconciler::Sessions) => {}
            () = tokio::time::sleep(reconciler.period()) => {}
        }
    }
}

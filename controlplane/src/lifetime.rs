//! One tree of cancellation: `stop` drains, `abort` drops. Nothing is detached.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// What the end of a task means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnExit {
    /// The process cannot go on without it.
    Shutdown,
    /// It is only logged.
    Log,
}

/// Tracks long work and ends it in order.
#[derive(Clone, Debug, Default)]
pub struct Lifetime {
    stop: CancellationToken,
    failed: CancellationToken,
    tracker: TaskTracker,
    running: Running,
}

/// How often each name runs, so that a stop that takes too long says what is left.
type Running = Arc<Mutex<BTreeMap<&'static str, usize>>>;

/// How long draining may take.
pub const GRACE: Duration = Duration::from_secs(10);
/// How long requests and rounds of background work may go on after the stop; less than [`GRACE`], which bounds all work.
pub(crate) const DRAIN_LIMIT: Duration = Duration::from_secs(8);
/// How long closing connections may take after that, and then what cannot be interrupted.
pub(crate) const CLOSE_LIMIT: Duration = Duration::from_secs(1);

/// Returns [`DRAIN_LIMIT`] after the stop: background work that goes on then is given up as by a crash.
pub(crate) async fn late(stop: CancellationToken) {
    stop.cancelled().await;
    tokio::time::sleep(DRAIN_LIMIT).await;
}

impl Lifetime {
    /// Cancelled when no new work is to be taken.
    pub fn stop(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Starts long work.
    pub fn spawn(
        &self,
        name: &'static str,
        on_exit: OnExit,
        work: impl Future<Output = ()> + Send + 'static,
    ) {
        *self.running.lock().unwrap_or_else(PoisonError::into_inner).entry(name).or_default() += 1;
        let (stop, failed, running) = (self.stop.clone(), self.failed.clone(), self.running.clone());
        // A panic inside unwinds through this guard, so that an essential task never dies unseen.
        let guard = ExitGuard { name, on_exit, stop, failed, running };
        let guarded = async move {
            work.await;
            drop(guard);
        };
        self.tracker.spawn(guarded);
    }

    /// Drains: cancels `stop` and waits for all work, at most [`GRACE`]. `false` when work was left or an
    /// essential task had ended unasked.
    pub async fn drain(&self) -> bool {
        self.stop.cancel();
        self.tracker.close();
        let drained = tokio::time::timeout(GRACE, self.tracker.wait()).await.is_ok();
        if !drained {
            let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
            let left = running.keys().copied().collect::<Vec<_>>().join(", ");
            tracing::warn!(left, "work was left after {GRACE:?}: {left}");
        }
        drained && !self.failed.is_cancelled()
    }
}

struct ExitGuard {
    name: &'static str,
    on_exit: OnExit,
    stop: CancellationToken,
    failed: CancellationToken,
    running: Running,
}

impl Drop for ExitGuard {
    fn drop(&mut self) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = running.get_mut(self.name) {
            *count -= 1;
            if *count == 0 {
                running.remove(self.name);
            }
        }
        drop(running);
        if self.stop.is_cancelled() {
            return;
        }
        match self.on_exit {
            OnExit::Shutdown => {
                tracing::error!(task = self.name, "essential task {} ended, stopping", self.name);
                self.failed.cancel();
                self.stop.cancel();
            }
            OnExit::Log => tracing::warn!(task = self.name, "task {} ended", self.name),
        }
    }
}

/// Returns at the first SIGINT or SIGTERM.
pub async fn asked_to_stop() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}

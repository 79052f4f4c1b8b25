//! One tree of cancellation: `stop` drains, `abort` drops. Nothing is detached.

use std::future::Future;
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
}

/// How long draining may take.
pub const GRACE: Duration = Duration::from_secs(10);

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
        let (stop, failed) = (self.stop.clone(), self.failed.clone());
        let guarded = async move {
            // A panic inside unwinds through this guard, so that an essential task never dies unseen.
            let guard = ExitGuard { name, on_exit, stop, failed };
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
            tracing::warn!(left = self.tracker.len(), "work was left after {GRACE:?}");
        }
        drained && !self.failed.is_cancelled()
    }
}

struct ExitGuard {
    name: &'static str,
    on_exit: OnExit,
    stop: CancellationToken,
    failed: CancellationToken,
}

impl Drop for ExitGuard {
    fn drop(&mut self) {
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

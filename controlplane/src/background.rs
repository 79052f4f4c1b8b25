//! Reconcilers: no input, idempotent, on a period and on a nudge. Two replicas may run them at once.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::app::SharedApp;
use crate::error::Error;
use crate::lifetime::{Lifetime, OnExit};

/// How often leases and approvals are looked at.
const PERIOD: Duration = Duration::from_secs(1);
/// How often old answers are forgotten.
const RARELY: Duration = Duration::from_secs(600);

/// Starts all background work.
pub fn start(app: &SharedApp, lifetime: &Lifetime) {
    lifetime.spawn("sequencer", OnExit::Shutdown, app.sequencer.clone().run(app.db.clone(), lifetime.stop()));
    lifetime.spawn("expiry", OnExit::Shutdown, periodically(app.clone(), lifetime.stop(), PERIOD, "expiry"));
    lifetime.spawn(
        "forget-answers",
        OnExit::Shutdown,
        periodically(app.clone(), lifetime.stop(), RARELY, "forget-answers"),
    );
    lifetime.spawn(
        "publisher",
        OnExit::Shutdown,
        periodically(app.clone(), lifetime.stop(), PERIOD, "publisher"),
    );
    lifetime.spawn(
        "sweep-objects",
        OnExit::Shutdown,
        periodically(app.clone(), lifetime.stop(), RARELY, "sweep-objects"),
    );
}

async fn once(app: &SharedApp, name: &'static str) -> Result<(), Error> {
    match name {
        "expiry" => {
            crate::approvals::reconcile::expire(app).await?;
            Ok(())
        }
        "publisher" => {
            crate::publications::reconcile::publish(app).await?;
            Ok(())
        }
        "sweep-objects" => {
            crate::artifacts::reconcile::sweep(app).await?;
            Ok(())
        }
        _ => {
            crate::write::forget_answers(app, app.clock.now()).await?;
            Ok(())
        }
    }
}

async fn periodically(app: SharedApp, stop: CancellationToken, period: Duration, name: &'static str) {
    let mut failures = 0_u32;
    loop {
        match once(&app, name).await {
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
            () = app.publisher.notified(), if name == "publisher" => {}
            () = tokio::time::sleep(period) => {}
        }
    }
}

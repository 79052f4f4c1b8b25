//! What systemd is told of a control plane that it started (`Type=notify`). Without systemd nothing is said.

use std::time::Duration;

use sd_notify::NotifyState;
use tokio_util::sync::CancellationToken;

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(error = %error, "the service manager was not told: {error}");
    }
}

/// What it does, in one line.
pub(crate) fn status(text: &str) {
    tell(&[NotifyState::Status(&text.replace('\n', " "))]);
}

/// Requests are served from now on.
pub(crate) fn ready(text: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(text)]);
}

/// It drains and ends.
pub(crate) fn stopping() {
    tell(&[NotifyState::Stopping, NotifyState::Status("stopping")]);
}

/// How often the service manager hears that the process lives, when it asked for that: thrice in its limit.
pub(crate) fn watchdog() -> Option<Duration> {
    sd_notify::watchdog_enabled().map(|limit| limit / 3)
}

/// Says that the process lives, as long as its runtime does work.
pub(crate) async fn live(every: Duration, stop: CancellationToken) {
    while !stop.is_cancelled() {
        tell(&[NotifyState::Watchdog]);
        tokio::select! {
            () = tokio::time::sleep(every) => {}
            () = stop.cancelled() => {}
        }
    }
}

//! Named points at which a test stops the process, to kill it there. Only builds with debug assertions have them.

/// Stops here for good when `MC_CRASH_POINT` names the point; the log says so.
#[cfg(debug_assertions)]
pub(crate) async fn point(name: &str) {
    #[expect(clippy::disallowed_methods, reason = "no configuration: it exists in test builds only")]
    let wanted = std::env::var("MC_CRASH_POINT").is_ok_and(|wanted| wanted == name);
    if wanted {
        tracing::warn!("stopped at the crash point {name}");
        std::future::pending::<()>().await;
    }
}

/// Nothing, in builds for use.
#[cfg(not(debug_assertions))]
pub(crate) async fn point(_name: &str) {}

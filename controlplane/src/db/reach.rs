//! Whether the Postgres server can be reached at all.
//!
//! A pool that gets no new connection goes on trying until the time for one is over, because it cannot tell a busy
//! database from one that is gone. Who waits long therefore asks the server itself, so that an outage is told at once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};

use super::DbError;

/// How long one waits for a connection before the server is asked.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long the server may take to answer.
const LIMIT: Duration = Duration::from_secs(5);
/// How long an answer counts for others.
const LIFE: Duration = Duration::from_millis(500);

/// Connects once.
///
/// # Errors
/// Why the server cannot be used.
pub(super) async fn ask(options: &PgConnectOptions) -> Result<(), DbError> {
    let asked = tokio::time::timeout(LIMIT, async { options.connect().await?.close().await }).await;
    asked.unwrap_or_else(|_| {
        Err(sqlx::Error::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, "no answer to a connection")))
    })?;
    Ok(())
}

/// Asks the server for those that wait.
#[derive(Debug)]
pub(super) struct Reach {
    options: PgConnectOptions,
    /// When it was last asked, and what kept it from answering.
    last: tokio::sync::Mutex<Option<(Instant, Option<String>)>>,
    /// The last answer was none: nobody waits before asking again.
    is_away: AtomicBool,
}

impl Reach {
    pub(super) fn new(options: PgConnectOptions) -> Self {
        Self { options, last: tokio::sync::Mutex::default(), is_away: AtomicBool::new(false) }
    }

    /// Waits for a connection, and gives up as soon as the server is known to be away.
    ///
    /// # Errors
    /// [`DbError::Unavailable`].
    pub(super) async fn patiently<T>(
        &self,
        mut wanted: impl Future<Output = Result<T, sqlx::Error>> + Unpin,
    ) -> Result<T, DbError> {
        if !self.is_away.load(Ordering::Relaxed)
            && let Ok(got) = tokio::time::timeout(PATIENCE, &mut wanted).await
        {
            return Ok(got?);
        }
        // Apart, because it is rare and would make every future that reads or writes larger.
        let got = Box::pin(self.asking(wanted)).await;
        if got.is_ok() {
            self.is_away.store(false, Ordering::Relaxed);
        }
        Ok(got?)
    }

    /// Waits for a connection while the server is asked.
    async fn asking<T>(
        &self,
        mut wanted: impl Future<Output = Result<T, sqlx::Error>> + Unpin,
    ) -> Result<T, sqlx::Error> {
        tokio::select! {
            biased;
            got = &mut wanted => got,
            answer = self.look() => match answer {
                // It is busy, not away.
                None => wanted.await,
                Some(why) => Err(sqlx::Error::Io(std::io::Error::other(why))),
            },
        }
    }

    /// What keeps the server from answering; one asks for all.
    async fn look(&self) -> Option<String> {
        let mut last = self.last.lock().await;
        if let Some((at, answer)) = &*last
            && at.elapsed() < LIFE
        {
            return answer.clone();
        }
        let answer = match ask(&self.options).await {
            Err(error @ DbError::Unavailable(_)) => Some(crate::opening::causes(&error)),
            // Whatever else it says, it is there.
            Ok(()) | Err(_) => None,
        };
        self.is_away.store(answer.is_some(), Ordering::Relaxed);
        *last = Some((Instant::now(), answer.clone()));
        answer
    }
}

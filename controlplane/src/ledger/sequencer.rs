//! The sequencer: one at a time seals committed events; every replica learns of the new head.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use super::seal_batch;
use crate::db::{Backend, Db, DbError};

/// The longest time a committed event waits unsealed while the sequencer runs.
const PERIOD: Duration = Duration::from_millis(50);
/// The shortest time between two batches: under load they grow instead of following each other commit by commit.
const GATHER: Duration = Duration::from_millis(10);
/// How often a head sealed by another replica is looked for when no notification came.
const POLL: Duration = Duration::from_secs(1);
/// How long a sequencer may stand still inside a batch before Postgres ends its transaction and another one goes on: its
/// process may be frozen, or its machine gone.
const STANDSTILL: &str = "5s";
/// How long it may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(1);
/// Key of the advisory lock that makes the sequencer single.
const LOCK: i64 = 0x6d63_5f73_6571;

/// Wakes the sealing task and tells followers of the head.
#[derive(Clone, Debug)]
pub struct Sequencer {
    nudge: Arc<Notify>,
    head: Arc<watch::Sender<i64>>,
}

impl Default for Sequencer {
    fn default() -> Self {
        Self { nudge: Arc::new(Notify::new()), head: Arc::new(watch::Sender::new(0)) }
    }
}

impl Sequencer {
    /// Says that events were committed.
    pub fn nudge(&self) {
        self.nudge.notify_one();
    }

    /// Follows the last sealed position.
    pub fn follow(&self) -> watch::Receiver<i64> {
        self.head.subscribe()
    }

    /// Runs until `stop`. Database failures are logged and tried again.
    pub async fn run(self, db: Db, stop: CancellationToken) {
        let mut listener = None;
        let mut failures = 0_u32;
        // On a network that swallows packets a round may take longer than a stop.
        let late = crate::lifetime::late(stop.clone());
        tokio::pin!(late);
        while !stop.is_cancelled() {
            let round = tokio::select! {
                round = self.round(&db, &mut listener) => round,
                () = &mut late => {
                    tracing::warn!("the sequencer was left in the middle of a round");
                    return;
                }
            };
            match round {
                Ok(()) => failures = 0,
                Err(error) => {
                    failures = failures.saturating_add(1);
                    listener = None;
                    if failures.is_power_of_two() {
                        tracing::warn!(error = ?error, failures, "the sequencer cannot reach the database");
                    }
                }
            }
            let pause = if failures > 0 {
                Duration::from_millis(200 * u64::from(failures.min(10)))
            } else if db.backend() == Backend::Sqlite {
                POLL
            } else {
                PERIOD
            };
            if db.backend() == Backend::Postgres && failures == 0 {
                tokio::time::sleep(GATHER).await;
            }
            tokio::select! {
                () = stop.cancelled() => break,
                () = self.nudge.notified() => {}
                () = tokio::time::sleep(pause) => {}
                () = heard(&mut listener), if failures == 0 => {}
            }
        }
        if let Some(listener) = listener
            && !matches!(tokio::time::timeout(GOODBYE, listener.leave()).await, Ok(Ok(())))
        {
            tracing::debug!("the listening connection ends without a goodbye");
        }
    }

    async fn round(&self, db: &Db, listener: &mut Option<crate::db::Listener>) -> Result<(), DbError> {
        if db.backend() == Backend::Postgres {
            if listener.is_none() {
                *listener = db.listen().await?;
            }
            while Self::seal_once(db).await? {}
        }
        let mut tx = db.begin_read().await?;
        let (seq,): (i64,) =
            tx.query("SELECT seq FROM ledger_head WHERE ledger_head_id = 1").fetch_one().await?;
        self.head.send_if_modified(|head| std::mem::replace(head, seq) != seq);
        Ok(())
    }

    /// Seals one batch on Postgres; `false` when there was nothing to do or another replica is at it.
    async fn seal_once(db: &Db) -> Result<bool, DbError> {
        let mut look = db.begin_read().await?;
        let (waiting,): (bool,) =
            look.query("SELECT EXISTS (SELECT 1 FROM ledger_event WHERE seq IS NULL)").fetch_one().await?;
        drop(look);
        if !waiting {
            return Ok(false);
        }
        let mut tx = db.begin_write().await?;
        let (mine, _): (bool, String) = tx
            .query(
                "SELECT pg_try_advisory_xact_lock($1), set_config('idle_in_transaction_session_timeout', $2, true)",
            )
            .bind(LOCK)
            .bind(STANDSTILL)
            .fetch_one()
            .await?;
        if !mine {
            return Ok(false);
        }
        let (sealed, seq) = seal_batch(&mut tx).await?;
        if sealed > 0 {
            tx.query("SELECT pg_notify('mc_ledger', $1)").bind(seq.to_string()).execute().await?;
            metrics::counter!("mc_ledger_sealed_events_total").increment(sealed as u64);
        }
        crate::crash::point("seal-before-commit").await;
        db.commit(tx).await?;
        Ok(sealed > 0)
    }
}

async fn heard(listener: &mut Option<crate::db::Listener>) {
    match listener {
        Some(listening) => {
            let is_well = listening.wait().await.unwrap_or_else(|error| {
                tracing::debug!(error = ?error, "notifications cannot be read");
                false
            });
            if !is_well {
                tracing::debug!("the notification connection was lost");
                *listener = None;
            }
        }
        None => std::future::pending().await,
    }
}

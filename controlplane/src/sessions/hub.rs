//! Who waits for what inside this process: followers for new events, the reconciler for work.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use mc_api::id::SessionId;
use tokio::sync::{Notify, watch};

/// Wakes followers and the reconciler. A wake-up that is lost costs one period of looking, never an event.
#[derive(Debug, Default)]
pub struct Hub {
    work: Notify,
    followers: Mutex<HashMap<SessionId, watch::Sender<i64>>>,
}

impl Hub {
    fn followers(&self) -> MutexGuard<'_, HashMap<SessionId, watch::Sender<i64>>> {
        // The map is whole between statements, so a panic elsewhere leaves it usable.
        self.followers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something may be scheduled or settled.
    pub(crate) fn nudge(&self) {
        self.work.notify_one();
    }

    /// Returns at the next [`Hub::nudge`].
    pub(crate) async fn nudged(&self) {
        self.work.notified().await;
    }

    /// Told whenever records of the session were stored.
    pub(crate) fn follow(&self, session: SessionId) -> watch::Receiver<i64> {
        let mut followers = self.followers();
        // Who left is forgotten here, so that the map is no longer than the followers there are.
        followers.retain(|_, sender| sender.receiver_count() > 0);
        followers.entry(session).or_insert_with(|| watch::channel(0).0).subscribe()
    }

    /// Records up to `seq` were committed.
    pub(crate) fn stored(&self, session: SessionId, seq: i64) {
        let mut followers = self.followers();
        if followers.get(&session).is_some_and(|sender| sender.send(seq).is_err()) {
            followers.remove(&session);
        }
    }
}

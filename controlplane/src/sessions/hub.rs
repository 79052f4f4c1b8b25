//! Who waits for what inside this process: followers for new events, the reconciler for work.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mc_api::id::SessionId;
use tokio::sync::{Notify, watch};

use super::feed::Feed;

/// Wakes followers and the reconciler. A wake-up that is lost costs one period of looking, never an event.
#[derive(Debug, Default)]
pub struct Hub {
    work: Notify,
    opened: Notify,
    feeds: Mutex<HashMap<SessionId, Arc<Feed>>>,
}

impl Hub {
    fn locked(&self) -> MutexGuard<'_, HashMap<SessionId, Arc<Feed>>> {
        // The map is whole between statements, so a panic elsewhere leaves it usable.
        self.feeds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something may be scheduled or settled.
    pub(crate) fn nudge(&self) {
        self.work.notify_one();
    }

    /// Returns at the next [`Hub::nudge`].
    pub(crate) async fn nudged(&self) {
        self.work.notified().await;
    }

    /// The feed of a session, and what tells of its news. A new one begins at `head`, the position after what
    /// is stored: everything from there on is read for it, and nobody finds there what came before.
    pub(super) fn follow(&self, session: SessionId, head: i64) -> (Arc<Feed>, watch::Receiver<()>) {
        let mut feeds = self.locked();
        let feed = match feeds.entry(session) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(free) => {
                self.opened.notify_one();
                free.insert(Arc::new(Feed::new(session, head)))
            }
        };
        // Inside the lock: a feed is forgotten only while nobody follows.
        let told = feed.subscribe();
        (feed.clone(), told)
    }

    /// Forgets a feed that nobody follows; says whether it did.
    pub(super) fn forget(&self, feed: &Arc<Feed>) -> bool {
        let mut feeds = self.locked();
        if feed.is_followed() {
            return false;
        }
        feeds.retain(|_, known| !Arc::ptr_eq(known, feed));
        true
    }

    /// Forgets a feed that nobody reads for any more.
    pub(super) fn drop_feed(&self, feed: &Arc<Feed>) {
        self.locked().retain(|_, known| !Arc::ptr_eq(known, feed));
    }

    /// All feeds.
    pub(super) fn feeds(&self) -> Vec<Arc<Feed>> {
        self.locked().values().cloned().collect()
    }

    /// Returns when a feed was opened.
    pub(super) async fn opened(&self) {
        self.opened.notified().await;
    }

    /// Records of the session were committed, or its state was.
    pub(crate) fn stored(&self, session: SessionId) {
        if let Some(feed) = self.locked().get(&session) {
            feed.nudge();
        }
    }
}

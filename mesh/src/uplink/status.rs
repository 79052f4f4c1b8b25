//! What is seen of a session, told when it changes; and the end of sessions that are over and stored.

use std::sync::Arc;
use std::time::Duration;

use mc_proto::mesh_v1 as wire;

use super::shared::{Shared, blocking};
use crate::daemon::NodeError;
use crate::files::{self, Lock, SessionDir};
use crate::ids::SessionId;
use crate::protocol::SessionState;
use crate::spec::{SessionMeta, SessionSpec};

/// Sessions that are over are looked for this often.
const SWEEP_EVERY: Duration = Duration::from_mins(1);

/// What the files of a session say.
struct Seen {
    spec: Option<SessionSpec>,
    meta: Option<SessionMeta>,
    is_live: bool,
}

impl Seen {
    fn look(dir: &SessionDir) -> std::io::Result<Self> {
        // The lock first: what an ending shim writes is then read after its end.
        let is_live = Lock::is_held(&dir.lock())?;
        Ok(Self { spec: files::read_json(&dir.spec())?, meta: files::read_json(&dir.meta())?, is_live })
    }
}

/// The status of a session when it is not what was reported last. The end of a session is told only when all its
/// records are stored: the control plane forgets about it then.
pub(super) async fn observe(shared: &Shared, id: &SessionId) -> std::io::Result<Option<wire::SessionStatus>> {
    let dir = shared.node.state().session(id);
    let seen = blocking(move || Seen::look(&dir)).await?;
    let mut table = shared.table();
    let Some(tracked) = table.sessions.get_mut(id).filter(|tracked| tracked.flow.is_open()) else {
        return Ok(None);
    };
    let mut status = wire::SessionStatus {
        session: id.to_string(),
        last_seq: tracked.durable(),
        observed_generation: tracked.mark.generation,
        ..wire::SessionStatus::default()
    };
    let is_wanted = tracked.wanted.as_ref().is_some_and(|spec| spec.desired() != wire::Wanted::Stopped);
    let state = match (&tracked.mark.failed, seen.meta, seen.spec) {
        (Some(reason), None, _) => {
            status.reason.clone_from(reason);
            SessionState::Failed
        }
        (_, Some(meta), _) => {
            status.epoch = meta.epoch;
            status.agent_session = meta.agent_session.unwrap_or_default();
            status.reason = meta.reason.unwrap_or_default();
            if seen.is_live {
                status.agent_pid = meta.agent_pid.unwrap_or_default();
                status.shim_pid = meta.shim_pid;
            }
            // A shim that still lives is about to end, and its last records are on their way; without a notice it is
            // not known yet how far the journal reaches. Both are followed by a notice.
            let is_whole = !seen.is_live && tracked.committed.is_some() && tracked.is_stored();
            if meta.state.is_terminal() && !is_whole {
                return Ok(None);
            }
            meta.state
        }
        // Neither made nor wanted any more.
        (None, None, None) if !is_wanted && tracked.is_settled => SessionState::Stopped,
        (None, None, _) => SessionState::Starting,
    };
    state.as_str().clone_into(&mut status.state);
    // How far the journal reaches is told with news, but is none.
    let is_news = tracked.reported.as_ref().is_none_or(|reported| {
        wire::SessionStatus { last_seq: status.last_seq, ..reported.clone() } != status
    });
    if is_news {
        tracked.reported = Some(status.clone());
    }
    Ok(is_news.then_some(status))
}

/// Removes what is over: ended, no longer wanted, every record stored, and left alone for a while.
pub(super) async fn sweep(shared: Arc<Shared>) {
    loop {
        tokio::time::sleep(SWEEP_EVERY.min(shared.config.keep_ended.max(Duration::from_secs(1)))).await;
        let over: Vec<SessionId> = {
            let table = shared.table();
            let is_over = |id: &SessionId| {
                table.sessions.get(id).is_some_and(|tracked| {
                    let has_ended = tracked.committed.is_some_and(|(_, state)| state.is_terminal());
                    table.is_synced && !tracked.is_listed && has_ended && tracked.is_stored()
                })
            };
            table.sessions.keys().filter(|id| is_over(id)).cloned().collect()
        };
        for id in over {
            match remove(&shared, &id).await {
                Ok(true) => {
                    tracing::info!(session.id = %id, "removed session {id}: it is over and stored");
                    shared.table().sessions.remove(&id);
                }
                Ok(false) => {}
                Err(error) => tracing::warn!(session.id = %id, "cannot remove session {id}: {error}"),
            }
        }
    }
}

async fn remove(shared: &Shared, id: &SessionId) -> Result<bool, NodeError> {
    let (node, id, keep) = (shared.node.clone(), id.clone(), shared.config.keep_ended);
    blocking(move || {
        let written = std::fs::metadata(node.state().session(&id).meta())?.modified()?;
        // A clock that was set back makes it wait.
        let is_old = written.elapsed().is_ok_and(|age| age >= keep);
        Ok(is_old && node.remove(&id)?)
    })
    .await
}

//! Large events of nodes, in pieces.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mc_api::id::NodeId;
use mc_proto::mesh_v1 as wire;
use tokio::time::timeout;
use tonic::{Status, Streaming};

use super::MAX_MESSAGE_BYTES;

/// A node whose next part takes longer has gone.
const PATIENCE: Duration = Duration::from_secs(30);
/// Of one node this much is gathered at once, in bytes.
const MAX_OF_NODE: usize = 96 << 20;
/// Of all nodes this much, in bytes.
const MAX_OF_ALL: usize = 384 << 20;

/// What is being gathered, in bytes by node.
#[derive(Debug, Default)]
pub(super) struct Gathering(Mutex<HashMap<NodeId, usize>>);

impl Gathering {
    fn change<T>(&self, change: impl FnOnce(&mut HashMap<NodeId, usize>) -> T) -> T {
        // Numbers stay whole whatever panics elsewhere.
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn begin(self: &Arc<Self>, node: NodeId, size: usize) -> Result<Place, Status> {
        let has_place = self.change(|all| {
            let of_node = all.get(&node).copied().unwrap_or(0);
            let of_all: usize = all.values().sum();
            let has_place = of_node + size <= MAX_OF_NODE && of_all + size <= MAX_OF_ALL;
            if has_place {
                all.insert(node, of_node + size);
            }
            has_place
        });
        if !has_place {
            return Err(Status::resource_exhausted("too many large events at once"));
        }
        Ok(Place { gathering: self.clone(), node, size })
    }

    /// Puts the parts of one event together.
    ///
    /// # Errors
    /// `InvalidArgument` for parts that are no event, `ResourceExhausted` while others take the room,
    /// `DeadlineExceeded` when the node falls silent, and the transport's.
    pub(super) async fn gather(
        self: &Arc<Self>,
        node: NodeId,
        parts: &mut Streaming<wire::BlobPart>,
    ) -> Result<(wire::EventBatch, Place), Status> {
        let first = next(parts).await?.ok_or_else(|| Status::invalid_argument("no part"))?;
        let mut batch =
            first.head.ok_or_else(|| Status::invalid_argument("head: missing in the first part"))?;
        let size = usize::try_from(first.size).ok().filter(|size| *size <= MAX_MESSAGE_BYTES);
        let size =
            size.ok_or_else(|| Status::invalid_argument(format!("size: at most {MAX_MESSAGE_BYTES}")))?;
        let [event] = &mut batch.events[..] else {
            return Err(Status::invalid_argument("head.events: exactly one"));
        };
        if !event.payload.is_empty() {
            return Err(Status::invalid_argument("head.events[0].payload: comes in the parts"));
        }
        let place = self.begin(node, size)?;
        event.payload = first.data;
        while let Some(part) = next(parts).await? {
            if event.payload.len() + part.data.len() > size {
                return Err(Status::invalid_argument("data: more than size"));
            }
            event.payload.extend_from_slice(&part.data);
        }
        if event.payload.len() != size {
            return Err(Status::invalid_argument("data: less than size"));
        }
        Ok((batch, place))
    }
}

async fn next(parts: &mut Streaming<wire::BlobPart>) -> Result<Option<wire::BlobPart>, Status> {
    let part = timeout(PATIENCE, parts.message()).await;
    part.map_err(|_| Status::deadline_exceeded("the next part is late"))?
}

/// The room that one event takes, until it is stored.
#[derive(Debug)]
pub(super) struct Place {
    gathering: Arc<Gathering>,
    node: NodeId,
    size: usize,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.gathering.change(|all| {
            let left = all.get(&self.node).copied().unwrap_or(0).saturating_sub(self.size);
            if left == 0 {
                all.remove(&self.node);
            } else {
                all.insert(self.node, left);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_node_that_fills_its_room_leaves_the_others_theirs() {
        let gathering = Arc::new(Gathering::default());
        let [greedy, other] = [1, 2].map(|n| NodeId::from_uuid(Uuid::from_u128(n)));
        let mut places: Vec<_> = (0..3).map(|_| gathering.begin(greedy, 32 << 20).unwrap()).collect();
        assert!(gathering.begin(greedy, 1).is_err());
        assert!(gathering.begin(other, 40 << 20).is_ok());
        places.pop();
        assert!(gathering.begin(greedy, 32 << 20).is_ok());
        drop(places);
        assert!(gathering.change(|all| all.is_empty()), "nothing is left behind");
    }
}

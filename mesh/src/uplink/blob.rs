//! Records that are too large for a batch: each goes up in pieces, in a call of its own, so that nothing waits behind it.

use std::time::Duration;

use mc_proto::mesh_v1 as wire;
use mc_proto::mesh_v1::node_client::NodeClient;
use tokio::sync::mpsc::channel;
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use tonic::{Code, Status};

/// Payload of one part.
const PART_BYTES: usize = 64 << 10;
/// Parts between us and the transport.
const PARTS: usize = 2;
/// How long the transport may take one part, and the control plane answer after the last.
const PATIENCE: Duration = Duration::from_mins(1);
/// Records that go up at once: each is in memory until it has its answer.
pub(super) const AT_ONCE: usize = 4;

/// Sends one record.
///
/// # Errors
/// What the control plane answered; `DeadlineExceeded` when it took nothing for too long.
pub(super) async fn put(
    mut client: NodeClient<Channel>,
    head: wire::EventBatch,
    payload: Vec<u8>,
) -> Result<wire::Cursor, Status> {
    let (sender, parts) = channel(PARTS);
    let call = async {
        let mut answers = client.put_blob(ReceiverStream::new(parts)).await?.into_inner();
        Ok(answers.message().await?.unwrap_or_default())
    };
    let mut first = Some((head, payload.len() as u64));
    let feeding = async {
        for piece in payload.chunks(PART_BYTES) {
            let (head, size) = first.take().map_or((None, 0), |(head, size)| (Some(head), size));
            let part = wire::BlobPart { head, size, data: piece.to_vec() };
            match timeout(PATIENCE, sender.send(part)).await {
                Ok(Ok(())) => {}
                // The call has ended and says why.
                Ok(Err(_)) => return true,
                Err(_) => return false,
            }
        }
        drop(sender);
        true
    };
    tokio::pin!(call);
    let late = || Err(Status::deadline_exceeded("the control plane takes nothing"));
    tokio::select! {
        answer = &mut call => answer,
        is_fed = feeding => if is_fed { timeout(PATIENCE, call).await.unwrap_or_else(|_| late()) } else { late() },
    }
}

/// Whether the same call may succeed later on this connection.
pub(super) fn is_later(status: &Status) -> bool {
    matches!(status.code(), Code::ResourceExhausted | Code::DeadlineExceeded | Code::Unimplemented)
}

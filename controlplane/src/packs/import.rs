//! Receiving a pack, and storing its contents.

use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::io::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use mc_api::ProblemKind;
use mc_api::id::MissionId;
use mc_api::pack::Record;
use uuid::Uuid;

use super::format::{Reader, invalid, nameless};
use super::verify::Plan;
use crate::app::App;
use crate::artifacts::model::MAX_CONTENT_BYTES;
use crate::error::Error;
use crate::objects::{ByteStream, ObjectStore as _};
use crate::op::OpCtx;

/// The largest pack.
pub(super) const MAX_PACK_BYTES: u64 = 16 << 30;

/// Receives a stream into a nameless file.
pub(super) async fn receive(app: &App, mut content: ByteStream) -> Result<File, Error> {
    let mut file = std::io::BufWriter::new(nameless(app)?);
    let mut size = 0_u64;
    while let Some(part) = content.next().await {
        let part = part
            .map_err(|_| Error::new(ProblemKind::MalformedBody, "the pack ended before it was complete"))?;
        size += part.len() as u64;
        if size > MAX_PACK_BYTES {
            return Err(Error::new(
                ProblemKind::BodyTooLarge,
                format!("the limit is {MAX_PACK_BYTES} bytes"),
            ));
        }
        file.write_all(&part).map_err(Error::internal)?;
    }
    file.into_inner().map_err(|error| Error::internal(error.into_error()))
}

/// New ids that sort as the old ones stand in the pack.
pub(super) fn new_ids(cx: &OpCtx, plan: &Plan) -> HashMap<Uuid, Uuid> {
    plan.order.iter().map(|old| (*old, cx.new_uuid())).collect()
}

/// A reader with what it has read ahead.
struct Ahead {
    reader: Reader,
    next: VecDeque<Record>,
}

impl Ahead {
    /// The bytes of the next record when it is a part of a content.
    fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        if self.next.is_empty() {
            self.next.extend(self.reader.next()?);
        }
        if !matches!(self.next.front(), Some(Record::Chunk { .. })) {
            return Ok(None);
        }
        let Some(Record::Chunk { base64, .. }) = self.next.pop_front() else { return Ok(None) };
        let bytes = base64::engine::general_purpose::STANDARD.decode(base64);
        bytes.map(|bytes| Some(Bytes::from(bytes))).map_err(|_| invalid("a content is no base64"))
    }
}

/// Stores every content under the new mission. What no row names in the end is swept like any other orphan.
pub(super) async fn contents(app: &App, mission: MissionId, file: &File) -> Result<(), Error> {
    let ahead = Arc::new(Mutex::new(Ahead { reader: Reader::new(file)?, next: VecDeque::new() }));
    loop {
        let first = lock(&ahead).chunk()?;
        let Some(first) = first else {
            let mut ahead = lock(&ahead);
            if ahead.next.pop_front().is_none() {
                return Ok(());
            }
            continue;
        };
        let rest = stream::unfold(ahead.clone(), |ahead| async move {
            let chunk = lock(&ahead).chunk().map_err(std::io::Error::other).transpose()?;
            Some((chunk, ahead))
        });
        let content: ByteStream = Box::pin(stream::iter([Ok(first)]).chain(rest));
        app.objects.put(mission, content, MAX_CONTENT_BYTES).await?;
    }
}

fn lock(ahead: &Mutex<Ahead>) -> std::sync::MutexGuard<'_, Ahead> {
    ahead.lock().unwrap_or_else(PoisonError::into_inner)
}

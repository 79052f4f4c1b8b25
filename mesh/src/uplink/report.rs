//! `Report`: answers, statuses and journal records up, acknowledgements down.
//!
//! Only two messages wait at a time, and nothing that was sent is kept, so a slow control plane costs no memory. Records
//! larger than a batch go up beside it ([`blob`]).

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::{Duration, Instant};

use mc_journal::Record;
use mc_proto::mesh_v1 as wire;
use tokio::sync::mpsc::{Sender, channel};
use tokio::task::JoinSet;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status};
use wire::up::What;

use super::connection::{Connection, Lost};
use super::flow::BATCH_BYTES;
use super::mqtt::Bus;
use super::shared::{Shared, blocking};
use super::sync::session_id;
use super::tail::Tail;
use super::{blob, convert, status};
use crate::daemon::NodeError;
use crate::ids::SessionId;
use crate::procs;

/// Messages between us and the transport; when full, reading the journals waits.
const OUTGOING: usize = 2;
/// Shims are told about acknowledgements this often.
const TELL_EVERY: Duration = Duration::from_secs(1);
/// Statuses are compared with what was reported, and journals at rest are closed, this often.
const LOOK_EVERY: Duration = Duration::from_secs(10);

pub(super) async fn run(shared: &Shared, connection: &Connection) -> Result<Infallible, Lost> {
    let (sender, outgoing) = channel(OUTGOING);
    let acknowledging = async {
        let mut client = connection.client.clone();
        let call = client.report(ReceiverStream::new(outgoing)).await;
        let mut stream = call.map_err(Lost::call("Report"))?.into_inner();
        while let Some(down) = stream.message().await.map_err(Lost::call("Report"))? {
            if let Some(wire::down::What::Ack(cursor)) = down.what {
                acknowledge(shared, &cursor);
            }
        }
        Err::<Infallible, _>(Lost::Ended("Report"))
    };
    let pump = Pump::new(shared, sender, connection);
    let ended = tokio::try_join!(acknowledging, pump.run());
    ended.map(|(never, _)| never)
}

pub(super) fn acknowledge(shared: &Shared, cursor: &wire::Cursor) {
    let Some(id) = session_id(&cursor.session) else { return };
    let mut table = shared.table();
    let table = &mut *table;
    let Some(tracked) = table.sessions.get_mut(&id) else { return };
    let now = Instant::now();
    if cursor.rewind {
        tracing::info!(session.id = %id, "records of {id} are wanted again after seq {}", cursor.acked_seq);
        tracked.flow.rewind(cursor.acked_seq, now);
    } else {
        tracked.flow.ack(cursor.acked_seq, now);
    }
    if tracked.committed.is_some_and(|(_, state)| state.is_terminal()) && tracked.is_stored() {
        table.due.insert(id);
    }
    shared.reports.notify_one();
}

/// Sends what is there to send.
struct Pump<'s> {
    shared: &'s Shared,
    connection: &'s Connection,
    out: Sender<wire::Up>,
    bus: Option<&'s Bus>,
    tails: BTreeMap<SessionId, Tail>,
    boot_id: String,
    /// Large records on their way; their calls end with the connection.
    blobs: JoinSet<(SessionId, Result<wire::Cursor, Status>)>,
    /// The control plane is old enough to have no call for them.
    has_no_blobs: bool,
}

impl<'s> Pump<'s> {
    fn new(shared: &'s Shared, out: Sender<wire::Up>, connection: &'s Connection) -> Self {
        Self {
            shared,
            connection,
            out,
            bus: connection.bus.as_ref(),
            tails: BTreeMap::new(),
            boot_id: procs::boot_id(),
            blobs: JoinSet::new(),
            has_no_blobs: false,
        }
    }

    async fn run(mut self) -> Result<Infallible, Lost> {
        let mut synced = self.shared.synced.subscribe();
        // The sender lives as long as we do.
        let _ = synced.wait_for(|is_synced| *is_synced).await;
        let (mut tell_at, mut look_at) = (Instant::now() + TELL_EVERY, Instant::now() + LOOK_EVERY);
        loop {
            while let Some(ended) = self.blobs.try_join_next() {
                self.blob_ended(ended.map_err(std::io::Error::other)?)?;
            }
            let now = Instant::now();
            if tell_at <= now {
                self.tell().await?;
                tell_at = now + TELL_EVERY;
            }
            if look_at <= now {
                let mut table = self.shared.table();
                let all: Vec<_> = table.sessions.keys().cloned().collect();
                table.due.extend(all);
                self.tails.retain(|id, _| table.sessions.get(id).is_some_and(|tracked| !tracked.is_stored()));
                look_at = now + LOOK_EVERY;
            }
            if !self.send_news().await? && !self.send_batch().await? {
                let wake_at = self.wake(now).map_or(tell_at, |at| at.min(tell_at)).min(look_at);
                tokio::select! {
                    () = self.shared.reports.notified() => {}
                    Some(ended) = self.blobs.join_next() => {
                        self.blob_ended(ended.map_err(std::io::Error::other)?)?;
                    }
                    () = tokio::time::sleep_until(wake_at.into()) => {}
                }
            }
        }
    }

    async fn send(&self, what: What) -> Result<(), Lost> {
        self.out.send(wire::Up { what: Some(what) }).await.map_err(|_| Lost::Ended("Report"))
    }

    /// Answers and changed statuses; false when there were none.
    async fn send_news(&self) -> Result<bool, Lost> {
        let (results, due) = {
            let mut table = self.shared.table();
            (std::mem::take(&mut table.results), std::mem::take(&mut table.due))
        };
        let mut has_sent = !results.is_empty();
        for result in results {
            // A copy, for the case that gRPC hangs; the second of two equal answers changes nothing.
            if let Some(bus) = self.bus {
                let _ = bus.send_result(&result);
            }
            self.send(What::Result(result)).await?;
        }
        for id in due {
            if let Some(status) = status::observe(self.shared, &id).await? {
                self.send(What::Status(status)).await?;
                has_sent = true;
            }
        }
        Ok(has_sent)
    }

    /// One batch of the session whose turn it is; false when no session has anything to send.
    async fn send_batch(&mut self) -> Result<bool, Lost> {
        let Some((id, fence, from, durable)) = self.shared.table().next_batch() else { return Ok(false) };
        let tail = self.tails.remove(&id).filter(|tail| tail.next_seq() == from);
        let (node, session) = (self.shared.node.clone(), id.clone());
        let read = blocking(move || {
            let mut tail = match tail {
                Some(tail) => tail,
                None => Tail::new(node.reader(&session, from)?),
            };
            let records = tail.batch(durable)?;
            Ok::<_, NodeError>((tail, records))
        });
        let records = match read.await {
            Ok((tail, records)) => {
                self.tails.insert(id.clone(), tail);
                records
            }
            Err(error) => {
                tracing::error!(session.id = %id, "journal of {id} cannot be reported from {from}: {error}");
                Vec::new()
            }
        };
        let (Some(first), Some(last)) = (records.first(), records.last()) else {
            // The next connection looks again.
            if let Some(tracked) = self.shared.table().sessions.get_mut(&id) {
                tracked.flow.stick();
            }
            return Ok(true);
        };
        let (first_seq, last_seq) = (first.seq, last.seq);
        let bytes = records.iter().map(|record| record.payload.len()).sum();
        let now = Instant::now();
        if bytes > BATCH_BYTES && !self.has_no_blobs {
            self.send_blob(id, fence, records, now);
            return Ok(true);
        }
        let mut may_use_mqtt = false;
        let is_current = self.shared.table().sessions.get_mut(&id).is_some_and(|tracked| {
            may_use_mqtt = tracked.flow.may_use_mqtt(now);
            first_seq == from && tracked.flow.send(from, last_seq, bytes, now)
        });
        if is_current {
            let events = records.into_iter().map(convert::event).collect();
            let (session, boot_id) = (id.to_string(), self.boot_id.clone());
            let batch = wire::EventBatch { session, fence, first_seq, events, boot_id };
            let bus = self.bus.filter(|_| may_use_mqtt);
            let is_by_mqtt = bus.is_some_and(|bus| bus.send_events(&batch).is_ok());
            {
                let mut table = self.shared.table();
                if let Some(tracked) = table.sessions.get_mut(&id) {
                    tracked.flow.went_by_mqtt(is_by_mqtt);
                }
                let paths = &mut table.status.batches;
                *(if is_by_mqtt { &mut paths.mqtt } else { &mut paths.grpc }) += 1;
            }
            if !is_by_mqtt {
                self.send(What::Events(batch)).await?;
            }
        } else {
            self.tails.remove(&id);
        }
        Ok(true)
    }

    /// Begins to send the one large record of `records`, or lets it wait for its turn.
    fn send_blob(&mut self, id: SessionId, fence: u64, records: Vec<Record>, now: Instant) {
        // What is read again does not wait in memory.
        let tail = self.tails.remove(&id);
        let has_place = self.blobs.len() < blob::AT_ONCE;
        let mut table = self.shared.table();
        let Some(tracked) = table.sessions.get_mut(&id) else { return };
        let bytes = records.iter().map(|record| record.payload.len()).sum();
        let Some(record) = records.into_iter().next() else { return };
        let first_seq = record.seq;
        if !tracked.flow.is_open() || first_seq != tracked.flow.sent() + 1 {
            // The position has changed since it was read.
            return;
        }
        if !has_place || !tracked.flow.send_apart(first_seq, bytes, now) {
            tracked.flow.hold();
            return;
        }
        table.status.batches.grpc += 1;
        drop(table);
        self.tails.extend(tail.map(|tail| (id.clone(), tail)));
        let mut event = convert::event(record);
        let payload = std::mem::take(&mut event.payload);
        let (session, boot_id) = (id.to_string(), self.boot_id.clone());
        let head = wire::EventBatch { session, fence, first_seq, events: vec![event], boot_id };
        let client = self.connection.client.clone();
        self.blobs.spawn(async move { (id, blob::put(client, head, payload).await) });
    }

    /// A large record has its answer; others may have waited for its place.
    fn blob_ended(&mut self, (id, answer): (SessionId, Result<wire::Cursor, Status>)) -> Result<(), Lost> {
        match answer {
            Ok(cursor) => acknowledge(self.shared, &cursor),
            Err(status) if blob::is_later(&status) => {
                self.has_no_blobs |= status.code() == Code::Unimplemented;
                tracing::warn!(session.id = %id, "a large record of {id} goes up later: {}", status.message());
            }
            Err(status) => return Err(Lost::call("PutBlob")(status)),
        }
        let mut table = self.shared.table();
        for tracked in table.sessions.values_mut() {
            tracked.flow.release();
        }
        if let Some(tracked) = table.sessions.get_mut(&id) {
            tracked.flow.apart_ended(Instant::now());
        }
        Ok(())
    }

    /// Lets sessions without progress go back; answers when the next one has waited long enough.
    fn wake(&self, now: Instant) -> Option<Instant> {
        let mut table = self.shared.table();
        table
            .sessions
            .values_mut()
            .filter_map(|tracked| {
                tracked.flow.wake(now);
                let can_send = tracked.flow.next(tracked.durable()).is_some();
                if can_send { Some(now) } else { tracked.flow.deadline() }
            })
            .min()
    }

    /// Tells the shims what they may trim.
    async fn tell(&self) -> Result<(), Lost> {
        let news: Vec<(SessionId, u64)> = {
            let mut table = self.shared.table();
            let moved = table.sessions.iter_mut().filter(|(_, tracked)| tracked.flow.acked() > tracked.told);
            moved
                .map(|(id, tracked)| {
                    tracked.told = tracked.flow.acked();
                    (id.clone(), tracked.told)
                })
                .collect()
        };
        if !news.is_empty() {
            let node = self.shared.node.clone();
            blocking(move || {
                for (id, seq) in news {
                    if let Err(error) = node.acked(&id, seq) {
                        tracing::debug!(session.id = %id, "cannot tell {id} about seq {seq}: {error}");
                    }
                }
                Ok::<_, std::io::Error>(())
            })
            .await?;
        }
        Ok(())
    }
}

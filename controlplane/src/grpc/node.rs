//! The door for nodes: what they should run, what they report, their leases, their claims.
//!
//! Level-triggered: a stream that ends is opened anew and begins with everything. Anything may be sent twice; sessions
//! are told apart by their generation, commands by their op id.

use std::collections::{HashMap, HashSet, VecDeque};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{Stream, stream};
use mc_api::id::{NodeId, SessionId};
use mc_api::node::NodeFacts;
use mc_proto::command_message;
use mc_proto::mesh_v1::{self as wire, desired, down, node_server, up};
use tokio::time::Instant;
use tonic::{Request, Response, Status, Streaming};

use super::blob::Gathering;
use super::enroll::{broker, facts};
use super::{NodeCaller, peer, status};
use crate::app::{App, SharedApp};
use crate::error::Error;
use crate::mqtt::{self, Down};
use crate::nodes;
use crate::sessions::{ingest, uplink};
use crate::system_tx;

/// How often is looked without a change in the ledger.
const LOOK: Duration = Duration::from_secs(1);
/// How often commands without an answer are sent again, and the caller is checked.
const REPEAT: Duration = Duration::from_secs(10);
/// Larger commands go by gRPC only, in bytes.
const COPY_LIMIT: usize = 32 << 10;
/// Bytes of an archive in one message.
const SKILLS_PART: usize = 64 << 10;
/// At most this many sessions in one renewal.
const MAX_SESSIONS: usize = 10_000;

type Messages<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

pub(super) struct Node {
    app: SharedApp,
    gathering: Arc<Gathering>,
}

impl Node {
    pub(super) fn new(app: SharedApp) -> Self {
        Self { app, gathering: Arc::default() }
    }
}

#[tonic::async_trait]
impl node_server::Node for Node {
    type SyncStream = Messages<wire::Desired>;
    type ReportStream = Messages<wire::Down>;
    type PutBlobStream = Messages<wire::Cursor>;
    type FetchSkillsStream = Messages<wire::SkillsPart>;

    async fn sync(&self, request: Request<wire::SyncRequest>) -> Result<Response<Self::SyncStream>, Status> {
        let caller = peer(&self.app, &request).map_err(status)?;
        let request = request.into_inner();
        let facts = facts(request.facts);
        let (app, id) = (&self.app, caller.id());
        let connected = async {
            system_tx!(app, |tx| { nodes::service::connect_in(tx, app, id, request.conn_seq, &facts).await })
        };
        connected.await.map_err(status)?;
        self.app.sessions.nudge();
        let line = mqtt::attach(&self.app, id, caller.not_after()).await.map_err(status)?;
        let syncing = Syncing::new(self.app.clone(), caller, &facts, line);
        let messages = stream::unfold(Some(syncing), |syncing| async move {
            let mut syncing = syncing?;
            match syncing.next().await {
                Ok(Some(message)) => Some((Ok(message), Some(syncing))),
                Ok(None) => None,
                Err(error) => Some((Err(status(error)), None)),
            }
        });
        Ok(Response::new(Box::pin(messages)))
    }

    async fn report(
        &self,
        request: Request<Streaming<wire::Up>>,
    ) -> Result<Response<Self::ReportStream>, Status> {
        let caller = peer(&self.app, &request).map_err(status)?;
        let reporting = Reporting {
            app: self.app.clone(),
            caller,
            incoming: request.into_inner(),
            checked: Instant::now(),
        };
        let messages = stream::unfold(Some(reporting), |reporting| async move {
            let mut reporting = reporting?;
            match reporting.next().await {
                Ok(Some(message)) => Some((Ok(message), Some(reporting))),
                Ok(None) => None,
                Err(refused) => Some((Err(refused), None)),
            }
        });
        Ok(Response::new(Box::pin(messages)))
    }

    async fn put_blob(
        &self,
        request: Request<Streaming<wire::BlobPart>>,
    ) -> Result<Response<Self::PutBlobStream>, Status> {
        let caller = peer(&self.app, &request).map_err(status)?;
        let (app, gathering, mut parts) = (self.app.clone(), self.gathering.clone(), request.into_inner());
        // The answer begins at once: a call that waits for the end of a slow line would be cut off.
        let answer = stream::once(async move {
            let (batch, _place) = tokio::select! {
                gathered = gathering.gather(caller.id(), &mut parts) => gathered?,
                () = app.stop.cancelled() => return Err(Status::unavailable("the server stops")),
            };
            // It may have taken minutes.
            caller.check(&app).await.map_err(status)?;
            let taken = take(&app, caller.id(), up::What::Events(batch), "blob").await.map_err(status)?;
            Ok(taken.unwrap_or_default())
        });
        Ok(Response::new(Box::pin(answer)))
    }

    async fn renew_leases(
        &self,
        request: Request<wire::RenewLeasesRequest>,
    ) -> Result<Response<wire::RenewLeasesReply>, Status> {
        let caller = peer(&self.app, &request).map_err(status)?;
        let request = request.into_inner();
        self.renew(&caller, request).await.map(Response::new).map_err(status)
    }

    async fn fetch_skills(
        &self,
        request: Request<wire::FetchSkillsRequest>,
    ) -> Result<Response<Self::FetchSkillsStream>, Status> {
        let caller = peer(&self.app, &request).map_err(status)?;
        let request = request.into_inner();
        let (head, archive) =
            crate::sessions::skills::fetch(&self.app, caller.id(), request).await.map_err(status)?;
        Ok(Response::new(Box::pin(stream::iter(parts(head, archive).map(Ok)))))
    }

    async fn report_skills(
        &self,
        request: Request<wire::ReportSkillsRequest>,
    ) -> Result<Response<wire::ReportSkillsReply>, Status> {
        let caller = peer(&self.app, &request).map_err(status)?;
        let request = request.into_inner();
        crate::sessions::skills::report(&self.app, caller.id(), request).await.map_err(status)?;
        Ok(Response::new(wire::ReportSkillsReply {}))
    }

    async fn claim_task(
        &self,
        request: Request<wire::ClaimTaskRequest>,
    ) -> Result<Response<wire::ClaimTaskReply>, Status> {
        let caller = peer(&self.app, &request).map_err(status)?;
        let request = request.into_inner();
        let claimed = uplink::claim_task(&self.app, caller.id(), &request.runtimes, request.free_slots).await;
        let session = claimed.map_err(status)?.map(|id| id.to_string()).unwrap_or_default();
        Ok(Response::new(wire::ClaimTaskReply { session }))
    }
}

/// The skills of a session in parts, so that a slow line holds up nothing else.
fn parts(head: wire::SkillsHead, archive: Vec<u8>) -> impl Iterator<Item = wire::SkillsPart> {
    let first = wire::SkillsPart { head: Some(head), data: Vec::new() };
    let archive = bytes::Bytes::from(archive);
    let rest = (0..archive.len()).step_by(SKILLS_PART).map(move |from| {
        let to = (from + SKILLS_PART).min(archive.len());
        wire::SkillsPart { head: None, data: archive.slice(from..to).to_vec() }
    });
    std::iter::once(first).chain(rest)
}

/// The ids that can be read; a node knows no others.
fn ids(texts: &[String]) -> Result<Vec<SessionId>, Error> {
    if texts.len() > MAX_SESSIONS {
        return Err(Error::invalid("/live_sessions", format!("at most {MAX_SESSIONS}")));
    }
    let unique: HashSet<&String> = texts.iter().collect();
    Ok(unique.into_iter().filter_map(|text| text.parse().ok()).collect())
}

impl Node {
    async fn renew(
        &self,
        caller: &NodeCaller,
        request: wire::RenewLeasesRequest,
    ) -> Result<wire::RenewLeasesReply, Error> {
        let (live, wanted) = (ids(&request.live_sessions)?, ids(&request.grants_for)?);
        let (app, id) = (&self.app, caller.id());
        let now = app.clock.now();
        system_tx!(app, |tx| { nodes::service::renew_in(tx, id, now).await })?;
        uplink::renew(app, id, &live).await?;
        let grants = uplink::grants(app, id, &wanted).await?;
        let ttl_ms = u32::try_from(nodes::model::LEASE.as_millis()).unwrap_or(u32::MAX);
        Ok(wire::RenewLeasesReply { ttl_ms, grants })
    }
}

/// What one node is told.
struct Syncing {
    app: SharedApp,
    caller: NodeCaller,
    runtimes: Vec<String>,
    head: tokio::sync::watch::Receiver<i64>,
    ready: VecDeque<desired::What>,
    /// Each session as it was sent.
    sent: HashMap<String, wire::SessionSpec>,
    last_command: u64,
    /// Newest command of which a copy went by MQTT, or that was there before.
    copied: u64,
    is_first: bool,
    repeated: Instant,
    hinted: Option<Instant>,
    /// As long as it lives, what the node sends by a broker of others is taken here.
    _line: Option<mqtt::Attached>,
}

impl Syncing {
    fn new(app: SharedApp, caller: NodeCaller, facts: &NodeFacts, line: Option<mqtt::Attached>) -> Self {
        let available = facts.runtimes.iter().filter(|runtime| runtime.available);
        Self {
            runtimes: available.map(|runtime| runtime.name.clone()).collect(),
            head: app.sequencer.follow(),
            ready: VecDeque::from([desired::What::Broker(broker(&app.endpoints))]),
            app,
            caller,
            sent: HashMap::new(),
            last_command: 0,
            copied: 0,
            is_first: true,
            repeated: Instant::now(),
            hinted: None,
            _line: line,
        }
    }

    async fn next(&mut self) -> Result<Option<wire::Desired>, Error> {
        loop {
            if let Some(what) = self.ready.pop_front() {
                return Ok(Some(wire::Desired { what: Some(what) }));
            }
            if !self.is_first {
                tokio::select! {
                    changed = self.head.changed() => if changed.is_err() { return Ok(None) },
                    () = self.app.stop.cancelled() => return Ok(None),
                    () = tokio::time::sleep(LOOK) => {}
                }
            }
            self.look().await?;
        }
    }

    /// Reads what is new since the last look; the first time everything.
    async fn look(&mut self) -> Result<(), Error> {
        self.head.borrow_and_update();
        if self.repeated.elapsed() >= REPEAT {
            self.repeated = Instant::now();
            self.caller.check(&self.app).await?;
            self.last_command = 0;
        }
        let id = self.caller.id();
        // Read before the sessions and told after them: a node answers a command of a session that it was never told
        // of, and one may be opened and prompted between the two reads.
        let commands = self.commands().await?;
        let mut cursors = Vec::new();
        let mut gone = std::mem::take(&mut self.sent);
        for session in uplink::desired(&self.app, id).await? {
            let spec = session.spec;
            let told = gone.remove(&spec.session);
            let is_told =
                told.is_some_and(|told| (told.generation, told.fence) == (spec.generation, spec.fence));
            self.sent.insert(spec.session.clone(), spec.clone());
            if !is_told {
                self.ready.push_back(desired::What::Session(spec));
            }
            cursors.push(session.cursor);
        }
        // It was taken back from the node before it was started, and is another's.
        for mut spec in gone.into_values().filter(|spec| spec.desired() != wire::Wanted::Stopped) {
            spec.set_desired(wire::Wanted::Stopped);
            spec.generation += 1;
            self.ready.push_back(desired::What::Session(spec));
        }
        if self.is_first {
            self.ready.push_back(desired::What::Acked(wire::Acked { cursors }));
        }
        self.ready.extend(commands.into_iter().map(desired::What::Command));
        if std::mem::take(&mut self.is_first) {
            self.ready.push_back(desired::What::Synced(wire::Synced {}));
        }
        if self.hinted.is_none_or(|at| at.elapsed() >= LOOK)
            && uplink::has_work(&self.app, &self.runtimes).await?
        {
            self.hinted = Some(Instant::now());
            self.ready.push_back(desired::What::Work(wire::WorkAvailable {}));
        }
        Ok(())
    }

    /// The commands without an answer that come after the last one told, signed.
    async fn commands(&mut self) -> Result<Vec<wire::Command>, Error> {
        let node = self.caller.id().to_string();
        let mut all = Vec::new();
        loop {
            let commands = uplink::commands(&self.app, self.caller.id(), self.last_command).await?;
            let Some(last) = commands.last() else { return Ok(all) };
            self.last_command = last.node_seq;
            for mut command in commands {
                let (key_id, signature) = self.app.keyring.sign_command(&command_message(&node, &command));
                key_id.clone_into(&mut command.key_id);
                command.signature = signature;
                self.copy(&command);
                all.push(command);
            }
        }
    }
}

impl Syncing {
    /// Sends a copy of a new command by MQTT. Whether it arrives does not matter.
    fn copy(&mut self, command: &wire::Command) {
        let is_new = command.node_seq > self.copied;
        self.copied = self.copied.max(command.node_seq);
        let may_go = is_new && !self.is_first && command.op.len() <= COPY_LIMIT;
        if may_go
            && self.app.bus.get().is_some()
            && let Err(error) = mqtt::send(&self.app, self.caller.id(), Down::Command, command)
        {
            tracing::debug!(op.id = %command.op_id, "no copy of command {} by MQTT: {error}", command.op_id);
        }
    }
}

/// What one node reports.
struct Reporting {
    app: SharedApp,
    caller: NodeCaller,
    incoming: Streaming<wire::Up>,
    checked: Instant,
}

impl Reporting {
    async fn next(&mut self) -> Result<Option<wire::Down>, Status> {
        loop {
            let message = tokio::select! {
                message = self.incoming.message() => message?,
                () = self.app.stop.cancelled() => None,
            };
            let Some(message) = message else { return Ok(None) };
            if self.checked.elapsed() >= REPEAT {
                self.checked = Instant::now();
                self.caller.check(&self.app).await.map_err(status)?;
            }
            let Some(what) = message.what else { continue };
            if let Some(ack) = take(&self.app, self.caller.id(), what, "grpc").await.map_err(status)? {
                return Ok(Some(wire::Down { what: Some(down::What::Ack(ack)) }));
            }
        }
    }
}

/// Takes what a node reports, by whatever `path` it came; answers what is stored, after the commit. Anything may
/// come twice, and by both paths.
///
/// # Errors
/// Database failures; the node sends it again.
pub async fn take(
    app: &App,
    node: NodeId,
    what: up::What,
    path: &'static str,
) -> Result<Option<wire::Cursor>, Error> {
    match what {
        up::What::Events(batch) => {
            let cursor = events(app, node, batch).await?;
            if cursor.as_ref().is_some_and(|cursor| !cursor.rewind) {
                metrics::counter!("mc_uplink_batches_total", "path" => path).increment(1);
            }
            Ok(cursor)
        }
        up::What::Status(seen) => {
            if let Ok(session) = seen.session.parse() {
                ingest::status(app, node, session, &observed(seen)).await?;
            }
            Ok(None)
        }
        up::What::Result(result) => {
            if let Ok(session) = result.session.parse() {
                let (op_id, code) = (&result.op_id, &result.code);
                ingest::op_result(app, node, session, op_id, code, result.at_seq).await?;
            }
            Ok(None)
        }
    }
}

async fn events(app: &App, node: NodeId, batch: wire::EventBatch) -> Result<Option<wire::Cursor>, Error> {
    let Ok(session) = batch.session.parse::<SessionId>() else { return Ok(None) };
    let entry = |event: wire::Event| ingest::Entry {
        seq: event.seq,
        seq_hi: event.seq_hi,
        kind: event.kind,
        flags: event.flags,
        wall_us: event.wall_us,
        payload: event.payload,
        crc32c: event.crc32c,
    };
    let entries = batch.events.into_iter().map(entry).collect();
    let batch = ingest::Batch { session, fence: batch.fence, entries };
    Ok(match ingest::batch(app, node, &batch).await? {
        ingest::Received::Acked(ack) => Some(wire::Cursor {
            session: session.to_string(),
            acked_seq: u64::try_from(ack.acked_seq).unwrap_or(0),
            fence: u64::try_from(ack.fence).unwrap_or(0),
            rewind: ack.rewind,
        }),
        ingest::Received::Refused(_) => None,
    })
}

fn observed(seen: wire::SessionStatus) -> ingest::Observed {
    let some = |text: String| Some(text).filter(|text| !text.is_empty());
    ingest::Observed {
        state: seen.state,
        reason: some(seen.reason),
        epoch: seen.epoch,
        agent_pid: Some(seen.agent_pid).filter(|pid| *pid != 0),
        agent_session: some(seen.agent_session),
        last_seq: seen.last_seq,
        generation: seen.observed_generation,
    }
}

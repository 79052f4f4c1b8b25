//! The skills of each session: fetched before it starts and before each of its turns, checked, placed whole, looked after.
//!
//! ```text
//! STATE/skills/<sha256>.tar                 archives that were checked; the newest few
//!       sessions/<id>/skills/               copies (`mc_bundle::copies`), `current` -> the one in use
//!       sessions/<id>/work/.agents/skills   -> ../../skills/current; `.claude/skills` too
//! ```
//!
//! - What is not signed by a key of the control plane, or is not what the signature says, is never written where an agent
//!   looks.
//! - A session never waits long for its skills: without a control plane it goes on with what it has.
//! - In a folder that somebody named for the session nothing is written; its agent finds the copy by `MC_SKILLS_DIR`.
//! - A copy in which something was changed is never written over, and stays as long as the session's folder.

use std::collections::HashMap;
use std::convert::Infallible;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use mc_bundle::copies::{About, Copies, Copy};
use mc_bundle::folder::{self, Lock};
use mc_bundle::{Limits, Tree, skills};
use mc_proto::mesh_v1 as wire;
use mc_proto::mesh_v1::node_client::NodeClient;
use mc_proto::skill_snapshot_message;
use ring::signature::{ED25519, UnparsedPublicKey};
use tokio::time::timeout;
use tonic::transport::Channel;
use tonic::{Code, Status};

use super::connection::{Connection, Lost};
use super::shared::{Shared, blocking};
use crate::files::StateDir;
use crate::ids::SessionId;
use crate::protocol::SessionState;

/// How long a session that starts waits for its skills.
pub(super) const START_LIMIT: Duration = Duration::from_secs(10);
/// How long a prompt waits for newer skills.
pub(super) const TURN_LIMIT: Duration = Duration::from_secs(3);
/// How often copies are looked after.
const LOOK_EVERY: Duration = Duration::from_secs(10);
const CALL_LIMIT: Duration = Duration::from_secs(10);
/// The largest archive: two bundles, with room for the names of their files.
const MAX_ARCHIVE_BYTES: u64 = 48 << 20;
/// Archives that are kept.
const KEPT: usize = 8;
/// What holds where no bundle is.
const NOTHING: &str = "m0-k0";
/// The link to the copy in use.
const CURRENT: &str = "current";

/// The way to the control plane, while there is one, and the keys that it signs with.
#[derive(Clone)]
pub(super) struct Line {
    pub(super) client: NodeClient<Channel>,
    pub(super) keys: Vec<(String, Vec<u8>)>,
}

impl std::fmt::Debug for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Line").field("keys", &self.keys.len()).finish_non_exhaustive()
    }
}

/// Why a session has not the newest skills.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("{}", .0.message())]
    Call(#[from] Box<Status>),
    #[error("the control plane's skills are refused: {0}")]
    Untrusted(String),
    #[error("the copy cannot be written")]
    Io(#[from] io::Error),
    #[error("the copy cannot be read")]
    Copy(#[from] folder::PackError),
}

/// The copies of a session.
pub(super) fn copies(state: &StateDir, id: &SessionId) -> Copies {
    Copies::new(&state.session(id).skills(), CURRENT)
}

/// Brings a session what holds for it, for as long as it may wait. What goes wrong is told, and the session goes on.
pub(super) async fn refresh(shared: &Shared, id: &SessionId, limit: Duration) {
    let Some(line) = shared.skills_line() else { return };
    match timeout(limit, bring(shared, line, id)).await {
        Ok(Ok(())) => {}
        Ok(Err(Error::Call(status))) if status.code() == Code::Unimplemented => {
            tracing::debug!(session.id = %id, "the control plane knows no skills");
        }
        Ok(Err(error @ Error::Untrusted(_))) => {
            tracing::error!(session.id = %id, "session {id} goes on without newer skills: {error}");
        }
        Ok(Err(error)) => {
            tracing::warn!(session.id = %id, "session {id} goes on without newer skills: {error}");
        }
        Err(_) => {
            tracing::warn!(session.id = %id, "session {id} goes on without newer skills: no answer in time");
        }
    }
}

async fn bring(shared: &Shared, mut line: Line, id: &SessionId) -> Result<(), Error> {
    let (state, session) = (shared.node.state().clone(), id.clone());
    let (have, archives) =
        blocking(move || Ok::<_, Error>((copies(&state, &session).current()?, archives(&state)?))).await?;
    let request = wire::FetchSkillsRequest {
        session: id.to_string(),
        have_version: have.map_or_else(|| NOTHING.to_owned(), |copy| copy.about.version),
        have_sha256: archives.into_iter().map(|(sha256, _)| sha256).collect(),
    };
    let Some((head, archive)) = fetch(&mut line, request).await? else { return Ok(()) };
    check(&line, &head)?;
    let is_own = {
        let table = shared.table();
        let wanted = table.sessions.get(id).and_then(|tracked| tracked.wanted.as_ref());
        wanted.is_some_and(|spec| spec.cwd.is_empty())
    };
    let (state, session) = (shared.node.state().clone(), id.clone());
    let copy = blocking(move || install(&state, &session, &head, archive, is_own)).await?;
    tracing::info!(session.id = %id, "session {id} has the skills {}", copy.about.version);
    // It is told again with the next look, so that a lost answer costs nothing.
    report(&mut line, id, &copy, &mc_bundle::copies::Drift::default()).await.map_err(Box::new)?;
    Ok(())
}

/// What holds, and its archive unless it is here already; `None`: the session has it.
async fn fetch(
    line: &mut Line,
    request: wire::FetchSkillsRequest,
) -> Result<Option<(wire::SkillsHead, Option<Vec<u8>>)>, Error> {
    let untrusted = |reason: &str| Error::Untrusted(reason.to_owned());
    let mut parts = line.client.fetch_skills(request).await.map_err(Box::new)?.into_inner();
    let first = parts.message().await.map_err(Box::new)?.and_then(|part| part.head);
    let head = first.ok_or_else(|| untrusted("they say not what they are"))?;
    if head.is_same {
        return Ok(None);
    }
    if head.size == 0 {
        return Ok(Some((head, None)));
    }
    if head.size > MAX_ARCHIVE_BYTES {
        return Err(untrusted("the archive is larger than any"));
    }
    let mut archive = Vec::new();
    while let Some(part) = parts.message().await.map_err(Box::new)? {
        if archive.len() as u64 + part.data.len() as u64 > head.size {
            return Err(untrusted("the archive is larger than it says"));
        }
        archive.extend_from_slice(&part.data);
    }
    Ok(Some((head, Some(archive))))
}

/// Whether a key of the control plane signed what these skills say they are.
fn check(line: &Line, head: &wire::SkillsHead) -> Result<(), Error> {
    let kluster = if head.kluster.is_empty() { "-" } else { &head.kluster };
    let message = skill_snapshot_message(&head.mission, kluster, &head.version, &head.sha256);
    let is_signed = line
        .keys
        .iter()
        .filter(|(key_id, _)| *key_id == head.key_id)
        .any(|(_, key)| UnparsedPublicKey::new(&ED25519, key).verify(&message, &head.signature).is_ok());
    let is_digest = head.sha256.len() == 64
        && head.sha256.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    if is_signed && is_digest {
        return Ok(());
    }
    Err(Error::Untrusted(format!("their signature by key {:?} is not valid", head.key_id)))
}

fn archive_path(state: &StateDir, sha256: &str) -> PathBuf {
    state.skills().join(format!("{sha256}.tar"))
}

/// Archives that are kept, by digest, the newest last.
fn archives(state: &StateDir) -> io::Result<Vec<(String, std::time::SystemTime)>> {
    let mut kept = Vec::new();
    let entries = match std::fs::read_dir(state.skills()) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(kept),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        if let Some(sha256) = name.to_str().and_then(|name| name.strip_suffix(".tar")) {
            // Gone meanwhile: another session's worker threw it away.
            let Ok(metadata) = entry.metadata() else { continue };
            kept.push((sha256.to_owned(), metadata.modified()?));
        }
    }
    kept.sort_by_key(|(_, at)| *at);
    Ok(kept)
}

/// Places a checked version where the session's agent finds it.
fn install(
    state: &StateDir,
    id: &SessionId,
    head: &wire::SkillsHead,
    archive: Option<Vec<u8>>,
    is_own: bool,
) -> Result<Copy, Error> {
    let path = archive_path(state, &head.sha256);
    let is_new = archive.is_some();
    let archive = match archive {
        Some(archive) => archive,
        None => std::fs::read(&path)?,
    };
    if mc_bundle::sha256(&archive) != head.sha256 {
        // A damaged file here would be believed for ever.
        folder::remove(&path)?;
        return Err(Error::Untrusted("the archive is not the one that was signed".to_owned()));
    }
    let tree =
        Tree::read(&archive, Limits::SNAPSHOT).map_err(|refusal| Error::Untrusted(refusal.to_string()))?;
    if is_new {
        keep(state, &path, &archive)?;
    }
    let copies = copies(state, id);
    let lock = copies.lock()?;
    let before = copies.current()?;
    let subject = if head.kluster.is_empty() { &head.mission } else { &head.kluster };
    let about = About {
        subject: subject.clone(),
        version: head.version.clone(),
        sha256: head.sha256.clone(),
        origin: vec![head.mission.clone(), head.kluster.clone()],
    };
    let copy = copies.provide(about, &tree, &lock)?;
    copies.activate(&copy, &lock)?;
    if is_own {
        let work = state.session(id).work();
        std::fs::create_dir_all(&work)?;
        for path in skills::expose(&work, &format!("../skills/{CURRENT}"), &copy.files)? {
            tracing::warn!(session.id = %id, "{path} of session {id} is its own and stays; a skill is not shown there");
        }
    }
    // An agent that looks into the copy before this one goes on doing so.
    let keep: Vec<&str> = before.iter().map(|before| before.folder.as_str()).collect();
    copies.prune(&keep, &lock)?;
    Ok(copy)
}

/// Keeps an archive for the next session, and throws the oldest away.
fn keep(state: &StateDir, path: &Path, archive: &[u8]) -> Result<(), Error> {
    let _lock = Lock::acquire(&state.skills())?;
    folder::write_file(path, archive)?;
    let kept = archives(state)?;
    for (sha256, _) in kept.iter().take(kept.len().saturating_sub(KEPT)) {
        folder::remove(&archive_path(state, sha256))?;
    }
    Ok(())
}

async fn report(
    line: &mut Line,
    id: &SessionId,
    copy: &Copy,
    drift: &mc_bundle::copies::Drift,
) -> Result<(), Status> {
    let request = wire::ReportSkillsRequest {
        session: id.to_string(),
        mission: copy.about.origin.first().cloned().unwrap_or_default(),
        kluster: copy.about.origin.get(1).cloned().unwrap_or_default(),
        version: copy.about.version.clone(),
        sha256: copy.about.sha256.clone(),
        changed: drift.changed.clone(),
        missing: drift.missing.clone(),
        added: drift.added.clone(),
    };
    let call = timeout(CALL_LIMIT, line.client.report_skills(request));
    call.await.unwrap_or_else(|_| Err(Status::deadline_exceeded("no answer in time")))?;
    Ok(())
}

/// Looks after the copies of living sessions: what was changed is told.
pub(super) async fn run(shared: &Shared, connection: &Connection) -> Result<Infallible, Lost> {
    // The sender lives as long as we do.
    let _ = shared.synced.subscribe().wait_for(|is_synced| *is_synced).await;
    let mut line = Line { client: connection.client.clone(), keys: Vec::new() };
    let mut told: HashMap<SessionId, (String, u64)> = HashMap::new();
    loop {
        let live: Vec<SessionId> = {
            let table = shared.table();
            table.sessions.iter().filter(|(_, tracked)| tracked.is_live()).map(|(id, _)| id.clone()).collect()
        };
        told.retain(|id, _| live.contains(id));
        for id in live {
            if let Err(error) = look(shared, &mut line, &id, &mut told).await {
                tracing::debug!(session.id = %id, "the skills of session {id} were not looked after: {error}");
            }
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

async fn look(
    shared: &Shared,
    line: &mut Line,
    id: &SessionId,
    told: &mut HashMap<SessionId, (String, u64)>,
) -> Result<(), Error> {
    let (state, session, known) = (shared.node.state().clone(), id.clone(), told.get(id).cloned());
    let seen = blocking(move || {
        let copies = copies(&state, &session);
        let Some(copy) = copies.current()? else { return Ok::<_, Error>(None) };
        let mark = (copy.folder.clone(), folder::fingerprint(&copies.path(&copy))?);
        if known.as_ref() == Some(&mark) {
            return Ok(None);
        }
        let drift = copies.drift(&copy)?;
        Ok(Some((copy, drift, mark)))
    });
    if let Some((copy, drift, mark)) = seen.await? {
        report(line, id, &copy, &drift).await.map_err(Box::new)?;
        told.insert(id.clone(), mark);
    }
    Ok(())
}

/// Whether a prompt would begin a turn now: under a running one the files stay as they are.
pub(super) fn is_between_turns(shared: &Shared, id: &SessionId) -> bool {
    let table = shared.table();
    let state = table.sessions.get(id).and_then(|tracked| tracked.committed).map(|(_, state)| state);
    !matches!(state, Some(SessionState::Running | SessionState::RequiresAction))
}

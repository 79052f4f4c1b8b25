//! The skills of agent sessions: what a node fetches for one, and what it says of its copy.
//!
//! A session follows the kluster of its task, or its mission when it has none.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mc_api::bundle::Drift;
use mc_api::id::{KlusterId, NodeId, SessionId};
use mc_proto::mesh_v1 as wire;

use super::model::Record;
use super::settle::agent_cx;
use super::store;
use crate::app::App;
use crate::db::Tx;
use crate::error::Error;
use crate::skills::effective::Holding;
use crate::skills::sync::{Copy, report_in};
use crate::{artifacts, klusters, missions, system_tx};

/// The node's own session; any other is absent.
async fn own(tx: &mut Tx, app: &App, node: NodeId, session: &str) -> Result<Record, Error> {
    let absent = || Error::not_found("agent session", session);
    let id: SessionId = session.parse().map_err(|_| absent())?;
    let record = store::find(tx, id, app.clock.now()).await?.ok_or_else(absent)?;
    if record.session.node_id == Some(node) { Ok(record) } else { Err(absent()) }
}

async fn kluster_of(tx: &mut Tx, record: &Record) -> Result<Option<KlusterId>, Error> {
    match record.session.task_id {
        Some(task) => Ok(artifacts::store::kluster_of_task(tx, task).await?),
        None => Ok(None),
    }
}

/// What holds for a session, and its archive unless the node has it.
///
/// # Errors
/// [`mc_api::ProblemKind::NotFound`] for a session of another node; database and object store failures.
pub(crate) async fn fetch(
    app: &App,
    node: NodeId,
    request: wire::FetchSkillsRequest,
) -> Result<(wire::SkillsHead, Vec<u8>), Error> {
    let holding = {
        let mut tx = app.db.begin_read().await?;
        let record = own(&mut tx, app, node, &request.session).await?;
        let cx = agent_cx(app, &record);
        let mission =
            missions::service::resolve(&mut tx, &cx, &record.session.mission_id.to_string()).await?;
        let kluster = match kluster_of(&mut tx, &record).await? {
            Some(id) => {
                Some(klusters::service::resolve(&mut tx, &cx, &id.to_string(), Some(mission.id)).await?)
            }
            None => None,
        };
        Holding::newest(&mut tx, mission, kluster).await?
    };
    let version = holding.version();
    if version == request.have_version {
        return Ok((wire::SkillsHead { version, is_same: true, ..wire::SkillsHead::default() }, Vec::new()));
    }
    let (snapshot, archive) = holding.build(app).await?;
    let archive = if request.have_sha256.contains(&snapshot.sha256) { Vec::new() } else { archive };
    let head = wire::SkillsHead {
        version,
        is_same: false,
        mission: snapshot.mission_id.to_string(),
        kluster: snapshot.kluster_id.map(|id| id.to_string()).unwrap_or_default(),
        sha256: snapshot.sha256,
        size: archive.len() as u64,
        key_id: snapshot.key_id,
        signature: STANDARD.decode(snapshot.signature).map_err(Error::internal)?,
    };
    Ok((head, archive))
}

/// Writes down what a node says of a session's copy.
///
/// # Errors
/// [`mc_api::ProblemKind::NotFound`], [`mc_api::ProblemKind::Validation`].
pub(crate) async fn report(app: &App, node: NodeId, request: wire::ReportSkillsRequest) -> Result<(), Error> {
    system_tx!(app, |tx| {
        let record = own(tx, app, node, &request.session).await?;
        let copy = Copy {
            mission: record.session.mission_id,
            kluster: kluster_of(tx, &record).await?,
            session: Some(record.id()),
            place: record.id().to_string(),
            effective_version: request.version.clone(),
            sha256: request.sha256.clone(),
            drift: Drift {
                changed: request.changed.clone(),
                missing: request.missing.clone(),
                added: request.added.clone(),
            },
        };
        copy.check()?;
        report_in(tx, &agent_cx(app, &record), &copy).await?;
        Ok(())
    })
}

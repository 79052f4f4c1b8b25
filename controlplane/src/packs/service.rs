//! Operations on packs.

use std::fs::File;

use mc_api::id::MissionId;
use mc_api::mission::Mission;
use mc_api::pack::{ExportMission, ImportPack, ImportResult, ImportedPack, Pack, SecretsMode};
use mc_api::{Action, Name, ProblemKind};
use serde::Serialize;

use super::format::nameless;
use super::rows::Rows;
use super::verify::{Plan, verify};
use super::{collect, export, import, store};
use crate::app::App;
use crate::db::Tx;
use crate::error::Error;
use crate::ledger::{self, Event};
use crate::objects::ByteStream;
use crate::op::OpCtx;
use crate::write::hex_digest;
use crate::{crash, missions, write, write_tx};

/// How often a mission is read again because a content was deleted while it was exported.
const LOOKS: u32 = 3;

/// An export that is ready to be sent.
pub struct Exported {
    /// What it is.
    pub pack: Pack,
    /// The bytes; absent for a dry run.
    pub file: Option<File>,
}

/// What the ledger keeps of an export.
#[derive(Serialize)]
struct Sent<'a> {
    #[serde(flatten)]
    pack: &'a Pack,
    mode: SecretsMode,
}

/// Exports a mission. Nothing is sent before the whole pack is written.
///
/// # Errors
/// [`ProblemKind::SecretsFound`] that lists where, [`ProblemKind::NotFound`], [`ProblemKind::Forbidden`].
pub async fn export(
    app: &App,
    cx: &OpCtx,
    reference: &str,
    request: ExportMission,
) -> Result<Exported, Error> {
    let mission = missions::service::resolve(&mut app.db.begin_read().await?, cx, reference).await?;
    let (mode, is_dry) = (request.secrets.unwrap_or_default(), request.dry_run == Some(true));
    let keeps = (mode == SecretsMode::Keep).then_some(Action::ExportSecrets);
    for action in [Action::ExportMission].into_iter().chain(keeps) {
        if let Err(error) = cx.authorize_in(action, mission.id) {
            return Err(write::refused(app, cx, error).await);
        }
    }
    let mut look = 0;
    let (written, mut counts, notes) = loop {
        look += 1;
        let collected = collect::collect(app, &mission, nameless(app)?).await?;
        let (counts, notes) = (collected.counts.clone(), collected.notes.clone());
        match export::write(app, mission.id, mode, collected, nameless(app)?).await {
            Ok(written) => break (written, counts, notes),
            // Deleted after the snapshot, and swept: the next one knows.
            Err(error) if error.kind == ProblemKind::Internal && look < LOOKS => {}
            Err(error) => return Err(error),
        }
    };
    counts.content_bytes = written.content_bytes;
    let pack = Pack {
        kind: "pack".into(),
        mission_id: mission.id,
        mission: mission.name.clone(),
        sha256: written.sha256,
        size_bytes: written.size_bytes,
        counts,
        secrets: written.secrets,
        secrets_found: written.secrets_found,
        notes,
    };
    if is_dry {
        return Ok(Exported { pack, file: None });
    }
    if mode == SecretsMode::Refuse && pack.secrets_found > 0 {
        let n = pack.secrets_found;
        return Err(Error {
            errors: pack.secrets,
            ..Error::new(
                ProblemKind::SecretsFound,
                format!(
                    "{n} texts look like credentials; replace them by a marker (scrub), or change the texts"
                ),
            )
        });
    }
    record(app, cx, &pack, mode).await?;
    Ok(Exported { pack, file: Some(written.file) })
}

async fn record(app: &App, cx: &OpCtx, pack: &Pack, mode: SecretsMode) -> Result<(), Error> {
    let body = serde_json::to_value(Sent { pack, mode }).map_err(Error::internal)?;
    let answer: serde_json::Value = write_tx!(app, cx, |tx| {
        let action = if mode == SecretsMode::Keep { Action::ExportSecrets } else { Action::ExportMission };
        let proof = cx.authorize_in(action, pack.mission_id)?;
        let event = Event {
            subject_kind: "mission",
            subject_id: pack.mission_id.to_string(),
            body: &body,
            before_sha256: None,
        };
        ledger::record(tx, cx, proof, event).await?;
        Ok(body.clone())
    })?;
    drop(answer);
    Ok(())
}

/// What an export would hold; nothing is written or recorded.
///
/// # Errors
/// As [`export()`], but what is found is in the answer.
pub async fn inspect(app: &App, cx: &OpCtx, reference: &str) -> Result<Pack, Error> {
    let request = ExportMission { secrets: None, dry_run: Some(true) };
    Ok(export(app, cx, reference, request).await?.pack)
}

/// What is here under the name that a pack would get.
enum Here {
    Nothing,
    /// It was made of this pack.
    Same(Mission),
    Other(Mission),
}

async fn here(tx: &mut Tx, cx: &OpCtx, name: &Name, sha256: &str) -> Result<Here, Error> {
    let Some(mission) = missions::store::find(tx, cx.caller.organization, name.as_str()).await? else {
        return Ok(Here::Nothing);
    };
    let pack = store::pack_of(tx, mission.id).await?;
    Ok(if pack.as_deref() == Some(sha256) { Here::Same(mission) } else { Here::Other(mission) })
}

fn taken(mission: &Mission) -> Error {
    Error::new(
        ProblemKind::NameTaken,
        format!(
            "a mission named {} is here, made of something else; import under another name",
            mission.name
        ),
    )
}

fn answer(plan: &Plan, mission: &Mission, result: ImportResult, notes: Vec<String>) -> ImportedPack {
    let kept = result != ImportResult::DryRun;
    ImportedPack {
        kind: "imported_pack".into(),
        result,
        sha256: plan.sha256.clone(),
        mission_id: kept.then_some(mission.id),
        mission: mission.name.clone(),
        key_prefix: kept.then(|| mission.key_prefix.clone()),
        counts: plan.counts.clone(),
        notes,
    }
}

/// Imports a pack as a new mission: everything or nothing.
///
/// # Errors
/// [`ProblemKind::PackInvalid`] that names the line and the entry, [`ProblemKind::NameTaken`],
/// [`ProblemKind::BodyTooLarge`], [`ProblemKind::Forbidden`].
pub async fn import(
    app: &App,
    mut cx: OpCtx,
    request: ImportPack,
    content: ByteStream,
) -> Result<(OpCtx, ImportedPack), Error> {
    if let Err(error) = cx.authorize(Action::ImportMission) {
        return Err(write::refused(app, &cx, error).await);
    }
    let file = import::receive(app, content).await?;
    let check = file.try_clone().map_err(Error::internal)?;
    let plan = tokio::task::spawn_blocking(move || verify(&check)).await.map_err(Error::internal)??;
    if let Some(key) = &mut cx.idempotency {
        key.body_sha256 = hex_digest(format!("{}\0{}", key.body_sha256, plan.sha256).as_bytes());
    }
    let name = request.name.clone().unwrap_or_else(|| plan.mission.name.clone());
    match here(&mut app.db.begin_read().await?, &cx, &name, &plan.sha256).await? {
        Here::Same(mission) => {
            let same = answer(&plan, &mission, ImportResult::Unchanged, Vec::new());
            return Ok((cx, same));
        }
        Here::Other(mission) => return Err(taken(&mission)),
        Here::Nothing => {}
    }
    let mut mission = plan.mission.clone();
    mission.name = name;
    let imported = if request.dry_run == Some(true) {
        answer(&plan, &mission, ImportResult::DryRun, Vec::new())
    } else {
        let ids = import::new_ids(&cx, &plan);
        mission.id = MissionId::from_uuid(ids[&plan.mission.id.as_uuid()]);
        mission.created_by = cx.caller.id;
        import::contents(app, mission.id, &file).await?;
        crash::point("pack-before-rows").await;
        let made = write_rows(app, &cx, (&plan, &ids, mission), &file).await?;
        // What a killed process did not index, the next start does.
        if let Err(error) = crate::search::fill(app).await {
            tracing::warn!(error = %error, "what was imported is not found yet: it could not be indexed");
        }
        made
    };
    Ok((cx, imported))
}

async fn write_rows(
    app: &App,
    cx: &OpCtx,
    (plan, ids, mission): (&Plan, &std::collections::HashMap<uuid::Uuid, uuid::Uuid>, Mission),
    file: &File,
) -> Result<ImportedPack, Error> {
    write_tx!(app, cx, |tx| {
        let proof = cx.authorize(Action::ImportMission)?.within(mission.id);
        store::lock(tx).await?;
        match here(tx, cx, &mission.name, &plan.sha256).await? {
            Here::Same(mission) => return Ok(answer(plan, &mission, ImportResult::Unchanged, Vec::new())),
            Here::Other(mission) => return Err(taken(&mission)),
            Here::Nothing => {}
        }
        let mut mission = mission.clone();
        let is_same = mission.name == plan.mission.name
            && !missions::store::prefix_taken(tx, cx.caller.organization, &mission.key_prefix).await?;
        if !is_same {
            mission.key_prefix = missions::service::key_prefix(tx, cx, mission.name.as_str()).await?;
        }
        let mut rows = Rows { tx, cx, proof, plan, mission, ids, notes: Vec::new(), bound: Vec::new() };
        rows.write(file).await?;
        crate::restore::refuse_unfinished(rows.tx).await?;
        let Rows { mission, mut notes, .. } = rows;
        if mission.key_prefix != plan.mission.key_prefix {
            notes.push(format!(
                "task keys begin with {} here, and with {} where they come from",
                mission.key_prefix, plan.mission.key_prefix
            ));
        }
        crash::point("pack-before-commit").await;
        Ok(answer(plan, &mission, ImportResult::Created, notes))
    })
}

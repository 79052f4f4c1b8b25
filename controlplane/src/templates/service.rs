//! Operations on task templates.

use mc_api::id::{MissionId, TemplateId};
use mc_api::overlap::TaskAnswer;
use mc_api::template::{CreateFromTemplate, CreateTemplate, TaskTemplate, TemplateBody};
use mc_api::{Action, Page, ProblemKind};

use super::{model, store};
use crate::app::App;
use crate::db::{DbError, Tx};
use crate::error::Error;
use crate::http::page;
use crate::ledger::{self, Event};
use crate::missions::service::changed_meanwhile;
use crate::op::OpCtx;
use crate::{missions, tasks, write_tx};

/// Finds a template that the caller may read, by id, or by name in a mission; with one of its versions.
///
/// # Errors
/// [`ProblemKind::NotFound`]; [`ProblemKind::AmbiguousReference`] for a name that several missions use.
async fn resolve(
    tx: &mut Tx,
    cx: &OpCtx,
    reference: &str,
    mission: Option<&str>,
    number: Option<i64>,
) -> Result<TaskTemplate, Error> {
    let mission = within(tx, cx, mission).await?;
    let id = reference.parse::<TemplateId>().ok();
    let name = if id.is_none() { Some(reference.to_owned()) } else { None };
    let wanted = store::Wanted { id, mission, name, number, limit: 2, ..store::Wanted::default() };
    let mut found = store::list(tx, cx.scope(Action::ReadTemplate), wanted).await?;
    match (found.pop(), found.is_empty()) {
        (None, _) => Err(match number {
            Some(number) => Error::not_found("template", format!("{reference} version {number}")),
            None => Error::not_found("template", reference),
        }),
        (Some(template), true) => Ok(template),
        (Some(_), false) => Err(Error::new(
            ProblemKind::AmbiguousReference,
            format!("several missions have a template {reference:?}; name the mission (?mission=)"),
        )),
    }
}

async fn within(tx: &mut Tx, cx: &OpCtx, mission: Option<&str>) -> Result<Option<MissionId>, Error> {
    match mission {
        Some(mission) => Ok(Some(missions::service::resolve(tx, cx, mission).await?.id)),
        None => Ok(None),
    }
}

fn event(after: &TaskTemplate, before_sha256: Option<String>) -> Event<'_, TaskTemplate> {
    Event { subject_kind: "template", subject_id: after.id.to_string(), body: after, before_sha256 }
}

/// Creates a template with its first version.
///
/// # Errors
/// [`ProblemKind::NameTaken`], [`ProblemKind::Validation`], [`ProblemKind::Forbidden`], [`ProblemKind::NotFound`].
pub async fn create(app: &App, cx: &OpCtx, request: CreateTemplate) -> Result<TaskTemplate, Error> {
    let body = TemplateBody {
        description: request.description.clone(),
        parameters: request.parameters.clone(),
        task: request.task.clone(),
    };
    model::check(&body)?;
    write_tx!(app, cx, |tx| {
        let mission = missions::service::resolve(tx, cx, &request.mission).await?;
        let proof = cx.authorize_in(Action::CreateTemplate, mission.id)?;
        missions::store::lock_shared(tx, mission.id).await?;
        let template = TaskTemplate {
            kind: "template".into(),
            id: TemplateId::from_uuid(cx.new_uuid()),
            name: request.name.clone(),
            mission_id: mission.id,
            mission: mission.name,
            latest_version: 1,
            number: 1,
            description: request.description.clone(),
            parameters: request.parameters.clone(),
            task: request.task.clone(),
            author_id: cx.caller.id,
            version: 1,
            created_by: cx.caller.id,
            created_at: cx.now(),
            updated_at: cx.now(),
        };
        store::insert(tx, cx.caller.organization, &template).await.map_err(|error| match error {
            DbError::Unique(_) => Error::new(
                ProblemKind::NameTaken,
                format!("mission {} has a template {}", template.mission, template.name),
            ),
            other => other.into(),
        })?;
        ledger::record(tx, cx, proof, event(&template, None)).await?;
        Ok(template)
    })
}

/// One template, with its newest version or the one named.
pub async fn get(
    app: &App,
    cx: &OpCtx,
    reference: &str,
    mission: Option<&str>,
    number: Option<i64>,
) -> Result<TaskTemplate, Error> {
    resolve(&mut app.db.begin_read().await?, cx, reference, mission, number).await
}

/// A page of templates in the order of their ids.
pub async fn list(
    app: &App,
    cx: &OpCtx,
    page: page::Request<TemplateId>,
    mission: Option<&str>,
) -> Result<Page<TaskTemplate>, Error> {
    let mut tx = app.db.begin_read().await?;
    let mission = within(&mut tx, cx, mission).await?;
    let wanted =
        store::Wanted { mission, after: page.after, limit: page.fetch(), ..store::Wanted::default() };
    let rows = store::list(&mut tx, cx.scope(Action::ReadTemplate), wanted).await?;
    Ok(page.cut(app, rows, |template| template.id))
}

/// The versions of a template, ascending, in pages.
pub async fn versions(
    app: &App,
    cx: &OpCtx,
    reference: &str,
    mission: Option<&str>,
    (limit, cursor): (Option<u32>, Option<&str>),
) -> Result<Page<TaskTemplate>, Error> {
    let mut tx = app.db.begin_read().await?;
    let template = resolve(&mut tx, cx, reference, mission, None).await?;
    let page = page::Request::<i64>::read(app, format!("versions of {}", template.id), limit, cursor)?;
    let rows = store::versions(&mut tx, template.id, page.after.unwrap_or(0), page.fetch()).await?;
    Ok(page.cut(app, rows, |version| version.number))
}

/// Writes the next version. The same text is no new version.
///
/// # Errors
/// [`ProblemKind::StaleVersion`], [`ProblemKind::Validation`], [`ProblemKind::Forbidden`], [`ProblemKind::NotFound`].
pub async fn put(
    app: &App,
    cx: &OpCtx,
    reference: &str,
    mission: Option<&str>,
    body: TemplateBody,
) -> Result<TaskTemplate, Error> {
    model::check(&body)?;
    write_tx!(app, cx, |tx| {
        let found = resolve(tx, cx, reference, mission, None).await?;
        let proof = cx.authorize_in(Action::UpdateTemplate, found.mission_id)?;
        if !store::lock(tx, found.id).await? {
            return Err(Error::not_found("template", reference));
        }
        let before = resolve(tx, cx, &found.id.to_string(), None, None).await?;
        cx.check_version(before.version)?;
        let mut after = before.clone();
        after.description.clone_from(&body.description);
        after.parameters.clone_from(&body.parameters);
        after.task.clone_from(&body.task);
        if after == before {
            return Ok(before);
        }
        after.latest_version += 1;
        after.number = after.latest_version;
        after.author_id = cx.caller.id;
        after.version += 1;
        after.updated_at = cx.now();
        if !store::replace(tx, before.version, &after).await? {
            return Err(changed_meanwhile());
        }
        store::insert_version(tx, &after).await?;
        ledger::record(tx, cx, proof, event(&after, ledger::digest_of(&before)?)).await?;
        Ok(after)
    })
}

/// Deletes a template; what it made stays.
///
/// # Errors
/// [`ProblemKind::StaleVersion`], [`ProblemKind::Forbidden`], [`ProblemKind::NotFound`].
pub async fn delete(app: &App, cx: &OpCtx, reference: &str, mission: Option<&str>) -> Result<(), Error> {
    write_tx!(app, cx, |tx| {
        let template = resolve(tx, cx, reference, mission, None).await?;
        let proof = cx.authorize_in(Action::DeleteTemplate, template.mission_id)?;
        cx.check_version(template.version)?;
        if !store::delete(tx, &template, cx.now()).await? {
            return Err(changed_meanwhile());
        }
        ledger::record(tx, cx, proof, event(&template, None)).await
    })
}

/// Creates a task of a template.
///
/// # Errors
/// [`ProblemKind::Validation`] that names the parameter; everything that creating a task answers.
pub async fn make(
    app: &App,
    cx: &OpCtx,
    reference: &str,
    mission: Option<&str>,
    request: CreateFromTemplate,
) -> Result<TaskAnswer, Error> {
    let template = get(app, cx, reference, mission, request.number).await?;
    tasks::service::create(app, cx, model::render(&template, &request)?).await
}

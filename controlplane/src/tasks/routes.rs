//! The HTTP door to tasks.

use axum::extract::State;
use axum::response::Response;
use futures_util::FutureExt as _;
use mc_api::id::TaskId;
use mc_api::task::{
    ClaimNextTask, ClaimTask, CompleteTask, CountBy, CreateTask, FailTask, Heartbeat, ReleaseTask,
    ReportProgress, Task, TaskCounts, TaskNote, TaskState, UpdateTask,
};
use mc_api::{Name, Page};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::service::{self, At, Narrow};
use crate::app::SharedApp;
use crate::error::Error;
use crate::http::{Cmd, Created, Ctx, DryRun, Found, Gone, Query, Ref, page};
use crate::watch;

/// What a list of tasks may be narrowed to.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListTasks {
    /// Only this one, by id or key: with `watch`, its changes alone.
    pub id: Option<String>,
    /// Mission id or name.
    pub mission: Option<String>,
    /// Kluster id or name.
    pub kluster: Option<String>,
    /// States, separated by commas.
    pub state: Option<String>,
    /// The task's name.
    pub name: Option<String>,
    /// The runtime that the task itself names.
    pub runtime: Option<String>,
    /// `key=value` or `key`, separated by commas.
    pub labels: Option<String>,
    /// 1 to 500, default 50.
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// Stream snapshot and changes (SSE) instead of a page.
    pub watch: Option<bool>,
    /// With `watch`: go on after this sequence number, without a snapshot.
    pub from: Option<i64>,
}

/// What tasks are counted by, and of what.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct CountTasks {
    /// Only of this mission (id or name).
    pub mission: Option<String>,
    /// Only of this kluster (id or name).
    pub kluster: Option<String>,
    /// `mission` or `kluster`; default: `kluster` when a mission or kluster is named.
    #[param(inline)]
    pub by: Option<CountBy>,
    /// 1 to 500, default 50.
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// Where a name is looked for.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct InKluster {
    /// Mission id or name.
    pub mission: Option<String>,
    /// Kluster id or name.
    pub kluster: Option<String>,
}

impl From<InKluster> for At {
    fn from(at: InKluster) -> Self {
        Self { mission: at.mission, kluster: at.kluster }
    }
}

async fn narrow(app: &SharedApp, cx: &crate::op::OpCtx, query: &ListTasks) -> Result<Narrow, Error> {
    let at = At { mission: query.mission.clone(), kluster: query.kluster.clone() };
    let (mission, kluster) = service::within(&mut app.db.begin_read().await?, cx, &at).boxed().await?;
    let states = query
        .state
        .as_deref()
        .map(|text| text.split(',').map(|word| word.trim().parse::<TaskState>()).collect());
    let states = states
        .transpose()
        .map_err(|error: mc_api::problem::UnknownWord| Error::invalid("?state", error.to_string()))?;
    let runtime = query.runtime.as_deref().map(str::parse::<Name>).transpose();
    let id = match query.id.as_deref().map(|reference| (reference, reference.parse::<TaskId>())) {
        None => None,
        // Whoever comes back with the id of what is gone is told so by the stream.
        Some((_, Ok(id))) => Some(id),
        Some((key, Err(_))) => Some(
            service::resolve(&mut app.db.begin_read().await?, cx, key, mission, kluster)
                .boxed()
                .await?
                .task
                .id,
        ),
    };
    Ok(Narrow {
        id,
        mission,
        kluster,
        name: query.name.clone(),
        states,
        runtime: runtime.map_err(|error| Error::invalid("?runtime", error.to_string()))?,
        labels: page::labels(query.labels.as_deref())?,
        held_by: None,
    })
}

/// Lists tasks, or streams their changes.
#[utoipa::path(get, path = "/api/v1/tasks", tag = "tasks", params(ListTasks), responses((status = 200, body = Page<Task>)))]
async fn list(
    State(app): State<SharedApp>,
    Ctx(cx): Ctx,
    Query(query): Query<ListTasks>,
) -> Result<Response, Error> {
    let narrow = narrow(&app, &cx, &query).boxed().await?;
    if query.watch == Some(true) {
        return watch::stream(app, cx, watch::Tasks { narrow }, query.from).boxed().await;
    }
    let page = page::Request::read(&app, format!("tasks {narrow:?}"), query.limit, query.cursor.as_deref())?;
    Ok(Found::answer(&cx, &service::list(&app, &cx, page, narrow).boxed().await?))
}

/// Creates a task.
#[utoipa::path(post, path = "/api/v1/tasks", tag = "tasks", params(DryRun), request_body = CreateTask, responses((status = 201, body = Task)))]
async fn create(
    State(app): State<SharedApp>,
    Query(dry): Query<DryRun>,
    Cmd(cx, body): Cmd<CreateTask>,
) -> Result<Response, Error> {
    if dry.dry_run == Some(true) {
        return Ok(Created::answer(&cx, &service::rehearse(&app, &cx, body).boxed().await?));
    }
    Ok(Created::answer(&cx, &service::create(&app, &cx, body).boxed().await?))
}

/// Claims the best ready task that matches: highest priority, then oldest.
#[utoipa::path(post, path = "/api/v1/tasks/claim", tag = "tasks", request_body = ClaimNextTask, responses((status = 200, body = Task)))]
async fn claim_next(
    State(app): State<SharedApp>,
    Cmd(cx, body): Cmd<ClaimNextTask>,
) -> Result<Response, Error> {
    Ok(Found::answer(&cx, &service::claim_next(&app, &cx, body).boxed().await?))
}

/// One task by id, key, or name with mission and kluster.
#[utoipa::path(get, path = "/api/v1/tasks/{ref}", tag = "tasks", params(("ref" = String, Path), InKluster), responses((status = 200, body = Task)))]
async fn get(
    State(app): State<SharedApp>,
    Ctx(cx): Ctx,
    Ref(reference): Ref,
    Query(at): Query<InKluster>,
) -> Result<Response, Error> {
    Ok(Found::answer(&cx, &service::get(&app, &cx, &reference, &at.into()).boxed().await?))
}

/// Changes a task (JSON Merge Patch).
#[utoipa::path(patch, path = "/api/v1/tasks/{ref}", tag = "tasks", params(("ref" = String, Path), InKluster), request_body(content = UpdateTask, content_type = "application/merge-patch+json"), responses((status = 200, body = Task)))]
async fn update(
    State(app): State<SharedApp>,
    Ref(reference): Ref,
    Query(at): Query<InKluster>,
    Cmd(cx, body): Cmd<UpdateTask>,
) -> Result<Response, Error> {
    Ok(Found::answer(&cx, &service::update(&app, &cx, &reference, &at.into(), body).boxed().await?))
}

/// Deletes a task that nobody works on or waits for.
#[utoipa::path(delete, path = "/api/v1/tasks/{ref}", tag = "tasks", params(("ref" = String, Path), InKluster), responses((status = 204)))]
async fn delete(
    State(app): State<SharedApp>,
    Ctx(cx): Ctx,
    Ref(reference): Ref,
    Query(at): Query<InKluster>,
) -> Result<Response, Error> {
    service::delete(&app, &cx, &reference, &at.into()).boxed().await?;
    Ok(Gone::answer(&cx))
}

/// How many tasks are in which state, by mission or kluster.
#[utoipa::path(get, path = "/api/v1/task-counts", tag = "tasks", params(CountTasks), responses((status = 200, body = Page<TaskCounts>)))]
async fn counts(
    State(app): State<SharedApp>,
    Ctx(cx): Ctx,
    Query(query): Query<CountTasks>,
) -> Result<Response, Error> {
    let is_narrow = query.mission.is_some() || query.kluster.is_some();
    let by = query.by.unwrap_or(if is_narrow { CountBy::Kluster } else { CountBy::Mission });
    let name = format!("task-counts {by} {:?} {:?}", query.mission, query.kluster);
    let (limit, cursor) = (query.limit, query.cursor.as_deref());
    let found = match by {
        CountBy::Mission if query.kluster.is_some() => {
            return Err(Error::invalid("?kluster", "only with by=kluster"));
        }
        CountBy::Mission => {
            let page = page::Request::read(&app, name, limit, cursor)?;
            service::counts_by_mission(&app, &cx, page, query.mission.as_deref()).boxed().await?
        }
        CountBy::Kluster => {
            let page = page::Request::read(&app, name, limit, cursor)?;
            let at = At { mission: query.mission, kluster: query.kluster };
            service::counts_by_kluster(&app, &cx, page, &at).boxed().await?
        }
    };
    Ok(Found::answer(&cx, &found))
}

macro_rules! moves {
    ($($(#[doc = $doc:literal])* $name:ident($body:ty) = $path:literal;)+) => {
        $(
            $(#[doc = $doc])*
            #[utoipa::path(post, path = $path, tag = "tasks", params(("ref" = String, Path), InKluster), request_body = $body, responses((status = 200, body = Task)))]
            async fn $name(
                State(app): State<SharedApp>,
                Ref(reference): Ref,
                Query(at): Query<InKluster>,
                Cmd(cx, body): Cmd<$body>,
            ) -> Result<Response, Error> {
                Ok(Found::answer(&cx, &service::$name(&app, &cx, &reference, &at.into(), body).boxed().await?))
            }
        )+
        fn move_routes() -> OpenApiRouter<SharedApp> {
            OpenApiRouter::new()$(.routes(routes!($name)))+
        }
    };
}

moves! {
    /// Claims this task.
    claim(ClaimTask) = "/api/v1/tasks/{ref}/claim";
    /// Renews the lease.
    heartbeat(Heartbeat) = "/api/v1/tasks/{ref}/heartbeat";
    /// Reports progress and renews the lease.
    progress(ReportProgress) = "/api/v1/tasks/{ref}/progress";
    /// Completes the task.
    complete(CompleteTask) = "/api/v1/tasks/{ref}/complete";
    /// Gives the task up.
    fail(FailTask) = "/api/v1/tasks/{ref}/fail";
    /// Gives the claim back.
    release(ReleaseTask) = "/api/v1/tasks/{ref}/release";
    /// Calls the task off.
    cancel(TaskNote) = "/api/v1/tasks/{ref}/cancel";
    /// Holds the task until it is unblocked.
    block(TaskNote) = "/api/v1/tasks/{ref}/block";
    /// Lets a blocked task go on.
    unblock(TaskNote) = "/api/v1/tasks/{ref}/unblock";
    /// Tries a failed task again.
    retry(TaskNote) = "/api/v1/tasks/{ref}/retry";
    /// Passes one review gate.
    accept(TaskNote) = "/api/v1/tasks/{ref}/accept";
    /// Sends a task in review back.
    reject(TaskNote) = "/api/v1/tasks/{ref}/reject";
}

/// The routes.
pub fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(counts))
        .routes(routes!(claim_next))
        .routes(routes!(get, update, delete))
        .merge(move_routes())
}

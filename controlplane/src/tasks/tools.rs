//! Tasks as tools for agents.

use futures_util::FutureExt as _;
use mc_api::task::{
    ClaimNextTask, ClaimTask, CompleteTask, CreateTask, FailTask, Heartbeat, ReleaseTask, ReportProgress,
    Task, TaskNote, TaskState, UpdateTask,
};
use mc_api::tool::{CountTasksOf, ListTaskAssignments, ListTasks, NoArguments, TaskRef};
use mc_api::{Action, Page};

use super::service::{self, At, Holder, Narrow};
use crate::app::{App, SharedApp};
use crate::error::Error;
use crate::http::page;
use crate::mcp::Tool;
use crate::op::OpCtx;

impl From<&TaskRef> for At {
    fn from(task: &TaskRef) -> Self {
        Self { mission: task.mission.clone(), kluster: task.kluster.clone() }
    }
}

async fn narrow(app: &App, cx: &OpCtx, wanted: ListTasks) -> Result<Narrow, Error> {
    let at = At { mission: wanted.mission, kluster: wanted.kluster };
    let (mission, kluster) = service::within(&mut app.db.begin_read().await?, cx, &at).boxed().await?;
    Ok(Narrow {
        id: None,
        mission,
        kluster,
        name: None,
        states: wanted.states,
        runtime: wanted.runtime,
        labels: page::labels(wanted.labels.as_deref())?,
        held_by: None,
    })
}

async fn assignments(
    app: SharedApp,
    cx: OpCtx,
    wanted: ListTaskAssignments,
    _: NoArguments,
) -> Result<Page<Task>, Error> {
    let at = At { mission: wanted.mission_id, kluster: wanted.kluster_id };
    let (mission, kluster) = service::within(&mut app.db.begin_read().await?, &cx, &at).boxed().await?;
    let holder = wanted.agent_id.map_or(Holder::Id(cx.caller.id), Holder::named);
    // Whoever holds a claim that lives has begun, or is about to.
    let states = Some(vec![TaskState::Claimed, TaskState::Running]);
    let narrow = Narrow { mission, kluster, states, held_by: Some(holder), ..Narrow::default() };
    let name = format!("assignments {narrow:?}");
    let page = page::Request::read(&app, name, wanted.limit, wanted.cursor.as_deref())?;
    service::list(&app, &cx, page, narrow).boxed().await
}

/// A tool that moves one task.
macro_rules! on_task {
    ($name:literal, $action:ident, $body:ty, $operation:ident, $description:literal) => {
        Tool::new($name, Action::$action, $description, |app, cx, task: TaskRef, body: $body| async move {
            service::$operation(&app, &cx, &task.task, &At::from(&task), body).boxed().await
        })
    };
}

/// The tools.
pub fn tools() -> Vec<Tool> {
    let mut tools = reading();
    tools.extend(working());
    tools.extend(steering());
    tools
}

fn reading() -> Vec<Tool> {
    let list = |app: SharedApp, cx: OpCtx, wanted: ListTasks, _: NoArguments| async move {
        let (limit, cursor) = (wanted.limit, wanted.cursor.clone());
        let narrow = narrow(&app, &cx, wanted).boxed().await?;
        let page = page::Request::read(&app, format!("tasks {narrow:?}"), limit, cursor.as_deref())?;
        service::list(&app, &cx, page, narrow).boxed().await
    };
    let count = |app: SharedApp, cx: OpCtx, wanted: CountTasksOf, _: NoArguments| async move {
        let name = format!("task-counts tool {:?} {:?}", wanted.mission, wanted.kluster);
        if wanted.mission.is_none() && wanted.kluster.is_none() {
            let page = page::Request::read(&app, name, wanted.limit, wanted.cursor.as_deref())?;
            return service::counts_by_mission(&app, &cx, page, None).boxed().await;
        }
        let page = page::Request::read(&app, name, wanted.limit, wanted.cursor.as_deref())?;
        let at = At { mission: wanted.mission, kluster: wanted.kluster };
        service::counts_by_kluster(&app, &cx, page, &at).boxed().await
    };
    let get = |app: SharedApp, cx: OpCtx, task: TaskRef, _: NoArguments| async move {
        service::get(&app, &cx, &task.task, &At::from(&task)).boxed().await
    };
    vec![
        Tool::new(
            "list_tasks",
            Action::ReadTask,
            "Lists tasks, oldest first, narrowed by mission, kluster, states, runtime or labels; in pages.",
            list,
        )
        .read_only(),
        Tool::new(
            "count_tasks",
            Action::ReadTask,
            "How many tasks are in which state: for each mission, or for each kluster of a mission.",
            count,
        )
        .read_only(),
        Tool::new(
            "get_task",
            Action::ReadTask,
            "One task with its state, dependencies, claim and result.",
            get,
        )
        .read_only(),
        Tool::new(
            "list_task_assignments",
            Action::ReadTask,
            "Lists tasks whose claim lives, with the claim: yours, or those of the agent that you name; in pages.",
            assignments,
        )
        .read_only(),
    ]
}

fn working() -> Vec<Tool> {
    vec![
        Tool::new(
            "create_task",
            Action::CreateTask,
            "Creates a task in a kluster. It becomes ready when the tasks it depends on are done.",
            |app, cx, _: NoArguments, body: CreateTask| async move {
                service::create(&app, &cx, body).boxed().await
            },
        ),
        on_task!(
            "update_task",
            UpdateTask,
            UpdateTask,
            update,
            "Changes a task's title, description, priority, dependencies or labels; what is absent stays."
        ),
        on_task!(
            "claim_task",
            ClaimTask,
            ClaimTask,
            claim,
            "Claims one task for you. Keep `attempt` of the answer: it goes with every report."
        ),
        Tool::new(
            "claim_next_task",
            Action::ClaimTask,
            "Claims the best ready task that matches: highest priority, then oldest. Keep `attempt` of the answer.",
            |app, cx, _: NoArguments, body: ClaimNextTask| async move {
                service::claim_next(&app, &cx, body).boxed().await
            },
        ),
        on_task!(
            "heartbeat_task",
            HeartbeatTask,
            Heartbeat,
            heartbeat,
            "Renews the lease of your claim without saying anything new."
        ),
        on_task!(
            "progress_task",
            ProgressTask,
            ReportProgress,
            progress,
            "Reports how far you are (percent and a note) and renews the lease of your claim."
        ),
        on_task!(
            "complete_task",
            CompleteTask,
            CompleteTask,
            complete,
            "Completes your task with a result in words, an artifact, or both. It is reviewed first when it has gates."
        ),
        on_task!(
            "fail_task",
            FailTask,
            FailTask,
            fail,
            "Gives your task up with the reason; with retryable it becomes ready again while attempts are left."
        ),
        on_task!(
            "release_task",
            ReleaseTask,
            ReleaseTask,
            release,
            "Gives your claim back, so that somebody else may take the task."
        ),
    ]
}

fn steering() -> Vec<Tool> {
    vec![
        on_task!(
            "block_task",
            SteerTask,
            TaskNote,
            block,
            "Blocks a task with a note that says why; only unblock_task takes it out."
        ),
        on_task!("unblock_task", SteerTask, TaskNote, unblock, "Takes a block away."),
        on_task!(
            "cancel_task",
            SteerTask,
            TaskNote,
            cancel,
            "Calls a task off; its holder is refused from then on."
        ),
        on_task!("retry_task", SteerTask, TaskNote, retry, "Makes a failed task ready again."),
        Tool::new(
            "delete_task",
            Action::DeleteTask,
            "Deletes a task that nobody works on, waits for, or is part of.",
            |app, cx, task: TaskRef, _: NoArguments| async move {
                service::delete(&app, &cx, &task.task, &At::from(&task)).boxed().await
            },
        ),
    ]
}

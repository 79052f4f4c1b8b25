//! `mc pause`, `mc resume`, `mc set`.

use mc_api::auth::SetRole;
use mc_api::kluster::{Kluster, UpdateKluster};
use mc_api::mission::{Mission, UpdateMission};
use mc_api::task::{Task, UpdateTask};
use mc_client::Scope;

use super::get::done;
use super::reference;
use crate::args::{Named, SetCommand};
use crate::context::Invocation;
use crate::exit::Failure;
use crate::kind::Kind;

/// Holds a mission back or lets it go on.
pub(super) async fn pause(cx: &Invocation, args: Named, paused: bool) -> anyhow::Result<()> {
    if args.kind.kind != Kind::Mission {
        let message = format!("a {} cannot be paused; a mission can", args.kind.kind);
        return Err(Failure::Usage(message).into());
    }
    let reference = reference(&args.kind, args.reference)?;
    let patch = UpdateMission { paused: Some(paused), ..UpdateMission::default() };
    let mission = cx.client()?.update::<Mission>(&reference, &Scope::default(), &patch, None).await?;
    done(cx, &mission, if paused { "paused" } else { "resumed" })
}

/// Sets one thing of one object.
pub(super) async fn set(cx: &Invocation, command: SetCommand) -> anyhow::Result<()> {
    match command {
        SetCommand::Policy(policy) => super::overlap::set_policy(cx, policy).await,
        SetCommand::Capacity { most, none: _ } => {
            let patch = UpdateKluster { max_running: Some(most), ..UpdateKluster::default() };
            let what = most.map_or("no capacity".to_owned(), |most| format!("capacity {most}"));
            kluster(cx, &patch, &what).await
        }
        SetCommand::Runtime { runtime, none: _ } => {
            let what = runtime.as_ref().map_or("no runtime".to_owned(), |name| format!("runtime {name}"));
            let patch = UpdateKluster { runtime: Some(runtime), ..UpdateKluster::default() };
            kluster(cx, &patch, &what).await
        }
        SetCommand::Role { principal, role, none: _ } => {
            // Only what is written with the command counts: a role in the organization is not meant for one mission
            // because a context names it, nor the other way round.
            let body = SetRole { mission: cx.global.mission.clone(), role };
            let changed = cx.client()?.set_role(&principal, &body).await?;
            let place =
                cx.global.mission.as_ref().map(|mission| format!(" in {mission}")).unwrap_or_default();
            let what = role.map_or_else(|| "no role".to_owned(), |role| role.to_string());
            done(cx, &changed, &format!("{what}{place}"))
        }
        SetCommand::Priority { reference, priority } => {
            let patch = UpdateTask { priority: Some(Some(priority)), ..UpdateTask::default() };
            let task = cx.client()?.update::<Task>(&reference, &cx.scope()?, &patch, None).await?;
            done(cx, &task, &format!("priority {priority}"))
        }
    }
}

async fn kluster(cx: &Invocation, patch: &UpdateKluster, what: &str) -> anyhow::Result<()> {
    let scope = Scope { mission: Some(cx.mission()?), kluster: None };
    let kluster = cx.client()?.update::<Kluster>(&cx.kluster()?, &scope, patch, None).await?;
    done(cx, &kluster, what)
}

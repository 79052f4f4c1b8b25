//! Which nodes could take a task, and what comes before it.

use mc_api::task::Task;
use mc_api::why::{Cause, Hinders, WhyCode, fix as fixes};
use mc_api::{Action, Name};

use super::{With as _, cause};
use crate::app::App;
use crate::db::Tx;
use crate::error::Error;
use crate::op::OpCtx;
use crate::sessions::fit::{self, Unfit};
use crate::sessions::store::{self, NodeRow};
use crate::tasks;
use crate::tasks::service::held;

/// At most so many nodes are named.
const MOST: usize = 20;

/// What keeps every node from taking the task now; empty when one of them would take it next.
pub(super) async fn causes(
    tx: &mut Tx,
    app: &App,
    cx: &OpCtx,
    task: &Task,
    runtime: &Name,
) -> Result<Vec<Cause>, Error> {
    let now = cx.now();
    let (mut fitting, mut unfit) = (Vec::new(), Vec::new());
    for node in store::list_nodes(tx, app.organization).await? {
        let live = store::live_on(tx, node.node_id).await?;
        match fit::of(&node, runtime.as_str(), live, now)? {
            Ok(_) => fitting.push(node),
            Err(Unfit::NoRuntime) => {}
            Err(why) => unfit.push((node, why)),
        }
    }
    if fitting.is_empty() {
        return Ok(none_fits(cx, runtime, &unfit));
    }
    line(tx, cx, task, &fitting).await
}

fn none_fits(cx: &OpCtx, runtime: &Name, unfit: &[(NodeRow, Unfit)]) -> Vec<Cause> {
    // Nodes belong to the organization; whoever has a role in single missions only does not learn their names.
    let may_name = cx.authorize(Action::ReadNode).is_ok();
    if unfit.is_empty() {
        let sentence = format!("no node has the runtime {runtime}");
        let one = cause(WhyCode::NoNode, Hinders::Node, sentence);
        return vec![if may_name { one.fixed_by(fixes::create_join_token()) } else { one }];
    }
    let named = |(node, why): &(NodeRow, Unfit)| {
        let name = if may_name { format!("node {}", node.name) } else { "a node".to_owned() };
        let (code, sentence, fix) = match why {
            Unfit::Cordoned => (
                WhyCode::NodeCordoned,
                format!(
                    "{name} has the runtime {runtime} and is {}",
                    if node.draining { "drained" } else { "cordoned" }
                ),
                fixes::uncordon_node(&node.name),
            ),
            Unfit::Unreachable => (
                WhyCode::NodeUnreachable,
                format!(
                    "{name} has the runtime {runtime} and was not heard of since its lease ended at {}",
                    node.lease_until
                ),
                fixes::describe_node(&node.name),
            ),
            Unfit::Full { slots } => (
                WhyCode::NodeFull,
                format!("{name} has the runtime {runtime} and all of its {slots} slots are taken"),
                fixes::get_sessions_on(&node.name),
            ),
            Unfit::NoRuntime => return None,
        };
        let one = cause(code, Hinders::Node, sentence);
        Some(if may_name { one.of("node", &node.name).fixed_by(fix) } else { one })
    };
    unfit.iter().take(MOST).filter_map(named).collect()
}

/// What the nodes that could take the task would take before it.
async fn line(tx: &mut Tx, cx: &OpCtx, task: &Task, fitting: &[NodeRow]) -> Result<Vec<Cause>, Error> {
    let mut first = None;
    for node in fitting {
        let runtimes: Vec<String> = node
            .facts()?
            .runtimes
            .into_iter()
            .filter(|found| found.available)
            .map(|found| found.name)
            .collect();
        match held::front(tx, cx.caller.organization, &runtimes).await? {
            Some(id) if id == task.id => return Ok(Vec::new()),
            other => first = first.or(other),
        }
    }
    let Some(first) = first else { return Ok(Vec::new()) };
    let before = match tasks::service::resolve(tx, cx, &first.to_string(), None, None).await {
        Ok(found) => Some(found.task),
        // Of a mission that the caller may not read.
        Err(error) if error.kind == mc_api::ProblemKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let one = |sentence: String| cause(WhyCode::InLine, Hinders::Node, sentence);
    Ok(vec![match before {
        Some(other) => {
            let why = if other.priority > task.priority { "has the higher priority" } else { "is older" };
            one(format!(
                "{} is taken first: priority {} against {}; it {why}",
                other.key, other.priority, task.priority
            ))
            .of("task", &other.key)
            .fixed_by(fixes::set_priority(&task.key, &(other.priority + 1).min(100)))
        }
        None => one("a task of another mission is taken first".into()),
    }])
}

//! `mc why`.

use mc_api::why::{Cause, TaskWhy, WhyObject};

use super::reference;
use crate::args::Named;
use crate::context::Invocation;
use crate::exit::Failure;
use crate::kind::Kind;
use crate::table;

pub(super) async fn run(cx: &Invocation, args: Named) -> anyhow::Result<()> {
    if args.kind.kind != Kind::Task {
        let message = format!("`mc why` explains tasks; write `mc why task REF`, not a {}", args.kind.kind);
        return Err(Failure::Usage(message).into());
    }
    let reference = reference(&args.kind, args.reference)?;
    let why = cx.client()?.why_task(&reference, &cx.scope()?).await?;
    cx.out.value(&why, || text(&why))
}

/// One line that says how it stands, and a row per cause.
fn text(why: &TaskWhy) -> String {
    let stands = match (why.claimable, why.schedulable) {
        (true, true) => "nothing is in the way; the next node that asks takes it",
        (true, false) => "it can be claimed; no node takes it by itself",
        (false, _) => "it cannot be claimed",
    };
    let mut text = format!("{} is {}: {stands}\n", why.key, why.state);
    if !why.causes.is_empty() {
        let rows = why.causes.iter().map(row).collect();
        text.push_str(&table::render(&["CODE", "HINDERS", "OBJECT", "WHY", "FIX"], rows, false));
    }
    text
}

fn row(cause: &Cause) -> Vec<String> {
    let named = |object: &WhyObject| format!("{}/{}", object.kind, object.name);
    let object = match (&cause.object, &cause.root) {
        (Some(object), Some(root)) => format!("{} < {}", named(object), named(root)),
        (Some(object), None) => named(object),
        (None, _) => "-".to_owned(),
    };
    vec![
        cause.code.to_string(),
        cause.hinders.to_string(),
        object,
        cause.sentence.clone(),
        cause.fix.clone().unwrap_or_else(|| "-".to_owned()),
    ]
}

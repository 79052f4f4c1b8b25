//! `mc delete`.

use mc_api::ProblemKind;
use mc_client::{Client, Deletable};

use super::get::find;
use super::references;
use crate::args::Delete;
use crate::context::Invocation;
use crate::exit::{Exit, Failure};
use crate::kind::Kind;
use crate::view::View;

pub(super) async fn run(cx: &Invocation, args: Delete) -> anyhow::Result<()> {
    match args.kind.kind {
        Kind::Mission => delete::<mc_api::mission::Mission>(cx, args).await,
        Kind::Kluster => delete::<mc_api::kluster::Kluster>(cx, args).await,
        Kind::Task => delete::<mc_api::task::Task>(cx, args).await,
        Kind::Artifact => delete::<mc_api::artifact::Artifact>(cx, args).await,
        Kind::Session => {
            Err(Failure::Usage("a session is stopped, not deleted: `mc session stop SESSION`".into()).into())
        }
        Kind::Node => delete::<mc_api::node::Node>(cx, args).await,
        Kind::JoinToken => delete::<mc_api::node::JoinToken>(cx, args).await,
        kind @ (Kind::Approval | Kind::Publication | Kind::Turn | Kind::Principal) => {
            Err(Failure::Usage(format!("a {kind} cannot be deleted; it is part of the record")).into())
        }
    }
}

async fn delete<V: View + Deletable>(cx: &Invocation, args: Delete) -> anyhow::Result<()> {
    let client = cx.client()?;
    let references = references(&args.kind, args.references)?;
    if references.is_empty() {
        return Err(Failure::Usage(format!("which {}? An id, key or name is needed", args.kind.kind)).into());
    }
    for reference in references {
        match one::<V>(cx, &client, &reference).await {
            Ok(item) => cx.out.did(V::KIND, &item.reference(), "deleted")?,
            Err(error) if args.ignore_not_found && Exit::of(&error) == Exit::NotFound => {
                cx.out.talk(&format!("{}/{reference} does not exist", V::KIND));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Deletes what the reference means now, by its id: a name that is given anew in between means something else.
async fn one<V: View + Deletable>(cx: &Invocation, client: &Client, reference: &str) -> anyhow::Result<V> {
    let scope = cx.scope()?;
    let item: V = find(client, reference, &scope).await?;
    match client.delete::<V>(&item.id(), &scope, None).await {
        // A repetition whose first answer was lost finds nothing left to do.
        Err(error) if error.problem_kind() == Some(ProblemKind::NotFound) => Ok(item),
        Err(error) => Err(error.into()),
        Ok(()) => Ok(item),
    }
}

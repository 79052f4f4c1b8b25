//! `mc delete`.

use anyhow::Context as _;
use mc_api::ProblemKind;
use mc_api::doc::Doc;
use mc_api::kluster::Kluster;
use mc_api::mission::Mission;
use mc_api::task::Task;
use mc_client::{Client, Deletable, Scope};

use super::doc::in_place;
use super::get::{find, selected};
use super::references;
use crate::apply;
use crate::args::{Delete, Selector};
use crate::context::Invocation;
use crate::exit::{Exit, Failure};
use crate::kind::{Kind, Target};
use crate::manifests::Documents;
use crate::view::View;

pub(super) async fn run(cx: &Invocation, args: Delete) -> anyhow::Result<()> {
    let Some(target) = &args.kind else { return described(cx, &args).await };
    if let Some(selector) = &args.selector {
        return match target.kind {
            Kind::Mission => chosen::<Mission>(cx, &args, (target, selector)).await,
            Kind::Kluster => chosen::<Kluster>(cx, &args, (target, selector)).await,
            Kind::Task => chosen::<Task>(cx, &args, (target, selector)).await,
            Kind::Artifact => chosen::<mc_api::artifact::Artifact>(cx, &args, (target, selector)).await,
            Kind::Doc => chosen::<Doc>(cx, &args, (target, selector)).await,
            kind => Err(Failure::Usage(format!("a {kind} is not selected by labels; name it")).into()),
        };
    }
    let named = references(target, args.references.clone())?;
    if named.is_empty() {
        return Err(Failure::Usage(format!("which {}? An id, key or name is needed", target.kind)).into());
    }
    match target.kind {
        Kind::Mission => delete::<Mission>(cx, &args, named).await,
        Kind::Kluster => delete::<Kluster>(cx, &args, named).await,
        Kind::Task => delete::<Task>(cx, &args, named).await,
        Kind::Artifact => delete::<mc_api::artifact::Artifact>(cx, &args, named).await,
        Kind::Reservation => release(cx, &args, named).await,
        Kind::Template => delete::<mc_api::template::TaskTemplate>(cx, &args, named).await,
        Kind::Doc => delete::<Doc>(cx, &args, named).await,
        Kind::Session => {
            Err(Failure::Usage("a session is stopped, not deleted: `mc session stop SESSION`".into()).into())
        }
        Kind::Skill => {
            let message = "a version of skills is history: take it out of use with `mc skill deprecate`";
            Err(Failure::Usage(message.into()).into())
        }
        Kind::Node => delete::<mc_api::node::Node>(cx, &args, named).await,
        Kind::JoinToken => delete::<mc_api::node::JoinToken>(cx, &args, named).await,
        Kind::Connection => delete::<mc_api::persistence::Connection>(cx, &args, named).await,
        Kind::Binding => delete::<mc_api::persistence::Binding>(cx, &args, named).await,
        kind @ (Kind::Approval | Kind::Publication | Kind::Turn | Kind::Principal | Kind::Overlap) => {
            Err(Failure::Usage(format!("a {kind} cannot be deleted; it is part of the record")).into())
        }
    }
}

/// Deletes all with the labels; more than one only when that was said.
async fn chosen<V: View + Deletable>(
    cx: &Invocation,
    args: &Delete,
    (target, selector): (&Target, &Selector),
) -> anyhow::Result<()> {
    let client = cx.client()?;
    let found = selected::<V>(cx, &client, target, selector).await?;
    if found.is_empty() {
        cx.out.talk(&format!("no {} with {selector} found", V::COLLECTION));
        return Ok(());
    }
    if found.len() > 1 && !args.yes {
        let names: Vec<String> = found.iter().take(5).map(View::reference).collect();
        let more = if found.len() > names.len() { " …" } else { "" };
        let message = format!(
            "{} {} have {selector} ({}{more}); --yes deletes them all",
            found.len(),
            V::COLLECTION,
            names.join(", ")
        );
        return Err(Failure::Usage(message).into());
    }
    for item in found {
        // By its id: what was found is what goes.
        each::<V>(cx, args, &client, &item.id(), &Scope::default()).await?;
    }
    Ok(())
}

/// Deletes what manifests describe, in the reverse of the order in which `apply` makes it.
async fn described(cx: &Invocation, args: &Delete) -> anyhow::Result<()> {
    let documents = Documents::read(&args.files)?;
    let client = cx.client()?;
    for doc in documents.docs.iter().rev() {
        let (mission, kluster, name) = apply::place(&doc.metadata);
        let scope = Scope { mission: Some(mission), kluster: Some(kluster).filter(|name| !name.is_empty()) };
        // A name without a kluster could mean a doc of one of the klusters.
        let found = in_place(&client, &name, &scope).await.with_context(|| doc.source.clone())?;
        let reference = found.map_or(name, |doc| doc.id.to_string());
        each::<Doc>(cx, args, &client, &reference, &scope).await.with_context(|| doc.source.clone())?;
    }
    for task in apply::order(documents.tasks)?.iter().rev() {
        let (mission, kluster, name) = apply::place(&task.metadata);
        let scope = Scope { mission: Some(mission), kluster: Some(kluster) };
        each::<Task>(cx, args, &client, &name, &scope).await.with_context(|| task.source.clone())?;
    }
    for kluster in documents.klusters.iter().rev() {
        let (mission, _, name) = apply::place(&kluster.metadata);
        let scope = Scope { mission: Some(mission), kluster: None };
        each::<Kluster>(cx, args, &client, &name, &scope).await.with_context(|| kluster.source.clone())?;
    }
    for mission in documents.missions.iter().rev() {
        let (_, _, name) = apply::place(&mission.metadata);
        each::<Mission>(cx, args, &client, &name, &Scope::default())
            .await
            .with_context(|| mission.source.clone())?;
    }
    Ok(())
}

/// A reservation is released; it stays in the record.
async fn release(cx: &Invocation, args: &Delete, references: Vec<String>) -> anyhow::Result<()> {
    let client = cx.client()?;
    for reference in references {
        match client.release_reservation(&reference).await {
            Ok(reservation) => cx.out.did("reservation", &reference, &reservation.state.to_string())?,
            Err(error) if args.ignore_not_found && error.problem_kind() == Some(ProblemKind::NotFound) => {
                cx.out.talk(&format!("reservation/{reference} does not exist"));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

async fn delete<V: View + Deletable>(
    cx: &Invocation,
    args: &Delete,
    references: Vec<String>,
) -> anyhow::Result<()> {
    let client = cx.client()?;
    for reference in references {
        each::<V>(cx, args, &client, &reference, &cx.scope()?).await?;
    }
    Ok(())
}

async fn each<V: View + Deletable>(
    cx: &Invocation,
    args: &Delete,
    client: &Client,
    reference: &str,
    scope: &Scope,
) -> anyhow::Result<()> {
    match one::<V>(client, reference, scope).await {
        Ok(item) => cx.out.did(V::KIND, &item.reference(), "deleted"),
        Err(error) if args.ignore_not_found && Exit::of(&error) == Exit::NotFound => {
            cx.out.talk(&format!("{}/{reference} does not exist", V::KIND));
            Ok(())
        }
        Err(error) => Err(error),
    }
}

/// Deletes what the reference means now, by its id: a name that is given anew in between means something else.
async fn one<V: View + Deletable>(client: &Client, reference: &str, scope: &Scope) -> anyhow::Result<V> {
    let item: V = find(client, reference, scope).await?;
    match client.delete::<V>(&item.id(), scope, None).await {
        // A repetition whose first answer was lost finds nothing left to do.
        Err(error) if error.problem_kind() == Some(ProblemKind::NotFound) => Ok(item),
        Err(error) => Err(error.into()),
        Ok(()) => Ok(item),
    }
}

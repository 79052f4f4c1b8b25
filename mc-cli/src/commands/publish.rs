//! `mc publish`.

use std::time::Duration;

use mc_api::artifact::Artifact;
use mc_api::id::ArtifactId;
use mc_api::persistence::{EntityKind, EntityRef, PlanPublication};
use mc_api::publication::{CreatePublication, Publication, PublicationState};
use mc_client::{Client, ListQuery, Scope};
use tokio::time::Instant;

use super::get::{artifact_named, collect, done};
use crate::args::{Publish, PublishCommand};
use crate::context::Invocation;
use crate::exit::Failure;
use crate::output::lines;
use crate::table;

pub(super) async fn run(cx: &Invocation, args: Publish) -> anyhow::Result<()> {
    let client = cx.client()?;
    match args.command {
        Some(PublishCommand::Withdraw { publications }) => {
            for id in publications {
                done(cx, &client.withdraw_publication(&id).await?, "withdrawn")?;
            }
            return Ok(());
        }
        Some(PublishCommand::Retry { publications }) => return retry(cx, &client, publications).await,
        None => {}
    }
    let (publications, left_out) = if args.pending {
        super::persistence::publish_pending(cx, args.to.clone()).await?
    } else {
        let (mission, entities) = named(cx, &client, &args).await?;
        if args.plan {
            return plan(cx, &client, mission, entities).await;
        }
        let body = CreatePublication { mission, artifacts: Vec::new(), entities, message: args.message };
        (vec![client.create::<Publication>(&body).await?], 0)
    };
    if publications.is_empty() && left_out == 0 {
        cx.out.talk("everything is published, or asked for");
    }
    for mut publication in publications {
        if publication.state == PublicationState::AwaitingApproval {
            cx.out.talk(&format!("it needs an approval: mc approve {}", publication.approval_id));
        }
        if args.wait {
            publication = settled(&client, publication, args.timeout).await?;
        }
        let what = match (&publication.commit, publication.state) {
            (Some(commit), _) => format!("published as commit {commit}"),
            (None, state) => state.to_string(),
        };
        done(cx, &publication, &what)?;
        if args.wait && matches!(publication.state, PublicationState::Failed | PublicationState::Withdrawn) {
            let why = publication.last_error.unwrap_or_else(|| publication.state.to_string());
            return Err(
                Failure::Refused(format!("publication {} was not committed: {why}", publication.id)).into()
            );
        }
        if args.wait && publication.state == PublicationState::Rejected {
            return Err(Failure::Refused(format!(
                "the publication was not approved; see approval {}",
                publication.approval_id
            ))
            .into());
        }
    }
    Ok(())
}

async fn retry(cx: &Invocation, client: &Client, publications: Vec<String>) -> anyhow::Result<()> {
    for id in publications {
        let retried = client.retry_publication(&id).await?;
        for new in &retried.replaced_by {
            cx.out.talk(&format!(
                "its routes lead elsewhere now; it needs an approval: mc approve {}",
                new.approval_id
            ));
        }
        cx.out.value(&retried, || {
            let (id, state) = (retried.publication.id, retried.publication.state);
            let new = retried.replaced_by.iter();
            let new = new.map(|new| format!("publication/{} asks for the same at its new place", new.id));
            lines(std::iter::once(format!("publication/{id} is {state}")).chain(new))
        })?;
    }
    Ok(())
}

/// The mission, and what is named in it.
async fn named(cx: &Invocation, client: &Client, args: &Publish) -> anyhow::Result<(String, Vec<EntityRef>)> {
    let mission = cx.mission()?;
    let mut entities = Vec::new();
    for text in &args.entities {
        let kind =
            text.split_once('/').and_then(|(kind, rest)| Some((kind.parse::<EntityKind>().ok()?, rest)));
        let (kind, reference) = kind.unwrap_or((EntityKind::Artifact, text));
        let entity_id = if kind == EntityKind::Artifact && reference.parse::<ArtifactId>().is_err() {
            artifact_named(client, reference, Some(&mission)).await?.id.to_string()
        } else {
            reference.to_owned()
        };
        entities.push(EntityRef { entity_type: kind, entity_id });
    }
    if let Some(task) = &args.task {
        let query =
            ListQuery { mission: Some(mission.clone()), task: Some(task.clone()), ..ListQuery::default() };
        let found = collect::<Artifact>(client, query, None).await?.items;
        if found.is_empty() {
            return Err(
                Failure::NotFound(format!("task {task} has no artifacts in mission {mission}")).into()
            );
        }
        entities.extend(found.iter().map(|artifact| EntityRef {
            entity_type: EntityKind::Artifact,
            entity_id: artifact.id.to_string(),
        }));
    }
    if entities.is_empty() {
        let message = "what is to be published? KIND/REF, the name of an artifact, --task REF or --pending";
        return Err(Failure::Usage(message.into()).into());
    }
    Ok((mission, entities))
}

async fn plan(
    cx: &Invocation,
    client: &Client,
    mission: String,
    entities: Vec<EntityRef>,
) -> anyhow::Result<()> {
    let plan = client.plan_publication(&PlanPublication { mission, entities }).await?;
    let rows = plan.items.iter().map(|planned| {
        let target = planned.binding.as_ref().map_or_else(|| "git ledger".to_owned(), ToString::to_string);
        let entity = format!("{}/{}", planned.item.entity_type, planned.item.entity_id);
        vec![planned.change.to_string(), target, planned.branch.clone(), planned.item.path.clone(), entity]
    });
    let table = table::render(&["CHANGE", "TARGET", "BRANCH", "FILE", "ENTITY"], rows.collect(), true);
    cx.out.value(&plan, || {
        let own = if plan.self_approval { ", may be given by who asks" } else { "" };
        format!(
            "{table}{} publication(s), each needs an approval{own}; nothing was changed\n",
            plan.publications
        )
    })
}

async fn settled(
    client: &Client,
    mut publication: Publication,
    timeout: Duration,
) -> anyhow::Result<Publication> {
    let end = Instant::now() + timeout;
    let mut pause = Duration::from_millis(100);
    loop {
        match publication.state {
            PublicationState::Published
            | PublicationState::Rejected
            | PublicationState::Failed
            | PublicationState::Withdrawn => return Ok(publication),
            PublicationState::AwaitingApproval if Instant::now() >= end => {
                return Err(Failure::ApprovalNeeded(format!(
                    "nobody decided within the time; it goes on after `mc approve {}`",
                    publication.approval_id
                ))
                .into());
            }
            PublicationState::Queued if Instant::now() >= end => {
                return Err(Failure::Timeout("approved, but not committed within the time".into()).into());
            }
            PublicationState::AwaitingApproval | PublicationState::Queued => {}
        }
        tokio::time::sleep(pause.min(end.saturating_duration_since(Instant::now()))).await;
        pause = (pause * 3 / 2).min(Duration::from_secs(1));
        publication = client.get(&publication.id.to_string(), &Scope::default()).await?;
    }
}

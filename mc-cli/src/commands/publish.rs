//! `mc publish`.

use std::time::Duration;

use mc_api::artifact::Artifact;
use mc_api::publication::{CreatePublication, Publication, PublicationState};
use mc_client::{Client, ListQuery, Scope};
use tokio::time::Instant;

use super::get::{artifact_named, collect, done};
use crate::args::Publish;
use crate::context::Invocation;
use crate::exit::Failure;

pub(super) async fn run(cx: &Invocation, args: Publish) -> anyhow::Result<()> {
    let client = cx.client()?;
    let mission = cx.mission()?;
    let mut artifacts = Vec::new();
    for reference in &args.artifacts {
        artifacts.push(match reference.parse() {
            Ok(id) => id,
            Err(_) => artifact_named(&client, reference, Some(&mission)).await?.id,
        });
    }
    if let Some(task) = args.task {
        let query =
            ListQuery { mission: Some(mission.clone()), task: Some(task.clone()), ..ListQuery::default() };
        let found = collect::<Artifact>(&client, query, None).await?.items;
        if found.is_empty() {
            return Err(
                Failure::NotFound(format!("task {task} has no artifacts in mission {mission}")).into()
            );
        }
        artifacts.extend(found.iter().map(|artifact| artifact.id));
    }
    artifacts.sort_unstable();
    artifacts.dedup();
    if artifacts.is_empty() {
        return Err(Failure::Usage("what is to be published? Name artifacts, or --task REF".into()).into());
    }
    let body = CreatePublication { mission, artifacts, message: args.message };
    let mut publication = client.create::<Publication>(&body).await?;
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
    if args.wait && publication.state == PublicationState::Rejected {
        return Err(Failure::Refused(format!(
            "the publication was not approved; see approval {}",
            publication.approval_id
        ))
        .into());
    }
    Ok(())
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
            PublicationState::Published | PublicationState::Rejected => return Ok(publication),
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

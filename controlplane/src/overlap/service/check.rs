//! What creating something would overlap, asked without creating it.

use mc_api::overlap::{CheckOverlap, OverlapCheck, OverlapKind};
use mc_api::{Action, ProblemKind};

use super::{Asked, Compared, best, examine, judged};
use crate::app::App;
use crate::error::Error;
use crate::op::OpCtx;
use crate::overlap::{model, prepared, texts};
use crate::search::content;
use crate::search::index::{self, Family};
use crate::{klusters, tasks};

/// What creating a task, a doc or an artifact would overlap. Nothing is changed.
///
/// # Errors
/// [`ProblemKind::Validation`], [`ProblemKind::NotFound`].
pub async fn check(app: &App, cx: &OpCtx, request: CheckOverlap) -> Result<OverlapCheck, Error> {
    let kind = request.kind.unwrap_or(OverlapKind::Task);
    check_request(kind, &request)?;
    let most = match request.limit {
        None => 5,
        Some(limit @ 1..=20) => limit as usize,
        Some(_) => return Err(Error::invalid("/limit", "1 to 20")),
    };
    if !app.detects_overlap {
        return Err(Error::new(
            ProblemKind::InvalidTransition,
            "overlap detection is switched off on this server (MC_OVERLAP_DETECTION)",
        ));
    }
    let mut tx = app.db.begin_read().await?;
    let mission = crate::missions::service::resolve(&mut tx, cx, &request.mission).await?;
    cx.authorize_in(Action::ReadOverlap, mission.id)?;
    let kluster = match &request.kluster {
        Some(kluster) => Some(klusters::service::resolve(&mut tx, cx, kluster, Some(mission.id)).await?),
        None => None,
    };
    let policy = texts::policy(&mut tx, &mission, kluster.as_ref()).await?;
    // No connection is held while a provider is asked.
    drop(tx);
    let (family, action, body) = match kind {
        OverlapKind::Task => (Family::Work, Action::ReadTask, request.description.as_str()),
        OverlapKind::Doc | OverlapKind::Artifact => {
            (Family::Texts, Action::ReadDoc, content::head(&request.description))
        }
    };
    let text = prepared::prepare_as(kind.as_str(), &request.title, body, &request.paths);
    let near = app.embeddings.asked(app, cx.caller.id, &request.title, index::kept(body)).await;
    let mut tx = app.db.begin_read().await?;
    let scope = cx.scope(action);
    let asked = Asked { family, mission: mission.id, own: None, scope, after: 0, near };
    let found = examine(&mut tx, cx.caller.organization, &asked, &text).await?;
    let same: Vec<Compared> =
        found.iter().filter(|compared| compared.finding.candidate.kind == kind.as_str()).cloned().collect();
    let decision = model::decide(&policy, mission.id, &judged(&policy, &same), &[]);
    let suggestions = best(mission.id, found, most).into_iter().map(|compared| compared.finding).collect();
    Ok(OverlapCheck { suggestions, decision, policy })
}

/// Refuses what could not be created either.
fn check_request(kind: OverlapKind, request: &CheckOverlap) -> Result<(), Error> {
    match kind {
        OverlapKind::Task => {
            tasks::service::check_text_of(&request.title, &request.description, &request.paths)?;
            if request.kluster.is_none() {
                return Err(Error::invalid("/kluster", "a task stands in a kluster; name it"));
            }
        }
        OverlapKind::Doc => {
            crate::docs::model::check_title("/title", &request.title)?;
            crate::docs::model::check_content("/description", &request.description)?;
        }
        OverlapKind::Artifact => {
            crate::artifacts::model::check_name_at("/title", &request.title)?;
            crate::docs::model::check_content("/description", &request.description)?;
        }
    }
    if kind != OverlapKind::Task && !request.paths.is_empty() {
        return Err(Error::invalid("/paths", "only tasks declare paths"));
    }
    Ok(())
}

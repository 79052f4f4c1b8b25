//! Keystones: what a mission is for and what a kluster is about, as docs that begin with a template.
//!
//! The template is made of the mission or kluster alone, so that asking twice gives the same text. A keystone that exists
//! is never written over.

use mc_api::doc::{DEFAULT_MEDIA_TYPE, Doc, DocContent, InitKeystone, NORTH_STAR, WORKSTREAM};
use mc_api::id::MissionId;
use mc_api::kluster::Kluster;
use mc_api::mission::Mission;
use mc_api::{Action, Labels, Name, ProblemKind};

use super::service::{self, New, Text};
use super::store;
use crate::app::App;
use crate::db::Tx;
use crate::error::Error;
use crate::op::{OpCtx, Scope};
use crate::overlap::texts::Watch;
use crate::tasks::service::At;
use crate::{missions, write_tx};

/// The reserved name in a kluster, or directly in a mission.
fn name(in_kluster: bool) -> Result<Name, Error> {
    let name = if in_kluster { WORKSTREAM } else { NORTH_STAR };
    name.parse().map_err(Error::internal)
}

/// What a team has to say in a north star.
fn north_star(mission: &Mission) -> String {
    let purpose = section(
        &mission.description,
        "What changes for whom when this mission succeeds? One paragraph that a newcomer understands.",
    );
    format!(
        "# North star: {name}\n\n\
         ## Purpose\n\n{purpose}\n\n\
         ## Outcomes\n\n\
         What will be true, and how it is measured. An outcome without a measure is a wish.\n\n\
         | outcome | measure | today | target | by when |\n|---|---|---|---|---|\n| | | | | |\n\n\
         ## Out of scope\n\nWhat we will not do here, even if it is asked for, and where it belongs instead.\n\n- \n\n\
         ## Constraints\n\nWhat we cannot change: budgets, dates, rules, systems, people.\n\n- \n\n\
         ## Current bets\n\n\
         What we try now because we believe it leads to an outcome, and what would make us stop.\n\n\
         | bet | outcome it serves | we stop when |\n|---|---|---|\n| | | |\n\n\
         ## Decisions\n\nThe newest first: what was decided, why, and what it closes.\n\n\
         | date | decision | reason |\n|---|---|---|\n| | | |\n\n\
         ## Open questions\n\nWhat we do not know and who finds out.\n\n- \n",
        name = mission.name,
    )
}

/// What a team has to say in a workstream.
fn workstream(mission: &Mission, kluster: &Kluster) -> String {
    let purpose = section(
        &kluster.description,
        "Which part of the mission is done here, and why is it a part of its own?",
    );
    format!(
        "# Workstream: {name}\n\n\
         Part of the mission {mission}; its north star says what all of this is for.\n\n\
         ## Purpose\n\n{purpose}\n\n\
         ## Outcomes\n\n\
         What this workstream delivers, and how anybody can check it.\n\n\
         | outcome | measure | target |\n|---|---|---|\n| | | |\n\n\
         ## Out of scope\n\nWhat neighbouring klusters do, and what nobody does.\n\n- \n\n\
         ## Constraints\n\nInterfaces to keep, files and systems to leave alone, rules for agents that work here.\n\n- \n\n\
         ## Current bets\n\nThe approach taken now, and what would make us change it.\n\n- \n\n\
         ## Decisions\n\nThe newest first: what was decided, why, and what it closes.\n\n\
         | date | decision | reason |\n|---|---|---|\n| | | |\n\n\
         ## Open questions\n\nWhat blocks or may surprise us, and who finds out.\n\n- \n",
        name = kluster.name,
        mission = mission.name,
    )
}

/// What is known already, else the question to answer.
fn section(known: &str, question: &str) -> String {
    let known = known.trim();
    if known.is_empty() { question.to_owned() } else { known.to_owned() }
}

async fn find(
    tx: &mut Tx,
    cx: &OpCtx,
    mission: MissionId,
    kluster: Option<&Kluster>,
) -> Result<Option<Doc>, Error> {
    let wanted = store::Wanted {
        mission: Some(mission),
        kluster: kluster.map(|kluster| kluster.id),
        direct: kluster.is_none(),
        name: Some(name(kluster.is_some())?.to_string()),
        limit: 1,
        ..store::Wanted::default()
    };
    Ok(store::list(tx, Scope::Organization(cx.caller.organization), wanted).await?.pop())
}

/// Makes the keystone of a mission or kluster from its template, unless there is one: then that is the answer.
///
/// # Errors
/// [`ProblemKind::Forbidden`], [`ProblemKind::NotFound`].
pub async fn init(app: &App, cx: &OpCtx, request: InitKeystone) -> Result<Doc, Error> {
    let (mission, kluster) =
        service::place(app, cx, &request.mission, request.kluster.as_deref(), Action::CreateDoc).await?;
    let (title, content) = match &kluster {
        Some(kluster) => (format!("Workstream: {}", kluster.name), workstream(&mission, kluster)),
        None => (format!("North star: {}", mission.name), north_star(&mission)),
    };
    let text = Text::store(app, mission.id, content).await?;
    let new = New {
        name: name(kluster.is_some())?,
        title,
        media_type: DEFAULT_MEDIA_TYPE.to_owned(),
        note: "made from the template".to_owned(),
        labels: Labels::default(),
        annotations: Labels::default(),
    };
    let watch = Watch::quiet(app);
    write_tx!(app, cx, |tx| {
        // Alone, so that of two who ask at once the second finds what the first made.
        missions::store::lock(tx, mission.id).await?;
        let kluster = service::still_there(tx, cx, kluster.as_ref()).await?;
        if let Some(doc) = find(tx, cx, mission.id, kluster.as_ref()).await? {
            return Ok(doc);
        }
        let place = (&mission, kluster.as_ref());
        Ok(service::create_in(tx, cx, place, &new, (&text, &watch)).await?.doc)
    })
}

/// The keystone of a mission or kluster, with its newest text.
///
/// # Errors
/// [`ProblemKind::NotFound`], also when it was not made yet.
pub async fn get(app: &App, cx: &OpCtx, mission: &str, kluster: Option<&str>) -> Result<DocContent, Error> {
    let (mission, kluster) = service::place(app, cx, mission, kluster, Action::ReadDoc).await?;
    let found = find(&mut app.db.begin_read().await?, cx, mission.id, kluster.as_ref()).await?;
    let Some(doc) = found else {
        let name = name(kluster.is_some())?;
        let place = kluster.map_or(mission.name, |kluster| kluster.name);
        let detail = format!("{place} has no {name} yet; `mc keystone init` makes one");
        return Err(Error::new(ProblemKind::NotFound, detail));
    };
    service::content(app, cx, &doc.id.to_string(), &At::default(), None).await
}

//! Who has which skills. An observation of whoever has them: it is ledgered when it says something new.

use mc_api::bundle::{Drift, MAX_DRIFT};
use mc_api::id::{KlusterId, MissionId, SessionId, SkillSyncId};
use mc_api::skill::{ReportSkills, SkillSync};
use mc_api::{Action, Page};
use mc_ledger::Digest;

use super::{model, store};
use crate::app::App;
use crate::db::Tx;
use crate::error::Error;
use crate::http::page;
use crate::ledger::{self, Event};
use crate::missions::service::check_text;
use crate::op::{OpCtx, Scope};
use crate::tasks::service::{At, within};
use crate::{klusters, missions, write_tx};

/// Copies that one principal may have in a mission.
const MAX_COPIES: i64 = 1000;
/// The longest path that a drift names, in bytes.
const MAX_PATH: usize = 1024;

/// What is said of a copy, checked.
pub(crate) struct Copy {
    pub(crate) mission: MissionId,
    pub(crate) kluster: Option<KlusterId>,
    pub(crate) session: Option<SessionId>,
    pub(crate) place: String,
    pub(crate) effective_version: String,
    pub(crate) sha256: String,
    pub(crate) drift: Drift,
}

impl Copy {
    /// Refuses what no honest reporter says.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let length = self.place.chars().count();
        if !(1..=300).contains(&length) || self.place.chars().any(char::is_control) {
            return Err(Error::invalid("/place", "1 to 300 characters, no control characters"));
        }
        if model::parse_effective(&self.effective_version).is_none() {
            return Err(Error::invalid("/effective_version", "m<n>-k<n>, such as m3-k1"));
        }
        if self.sha256.parse::<Digest>().is_err() {
            return Err(Error::invalid("/sha256", "64 lowercase hex digits"));
        }
        let lists = [
            ("changed", &self.drift.changed),
            ("missing", &self.drift.missing),
            ("added", &self.drift.added),
        ];
        for (name, list) in lists {
            let pointer = format!("/drift/{name}");
            if list.len() > MAX_DRIFT {
                return Err(Error::invalid(pointer, format!("at most {MAX_DRIFT} paths")));
            }
            for path in list {
                check_text(&pointer, path, MAX_PATH)?;
            }
        }
        Ok(())
    }
}

/// Writes down what is said of a copy of the caller's, in another operation's transaction.
pub(crate) async fn report_in(tx: &mut Tx, cx: &OpCtx, copy: &Copy) -> Result<SkillSync, Error> {
    let proof = cx.authorize_in(Action::ReportSkill, copy.mission)?;
    let wanted = || store::SyncWanted {
        mission: Some(copy.mission),
        principal: Some(cx.caller.id),
        place: Some(copy.place.clone()),
        limit: 1,
        ..store::SyncWanted::default()
    };
    let everything = || Scope::Organization(cx.caller.organization);
    let before = store::list_sync(tx, everything(), wanted()).await?.pop();
    if before.is_none() && store::count_sync(tx, cx.caller.id, copy.mission).await? >= MAX_COPIES {
        return Err(Error::invalid(
            "/place",
            format!("at most {MAX_COPIES} copies of one principal in a mission"),
        ));
    }
    let said = store::Said {
        id: before.as_ref().map_or_else(|| SkillSyncId::from_uuid(cx.new_uuid()), |before| before.id),
        organization: cx.caller.organization,
        mission: copy.mission,
        kluster: copy.kluster,
        principal: cx.caller.id,
        session: copy.session,
        place: &copy.place,
        effective_version: &copy.effective_version,
        sha256: &copy.sha256,
        drift: &copy.drift,
        at: cx.now(),
    };
    store::put_sync(tx, &said).await?;
    let after = store::list_sync(tx, everything(), wanted()).await?.pop();
    let after = after.ok_or_else(|| Error::not_found("copy of the skills", &copy.place))?;
    let is_known = before.as_ref().is_some_and(|before| {
        (&before.effective_version, &before.sha256, &before.drift, before.kluster_id)
            == (&after.effective_version, &after.sha256, &after.drift, after.kluster_id)
    });
    if !is_known {
        let before_sha256 = match &before {
            Some(before) => ledger::digest_of(before)?,
            None => None,
        };
        let event = Event {
            subject_kind: "skill_sync",
            subject_id: after.id.to_string(),
            body: &after,
            before_sha256,
        };
        ledger::record(tx, cx, proof, event).await?;
    }
    Ok(after)
}

/// Says which skills the caller has somewhere.
///
/// # Errors
/// [`mc_api::ProblemKind::Validation`], [`mc_api::ProblemKind::Forbidden`], [`mc_api::ProblemKind::NotFound`].
pub async fn report(app: &App, cx: &OpCtx, request: ReportSkills) -> Result<SkillSync, Error> {
    write_tx!(app, cx, |tx| {
        let mission = missions::service::resolve(tx, cx, &request.mission).await?;
        let kluster = match &request.kluster {
            Some(kluster) => Some(klusters::service::resolve(tx, cx, kluster, Some(mission.id)).await?.id),
            None => None,
        };
        let copy = Copy {
            mission: mission.id,
            kluster,
            session: cx.caller.grant.as_ref().and_then(|grant| grant.session),
            place: request.place.clone(),
            effective_version: request.effective_version.clone(),
            sha256: request.sha256.clone(),
            drift: request.drift.clone(),
        };
        copy.check()?;
        report_in(tx, cx, &copy).await
    })
}

/// What a list of copies is narrowed to.
#[derive(Debug, Clone, Default)]
pub struct Narrow {
    /// Mission and kluster.
    pub at: At,
    /// Of this agent session.
    pub session: Option<String>,
}

/// A page of copies in the order of their ids.
///
/// # Errors
/// [`mc_api::ProblemKind::NotFound`], [`mc_api::ProblemKind::Validation`].
pub async fn list(
    app: &App,
    cx: &OpCtx,
    narrow: Narrow,
    (limit, cursor): (Option<u32>, Option<&str>),
) -> Result<Page<SkillSync>, Error> {
    let mut tx = app.db.begin_read().await?;
    let (mission, kluster) = within(&mut tx, cx, &narrow.at).await?;
    let session = narrow.session.as_deref().map(str::parse::<SessionId>).transpose();
    let session = session.map_err(|error| Error::invalid("?session", error.to_string()))?;
    let name = format!("skill copies {mission:?} {kluster:?} {session:?}");
    let page = page::Request::<SkillSyncId>::read(app, name, limit, cursor)?;
    let wanted = store::SyncWanted {
        mission,
        kluster,
        session,
        after: page.after,
        limit: page.fetch(),
        ..store::SyncWanted::default()
    };
    let rows = store::list_sync(&mut tx, cx.scope(Action::ReadSkill), wanted).await?;
    Ok(page.cut(app, rows, |copy| copy.id))
}

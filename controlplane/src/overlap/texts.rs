//! Overlap of texts: docs and artifacts, inside the mutation that writes them.
//!
//! Texts are compared with texts, never with tasks: a task says what is to be done and a text what is known, so that a
//! task and its own design doc share their words rightly, and nothing would follow from telling. A doc and an artifact
//! are told of each other, since the same text kept twice is the same knowledge; only one of the same kind refuses.

use std::sync::Arc;

use mc_api::Action;
use mc_api::Timestamp;
use mc_api::id::{KlusterId, MissionId, OrganizationId};
use mc_api::kluster::Kluster;
use mc_api::mission::Mission;
use mc_api::overlap::{OverlapKind, OverlapMode, OverlapPolicy, OverlapSide, OverlapSuggestion};
use mc_overlap::Prepared;
use uuid::Uuid;

use super::service::{self, Asked, Compared};
use super::{prepared, store};
use crate::app::App;
use crate::db::{DbError, Tx};
use crate::embeddings::{Embeddings, Near};
use crate::error::Error;
use crate::klusters;
use crate::op::{OpCtx, Proof};
use crate::search::content::Content;
use crate::search::index::{self, Document, Family, Look};

/// At most this many suggestions are kept for one mutation.
const MOST_KEPT: usize = 5;
/// At most this many overlapping texts are named by one request.
const MOST_NAMED: usize = 64;

/// A doc or an artifact.
pub(crate) struct Subject<'a> {
    pub(crate) kind: OverlapKind,
    pub(crate) mission: MissionId,
    pub(crate) kluster: Option<KlusterId>,
    pub(crate) id: Uuid,
    pub(crate) name: &'a str,
    pub(crate) title: &'a str,
    pub(crate) content: &'a Content,
    pub(crate) at: Timestamp,
    /// Whether it was there before.
    pub(crate) is_known: bool,
}

impl Subject<'_> {
    fn prepared(&self) -> Prepared {
        prepared::prepare_as(self.kind.as_str(), self.title, self.content.head(), &[])
    }

    fn side(&self) -> OverlapSide {
        OverlapSide {
            kind: self.kind.as_str().to_owned(),
            id: store::shown(self.kind.as_str(), self.id),
            key: Some(self.name.to_owned()),
            title: self.title.to_owned(),
            mission_id: self.mission,
            done: false,
        }
    }

    fn document(&self, organization: OrganizationId, (look, saw_before): (Look, i64)) -> Document<'_> {
        Document {
            organization,
            mission: self.mission,
            kluster: self.kluster,
            kind: self.kind.as_str(),
            id: self.id,
            key: Some(self.name),
            title: self.title,
            body: self.content.head(),
            content: Some(self.content),
            paths: &[],
            done: false,
            look,
            saw_before,
            at: self.at,
        }
    }
}

/// What a text was found to overlap before the transaction that writes it.
struct Looked {
    text: Prepared,
    found: Vec<Compared>,
    saw_before: i64,
}

/// How a text that is about to be written is watched.
pub(crate) struct Watch {
    is_indexed: bool,
    policy: Option<OverlapPolicy>,
    named: Vec<String>,
    looked: Option<Looked>,
    embeddings: Arc<Embeddings>,
}

impl Watch {
    /// Found later, and compared with nothing: keystones, which are one of their kind in a place, and what an agent said
    /// last in its turn.
    pub(crate) fn quiet(app: &App) -> Self {
        Self {
            is_indexed: app.detects_overlap,
            policy: None,
            named: Vec::new(),
            looked: None,
            embeddings: app.embeddings.clone(),
        }
    }

    /// The same without comparing.
    pub(crate) fn hushed(&self) -> Self {
        Self {
            is_indexed: self.is_indexed,
            policy: None,
            named: Vec::new(),
            looked: None,
            embeddings: self.embeddings.clone(),
        }
    }

    /// Compared in its transaction, under the policy of its place.
    ///
    /// # Errors
    /// [`mc_api::ProblemKind::Validation`] for too many or unreadable names, database failures.
    pub(crate) async fn of(
        tx: &mut Tx,
        app: &App,
        (mission, kluster): (&Mission, Option<KlusterId>),
        named: &[String],
    ) -> Result<Self, Error> {
        crate::tasks::service::check_words("/acknowledge_overlap", named, MOST_NAMED)?;
        let policy = match kluster {
            _ if !app.detects_overlap => None,
            Some(kluster) => Some(klusters::store::policy(tx, kluster).await?),
            None => Some(mission.overlap_policy.unwrap_or_default()),
        };
        Ok(Self {
            is_indexed: app.detects_overlap,
            policy,
            named: named.to_vec(),
            looked: None,
            embeddings: app.embeddings.clone(),
        })
    }

    /// Whether more may be found of a text once its own vector is there.
    pub(crate) fn is_pending(&self, cx: &OpCtx, title: &str, content: &Content) -> bool {
        self.is_indexed
            && self.policy.is_some()
            && content.is_compared()
            && self.embeddings.is_awaited(cx.caller.id, title, content.head())
    }

    /// Whether the transaction has to hold the mission's lock alone, since the policy may refuse.
    pub(crate) fn is_alone(&self) -> bool {
        self.policy.is_some_and(|policy| policy.mode != OverlapMode::Suggest)
    }

    /// Compares before the transaction where nobody waits for anybody: what is committed beside is compared afterwards.
    pub(crate) async fn ahead(
        mut self,
        app: &App,
        cx: &OpCtx,
        (mission, own): (MissionId, Option<Uuid>),
        (title, content): (&str, &Content),
    ) -> Result<Self, Error> {
        if self.policy.is_some() && !self.is_alone() && content.is_compared() {
            let text = prepared::prepare_as(OverlapKind::Doc.as_str(), title, content.head(), &[]);
            let near = self.embeddings.known_to(cx.caller.id, title, content.head());
            let mut tx = app.db.begin_read().await?;
            let saw_before = index::horizon(&mut tx).await?;
            let found = overlaps(&mut tx, cx, mission, (own, near), &text).await?;
            self.looked = Some(Looked { text, found, saw_before });
        }
        Ok(self)
    }

    /// Looks for what a text that was just written overlaps, refuses it as the policy wants it (the transaction is given up
    /// then), enters it into the index and keeps what was found.
    ///
    /// # Errors
    /// [`mc_api::ProblemKind::OverlapUnacknowledged`], [`mc_api::ProblemKind::OverlapBlocked`].
    pub(crate) async fn written(
        &self,
        tx: &mut Tx,
        cx: &OpCtx,
        proof: Proof,
        subject: &Subject<'_>,
    ) -> Result<Vec<OverlapSuggestion>, Error> {
        if !self.is_indexed {
            return Ok(Vec::new());
        }
        let organization = cx.caller.organization;
        let (policy, text) = match (&self.policy, &self.looked) {
            (Some(policy), Some(looked)) => (policy, looked.text.clone()),
            (Some(policy), None) if subject.content.is_compared() => (policy, subject.prepared()),
            _ => {
                let text = subject.prepared();
                index::replace(tx, &subject.document(organization, (Look::Done, 0)), &text).await?;
                return Ok(Vec::new());
            }
        };
        let near = self.embeddings.known_to(cx.caller.id, subject.title, subject.content.head());
        let is_pending = near.is_pending;
        let found = match &self.looked {
            Some(looked) => looked.found.clone(),
            None => overlaps(tx, cx, subject.mission, (Some(subject.id), near), &text).await?,
        };
        let same: Vec<Compared> = found
            .iter()
            .filter(|compared| compared.finding.candidate.kind == subject.kind.as_str())
            .cloned()
            .collect();
        service::enforce(policy, subject.mission, &same, &self.named)?;
        let look = match (policy.mode, &self.looked) {
            (OverlapMode::Suggest, Some(looked)) if !subject.is_known => (Look::Beside, looked.saw_before),
            (OverlapMode::Suggest, _) => (Look::Everything, 0),
            (OverlapMode::RequireAck | OverlapMode::Block, _) => (Look::Done, 0),
        };
        index::replace(tx, &subject.document(organization, look), &text).await?;
        let side = subject.side();
        if subject.is_known {
            service::judge_again(tx, cx, proof, (subject.id, &side), &text, is_pending).await?;
        }
        let best = service::best(subject.mission, found, MOST_KEPT);
        let subject_side = (subject.id, side);
        if subject.is_known {
            service::keep(tx, cx, proof, subject_side, best, &self.named).await
        } else {
            service::keep_fresh(tx, cx, proof, subject_side, best, &self.named).await
        }
    }
}

/// What a text overlaps, among everything that the caller may read.
async fn overlaps(
    tx: &mut Tx,
    cx: &OpCtx,
    mission: MissionId,
    (own, near): (Option<Uuid>, Near),
    text: &Prepared,
) -> Result<Vec<Compared>, Error> {
    // Whoever may read docs of a mission may read its artifacts, and the other way round.
    let scope = cx.scope(Action::ReadDoc);
    let asked = Asked { family: Family::Texts, mission, own, scope, after: 0, near };
    service::examine(tx, cx.caller.organization, &asked, text).await
}

/// Takes a text that is gone out of the index, and ends what was said about it.
///
/// # Errors
/// Database failures.
pub(crate) async fn gone(
    tx: &mut Tx,
    cx: &OpCtx,
    proof: Proof,
    (mission, id): (MissionId, Uuid),
    why: &'static str,
) -> Result<(), Error> {
    service::expire(tx, cx, proof, id, why).await?;
    Ok(index::remove(tx, mission, id).await?)
}

/// Enters a text that the index lacks, or has in the form of another version.
///
/// # Errors
/// Database failures.
pub(crate) async fn fill(
    tx: &mut Tx,
    organization: OrganizationId,
    subject: &Subject<'_>,
    is_quiet: bool,
) -> Result<(), DbError> {
    let text = subject.prepared();
    let look = if is_quiet || !subject.content.is_compared() { Look::Done } else { Look::Everything };
    index::replace(tx, &subject.document(organization, (look, 0)), &text).await
}

/// The policy that holds in a place.
pub(super) async fn policy(
    tx: &mut Tx,
    mission: &Mission,
    kluster: Option<&Kluster>,
) -> Result<OverlapPolicy, Error> {
    match kluster {
        Some(kluster) => Ok(klusters::store::policy(tx, kluster.id).await?),
        None => Ok(mission.overlap_policy.unwrap_or_default()),
    }
}

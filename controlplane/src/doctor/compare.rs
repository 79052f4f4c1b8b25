//! A part of both sides, joined: what one has and the other has not.

use std::collections::BTreeMap;
use std::time::Duration;

use mc_api::doctor::{ContentName, Finding, FindingKind, FindingState, Severity};
use mc_api::id::MissionId;
use mc_api::{ProblemKind, Timestamp};
use tokio::time::Instant;

use super::NamedContent;
use super::place::Key;
use crate::app::App;
use crate::artifacts::reconcile::{KEEP_ORPHANS, is_named};
use crate::db::Tx;
use crate::error::Error;
use crate::objects::{Area, Held, ObjectError, ObjectStore as _, Place, digest_of};
use crate::{artifacts, docs, missions, profiles, restore, skills};

/// How much of each side is read at once.
const PART: usize = 500;
/// After this long a call ends where it is. One content more may be read after it.
const BUDGET: Duration = Duration::from_secs(6);
/// What nothing names for this long should have been swept twice by now.
pub(super) const OVERDUE: Duration = Duration::from_hours(26);
/// How many names of one content are told.
const NAMES: i64 = 5;

/// What mending does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    /// It cannot, or need not.
    Nothing,
    /// Removes what nothing names, as the sweep does.
    Remove,
    /// Brings back what a sweep set aside.
    BringBack,
    /// Moves wrong bytes away.
    SetApart,
    /// Ends uploads.
    EndUploads,
}

impl Deed {
    /// As the ledger names it.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Remove => "remove",
            Self::BringBack => "bring_back",
            Self::SetApart => "quarantine",
            Self::EndUploads => "end_uploads",
        }
    }
}

/// A finding with what mends it.
#[derive(Debug)]
pub(super) struct Suspect {
    pub(super) finding: Finding,
    pub(super) deed: Deed,
    /// Absent for uploads.
    pub(super) place: Option<Place>,
}

/// What a part of the comparison came to.
#[derive(Debug, Default)]
pub(super) struct Compared {
    pub(super) suspects: Vec<Suspect>,
    /// What was looked at, in order.
    pub(super) checked: Vec<Place>,
    pub(super) bytes_read: u64,
    /// Where the next part begins.
    pub(super) edge: Option<Place>,
}

impl Compared {
    /// Leaves what is behind a place to the next part.
    pub(super) fn end_at(&mut self, edge: Place) {
        self.suspects.retain(|suspect| suspect.place.is_none_or(|place| place <= edge));
        self.checked.retain(|place| *place <= edge);
        self.edge = Some(edge);
    }
}

/// How many bytes rows say there are.
#[derive(Clone, Copy, Debug)]
struct Said {
    least: i64,
    most: i64,
}

impl Said {
    fn fits(self, held: Held) -> bool {
        let held = i64::try_from(held.size_bytes).unwrap_or(i64::MAX);
        self.least == held && self.most == held
    }

    fn words(self) -> String {
        if self.least == self.most {
            format!("{} bytes", self.most)
        } else {
            format!("{} or {} bytes", self.least, self.most)
        }
    }
}

/// One part of the comparison, after a place.
pub(super) async fn part(app: &App, after: Option<Place>, deep: bool) -> Result<Compared, Error> {
    let began = Instant::now();
    let look = Look {
        app,
        now: app.clock.now(),
        deep,
        restores: restore::is_unfinished(&mut app.db.begin_read().await?).await?,
    };
    let mut found = Compared::default();
    if after.is_none() {
        found.suspects.extend(look.uploads().await?);
    }
    let (named, named_edge) = named(app, after).await?;
    let stored = app.objects.survey(after, PART).await?;
    let edge = [named_edge, stored.edge].into_iter().flatten().min();
    let mut both: BTreeMap<Place, (Option<Said>, Option<Held>)> = BTreeMap::new();
    for (place, said) in named {
        both.entry(place).or_default().0 = Some(said);
    }
    for (place, held) in stored.objects {
        both.entry(place).or_default().1 = Some(held);
    }
    for (place, sides) in both {
        if edge.is_some_and(|edge| place > edge) {
            break;
        }
        found.suspects.extend(look.at(place, sides, &mut found.bytes_read).await?);
        found.checked.push(place);
        if began.elapsed() > BUDGET {
            found.edge = Some(place);
            return Ok(found);
        }
    }
    found.edge = edge;
    Ok(found)
}

/// What rows name after a place, at most [`PART`] of it, and up to where that is.
async fn named(app: &App, after: Option<Place>) -> Result<(BTreeMap<Place, Said>, Option<Place>), Error> {
    let limit = i64::try_from(PART).map_err(Error::internal)?;
    let after = match after {
        Some((mission, sha256)) => (mission, sha256.to_string()),
        None => (MissionId::from_uuid(uuid::Uuid::nil()), String::new()),
    };
    let mut tx = app.db.begin_read().await?;
    let subjects = [
        artifacts::store::named(&mut tx, after.clone(), limit).await?,
        docs::store::named(&mut tx, after.clone(), limit).await?,
        skills::store::named(&mut tx, after.clone(), limit).await?,
        profiles::store::named(&mut tx, after, limit).await?,
    ];
    drop(tx);
    let mut all: BTreeMap<Place, Said> = BTreeMap::new();
    let mut edge: Option<Place> = None;
    for rows in subjects {
        let is_cut = rows.len() >= PART;
        let mut last = None;
        for row in rows {
            let (place, said) = read(row)?;
            let known = all.entry(place).or_insert(said);
            (known.least, known.most) = (known.least.min(said.least), known.most.max(said.most));
            last = Some(place);
        }
        if is_cut {
            // Beyond it this subject may name more.
            edge = [edge, last].into_iter().flatten().min();
        }
    }
    Ok((all, edge))
}

fn read((mission, sha256, least, most): NamedContent) -> Result<(Place, Said), Error> {
    let digest = sha256.parse().map_err(|_| {
        let detail = format!("a row of {mission} names the content {sha256:?}, which is no SHA-256");
        Error::new(ProblemKind::Internal, detail)
    })?;
    Ok(((mission, digest), Said { least, most }))
}

/// What a look at one place needs to know.
struct Look<'a> {
    app: &'a App,
    now: Timestamp,
    deep: bool,
    /// A restore stores what its rows name only when it has ended.
    restores: bool,
}

impl Look<'_> {
    async fn at(
        &self,
        place: Place,
        sides: (Option<Said>, Option<Held>),
        bytes_read: &mut u64,
    ) -> Result<Option<Suspect>, Error> {
        match sides {
            (None, Some(held)) => self.orphan(place, held).await,
            (Some(said), None) => self.missing(place, said).await,
            (Some(said), Some(held)) if !said.fits(held) => self.wrong_size(place, said).await,
            (Some(said), Some(_)) if self.deep => self.wrong_digest(place, said, bytes_read).await,
            (None, None) | (Some(_), Some(_)) => Ok(None),
        }
    }

    async fn uploads(&self) -> Result<Option<Suspect>, Error> {
        let stale = self.app.objects.stale_uploads(self.now.minus(KEEP_ORPHANS)).await?;
        if stale == 0 {
            return Ok(None);
        }
        let overdue = self.app.objects.stale_uploads(self.now.minus(OVERDUE)).await? > 0;
        let (severity, state) = graveness(overdue);
        let finding = Finding {
            kind: FindingKind::Upload,
            severity,
            subject: "uploads".into(),
            cause: format!("{stale} were begun more than a day ago and never finished"),
            fix: "mc system doctor --fix ends them; so does the sweep of every hour".into(),
            done: None,
            state,
            mission_id: None,
            mission: None,
            sha256: None,
            named_by: Vec::new(),
        };
        Ok(Some(Suspect { finding, deed: Deed::EndUploads, place: None }))
    }

    async fn orphan(&self, place: Place, held: Held) -> Result<Option<Suspect>, Error> {
        if is_named(self.app, place.0, place.1).await? {
            return Ok(None);
        }
        let keep_until = held.modified.plus(KEEP_ORPHANS);
        let is_old = held.modified < self.now.minus(KEEP_ORPHANS);
        let (deed, fix) = if self.restores {
            (Deed::Nothing, "nothing: a ledger is being restored, and may name it".to_owned())
        } else if is_old {
            (Deed::Remove, "mc system doctor --fix removes it; so does the sweep of every hour".to_owned())
        } else {
            let fix = format!(
                "nothing: it may be of an upload that goes on; a sweep removes it after {keep_until}"
            );
            (Deed::Nothing, fix)
        };
        let overdue = deed == Deed::Remove && held.modified < self.now.minus(OVERDUE);
        let (severity, state) = graveness(overdue);
        let finding = Finding {
            kind: FindingKind::Orphan,
            severity,
            subject: Key(place).to_string(),
            cause: format!("{} bytes, stored at {}, that nothing names", held.size_bytes, held.modified),
            fix,
            done: None,
            state,
            ..self.told(place, Vec::new()).await?
        };
        Ok(Some(Suspect { finding, deed, place: Some(place) }))
    }

    async fn missing(&self, place: Place, said: Said) -> Result<Option<Suspect>, Error> {
        let names = names(self.app, place).await?;
        if names.is_empty() || self.app.objects.find(Area::Stored, place).await?.is_some() {
            // Deleted, or stored, meanwhile.
            return Ok(None);
        }
        let told = self.told(place, names).await?;
        let is_aside = self.app.objects.find(Area::Aside, place).await?.is_some();
        let finding = if is_aside {
            Finding {
                kind: FindingKind::SetAside,
                severity: Severity::Warning,
                cause: format!("its content ({}, sha256 {}) was set aside by a sweep", said.words(), place.1),
                fix: "mc system doctor --fix brings it back; so does reading it".into(),
                ..told
            }
        } else {
            Finding {
                kind: FindingKind::Missing,
                severity: Severity::Error,
                cause: format!("its content ({}, sha256 {}) is not stored", said.words(), place.1),
                fix: bring(&told),
                ..told
            }
        };
        let deed = if is_aside { Deed::BringBack } else { Deed::Nothing };
        Ok(Some(Suspect { finding, deed, place: Some(place) }))
    }

    async fn wrong_size(&self, place: Place, said: Said) -> Result<Option<Suspect>, Error> {
        // Stored anew meanwhile, or deleted.
        let Some(held) = self.app.objects.find(Area::Stored, place).await? else { return Ok(None) };
        let names = names(self.app, place).await?;
        if said.fits(held) || names.is_empty() {
            return Ok(None);
        }
        let told = self.told(place, names).await?;
        let cause = format!("its content has {} bytes and should have {}", held.size_bytes, said.words());
        Ok(Some(wrong(place, FindingKind::WrongSize, cause, told)))
    }

    async fn wrong_digest(
        &self,
        place: Place,
        said: Said,
        bytes_read: &mut u64,
    ) -> Result<Option<Suspect>, Error> {
        let content = match self.app.objects.get(place.0, place.1, None).await {
            // It goes with what named it; otherwise the next look finds it missing.
            Err(ObjectError::Missing) => return self.missing(place, said).await,
            content => content?,
        };
        let found = digest_of(content).await.map_err(ObjectError::Store)?;
        *bytes_read += found.size_bytes;
        if found.sha256 == place.1 {
            return Ok(None);
        }
        let names = names(self.app, place).await?;
        if names.is_empty() {
            return Ok(None);
        }
        let told = self.told(place, names).await?;
        let cause = format!("its content has the digest {} and should have {}", found.sha256, place.1);
        Ok(Some(wrong(place, FindingKind::WrongDigest, cause, told)))
    }

    /// A finding about a place, with who names it.
    async fn told(&self, place: Place, named_by: Vec<ContentName>) -> Result<Finding, Error> {
        let mut tx = self.app.db.begin_read().await?;
        let mission = missions::store::name_of(&mut tx, place.0).await?;
        let more = named_by.len().saturating_sub(1);
        let subject = match named_by.first() {
            Some(first) if more > 0 => {
                format!("{} {} ({}) and {more} more", first.kind, first.name, first.id)
            }
            Some(first) => format!("{} {} ({})", first.kind, first.name, first.id),
            None => Key(place).to_string(),
        };
        Ok(Finding {
            kind: FindingKind::Missing,
            severity: Severity::Error,
            subject,
            cause: String::new(),
            fix: String::new(),
            done: None,
            state: FindingState::Open,
            mission_id: Some(place.0),
            mission,
            sha256: Some(place.1.to_string()),
            named_by,
        })
    }
}

/// What a sweep does anyway is grave when it was not done.
fn graveness(overdue: bool) -> (Severity, FindingState) {
    if overdue { (Severity::Warning, FindingState::Open) } else { (Severity::Note, FindingState::Fine) }
}

fn wrong(place: Place, kind: FindingKind, cause: String, told: Finding) -> Suspect {
    let fix = format!("mc system doctor --fix moves the wrong bytes to quarantine; then {}", bring(&told));
    Suspect { finding: Finding { kind, cause, fix, ..told }, deed: Deed::SetApart, place: Some(place) }
}

/// How content comes back.
pub(super) fn bring(finding: &Finding) -> String {
    let put = match (finding.named_by.first().map(|first| first.kind.as_str()), &finding.mission) {
        (Some("profile"), _) => "`mc profile push` of the same files".to_owned(),
        (Some("skill"), Some(mission)) => format!("`mc skill push -m {mission}` of the same files"),
        (_, Some(mission)) => format!("`mc artifact put FILE -m {mission}` with a file of this digest"),
        (_, None) => "storing the same bytes".to_owned(),
    };
    format!(
        "store the same bytes again, by {put}, which heals everything that names them; or `mc system restore` a backup \
         elsewhere and copy this key from there"
    )
}

/// What names a content, the first few.
async fn names(app: &App, (mission, sha256): Place) -> Result<Vec<ContentName>, Error> {
    let mut tx: Tx = app.db.begin_read().await?;
    let text = sha256.to_string();
    let mut all = artifacts::store::names_of(&mut tx, mission, text.clone(), NAMES).await?;
    all.extend(docs::store::names_of(&mut tx, mission, text.clone(), NAMES).await?);
    all.extend(skills::store::names_of(&mut tx, mission, text.clone(), NAMES).await?);
    all.extend(profiles::store::names_of(&mut tx, mission, text, NAMES).await?);
    all.truncate(usize::try_from(NAMES).map_err(Error::internal)?);
    Ok(all)
}

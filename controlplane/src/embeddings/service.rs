//! The provider in use, what is known of its model, and how it goes.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use mc_api::id::PrincipalId;
use mc_api::system::{EmbeddingProvider, EmbeddingState, EmbeddingStatus};
use mc_api::{Action, Timestamp};
use mc_ledger::sha256;
use uuid::Uuid;

use super::budget::{self, Limits};
use super::cells::Cells;
use super::near::{self, Shared, Where};
use super::provider::{self, Embedder, Failure, FailureKind, Passage, unit};
use super::{builtin, pack, store};
use crate::app::App;
use crate::clock::IdSource;
use crate::config;
use crate::db::{Backend, Db, DbError, Tx};
use crate::error::Error;
use crate::op::OpCtx;
use crate::search::index::Candidate;

/// So many vectors of texts that were asked for are remembered.
const REMEMBERED: usize = 256;
/// So many cells are packed anew by one transaction.
const MENDED: i64 = 16;
/// The longest pause between two questions to a provider that fails.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// The pause after a refusal that only a changed setting ends.
const REFUSED_PAUSE: Duration = Duration::from_mins(2);

/// A vector to look with, and the model that made it.
#[derive(Debug, Clone)]
pub struct Own {
    pub(super) model: i64,
    pub(super) dimensions: i32,
    pub(super) calibration: mc_overlap::Provider,
    pub(super) unrelated: f32,
    pub(super) vector: Shared,
}

impl Own {
    /// A cosine as the calibration wants it: unrelated texts near 0.
    pub(super) fn likeness(&self, cosine: f32) -> f32 {
        ((cosine - self.unrelated) / (1.0 - self.unrelated)).clamp(-1.0, 1.0)
    }

    /// Whether it is the built-in one, whose vectors are computed wherever they are needed.
    fn is_builtin(&self) -> bool {
        self.calibration == mc_overlap::Provider::Builtin
    }
}

/// What a text is looked for with: nothing, a vector, or two while the model is changed.
#[derive(Debug, Clone, Default)]
pub struct Near {
    with: Vec<Own>,
    cells: Arc<Cells>,
    /// The vector that scores come from, unless it is the built-in one.
    judge: Option<Own>,
    /// Every text has its vector of the judging model.
    is_complete: bool,
    /// The text's own vector is still to come.
    pub(crate) is_pending: bool,
}

/// The model in use.
#[derive(Debug, Clone, Copy)]
pub(super) struct Active {
    pub(super) model: i64,
    pub(super) dimensions: i32,
    pub(super) is_complete: bool,
}

#[derive(Debug, Clone, Copy, Default)]
struct Known {
    active: Option<Active>,
    /// The built-in model, while its vectors serve until the one in use is complete.
    former: Option<(i64, i32)>,
}

/// How it goes.
#[derive(Debug, Default)]
struct Course {
    failures: u32,
    error: Option<String>,
    exhausted: bool,
    superseded: bool,
    until: Option<Timestamp>,
}

#[derive(Default)]
struct Recent {
    vectors: HashMap<(PrincipalId, String), Shared>,
    order: VecDeque<(PrincipalId, String)>,
}

/// Vectors of texts.
pub struct Embeddings {
    pub(super) embedder: Arc<dyn Embedder>,
    pub(super) limits: Limits,
    pub(super) cells: Arc<Cells>,
    /// Tells this process from others that share the database.
    pub(super) holder: String,
    /// How long the work may be held by one call of the provider.
    pub(super) hold: Duration,
    query_timeout: Duration,
    known: RwLock<Known>,
    course: Mutex<Course>,
    /// Each caller's own: another one's question is not answered sooner because somebody asked it before.
    recent: Mutex<Recent>,
    /// When the rare work was done last.
    tended: Mutex<Option<Timestamp>>,
    /// The model whose index was seen in the database; 0: none.
    seen_index: AtomicI64,
}

/// The digest by which a text is known again.
pub(super) fn digest(passage: &Passage) -> String {
    sha256(mc_overlap::sentence(&passage.title, &passage.body).as_bytes()).to_string()
}

impl Embeddings {
    /// Opens the provider, and says that the database is indexed with its model from now on.
    ///
    /// # Errors
    /// A model folder that cannot be used; database failures.
    pub(crate) async fn open(
        config: &config::Embeddings,
        db: &Db,
        ids: &IdSource,
        now: Timestamp,
    ) -> Result<Self, Error> {
        // A model folder is read and computed: some tenths of a second.
        let settings = config.clone();
        let embedder = tokio::task::spawn_blocking(move || provider::open(&settings))
            .await
            .map_err(Error::internal)??;
        let (limits, timeout) = match &config.provider {
            config::embeddings::Provider::OpenAi(settings) => (
                Limits { per_hour: settings.tokens_per_hour, per_day: settings.tokens_per_day },
                settings.timeout,
            ),
            _ => (Limits::default(), Duration::from_mins(1)),
        };
        let this = Self {
            embedder,
            limits,
            cells: Arc::default(),
            holder: ids.uuid(now).simple().to_string(),
            hold: timeout + Duration::from_secs(30),
            query_timeout: config.query_timeout,
            known: RwLock::default(),
            course: Mutex::default(),
            recent: Mutex::default(),
            tended: Mutex::new(Some(now)),
            seen_index: AtomicI64::new(0),
        };
        let mut tx = db.begin_write().await?;
        store::aim(&mut tx, this.embedder.provider(), this.embedder.model(), now).await?;
        if let Some(dimensions) = this.embedder.dimensions() {
            let (provider, model) = (this.embedder.provider(), this.embedder.model());
            store::register(&mut tx, provider, model, dimensions, now).await?;
        }
        this.learn(&mut tx).await?;
        db.commit(tx).await?;
        while db.backend() == Backend::Sqlite {
            // Once, after a version that packed cells in another way or not at all.
            let mut tx = db.begin_write().await?;
            let mended = pack::mend(&mut tx, MENDED).await?;
            db.commit(tx).await?;
            if mended == 0 {
                break;
            }
        }
        if let Some(active) = this.active() {
            // Another setting may be what they were waiting for.
            let mut tx = db.begin_write().await?;
            store::retry_failed(&mut tx, active.model).await?;
            db.commit(tx).await?;
        }
        Ok(this)
    }

    /// Reads what is stored of the model in use, and of the one before.
    pub(super) async fn learn(&self, tx: &mut Tx) -> Result<(), DbError> {
        let models = store::models(tx).await?;
        let (provider, model) = (self.embedder.provider(), self.embedder.model());
        let active = models.iter().rev().find(|stored| {
            stored.provider == provider
                && stored.name == model
                && self.embedder.dimensions().is_none_or(|wanted| wanted == stored.dimensions)
        });
        let active = active.map(|stored| Active {
            model: stored.number,
            dimensions: stored.dimensions,
            is_complete: stored.complete_at.is_some(),
        });
        let former = models
            .iter()
            .rev()
            .find(|stored| {
                stored.provider == EmbeddingProvider::Builtin && stored.name == mc_overlap::builtin::MODEL
            })
            .filter(|stored| active.is_none_or(|active| !active.is_complete && active.model != stored.number))
            .map(|stored| (stored.number, stored.dimensions));
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Known { active, former };
        Ok(())
    }

    /// Whether the index of a model may be missing: a copy of an installation brings vectors without it.
    pub(super) fn may_lack_index(&self, model: i64) -> bool {
        self.seen_index.load(Ordering::Relaxed) != model
    }

    /// Says that the index of a model is there.
    pub(super) fn has_index(&self, model: i64) {
        self.seen_index.store(model, Ordering::Relaxed);
    }

    fn known(&self) -> Known {
        *self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The model in use, when something of it is stored or its length is known.
    pub(super) fn active(&self) -> Option<Active> {
        self.known().active
    }

    /// The number of the model whose vectors scores come from; 0: the built-in one's. `None`: not known, or it is not
    /// for this control plane to say.
    pub(crate) fn judging(&self) -> Option<i64> {
        if self.course.lock().unwrap_or_else(PoisonError::into_inner).superseded {
            return None;
        }
        if self.is_builtin() { Some(0) } else { self.active().map(|active| active.model) }
    }

    fn is_builtin(&self) -> bool {
        self.embedder.provider() == EmbeddingProvider::Builtin
    }

    fn own(&self, active: Active, vector: Shared) -> Own {
        Own {
            model: active.model,
            dimensions: active.dimensions,
            calibration: self.embedder.calibration(),
            unrelated: self.embedder.unrelated(),
            vector,
        }
    }

    /// Looking with a vector of the model in use, when there is one, and with the model before, while it serves.
    fn near(&self, passage: &Passage, vector: Option<Shared>) -> Near {
        let known = self.known();
        let own = match (known.active, vector) {
            (Some(active), Some(vector)) => Some(self.own(active, vector)),
            _ => None,
        };
        let mut with: Vec<Own> = own.iter().cloned().collect();
        if let Some((model, dimensions)) = known.former {
            let vector = unit(builtin::embed(&passage.title, &passage.body)).map(Shared::from);
            with.extend(vector.map(|vector| Own {
                model,
                dimensions,
                calibration: mc_overlap::Provider::Builtin,
                unrelated: 0.0,
                vector,
            }));
        }
        let judge = own.filter(|own| !own.is_builtin());
        Near {
            with,
            cells: self.cells.clone(),
            is_pending: judge.is_none() && !self.is_builtin(),
            is_complete: known.active.is_some_and(|active| active.is_complete),
            judge,
        }
    }

    /// What a text can be looked for with at once: the built-in vector.
    pub fn at_hand(&self, title: &str, body: &str) -> Near {
        let passage = Passage { title: title.to_owned(), body: body.to_owned() };
        let vector =
            if self.is_builtin() { unit(builtin::embed(title, body)).map(Shared::from) } else { None };
        self.near(&passage, vector)
    }

    /// [`Self::at_hand`], or by the vector that this caller asked for before.
    pub(crate) fn known_to(&self, caller: PrincipalId, title: &str, body: &str) -> Near {
        let near = self.at_hand(title, body);
        if !near.is_pending {
            return near;
        }
        let passage = Passage { title: title.to_owned(), body: body.to_owned() };
        match self.remembered(caller, &digest(&passage)) {
            Some(vector) => self.near(&passage, Some(vector)),
            None => near,
        }
    }

    /// Whether [`Self::known_to`] has no vector of the model in use yet. Makes none.
    pub(crate) fn is_awaited(&self, caller: PrincipalId, title: &str, body: &str) -> bool {
        if self.is_builtin() {
            return false;
        }
        let passage = Passage { title: title.to_owned(), body: body.to_owned() };
        self.active().is_none() || self.remembered(caller, &digest(&passage)).is_none()
    }

    /// What a text is looked for with when its reader waits: the provider is asked, but not for long, and not at all
    /// while it fails or nothing of its model is stored.
    pub(crate) async fn asked(&self, app: &App, caller: PrincipalId, title: &str, body: &str) -> Near {
        let near = self.known_to(caller, title, body);
        let rests = self.resting(app.clock.now()).is_some();
        if !near.is_pending || self.active().is_none() || rests || body.len() + title.len() == 0 {
            return near;
        }
        let passage = Passage { title: title.to_owned(), body: body.to_owned() };
        let asked = tokio::time::timeout(self.query_timeout, self.ask(app, std::slice::from_ref(&passage)));
        let vector = match asked.await {
            Ok(Ok(Asked::Vectors(mut vectors))) => vectors.pop().flatten(),
            Ok(Ok(Asked::Failed(failure))) => {
                // What one reader sends says nothing of the others.
                if failure.kind != FailureKind::Unfit {
                    self.failed(app, &failure);
                }
                None
            }
            // What is left of the budget may do for a smaller text.
            Ok(Ok(Asked::Exhausted(_))) => None,
            Ok(Err(error)) => {
                tracing::warn!(error = %error, "the vector of a query could not be asked for");
                None
            }
            Err(_) => {
                metrics::counter!("mc_embeddings_query_timeouts_total").increment(1);
                let message = format!("no answer to a query within {:?}", self.query_timeout);
                self.failed(app, &Failure::new(FailureKind::Unavailable, message));
                None
            }
        };
        let vector = vector.filter(|vector| self.active().is_some_and(|active| fits(active, vector)));
        match vector.map(Shared::from) {
            None => near,
            Some(vector) => {
                self.remember((caller, digest(&passage)), vector.clone());
                self.near(&passage, Some(vector))
            }
        }
    }

    /// What an object is looked for with, from its stored vector.
    pub(crate) async fn stored(
        &self,
        tx: &mut Tx,
        subject: Uuid,
        title: &str,
        body: &str,
    ) -> Result<Near, DbError> {
        let active = self.active().filter(|_| !self.is_builtin());
        let Some(active) = active else { return Ok(self.at_hand(title, body)) };
        let vector = store::vector_of(tx, active.model, subject).await?.map(Shared::from);
        let passage = Passage { title: title.to_owned(), body: body.to_owned() };
        Ok(self.near(&passage, vector))
    }

    fn remembered(&self, caller: PrincipalId, digest: &str) -> Option<Shared> {
        let asked = (caller, digest.to_owned());
        self.recent.lock().unwrap_or_else(PoisonError::into_inner).vectors.get(&asked).cloned()
    }

    fn remember(&self, asked: (PrincipalId, String), vector: Shared) {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if recent.vectors.insert(asked.clone(), vector).is_none() {
            recent.order.push_back(asked);
        }
        while recent.order.len() > REMEMBERED {
            if let Some(oldest) = recent.order.pop_front() {
                recent.vectors.remove(&oldest);
            }
        }
    }

    /// Until when the provider is left alone.
    pub(super) fn resting(&self, now: Timestamp) -> Option<Timestamp> {
        let course = self.course.lock().unwrap_or_else(PoisonError::into_inner);
        course.until.filter(|until| *until > now)
    }

    /// Notes a failure; the provider is left alone for longer each time.
    pub(super) fn failed(&self, app: &App, failure: &Failure) {
        let mut course = self.course.lock().unwrap_or_else(PoisonError::into_inner);
        course.failures = course.failures.saturating_add(1);
        let usual = match failure.kind {
            FailureKind::Refused => REFUSED_PAUSE,
            _ => Duration::from_millis(500 << course.failures.min(10)).min(LONGEST_PAUSE),
        };
        // Up to a quarter more, so that replicas do not come back at once.
        let jitter = usual * u32::from(app.ids.bytes::<1>()[0]) / 1024;
        let pause = failure.retry_after.unwrap_or_default().max(usual + jitter);
        course.until = Some(app.clock.now().plus(pause));
        course.error = Some(failure.message.clone());
        course.exhausted = false;
        metrics::counter!("mc_embeddings_failures_total").increment(1);
        if course.failures.is_power_of_two() {
            tracing::warn!(
                failures = course.failures,
                provider = self.embedder.provider().as_str(),
                "no vectors: {}; texts wait, and it is asked again after {pause:?}",
                failure.message
            );
        }
    }

    pub(super) fn exhausted(&self, until: Timestamp) {
        let mut course = self.course.lock().unwrap_or_else(PoisonError::into_inner);
        (course.exhausted, course.until, course.error) = (true, Some(until), None);
    }

    pub(super) fn went_well(&self) {
        let superseded = self.course.lock().unwrap_or_else(PoisonError::into_inner).superseded;
        *self.course.lock().unwrap_or_else(PoisonError::into_inner) =
            Course { superseded, ..Course::default() };
    }

    /// Whether rare work is to be done now; it then counts as done.
    pub(super) fn is_due(&self, now: Timestamp, period: Duration) -> bool {
        let mut tended = self.tended.lock().unwrap_or_else(PoisonError::into_inner);
        let due = tended.is_none_or(|last| now.since(last) >= period);
        if due {
            *tended = Some(now);
        }
        due
    }

    pub(super) fn superseded(&self, superseded: bool) {
        let mut course = self.course.lock().unwrap_or_else(PoisonError::into_inner);
        if superseded && !course.superseded {
            tracing::warn!(
                "another control plane indexes this database with another model; this one makes no vectors"
            );
        }
        course.superseded = superseded;
    }

    /// Asks the provider for vectors of unit length, within the budget. `None` stands for a text without meaning.
    pub(super) async fn ask(&self, app: &App, passages: &[Passage]) -> Result<Asked, Error> {
        let cost: i64 = passages.iter().map(|passage| self.embedder.tokens(passage)).sum();
        let reserved = if cost > 0 {
            match budget::reserve(app, self.limits, cost).await? {
                Ok(reserved) => Some(reserved),
                Err(until) => return Ok(Asked::Exhausted(until)),
            }
        } else {
            None
        };
        let began = std::time::Instant::now();
        let embedded = match self.embedder.embed(passages).await {
            Ok(embedded) => embedded,
            Err(failure) => return Ok(Asked::Failed(failure)),
        };
        let provider = self.embedder.provider().as_str();
        metrics::histogram!("mc_embeddings_call_duration_seconds", "provider" => provider)
            .record(began.elapsed().as_secs_f64());
        metrics::counter!("mc_embeddings_texts_total", "provider" => provider)
            .increment(passages.len() as u64);
        if let (Some(reserved), Some(used)) = (reserved, embedded.tokens) {
            budget::settle(app, reserved, used).await?;
        }
        Ok(Asked::Vectors(embedded.vectors.into_iter().map(unit).collect()))
    }
}

impl Near {
    /// What is nearest to a text, for overlap detection: by each vector that it is looked for with, the best first.
    ///
    /// # Errors
    /// Database failures.
    pub(crate) async fn candidates(
        &self,
        tx: &mut Tx,
        place: &Where,
        (after, limit): (i64, usize),
    ) -> Result<Vec<Vec<Candidate>>, DbError> {
        let mut all = Vec::new();
        // What is near by the built-in vectors shares words, which the index of words finds at a fraction of the cost.
        for own in self.with.iter().filter(|own| !own.is_builtin()) {
            all.push(near::candidates(tx, &self.cells, own, place, (after, limit)).await?);
        }
        Ok(all)
    }

    /// The numbers of the documents that are nearest to a query.
    ///
    /// # Errors
    /// Database failures.
    pub async fn numbers(&self, tx: &mut Tx, place: &Where, limit: usize) -> Result<Vec<i64>, DbError> {
        let mut all = Vec::new();
        for own in &self.with {
            let found = near::nearest(tx, &self.cells, own, place, limit).await?;
            all.extend(found.into_iter().map(|(number, _)| number));
        }
        Ok(all)
    }

    /// How near objects are by the vectors that scores come from, with whose calibration; empty when those are the
    /// built-in ones, and without objects that have no vector yet.
    ///
    /// # Errors
    /// Database failures.
    pub(crate) async fn likeness(
        &self,
        tx: &mut Tx,
        subjects: Vec<Uuid>,
    ) -> Result<HashMap<Uuid, (mc_overlap::Provider, f32)>, DbError> {
        let Some(own) = &self.judge else { return Ok(HashMap::new()) };
        let cosines = near::cosines(tx, own, subjects).await?;
        Ok(cosines.into_iter().map(|(subject, cosine)| (subject, (own.calibration, cosine))).collect())
    }

    /// Whether nothing but built-in vectors is looked with.
    pub(crate) fn is_builtin(&self) -> bool {
        self.with.iter().all(Own::is_builtin)
    }

    /// Whether found objects are ranked by the vectors that scores come from: only when all of them have one, or nearly.
    pub(crate) fn ranks(&self) -> bool {
        self.judge.is_some() && self.is_complete
    }
}

/// What asking gave.
pub(super) enum Asked {
    /// One vector per text.
    Vectors(Vec<Option<Vec<f32>>>),
    /// None.
    Failed(Failure),
    /// The budget is used up until then; nothing was asked.
    Exhausted(Timestamp),
}

/// Whether a vector is as long as those that are stored.
pub(super) fn fits(active: Active, vector: &[f32]) -> bool {
    i32::try_from(vector.len()).is_ok_and(|length| length == active.dimensions)
}

/// How texts get their vectors, and how far that is.
///
/// # Errors
/// [`mc_api::ProblemKind::Forbidden`].
pub async fn status(app: &App, cx: &OpCtx) -> Result<EmbeddingStatus, Error> {
    cx.authorize(Action::ReadSystem)?;
    Ok(state(app).await?)
}

/// [`status`] for what the system says of itself.
pub(crate) async fn state(app: &App) -> Result<EmbeddingStatus, DbError> {
    let (this, now) = (&app.embeddings, app.clock.now());
    let active = this.active();
    let mut tx = app.db.begin_read().await?;
    let (indexed, waiting, failed) =
        store::counts(&mut tx, active.map_or(i64::MAX, |active| active.model)).await?;
    let spent = budget::spent(&mut tx, now).await?;
    let stored = store::models(&mut tx).await?;
    drop(tx);
    let course = this.course.lock().unwrap_or_else(PoisonError::into_inner);
    let retry_at = course.until.filter(|until| *until > now);
    let state = if !app.detects_overlap {
        EmbeddingState::Off
    } else if course.superseded {
        EmbeddingState::Superseded
    } else if course.exhausted && retry_at.is_some() {
        EmbeddingState::BudgetExhausted
    } else if course.error.is_some() {
        EmbeddingState::Failing
    } else if waiting > failed || active.is_some_and(|active| !active.is_complete) {
        EmbeddingState::Indexing
    } else {
        EmbeddingState::Ready
    };
    Ok(EmbeddingStatus {
        kind: "embedding_status".into(),
        provider: this.embedder.provider(),
        model: this.embedder.model().to_owned(),
        dimensions: active.map(|active| active.dimensions).or(this.embedder.dimensions()),
        state,
        indexed,
        waiting,
        failed,
        error: course.error.clone(),
        retry_at,
        tokens_per_hour: this.limits.per_hour,
        tokens_this_hour: spent.hour,
        tokens_per_day: this.limits.per_day,
        tokens_today: spent.day,
        stored: stored.into_iter().map(Into::into).collect(),
    })
}

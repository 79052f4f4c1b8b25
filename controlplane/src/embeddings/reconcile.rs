//! Giving every text its vector: in batches, each of them a transaction, so that a crash costs one batch.

use std::collections::HashMap;
use std::time::Duration;

use super::provider::{Failure, FailureKind, Passage};
use super::service::{Active, Asked, digest, fits};
use super::store::{self, Waiting};
use super::{budget, cells};
use crate::app::App;
use crate::background::Patient;
use crate::crash;
use crate::db::Backend;
use crate::error::Error;
use crate::system_tx;

/// So many vectors are stored by one transaction.
const STORED: usize = 32;
/// So many vectors of a model before are taken out by one transaction.
const FORGOTTEN: i64 = 500;
/// The shortest text that is tried when a provider takes none that is longer.
const SHORTEST: usize = 256;
/// Texts that could not be embedded are tried again after this long.
const AGAIN: Duration = Duration::from_hours(1);

/// What is left to do.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    /// More, at once.
    More,
    /// Nothing for now.
    Rest,
}

/// One round: works until nothing waits, the provider fails, or somebody else has the work. Idempotent, and harmless
/// beside itself in another replica.
///
/// # Errors
/// Database failures; the next round tries again.
pub(crate) async fn run(app: &App) -> Result<(), Error> {
    if !app.detects_overlap {
        return Ok(());
    }
    while !app.stop.is_cancelled() {
        let step = tokio::select! {
            step = step(app) => step?,
            // A provider that hangs does not hold the process; what was not stored waits.
            () = app.stop.cancelled() => Next::Rest,
        };
        if step == Next::Rest {
            break;
        }
    }
    Ok(())
}

async fn step(app: &App) -> Result<Next, Error> {
    let this = &app.embeddings;
    let now = app.clock.now();
    let target = (this.embedder.provider(), this.embedder.model());
    // Reads only while there is nothing to do: it is asked every second.
    let mut tx = app.db.begin_read().await?;
    let superseded = !store::is_target(&mut tx, target).await?;
    this.superseded(superseded);
    if superseded || this.resting(now).is_some() {
        return Ok(Next::Rest);
    }
    if this.active().is_none_or(|active| !active.is_complete) {
        // Another control plane may have made the model, or brought it to its end.
        this.learn(&mut tx).await?;
    }
    let model = this.active().map_or(i64::MAX, |active| active.model);
    let waiting = store::waiting(&mut tx, model, this.embedder.batch()).await?;
    drop(tx);
    if let Some(active) = this.active()
        && this.may_lack_index(active.model)
    {
        system_tx!(app, |tx| { Ok(store::index(tx, active.model, active.dimensions).await?) })?;
        this.has_index(active.model);
    }
    if waiting.is_empty() {
        this.went_well();
        return finish(app).await;
    }
    let until = now.plus(this.hold);
    let ours = system_tx!(app, |tx| { Ok(store::hold(tx, target, &this.holder, now, until).await?) })?;
    if !ours {
        return Ok(Next::Rest);
    }
    let patient = Patient::begin(app);
    let Some(vectors) = vectors(app, &waiting).await? else { return Ok(Next::Rest) };
    // An endpoint computes elsewhere.
    if this.embedder.provider() != mc_api::system::EmbeddingProvider::OpenAi {
        patient.rest().await;
    }
    let active = match this.active() {
        Some(active) => active,
        None => match begin(app, &vectors).await? {
            Some(active) => active,
            None => return Ok(Next::Rest),
        },
    };
    if let Some(wrong) = vectors.iter().find_map(|got| match got {
        Got::Vector(vector) if !fits(active, vector) => Some(vector.len()),
        _ => None,
    }) {
        let message = format!(
            "the model gave vectors of {wrong} dimensions, {} are stored; when it changed, set MC_EMBEDDINGS_DIMENSIONS={wrong}",
            active.dimensions
        );
        this.failed(app, &Failure::new(FailureKind::Garbage, message));
        return Ok(Next::Rest);
    }
    this.went_well();
    let all: Vec<(Waiting, Got)> = waiting.into_iter().zip(vectors).collect();
    for part in all.chunks(STORED) {
        let patient = Patient::begin(app);
        keep(app, active, part).await?;
        patient.rest().await;
    }
    Ok(Next::More)
}

/// What became of a text.
enum Got {
    /// The stored vector is of this text already.
    Same,
    /// A vector.
    Vector(Vec<f32>),
    /// Nothing is in it.
    Nothing,
    /// The provider cannot embed it.
    Unfit,
}

/// What became of the first texts, as many as the budget allows; `None`: nothing, for now.
async fn vectors(app: &App, waiting: &[Waiting]) -> Result<Option<Vec<Got>>, Error> {
    let this = &app.embeddings;
    let passages: Vec<Passage> =
        waiting.iter().map(|text| Passage { title: text.title.clone(), body: text.body.clone() }).collect();
    let same =
        |place: usize| waiting[place].text_sha256.as_deref() == Some(digest(&passages[place]).as_str());
    let fresh: Vec<usize> = (0..waiting.len()).filter(|place| !same(*place)).collect();
    let mut asked: Vec<Passage> = fresh.iter().map(|place| passages[*place].clone()).collect();
    let costs: Vec<i64> = asked.iter().map(|passage| this.embedder.tokens(passage)).collect();
    if costs.iter().sum::<i64>() > 0 {
        let spent = budget::spent(&mut app.db.begin_read().await?, app.clock.now()).await?;
        // One at least, so that the refusal says until when.
        asked.truncate(this.limits.fitting(spent, &costs).max(1));
    }
    let done = fresh.get(asked.len()).copied().unwrap_or(waiting.len());
    let mut got: HashMap<usize, Got> = HashMap::new();
    if !asked.is_empty() {
        let Some(answers) = ask(app, &asked).await? else { return Ok(None) };
        got = fresh.into_iter().zip(answers).collect();
    }
    Ok(Some((0..done).map(|place| got.remove(&place).unwrap_or(Got::Same)).collect()))
}

fn got(vector: Option<Vec<f32>>) -> Got {
    vector.map_or(Got::Nothing, Got::Vector)
}

/// Asks for some texts, and one by one when the provider does not take them together.
async fn ask(app: &App, passages: &[Passage]) -> Result<Option<Vec<Got>>, Error> {
    let this = &app.embeddings;
    match this.ask(app, passages).await? {
        Asked::Vectors(vectors) => Ok(Some(vectors.into_iter().map(got).collect())),
        Asked::Exhausted(until) => {
            this.exhausted(until);
            Ok(None)
        }
        Asked::Failed(failure) if failure.kind == FailureKind::Unfit => {
            one_by_one(app, passages, failure).await
        }
        Asked::Failed(failure) => {
            this.failed(app, &failure);
            Ok(None)
        }
    }
}

async fn one_by_one(app: &App, passages: &[Passage], why: Failure) -> Result<Option<Vec<Got>>, Error> {
    // When it takes not even this, it is not the texts that are unfit.
    let plain = Passage { title: "a plain text".to_owned(), body: String::new() };
    if !matches!(app.embeddings.ask(app, &[plain]).await?, Asked::Vectors(_)) {
        app.embeddings.failed(app, &Failure { kind: FailureKind::Refused, ..why });
        return Ok(None);
    }
    let mut all = Vec::with_capacity(passages.len());
    for passage in passages {
        match shorter_and_shorter(app, passage.clone()).await? {
            Some(got) => all.push(got),
            None => return Ok(None),
        }
    }
    Ok(Some(all))
}

/// One text alone, and the half of it when it is refused.
async fn shorter_and_shorter(app: &App, mut passage: Passage) -> Result<Option<Got>, Error> {
    let this = &app.embeddings;
    loop {
        match this.ask(app, std::slice::from_ref(&passage)).await? {
            Asked::Vectors(mut vectors) => return Ok(Some(got(vectors.pop().flatten()))),
            Asked::Failed(failure) if failure.kind == FailureKind::Unfit => {
                let length = passage.body.len();
                if length <= SHORTEST {
                    tracing::warn!("a text cannot be embedded: {}", failure.message);
                    return Ok(Some(Got::Unfit));
                }
                passage.body.truncate(passage.body.floor_char_boundary(length / 2));
            }
            Asked::Failed(failure) => {
                this.failed(app, &failure);
                return Ok(None);
            }
            Asked::Exhausted(until) => {
                this.exhausted(until);
                return Ok(None);
            }
        }
    }
}

/// Makes the model known, now that the length of its vectors is.
async fn begin(app: &App, vectors: &[Got]) -> Result<Option<Active>, Error> {
    let this = &app.embeddings;
    let length = vectors.iter().find_map(|got| match got {
        Got::Vector(vector) => Some(vector.len()),
        _ => None,
    });
    let Some(dimensions) = length.and_then(|length| i32::try_from(length).ok()) else {
        let message = "the model gave no vector from which its dimensions can be told";
        this.failed(app, &Failure::new(FailureKind::Garbage, message));
        return Ok(None);
    };
    let (provider, model, now) = (this.embedder.provider(), this.embedder.model(), app.clock.now());
    system_tx!(app, |tx| {
        store::register(tx, provider, model, dimensions, now).await?;
        crash::point("vectors-before-model").await;
        Ok(())
    })?;
    crash::point("vectors-after-model").await;
    this.learn(&mut app.db.begin_read().await?).await?;
    Ok(this.active())
}

/// Stores what became of some texts.
async fn keep(app: &App, active: Active, part: &[(Waiting, Got)]) -> Result<(), Error> {
    let this = &app.embeddings;
    let is_builtin = this.embedder.provider() == mc_api::system::EmbeddingProvider::Builtin;
    let changed = system_tx!(app, |tx| {
        let is_sqlite = tx.backend() == Backend::Sqlite;
        let mut filling = if is_sqlite {
            let cells = this.cells.of(tx, active.model, app.organization).await?;
            Some(cells::Filling::new(active.model, app.organization, &cells))
        } else {
            None
        };
        for (waiting, got) in part {
            let by = if matches!(got, Got::Unfit) { -active.model } else { active.model };
            let fresh = matches!(got, Got::Vector(_));
            // Built-in vectors were at hand when the text was compared; others bring news.
            if !store::mark(tx, waiting, by, fresh && !is_builtin).await? {
                continue;
            }
            if let Got::Vector(vector) = got {
                let cell = match &mut filling {
                    Some(filling) => Some(filling.place(tx, vector).await?),
                    None => None,
                };
                let passage = Passage { title: waiting.title.clone(), body: waiting.body.clone() };
                store::put(tx, active.model, waiting, (&digest(&passage), vector), cell).await?;
            }
        }
        let changed = match filling {
            Some(filling) => filling.settle(tx).await?,
            None => None,
        };
        crash::point("vectors-before-commit").await;
        Ok(changed)
    });
    crash::point("vectors-after-commit").await;
    match changed {
        Ok(Some(cells)) => this.cells.put(active.model, cells),
        Ok(None) => {}
        Err(error) => {
            this.cells.forget(active.model);
            return Err(error);
        }
    }
    Ok(())
}

/// Nothing waits: the model serves from now on, and the one before goes.
async fn finish(app: &App) -> Result<Next, Error> {
    let this = &app.embeddings;
    let Some(active) = this.active() else { return Ok(Next::Rest) };
    let now = app.clock.now();
    if !active.is_complete {
        system_tx!(app, |tx| {
            store::complete(tx, active.model, now).await?;
            crash::point("vectors-before-complete").await;
            Ok(())
        })?;
        crash::point("vectors-after-complete").await;
        this.learn(&mut app.db.begin_read().await?).await?;
        tracing::info!(
            provider = this.embedder.provider().as_str(),
            "every text has its vector of {}",
            this.embedder.model()
        );
        return Ok(Next::More);
    }
    if store::models(&mut app.db.begin_read().await?).await?.len() > 1 {
        let target = (this.embedder.provider(), this.embedder.model());
        let until = now.plus(this.hold);
        // Held, so that a control plane that starts now with another model does not lose it.
        let ours = system_tx!(app, |tx| {
            let ours = store::hold(tx, target, &this.holder, now, until).await?;
            if ours {
                store::forget_others(tx, active.model, FORGOTTEN).await?;
                crash::point("vectors-before-forget").await;
            }
            Ok(ours)
        })?;
        crash::point("vectors-after-forget").await;
        return Ok(if ours { Next::More } else { Next::Rest });
    }
    if this.is_due(now, AGAIN) {
        system_tx!(app, |tx| {
            budget::forget(tx, now).await?;
            store::retry_failed(tx, active.model).await?;
            Ok(())
        })?;
    }
    Ok(Next::Rest)
}

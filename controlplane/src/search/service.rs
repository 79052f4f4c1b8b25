//! Finding what is indexed: by words and by meaning, both ranks fused.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use mc_api::id::{ArtifactId, DocId, KlusterId, MissionId, TaskId};
use mc_api::search::{Highlight, SearchHit, SearchKind, SearchPage};
use mc_api::{Action, Timestamp};
use mc_overlap::{Prepared, Text};
use uuid::Uuid;

use super::find::{self, Found, Looked, Shown};
use super::highlight::{self, Begin};
use super::pages::{self, Ranking};
use super::{content, events, sketch};
use crate::app::App;
use crate::db::Tx;
use crate::embeddings::{Near, Where};
use crate::error::Error;
use crate::http::page;
use crate::op::OpCtx;

/// The longest query, in characters.
const MAX_QUERY: usize = 400;
/// How much the first ranks count beside the later ones in the fusion.
const FUSION: f64 = 60.0;
/// At most this many bytes behind the heads of texts are read for one search: for phrases, and to show where words stand.
const READ_BYTES: usize = 16 * 1024 * 1024;
/// So many documents are found by their vectors.
const NEAR: usize = 40;
/// From this likeness on a document is found that shares no word with the query.
const ALIKE: f64 = 0.4;

/// How near found objects are to the query.
type Likeness = HashMap<Uuid, (mc_overlap::Provider, f32)>;

/// What a search is narrowed to.
#[derive(Debug, Clone, Default)]
pub struct Narrow {
    /// What is looked for.
    pub query: String,
    /// Of this mission.
    pub mission: Option<MissionId>,
    /// Of this kluster.
    pub kluster: Option<KlusterId>,
    /// Only these kinds.
    pub kinds: Option<Vec<SearchKind>>,
    /// Only in one of these states; leaves out kinds without states.
    pub states: Option<Vec<String>>,
    /// With these labels; leaves out kinds without labels.
    pub labels: Vec<(String, Option<String>)>,
    /// Changed at or after this time.
    pub since: Option<Timestamp>,
    /// Changed before this time.
    pub until: Option<Timestamp>,
}

/// Where the next page goes on, as a cursor has it: of events the last one that was shown, of a search what is still to be
/// shown (see [`super::pages`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place(String);

impl Place {
    /// Behind an event.
    pub(super) fn at(order: i64, object: Uuid) -> Self {
        Self(format!("{order}-{}", object.simple()))
    }

    /// The position of the event.
    pub(super) fn first(&self) -> Option<i64> {
        self.0.split_once('-')?.0.parse().ok()
    }

    pub(super) fn sealed(text: String) -> Self {
        Self(text)
    }

    pub(super) fn text(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Place {
    type Err = std::convert::Infallible;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_owned()))
    }
}

struct Ranked {
    found: Found,
    /// `None`: its vector is still to come.
    vector: Option<f64>,
    /// The score in millionths.
    order: i64,
}

/// The parts of a query between quotation marks, which must be there as they are.
fn phrases(query: &str) -> Vec<String> {
    query.split('"').skip(1).step_by(2).map(flat).filter(|phrase| !phrase.is_empty()).collect()
}

/// Lower case, with one space wherever there is any: a phrase goes on over the end of a line.
fn flat(text: &str) -> String {
    let mut flat = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !flat.is_empty() {
            flat.push(' ');
        }
        let from = flat.len();
        if word.is_ascii() {
            flat.push_str(word);
            flat[from..].make_ascii_lowercase();
        } else {
            flat.push_str(&word.to_lowercase());
        }
    }
    flat
}

/// Checks a query.
///
/// # Errors
/// [`mc_api::ProblemKind::Validation`].
pub fn check(query: &str) -> Result<(), Error> {
    let count = query.chars().count();
    if count > MAX_QUERY || query.trim().is_empty() || query.contains('\0') {
        return Err(Error::invalid("?q", format!("1 to {MAX_QUERY} characters")));
    }
    Ok(())
}

/// A page of what matches, best first.
///
/// The best by words are ranked by words and by meaning, and both ranks are fused. Everything that may be read of a mission
/// has the same least role, so that one scope serves all kinds.
///
/// # Errors
/// Database failures; [`mc_api::ProblemKind::Validation`] when events are asked for together with other kinds.
pub async fn search(
    app: &App,
    cx: &OpCtx,
    page: page::Request<Place>,
    narrow: Narrow,
) -> Result<SearchPage, Error> {
    match narrow.kinds.as_deref() {
        Some([SearchKind::Event]) => return events::search(app, cx, page, narrow).await,
        Some(kinds) if kinds.contains(&SearchKind::Event) => {
            let detail = "ask for events alone: every change of every object is one";
            return Err(Error::invalid("?kind", detail));
        }
        _ => {}
    }
    let (ranking, at) = match &page.after {
        Some(place) => pages::open(app, cx, place)?,
        None => (first(app, cx, &narrow).await?, 0),
    };
    let counts = ranking.counts();
    let mut tx = app.db.begin_read().await?;
    let (scope, words) =
        (cx.scope(Action::ReadTask), highlight::words(&narrow.query, phrases(&narrow.query)));
    let mut budget = READ_BYTES;
    let fetch = usize::try_from(page.fetch()).unwrap_or(usize::MAX);
    let mut shown: Vec<(usize, SearchHit)> = Vec::new();
    let mut next = at;
    // What is gone since the first page is left out, and the page filled with what follows.
    while shown.len() < fetch && next < ranking.hits.len() {
        let until = ranking.hits.len().min(next + fetch - shown.len());
        let numbers = ranking.hits[next..until].iter().map(|hit| hit.number).collect();
        let mut rows: HashMap<i64, Shown> = find::shown(&mut tx, &scope, numbers)
            .await?
            .into_iter()
            .map(|row| (row.document_no, row))
            .collect();
        for (place, hit) in ranking.hits.iter().enumerate().take(until).skip(next) {
            let Some(row) = rows.remove(&hit.number) else { continue };
            // The one behind the page only says that there is another.
            let highlights = if shown.len() + 1 < fetch {
                highlights(&mut tx, &row, &words, &mut budget).await?
            } else {
                Vec::new()
            };
            shown.push((place, shown_as(hit, row, highlights)?));
        }
        next = until;
    }
    let page = page.cut(app, shown, |(place, _)| pages::seal(app, cx, &ranking, place + 1));
    let items = page.items.into_iter().map(|(_, hit)| hit).collect();
    Ok(SearchPage { items, next_cursor: page.next_cursor, counts })
}

/// Ranks what is found.
async fn first(app: &App, cx: &OpCtx, narrow: &Narrow) -> Result<Ranking, Error> {
    let text = Prepared::new(&Text { title: &narrow.query, body: "", paths: &[] });
    let phrases = phrases(&narrow.query);
    let looked = Looked {
        organization: cx.caller.organization,
        scope: cx.scope(Action::ReadTask),
        mission: narrow.mission,
        kluster: narrow.kluster,
        kinds: narrow.kinds.clone(),
        states: narrow.states.clone(),
        labels: narrow.labels.clone(),
        since: narrow.since,
        until: narrow.until,
        is_checked: !phrases.is_empty(),
    };
    // Nothing is asked for those who may read nothing. No connection is held while a provider is asked.
    let near = if looked.scope.is_empty() {
        Near::default()
    } else {
        app.embeddings.asked(app, cx.caller.id, &narrow.query, "").await
    };
    let place = Where {
        scope: looked.scope.clone(),
        mission: looked.mission,
        kinds: looked.kinds.as_ref().map(|kinds| kinds.iter().map(|kind| kind.as_str().to_owned()).collect()),
    };
    let mut tx = app.db.begin_read().await?;
    let named = find::named(&mut tx, &looked, &text).await?;
    let times = usize::try_from(looked.times()).unwrap_or(1);
    let ranked = usize::try_from(find::RANKED).unwrap_or(usize::MAX);
    // Built-in vectors are made of words: where these name enough, or have to be there, they would add nothing.
    let enough = if looked.is_checked { 1 } else { ranked };
    let is_enough = near.is_builtin() && named.len() >= enough;
    let numbers = if is_enough { Vec::new() } else { near.numbers(&mut tx, &place, NEAR * times).await? };
    let mut budget = READ_BYTES;
    let mut numbers = named.with(numbers);
    if looked.is_checked && times > 1 {
        // Nothing that is left out afterwards uses up what may be read of long texts.
        numbers = find::fitting(&mut tx, &looked, numbers).await?;
    }
    let numbers = with_phrases(&mut tx, numbers, &phrases, (&mut budget, ranked)).await?;
    let found = find::found(&mut tx, &looked, named, numbers).await?;
    let likeness = if near.ranks() {
        Some(near.likeness(&mut tx, found.iter().map(|found| found.row.subject_id).collect()).await?)
    } else {
        None
    };
    let mut hits = rank(&text, found, likeness.as_ref());
    hits.truncate(ranked);
    let hits = hits.into_iter().map(|hit| {
        Ok(pages::Hit {
            number: hit.found.row.document_no,
            kind: hit.found.row.subject_kind.parse().map_err(Error::internal)?,
            order: hit.order,
            lexical: hit.found.lexical,
            vector: hit.vector.unwrap_or(0.0),
        })
    });
    Ok(Ranking { hits: hits.collect::<Result<_, Error>>()? })
}

/// Whether there may be more of a text than its head.
fn is_long(kind: &str, body: &str) -> bool {
    matches!(kind, "doc" | "artifact") && body.len() >= content::HEAD_BYTES / 2
}

/// What has all phrases, at most so much. Texts are read in their order until there are enough, long ones to their end as
/// long as the budget lasts.
async fn with_phrases(
    tx: &mut Tx,
    numbers: Vec<i64>,
    phrases: &[String],
    (budget, most): (&mut usize, usize),
) -> Result<Vec<i64>, Error> {
    if phrases.is_empty() {
        return Ok(numbers);
    }
    let mut kept = Vec::new();
    for batch in numbers.chunks(usize::try_from(find::RANKED).unwrap_or(usize::MAX)) {
        if kept.len() >= most {
            break;
        }
        let mut texts = find::texts(tx, batch).await?;
        for number in batch {
            let Some(whole) = texts.remove(number) else { continue };
            let has = |text: &str| phrases.iter().all(|phrase| text.contains(phrase));
            let mut text = flat(&format!("{}\n{}", whole.title, whole.body));
            if !has(&text) && is_long(&whole.subject_kind, &whole.body) && *budget > 0 {
                let mut all = format!("{}\n{}", whole.title, whole.body);
                for part in content::stored(tx, *number).await? {
                    *budget = budget.saturating_sub(part.body.len());
                    all.push_str(&part.body);
                }
                text = flat(&all);
            }
            if has(&text) {
                kept.push(*number);
            }
        }
    }
    kept.truncate(most);
    Ok(kept)
}

/// Title and body with the matching words marked; what does not match is left out.
async fn highlights(
    tx: &mut Tx,
    row: &Shown,
    words: &highlight::Wanted,
    budget: &mut usize,
) -> Result<Vec<Highlight>, Error> {
    let mut highlights: Vec<Highlight> = highlight::title(&row.title, words).into_iter().collect();
    let mut body = highlight::body(&row.body, words, Begin::FIRST);
    let is_weak = body.as_ref().is_none_or(|body| !body.has_phrases);
    if is_weak && is_long(&row.subject_kind, &row.body) && *budget > 0 {
        for part in content::stored(tx, row.document_no).await? {
            *budget = budget.saturating_sub(part.body.len());
            let there = highlight::body(&part.body, words, Begin { byte: part.at_byte, line: part.at_line });
            let Some(there) = there else { continue };
            if body.is_none() || there.has_phrases {
                let done = there.has_phrases;
                body = Some(there);
                if done {
                    break;
                }
            }
        }
    }
    highlights.extend(body.map(|body| body.shown));
    Ok(highlights)
}

fn shown_as(hit: &pages::Hit, row: Shown, highlights: Vec<Highlight>) -> Result<SearchHit, Error> {
    let kind: SearchKind = row.subject_kind.parse().map_err(Error::internal)?;
    Ok(SearchHit {
        highlights,
        id: match kind {
            SearchKind::Task => TaskId::from_uuid(row.subject_id).to_string(),
            SearchKind::Kluster => KlusterId::from_uuid(row.subject_id).to_string(),
            SearchKind::Doc => DocId::from_uuid(row.subject_id).to_string(),
            SearchKind::Artifact => ArtifactId::from_uuid(row.subject_id).to_string(),
            SearchKind::Event => return Err(Error::internal(std::io::Error::other("an event in the index"))),
        },
        kind,
        key: row.subject_key,
        title: row.title,
        mission_id: Some(row.mission_id),
        state: row.state,
        score: share(hit.order),
        lexical: rounded(hit.lexical),
        vector: hit.vector,
        updated_at: row.changed_at,
    })
}

fn share(millionths: i64) -> f64 {
    f64::from(i32::try_from(millionths).unwrap_or(i32::MAX)) / 1e6
}

fn rounded(share: f64) -> f64 {
    (share.clamp(0.0, 1.0) * 1000.0).round() / 1000.0
}

/// Ranks what was found by words and by meaning. `likeness` are the vectors of the model in use; without them the built-in
/// ones serve.
fn rank(query: &Prepared, found: Vec<Found>, likeness: Option<&Likeness>) -> Vec<Ranked> {
    let own = mc_overlap::builtin::embed(query);
    let mut ranked: Vec<Ranked> = found
        .into_iter()
        .map(|found| {
            let row = &found.row;
            let vector = match likeness {
                Some(likeness) => likeness.get(&row.subject_id).map(|(_, cosine)| *cosine),
                None => Some(sketch::cosine(&own, row.sketch.as_deref()).unwrap_or_else(|| {
                    let text = Prepared::new(&Text { title: &row.title, body: &row.body, paths: &[] });
                    mc_overlap::cosine(&own, &mc_overlap::builtin::embed(&text))
                })),
            };
            Ranked { vector: vector.map(|vector| rounded(f64::from(vector))), found, order: 0 }
        })
        // The index may name a text for a pair of words by chance.
        .filter(|hit| hit.found.lexical > 0.0 || hit.vector.is_some_and(|vector| vector >= ALIKE))
        .collect();
    ranked.sort_by(by_words);
    for (place, hit) in ranked.iter_mut().enumerate() {
        // Whose vector is still to come stands by meaning where it stands by words.
        let parts = if hit.vector.is_some() { 1 } else { 2 };
        hit.order += part(place) * parts;
    }
    ranked.sort_by(by_meaning);
    for (place, hit) in ranked.iter_mut().filter(|hit| hit.vector.is_some()).enumerate() {
        hit.order += part(place);
    }
    ranked.sort_by_key(|hit| std::cmp::Reverse((hit.order, hit.found.row.subject_id)));
    ranked
}

/// What a place in one of both ranks is worth.
fn part(place: usize) -> i64 {
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "a few hundred at most")]
    let part = (1e6 / 2.0 * (FUSION + 1.0) / (FUSION + 1.0 + place as f64)).round() as i64;
    part
}

fn of(vector: Option<f64>) -> f64 {
    vector.unwrap_or(-1.0)
}

fn by_words(a: &Ranked, b: &Ranked) -> Ordering {
    rounded(b.found.lexical)
        .total_cmp(&rounded(a.found.lexical))
        .then(of(b.vector).total_cmp(&of(a.vector)))
        .then(newest(a, b))
}

fn by_meaning(a: &Ranked, b: &Ranked) -> Ordering {
    of(b.vector)
        .total_cmp(&of(a.vector))
        .then(rounded(b.found.lexical).total_cmp(&rounded(a.found.lexical)))
        .then(newest(a, b))
}

fn newest(a: &Ranked, b: &Ranked) -> Ordering {
    b.found.row.subject_id.cmp(&a.found.row.subject_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phrases_are_what_stands_between_quotation_marks() {
        assert_eq!(phrases("a \"B\n c\" d \" \" \"e"), ["b c", "e"]);
        assert_eq!(phrases("none"), Vec::<String>::new());
    }

    #[test]
    fn a_place_is_read_as_it_is_written() {
        let place = Place::at(512_345, Uuid::from_u128(77));
        assert_eq!((place.to_string().parse::<Place>(), place.first()), (Ok(place.clone()), Some(512_345)));
        assert_eq!(Place::sealed("x".into()).first(), None);
    }
}

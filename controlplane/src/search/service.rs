//! Finding what is indexed: by words and by meaning, both ranks fused.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::str::FromStr;

use mc_api::id::{ArtifactId, DocId, KlusterId, MissionId, TaskId};
use mc_api::search::{Highlight, SearchCount, SearchHit, SearchKind, SearchPage};
use mc_api::{Action, Timestamp};
use mc_overlap::{Prepared, Text};
use uuid::Uuid;

use super::find::{self, Found, Looked};
use super::highlight::{self, Begin};
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

/// The place of a hit: where the next page goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The score in millionths, or the position of an event.
    order: i64,
    object: Uuid,
    /// The newest document at the time of the first page: what comes later is on no page of this search.
    upto: i64,
}

impl Place {
    pub(super) fn at(order: i64, object: Uuid) -> Self {
        Self { order, object, upto: 0 }
    }

    pub(super) fn first(self) -> i64 {
        self.order
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.order, self.object.simple(), self.upto)
    }
}

impl FromStr for Place {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.splitn(3, '-');
        let (Some(order), Some(object), Some(upto)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(());
        };
        let number = |text: &str| text.parse::<i64>().map_err(|_| ());
        Ok(Self {
            order: number(order)?,
            object: Uuid::try_parse(object).map_err(|_| ())?,
            upto: number(upto)?,
        })
    }
}

struct Ranked {
    found: Found,
    /// `None`: its vector is still to come.
    vector: Option<f64>,
    place: Place,
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
        flat.push_str(&word.to_lowercase());
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
    let text = Prepared::new(&Text { title: &narrow.query, body: "", paths: &[] });
    let phrases = phrases(&narrow.query);
    let mut tx = app.db.begin_read().await?;
    let upto = match page.after {
        Some(after) => after.upto,
        None => find::newest(&mut tx).await?,
    };
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
        upto,
    };
    // No connection is held while a provider is asked.
    drop(tx);
    // Nothing is asked for those who may read nothing.
    let near = if looked.scope.is_empty() {
        Near::default()
    } else {
        app.embeddings.asked(app, &narrow.query, "").await
    };
    let place = Where {
        scope: looked.scope.clone(),
        mission: looked.mission,
        kinds: looked.kinds.as_ref().map(|kinds| kinds.iter().map(|kind| kind.as_str().to_owned()).collect()),
    };
    let mut tx = app.db.begin_read().await?;
    let most = NEAR * usize::try_from(looked.times()).unwrap_or(1);
    let numbers = near.numbers(&mut tx, &place, most).await?;
    let found = find::search(&mut tx, looked, &text, numbers).await?;
    let mut budget = READ_BYTES;
    let found = with_phrases(&mut tx, found, &phrases, &mut budget).await?;
    let likeness = if near.ranks() {
        Some(near.likeness(&mut tx, found.iter().map(|found| found.row.subject_id).collect()).await?)
    } else {
        None
    };
    let mut ranked = rank(&text, found, likeness.as_ref(), upto);
    ranked.truncate(usize::try_from(find::RANKED).unwrap_or(usize::MAX));
    let counts = counts(&ranked)?;
    if let Some(after) = page.after {
        ranked.retain(|hit| hit.place < after);
    }
    let words = highlight::words(&narrow.query);
    let fetch = usize::try_from(page.fetch()).unwrap_or(usize::MAX);
    let shown: Vec<Ranked> = ranked.into_iter().take(fetch).collect();
    let page = page.cut(app, shown, |hit| hit.place);
    let mut items = Vec::with_capacity(page.items.len());
    for hit in page.items {
        items.push(shown_as(&mut tx, hit, &words, &mut budget).await?);
    }
    Ok(SearchPage { items, next_cursor: page.next_cursor, counts })
}

/// How many hits of each kind the pages of this search have.
fn counts(ranked: &[Ranked]) -> Result<Vec<SearchCount>, Error> {
    let mut counts: BTreeMap<SearchKind, u32> = BTreeMap::new();
    for hit in ranked {
        *counts.entry(kind_of(&hit.found)?).or_default() += 1;
    }
    Ok(counts.into_iter().map(|(kind, count)| SearchCount { kind, count }).collect())
}

fn kind_of(found: &Found) -> Result<SearchKind, Error> {
    found.row.subject_kind.parse().map_err(Error::internal)
}

/// Whether there may be more of a text than its head.
fn is_long(found: &Found) -> bool {
    matches!(found.row.subject_kind.as_str(), "doc" | "artifact")
        && found.row.body.len() >= content::HEAD_BYTES / 2
}

/// What has all phrases. Long texts are read to their end, the best first, as long as the budget lasts.
async fn with_phrases(
    tx: &mut Tx,
    mut found: Vec<Found>,
    phrases: &[String],
    budget: &mut usize,
) -> Result<Vec<Found>, Error> {
    if phrases.is_empty() {
        return Ok(found);
    }
    found.sort_by(|a, b| b.lexical.total_cmp(&a.lexical));
    let mut kept = Vec::new();
    for hit in found {
        let has = |text: &str| phrases.iter().all(|phrase| text.contains(phrase));
        let mut text = flat(&format!("{}\n{}", hit.row.title, hit.row.body));
        if !has(&text) && is_long(&hit) && *budget > 0 {
            let mut whole = format!("{}\n{}", hit.row.title, hit.row.body);
            for part in content::stored(tx, hit.row.document_no).await? {
                *budget = budget.saturating_sub(part.body.len());
                whole.push_str(&part.body);
            }
            text = flat(&whole);
        }
        if has(&text) {
            kept.push(hit);
        }
    }
    kept.truncate(usize::try_from(find::RANKED).unwrap_or(usize::MAX));
    Ok(kept)
}

/// Title and body with the matching words marked; what does not match is left out.
async fn highlights(
    tx: &mut Tx,
    found: &Found,
    words: &[String],
    budget: &mut usize,
) -> Result<Vec<Highlight>, Error> {
    let row = &found.row;
    let mut highlights: Vec<Highlight> = highlight::title(&row.title, words).into_iter().collect();
    let mut body = highlight::body(&row.body, words, Begin::FIRST);
    if body.is_none() && is_long(found) && *budget > 0 {
        for part in content::stored(tx, row.document_no).await? {
            *budget = budget.saturating_sub(part.body.len());
            body = highlight::body(&part.body, words, Begin { byte: part.at_byte, line: part.at_line });
            if body.is_some() {
                break;
            }
        }
    }
    highlights.extend(body);
    Ok(highlights)
}

async fn shown_as(
    tx: &mut Tx,
    hit: Ranked,
    words: &[String],
    budget: &mut usize,
) -> Result<SearchHit, Error> {
    let highlights = highlights(tx, &hit.found, words, budget).await?;
    let kind = kind_of(&hit.found)?;
    let row = hit.found.row;
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
        score: share(hit.place.order),
        lexical: rounded(hit.found.lexical),
        vector: hit.vector.unwrap_or(0.0),
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
fn rank(query: &Prepared, found: Vec<Found>, likeness: Option<&Likeness>, upto: i64) -> Vec<Ranked> {
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
            let place = Place { order: 0, object: row.subject_id, upto };
            Ranked { vector: vector.map(|vector| rounded(f64::from(vector))), found, place }
        })
        // The index may name a text for a pair of words by chance.
        .filter(|hit| hit.found.lexical > 0.0 || hit.vector.is_some_and(|vector| vector >= ALIKE))
        .collect();
    ranked.sort_by(by_words);
    for (place, hit) in ranked.iter_mut().enumerate() {
        // Whose vector is still to come stands by meaning where it stands by words.
        let parts = if hit.vector.is_some() { 1 } else { 2 };
        hit.place.order += part(place) * parts;
    }
    ranked.sort_by(by_meaning);
    for (place, hit) in ranked.iter_mut().filter(|hit| hit.vector.is_some()).enumerate() {
        hit.place.order += part(place);
    }
    ranked.sort_by_key(|hit| std::cmp::Reverse(hit.place));
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
    b.place.object.cmp(&a.place.object)
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
        let place = Place { order: 512_345, object: Uuid::from_u128(77), upto: 12 };
        assert_eq!(place.to_string().parse::<Place>(), Ok(place));
        assert!("x".parse::<Place>().is_err() && "1-2".parse::<Place>().is_err());
    }
}

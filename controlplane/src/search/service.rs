//! Finding what is indexed: by words and by meaning, both ranks fused.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::str::FromStr;

use mc_api::id::{KlusterId, MissionId};
use mc_api::search::{SearchHit, SearchKind};
use mc_api::{Action, Page, Timestamp};
use mc_overlap::{Prepared, Text};
use uuid::Uuid;

use super::highlight;
use super::index::{self, Found, Looked};
use crate::app::App;
use crate::embeddings::Where;
use crate::error::Error;
use crate::http::page;
use crate::op::OpCtx;

/// The longest query, in characters.
const MAX_QUERY: usize = 400;
/// How much the first ranks count beside the later ones in the fusion.
const FUSION: f64 = 60.0;
/// So many documents are found by their vectors.
const NEAR: usize = 40;
/// How many times more when a search is narrowed, since what does not fit is left out afterwards.
const NARROWED: usize = 6;
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
    millionths: i64,
    object: Uuid,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.millionths, self.object.simple())
    }
}

impl FromStr for Place {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (millionths, object) = text.split_once('-').ok_or(())?;
        let object = Uuid::try_parse(object).map_err(|_| ())?;
        Ok(Self { millionths: millionths.parse().map_err(|_| ())?, object })
    }
}

struct Ranked {
    found: Found,
    lexical: f64,
    /// `None`: its vector is still to come.
    vector: Option<f64>,
    place: Place,
}

/// The parts of a query between quotation marks, which must be there as they are.
fn phrases(query: &str) -> Vec<String> {
    query
        .split('"')
        .skip(1)
        .step_by(2)
        .map(|phrase| phrase.trim().to_lowercase())
        .filter(|p| !p.is_empty())
        .collect()
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
/// The best few hundred by words are ranked by words and by meaning, and both ranks are fused. Words that stand in very
/// many texts are looked up in the newest of each mission only, one mission after the other until there are enough.
///
/// # Errors
/// Database failures.
pub async fn search(
    app: &App,
    cx: &OpCtx,
    page: page::Request<Place>,
    narrow: Narrow,
) -> Result<Page<SearchHit>, Error> {
    let text = Prepared::new(&Text { title: &narrow.query, body: "", paths: &[] });
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
    };
    let near = app.embeddings.asked(app, &narrow.query, "").await;
    let place = Where {
        scope: looked.scope.clone(),
        mission: looked.mission,
        kinds: looked.kinds.as_ref().map(|kinds| kinds.iter().map(|kind| kind.as_str().to_owned()).collect()),
    };
    let mut tx = app.db.begin_read().await?;
    let times = if looked.is_narrowed() { NARROWED } else { 1 };
    let numbers = near.numbers(&mut tx, &place, NEAR * times).await?;
    let found = index::search(&mut tx, looked, &text, numbers).await?;
    let likeness = if near.ranks() {
        Some(near.likeness(&mut tx, found.iter().map(|found| found.subject_id).collect()).await?)
    } else {
        None
    };
    drop(tx);
    let mut ranked = rank(&text, found, &phrases(&narrow.query), likeness.as_ref());
    if let Some(after) = page.after {
        ranked.retain(|hit| hit.place < after);
    }
    let words = highlight::words(&narrow.query);
    let fetch = usize::try_from(page.fetch()).unwrap_or(usize::MAX);
    let shown: Vec<Ranked> = ranked.into_iter().take(fetch).collect();
    let page = page.cut(app, shown, |hit| hit.place);
    let items = page.items.into_iter().map(|hit| shown_as(hit, &words)).collect::<Result<_, _>>()?;
    Ok(Page { items, next_cursor: page.next_cursor })
}

fn shown_as(hit: Ranked, words: &[String]) -> Result<SearchHit, Error> {
    let found = hit.found;
    let kind: SearchKind = found.subject_kind.parse().map_err(Error::internal)?;
    Ok(SearchHit {
        highlights: highlight::highlights(&found.title, &found.body, words),
        id: match kind {
            SearchKind::Task => mc_api::id::TaskId::from_uuid(found.subject_id).to_string(),
            SearchKind::Kluster => KlusterId::from_uuid(found.subject_id).to_string(),
        },
        kind,
        key: found.subject_key,
        title: found.title,
        mission_id: found.mission_id,
        state: found.state,
        score: share(hit.place.millionths),
        lexical: hit.lexical,
        vector: hit.vector.unwrap_or(0.0),
        updated_at: found.changed_at,
    })
}

fn share(millionths: i64) -> f64 {
    f64::from(i32::try_from(millionths).unwrap_or(i32::MAX)) / 1e6
}

fn rounded(share: f64) -> f64 {
    (share.clamp(0.0, 1.0) * 1000.0).round() / 1000.0
}

/// Ranks what was found by words and by meaning. `likeness` are the vectors of the model in use; without them the built-in
/// ones are computed.
fn rank(query: &Prepared, found: Vec<Found>, phrases: &[String], likeness: Option<&Likeness>) -> Vec<Ranked> {
    let weights: HashMap<i64, f64> =
        query.terms().iter().map(|term| (term.id, f64::from(term.weight))).collect();
    let whole: f64 = weights.values().sum();
    let own = mc_overlap::builtin::embed(query);
    let mut ranked: Vec<Ranked> = found
        .into_iter()
        .filter(|found| {
            let text = format!("{}\n{}", found.title, found.body).to_lowercase();
            phrases.iter().all(|phrase| text.contains(phrase))
        })
        .map(|found| {
            let text = Prepared::new(&Text { title: &found.title, body: &found.body, paths: &[] });
            let has: HashSet<i64> = text.terms().iter().map(|term| term.id).collect();
            let shared: f64 =
                weights.iter().filter(|(id, _)| has.contains(id)).map(|(_, weight)| weight).sum();
            let vector = match likeness {
                Some(likeness) => likeness.get(&found.subject_id).map(|(_, cosine)| *cosine),
                None => Some(mc_overlap::cosine(&own, &mc_overlap::builtin::embed(&text))),
            };
            let place = Place { millionths: 0, object: found.subject_id };
            Ranked {
                lexical: rounded(if whole > 0.0 { shared / whole } else { 0.0 }),
                vector: vector.map(|vector| rounded(f64::from(vector))),
                found,
                place,
            }
        })
        // The index may name a text for a pair of words by chance.
        .filter(|hit| hit.lexical > 0.0 || hit.vector.is_some_and(|vector| vector >= ALIKE))
        .collect();
    ranked.sort_by(by_words);
    for (place, hit) in ranked.iter_mut().enumerate() {
        // Whose vector is still to come stands by meaning where it stands by words.
        let parts = if hit.vector.is_some() { 1 } else { 2 };
        hit.place.millionths += part(place) * parts;
    }
    ranked.sort_by(by_meaning);
    for (place, hit) in ranked.iter_mut().filter(|hit| hit.vector.is_some()).enumerate() {
        hit.place.millionths += part(place);
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
    b.lexical.total_cmp(&a.lexical).then(of(b.vector).total_cmp(&of(a.vector))).then(newest(a, b))
}

fn by_meaning(a: &Ranked, b: &Ranked) -> Ordering {
    of(b.vector).total_cmp(&of(a.vector)).then(b.lexical.total_cmp(&a.lexical)).then(newest(a, b))
}

fn newest(a: &Ranked, b: &Ranked) -> Ordering {
    b.place.object.cmp(&a.place.object)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phrases_are_what_stands_between_quotation_marks() {
        assert_eq!(phrases(r#"a "B c" d " " "e"#), ["b c", "e"]);
        assert_eq!(phrases("none"), Vec::<String>::new());
    }

    #[test]
    fn a_place_is_read_as_it_is_written() {
        let place = Place { millionths: 512_345, object: Uuid::from_u128(77) };
        assert_eq!(place.to_string().parse::<Place>(), Ok(place));
        assert!("x".parse::<Place>().is_err());
    }
}

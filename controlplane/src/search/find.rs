//! Looking words up in the index, in one or many missions.
//!
//! A word's entries are read newest first and up to a cap. In a search over several missions a word that has more entries
//! than the cap is looked up again in each mission that has it, so that no mission is read before another one.

use std::collections::{BTreeMap, HashMap, HashSet};

use mc_api::Timestamp;
use mc_api::id::{KlusterId, MissionId, OrganizationId};
use mc_api::search::SearchKind;
use mc_overlap::Prepared;
use uuid::Uuid;

use super::index::{EVERY_WORD, low_bits, pairs, salted};
use super::packed;
use crate::db::{Backend, DbError, Filter, Sql, Tx};
use crate::op::Scope;

/// At most this many entries are read per word, before it counts as common.
const CAP: i64 = 256;
/// Of a common word, so many entries are read in each mission.
const IN_EACH: i64 = 8;
/// A common word is looked up in so many missions.
const MISSIONS: i64 = 512;
/// So many words of a query are looked up in each mission.
const COMMON: usize = 4;
/// Stands for the place in its mission of what was not looked up mission by mission: behind all that was.
const OTHERS: i64 = 1000;
/// So many documents are ranked, and so many hits has a search at most.
pub(super) const RANKED: i64 = 120;
/// How many times more are looked at when a search is narrowed, since what does not fit is left out afterwards.
const NARROWED: i64 = 8;
/// Of the terms of a query, this many are looked up.
const QUERY_TERMS: usize = 24;

/// What is searched.
pub(super) struct Looked {
    pub(super) organization: OrganizationId,
    pub(super) scope: Scope,
    pub(super) mission: Option<MissionId>,
    pub(super) kluster: Option<KlusterId>,
    pub(super) kinds: Option<Vec<SearchKind>>,
    pub(super) states: Option<Vec<String>>,
    pub(super) labels: Vec<(String, Option<String>)>,
    pub(super) since: Option<Timestamp>,
    pub(super) until: Option<Timestamp>,
    /// Whether more is left out afterwards, by what the texts say.
    pub(super) is_checked: bool,
}

/// A document that a search found.
pub(super) struct Found {
    pub(super) row: Row,
    /// The share of the query's words that it has, by weight, 0 to 1.
    pub(super) lexical: f64,
}

#[derive(sqlx_macros::FromRow)]
pub(super) struct Row {
    pub(super) document_no: i64,
    pub(super) mission_id: MissionId,
    pub(super) subject_kind: String,
    pub(super) subject_id: Uuid,
    pub(super) sketch: Option<Vec<u8>>,
    /// With `body` empty where there is a sketch.
    pub(super) title: String,
    pub(super) body: String,
}

/// One entry that is looked up: a word, or a pair of words.
#[derive(Clone, Copy)]
struct Entry {
    /// A bit for each word of the query that a document of it has.
    words: u64,
    is_pair: bool,
    term: i64,
    weight: f64,
}

/// The words of a query.
struct Words {
    entries: Vec<Entry>,
    weights: Vec<f64>,
}

fn bit(word: usize) -> u64 {
    u32::try_from(word).ok().and_then(|word| 1_u64.checked_shl(word)).unwrap_or(0)
}

/// Pairs of words with both of their bits, in the order in which the index makes them.
fn paired(text: &Prepared) -> impl Iterator<Item = (u64, (i64, f64))> {
    let pairs = pairs(text);
    let best = (0..text.terms().len()).find(|n| n * (n + 1) / 2 >= pairs.len()).map_or(0, |n| n + 1);
    let both = (0..best).flat_map(move |left| (left + 1..best).map(move |right| bit(left) | bit(right)));
    both.zip(pairs)
}

impl Words {
    fn of(looked: &Looked, text: &Prepared) -> Self {
        let plain = text.terms().iter().enumerate().map(|(word, term)| Entry {
            words: bit(word),
            is_pair: false,
            term: term.id,
            weight: f64::from(term.weight),
        });
        let mut plain: Vec<Entry> = plain.collect();
        let weights = plain.iter().map(|entry| entry.weight).collect();
        plain.extend(paired(text).map(|(words, (term, weight))| Entry {
            words,
            is_pair: true,
            term,
            weight,
        }));
        plain.sort_by(|a, b| b.weight.total_cmp(&a.weight));
        plain.truncate(QUERY_TERMS);
        let mut entries = Vec::new();
        for salt in looked.salts() {
            let of = |entry: &Entry| Entry { term: salted(looked.organization, entry.term ^ salt), ..*entry };
            entries.extend(plain.iter().map(of));
        }
        Self { entries, weights }
    }

    /// The weight of the words that a document has.
    fn weight(&self, has: u64) -> f64 {
        let each = self.weights.iter().enumerate();
        each.filter(|(word, _)| has & bit(*word) != 0).map(|(_, weight)| weight).sum()
    }
}

impl Looked {
    /// Where entries of the wanted kinds stand in the index.
    fn salts(&self) -> Vec<i64> {
        let wanted = |kinds: &[SearchKind]| {
            self.kinds.as_ref().is_none_or(|all| all.iter().any(|kind| kinds.contains(kind)))
        };
        let mut salts = Vec::new();
        if wanted(&[SearchKind::Task, SearchKind::Kluster]) {
            salts.push(0);
        }
        if wanted(&[SearchKind::Doc, SearchKind::Artifact]) {
            salts.push(EVERY_WORD);
        }
        salts
    }

    /// The missions that are looked at; `None` for all of the organization (its terms are salted with it).
    fn missions(&self) -> Option<Vec<i64>> {
        match (&self.mission, &self.scope) {
            (Some(mission), _) => Some(vec![low_bits(mission.as_uuid())]),
            (None, Scope::Organization(_)) => None,
            (None, Scope::Missions(_, missions)) => {
                Some(missions.iter().map(|id| low_bits(id.as_uuid())).collect())
            }
        }
    }

    /// How many times more is looked at, since what does not fit is left out afterwards.
    pub(super) fn times(&self) -> i64 {
        let is_narrowed = self.kluster.is_some()
            || self.kinds.is_some()
            || self.states.is_some()
            || !self.labels.is_empty()
            || self.since.is_some()
            || self.until.is_some();
        if is_narrowed { NARROWED } else { 1 }
    }

    /// The same for words: the texts that they name are also checked for phrases.
    fn times_of_words(&self) -> i64 {
        if self.is_checked { NARROWED } else { self.times() }
    }
}

/// What is known of a document from the entries that name it.
#[derive(Clone, Copy, Default)]
struct Has {
    /// A bit for each word that it has.
    words: u64,
    /// The weight of the weightiest pair of words that it has.
    pair: f64,
    /// Its place, from the newest, among those of its mission.
    nth: i64,
}

/// By weight, then by the place in its mission, then the newest.
fn by_what_they_have(a: &(f64, i64, i64), b: &(f64, i64, i64)) -> std::cmp::Ordering {
    b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)).then(b.2.cmp(&a.2))
}

/// The documents that the words of a query name.
pub(super) struct Named {
    words: Words,
    has: HashMap<i64, Has>,
    /// The entries of which only some were read.
    common: Vec<usize>,
}

impl Named {
    /// How many documents.
    pub(super) fn len(&self) -> usize {
        self.has.len()
    }

    /// Those that have most first, then others that are near.
    pub(super) fn with(&self, near: Vec<i64>) -> Vec<i64> {
        let mut named: Vec<(f64, i64, i64)> = self
            .has
            .iter()
            .map(|(number, has)| (self.words.weight(has.words) + has.pair, has.nth, *number))
            .collect();
        named.sort_by(by_what_they_have);
        let mut seen: HashSet<i64> = HashSet::new();
        let all = named.into_iter().map(|(_, _, number)| number).chain(near);
        all.filter(|number| seen.insert(*number)).collect()
    }

    /// Keeps the documents that have most.
    fn best(&mut self, most: usize) {
        if self.has.len() <= most {
            return;
        }
        let mut all: Vec<(f64, i64, i64)> = self
            .has
            .iter()
            .map(|(number, has)| (self.words.weight(has.words) + has.pair, has.nth, *number))
            .collect();
        all.select_nth_unstable_by(most, by_what_they_have);
        let kept: HashSet<i64> = all[..most].iter().map(|(_, _, number)| *number).collect();
        self.has.retain(|number, _| kept.contains(number));
    }

    fn enter(&mut self, index: usize, numbers: &str, is_each: bool) -> Result<usize, DbError> {
        let entry = self.words.entries[index];
        let mut count = 0;
        for part in numbers.split_ascii_whitespace() {
            let (number, nth) =
                if is_each { part.split_once(':').unwrap_or((part, "1")) } else { (part, "") };
            let wrong = |error: std::num::ParseIntError| DbError::Inconsistent {
                table: "search_posting",
                message: error.to_string(),
            };
            let number: i64 = number.parse().map_err(wrong)?;
            let nth = if is_each { nth.parse().map_err(wrong)? } else { OTHERS };
            let has = self.has.entry(number).or_insert(Has { nth, ..Has::default() });
            has.words |= entry.words;
            has.nth = has.nth.min(nth);
            if entry.is_pair {
                has.pair = has.pair.max(entry.weight);
            }
            count += 1;
        }
        Ok(count)
    }
}

/// Looks up which documents the words of a query name, of those that the caller may read: the best of them.
///
/// # Errors
/// Database failures.
pub(super) async fn named(tx: &mut Tx, looked: &Looked, text: &Prepared) -> Result<Named, DbError> {
    let words = Words::of(looked, text);
    let mut named = Named { words, has: HashMap::new(), common: Vec::new() };
    if looked.scope.is_empty() || named.words.entries.is_empty() {
        return Ok(named);
    }
    let statement = Statement { missions: missions(tx, looked).await?, cap: CAP * looked.times_of_words() };
    for (index, numbers) in statement.entries(tx, &named.words).await? {
        if wide(named.enter(index, &numbers, false)?) >= statement.cap {
            named.common.push(index);
        }
    }
    if statement.missions.as_ref().is_none_or(|missions| missions.len() > 1) {
        for index in weightiest(&named) {
            let numbers = statement.in_each(tx, named.words.entries[index].term).await?;
            named.enter(index, &numbers, true)?;
        }
    }
    named.best(usize::try_from(RANKED * looked.times_of_words()).unwrap_or(usize::MAX));
    Ok(named)
}

/// The missions that are looked at. An organization with one mission is that mission.
async fn missions(tx: &mut Tx, looked: &Looked) -> Result<Option<Vec<i64>>, DbError> {
    let missions = looked.missions();
    if missions.is_some() {
        return Ok(missions);
    }
    let some: Vec<(MissionId,)> = tx
        .query("SELECT mission_id FROM mission WHERE organization_id = $1 LIMIT 2")
        .bind(looked.organization)
        .fetch_all()
        .await?;
    Ok(match some.as_slice() {
        [(only,)] => Some(vec![low_bits(only.as_uuid())]),
        _ => None,
    })
}

/// What is known of documents that words or vectors name, of those that fit, with the share of the words that they have.
///
/// # Errors
/// Database failures.
pub(super) async fn found(
    tx: &mut Tx,
    looked: &Looked,
    mut named: Named,
    numbers: Vec<i64>,
) -> Result<Vec<Found>, DbError> {
    let rows = rows(tx, looked, numbers).await?;
    complete(tx, &mut named, &rows).await?;
    let whole: f64 = named.words.weights.iter().sum();
    let share = |number: i64| match named.has.get(&number) {
        Some(has) if whole > 0.0 => named.words.weight(has.words) / whole,
        _ => 0.0,
    };
    Ok(rows.into_iter().map(|row| Found { lexical: share(row.document_no), row }).collect())
}

/// Of documents those that fit, in their order.
///
/// # Errors
/// Database failures.
pub(super) async fn fitting(tx: &mut Tx, looked: &Looked, numbers: Vec<i64>) -> Result<Vec<i64>, DbError> {
    let rows: Vec<(i64,)> = narrowed(tx, looked, "SELECT d.document_no", &numbers)
        .finish(tx, "d.document_no", i64::MAX)
        .fetch_all()
        .await?;
    let fits: HashSet<i64> = rows.into_iter().map(|(number,)| number).collect();
    Ok(numbers.into_iter().filter(|number| fits.contains(number)).collect())
}

/// Which of the common words are looked up in each mission.
fn weightiest(named: &Named) -> Vec<usize> {
    let weight = |index: usize| named.words.entries[index].weight;
    let mut all = named.common.clone();
    all.sort_by(|a, b| weight(*b).total_cmp(&weight(*a)).then(a.cmp(b)));
    all.truncate(COMMON);
    all
}

/// Looks entries up. The texts of the statements do not depend on the query, so that they are planned once.
struct Statement {
    missions: Option<Vec<i64>>,
    cap: i64,
}

impl Statement {
    fn bound(&self) -> String {
        match &self.missions {
            Some(one) if one.len() == 1 => one[0].to_string(),
            some => serde_json::Value::from(some.clone().unwrap_or_default()).to_string(),
        }
    }

    /// The documents of each entry as one text, since one row costs less than hundreds.
    async fn entries(&self, tx: &mut Tx, words: &Words) -> Result<Vec<(usize, String)>, DbError> {
        let terms: Vec<serde_json::Value> = words.entries.iter().map(|entry| entry.term.into()).collect();
        let rows: Vec<(i64, Option<String>)> = tx
            .query(Sql::Built(self.entries_text(tx.backend())))
            .bind(serde_json::Value::from(terms).to_string())
            .bind(self.cap)
            .bind(self.bound())
            .fetch_all()
            .await?;
        Ok(rows
            .into_iter()
            .filter_map(|(index, numbers)| Some((usize::try_from(index).ok()?, numbers?)))
            .collect())
    }

    fn entries_text(&self, backend: Backend) -> String {
        // Across missions the order of the index is kept only without a list of them; common words are looked up again.
        let (range, order) = match (&self.missions, backend) {
            (None, _) => ("", "ORDER BY mission DESC, document_no DESC "),
            (Some(one), _) if one.len() == 1 => {
                (" AND mission = CAST($3 AS BIGINT)", "ORDER BY document_no DESC ")
            }
            (Some(_), Backend::Postgres) => (
                " AND mission = ANY (ARRAY(SELECT m::bigint FROM json_array_elements_text($3::json) AS m))",
                "",
            ),
            (Some(_), Backend::Sqlite) => (" AND mission IN (SELECT value FROM json_each($3))", ""),
        };
        match backend {
            Backend::Postgres => format!(
                "SELECT t.nth - 1, (SELECT string_agg(CAST(p.document_no AS TEXT), ' ') FROM (SELECT document_no FROM search_posting
                     WHERE term = CAST(t.term AS BIGINT){range} {order}LIMIT $2) AS p)
                 FROM json_array_elements_text($1::json) WITH ORDINALITY AS t (term, nth) WHERE CAST($3 AS TEXT) IS NOT NULL"
            ),
            Backend::Sqlite => format!(
                "SELECT t.key, (SELECT group_concat(p.document_no, ' ') FROM (SELECT document_no FROM search_posting
                     WHERE term = t.value{range} {order}LIMIT $2) AS p)
                 FROM json_each($1) AS t WHERE $3 IS NOT NULL"
            ),
        }
    }

    /// The newest documents of a term in each mission that has it, with their places there.
    async fn in_each(&self, tx: &mut Tx, term: i64) -> Result<String, DbError> {
        let (numbers,): (Option<String>,) = tx
            .query(Sql::Built(self.each_text(tx.backend())))
            .bind(term)
            .bind(IN_EACH)
            .bind(self.bound())
            .bind(MISSIONS)
            .fetch_one()
            .await?;
        Ok(numbers.unwrap_or_default())
    }

    /// From one mission to the next by the index, or those given.
    fn each_text(&self, backend: Backend) -> String {
        let held = match (&self.missions, backend) {
            (Some(_), Backend::Postgres) => {
                "m (mission) AS (SELECT m::bigint FROM json_array_elements_text($3::json) AS m)"
            }
            (Some(_), Backend::Sqlite) => "m (mission) AS (SELECT value FROM json_each($3))",
            (None, _) => {
                "m (mission) AS (SELECT MAX(mission) FROM search_posting WHERE term = $1
                 UNION ALL SELECT (SELECT MAX(s.mission) FROM search_posting s WHERE s.term = $1 AND s.mission < m.mission)
                 FROM m WHERE m.mission IS NOT NULL)"
            }
        };
        let in_order = format!(
            "WITH RECURSIVE {held}, held AS (SELECT mission FROM m WHERE mission IS NOT NULL LIMIT $4)"
        );
        match backend {
            Backend::Postgres => format!(
                "{in_order} SELECT string_agg(CAST(e.document_no AS TEXT) || ':' || CAST(e.nth AS TEXT), ' ')
                 FROM held CROSS JOIN LATERAL (
                     SELECT s.document_no, ROW_NUMBER() OVER (ORDER BY s.document_no DESC) AS nth
                     FROM (SELECT document_no FROM search_posting WHERE term = $1 AND mission = held.mission
                         ORDER BY document_no DESC LIMIT $2) AS s) AS e
                 WHERE CAST($3 AS TEXT) IS NOT NULL"
            ),
            // Missions first, whatever is believed of the sizes: a common word has entries without end.
            Backend::Sqlite => format!(
                "{in_order}, b AS (SELECT mission, COALESCE((SELECT s.document_no FROM search_posting s
                     WHERE s.term = $1 AND s.mission = held.mission
                     ORDER BY s.document_no DESC LIMIT 1 OFFSET CAST($2 AS BIGINT) - 1), 0) AS least FROM held),
                 e AS (SELECT s.document_no, ROW_NUMBER() OVER (PARTITION BY s.mission ORDER BY s.document_no DESC) AS nth
                     FROM b CROSS JOIN search_posting s ON s.term = $1 AND s.mission = b.mission AND s.document_no >= b.least)
                 SELECT group_concat(document_no || ':' || nth, ' ') FROM e WHERE $3 IS NOT NULL"
            ),
        }
    }
}

fn wide(index: usize) -> i64 {
    i64::try_from(index).unwrap_or(i64::MAX)
}

/// Documents that fit, with some columns.
fn narrowed(tx: &Tx, looked: &Looked, columns: &'static str, numbers: &[i64]) -> Filter {
    let asks_more = looked.states.is_some()
        || !looked.labels.is_empty()
        || looked.since.is_some()
        || looked.until.is_some();
    let mut filter = Filter::new(tx, columns).text(" FROM search_document d");
    if asks_more {
        filter = filter.text(
            " LEFT JOIN task t ON t.task_id = d.subject_id
             LEFT JOIN doc c ON c.doc_id = d.subject_id LEFT JOIN artifact a ON a.artifact_id = d.subject_id
             LEFT JOIN kluster k ON k.kluster_id = d.subject_id",
        );
    }
    let mut filter = looked
        .scope
        .clone()
        .apply(filter, "d.organization_id = ?", "d.mission_id")
        .among("d.document_no", numbers)
        .and_some("d.mission_id = ?", looked.mission)
        .and_some("d.kluster_id = ?", looked.kluster)
        .and_some(
            "COALESCE(t.updated_at, c.updated_at, a.updated_at, k.updated_at, d.updated_at) >= ?",
            looked.since,
        )
        .and_some(
            "COALESCE(t.updated_at, c.updated_at, a.updated_at, k.updated_at, d.updated_at) < ?",
            looked.until,
        );
    if let Some(kinds) = &looked.kinds {
        filter = filter.one_of("d.subject_kind", kinds.iter().map(|kind| kind.as_str().to_owned()).collect());
    }
    if let Some(states) = &looked.states {
        filter = filter.one_of("COALESCE(t.state, c.state)", states.clone());
    }
    if asks_more {
        filter = filter.labels("COALESCE(t.labels, c.labels, a.labels, k.labels)", looked.labels.clone());
    }
    filter
}

/// What is known of documents, of those that fit. All of them are ranked: the newest are not the best.
async fn rows(tx: &mut Tx, looked: &Looked, numbers: Vec<i64>) -> Result<Vec<Row>, DbError> {
    if numbers.is_empty() {
        return Ok(Vec::new());
    }
    let (order, limit) = ("d.document_no DESC", i64::try_from(numbers.len()).unwrap_or(i64::MAX));
    // Texts are read of what is shown, and of what was entered before there were sketches.
    match tx.backend() {
        Backend::Postgres => {
            let columns = "SELECT d.document_no, d.mission_id, d.subject_kind, d.subject_id, d.sketch,
                 CASE WHEN d.sketch IS NULL THEN d.title ELSE '' END AS title,
                 CASE WHEN d.sketch IS NULL THEN d.body ELSE '' END AS body";
            narrowed(tx, looked, columns, &numbers).finish(tx, order, limit).fetch_all().await
        }
        Backend::Sqlite => {
            let filter = narrowed(tx, looked, packed::ROW, &numbers);
            let (all,): (String,) = filter.finish_as_one(tx, " ", order, limit).fetch_one().await?;
            let mut rows = packed::rows(&all)?;
            let bare = rows.iter().filter(|row| row.sketch.is_none()).map(|row| row.document_no);
            let mut texts = texts(tx, &bare.collect::<Vec<_>>()).await?;
            for row in &mut rows {
                if let Some(text) = texts.remove(&row.document_no) {
                    (row.title, row.body) = (text.title, text.body);
                }
            }
            Ok(rows)
        }
    }
}

/// A text, to check phrases.
#[derive(sqlx_macros::FromRow)]
pub(super) struct Whole {
    pub(super) document_no: i64,
    pub(super) subject_kind: String,
    pub(super) title: String,
    pub(super) body: String,
}

/// The texts of documents.
///
/// # Errors
/// Database failures.
pub(super) async fn texts(tx: &mut Tx, numbers: &[i64]) -> Result<HashMap<i64, Whole>, DbError> {
    if numbers.is_empty() {
        return Ok(HashMap::new());
    }
    let limit = i64::try_from(numbers.len()).unwrap_or(i64::MAX);
    match tx.backend() {
        Backend::Postgres => {
            let columns = "SELECT d.document_no, d.subject_kind, d.title, d.body FROM search_document d";
            let filter = Filter::new(tx, columns).among("d.document_no", numbers);
            let rows: Vec<Whole> = filter.finish(tx, "d.document_no", limit).fetch_all().await?;
            Ok(rows.into_iter().map(|text| (text.document_no, text)).collect())
        }
        Backend::Sqlite => {
            let filter = Filter::new(tx, packed::TEXT).text(" FROM search_document d");
            let filter = filter.among("d.document_no", numbers);
            let (all,): (String,) = filter.finish_as_one(tx, "", "d.document_no", limit).fetch_one().await?;
            packed::texts(&all)
        }
    }
}

/// A document as it is shown.
#[derive(sqlx_macros::FromRow)]
pub(super) struct Shown {
    pub(super) document_no: i64,
    pub(super) mission_id: MissionId,
    pub(super) subject_kind: String,
    pub(super) subject_id: Uuid,
    pub(super) subject_key: Option<String>,
    pub(super) title: String,
    pub(super) body: String,
    pub(super) state: Option<String>,
    pub(super) changed_at: Timestamp,
}

/// Documents as they are now, of those that the caller may read.
///
/// # Errors
/// Database failures.
pub(super) async fn shown(tx: &mut Tx, scope: &Scope, numbers: Vec<i64>) -> Result<Vec<Shown>, DbError> {
    if numbers.is_empty() || scope.is_empty() {
        return Ok(Vec::new());
    }
    let limit = i64::try_from(numbers.len()).unwrap_or(i64::MAX);
    let filter = Filter::new(
        tx,
        "SELECT d.document_no, d.mission_id, d.subject_kind, d.subject_id, d.subject_key, d.title, d.body,
             COALESCE(t.state, c.state) AS state,
             COALESCE(t.updated_at, c.updated_at, a.updated_at, k.updated_at, d.updated_at) AS changed_at
         FROM search_document d LEFT JOIN task t ON t.task_id = d.subject_id
         LEFT JOIN doc c ON c.doc_id = d.subject_id LEFT JOIN artifact a ON a.artifact_id = d.subject_id
         LEFT JOIN kluster k ON k.kluster_id = d.subject_id",
    );
    scope
        .clone()
        .apply(filter, "d.organization_id = ?", "d.mission_id")
        .among("d.document_no", &numbers)
        .finish(tx, "d.document_no", limit)
        .fetch_all()
        .await
}

/// Looks up whether documents have the common words too, of which only some entries were read.
async fn complete(tx: &mut Tx, named: &mut Named, rows: &[Row]) -> Result<(), DbError> {
    let common: Vec<Entry> =
        named.common.iter().map(|index| named.words.entries[*index]).filter(|entry| !entry.is_pair).collect();
    let is_open = |row: &&Row| {
        let has = named.has.get(&row.document_no).map_or(0, |has| has.words);
        common.iter().any(|entry| has & entry.words == 0)
    };
    let mut asked: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    for row in rows.iter().filter(is_open) {
        asked.entry(low_bits(row.mission_id.as_uuid())).or_default().push(row.document_no);
    }
    if asked.is_empty() {
        return Ok(());
    }
    let asked: serde_json::Map<String, serde_json::Value> =
        asked.into_iter().map(|(mission, numbers)| (mission.to_string(), numbers.into())).collect();
    let terms: Vec<serde_json::Value> = common.iter().map(|entry| entry.term.into()).collect();
    let found: Vec<(i64, i64)> = tx
        .query(Sql::Each {
            postgres: "SELECT p.document_no, p.term FROM json_each($1::json) AS g
                 CROSS JOIN LATERAL json_array_elements_text(g.value) AS n
                 CROSS JOIN json_array_elements_text($2::json) AS t
                 JOIN search_posting p ON p.term = t::bigint AND p.mission = g.key::bigint AND p.document_no = n::bigint",
            sqlite: "SELECT p.document_no, p.term FROM json_each($1) AS g CROSS JOIN json_each($2) AS t
                 CROSS JOIN json_each(g.value) AS n
                 CROSS JOIN search_posting p ON p.term = t.value AND p.mission = CAST(g.key AS INTEGER) AND p.document_no = n.value",
        })
        .bind(serde_json::Value::from(asked).to_string())
        .bind(serde_json::Value::from(terms).to_string())
        .fetch_all()
        .await?;
    let words: HashMap<i64, u64> = common.iter().map(|entry| (entry.term, entry.words)).collect();
    for (number, term) in found {
        named.has.entry(number).or_default().words |= words.get(&term).copied().unwrap_or(0);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_says_that_both_words_are_there() {
        for title in [
            "a plain word",
            "retry",
            "retry uploads",
            "retry uploads store quickly backend antenna zebra index",
        ] {
            let text = Prepared::new(&mc_overlap::Text { title, body: "", paths: &[] });
            let ids: Vec<i64> = text.terms().iter().map(|term| term.id).collect();
            assert_eq!(paired(&text).count(), pairs(&text).len(), "{title}");
            for (words, (pair, _)) in paired(&text) {
                let both: Vec<i64> =
                    (0..ids.len()).filter(|n| words & bit(*n) != 0).map(|n| ids[n]).collect();
                let mixed = (both[0] ^ both[1]).wrapping_mul(0x2545_F491_4F6C_DD1D) & i64::MAX;
                assert_eq!((both.len(), mixed), (2, pair), "{title}");
            }
        }
    }

    /// SQLite plans by what indexes look like: a common word must never be read to its end.
    #[tokio::test]
    async fn entries_are_read_by_their_whole_key() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("plans.db").display());
        let mut tx = crate::db::Db::open(&url).await.unwrap().begin_read().await.unwrap();
        for (missions, looks) in [(None, 4), (Some(vec![1, 2]), 2), (Some(vec![1]), 2)] {
            let text = Statement { missions: missions.clone(), cap: 9 }.each_text(Backend::Sqlite);
            let plan: Vec<(i64, i64, i64, String)> =
                tx.query(Sql::Built(format!("EXPLAIN QUERY PLAN {text}"))).fetch_all().await.unwrap();
            let steps: Vec<&str> = plan.iter().map(|(_, _, _, step)| step.as_str()).collect();
            let read: Vec<&&str> = steps.iter().filter(|step| step.starts_with("SEARCH ")).collect();
            assert_eq!(read.len(), looks, "{missions:?}: {steps:?}");
            let whole = "SEARCH s USING PRIMARY KEY (term=? AND mission=? AND document_no>?)";
            assert!(read.contains(&&whole), "{missions:?}: {steps:?}");
            assert!(
                !steps.iter().any(|step| step.contains("AUTOMATIC") || step.contains("SCAN s")),
                "{steps:?}"
            );
        }
    }

    /// What a caller may not read costs him no time either: each lookup is a range of the missions that he may read.
    #[test]
    fn every_lookup_is_within_the_missions_that_may_be_read() {
        for backend in [Backend::Postgres, Backend::Sqlite] {
            let of = |missions| {
                let statement = Statement { missions, cap: 9 };
                [statement.entries_text(backend), statement.each_text(backend)]
            };
            for missions in [vec![1], vec![1, 2]] {
                for text in of(Some(missions)) {
                    let lookups: Vec<&str> = text.split("FROM search_posting").skip(1).collect();
                    assert!(!lookups.is_empty() || text.contains("JOIN search_posting"), "{text}");
                    for lookup in lookups {
                        let until = lookup.find("LIMIT").unwrap_or(lookup.len());
                        assert!(lookup[..until].contains("mission"), "{lookup}");
                    }
                    assert!(!text.contains("MAX(mission)"), "missions are given, not looked for");
                }
            }
            assert!(of(None)[1].contains("MAX(mission)"));
        }
    }
}

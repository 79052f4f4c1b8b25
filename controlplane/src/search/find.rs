//! Looking words up in the index, in one or many missions.
//!
//! A word's entries are read newest first and up to a cap. In a search over several missions a word that has more entries
//! than the cap is looked up again in each mission that has it, so that no mission is read before another one.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use mc_api::Timestamp;
use mc_api::id::{KlusterId, MissionId, OrganizationId};
use mc_api::search::SearchKind;
use mc_overlap::Prepared;
use uuid::Uuid;

use super::index::{EVERY_WORD, low_bits, pairs, salted};
use crate::db::{Backend, DbError, Filter, Query, Sql, Tx};
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
    /// Only documents that were there at the first page.
    pub(super) upto: i64,
}

/// A document that a search found.
pub(super) struct Found {
    pub(super) row: Row,
    /// The share of the query's words that it has, by weight, 0 to 1.
    pub(super) lexical: f64,
}

#[derive(sqlx::FromRow)]
pub(super) struct Row {
    pub(super) document_no: i64,
    pub(super) mission_id: MissionId,
    pub(super) subject_kind: String,
    pub(super) subject_id: Uuid,
    pub(super) subject_key: Option<String>,
    pub(super) title: String,
    pub(super) body: String,
    pub(super) sketch: Option<Vec<u8>>,
    pub(super) state: Option<String>,
    pub(super) changed_at: Timestamp,
}

/// One entry that is looked up: a word, or a pair of words.
#[derive(Clone, Copy)]
struct Entry {
    /// The word in the query, counted from 0; `None` for a pair, which only helps to find.
    word: Option<usize>,
    term: i64,
    weight: f64,
}

/// The words of a query.
struct Words {
    entries: Vec<Entry>,
    weights: Vec<f64>,
}

impl Words {
    fn of(looked: &Looked, text: &Prepared) -> Self {
        let mut plain: Vec<(Option<usize>, i64, f64)> = text
            .terms()
            .iter()
            .enumerate()
            .map(|(word, term)| (Some(word), term.id, f64::from(term.weight)))
            .collect();
        let weights = plain.iter().map(|(_, _, weight)| *weight).collect();
        plain.extend(pairs(text).into_iter().map(|(pair, weight)| (None, pair, weight)));
        plain.sort_by(|a, b| b.2.total_cmp(&a.2));
        plain.truncate(QUERY_TERMS);
        let mut entries = Vec::new();
        for salt in looked.salts() {
            let of = |(word, term, weight): &(Option<usize>, i64, f64)| Entry {
                word: *word,
                term: salted(looked.organization, term ^ salt),
                weight: *weight,
            };
            entries.extend(plain.iter().map(of));
        }
        Self { entries, weights }
    }

    fn whole(&self) -> f64 {
        self.weights.iter().sum()
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
            || self.until.is_some()
            || self.is_checked;
        if is_narrowed { NARROWED } else { 1 }
    }
}

/// The number of the newest document.
///
/// # Errors
/// Database failures.
pub(super) async fn newest(tx: &mut Tx) -> Result<i64, DbError> {
    let (newest,): (i64,) =
        tx.query("SELECT COALESCE(MAX(document_no), 0) FROM search_document").fetch_one().await?;
    Ok(newest)
}

/// The documents that share most with a query, and those of the numbers that are given beside, of those that the caller
/// may read.
///
/// # Errors
/// Database failures.
pub(super) async fn search(
    tx: &mut Tx,
    looked: Looked,
    text: &Prepared,
    mut near: Vec<i64>,
) -> Result<Vec<Found>, DbError> {
    let words = Words::of(&looked, text);
    if looked.scope.is_empty() {
        return Ok(Vec::new());
    }
    let missions = looked.missions();
    let (times, upto) = (looked.times(), looked.upto);
    let is_one = missions.as_ref().is_some_and(|missions| missions.len() == 1);
    let mut statement = Statement { missions, times, upto, common: HashSet::new() };
    let (mut numbers, mut common) = (Numbers::new(), HashSet::new());
    if !words.entries.is_empty() {
        (numbers, common) = statement.run(tx, &words).await?;
        if !is_one && !common.is_empty() {
            statement.common = weightiest(&words, &common);
            numbers = statement.run(tx, &words).await?.0;
        }
    }
    near.retain(|number| *number <= upto && !numbers.contains_key(number));
    near.extend(numbers.keys().copied());
    let rows = rows(tx, looked, near).await?;
    if !common.is_empty() {
        complete(tx, &words, &common, &rows, &mut numbers).await?;
    }
    let whole = words.whole();
    let share = |number: i64| match numbers.get(&number) {
        Some(has) if whole > 0.0 => has.iter().map(|word| words.weights[*word]).sum::<f64>() / whole,
        _ => 0.0,
    };
    Ok(rows.into_iter().map(|row| Found { lexical: share(row.document_no), row }).collect())
}

/// Which of the common words are looked up in each mission.
fn weightiest(words: &Words, common: &HashSet<usize>) -> HashSet<usize> {
    let mut all: Vec<usize> = common.iter().copied().collect();
    all.sort_by(|a, b| words.entries[*b].weight.total_cmp(&words.entries[*a].weight).then(a.cmp(b)));
    all.into_iter().take(COMMON).collect()
}

/// Documents with the words that they were found by.
type Numbers = HashMap<i64, HashSet<usize>>;

struct Statement {
    missions: Option<Vec<i64>>,
    times: i64,
    upto: i64,
    /// The entries that are looked up in each mission too.
    common: HashSet<usize>,
}

#[derive(sqlx::FromRow)]
struct Hit {
    document_no: i64,
    /// A bit for each word; of a row that tells of an entry, how many documents it has.
    words: i64,
}

impl Statement {
    /// The best documents, and the entries that have more than were read.
    async fn run(&self, tx: &mut Tx, words: &Words) -> Result<(Numbers, HashSet<usize>), DbError> {
        let text = self.text(tx.backend(), words)?;
        let missions = match &self.missions {
            Some(one) if one.len() == 1 => one[0].to_string(),
            some => serde_json::Value::from(some.clone().unwrap_or_default()).to_string(),
        };
        let query = tx.query(Sql::Built(text));
        let mut query: Query<'_> = query
            .bind(CAP * self.times)
            .bind(RANKED * self.times)
            .bind(missions)
            .bind(self.upto)
            .bind(IN_EACH)
            .bind(MISSIONS);
        for entry in &words.entries {
            query = query.bind(entry.term).bind(entry.weight);
        }
        let hits: Vec<Hit> = query.fetch_all().await?;
        let (mut numbers, mut common) = (Numbers::new(), HashSet::new());
        for hit in hits {
            if hit.document_no >= 0 {
                let has = (0..words.weights.len().min(62)).filter(|word| hit.words >> word & 1 == 1);
                numbers.insert(hit.document_no, has.collect());
            } else if hit.words >= CAP * self.times {
                common.extend(usize::try_from(-1 - hit.document_no));
            }
        }
        Ok((numbers, common))
    }

    /// Numbers of parameters only: no value is a part of the text.
    fn text(&self, backend: Backend, words: &Words) -> Result<String, DbError> {
        let range = match &self.missions {
            None => "",
            Some(one) if one.len() == 1 => " AND mission = CAST($3 AS BIGINT)",
            Some(_) => match backend {
                Backend::Postgres => {
                    " AND mission = ANY (ARRAY(SELECT m::bigint FROM json_array_elements_text($3::json) AS m))"
                }
                Backend::Sqlite => " AND mission IN (SELECT value FROM json_each($3))",
            },
        };
        let mut text = String::from("WITH RECURSIVE ");
        let mut all = String::new();
        let mut counts = String::new();
        let failed = |error: std::fmt::Error| DbError::Inconsistent {
            table: "search_posting",
            message: error.to_string(),
        };
        for (index, entry) in words.entries.iter().enumerate() {
            let (term, weight) = (2 * index + 7, 2 * index + 8);
            let (comma, union) = if index == 0 { ("", "") } else { (", ", " UNION ALL ") };
            write!(
                text,
                "{comma}p{index} AS (SELECT document_no FROM search_posting WHERE term = ${term}{range} AND document_no <= $4
                 ORDER BY mission DESC, document_no DESC LIMIT $1)"
            )
            .map_err(failed)?;
            let bit = entry.word.filter(|word| *word < 62).map_or(0, |word| 1_i64 << word);
            let of = format!("CAST(${weight} AS DOUBLE PRECISION) AS weight, CAST({bit} AS BIGINT) AS word");
            write!(all, "{union}SELECT document_no, {of}, CAST({OTHERS} AS BIGINT) AS nth FROM p{index}")
                .map_err(failed)?;
            if self.common.contains(&index) {
                self.each(backend, &mut text, index, term).map_err(failed)?;
                write!(all, " UNION ALL SELECT document_no, {of}, nth FROM e{index}").map_err(failed)?;
            }
            write!(counts, " UNION ALL SELECT {}, COUNT(*) FROM p{index}", -1 - wide(index))
                .map_err(failed)?;
        }
        // Each word stands once for a document, so that adding its bits is joining them.
        let joined = "SELECT document_no, CAST(SUM(word) AS BIGINT) AS words, SUM(weight) AS weight, MIN(nth) AS nth FROM (
             SELECT document_no, word, MAX(weight) AS weight, MIN(nth) AS nth FROM (";
        write!(
            text,
            " SELECT document_no, words FROM ({joined}{all}) AS every_one GROUP BY document_no, word) AS each_word
             WHERE CAST($3 AS TEXT) IS NOT NULL AND CAST($5 AS BIGINT) > 0 AND CAST($6 AS BIGINT) > 0
             GROUP BY document_no ORDER BY weight DESC, nth, document_no DESC LIMIT $2) AS best{counts}"
        )
        .map_err(failed)?;
        Ok(text)
    }

    /// The newest entries of a word in each mission that has it: from one to the next by the index, or of those given.
    fn each(&self, backend: Backend, text: &mut String, index: usize, term: usize) -> std::fmt::Result {
        let given = match (&self.missions, backend) {
            (Some(_), Backend::Postgres) => {
                Some("SELECT m::bigint AS mission FROM json_array_elements_text($3::json) AS m")
            }
            (Some(_), Backend::Sqlite) => Some("SELECT value AS mission FROM json_each($3)"),
            (None, _) => None,
        };
        match given {
            Some(given) => write!(text, ", m{index} (mission) AS ({given})")?,
            None => write!(
                text,
                ", m{index} (mission) AS (SELECT MAX(mission) FROM search_posting WHERE term = ${term}
                 UNION ALL SELECT (SELECT MAX(s.mission) FROM search_posting s WHERE s.term = ${term} AND s.mission < m{index}.mission)
                 FROM m{index} WHERE m{index}.mission IS NOT NULL)"
            )?,
        }
        write!(
            text,
            ", b{index} AS (SELECT mission, COALESCE((SELECT s.document_no FROM search_posting s
                 WHERE s.term = ${term} AND s.mission = held.mission AND s.document_no <= $4
                 ORDER BY s.document_no DESC LIMIT 1 OFFSET CAST($5 AS BIGINT) - 1), 0) AS least
               FROM (SELECT mission FROM m{index} WHERE mission IS NOT NULL LIMIT $6) AS held),
             e{index} AS (SELECT s.document_no, ROW_NUMBER() OVER (PARTITION BY s.mission ORDER BY s.document_no DESC) AS nth FROM b{index} JOIN search_posting s
                 ON s.term = ${term} AND s.mission = b{index}.mission AND s.document_no >= b{index}.least AND s.document_no <= $4)"
        )
    }
}

fn wide(index: usize) -> i64 {
    i64::try_from(index).unwrap_or(i64::MAX)
}

/// What is known of documents, of those that fit. All of them are ranked: the newest are not the best.
async fn rows(tx: &mut Tx, looked: Looked, numbers: Vec<i64>) -> Result<Vec<Row>, DbError> {
    let limit = i64::try_from(numbers.len()).unwrap_or(i64::MAX);
    let filter = Filter::new(
        tx,
        "SELECT d.document_no, d.mission_id, d.subject_kind, d.subject_id, d.subject_key, d.title, d.body, d.sketch,
             COALESCE(t.state, c.state) AS state,
             COALESCE(t.updated_at, c.updated_at, a.updated_at, k.updated_at, d.updated_at) AS changed_at
         FROM search_document d LEFT JOIN task t ON t.task_id = d.subject_id
         LEFT JOIN doc c ON c.doc_id = d.subject_id LEFT JOIN artifact a ON a.artifact_id = d.subject_id
         LEFT JOIN kluster k ON k.kluster_id = d.subject_id",
    );
    let mut filter = looked
        .scope
        .apply(filter, "d.organization_id = ?", "d.mission_id")
        .one_of("d.document_no", numbers)
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
    if let Some(kinds) = looked.kinds {
        filter = filter.one_of("d.subject_kind", kinds.iter().map(|kind| kind.as_str().to_owned()).collect());
    }
    if let Some(states) = looked.states {
        filter = filter.one_of("COALESCE(t.state, c.state)", states);
    }
    filter
        .labels("COALESCE(t.labels, c.labels, a.labels, k.labels)", looked.labels)
        .finish(tx, "d.document_no DESC", limit)
        .fetch_all()
        .await
}

/// Looks up whether documents have the common words too, of which only the newest entries were read.
async fn complete(
    tx: &mut Tx,
    words: &Words,
    common: &HashSet<usize>,
    rows: &[Row],
    numbers: &mut Numbers,
) -> Result<(), DbError> {
    let terms: HashMap<i64, usize> = common
        .iter()
        .filter_map(|index| words.entries[*index].word.map(|word| (words.entries[*index].term, word)))
        .collect();
    if terms.is_empty() || rows.is_empty() {
        return Ok(());
    }
    let pairs: Vec<serde_json::Value> = rows
        .iter()
        .map(|row| serde_json::json!({ "m": low_bits(row.mission_id.as_uuid()), "n": row.document_no }))
        .collect();
    let asked: Vec<i64> = terms.keys().copied().collect();
    let found: Vec<(i64, i64)> = tx
        .query(Sql::Each {
            postgres: "SELECT p.document_no, p.term FROM json_array_elements_text($1::json) AS t
                 CROSS JOIN json_to_recordset($2::json) AS x (m bigint, n bigint)
                 JOIN search_posting p ON p.term = t::bigint AND p.mission = x.m AND p.document_no = x.n",
            sqlite: "SELECT p.document_no, p.term FROM json_each($1) AS t CROSS JOIN json_each($2) AS x
                 CROSS JOIN search_posting p ON p.term = t.value AND p.mission = json_extract(x.value, '$.m')
                     AND p.document_no = json_extract(x.value, '$.n')",
        })
        .bind(serde_json::Value::from(asked).to_string())
        .bind(serde_json::Value::from(pairs).to_string())
        .fetch_all()
        .await?;
    for (number, term) in found {
        if let Some(word) = terms.get(&term) {
            numbers.entry(number).or_default().insert(*word);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement(missions: Option<Vec<i64>>, backend: Backend) -> String {
        let entries = (0..3).map(|word| Entry { word: Some(word), term: 7, weight: 1.0 }).collect();
        let words = Words { entries, weights: vec![1.0; 3] };
        let statement = Statement { missions, times: 1, upto: 9, common: HashSet::from([1]) };
        statement.text(backend, &words).unwrap()
    }

    /// What a caller may not read costs him no time either: each lookup is a range of the missions that he may read.
    #[test]
    fn every_lookup_is_within_the_missions_that_may_be_read() {
        for backend in [Backend::Postgres, Backend::Sqlite] {
            for missions in [vec![1], vec![1, 2]] {
                let text = statement(Some(missions), backend);
                let lookups: Vec<&str> = text.split("FROM search_posting").skip(1).collect();
                assert!(lookups.len() >= 4);
                for lookup in lookups {
                    let until = lookup.find("LIMIT").unwrap_or(lookup.len());
                    assert!(lookup[..until].contains("mission"), "{lookup}");
                }
                assert!(!text.contains("MAX(mission)"), "missions are given, not looked for");
            }
            assert!(statement(None, backend).contains("MAX(mission)"));
        }
    }
}

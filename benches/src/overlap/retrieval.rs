//! Recall of retrieval: all texts of a file are the corpus, the first of each duplicate pair is asked for, and the
//! second must be among the five best of those that the indexes name.

use std::collections::{BTreeSet, HashMap};

use mc_overlap::{Provider, compare, cosine};

use super::measure::vectors;
use super::pairs::{Label, Set};

/// Candidates that the inverted index may name, and those that the vector index may.
const BY_TERMS: usize = 50;
const BY_VECTOR: usize = 50;

pub(super) fn report(out: &mut impl std::io::Write, set: &Set, provider: Provider) -> std::io::Result<()> {
    let mut index: HashMap<i64, Vec<(usize, f32)>> = HashMap::new();
    for (i, text) in set.texts.iter().enumerate() {
        for term in text.prepared.terms() {
            index.entry(term.id).or_default().push((i, term.weight));
        }
    }
    let (mut asked, mut by_terms, mut candidates, mut five) = (0_usize, 0_usize, 0_usize, 0_usize);
    for pair in set.pairs.iter().filter(|p| p.label == Label::Duplicate) {
        let [query, wanted] = pair.sides;
        asked += 1;
        let mut found: BTreeSet<usize> = shared(&index, set, query).into_iter().collect();
        by_terms += usize::from(found.contains(&wanted));
        if provider != Provider::Lexical {
            found.extend(near(set, provider, query));
        }
        candidates += usize::from(found.contains(&wanted));
        let query = &set.texts[query];
        let mut best: Vec<(f32, f32, usize)> = found
            .into_iter()
            .map(|i| {
                let other = &set.texts[i];
                let judged =
                    compare(&query.prepared, &other.prepared, vectors(provider, query, other), false);
                (judged.score, judged.lexical, i)
            })
            .collect();
        best.sort_by(|a, b| b.0.total_cmp(&a.0).then(b.1.total_cmp(&a.1)));
        five += usize::from(best.iter().take(5).any(|(_, _, i)| *i == wanted));
    }
    #[expect(clippy::cast_precision_loss, reason = "small counts")]
    let share = |n: usize| n as f64 / asked.max(1) as f64;
    let (five, candidates, by_terms) = (share(five), share(candidates), share(by_terms));
    writeln!(
        out,
        "  recall@5 {five:.3} of {asked} (candidates: {candidates:.3}; by {BY_TERMS} of the capped inverted index alone {by_terms:.3})"
    )
}

/// The texts that share the heaviest terms.
fn shared(index: &HashMap<i64, Vec<(usize, f32)>>, set: &Set, query: usize) -> Vec<usize> {
    let mut sums: HashMap<usize, f32> = HashMap::new();
    for term in set.texts[query].prepared.terms() {
        for (i, weight) in index.get(&term.id).into_iter().flatten().filter(|(i, _)| *i != query) {
            *sums.entry(*i).or_default() += term.weight * weight;
        }
    }
    let mut all: Vec<(usize, f32)> = sums.into_iter().collect();
    all.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    all.into_iter().take(BY_TERMS).map(|(i, _)| i).collect()
}

fn near(set: &Set, provider: Provider, query: usize) -> Vec<usize> {
    let vector = set.texts[query].vector(provider);
    let mut all: Vec<(usize, f32)> = (0..set.texts.len())
        .filter(|i| *i != query)
        .map(|i| (i, cosine(vector, set.texts[i].vector(provider))))
        .collect();
    all.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    all.into_iter().take(BY_VECTOR).map(|(i, _)| i).collect()
}

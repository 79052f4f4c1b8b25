//! Precision, recall, F1 and the area under the curve: duplicates against the rest.

use mc_overlap::{Provider, Vectors, compare};

use super::pairs::{Label, Set, TextOf};

pub(super) struct Scored {
    pub(super) score: f32,
    pub(super) duplicate: bool,
}

pub(super) struct Figures {
    pub(super) precision: f64,
    pub(super) recall: f64,
    pub(super) f1: f64,
}

pub(super) fn vectors(provider: Provider, a: &TextOf, b: &TextOf) -> Option<Vectors> {
    (provider != Provider::Lexical).then(|| Vectors::of(provider, a.vector(provider), b.vector(provider)))
}

pub(super) fn scores(set: &Set, provider: Provider) -> Vec<Scored> {
    let of = |pair| {
        let (a, b) = set.sides(pair);
        compare(&a.prepared, &b.prepared, vectors(provider, a, b), false).score
    };
    set.pairs.iter().map(|p| Scored { score: of(p), duplicate: p.label == Label::Duplicate }).collect()
}

#[expect(clippy::cast_precision_loss, reason = "small counts")]
pub(super) fn at(scored: &[Scored], threshold: f32) -> Figures {
    let hits = scored.iter().filter(|s| s.score >= threshold).count();
    let found = scored.iter().filter(|s| s.score >= threshold && s.duplicate).count();
    let wanted = scored.iter().filter(|s| s.duplicate).count();
    let share = |of: usize| if of == 0 { 1.0 } else { found as f64 / of as f64 };
    let (precision, recall) = (share(hits), share(wanted));
    let f1 = if found == 0 { 0.0 } else { 2.0 * precision * recall / (precision + recall) };
    Figures { precision, recall, f1 }
}

/// The chance that a duplicate scores above another pair.
#[expect(clippy::cast_precision_loss, reason = "small counts")]
pub(super) fn auc(scored: &[Scored]) -> f64 {
    let (yes, no): (Vec<&Scored>, Vec<&Scored>) = scored.iter().partition(|s| s.duplicate);
    let won: f64 = yes
        .iter()
        .flat_map(|y| no.iter().map(|n| f64::from(y.score - n.score)))
        .map(|d| {
            if d > 0.0 {
                1.0
            } else if d < 0.0 {
                0.0
            } else {
                0.5
            }
        })
        .sum();
    won / (yes.len() * no.len()).max(1) as f64
}

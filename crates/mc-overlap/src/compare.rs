//! The judgement of a pair.

use crate::evidence::{Evidence, evidence};
use crate::features::{Features, doubtful};
use crate::paths::paths_overlap;
use crate::prepared::Prepared;
use crate::provider::Provider;

/// The vectors of a pair: only their cosine counts, so a distance from a database serves as well.
#[derive(Debug, Clone, Copy)]
pub struct Vectors {
    /// Which embedder made them.
    pub provider: Provider,
    /// From -1 to 1.
    pub cosine: f32,
}

impl Vectors {
    /// The vectors of two texts by one embedder.
    pub fn of(provider: Provider, new: &[f32], other: &[f32]) -> Self {
        Self { provider, cosine: crate::cosine(new, other) }
    }
}

/// What is suggested to whoever brings the new work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SuggestedAction {
    /// Both are needed, or the other is done already: name the other one.
    Link,
    /// It is the same work: add to the other one instead.
    Merge,
    /// Both touch the same files: begin after the other one.
    Wait,
    /// Nothing.
    Ignore,
}

impl SuggestedAction {
    /// The word for it on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::Merge => "merge",
            Self::Wait => "wait",
            Self::Ignore => "ignore",
        }
    }
}

/// How two texts relate. All numbers are from 0 to 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// Calibrated probability that both are the same work.
    pub score: f32,
    /// How much of the words they share.
    pub lexical: f32,
    /// How near their vectors are; 0 without.
    pub vector: f32,
    /// What to do about it.
    pub action: SuggestedAction,
    /// Why.
    pub evidence: Vec<Evidence>,
}

/// Merging is suggested only when it is likelier than not.
pub(crate) const LIKELY: f32 = 0.5;

/// How far below a point a score stays that must not reach it.
pub(crate) const MARGIN: f32 = 0.01;

/// Judges whether `new` is the same work as `other`. Symmetric but for the order of words in the evidence.
pub fn compare(new: &Prepared, other: &Prepared, vectors: Option<Vectors>, other_is_done: bool) -> Judgement {
    let (provider, cosine) = vectors.map_or((Provider::Lexical, 0.0), |v| (v.provider, v.cosine));
    let cosine = if cosine.is_finite() { cosine.clamp(-1.0, 1.0) } else { 0.0 };
    let features = Features::of(new, other, cosine);
    let paths = paths_overlap(&new.paths, &other.paths);
    let identical = new.whole == other.whole && new.title == other.title && new.title != 0;
    let score = if identical {
        1.0
    } else if new.is_empty() || other.is_empty() {
        0.0
    } else {
        probability(provider, &features)
    };
    let points = provider.operating_points();
    // A word or two say too little to be sure, however well they fit.
    let score = match new.units.len().min(other.units.len()) {
        _ if identical => score,
        0 | 1 => score.min(points.require_ack - MARGIN),
        2 => score.min(points.block - MARGIN),
        _ if doubtful(&features.values) => score.min(points.block - MARGIN),
        _ => score,
    };
    let action = if score >= points.require_ack.max(LIKELY) {
        if other_is_done { SuggestedAction::Link } else { SuggestedAction::Merge }
    } else if paths > 0.0 && !other_is_done {
        SuggestedAction::Wait
    } else if score >= points.suggest || paths > 0.0 {
        SuggestedAction::Link
    } else {
        SuggestedAction::Ignore
    };
    let evidence = evidence(new, other, &features.pairing, &features.seen(paths));
    Judgement { score, lexical: features.lexical, vector: cosine.max(0.0), action, evidence }
}

/// The logistic model of a provider.
fn probability(provider: Provider, features: &Features) -> f32 {
    let (weights, bias) = provider.weights();
    let sum = bias + weights.iter().zip(&features.values).map(|(w, x)| w * x).sum::<f32>();
    if sum.is_finite() { 1.0 / (1.0 + (-sum).exp()) } else { 0.0 }
}

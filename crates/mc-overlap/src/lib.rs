//! Tells whether two pieces of work are the same.
//!
//! A text is prepared once ([`Prepared::new`]): normalised, taken apart into words, identifiers and numbers, stemmed,
//! mapped onto a lexicon of software work, and weighted by a static background table, so that a score depends on the
//! two texts alone and never on what else is stored. [`Prepared::terms`] feed an inverted index, [`builtin::embed`] or
//! another embedder a vector index; [`compare`] judges a candidate with a logistic model fitted on labelled pairs
//! (`mc-bench overlap --fit`).
//!
//! Nothing here does I/O, nothing panics on any input, and equal inputs give equal outputs on every machine.

pub mod builtin;
mod compare;
mod evidence;
pub mod features;
mod lexicon;
mod likeness;
mod pairing;
mod paths;
mod prepared;
mod provider;
mod stem;
mod texts;
mod token;
mod weights;
mod words;

pub use compare::{Judgement, SuggestedAction, Vectors, compare};
pub use evidence::{Evidence, EvidenceKind};
pub use paths::paths_overlap;
pub use prepared::{BODY_LIMIT, MAX_TERMS, Prepared, Term, Text, sentence, term_ids};
pub use provider::{OperatingPoints, Provider};
pub use texts::compare_texts;

/// Raised when terms or the built-in vectors change: texts that were stored with another version are indexed anew.
pub const INDEX_VERSION: i32 = 2;

/// The cosine of two vectors, from -1 to 1; 0 when they differ in length or one of them is null.
pub fn cosine(a: &[f32], b: &[f32]) -> f32 {
    if a.len() != b.len() {
        return 0.0;
    }
    let (mut dot, mut aa, mut bb) = (0.0_f64, 0.0_f64, 0.0_f64);
    for (&x, &y) in a.iter().zip(b) {
        let (x, y) = (f64::from(x), f64::from(y));
        dot += x * y;
        aa += x * x;
        bb += y * y;
    }
    let norm = (aa * bb).sqrt();
    if !(norm > 0.0 && norm.is_finite()) {
        return 0.0;
    }
    #[expect(clippy::cast_possible_truncation, reason = "a value from -1 to 1")]
    let cosine = (dot / norm).clamp(-1.0, 1.0) as f32;
    cosine
}

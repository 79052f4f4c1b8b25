//! The built-in embedder: no model, no download. Words, what the lexicon knows of them, and their letters in threes are
//! hashed onto a fixed number of dimensions, so that synonyms, fields, inflections and misspellings come near each other.

use crate::lexicon::{LEXICON, hash, mix};
use crate::prepared::{Prepared, Unit};
use crate::token::Kind;

/// Stored with each vector. Changes together with [`crate::INDEX_VERSION`].
pub const MODEL: &str = "mc-subword-1";
/// Length of a vector.
pub const DIMENSIONS: usize = 256;

/// A vector of unit length; of zeros when the text holds nothing.
pub fn embed(text: &Prepared) -> Vec<f32> {
    let mut vector = vec![0.0_f32; DIMENSIONS];
    for unit in &text.units {
        let weight = unit.weight * if unit.title { 1.6 } else { 1.0 };
        spread(&mut vector, unit.key, weight * 0.6);
        for group in unit.groups.into_iter().filter(|g| *g != 0) {
            let known = &LEXICON.groups[usize::from(group)];
            spread(
                &mut vector,
                mix(hash(known.name) ^ 0x9e37),
                weight.min(known.weight * 1.6) * known.alike * 2.0,
            );
        }
        letters(&mut vector, unit, weight);
    }
    let norm = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    if norm > 0.0 {
        for x in &mut vector {
            *x /= norm;
        }
    }
    vector
}

/// Three letters at a time, with the ends of the word marked.
fn letters(vector: &mut [f32], unit: &Unit, weight: f32) {
    if !matches!(unit.kind, Kind::Word | Kind::Part | Kind::Identifier) || unit.text.len() < 4 {
        return;
    }
    let padded: Vec<u32> = [1].into_iter().chain(unit.text.chars().map(u32::from)).chain([2]).collect();
    #[expect(clippy::cast_precision_loss, reason = "small counts")]
    let share = weight * 0.6 / ((padded.len() - 2) as f32).sqrt();
    for window in padded.windows(3) {
        let key = window.iter().fold(7_u64, |h, c| mix(h ^ u64::from(*c)));
        spread(vector, key, share);
    }
}

/// Adds a feature at two places, each with a sign of its own.
fn spread(vector: &mut [f32], key: u64, weight: f32) {
    for shift in [0, 32] {
        let part = key >> shift;
        let place = usize::try_from(part % DIMENSIONS as u64).unwrap_or(0);
        let sign = if part >> 20 & 1 == 0 { weight } else { -weight };
        if let Some(x) = vector.get_mut(place) {
            *x += sign;
        }
    }
}

//! The built-in embedder: no model, no download. Words, what the lexicon knows of them, and their letters in threes are
//! hashed onto a fixed number of dimensions, so that synonyms, fields, inflections and misspellings come near each other;
//! the other dimensions hold the sum of what the words mean ([`crate::words`]).

use crate::lexicon::{LEXICON, hash, mix};
use crate::prepared::{Prepared, Unit};
use crate::token::Kind;

/// Stored with each vector. Changes together with [`crate::INDEX_VERSION`].
pub const MODEL: &str = "mc-subword-2";
/// Length of a vector.
pub const DIMENSIONS: usize = 256;
/// How much of a vector is hashed; the rest says what the words mean.
const HASHED: usize = DIMENSIONS - crate::words::DIMENSIONS;
/// The share of the meaning in a likeness.
const MEANT: f32 = 0.5;

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
    scale(&mut vector, 1.0);
    let meant = &text.sums[1];
    if meant.iter().any(|x| *x != 0.0) {
        let (own, rest) = vector.split_at_mut(HASHED);
        scale(own, 1.0 - MEANT);
        for (to, from) in rest.iter_mut().zip(meant) {
            *to = from * MEANT.sqrt();
        }
    }
    scale(&mut vector, 1.0);
    vector
}

/// Brings a vector to the root of this length; zeros stay.
fn scale(vector: &mut [f32], square: f32) {
    let norm = vector.iter().map(|x| x * x).sum::<f32>();
    if norm > 0.0 {
        let factor = (square / norm).sqrt();
        for x in vector {
            *x *= factor;
        }
    }
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
        let place = usize::try_from(part % HASHED as u64).unwrap_or(0);
        let sign = if part >> 20 & 1 == 0 { weight } else { -weight };
        if let Some(x) = vector.get_mut(place) {
            *x += sign;
        }
    }
}

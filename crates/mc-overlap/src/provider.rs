//! Where a pair's vectors come from, and the thresholds that hold for scores computed with them.

use crate::features::COUNT;
use crate::weights;

/// Where the vectors of a comparison come from: each kind has its own calibration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Provider {
    /// No vectors.
    Lexical,
    /// [`crate::builtin::embed`].
    Builtin,
    /// A sentence encoder whose cosines are spread like those of all-MiniLM-L6-v2: unrelated texts near 0.
    MiniLm,
}

/// Scores from which something happens, chosen on the tuning half of the labelled pairs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OperatingPoints {
    /// From here a candidate is worth showing.
    pub suggest: f32,
    /// From here the caller must say that it saw the candidate.
    pub require_ack: f32,
    /// From here the mutation may be refused.
    pub block: f32,
}

impl Provider {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Lexical, Self::Builtin, Self::MiniLm];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lexical => "lexical",
            Self::Builtin => "builtin",
            Self::MiniLm => "minilm",
        }
    }

    /// Thresholds for scores with this provider.
    pub fn operating_points(self) -> OperatingPoints {
        match self {
            Self::Lexical => weights::LEXICAL_POINTS,
            Self::Builtin => weights::BUILTIN_POINTS,
            Self::MiniLm => weights::MINILM_POINTS,
        }
    }

    pub(crate) fn weights(self) -> (&'static [f32; COUNT], f32) {
        match self {
            Self::Lexical => (&weights::LEXICAL, weights::LEXICAL_BIAS),
            Self::Builtin => (&weights::BUILTIN, weights::BUILTIN_BIAS),
            Self::MiniLm => (&weights::MINILM, weights::MINILM_BIAS),
        }
    }
}

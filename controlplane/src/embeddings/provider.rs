//! What a provider of vectors is.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use mc_api::system::EmbeddingProvider;

use super::builtin::Builtin;
use super::openai::OpenAi;
use crate::config;
use crate::error::Error;

/// A text that gets a vector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passage {
    /// One line.
    pub title: String,
    /// The rest; may be empty.
    pub body: String,
}

/// What a provider gave.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedded {
    /// One vector per text, in their order, all of one length; finite, not necessarily of unit length.
    pub vectors: Vec<Vec<f32>>,
    /// Tokens that it counted; `None` when it does not count.
    pub tokens: Option<i64>,
}

/// What a failure means for the texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// It may work later: no answer, overload, a fault of the other side.
    Unavailable,
    /// It will not work before somebody changes a setting: a wrong key, an unknown model.
    Refused,
    /// These texts cannot be embedded; others can.
    Unfit,
    /// The answer is not what was asked for.
    Garbage,
}

/// Why there are no vectors.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// What it means.
    pub kind: FailureKind,
    /// For operators; never holds a key.
    pub message: String,
    /// When the provider wants to be asked again.
    pub retry_after: Option<Duration>,
}

impl Failure {
    pub(super) fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), retry_after: None }
    }
}

/// Makes vectors of texts.
pub trait Embedder: Send + Sync {
    /// The word for it.
    fn provider(&self) -> EmbeddingProvider;

    /// The model: vectors of one name and length are comparable.
    fn model(&self) -> &str;

    /// The length of its vectors, when it is known beforehand.
    fn dimensions(&self) -> Option<i32>;

    /// Whose calibration its vectors follow.
    fn calibration(&self) -> mc_overlap::Provider {
        mc_overlap::Provider::MiniLm
    }

    /// The cosine of unrelated texts, from which likeness is counted.
    fn unrelated(&self) -> f32 {
        0.0
    }

    /// Most texts of one call.
    fn batch(&self) -> usize;

    /// What a text will cost at most, about; 0 where nothing is counted.
    fn tokens(&self, _passage: &Passage) -> i64 {
        0
    }

    /// Vectors of some texts, in their order.
    ///
    /// # Errors
    /// [`Failure`], with what it means for the texts.
    ///
    /// # Cancel safety
    /// Nothing is lost with the future but the answer.
    fn embed<'a>(&'a self, passages: &'a [Passage]) -> BoxFuture<'a, Result<Embedded, Failure>>;
}

/// Makes the provider that the configuration names.
///
/// # Errors
/// A model folder that cannot be used, a client that cannot be built.
pub(super) fn open(config: &config::Embeddings) -> Result<Arc<dyn Embedder>, Error> {
    match &config.provider {
        config::embeddings::Provider::Builtin => Ok(Arc::new(Builtin)),
        config::embeddings::Provider::OpenAi(settings) => {
            Ok(Arc::new(OpenAi::new(settings.as_ref().clone())?))
        }
        #[cfg(feature = "local-embeddings")]
        config::embeddings::Provider::Local(folder) => Ok(Arc::new(super::local::Local::load(folder)?)),
        #[cfg(not(feature = "local-embeddings"))]
        config::embeddings::Provider::Local(_) => {
            Err(Error::unavailable("this build has no local embeddings (MC_EMBEDDINGS_PROVIDER)"))
        }
    }
}

/// Brings a vector to unit length. `None` when it has none, or holds what is no number.
pub(super) fn unit(mut vector: Vec<f32>) -> Option<Vec<f32>> {
    let length = vector.iter().map(|x| f64::from(*x) * f64::from(*x)).sum::<f64>().sqrt();
    if !length.is_finite() || length < 1e-12 {
        return None;
    }
    for x in &mut vector {
        #[expect(clippy::cast_possible_truncation, reason = "a share of the length")]
        let share = (f64::from(*x) / length) as f32;
        *x = share;
    }
    Some(vector)
}

//! The built-in provider: words, meanings of a lexicon and letters, hashed. No model, no download, always the same.

use futures_util::future::BoxFuture;
use mc_api::system::EmbeddingProvider;
use mc_overlap::{Prepared, Text, builtin};

use super::provider::{Embedded, Embedder, Failure, Passage};

/// Some microseconds of processor time per text.
pub(super) struct Builtin;

/// The vector of a text as it is stored.
pub(super) fn embed(title: &str, body: &str) -> Vec<f32> {
    builtin::embed(&Prepared::new(&Text { title, body, paths: &[] }))
}

impl Embedder for Builtin {
    fn provider(&self) -> EmbeddingProvider {
        EmbeddingProvider::Builtin
    }

    fn model(&self) -> &str {
        builtin::MODEL
    }

    fn dimensions(&self) -> Option<i32> {
        i32::try_from(builtin::DIMENSIONS).ok()
    }

    fn calibration(&self) -> mc_overlap::Provider {
        mc_overlap::Provider::Builtin
    }

    fn batch(&self) -> usize {
        64
    }

    fn embed<'a>(&'a self, passages: &'a [Passage]) -> BoxFuture<'a, Result<Embedded, Failure>> {
        Box::pin(async move {
            let vectors = passages.iter().map(|passage| embed(&passage.title, &passage.body)).collect();
            Ok(Embedded { vectors, tokens: None })
        })
    }
}

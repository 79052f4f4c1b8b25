//! A model folder on this machine, computed by the processor.

use std::path::Path;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use mc_api::system::EmbeddingProvider;
use mc_embed_local::Model;
use tokio::sync::Semaphore;

use super::provider::{Embedded, Embedder, Failure, FailureKind, Passage};
use crate::error::Error;

/// The files that make a vector what it is.
const FILES: [&str; 3] = ["config.json", "tokenizer.json", "model.safetensors"];

/// A loaded model. One computation runs at a time: each takes all it can get of a processor.
pub(super) struct Local {
    model: Arc<Model>,
    name: String,
    turn: Arc<Semaphore>,
}

/// The folder's name with a digest of what is in it: another model under the same name is another model.
fn name(folder: &Path, model: &Model) -> std::io::Result<String> {
    let mut digest = ring::digest::Context::new(&ring::digest::SHA256);
    for file in FILES {
        digest.update(&std::fs::read(folder.join(file))?);
    }
    let digest = digest.finish();
    let short = digest.as_ref()[..6].iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
    Ok(format!("{}@{short}", model.name()))
}

impl Local {
    /// Loads a folder: some tenths of a second.
    ///
    /// # Errors
    /// What is wrong with the folder, naming the variable.
    pub(super) fn load(folder: &Path) -> Result<Self, Error> {
        let wrong = |why: &dyn std::fmt::Display| {
            Error::unavailable(format!("MC_EMBEDDINGS_MODEL_DIR={}: {why}", folder.display()))
        };
        let model = Model::load(folder).map_err(|error| wrong(&error))?;
        let name = name(folder, &model).map_err(|error| wrong(&error))?;
        Ok(Self { model: Arc::new(model), name, turn: Arc::new(Semaphore::new(1)) })
    }
}

impl Embedder for Local {
    fn provider(&self) -> EmbeddingProvider {
        EmbeddingProvider::Local
    }

    fn model(&self) -> &str {
        &self.name
    }

    fn dimensions(&self) -> Option<i32> {
        i32::try_from(self.model.dimensions()).ok()
    }

    fn batch(&self) -> usize {
        // Small, so that a search does not wait long for its turn.
        8
    }

    fn embed<'a>(&'a self, passages: &'a [Passage]) -> BoxFuture<'a, Result<Embedded, Failure>> {
        Box::pin(async move {
            let failed = |message: String| Failure::new(FailureKind::Unavailable, message);
            let turn = self.turn.clone().acquire_owned().await.map_err(|error| failed(error.to_string()))?;
            let model = self.model.clone();
            let texts: Vec<String> =
                passages.iter().map(|passage| mc_overlap::sentence(&passage.title, &passage.body)).collect();
            let computed = tokio::task::spawn_blocking(move || {
                let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
                let vectors = model.embed(&texts);
                drop(turn);
                vectors
            });
            let vectors = computed
                .await
                .map_err(|error| failed(error.to_string()))?
                .map_err(|error| Failure::new(FailureKind::Unfit, error.to_string()))?;
            Ok(Embedded { vectors, tokens: None })
        })
    }
}

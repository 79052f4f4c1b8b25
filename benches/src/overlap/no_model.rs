//! What stands for the encoder where it was not built.

use std::convert::Infallible;
use std::path::Path;

/// There is none.
pub(super) struct Model(Infallible);

impl Model {
    pub(super) fn load(_: &Path) -> anyhow::Result<Self> {
        anyhow::bail!(
            "this mc-bench has no encoder; fix: cargo build --workspace --profile ci --features mc-bench/local-embeddings"
        )
    }

    pub(super) fn embed(&self, _: &[&str]) -> anyhow::Result<Vec<Vec<f32>>> {
        match self.0 {}
    }
}

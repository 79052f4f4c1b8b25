//! Sentence vectors by a local model folder: `config.json`, `tokenizer.json` and `model.safetensors` of a BERT encoder of
//! the MiniLM class, as sentence-transformers publishes them. Tokens are averaged (mean pooling over the attention mask)
//! and the mean is brought to unit length.
//!
//! Nothing is fetched: the folder is all there is. Computing is CPU work of some milliseconds to a second; callers in
//! async code give it to a blocking thread.

use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::bert::{BertModel, Config};
use tokenizers::{PaddingParams, Tokenizer, TruncationParams};

/// Most tokens of a text that are looked at.
pub const MAX_TOKENS: usize = 256;
/// Most texts that are computed at once; longer lists go in parts.
pub const BATCH: usize = 16;

/// Why a model cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file of the folder is not there or cannot be read.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// A file of the folder is not what it should be.
    #[error("{}: {message}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// A text could not be computed.
    #[error("the model cannot compute this text: {0}")]
    Compute(String),
}

/// A loaded model.
pub struct Model {
    bert: BertModel,
    tokenizer: Tokenizer,
    dimensions: usize,
    name: String,
}

impl Model {
    /// Loads a folder.
    ///
    /// # Errors
    /// Names the file that is missing or that cannot be understood.
    pub fn load(folder: &Path) -> Result<Self, Error> {
        let config_path = folder.join("config.json");
        let format = |path: &Path, message: &dyn std::fmt::Display| Error::Format {
            path: path.to_owned(),
            message: message.to_string(),
        };
        let config: Config =
            serde_json::from_slice(&read(&config_path)?).map_err(|e| format(&config_path, &e))?;
        let tokenizer_path = folder.join("tokenizer.json");
        let mut tokenizer =
            Tokenizer::from_bytes(read(&tokenizer_path)?).map_err(|e| format(&tokenizer_path, &e))?;
        let truncation = TruncationParams {
            max_length: MAX_TOKENS.min(config.max_position_embeddings),
            ..TruncationParams::default()
        };
        tokenizer
            .with_padding(Some(PaddingParams::default()))
            .with_truncation(Some(truncation))
            .map_err(|e| format(&tokenizer_path, &e))?;
        let weights_path = folder.join("model.safetensors");
        let weights = VarBuilder::from_buffered_safetensors(read(&weights_path)?, DType::F32, &Device::Cpu)
            .map_err(|e| format(&weights_path, &e))?;
        let bert = BertModel::load(weights, &config).map_err(|e| format(&weights_path, &e))?;
        let name = folder.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
        Ok(Self { bert, tokenizer, dimensions: config.hidden_size, name })
    }

    /// Length of the vectors.
    pub fn dimensions(&self) -> usize {
        self.dimensions
    }

    /// The folder's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A vector of unit length for each text, in their order.
    ///
    /// # Errors
    /// [`Error::Compute`].
    pub fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, Error> {
        let mut all = Vec::with_capacity(texts.len());
        for batch in texts.chunks(BATCH) {
            all.extend(self.batch(batch).map_err(|e| Error::Compute(e.to_string()))?);
        }
        Ok(all)
    }

    fn batch(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, Box<dyn std::error::Error + Send + Sync>> {
        let encoded = self.tokenizer.encode_batch(texts.to_vec(), true)?;
        let longest = encoded.first().map_or(0, |e| e.get_ids().len());
        let rows = encoded.len();
        let flat = |of: fn(&tokenizers::Encoding) -> &[u32]| -> candle_core::Result<Tensor> {
            let all: Vec<u32> = encoded.iter().flat_map(|e| of(e).iter().copied()).collect();
            Tensor::from_vec(all, (rows, longest), &Device::Cpu)
        };
        let ids = flat(tokenizers::Encoding::get_ids)?;
        let mask = flat(tokenizers::Encoding::get_attention_mask)?;
        let states = self.bert.forward(&ids, &ids.zeros_like()?, Some(&mask))?;
        let mask = mask.to_dtype(DType::F32)?.unsqueeze(2)?;
        let mean = states.broadcast_mul(&mask)?.sum(1)?.broadcast_div(&mask.sum(1)?)?;
        let length = mean.sqr()?.sum_keepdim(1)?.sqrt()?.clamp(1e-12_f32, f32::MAX)?;
        Ok(mean.broadcast_div(&length)?.to_vec2()?)
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|source| Error::File { path: path.to_owned(), source })
}

//! Section `[tokenizer]`.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::ModelConfig;
use super::check::{at_least, holds, within};
use crate::data::Kind;
use crate::error::Result;

/// How text becomes tokens: trained from `files`, or read from `path`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TokenizerConfig {
    /// What kind to train.
    pub kind: Kind,
    /// Entries to learn, special tokens included; `model.vocab_size` where absent.
    pub vocab_size: Option<usize>,
    /// What to learn it from; the corpora of pretraining where absent.
    pub files: Vec<PathBuf>,
    /// Bytes of text to learn it from, taken evenly from the files.
    pub sample_bytes: u64,
    /// An existing `tokenizer.json` to use instead; where absent, that of the model folder that `--init` names.
    pub path: Option<PathBuf>,
}

impl Default for TokenizerConfig {
    fn default() -> Self {
        Self { kind: Kind::default(), vocab_size: None, files: Vec::new(), sample_bytes: 200 << 20, path: None }
    }
}

impl TokenizerConfig {
    /// Entries to learn.
    #[must_use]
    pub fn entries(&self, model: &ModelConfig) -> usize {
        self.vocab_size.unwrap_or(model.vocab_size)
    }

    pub(super) fn validate(&self, model: &ModelConfig) -> Result<()> {
        at_least("tokenizer.sample_bytes", self.sample_bytes, 1)?;
        let entries = self.entries(model);
        // Prepared data keeps ids in 16 bits.
        within("tokenizer.vocab_size", entries, 32..=1 << 16)?;
        holds(entries <= model.vocab_size, "tokenizer.vocab_size", || {
            format!("is {entries}; it must be at most model.vocab_size, {}", model.vocab_size)
        })?;
        holds(self.path.is_none() || self.files.is_empty(), "tokenizer.path", || {
            "is given beside tokenizer.files; a tokenizer is either read or trained".to_owned()
        })
    }
}

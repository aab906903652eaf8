//! What a model is, from its files alone and without building it: enough to know whether a database's vectors are its own.

use crate::architecture::Architecture;
use crate::error::Result;
use crate::files::ModelFiles;
use crate::fingerprint;
use crate::sentence::SentenceConfig;

/// The facts of a model that a database remembers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Components of a vector.
    pub dimension: usize,
    /// Most tokens of a sequence, special tokens included.
    pub max_tokens: usize,
    /// As [`Encoder::fingerprint`](crate::Encoder::fingerprint).
    pub fingerprint: String,
}

impl Identity {
    /// Reads the small files and hashes the large ones, which takes some 20 ms for a small model.
    ///
    /// # Errors
    /// Those of [`Encoder::from_files`](crate::Encoder::from_files) that name a configuration.
    pub fn of(files: &ModelFiles) -> Result<Self> {
        let config = Architecture::from_json(&files.config)?;
        let sentence = SentenceConfig::read(files)?;
        let dimension = sentence.truncate_dim.unwrap_or(config.hidden_size());
        let max_tokens = sentence.max_seq_length.unwrap_or(usize::MAX).min(config.max_length());
        let fingerprint = fingerprint::of(files, &config, &sentence, max_tokens, dimension)?;
        Ok(Self { dimension, max_tokens, fingerprint })
    }
}

//! What makes two models the same: everything that decides a vector, nothing that only decides how fast it comes.

use serde::Serialize;

use crate::architecture::Architecture;
use crate::error::{Error, Result};
use crate::files::ModelFiles;
use crate::sentence::SentenceConfig;

/// Changes when the meaning of the hashed parts does.
const SCHEME: &str = "neodex-encoder fingerprint 1";

/// The parts that are values and not files.
#[derive(Serialize)]
struct Settings<'a> {
    config: &'a Architecture,
    sentence: &'a SentenceConfig,
    max_tokens: usize,
    dimension: usize,
}

/// BLAKE3 in hex over shape, pooling, prompts, limits, `dimension`, tokenizer and weights.
pub(crate) fn of(
    files: &ModelFiles,
    config: &Architecture,
    sentence: &SentenceConfig,
    max_tokens: usize,
    dimension: usize,
) -> Result<String> {
    let settings = Settings { config, sentence, max_tokens, dimension };
    let settings = serde_json::to_vec(&settings)
        .map_err(|source| Error::InvalidJson { file: "config.json".to_owned(), source })?;
    let mut hasher = blake3::Hasher::new_derive_key(SCHEME);
    let parts = [settings.as_slice(), &files.tokenizer];
    for part in parts.into_iter().chain(files.weights.iter().map(|shard| shard.as_ref())) {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    Ok(hasher.finalize().to_hex().to_string())
}

//! A model as bytes, wherever they came from: a folder on disk, or the binary itself.

use std::borrow::Cow;

/// Bytes read from disk or part of the binary.
pub type Bytes = Cow<'static, [u8]>;

/// The files of a model.
#[derive(Clone, Debug, Default)]
pub struct ModelFiles {
    /// What to call it.
    pub name: String,
    /// `config.json`
    pub config: Bytes,
    /// `tokenizer.json`
    pub tokenizer: Bytes,
    /// `model.safetensors`, or its shards.
    pub weights: Vec<Bytes>,
    /// `1_Pooling/config.json`: how states become a vector. Without it: the mean over all tokens.
    pub pooling: Option<Bytes>,
    /// `config_sentence_transformers.json`: prompts.
    pub prompts: Option<Bytes>,
    /// `sentence_bert_config.json`: `max_seq_length`.
    pub limits: Option<Bytes>,
    /// `tokenizer_config.json`: `model_max_length`.
    pub tokenizer_config: Option<Bytes>,
}

impl ModelFiles {
    /// A model of the three files that every model has.
    pub fn new(
        name: impl Into<String>,
        config: impl Into<Bytes>,
        tokenizer: impl Into<Bytes>,
        weights: impl Into<Bytes>,
    ) -> Self {
        Self {
            name: name.into(),
            config: config.into(),
            tokenizer: tokenizer.into(),
            weights: vec![weights.into()],
            ..Self::default()
        }
    }
}

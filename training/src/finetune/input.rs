//! What goes in: the model to start from, and texts as sequences of ids.

use std::borrow::Cow;

use candle_core::Device;
use neodex_encoder::{ModelFiles, NeoBertConfig, Tokenizer, Weights};

use crate::error::{Error, Result};
use crate::model::{Initial, NeoBert, Precision};

/// An example: a sequence with its special tokens, and what is right.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// Token ids.
    pub ids: Vec<u32>,
    /// The number of a class, or a score.
    pub label: f32,
}

/// The sequence of one text or of two, `[CLS] a [SEP] b [SEP]`, of at most `most` tokens: of a pair the longer text gives up tokens first,
/// from its end.
///
/// # Errors
/// Where the tokenizer fails.
pub fn pair(tokenizer: &Tokenizer, first: &str, second: Option<&str>, most: usize) -> Result<Vec<u32>> {
    let fault = |error: neodex_encoder::Error| Error::Tokenizer { reason: error.to_string() };
    let mut first = tokenizer.encode(first, most).map_err(fault)?.ids;
    let second = second.map(|text| tokenizer.encode(text, most)).transpose().map_err(fault)?;
    let mut second = second.map(|tokens| tokens.ids);
    let special = tokenizer.special_tokens() + if second.is_some() { tokenizer.end().len() } else { 0 };
    let room = most.saturating_sub(special);
    while first.len() + second.as_ref().map_or(0, Vec::len) > room {
        match &mut second {
            Some(second) if second.len() > first.len() => second.pop(),
            _ => first.pop(),
        };
    }
    let mut ids = [tokenizer.start(), &first, tokenizer.end()].concat();
    if let Some(second) = second {
        ids.extend(second);
        ids.extend(tokenizer.end());
    }
    Ok(ids)
}

/// A model's weights, whatever they are stored in.
pub struct Checkpoint {
    config: NeoBertConfig,
    weights: Vec<Cow<'static, [u8]>>,
}

impl Checkpoint {
    /// From a model's files: any that the encoder can load, 8-bit weights included.
    ///
    /// # Errors
    /// [`Error::Weights`] for a configuration of another kind of model.
    pub fn read(files: &ModelFiles) -> Result<Self> {
        let config = NeoBertConfig::from_json(&files.config).map_err(|error| fail("config.json", &error))?;
        Ok(Self { config, weights: files.weights.clone() })
    }

    /// The model's shape.
    #[must_use]
    pub fn config(&self) -> &NeoBertConfig {
        &self.config
    }

    /// The model, ready to be trained.
    ///
    /// # Errors
    /// Those of [`NeoBert::new`].
    pub fn model(&self, precision: Precision, device: &Device) -> Result<NeoBert> {
        let weights = Weights::parse(&self.weights).map_err(|error| fail("model.safetensors", &error))?;
        NeoBert::new(&self.config, Initial::Stored(weights), false, precision, device)
    }
}

fn fail(name: &str, error: &neodex_encoder::Error) -> Error {
    Error::Weights { name: name.to_owned(), reason: format!("cannot be read: {error}") }
}

//! What goes in: the model to start from, and texts as sequences of ids.

use candle_core::Device;
use neodex_encoder::{ModelFiles, NeoBertConfig, Tokenizer, Weights};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use crate::checkpoint::model_tensors;
use crate::error::{Error, Result};
use crate::model::{Initial, NeoBert, Precision, Variant};

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

/// A model's weights in f32, whatever they were stored in.
pub struct Checkpoint {
    config: NeoBertConfig,
    bytes: Vec<u8>,
}

impl Checkpoint {
    /// From a model's files: any that the encoder can load, 8-bit weights included.
    ///
    /// # Errors
    /// The encoder's, as [`Error::Weights`].
    pub fn read(files: &ModelFiles) -> Result<Self> {
        let fail = |name: &str, error: neodex_encoder::Error| Error::Weights {
            name: name.to_owned(),
            reason: format!("cannot be read: {error}"),
        };
        let config = NeoBertConfig::from_json(&files.config).map_err(|error| fail("config.json", error))?;
        let weights = Weights::parse(&files.weights).map_err(|error| fail("model.safetensors", error))?;
        let mut tensors = Vec::new();
        for spec in model_tensors(&config, Variant::default(), false) {
            let values = weights.values(&spec.name, &spec.shape).map_err(|error| fail(&spec.name, error))?;
            let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            tensors.push((spec.name, spec.shape, bytes));
        }
        let invalid = |error: safetensors::SafeTensorError| Error::Weights {
            name: "model.safetensors".to_owned(),
            reason: error.to_string(),
        };
        let views = tensors.iter().map(|(name, shape, bytes)| {
            Ok((name.as_str(), TensorView::new(Dtype::F32, shape.clone(), bytes).map_err(invalid)?))
        });
        let views = views.collect::<Result<Vec<_>>>()?;
        let bytes = safetensors::serialize(views, None).map_err(invalid)?;
        Ok(Self { config, bytes })
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
        let tensors = SafeTensors::deserialize(&self.bytes)
            .map_err(|error| Error::Weights { name: "model.safetensors".to_owned(), reason: error.to_string() })?;
        NeoBert::new(&self.config, Initial::Tensors(tensors), false, precision, device)
    }
}

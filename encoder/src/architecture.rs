//! What kind of model a `config.json` describes, and what all kinds have in common.

use serde::Serialize;

use crate::config::{NeoBertConfig, architecture, keys};
use crate::error::Result;
use crate::family::Family;
use crate::model::EMBEDDING;

/// The kind of model that a `config.json` describes, its `model_type`, where it is one that can be read.
///
/// # Errors
/// [`Error::UnsupportedArchitecture`](crate::Error::UnsupportedArchitecture), which names those that can,
/// [`Error::Config`](crate::Error::Config), [`Error::InvalidJson`](crate::Error::InvalidJson).
pub fn architecture_of(config: &[u8]) -> Result<String> {
    Ok(Architecture::from_json(config)?.model_type().to_owned())
}

/// The shape of a model.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub(crate) enum Architecture {
    NeoBert(NeoBertConfig),
    Family(Family),
}

impl Architecture {
    /// Reads and checks the bytes of a `config.json`.
    ///
    /// # Errors
    /// Those of [`NeoBertConfig::from_json`] and [`Family::read`].
    pub(crate) fn from_json(bytes: &[u8]) -> Result<Self> {
        let keys = keys(bytes)?;
        match architecture(&keys).as_str() {
            "neobert" => NeoBertConfig::from_json(bytes).map(Self::NeoBert),
            other => Family::read(other, &keys).map(Self::Family),
        }
    }

    /// The family's name: `neobert`, `bert`.
    pub(crate) fn model_type(&self) -> &str {
        match self {
            Self::NeoBert(config) => &config.model_type,
            Self::Family(family) => &family.model_type,
        }
    }

    pub(crate) fn vocab_size(&self) -> usize {
        match self {
            Self::NeoBert(config) => config.vocab_size,
            Self::Family(family) => family.vocab_size,
        }
    }

    pub(crate) fn hidden_size(&self) -> usize {
        match self {
            Self::NeoBert(config) => config.hidden_size,
            Self::Family(family) => family.hidden_size,
        }
    }

    pub(crate) fn num_hidden_layers(&self) -> usize {
        match self {
            Self::NeoBert(config) => config.num_hidden_layers,
            Self::Family(family) => family.num_hidden_layers,
        }
    }

    pub(crate) fn num_attention_heads(&self) -> usize {
        match self {
            Self::NeoBert(config) => config.num_attention_heads,
            Self::Family(family) => family.num_attention_heads,
        }
    }

    pub(crate) fn inner_size(&self) -> usize {
        match self {
            Self::NeoBert(config) => config.inner_size(),
            Self::Family(family) => family.inner_size,
        }
    }

    /// Most tokens of a sequence, special tokens included.
    pub(crate) fn max_length(&self) -> usize {
        match self {
            Self::NeoBert(config) => config.max_length,
            Self::Family(family) => family.max_length,
        }
    }

    /// Without any head.
    pub(crate) fn parameters(&self) -> usize {
        match self {
            Self::NeoBert(config) => config.parameters(),
            Self::Family(family) => family.parameters(),
        }
    }

    /// The name of the matrix with a row for each token id.
    pub(crate) fn embedding(&self) -> String {
        match self {
            Self::NeoBert(_) => EMBEDDING.to_owned(),
            Self::Family(family) => format!("{}.weight", family.embedding().name),
        }
    }

    /// Names and shapes of all tensors.
    pub(crate) fn tensors(&self) -> Vec<(String, Vec<usize>)> {
        match self {
            Self::NeoBert(config) => neobert(config),
            Self::Family(family) => family.tensors(),
        }
    }

    /// Floating-point operations of reading sequences of these lengths.
    pub(crate) fn operations(&self, lengths: &[usize]) -> f64 {
        let hidden = self.hidden_size() as f64;
        let gated = !matches!(self, Self::Family(family) if !family.gated);
        let weights = 4.0 * hidden * hidden + if gated { 3.0 } else { 2.0 } * hidden * self.inner_size() as f64;
        let tokens: f64 = lengths.iter().map(|&length| length as f64).sum();
        let layer = |layer| {
            let window = match self {
                Self::NeoBert(_) => None,
                Self::Family(family) => family.reach(layer).and_then(|reach| reach.window),
            };
            let seen = |&length: &usize| window.map_or(length, |window| length.min(2 * window + 1));
            let pairs: f64 = lengths.iter().map(|length| (length * seen(length)) as f64).sum();
            2.0 * weights * tokens + 4.0 * hidden * pairs
        };
        (0..self.num_hidden_layers()).map(layer).sum()
    }
}

fn neobert(config: &NeoBertConfig) -> Vec<(String, Vec<usize>)> {
    let (hidden, inner) = (config.hidden_size, config.inner_size());
    let mut shapes = vec![
        ("encoder.weight".to_owned(), vec![config.vocab_size, hidden]),
        ("layer_norm.weight".to_owned(), vec![hidden]),
    ];
    for layer in 0..config.num_hidden_layers {
        let own = [
            ("attention_norm", vec![hidden]),
            ("qkv", vec![3 * hidden, hidden]),
            ("wo", vec![hidden, hidden]),
            ("ffn_norm", vec![hidden]),
            ("ffn.w12", vec![2 * inner, hidden]),
            ("ffn.w3", vec![hidden, inner]),
        ];
        shapes.extend(own.map(|(name, shape)| (format!("transformer_encoder.{layer}.{name}.weight"), shape)));
    }
    shapes
}

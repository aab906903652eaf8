//! Section `[model]`.

use neodex_encoder::NeoBertConfig;
use serde::{Deserialize, Serialize};

use super::check::{at_least, positive};
use crate::error::{Error, Result};
use crate::model::{Activation, NormKind, Positions, Variant};

/// The shape of the model, in the words of its `config.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelConfig {
    /// Width of a token's state.
    pub hidden_size: usize,
    /// Number of blocks.
    pub num_hidden_layers: usize,
    /// Heads per block.
    pub num_attention_heads: usize,
    /// Nominal width of the feed-forward part; SwiGLU gets two thirds of it.
    pub intermediate_size: usize,
    /// Rows of the token embedding.
    pub vocab_size: usize,
    /// Longest sequence in tokens, special tokens included.
    pub max_length: usize,
    /// Added to the mean square in every norm.
    #[serde(default = "norm_eps")]
    pub norm_eps: f64,
    /// How a token knows where it stands; other than `rope` for ablations alone, as the next two keys.
    #[serde(default)]
    pub positions: Positions,
    /// What norms: `rms` or `layer`.
    #[serde(default)]
    pub norm: NormKind,
    /// What is between the products of the feed-forward part: `swiglu` or `gelu`.
    #[serde(default)]
    pub activation: Activation,
    /// Weights start uniform between minus and plus this.
    #[serde(default = "init_range")]
    pub init_range: f32,
}

fn norm_eps() -> f64 {
    1e-5
}

fn init_range() -> f32 {
    0.02
}

impl ModelConfig {
    /// As the encoder has it.
    #[must_use]
    pub fn to_neobert(&self) -> NeoBertConfig {
        NeoBertConfig {
            hidden_size: self.hidden_size,
            num_hidden_layers: self.num_hidden_layers,
            num_attention_heads: self.num_attention_heads,
            intermediate_size: self.intermediate_size,
            vocab_size: self.vocab_size,
            max_length: self.max_length,
            norm_eps: self.norm_eps,
            ..NeoBertConfig::default()
        }
    }

    /// Its parts that need not be NeoBERT's.
    #[must_use]
    pub fn variant(&self) -> Variant {
        Variant { positions: self.positions, norm: self.norm, activation: self.activation }
    }

    pub(super) fn validate(&self) -> Result<()> {
        positive("model.norm_eps", self.norm_eps)?;
        positive("model.init_range", f64::from(self.init_range))?;
        // The tokenizers of both kinds need five special tokens and some letters.
        at_least("model.vocab_size", self.vocab_size, 32)?;
        self.to_neobert().validate().map_err(|error| match error {
            neodex_encoder::Error::Config { field, reason } => Error::config(format!("model.{field}"), reason),
            other => other.into(),
        })
    }
}

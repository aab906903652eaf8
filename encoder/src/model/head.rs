//! The language-model head: one matrix with a bias, not tied to the embedding. Embedding models are saved without it.

use candle_core::{Device, Module, Tensor};
use candle_nn::Linear;

use crate::config::NeoBertConfig;
use crate::error::Result;
use crate::weights::Weights;

/// States to logits.
pub(crate) struct LanguageModelHead(Linear);

impl LanguageModelHead {
    /// The head, where the checkpoint has one.
    pub(crate) fn load(weights: &Weights<'_>, config: &NeoBertConfig, device: &Device) -> Result<Option<Self>> {
        if !weights.contains("decoder.weight") {
            return Ok(None);
        }
        let weight = weights.tensor("decoder.weight", &[config.vocab_size, config.hidden_size], device)?;
        let bias = weights.tensor("decoder.bias", &[config.vocab_size], device)?;
        Ok(Some(Self(Linear::new(weight, Some(bias)))))
    }

    /// `(batch, seq, hidden)` to `(batch, seq, vocab)`.
    pub(crate) fn forward(&self, states: &Tensor) -> Result<Tensor> {
        Ok(self.0.forward(states)?)
    }
}

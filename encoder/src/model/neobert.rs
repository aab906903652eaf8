//! The whole model, from ids to states.

use candle_core::{Device, Tensor};

use super::block::Block;
use super::embedding::Embedding;
use super::head::LanguageModelHead;
use super::mask::AttentionMask;
use super::norm::RmsNorm;
use super::rotary::Rotary;
use crate::config::NeoBertConfig;
use crate::error::{Error, Result};
use crate::weights::Weights;

/// A NeoBERT in memory, in f32.
pub struct NeoBert {
    embedding: Embedding,
    rotary: Rotary,
    blocks: Vec<Block>,
    norm: RmsNorm,
    head: Option<LanguageModelHead>,
    device: Device,
}

impl NeoBert {
    /// Builds the model `config` describes out of `weights`, on `device`.
    ///
    /// # Errors
    /// Those of [`Weights::tensor`] for the first tensor that is absent or does not fit.
    pub fn load(weights: &Weights<'_>, config: &NeoBertConfig, device: &Device) -> Result<Self> {
        let blocks = (0..config.num_hidden_layers)
            .map(|index| Block::load(weights, index, config, device))
            .collect::<Result<_>>()?;
        Ok(Self {
            embedding: Embedding::load(weights, config, device)?,
            rotary: Rotary::new(config, device)?,
            blocks,
            norm: RmsNorm::load(weights, "layer_norm.weight", config.hidden_size, config.norm_eps, device)?,
            head: LanguageModelHead::load(weights, config, device)?,
            device: device.clone(),
        })
    }

    /// Where the model lives.
    #[must_use]
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Last states `(batch, seq, hidden)`, after the last norm, of ids `(batch, seq)` in u32.
    ///
    /// Padding is on the right; what stands at padded positions of the result is defined and means nothing.
    ///
    /// # Errors
    /// [`Error::Compute`] for an id outside the vocabulary or more positions than the model has.
    pub fn forward(&self, input_ids: &Tensor, mask: Option<&AttentionMask>) -> Result<Tensor> {
        let mut x = self.embedding.forward(input_ids)?;
        for block in &self.blocks {
            x = block.forward(&x, &self.rotary, mask)?;
        }
        self.norm.forward(&x)
    }

    /// The stream before each block and after the last, `num_hidden_layers + 1` tensors `(batch, seq, hidden)`, the first being
    /// the embeddings and none of them normed.
    ///
    /// # Errors
    /// Those of [`NeoBert::forward`].
    pub fn hidden_layers(&self, input_ids: &Tensor, mask: Option<&AttentionMask>) -> Result<Vec<Tensor>> {
        let mut x = self.embedding.forward(input_ids)?;
        let mut layers = vec![x.clone()];
        for block in &self.blocks {
            x = block.forward(&x, &self.rotary, mask)?;
            layers.push(x.clone());
        }
        Ok(layers)
    }

    /// Logits `(batch, seq, vocab)` of last states `(batch, seq, hidden)`.
    ///
    /// # Errors
    /// [`Error::NoLanguageModelHead`] where the checkpoint was saved without one.
    pub fn logits(&self, states: &Tensor) -> Result<Tensor> {
        self.head.as_ref().ok_or(Error::NoLanguageModelHead)?.forward(states)
    }
}

//! One block: attention and feed-forward, each behind its norm and added to the stream.

use candle_core::{Device, Tensor};

use super::attention::Attention;
use super::feed_forward::FeedForward;
use super::mask::AttentionMask;
use super::norm::RmsNorm;
use super::rotary::Rotary;
use crate::config::NeoBertConfig;
use crate::error::Result;
use crate::weights::Weights;

/// A transformer block.
pub(super) struct Block {
    attention_norm: RmsNorm,
    attention: Attention,
    ffn_norm: RmsNorm,
    feed_forward: FeedForward,
}

impl Block {
    pub(super) fn load(weights: &Weights<'_>, index: usize, config: &NeoBertConfig, device: &Device) -> Result<Self> {
        let layer = format!("transformer_encoder.{index}");
        let norm = |name: &str| {
            RmsNorm::load(weights, &format!("{layer}.{name}.weight"), config.hidden_size, config.norm_eps, device)
        };
        Ok(Self {
            attention_norm: norm("attention_norm")?,
            attention: Attention::load(weights, &layer, config, device)?,
            ffn_norm: norm("ffn_norm")?,
            feed_forward: FeedForward::load(weights, &layer, config, device)?,
        })
    }

    /// States `(batch, seq, hidden)` to the next.
    pub(super) fn forward(&self, x: &Tensor, rotary: &Rotary, mask: Option<&AttentionMask>) -> Result<Tensor> {
        let attended = self.attention.forward(&self.attention_norm.forward(x)?, rotary, mask)?;
        let x = (x + attended)?;
        let fed = self.feed_forward.forward(&self.ffn_norm.forward(&x)?)?;
        Ok((x + fed)?)
    }
}

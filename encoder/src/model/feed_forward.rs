//! SwiGLU: `w3(silu(gate) * value)`, gate and value being the two halves of one product.

use candle_core::{Device, Module, Tensor};
use candle_nn::Linear;

use crate::config::NeoBertConfig;
use crate::error::Result;
use crate::weights::Weights;

/// One layer's feed-forward part.
pub(super) struct FeedForward {
    /// `(2 * inner, hidden)`, the gate's rows first.
    gate_and_value: Linear,
    /// `(hidden, inner)`
    output: Linear,
}

impl FeedForward {
    pub(super) fn load(weights: &Weights<'_>, layer: &str, config: &NeoBertConfig, device: &Device) -> Result<Self> {
        let (hidden, inner) = (config.hidden_size, config.inner_size());
        let linear = |name: &str, shape: [usize; 2]| -> Result<Linear> {
            let weight = weights.tensor(&format!("{layer}.ffn.{name}.weight"), &shape, device)?;
            Ok(Linear::new(weight, None))
        };
        Ok(Self { gate_and_value: linear("w12", [2 * inner, hidden])?, output: linear("w3", [hidden, inner])? })
    }

    /// Normed states `(batch, seq, hidden)` to what is added to the residual stream, of the same shape.
    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        // (batch, seq, 2 * inner), of which candle gates the second half by the first.
        let gated = candle_nn::ops::swiglu(&self.gate_and_value.forward(x)?)?;
        Ok(self.output.forward(&gated)?)
    }
}

//! RMSNorm: `x / sqrt(mean(x^2) + eps) * weight` over the last axis.

use candle_core::{Device, Tensor};

use crate::error::Result;
use crate::weights::Weights;

/// A root-mean-square norm with a learned scale.
pub(super) struct RmsNorm {
    /// `(hidden,)`
    weight: Tensor,
    eps: f32,
}

impl RmsNorm {
    pub(super) fn load(weights: &Weights<'_>, name: &str, width: usize, eps: f64, device: &Device) -> Result<Self> {
        Ok(Self { weight: weights.tensor(name, &[width], device)?, eps: eps as f32 })
    }

    /// `(batch, seq, hidden)` to the same.
    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        Ok(candle_nn::ops::rms_norm(&x.contiguous()?, &self.weight, self.eps)?)
    }
}

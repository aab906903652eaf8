//! Rotary position embedding on interleaved pairs.
//!
//! Components `2i` and `2i + 1` of a head are turned by `position * theta^(-2i / head_dim)`. Frequencies and angles are
//! computed in f32 like the reference's: better angles would move the states away from what the model was trained with.

use candle_core::{Device, Tensor};

use crate::config::NeoBertConfig;
use crate::error::Result;

/// Cosines and sines for every position the model knows.
pub(super) struct Rotary {
    /// `(max_length, head_dim / 2)`
    cos: Tensor,
    /// `(max_length, head_dim / 2)`
    sin: Tensor,
}

impl Rotary {
    pub(super) fn new(config: &NeoBertConfig, device: &Device) -> Result<Self> {
        let head_dim = config.head_dim();
        let frequencies: Vec<f32> =
            (0..head_dim).step_by(2).map(|i| 1.0 / config.rope_theta.powf(i as f32 / head_dim as f32)).collect();
        let angles: Vec<f32> = (0..config.max_length)
            .flat_map(|position| frequencies.iter().map(move |frequency| position as f32 * frequency))
            .collect();
        let table = |function: fn(f32) -> f32| {
            let values = angles.iter().map(|&angle| function(angle)).collect();
            Tensor::from_vec(values, (config.max_length, frequencies.len()), device)
        };
        Ok(Self { cos: table(f32::cos)?, sin: table(f32::sin)? })
    }

    /// Turns queries or keys `(batch, heads, seq, head_dim)` by their positions, counted from 0.
    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let seq = x.dim(2)?;
        let cos = self.cos.narrow(0, 0, seq)?;
        let sin = self.sin.narrow(0, 0, seq)?;
        Ok(candle_nn::rotary_emb::rope_i(&x.contiguous()?, &cos, &sin)?)
    }
}

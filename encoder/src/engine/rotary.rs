//! Cosines and sines of the rotary positions, in f32 like the exact path's.

use crate::config::NeoBertConfig;

/// The tables.
pub(super) struct Rotary {
    /// `(max_length, head / 2)`
    cos: Vec<f32>,
    sin: Vec<f32>,
    half: usize,
}

impl Rotary {
    pub(super) fn new(config: &NeoBertConfig) -> Self {
        let head = config.head_dim();
        let frequency = |i: usize| 1.0 / config.rope_theta.powf(i as f32 / head as f32);
        let frequencies: Vec<f32> = (0..head).step_by(2).map(frequency).collect();
        let angles = (0..config.max_length)
            .flat_map(|position| frequencies.iter().map(move |frequency| position as f32 * frequency));
        let (sin, cos) = angles.map(f32::sin_cos).unzip();
        Self { cos, sin, half: head / 2 }
    }

    /// Cosines and sines of a position below the model's `max_length`.
    pub(super) fn at(&self, position: usize) -> (&[f32], &[f32]) {
        let row = position * self.half..(position + 1) * self.half;
        (&self.cos[row.clone()], &self.sin[row])
    }
}

//! AdamW over all parameters, and the norm their gradients are clipped by.

use candle_core::{Result, Tensor};

use crate::model::Parameter;
use crate::op::{self, AdamwStep};

/// AdamW's constants (Loshchilov & Hutter 2019).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adamw {
    /// Decay of the first moment.
    pub beta1: f32,
    /// Decay of the second moment.
    pub beta2: f32,
    /// Added to the root of the second moment.
    pub eps: f32,
    /// Decoupled decay of every weight, norms and biases included, as in the reference.
    pub weight_decay: f32,
}

impl Adamw {
    /// Takes step `step`, from 1, at rate `lr` with gradients multiplied by `grad_scale`, and empties the gradients.
    ///
    /// # Errors
    /// candle's.
    pub fn step(&self, parameters: &mut [&mut Parameter], step: u64, lr: f64, grad_scale: f64) -> Result<()> {
        let correction = |beta: f32| (1.0 - f64::from(beta).powf(step as f64)) as f32;
        let step = AdamwStep {
            lr: lr as f32,
            beta1: self.beta1,
            beta2: self.beta2,
            eps: self.eps,
            weight_decay: self.weight_decay,
            correction1: correction(self.beta1),
            correction2: correction(self.beta2),
            grad_scale: grad_scale as f32,
        };
        parameters.iter_mut().try_for_each(|parameter| parameter.step(&step))
    }
}

/// The L2 norm of all gradients together. Waits for the device.
///
/// # Errors
/// candle's.
pub fn grad_norm(parameters: &[&Parameter]) -> Result<f64> {
    let sums = parameters.iter().map(|parameter| op::square_sum(parameter.grad())).collect::<Result<Vec<_>>>()?;
    let sums: Vec<f32> = Tensor::stack(&sums, 0)?.to_vec1()?;
    Ok(sums.into_iter().map(f64::from).sum::<f64>().sqrt())
}

/// What gradients of norm `norm` are multiplied with so that none is longer than `clip_norm`; as PyTorch computes it.
#[must_use]
pub fn clip_scale(norm: f64, clip_norm: f64) -> f64 {
    (clip_norm / (norm + 1e-6)).min(1.0)
}

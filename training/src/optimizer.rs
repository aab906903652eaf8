//! AdamW over all parameters, and the norm their gradients are clipped by.

use candle_core::Tensor;

use crate::distributed::{ProcessGroup, Single};
use crate::error::Result;
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
        let gradients = parameters.iter().map(|parameter| parameter.grad().clone()).collect::<Vec<_>>();
        self.step_together(parameters, &gradients, &Single, step, lr, grad_scale)
    }

    /// As [`Adamw::step`], by the gradients that [`reduce`] gave each rank of `group`.
    ///
    /// # Errors
    /// Those of the group, and candle's.
    pub fn step_together(
        &self,
        parameters: &mut [&mut Parameter],
        gradients: &[Tensor],
        group: &dyn ProcessGroup,
        step: u64,
        lr: f64,
        grad_scale: f64,
    ) -> Result<()> {
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
        let mut pairs = parameters.iter_mut().zip(gradients);
        pairs.try_for_each(|(parameter, gradient)| parameter.step(&step, gradient, group))
    }
}

/// Adds the slope of `weight_decay / 2` times the squared weights to gradients that [`reduce`] gave and that will be multiplied by
/// `grad_scale`: Adam's own way of decay.
///
/// # Errors
/// candle's.
pub fn add_decay(parameters: &[&Parameter], gradients: &[Tensor], weight_decay: f32, grad_scale: f64) -> Result<()> {
    for (parameter, gradient) in parameters.iter().zip(gradients) {
        op::accumulate(gradient, &parameter.master()?, weight_decay / grad_scale as f32)?;
    }
    Ok(())
}

/// The gradients of each parameter, added up over all ranks: to each rank those of its part.
///
/// # Errors
/// Those of the group.
pub fn reduce(parameters: &[&Parameter], group: &dyn ProcessGroup) -> Result<Vec<Tensor>> {
    parameters.iter().map(|parameter| parameter.reduced(group)).collect()
}

/// The L2 norm of all gradients together. Waits for the device.
///
/// # Errors
/// candle's.
pub fn grad_norm(parameters: &[&Parameter]) -> Result<f64> {
    let gradients: Vec<Tensor> = parameters.iter().map(|parameter| parameter.grad().clone()).collect();
    Ok(square_norm(&gradients)?.sqrt())
}

/// The sum of the squares of all `gradients`. Waits for the device.
///
/// # Errors
/// candle's.
pub fn square_norm(gradients: &[Tensor]) -> Result<f64> {
    let sums = gradients.iter().map(op::square_sum).collect::<candle_core::Result<Vec<_>>>()?;
    let sums: Vec<f32> = Tensor::stack(&sums, 0)?.to_vec1()?;
    Ok(sums.into_iter().map(f64::from).sum())
}

/// What gradients of norm `norm` are multiplied with so that none is longer than `clip_norm`; as PyTorch computes it.
#[must_use]
pub fn clip_scale(norm: f64, clip_norm: f64) -> f64 {
    (clip_norm / (norm + 1e-6)).min(1.0)
}

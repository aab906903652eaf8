//! A norm with its weight.

use candle_core::{Result, Tensor};

use super::parameter::Parameter;
use crate::op;

pub(super) fn norm(x: &Tensor, weight: &Parameter, eps: f32) -> Result<Tensor> {
    op::rms_norm(x, weight.weight(), eps)
}

/// Adds the weight's gradient to its sum and gives that of `x`, plus `carry`.
pub(super) fn norm_backward(
    x: &Tensor,
    weight: &Parameter,
    dy: &Tensor,
    carry: Option<&Tensor>,
    eps: f32,
) -> Result<Tensor> {
    let (dx, dweight) = op::rms_norm_backward(x, weight.weight(), dy, carry, eps)?;
    weight.add_grad(&dweight)?;
    Ok(dx)
}

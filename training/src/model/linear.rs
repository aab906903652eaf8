//! `y = x W^T`, without a bias: there is none in NeoBERT.

use candle_core::{Result, Tensor};

use super::parameter::Parameter;
use crate::op;

/// `x` `(n, inputs)` times `weight` `(outputs, inputs)`: `(n, outputs)`.
pub(super) fn linear(x: &Tensor, weight: &Parameter) -> Result<Tensor> {
    op::matmul(x, &weight.weight().t()?, weight.factors())
}

/// [`linear`] with `sum` `(n, outputs)` added.
pub(super) fn linear_plus(sum: &Tensor, x: &Tensor, weight: &Parameter) -> Result<Tensor> {
    op::matmul_plus(sum, x, &weight.weight().t()?, weight.factors())
}

/// Adds the weight's gradient to its sum and gives that of `x`.
pub(super) fn linear_backward(x: &Tensor, weight: &Parameter, dy: &Tensor) -> Result<Tensor> {
    weight.add_grad_product(&dy.t()?, x)?;
    op::matmul(dy, weight.weight(), weight.factors())
}

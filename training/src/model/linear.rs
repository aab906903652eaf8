//! `y = x W^T`, without a bias: there is none in NeoBERT.

use candle_core::{Result, Tensor};

use super::parameter::Parameter;

/// `x` `(n, inputs)` times `weight` `(outputs, inputs)`: `(n, outputs)`.
pub(super) fn linear(x: &Tensor, weight: &Parameter) -> Result<Tensor> {
    x.matmul(&weight.weight().t()?)
}

/// Adds the weight's gradient to its sum and gives that of `x`.
pub(super) fn linear_backward(x: &Tensor, weight: &Parameter, dy: &Tensor) -> Result<Tensor> {
    weight.add_grad(&dy.t()?.matmul(x)?)?;
    dy.matmul(weight.weight())
}

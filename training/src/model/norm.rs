//! A norm with its weights.

use candle_core::Tensor;

use super::parameter::Parameter;
use super::variant::NormKind;
use crate::error::Result;
use crate::op;

/// RMSNorm, or LayerNorm where there is a bias.
#[derive(Clone, Debug)]
pub(super) struct Norm {
    weight: Parameter,
    bias: Option<Parameter>,
}

impl Norm {
    /// The norm called `name`, of parameters as `parameter` makes them of a name.
    pub(super) fn new(
        kind: NormKind,
        name: &str,
        mut parameter: impl FnMut(String) -> Result<Parameter>,
    ) -> Result<Self> {
        let weight = parameter(format!("{name}.weight"))?;
        let bias = match kind {
            NormKind::Rms => None,
            NormKind::Layer => Some(parameter(format!("{name}.bias"))?),
        };
        Ok(Self { weight, bias })
    }

    pub(super) fn forward(&self, x: &Tensor, eps: f32) -> candle_core::Result<Tensor> {
        match &self.bias {
            None => op::rms_norm(x, self.weight.weight(), eps),
            Some(bias) => op::layer_norm(x, self.weight.weight(), bias.weight(), eps),
        }
    }

    /// Adds the weights' gradients to their sums and gives that of `x`, plus `carry`.
    pub(super) fn backward(
        &self,
        x: &Tensor,
        dy: &Tensor,
        carry: Option<&Tensor>,
        eps: f32,
    ) -> candle_core::Result<Tensor> {
        let Some(bias) = &self.bias else {
            let (dx, dweight) = op::rms_norm_backward(x, self.weight.weight(), dy, carry, eps)?;
            self.weight.add_grad(&dweight)?;
            return Ok(dx);
        };
        let (dx, dweight, dbias) = op::layer_norm_backward(x, self.weight.weight(), dy, carry, eps)?;
        self.weight.add_grad(&dweight)?;
        bias.add_grad(&dbias)?;
        Ok(dx)
    }

    pub(super) fn parameters(&self) -> impl Iterator<Item = &Parameter> {
        [&self.weight].into_iter().chain(&self.bias)
    }

    pub(super) fn parameters_mut(&mut self) -> impl Iterator<Item = &mut Parameter> {
        [&mut self.weight].into_iter().chain(&mut self.bias)
    }
}

//! What happens to flat buffers between steps, in place, on the GPU.

use candle_core::{DType, Result, Tensor, bail};

use super::launch::{Kernel, Place, place, place_of_any_shape, reach};
use crate::op::AdamwStep;

/// The places of an f32 tensor and of one of any dtype with as many elements.
fn pair(f32s: &Tensor, other: &Tensor) -> Result<(Place, Place)> {
    if f32s.dtype() != DType::F32 || f32s.elem_count() != other.elem_count() {
        bail!("{:?} {:?} does not go with {:?}", f32s.dtype(), f32s.shape(), other.shape());
    }
    Ok((place_of_any_shape(f32s)?, place_of_any_shape(other)?))
}

pub(in crate::op) fn accumulate(sum: &Tensor, x: &Tensor, scale: f32) -> Result<()> {
    let (to, from) = pair(sum, x)?;
    let reach = reach(x.elem_count(), &[to, from], 1);
    let packs = x.elem_count() / reach;
    Kernel::new("accumulate", x.dtype(), reach)?
        .tensors(&[to, from])
        .numbers(&[scale])
        .counts(&[packs])
        .over(sum.device(), packs)
}

pub(in crate::op) fn cast_into(into: &Tensor, from: &Tensor) -> Result<()> {
    let (from, to) = pair(from, into)?;
    let reach = reach(into.elem_count(), &[to, from], 1);
    let packs = into.elem_count() / reach;
    Kernel::new("cast_into", into.dtype(), reach)?.tensors(&[to, from]).counts(&[packs]).over(into.device(), packs)
}

pub(in crate::op) fn adamw(state: &Tensor, grad: &Tensor, step: &AdamwStep) -> Result<()> {
    let count = grad.elem_count();
    if grad.dtype() != DType::F32 {
        bail!("AdamW takes gradients in f32, not {:?}", grad.dtype());
    }
    let places = [place(state, DType::F32, (3, count))?, place_of_any_shape(grad)?];
    let reach = reach(count, &places, 1);
    let packs = count / reach;
    Kernel::new("adamw", DType::F32, reach)?
        .tensors(&places)
        .counts(&[packs])
        .numbers(&[step.lr, step.beta1, step.beta2, step.eps, step.weight_decay])
        .numbers(&[step.correction1, step.correction2, step.grad_scale])
        .over(state.device(), packs)
}

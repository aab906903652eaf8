//! SwiGLU and its gradient.

use candle_core::{Device, Result, Tensor};

use super::memory::made;
use super::view::floats;
use super::wide;

const ROWS: usize = 16;

/// See [`crate::op::swiglu`].
pub(in crate::op) fn swiglu(u: &Tensor) -> Result<Tensor> {
    let (n, width) = u.dims2()?;
    let inner = width / 2;
    let u = floats(u)?;
    let (y, _) = made(n * inner, ROWS * inner, |at, y| {
        let u = u.get(2 * at..).unwrap_or_default().chunks_exact(width);
        for (y, u) in y.chunks_exact_mut(inner).zip(u) {
            let (gate, value) = u.split_at(inner);
            wide::gated(y, gate, value);
        }
    });
    Tensor::from_vec(y, (n, inner), &Device::Cpu)
}

/// See [`crate::op::swiglu_backward`].
pub(in crate::op) fn swiglu_backward(u: &Tensor, dy: &Tensor) -> Result<Tensor> {
    let (n, width) = u.dims2()?;
    let inner = width / 2;
    let (u, dy) = (floats(u)?, floats(dy)?);
    let (du, _) = made(n * width, ROWS * width, |at, du| {
        let (u, dy) = (u.get(at..).unwrap_or_default(), dy.get(at / 2..).unwrap_or_default());
        for ((du, u), dy) in du.chunks_exact_mut(width).zip(u.chunks_exact(width)).zip(dy.chunks_exact(inner)) {
            let (gate, value) = u.split_at(inner);
            let (dgate, dvalue) = du.split_at_mut(inner);
            wide::gated_gradients(dgate, dvalue, gate, value, dy);
        }
    });
    Tensor::from_vec(du, (n, width), &Device::Cpu)
}

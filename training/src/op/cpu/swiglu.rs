//! SwiGLU and its gradient.

use candle_core::{Device, Result, Tensor};
use rayon::prelude::*;

use super::view::floats;
use super::wide;

const ROWS: usize = 16;

/// See [`crate::op::swiglu`].
pub(in crate::op) fn swiglu(u: &Tensor) -> Result<Tensor> {
    let (n, width) = u.dims2()?;
    let inner = width / 2;
    let u = floats(u)?;
    let mut y = vec![0.0_f32; n * inner];
    y.par_chunks_mut(ROWS * inner).zip(u.par_chunks(ROWS * width)).for_each(|(y, u)| {
        for (y, u) in y.chunks_exact_mut(inner).zip(u.chunks_exact(width)) {
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
    let mut du = vec![0.0_f32; n * width];
    du.par_chunks_mut(ROWS * width).zip(u.par_chunks(ROWS * width)).zip(dy.par_chunks(ROWS * inner)).for_each(
        |((du, u), dy)| {
            let rows = du.chunks_exact_mut(width).zip(u.chunks_exact(width)).zip(dy.chunks_exact(inner));
            for ((du, u), dy) in rows {
                let (gate, value) = u.split_at(inner);
                let (dgate, dvalue) = du.split_at_mut(inner);
                wide::gated_gradients(dgate, dvalue, gate, value, dy);
            }
        },
    );
    Tensor::from_vec(du, (n, width), &Device::Cpu)
}

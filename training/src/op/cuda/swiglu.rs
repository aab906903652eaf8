//! SwiGLU on the GPU.

use candle_core::{Result, Tensor};

use super::launch::{Kernel, fresh, place, reach};

pub(in crate::op) fn swiglu(u: &Tensor) -> Result<Tensor> {
    let ((n, both), dtype, device) = (u.dims2()?, u.dtype(), u.device());
    let inner = both / 2;
    let y = fresh((n, inner), dtype, device)?;
    let places = [place(u, dtype, (n, 2 * inner))?, place(&y, dtype, (n, inner))?];
    let reach = reach(inner, &places, 1);
    Kernel::new("swiglu", dtype, reach)?.tensors(&places).counts(&[n, inner]).over(device, n * (inner / reach))?;
    Ok(y)
}

pub(in crate::op) fn swiglu_backward(u: &Tensor, dy: &Tensor) -> Result<Tensor> {
    let ((n, inner), dtype, device) = (dy.dims2()?, u.dtype(), u.device());
    let du = fresh((n, 2 * inner), dtype, device)?;
    let places = [place(u, dtype, (n, 2 * inner))?, place(dy, dtype, (n, inner))?, place(&du, dtype, (n, 2 * inner))?];
    let reach = reach(inner, &places, 1);
    Kernel::new("swiglu_backward", dtype, reach)?
        .tensors(&places)
        .counts(&[n, inner])
        .over(device, n * (inner / reach))?;
    Ok(du)
}

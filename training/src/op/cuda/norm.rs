//! RMSNorm on the GPU.

use candle_core::{DType, Result, Tensor, bail};

use super::launch::{FULL, Kernel, LANES, Place, SHARED_BYTES, THREADS, fresh, place, reach};

pub(in crate::op) fn rms_norm(x: &Tensor, weight: &Tensor, eps: f32) -> Result<Tensor> {
    let ((n, d), dtype, device) = (x.dims2()?, x.dtype(), x.device());
    let y = fresh((n, d), dtype, device)?;
    let places = [place(x, dtype, (n, d))?, place(weight, dtype, d)?, place(&y, dtype, (n, d))?];
    Kernel::new("rms_norm", dtype, reach(d, &places, 1))?
        .tensors(&places)
        .counts(&[n, d])
        .numbers(&[eps])
        .over_rows(device, n)?;
    Ok(y)
}

pub(in crate::op) fn rms_norm_backward(
    x: &Tensor,
    weight: &Tensor,
    dy: &Tensor,
    carry: Option<&Tensor>,
    eps: f32,
) -> Result<(Tensor, Tensor)> {
    let ((n, d), dtype, device) = (x.dims2()?, x.dtype(), x.device());
    // Each warp sums its part of dweight in shared memory.
    let warps = (THREADS / LANES).min(SHARED_BYTES / 4 / d.max(1));
    if warps == 0 {
        bail!("the gradient of a norm over {d} columns does not fit the GPU's shared memory");
    }
    let dx = fresh((n, d), dtype, device)?;
    let dweight = Tensor::zeros(d, DType::F32, device)?;
    let carry = carry.map(|carry| place(carry, dtype, (n, d))).transpose()?.unwrap_or(Place::NONE);
    let places = [
        place(x, dtype, (n, d))?,
        place(weight, dtype, d)?,
        place(dy, dtype, (n, d))?,
        carry,
        place(&dx, dtype, (n, d))?,
        place(&dweight, DType::F32, d)?,
    ];
    Kernel::new("rms_norm_backward", dtype, reach(d, &places, 1))?
        .tensors(&places)
        .counts(&[n, d])
        .numbers(&[eps])
        .launch(device, [n.div_ceil(warps).min(FULL), 1], warps * LANES, warps * d * 4)?;
    Ok((dx, dweight))
}

//! Sums over rows, row ranges and whole tensors on the GPU.

use candle_core::{DType, Result, Tensor};

use super::launch::{FULL, Kernel, LANES, THREADS, fresh, place, place_of_any_shape, reach};

/// Threads of a block that sums columns.
const COLUMN_THREADS: usize = 128;

/// Fewest rows worth a block of their own.
const FEWEST_ROWS: usize = 32;

pub(in crate::op) fn column_sum(x: &Tensor) -> Result<Tensor> {
    let ((r, c), dtype, device) = (x.dims2()?, x.dtype(), x.device());
    let sums = Tensor::zeros(c, DType::F32, device)?;
    let places = [place(x, dtype, (r, c))?, place(&sums, DType::F32, c)?];
    let reach = reach(c, &places, 1);
    let across = c.div_ceil(COLUMN_THREADS * reach);
    let down = (2 * FULL).div_ceil(across.max(1)).min(r.div_ceil(FEWEST_ROWS)).max(1);
    let per_block = r.div_ceil(down);
    Kernel::new("column_sum", dtype, reach)?.tensors(&places).counts(&[r, c, per_block]).launch(
        device,
        [across, down],
        COLUMN_THREADS,
        0,
    )?;
    Ok(sums)
}

pub(in crate::op) fn span_mean(x: &Tensor, spans: &Tensor) -> Result<Tensor> {
    let ((n, d), s, dtype, device) = (x.dims2()?, spans.dim(0)?, x.dtype(), x.device());
    let means = fresh((s, d), DType::F32, device)?;
    let (x, to) = (place(x, dtype, (n, d))?, place(&means, DType::F32, (s, d))?);
    let reach = reach(d, &[x, to], 1);
    Kernel::new("span_mean", dtype, reach)?
        .tensors(&[x, place(spans, DType::U32, (s, 2))?, to])
        .counts(&[n, d])
        .launch(device, [s, d.div_ceil(LANES * reach)], THREADS, 0)?;
    Ok(means)
}

pub(in crate::op) fn span_mean_backward(dout: &Tensor, spans: &Tensor, like: &Tensor) -> Result<Tensor> {
    let ((n, d), s, dtype, device) = (like.dims2()?, spans.dim(0)?, like.dtype(), like.device());
    let dx = Tensor::zeros((n, d), dtype, device)?;
    let (from, to) = (place(dout, DType::F32, (s, d))?, place(&dx, dtype, (n, d))?);
    let reach = reach(d, &[from, to], 1);
    Kernel::new("span_mean_backward", dtype, reach)?
        .tensors(&[from, place(spans, DType::U32, (s, 2))?, to])
        .counts(&[n, d])
        .launch(device, [s, d.div_ceil(LANES * reach)], THREADS, 0)?;
    Ok(dx)
}

pub(in crate::op) fn square_sum(x: &Tensor) -> Result<Tensor> {
    let (count, dtype, device) = (x.elem_count(), x.dtype(), x.device());
    let sum = Tensor::zeros((), DType::F32, device)?;
    let places = [place_of_any_shape(x)?, place(&sum, DType::F32, ())?];
    let reach = reach(count, &places[..1], 1);
    let packs = count / reach;
    Kernel::new("square_sum", dtype, reach)?.tensors(&places).counts(&[packs]).launch(
        device,
        [packs.div_ceil(THREADS).min(FULL), 1],
        THREADS,
        0,
    )?;
    Ok(sum)
}

//! Rows of the embedding table and their gradient on the GPU.

use candle_core::{DType, Result, Tensor};

use super::launch::{Kernel, fresh, place, reach};

pub(in crate::op) fn embed(ids: &Tensor, table: &Tensor) -> Result<Tensor> {
    let (n, (vocab, d), dtype, device) = (ids.dims1()?, table.dims2()?, table.dtype(), table.device());
    let y = fresh((n, d), dtype, device)?;
    let rows = [place(table, dtype, (vocab, d))?, place(&y, dtype, (n, d))?];
    let reach = reach(d, &rows, 1);
    Kernel::new("embed", dtype, reach)?
        .tensors(&[place(ids, DType::U32, n)?])
        .tensors(&rows)
        .counts(&[n, d, vocab])
        .over(device, n * (d / reach))?;
    Ok(y)
}

pub(in crate::op) fn embed_backward(ids: &Tensor, dy: &Tensor, vocab: usize, padding: u32) -> Result<Tensor> {
    let ((n, d), dtype, device) = (dy.dims2()?, dy.dtype(), dy.device());
    let dtable = Tensor::zeros((vocab, d), DType::F32, device)?;
    let rows = [place(dy, dtype, (n, d))?, place(&dtable, DType::F32, (vocab, d))?];
    let reach = reach(d, &rows, 1);
    Kernel::new("embed_backward", dtype, reach)?
        .tensors(&[place(ids, DType::U32, n)?])
        .tensors(&rows)
        .counts(&[n, d, vocab, padding as usize])
        .over(device, n * (d / reach))?;
    Ok(dtable)
}

//! Loops over the rows of tensors on the processor, for what candle has no fast loop for.

use candle_core::{Device, Error, Result, Storage, Tensor};
use rayon::prelude::*;

/// Rows a thread takes at a time.
const ROWS: usize = 16;

/// Lends the numbers of a contiguous tensor in f32 on the processor, in row order.
pub(super) fn numbers<R>(tensor: &Tensor, f: impl FnOnce(&[f32]) -> Result<R>) -> Result<R> {
    let (storage, layout) = tensor.storage_and_layout();
    let (Storage::Cpu(storage), Some((start, end))) = (&*storage, layout.contiguous_offsets()) else {
        return Err(Error::Msg("loops take contiguous tensors on the processor".to_owned()));
    };
    f(storage.as_slice::<f32>()?.get(start..end).unwrap_or_default())
}

/// A tensor of the rows that `f` makes, `width` wide, out of those of `x` `(rows, columns)` in f32. `f` is given a row's number, the row,
/// and room for the new one, all zeros.
pub(super) fn map_rows(x: &Tensor, width: usize, f: impl Fn(usize, &[f32], &mut [f32]) + Sync) -> Result<Tensor> {
    let (rows, columns) = x.dims2()?;
    let mut to = vec![0.0_f32; rows * width];
    numbers(&x.contiguous()?, |from| {
        let blocks = from.par_chunks(ROWS * columns.max(1)).zip(to.par_chunks_mut(ROWS * width.max(1))).enumerate();
        blocks.for_each(|(block, (from, to))| {
            let pairs = from.chunks_exact(columns.max(1)).zip(to.chunks_exact_mut(width.max(1)));
            pairs.enumerate().for_each(|(row, (from, to))| f(block * ROWS + row, from, to));
        });
        Ok(())
    })?;
    Tensor::from_vec(to, (rows, width), &Device::Cpu)
}

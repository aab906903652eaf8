//! Softmax cross-entropy on the GPU.

use candle_core::{DType, Result, Tensor};

use super::launch::{Kernel, fresh, place, reach};

/// A block reads a whole vocabulary: more threads than elsewhere keep more of it in flight.
const ROW_THREADS: usize = 512;

pub(in crate::op) fn cross_entropy(
    logits: &Tensor,
    bias: &Tensor,
    labels: &Tensor,
    scale: f32,
) -> Result<(Tensor, Tensor, Tensor)> {
    let ((rows, vocab), dtype, device) = (logits.dims2()?, logits.dtype(), logits.device());
    let grad = fresh((rows, vocab), dtype, device)?;
    let losses = fresh(rows, DType::F32, device)?;
    let hits = fresh(rows, DType::F32, device)?;
    let (x, dx) = (place(logits, dtype, (rows, vocab))?, place(&grad, dtype, (rows, vocab))?);
    let bias = place(bias, DType::F32, vocab)?;
    Kernel::new("cross_entropy", dtype, reach(vocab, &[x, dx, bias], 1))?
        .tensors(&[x, bias, place(labels, DType::U32, rows)?, dx])
        .tensors(&[place(&losses, DType::F32, rows)?, place(&hits, DType::F32, rows)?])
        .counts(&[vocab])
        .numbers(&[scale])
        .launch(device, [rows, 1], ROW_THREADS, 0)?;
    Ok((losses, hits, grad))
}

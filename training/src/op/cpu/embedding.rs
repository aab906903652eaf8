//! Rows of the token table, and their gradients added up again.

use candle_core::{Device, Error, Result, Tensor};

use super::view::{floats, indices};
use super::wide;

/// See [`crate::op::embed`].
pub(in crate::op) fn embed(ids: &Tensor, table: &Tensor) -> Result<Tensor> {
    table.index_select(ids, 0)
}

/// See [`crate::op::embed_backward`]. In the order of the tokens, on one thread: it is a small share of a step, and exact.
pub(in crate::op) fn embed_backward(ids: &Tensor, dy: &Tensor, vocab: usize, padding: u32) -> Result<Tensor> {
    let (_, d) = dy.dims2()?;
    let (ids, dy) = (indices(ids)?, floats(dy)?);
    let mut table = vec![0.0_f32; vocab * d];
    for (&id, dy) in ids.iter().zip(dy.chunks_exact(d)) {
        if id == padding {
            continue;
        }
        let at = id as usize * d;
        let row = table
            .get_mut(at..at + d)
            .ok_or_else(|| Error::Msg(format!("token {id} of a vocabulary of {vocab}")).bt())?;
        wide::add(row, dy);
    }
    Tensor::from_vec(table, (vocab, d), &Device::Cpu)
}

//! Attention of a batch, whichever way its tokens lie.
//!
//! Tokens that lie flat are spread over padded rows before and gathered after, so that the operation itself knows one layout: two copies
//! more, against the padding's share of everything else.

use candle_core::{Result, Tensor};

use super::batch::Batch;
use super::block::Shape;
use crate::op::{self, Padded};

/// As [`op::attention`], rows as in the batch.
pub(super) fn attention(qkv: &Tensor, batch: &Batch, shape: &Shape<'_>) -> Result<(Tensor, Vec<Tensor>)> {
    let padded = padded(batch, shape);
    let Some(places) = &batch.places else {
        return op::attention(qkv, &padded);
    };
    let (mixed, saved) = op::attention(&op::embed(&places.spread, qkv)?, &padded)?;
    Ok((op::embed(&places.gather, &mixed)?, saved))
}

/// As [`op::attention_backward`], rows as in the batch.
pub(super) fn attention_backward(
    qkv: &Tensor,
    saved: &[Tensor],
    dmixed: &Tensor,
    batch: &Batch,
    shape: &Shape<'_>,
) -> Result<Tensor> {
    let padded = padded(batch, shape);
    let Some(places) = &batch.places else {
        return op::attention_backward(qkv, saved, dmixed, &padded);
    };
    let qkv = op::embed(&places.spread, qkv)?;
    // Padding looks at the keys as well; what it would want of them is nothing.
    let nothing = Tensor::zeros((1, dmixed.dim(1)?), dmixed.dtype(), dmixed.device())?;
    let dmixed = op::embed(&places.spread_or_none, &Tensor::cat(&[dmixed, &nothing], 0)?)?;
    op::embed(&places.gather, &op::attention_backward(&qkv, saved, &dmixed, &padded)?)
}

fn padded<'a>(batch: &'a Batch, shape: &Shape<'a>) -> Padded<'a> {
    let Shape { heads, rotary, factors, .. } = *shape;
    Padded { rotary, lengths: &batch.lengths, seq: batch.seq, heads, factors }
}

//! The forward pass of attention by flash-attn, where the probabilities are not kept: no scores in memory.
//!
//! The backward pass computes the probabilities again in chunks either way, so it needs nothing of what flash-attn saw.

use candle_core::{DType, Result, Tensor};
use candle_flash_attn::flash_attn_varlen;

use super::super::padding;

/// The one head width taken: others take hours to compile, and none of our models has them.
const HEAD_DIM: usize = 64;

/// Sequences of one call: the second extent of a CUDA grid.
const SEQUENCES: usize = 65_535;

/// Whether `groups` heads of this width can be attended by flash-attn.
pub(super) fn takes(groups: usize, head_dim: usize, dtype: DType) -> bool {
    head_dim == HEAD_DIM && matches!(dtype, DType::BF16 | DType::F16) && 2 * groups <= SEQUENCES
}

/// `parts` `(3, groups, seq, width)`, turned queries and keys and values, to the mixed values `(groups, seq, width)`, zero where a row is
/// padding. A group is a sequence of one head here; its padding is another one, so that nobody looks at it.
pub(super) fn attend(parts: &Tensor, lengths: &Tensor, heads: usize) -> Result<Tensor> {
    let (_, groups, seq, width) = parts.dims4()?;
    let part = |i: usize| parts.get(i)?.reshape((groups * seq, 1, width));
    let bounds = padding::bounds(lengths, seq, heads)?;
    let scale = 1.0 / (width as f32).sqrt();
    let mixed = flash_attn_varlen(&part(0)?, &part(1)?, &part(2)?, &bounds, &bounds, seq, seq, scale, false)?;
    mixed.reshape((groups, seq, width))?.broadcast_mul(&padding::real(lengths, seq, heads)?.to_dtype(parts.dtype())?)
}

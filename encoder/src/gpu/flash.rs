//! Attention by flash-attn: sequences of any lengths as they are packed, and no scores in memory.

use candle_core::{DType, Result, Tensor};
use candle_flash_attn::flash_attn_varlen;

/// The one head width taken: others take hours to compile, and none of our models has them.
const HEAD_DIM: usize = 64;

/// Whether there is a kernel for heads of this width.
pub(crate) fn takes(head_dim: usize, dtype: DType) -> bool {
    head_dim == HEAD_DIM && matches!(dtype, DType::BF16 | DType::F16)
}

/// `qkv` `(tokens, 3 * hidden)`, per head query, key, value, rotated, to the mixed values `(tokens, hidden)`, heads side by side. The
/// sequences lie between neighbouring `bounds` `(sequences + 1,)`.
pub(crate) fn attend(qkv: &Tensor, bounds: &Tensor, longest: usize, heads: usize) -> Result<Tensor> {
    let (tokens, width) = qkv.dims2()?;
    let head_dim = width / heads / 3;
    let apart = qkv.reshape((tokens, heads, 3 * head_dim))?;
    let part = |i: usize| apart.narrow(2, i * head_dim, head_dim);
    let scale = 1.0 / (head_dim as f32).sqrt();
    let mixed = flash_attn_varlen(&part(0)?, &part(1)?, &part(2)?, bounds, bounds, longest, longest, scale, false)?;
    mixed.reshape((tokens, heads * head_dim))
}

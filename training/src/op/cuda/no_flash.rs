//! What stands in for flash-attn in a build without it: nothing is taken, so nothing gets this far.

use candle_core::{DType, Error, Result, Tensor};

/// Whether there is a kernel for heads of this width: none.
pub(super) fn takes(_: usize, _: usize, _: DType) -> bool {
    false
}

/// Never reached.
pub(super) fn attend(_: &Tensor, _: &Tensor, _: usize) -> Result<Tensor> {
    Err(Error::Msg("this build has no flash-attn".to_owned()))
}

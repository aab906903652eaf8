//! Which keys a query may look at: all but padding.

use candle_core::{DType, Device, Tensor};

use crate::error::Result;

/// A mask in the form attention adds to its scores.
pub struct AttentionMask {
    /// `(batch, 1, 1, seq)`: 0 for a real key, the most negative f32 for padding. Finite, so that a row of nothing but padding
    /// comes out as an average and not as NaN.
    bias: Tensor,
}

impl AttentionMask {
    /// The mask of right-padded sequences of `lengths` in a batch of width `seq`, or `None` where nothing is padded.
    ///
    /// # Errors
    /// [`Error::Compute`](crate::Error::Compute) where the device refuses.
    pub fn from_lengths(lengths: &[usize], seq: usize, device: &Device) -> Result<Option<Self>> {
        if lengths.iter().all(|&length| length >= seq) {
            return Ok(None);
        }
        let keep: Vec<u32> =
            lengths.iter().flat_map(|&length| (0..seq).map(move |position| u32::from(position < length))).collect();
        let keep = Tensor::from_vec(keep, (lengths.len(), seq), device)?;
        Self::from_tensor(&keep).map(Some)
    }

    /// The mask of a tensor `(batch, seq)` of ones (real) and zeros (padding), as tokenizers make it.
    ///
    /// # Errors
    /// [`Error::Compute`](crate::Error::Compute) where it has another shape.
    pub fn from_tensor(keep: &Tensor) -> Result<Self> {
        let (batch, seq) = keep.dims2()?;
        let dropped = keep.to_dtype(DType::F32)?.affine(-1.0, 1.0)?;
        let bias = dropped.affine(f64::from(f32::MIN), 0.0)?;
        Ok(Self { bias: bias.reshape((batch, 1, 1, seq))? })
    }

    pub(super) fn apply(&self, scores: &Tensor) -> Result<Tensor> {
        Ok(scores.broadcast_add(&self.bias)?)
    }
}

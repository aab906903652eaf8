//! Sequences side by side, padded on the right to the longest.

use candle_core::{Device, Result, Tensor};

/// A batch of token ids on a device.
#[derive(Clone, Debug)]
pub struct Batch {
    /// `(b * t)` in u32.
    pub ids: Tensor,
    /// `(b)` in u32: tokens of each sequence, the special ones included.
    pub lengths: Tensor,
    /// Sequences, `b`.
    pub sequences: usize,
    /// Positions of each, padding included, `t`.
    pub seq: usize,
}

impl Batch {
    /// Pads `sequences`, none of them empty, with `padding` up to a multiple of 8.
    ///
    /// # Errors
    /// candle's.
    pub fn new<S: AsRef<[u32]>>(sequences: &[S], padding: u32, device: &Device) -> Result<Self> {
        let longest = sequences.iter().map(|ids| ids.as_ref().len()).max().unwrap_or(0);
        let seq = longest.next_multiple_of(8);
        let padded = sequences.iter().flat_map(|ids| {
            let ids = ids.as_ref();
            ids.iter().copied().chain(std::iter::repeat_n(padding, seq - ids.len()))
        });
        let lengths: Vec<u32> = sequences.iter().map(|ids| ids.as_ref().len() as u32).collect();
        Ok(Self {
            ids: Tensor::from_vec(padded.collect::<Vec<u32>>(), sequences.len() * seq, device)?,
            lengths: Tensor::from_vec(lengths, sequences.len(), device)?,
            sequences: sequences.len(),
            seq,
        })
    }
}

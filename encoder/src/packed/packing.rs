//! A batch as numbers for the device: one buffer of u32, copied at once, of which the inputs are parts.

use candle_core::{Result, Tensor};

use super::attention::Buckets;
use crate::backend::Sequence;

/// A batch, still on the processor.
pub(crate) struct Packing {
    /// Ids, positions, bounds and spans, in this order.
    pub(crate) buffer: Vec<u32>,
    /// Tokens of each sequence, none empty.
    lengths: Vec<usize>,
    tokens: usize,
    spans: usize,
}

/// The same as the model takes it.
pub(crate) struct Inputs {
    /// Token ids `(tokens,)`.
    pub(crate) ids: Tensor,
    /// Position of each token in its sequence `(tokens,)`.
    pub(crate) positions: Tensor,
    /// First row of each sequence, and one past the last row of all `(sequences + 1,)`.
    pub(crate) bounds: Tensor,
    /// First row and row past the last of each run whose mean is wanted `(spans, 2)`.
    pub(crate) spans: Tensor,
    /// Tokens of the longest sequence.
    pub(crate) longest: usize,
    /// How attention goes about it where it cannot take sequences of different lengths as they are.
    pub(crate) buckets: Option<Buckets>,
}

impl Packing {
    /// Packs the sequences one after the other.
    pub(crate) fn new(batch: &[Sequence]) -> Self {
        let lengths: Vec<usize> =
            batch.iter().map(|sequence| sequence.ids.len()).filter(|&length| length > 0).collect();
        let tokens = lengths.iter().sum();
        let spans = batch.iter().map(|sequence| sequence.spans.len()).sum();
        let mut buffer: Vec<u32> = Vec::with_capacity(2 * tokens + lengths.len() + 1 + 2 * spans);
        buffer.extend(batch.iter().flat_map(|sequence| &sequence.ids));
        buffer.extend(lengths.iter().flat_map(|&length| 0..length as u32));
        let starts = || {
            lengths.iter().scan(0, |next, &length| {
                *next += length as u32;
                Some(*next)
            })
        };
        buffer.push(0);
        buffer.extend(starts());
        let mut start = 0;
        for sequence in batch {
            let row = |at: usize| start + at.min(sequence.ids.len()) as u32;
            buffer.extend(sequence.spans.iter().flat_map(|span| [row(span.start), row(span.end)]));
            start += sequence.ids.len() as u32;
        }
        Self { buffer, lengths, tokens, spans }
    }

    /// Rows of all sequences.
    pub(crate) fn tokens(&self) -> usize {
        self.tokens
    }

    /// Runs of tokens whose means are wanted, of all sequences.
    #[cfg_attr(not(any(feature = "cuda", test)), allow(dead_code))]
    pub(crate) fn spans(&self) -> usize {
        self.spans
    }

    /// The parts of the buffer, copied to a device before. With `bucketed` for attention that takes only sequences of one length at a time.
    pub(crate) fn inputs(&self, buffer: &Tensor, bucketed: bool) -> Result<Inputs> {
        let mut at = 0;
        let mut part = |length: usize| {
            at += length;
            buffer.narrow(0, at - length, length)
        };
        Ok(Inputs {
            ids: part(self.tokens)?,
            positions: part(self.tokens)?,
            bounds: part(self.lengths.len() + 1)?,
            spans: part(2 * self.spans)?.reshape((self.spans, 2))?,
            longest: self.lengths.iter().copied().max().unwrap_or(0),
            buckets: match bucketed {
                true => Some(Buckets::new(&self.lengths, buffer.device())?),
                false => None,
            },
        })
    }

    /// As [`Packing::inputs`] with buckets, the buffer still to be copied.
    pub(crate) fn copied(&self, device: &candle_core::Device) -> Result<Inputs> {
        self.inputs(&Tensor::from_slice(&self.buffer, self.buffer.len(), device)?, true)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::single_range_in_vec_init)]
    use super::*;

    #[test]
    fn sequences_stand_one_after_the_other() {
        let packing = Packing::new(&[
            Sequence { ids: vec![5, 6, 7], spans: vec![0..3, 1..1] },
            Sequence { ids: vec![8], spans: vec![] },
            Sequence { ids: vec![9, 4], spans: vec![1..2] },
        ]);
        let inputs = packing.copied(&candle_core::Device::Cpu).unwrap();
        let values = |tensor: &Tensor| tensor.flatten_all().unwrap().to_vec1::<u32>().unwrap();
        assert_eq!(values(&inputs.ids), [5, 6, 7, 8, 9, 4]);
        assert_eq!(values(&inputs.positions), [0, 1, 2, 0, 0, 1]);
        assert_eq!(values(&inputs.bounds), [0, 3, 4, 6]);
        assert_eq!(values(&inputs.spans), [0, 3, 1, 1, 5, 6]);
        assert_eq!((packing.tokens(), packing.spans(), inputs.longest), (6, 3, 3));
    }
}

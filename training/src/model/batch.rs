//! Sequences side by side, padded on the right to the longest, or one after the other without padding.

use candle_core::{Device, Result, Tensor};

/// A batch of token ids on a device.
#[derive(Clone, Debug)]
pub struct Batch {
    /// `(n)` in u32: sequence after sequence, each filled up to `seq`, or `flat`.
    pub ids: Tensor,
    /// `(n)` in u32: the position of each token in its sequence.
    pub positions: Tensor,
    /// `(b)` in u32: tokens of each sequence, the special ones included.
    pub lengths: Tensor,
    /// Sequences, `b`.
    pub sequences: usize,
    /// Positions of the longest, `t`, filled up to a multiple of 8.
    pub seq: usize,
    /// Where the tokens lie for attention, if not as in `ids`.
    pub(super) places: Option<Places>,
}

/// The way between tokens that lie flat and the padded rows that attention works on.
#[derive(Clone, Debug)]
pub(super) struct Places {
    /// `(b * t)` in u32: the token of each padded row; any for padding.
    pub(super) spread: Tensor,
    /// The same with `n`, one past the last token, for padding.
    pub(super) spread_or_none: Tensor,
    /// `(n)` in u32: the padded row of each token.
    pub(super) gather: Tensor,
}

impl Batch {
    /// Pads `sequences`, none of them empty, with `padding` up to a multiple of 8.
    ///
    /// # Errors
    /// candle's.
    pub fn new<S: AsRef<[u32]>>(sequences: &[S], padding: u32, device: &Device) -> Result<Self> {
        let seq = longest(sequences).next_multiple_of(8);
        let padded = sequences.iter().flat_map(|ids| {
            let ids = ids.as_ref();
            ids.iter().copied().chain(std::iter::repeat_n(padding, seq - ids.len()))
        });
        Ok(Self {
            ids: Tensor::from_vec(padded.collect::<Vec<u32>>(), sequences.len() * seq, device)?,
            positions: on_device((0..sequences.len()).flat_map(|_| 0..seq as u32).collect(), device)?,
            lengths: lengths(sequences, device)?,
            sequences: sequences.len(),
            seq,
            places: None,
        })
    }

    /// Puts `sequences`, none of them empty, one after the other: nothing but attention has anything to do with padding.
    ///
    /// # Errors
    /// candle's.
    pub fn flat<S: AsRef<[u32]>>(sequences: &[S], device: &Device) -> Result<Self> {
        let seq = longest(sequences).next_multiple_of(8);
        let ids: Vec<u32> = sequences.iter().flat_map(|ids| ids.as_ref().iter().copied()).collect();
        let none = ids.len() as u32;
        let (mut spread, mut gather) = (Vec::with_capacity(sequences.len() * seq), Vec::with_capacity(ids.len()));
        let (mut positions, mut first) = (Vec::with_capacity(ids.len()), 0);
        for (at, sequence) in sequences.iter().enumerate() {
            let length = sequence.as_ref().len() as u32;
            spread.extend((first..first + length).chain(std::iter::repeat_n(none, seq - length as usize)));
            gather.extend((0..length).map(|position| (at * seq) as u32 + position));
            positions.extend(0..length);
            first += length;
        }
        let any = spread.iter().map(|&row| if row == none { 0 } else { row }).collect();
        let places = Places {
            spread: on_device(any, device)?,
            spread_or_none: on_device(spread, device)?,
            gather: on_device(gather, device)?,
        };
        Ok(Self {
            ids: on_device(ids, device)?,
            positions: on_device(positions, device)?,
            lengths: lengths(sequences, device)?,
            sequences: sequences.len(),
            seq,
            places: Some(places),
        })
    }
}

fn longest<S: AsRef<[u32]>>(sequences: &[S]) -> usize {
    sequences.iter().map(|ids| ids.as_ref().len()).max().unwrap_or(0)
}

fn lengths<S: AsRef<[u32]>>(sequences: &[S], device: &Device) -> Result<Tensor> {
    on_device(sequences.iter().map(|ids| ids.as_ref().len() as u32).collect(), device)
}

fn on_device(numbers: Vec<u32>, device: &Device) -> Result<Tensor> {
    let count = numbers.len();
    Tensor::from_vec(numbers, count, device)
}

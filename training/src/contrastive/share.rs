//! Who reads what of a batch, and how all come to know all vectors: negatives across devices.

use std::borrow::Cow;

use candle_core::{Device, Tensor};

use super::texts::Sequence;
use crate::distributed::ProcessGroup;
use crate::error::Result;

/// A rank's part of a batch.
pub struct Share<'a> {
    /// What it reads.
    pub sequences: Cow<'a, [Sequence]>,
    /// Where several ranks share.
    between: Option<Between>,
}

struct Between {
    /// The most texts a rank has.
    most: usize,
    /// `(texts of all)` in u32: rows of the gathered vectors, each rank's filled up to `most`, in the order of the batch.
    order: Tensor,
    /// `(own texts)` in u32: rows of the batch.
    own: Tensor,
}

impl<'a> Share<'a> {
    /// This rank's share of `sequences`: every rank gets as many long ones as the others.
    ///
    /// # Errors
    /// candle's.
    pub fn new(sequences: &'a [Sequence], group: &dyn ProcessGroup, device: &Device) -> Result<Self> {
        let (rank, world) = (group.rank(), group.world_size());
        if world == 1 {
            return Ok(Self { sequences: Cow::Borrowed(sequences), between: None });
        }
        let mut by_length: Vec<usize> = (0..sequences.len()).collect();
        by_length.sort_by_key(|&at| std::cmp::Reverse(sequences.get(at).map_or(0, |sequence| sequence.ids.len())));
        let mut reader = vec![0; sequences.len()];
        for (place, &at) in by_length.iter().enumerate() {
            if let Some(reader) = reader.get_mut(at) {
                *reader = place % world;
            }
        }
        // Texts of each rank, as rows of the batch: in the order of the sequences, as the rank itself counts them.
        let mut texts: Vec<Vec<u32>> = vec![Vec::new(); world];
        let mut first = 0;
        for (sequence, &reader) in sequences.iter().zip(&reader) {
            let after = first + sequence.spans.len() as u32;
            texts.get_mut(reader).into_iter().for_each(|texts| texts.extend(first..after));
            first = after;
        }
        let most = texts.iter().map(Vec::len).max().unwrap_or(0);
        let mut order = vec![0_u32; first as usize];
        for (reader, texts) in texts.iter().enumerate() {
            for (place, &text) in texts.iter().enumerate() {
                order.get_mut(text as usize).into_iter().for_each(|row| *row = (reader * most + place) as u32);
            }
        }
        let own = texts.into_iter().nth(rank).unwrap_or_default();
        let mine = sequences.iter().zip(&reader).filter(|&(_, &reader)| reader == rank);
        let on_device = |rows: Vec<u32>| Tensor::from_slice(&rows, rows.len(), device);
        let between = Between { most, order: on_device(order)?, own: on_device(own)? };
        Ok(Self { sequences: mine.map(|(sequence, _)| sequence.clone()).collect(), between: Some(between) })
    }

    /// The vectors of the batch, `(texts, d)`, from those of this rank's texts. All ranks must ask.
    ///
    /// # Errors
    /// Those of the group, and candle's.
    pub fn gather(&self, vectors: &Tensor, group: &dyn ProcessGroup) -> Result<Tensor> {
        let Some(Between { most, order, .. }) = &self.between else { return Ok(vectors.clone()) };
        let (texts, width) = vectors.dims2()?;
        let rest = Tensor::zeros((most - texts, width), vectors.dtype(), vectors.device())?;
        let filled = Tensor::cat(&[vectors, &rest], 0)?;
        let all = group.all_gather(&filled.flatten_all()?)?;
        Ok(all.reshape((most * group.world_size(), width))?.index_select(order, 0)?)
    }

    /// Of the gradient of the batch's vectors, `(texts, d)`, the rows of this rank's texts.
    ///
    /// # Errors
    /// candle's.
    pub fn own(&self, gradient: &Tensor) -> Result<Tensor> {
        match &self.between {
            Some(between) => Ok(gradient.index_select(&between.own, 0)?),
            None => Ok(gradient.clone()),
        }
    }
}

//! One bit a dimension, for walks through very large segments: on which side of the segment's mean a value lies.
//!
//! A row of 384 dimensions is one cache line rather than six, and comparing two is counting the bits that differ. What that finds is in about the
//! right order; a wider walk and the second look by all bits make up for it.

use super::super::distance::{Distance, norm};
use super::super::kernel::{Kernel, prefetch};
use super::super::query::Query;
use super::Segment;
use super::block::Block;

/// The signs of rows; empty where a segment has none.
#[derive(Debug, Clone, Default)]
pub(super) struct Signs {
    /// Row after row, `words` each.
    bits: Vec<u64>,
    words: usize,
    /// What values are compared with, of vectors of length 1.
    mean: Vec<f32>,
}

impl Signs {
    fn of(block: &Block) -> Signs {
        let rows = block.len() as u32;
        let unit = |row: u32| {
            let [factor, ..] = block.building_terms(row);
            block.codes_of(row).iter().map(move |&code| factor * f32::from(code))
        };
        let mut sums = vec![0.0f64; block.dimension()];
        for row in 0..rows {
            sums.iter_mut().zip(unit(row)).for_each(|(sum, value)| *sum += f64::from(value));
        }
        let mean: Vec<f32> = sums.into_iter().map(|sum| (sum / f64::from(rows.max(1))) as f32).collect();
        let words = block.dimension().div_ceil(u64::BITS as usize);
        let mut bits = Vec::with_capacity(words * block.len());
        (0..rows).for_each(|row| push(&mut bits, unit(row).zip(&mean)));
        Signs { bits, words, mean }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bits.is_empty()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bits.capacity() * size_of::<u64>() + self.mean.capacity() * size_of::<f32>()
    }

    /// The signs of a query.
    pub(super) fn of_query(&self, query: &Query) -> Vec<u64> {
        let norm = norm(query.vector());
        let scale = if norm > 0.0 { 1.0 / norm } else { 0.0 };
        let mut bits = Vec::with_capacity(self.words);
        push(&mut bits, query.vector().iter().map(|&value| (f64::from(value) * scale) as f32).zip(&self.mean));
        bits
    }

    /// In how many bits each of `rows` differs from a query.
    #[inline]
    pub(super) fn differences(&self, kernel: Kernel, query: &[u64], rows: &[u32], out: &mut [i32]) {
        kernel.differing_bits(query, &self.bits, rows, out);
    }

    #[inline]
    pub(super) fn prefetch(&self, row: u32) {
        prefetch(&self.bits, row as usize * self.words, self.words);
    }
}

/// Adds the signs of one vector: for each value whether it is above what it stands beside.
fn push<'a>(bits: &mut Vec<u64>, values: impl Iterator<Item = (f32, &'a f32)>) {
    let mut word = 0u64;
    let mut count = 0;
    for (value, mean) in values {
        word |= u64::from(value > *mean) << (count % u64::BITS);
        count += 1;
        if count % u64::BITS == 0 {
            bits.push(std::mem::take(&mut word));
        }
    }
    if count % u64::BITS != 0 {
        bits.push(word);
    }
}

impl Segment {
    /// The same segment, walked through by one bit a dimension: for sets so large that memory decides how fast a walk is. For vectors that are
    /// compared by their cosine; segments of others stay as they are, because a sign says nothing of lengths.
    #[must_use]
    pub fn with_signs(mut self) -> Segment {
        if self.distance() == Distance::Cosine {
            self.block.signs = Signs::of(&self.block);
        }
        self
    }

    /// Whether it is walked through by signs.
    pub fn has_signs(&self) -> bool {
        !self.block.signs.is_empty()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::super::super::Code;
    use super::*;

    #[test]
    fn a_sign_is_the_side_of_the_mean() {
        let mut block = Block::new(70, Distance::Cosine, 0);
        let vector = |row: usize| -> Vec<f32> { (0..70).map(|i| if i == row { 9.0 } else { 1.0 }).collect() };
        (0..70).for_each(|row| block.push(&Code::encode(&vector(row)).unwrap()));
        let signs = Signs::of(&block);
        let query = signs.of_query(&Query::new(&vector(66)).unwrap());
        assert_eq!(query, [0, 1 << 2]);
        let mut out = [0; 3];
        signs.differences(Kernel::best(), &query, &[66, 0, 69], &mut out);
        assert_eq!(out, [0, 2, 2]);
    }
}

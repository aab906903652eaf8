//! One bit a dimension, for walks through very large segments: the signs of what is left of a vector without the segment's mean, turned.
//!
//! A row of 384 dimensions is one cache line rather than six, and comparing two is counting the bits that differ. What that finds is in about the
//! right order; a wider walk and the second look by all bits make up for it. Turning is what makes the bits worth their place: an encoder's values go
//! together, and so would their signs. Of the 10 nearest of 20,000 passages' vectors, the 100 with the fewest differing bits hold 61 % without it and 98
//! with it.

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
    /// What is taken off vectors of length 1.
    mean: Vec<f32>,
}

/// Bits of a word.
const WORD: usize = u64::BITS as usize;

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
        // Turning wants a power of two.
        let words = block.dimension().next_power_of_two().div_ceil(WORD);
        let mut signs = Signs { bits: Vec::with_capacity(words * block.len()), words, mean };
        let mut room = Vec::new();
        for row in 0..rows {
            let turned = signs.turned(unit(row), &mut room);
            signs.bits.extend(turned.chunks(WORD).map(word));
        }
        signs
    }

    /// A vector of length 1 without the mean, turned the same way as all others. Only the signs of the answer mean anything.
    fn turned<'a>(&self, values: impl Iterator<Item = f32>, room: &'a mut Vec<f32>) -> &'a [f32] {
        room.clear();
        room.extend(values.zip(&self.mean).map(|(value, mean)| value - mean));
        room.resize(self.words * WORD, 0.0);
        // Flipping signs at random and adding up everything with everything turns a vector as a random matrix would; once is not quite enough.
        let mut state = 0x9e37_79b9_7f4a_7c15u64;
        for _ in 0..2 {
            for value in room.iter_mut() {
                state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
                *value = if state >> 63 == 1 { -*value } else { *value };
            }
            mix(room);
        }
        room
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
        let unit = query.vector().iter().map(|&value| (f64::from(value) * scale) as f32);
        self.turned(unit, &mut Vec::new()).chunks(WORD).map(word).collect()
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

/// One bit for each value that is above 0.
fn word(values: &[f32]) -> u64 {
    values.iter().rev().fold(0, |word, &value| word << 1 | u64::from(value > 0.0))
}

/// The Walsh-Hadamard transform, not scaled: sums and differences of pairs ever further apart. `values` are a power of two.
fn mix(values: &mut [f32]) {
    let mut apart = 1;
    while apart < values.len() {
        for pair in values.chunks_exact_mut(2 * apart) {
            let (left, right) = pair.split_at_mut(apart);
            for (left, right) in left.iter_mut().zip(right) {
                (*left, *right) = (*left + *right, *left - *right);
            }
        }
        apart *= 2;
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
    fn bits_differ_as_angles_do() {
        let mut block = Block::new(100, Distance::Cosine, 0);
        // A quarter of a turn in a plane, and back on the other side: the mean is 0.
        let vector = |step: usize| -> Vec<f32> {
            let angle = step as f32 * std::f32::consts::PI / 32.0;
            (0..100).map(|i| if i % 2 == 0 { angle.cos() } else { angle.sin() }).collect()
        };
        (0..64).for_each(|step| block.push(&Code::encode(&vector(step)).unwrap()));
        let signs = Signs::of(&block);
        assert_eq!((signs.words, signs.bits.len()), (2, 128));
        let query = signs.of_query(&Query::new(&vector(0)).unwrap());
        let mut out = [0; 5];
        signs.differences(Kernel::best(), &query, &[0, 8, 16, 24, 32], &mut out);
        assert!(out[0] == 0 && out[4] >= 120, "the same, and the opposite: {out:?}");
        // Of 128 bits a quarter, a half and three quarters, within what chance makes of that.
        for (found, expected) in out[1..4].iter().zip([32, 64, 96]) {
            assert!((found - expected).abs() <= 20, "{out:?}");
        }
    }

    #[test]
    fn mixing_twice_gives_back_what_was_there() {
        let values: Vec<f32> = (0..64).map(|i| (i * 7 % 11) as f32).collect();
        let mut mixed = values.clone();
        mix(&mut mixed);
        assert_ne!(mixed, values);
        mix(&mut mixed);
        assert_eq!(mixed, values.iter().map(|value| 64.0 * value).collect::<Vec<_>>());
    }
}

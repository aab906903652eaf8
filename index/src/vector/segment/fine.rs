//! The second look: what a walk found, put in order by the bits behind the codes, for a query in full precision.
//!
//! Four bits behind the eight come with the code and are what a segment is built and opened with. [Refined](super::Segment::refined) by the full
//! rows it has eight: nearly as exact as keeping rows of halves beside the codes (of passages' vectors values are off by 2.4e-6, 1.5e-6 in halves
//! and 3.9e-5 by twelve bits), in half of the bytes.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use super::super::chunk::Chunk;
use super::super::code::Code;
use super::super::distance::{Distance, Terms, UnknownName, norm};
use super::super::kernel::{Kernel, PARTS, pack_nibbles, prefetch, unpack_nibble};
use super::super::query::Query;
use super::Segment;
use super::block::Block;
use crate::key::Key;

/// What a segment looks at again: how many bits of each value it keeps in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Rescoring {
    /// Twelve: a byte and a half a dimension. A value is off by a thousandth of the vector's largest at most.
    #[default]
    TwelveBits,
    /// Sixteen: two bytes a dimension, made from the full rows. A value is off by a sixteenth of that: scores are right to five decimals.
    SixteenBits,
}

impl Rescoring {
    /// Both, for messages and help.
    pub const ALL: [Rescoring; 2] = [Rescoring::TwelveBits, Rescoring::SixteenBits];

    /// The name that [`FromStr`] reads.
    pub fn name(self) -> &'static str {
        match self {
            Rescoring::TwelveBits => "12-bit",
            Rescoring::SixteenBits => "16-bit",
        }
    }
}

impl fmt::Display for Rescoring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Rescoring {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        Rescoring::ALL.into_iter().find(|rescoring| rescoring.name() == name).ok_or_else(|| UnknownName {
            what: "rescoring",
            found: name.to_owned(),
            known: Rescoring::ALL.map(Rescoring::name).to_vec(),
        })
    }
}

/// The bits behind the codes, row after row.
#[derive(Debug, Clone)]
pub(super) enum Behind {
    /// `value ~ fine factor * (16 * code + nibble - 8)`, half a stride of bytes a row, packed as `kernel::fine` describes.
    Four(Vec<u8>),
    /// `value ~ fine factor * (PARTS * code + residual)`, a stride a row.
    Eight(Vec<i8>),
}

impl Behind {
    pub(super) fn bytes(&self) -> usize {
        match self {
            Behind::Four(nibbles) => nibbles.capacity(),
            Behind::Eight(residuals) => residuals.capacity(),
        }
    }

    /// Adds a row of four bits with the factor that goes with them, and gives back the factor of what is kept: eight bits say what the four said.
    pub(super) fn push(&mut self, packed: &[u8], factor: f32) -> f32 {
        match self {
            Behind::Four(nibbles) => {
                nibbles.extend_from_slice(packed);
                factor
            }
            Behind::Eight(residuals) => {
                residuals.extend(widened(packed));
                factor / PER_NIBBLE as f32
            }
        }
    }

    /// Writes over a row; see [`Behind::push`].
    pub(super) fn set(&mut self, row: usize, packed: &[u8], factor: f32) -> f32 {
        match self {
            Behind::Four(nibbles) => {
                nibbles[row * packed.len()..(row + 1) * packed.len()].copy_from_slice(packed);
                factor
            }
            Behind::Eight(residuals) => {
                let stride = 2 * packed.len();
                let own = residuals[row * stride..(row + 1) * stride].iter_mut();
                own.zip(widened(packed)).for_each(|(own, residual)| *own = residual);
                factor / PER_NIBBLE as f32
            }
        }
    }
}

/// A row's four bits, packed, as eight bits that say the same.
fn widened(packed: &[u8]) -> impl Iterator<Item = i8> + '_ {
    (0..2 * packed.len()).map(|i| (PER_NIBBLE * (i32::from(unpack_nibble(packed, i)) - Code::RESIDUAL_ZERO)) as i8)
}

/// What one of the four bits' steps is in the eight bits' own.
const PER_NIBBLE: i32 = PARTS / 16;
/// What the largest value of a vector is in them.
const LARGEST: f64 = (127 * PARTS) as f64;

impl Block {
    /// The four bits behind a row, packed, and the factor that goes with them.
    pub(super) fn four_bits(&self, row: usize) -> (Cow<'_, [u8]>, f32) {
        let stride = self.stride();
        match &self.behind {
            Behind::Four(nibbles) => {
                (Cow::Borrowed(&nibbles[row * stride / 2..(row + 1) * stride / 2]), self.fine_factors[row])
            }
            Behind::Eight(residuals) => {
                // To the nearest, upwards from the middle.
                let nibble = |&residual: &i8| {
                    (i32::from(residual) + PER_NIBBLE / 2).div_euclid(PER_NIBBLE).clamp(-8, 7) + Code::RESIDUAL_ZERO
                };
                let nibbles: Vec<u8> =
                    residuals[row * stride..(row + 1) * stride].iter().map(|r| nibble(r) as u8).collect();
                (Cow::Owned(pack_nibbles(&nibbles)), PER_NIBBLE as f32 * self.fine_factors[row])
            }
        }
    }

    /// Makes room for eight bits behind every code; until a row is [refined](Block::refine) they say what the four said.
    fn widen(&mut self) {
        let Behind::Four(nibbles) = &self.behind else { return };
        let stride = self.stride();
        let mut residuals = Vec::with_capacity(2 * nibbles.len());
        for packed in nibbles.chunks_exact((stride / 2).max(1)) {
            residuals.extend(widened(packed));
        }
        self.behind = Behind::Eight(residuals);
        self.fine_factors.iter_mut().for_each(|factor| *factor /= PER_NIBBLE as f32);
    }

    /// Gives a row the eight bits that its full vector has behind its code. A vector that is not the code's changes nothing.
    fn refine(&mut self, row: u32, vector: &[f32]) {
        /// A code is half a step off at most, and a row that was rounded to halves after it a little more.
        const FARTHEST: f32 = 0.6;
        let largest = vector.iter().fold(0.0f32, |largest, value| largest.max(value.abs()));
        let norm = norm(vector);
        if vector.len() != self.dimension() || largest <= 0.0 || !norm.is_finite() {
            return;
        }
        let behind = |(value, code): (&f32, &i8)| value / largest * 127.0 - f32::from(*code);
        let residuals: Vec<f32> = vector.iter().zip(self.codes_of(row)).map(behind).collect();
        if residuals.iter().any(|residual| residual.is_nan() || residual.abs() > FARTHEST) {
            return;
        }
        let residuals: Vec<i8> = residuals
            .into_iter()
            .map(|residual| (residual * PARTS as f32).round().clamp(-128.0, 127.0) as i8)
            .collect();
        let rows = vector.iter().zip(self.codes_of(row)).zip(&residuals);
        let along: f64 = rows
            .map(|((&value, &code), &residual)| {
                f64::from(PARTS * i32::from(code) + i32::from(residual)) * f64::from(value)
            })
            .sum();
        // As `Code::encode` does: so that the row has its own score, and by half a step at the largest value at most.
        let step = f64::from(largest) / LARGEST;
        let scale = if along > 0.0 { norm * norm / along } else { step };
        let scale = scale.clamp(step * (1.0 - 0.5 / LARGEST), step * (1.0 + 0.5 / LARGEST));
        let factor = self.distance().row_terms(scale as f32, norm as f32).factor;
        let stride = self.stride();
        if let Behind::Eight(all) = &mut self.behind {
            let from = row as usize * stride;
            all[from..from + residuals.len()].copy_from_slice(&residuals);
            self.fine_factors[row as usize] = factor;
        }
    }

    /// A second look at a row, by all bits there are, for a query in full precision.
    pub(super) fn fine_score(&self, kernel: Kernel, query: &FineQuery, row: u32) -> f32 {
        let (codes, stride, at) = (self.codes_of(row), self.stride(), row as usize);
        let dot = match &self.behind {
            Behind::Four(nibbles) => {
                kernel.dot_fine(&query.values, codes, &nibbles[at * stride / 2..(at + 1) * stride / 2]) - query.excess
            }
            Behind::Eight(residuals) => {
                kernel.dot_finest(&query.values, codes, &residuals[at * stride..(at + 1) * stride])
            }
        };
        query.terms.factor * (self.fine_factors[at] * dot) + query.terms.offset + self.offset(row)
    }

    /// Asks for what a second look needs.
    pub(super) fn prefetch_fine(&self, row: u32) {
        let (at, stride) = (row as usize, self.stride());
        match &self.behind {
            Behind::Four(nibbles) => prefetch(nibbles, at * stride / 2, stride / 2),
            Behind::Eight(residuals) => prefetch(residuals, at * stride, stride),
        }
        prefetch(&self.fine_factors, at, 1);
    }
}

impl Segment {
    /// What its searches look at again.
    pub fn rescoring(&self) -> Rescoring {
        match self.block.behind {
            Behind::Four(_) => Rescoring::TwelveBits,
            Behind::Eight(_) => Rescoring::SixteenBits,
        }
    }

    /// The same segment with [sixteen bits](Rescoring::SixteenBits) a value, by the full vectors that `row` gives; keys are asked for in ascending
    /// order. One it has no vector of, because it was deleted, keeps twelve.
    ///
    /// # Errors
    /// Whatever `row` fails with.
    pub fn refined<E>(mut self, mut row: impl FnMut(Key) -> Result<Option<Vec<f32>>, E>) -> Result<Segment, E> {
        self.block.widen();
        let mut refined = vec![false; self.block.len()];
        for at in 0..self.by_key.len() {
            let position = self.by_key[at];
            let node = self.node_of(position);
            if refined[node as usize] || self.dead.is_dead(position) {
                continue;
            }
            if let Some(vector) = row(self.keys[position as usize])? {
                self.block.refine(node, &vector);
                refined[node as usize] = true;
            }
        }
        Ok(self)
    }
}

/// A query in full precision, readied for the second look.
#[derive(Debug, Clone)]
pub(crate) struct FineQuery {
    /// Scaled so that its largest value is about 1, and padded with zeros.
    values: Vec<f32>,
    /// What the stored nibbles are too large by, times the query.
    excess: f32,
    terms: Terms,
}

impl FineQuery {
    pub(crate) fn new(query: &Query, distance: Distance) -> FineQuery {
        let code = query.code();
        // In units of the code's own scale, so that the terms of the code apply and no product overflows.
        let scale = if code.scale() > 0.0 { code.scale() } else { 1.0 };
        let mut values: Vec<f32> = query.vector().iter().map(|value| value / scale).collect();
        values.resize(Chunk::stride(values.len()), 0.0);
        let excess = values.iter().sum::<f32>() * Code::RESIDUAL_ZERO as f32;
        FineQuery { values, excess, terms: distance.query_terms(code.scale(), code.norm()) }
    }

    /// The score of a row of a memtable's chunk.
    pub(crate) fn score_in_chunk(&self, kernel: Kernel, chunk: &Chunk, row: usize) -> f32 {
        let dot = kernel.dot_fine(&self.values, chunk.codes(row, row + 1), chunk.residuals(row)) - self.excess;
        self.terms.factor * (chunk.fine_factors()[row] * dot) + self.terms.offset + chunk.offsets()[row]
    }
}

#[cfg(test)]
#[path = "../../../tests/vectors/mod.rs"]
mod vectors;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::super::SegmentBuilder;
    use super::super::build::BuildOptions;
    use super::*;

    const DIMENSION: usize = 70;

    fn vector(key: u64) -> Vec<f32> {
        vectors::vector(DIMENSION, key)
    }

    fn segment(distance: Distance) -> Segment {
        let mut builder = SegmentBuilder::new(DIMENSION, distance, 0).unwrap();
        (0..200).for_each(|key| builder.push(Key(key), &Code::encode(&vector(key)).unwrap()).unwrap());
        builder.build(&BuildOptions::default(), |_| true).unwrap().unwrap()
    }

    fn row(key: Key) -> Result<Option<Vec<f32>>, ()> {
        Ok(Some(vector(key.0)))
    }

    #[test]
    fn sixteen_bits_give_scores_a_tenth_as_far_off() {
        for distance in Distance::ALL {
            let query = Query::new(&vector(1_000)).unwrap();
            let farthest = |segment: &Segment| {
                let found = segment.find(&query, 200, None, &Default::default()).unwrap().0;
                assert_eq!(found.len(), 200);
                let off =
                    |found: &crate::Scored| (found.score - distance.score(query.vector(), &vector(found.key.0))).abs();
                found.iter().map(off).fold(0.0, f32::max)
            };
            let twelve = segment(distance);
            let coarse = farthest(&twelve);
            let sixteen = twelve.refined(row).unwrap();
            assert_eq!(sixteen.rescoring(), Rescoring::SixteenBits);
            let fine = farthest(&sixteen);
            assert!(fine < 0.1 * coarse, "{distance}: {fine}, and {coarse} by twelve bits");
        }
    }

    #[test]
    fn what_has_no_row_keeps_its_twelve_bits() {
        let query = Query::new(&vector(1_000)).unwrap();
        let found = |segment: &Segment| segment.find(&query, 200, None, &Default::default()).unwrap().0;
        let twelve = segment(Distance::Cosine);
        let expected = found(&twelve);
        let wrong = |key: Key| Ok::<_, ()>(key.0.is_multiple_of(2).then(|| vector(key.0 + 1)));
        for (sixteen, twelve) in found(&twelve.refined(wrong).unwrap()).iter().zip(expected) {
            assert!(sixteen.key == twelve.key && (sixteen.score - twelve.score).abs() < 1e-6);
        }
    }

    #[test]
    fn rows_that_come_to_wider_ones_say_what_they_said() {
        let code = |key: u64| Code::encode(&vector(key)).unwrap();
        let mut four = Block::new(DIMENSION, Distance::DotProduct, 0);
        (0..8).for_each(|key| four.push(&code(key)));
        let mut eight = four.clone();
        eight.widen();
        for block in [&mut four, &mut eight] {
            block.push(&code(8));
            block.set(3, &code(9));
        }
        let query = FineQuery::new(&Query::new(&vector(1_000)).unwrap(), Distance::DotProduct);
        for row in 0..9 {
            assert!(four.same(row, row) && eight.four_bits(row as usize).0 == four.four_bits(row as usize).0);
            let scores = [&four, &eight].map(|block| block.fine_score(Kernel::best(), &query, row));
            assert!((scores[0] - scores[1]).abs() < 1e-4, "{scores:?}");
        }
    }

    #[test]
    fn refined_rows_are_merged_as_those_they_came_from() {
        let twelve = segment(Distance::Euclidean);
        let before: Vec<_> = (0..200).map(|row| twelve.block.four_bits(row).0.into_owned()).collect();
        let factors = twelve.block.fine_factors.clone();
        let sixteen = twelve.refined(row).unwrap();
        let mut merged = Block::new(DIMENSION, Distance::Euclidean, 0);
        (0..200).for_each(|row| merged.push_from(&sixteen.block, row));
        for row in 0..200 {
            let (nibbles, factor) = merged.four_bits(row);
            let differ = |i: &usize| unpack_nibble(&nibbles, *i).abs_diff(unpack_nibble(&before[row], *i));
            assert!((0..DIMENSION).all(|i| differ(&i) <= 1), "by one at most, where it lies in the middle");
            assert!((factor / factors[row] - 1.0).abs() < 1e-3);
        }
    }

    #[test]
    fn names_are_read_back() {
        for rescoring in Rescoring::ALL {
            assert_eq!(rescoring.to_string().parse(), Ok(rescoring));
        }
        assert!("f8".parse::<Rescoring>().is_err());
    }
}

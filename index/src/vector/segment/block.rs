//! The rows of a segment: codes, the bits behind them and what scoring needs, each in one flat array by ordinal.
//!
//! A row can be asked about as a query is, and as a neighbour of another row: a [`Probe`] is either, so that building and searching walk the
//! graph by one loop.

use std::ops::Range;

use super::super::chunk::Chunk;
use super::super::code::Code;
use super::super::distance::{Distance, Terms};
use super::super::kernel::{Kernel, prefetch};
use super::super::query::Query;
use super::fine::Behind;
use super::signs::Signs;

/// Bytes of a cache line.
const LINE_BYTES: usize = 64;

/// Rows by ordinal.
#[derive(Debug, Clone)]
pub(crate) struct Block {
    distance: Distance,
    dimension: usize,
    stride: usize,
    /// The rows' codes from `start` on, which lies at the beginning of a cache line.
    codes: Vec<i8>,
    start: usize,
    /// What is behind the codes; see `fine`.
    pub(super) behind: Behind,
    /// What a walk goes by instead of the codes, where there are any.
    pub(super) signs: Signs,
    factors: Vec<f32>,
    pub(super) fine_factors: Vec<f32>,
    /// Empty where the distance needs none.
    offsets: Vec<f32>,
    /// While a graph for dot products is built: what a row has to be lengthened by, in a dimension of its own, to be as long as the longest.
    /// Nearest by distance among rows so lengthened is largest by dot product, and distances are what a graph can be built on.
    lifts: Vec<f32>,
}

/// Something rows are compared with: a query, or one of them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Probe {
    codes: Vec<i8>,
    sum: i32,
    terms: Terms,
    lift: f32,
    /// Where it is compared by signs: those.
    signs: Vec<u64>,
}

impl Block {
    /// No rows yet, and room for `capacity`.
    pub(crate) fn new(dimension: usize, distance: Distance, capacity: usize) -> Block {
        let stride = Chunk::stride(dimension);
        let mut codes: Vec<i8> = Vec::with_capacity(capacity * stride + LINE_BYTES);
        let start = codes.as_ptr().align_offset(LINE_BYTES).min(LINE_BYTES - 1);
        codes.resize(start, 0);
        Block {
            distance,
            dimension,
            stride,
            codes,
            start,
            behind: Behind::Four(Vec::with_capacity(capacity * stride / 2)),
            signs: Signs::default(),
            factors: Vec::with_capacity(capacity),
            fine_factors: Vec::with_capacity(capacity),
            offsets: Vec::with_capacity(if distance == Distance::Euclidean { capacity } else { 0 }),
            lifts: Vec::new(),
        }
    }

    pub(crate) fn distance(&self) -> Distance {
        self.distance
    }

    pub(crate) fn dimension(&self) -> usize {
        self.dimension
    }

    pub(crate) fn len(&self) -> usize {
        self.factors.len()
    }

    /// Bytes of memory.
    pub(crate) fn bytes(&self) -> usize {
        let floats = self.factors.capacity() + self.fine_factors.capacity() + self.offsets.capacity();
        self.codes.capacity() + self.behind.bytes() + self.signs.bytes() + floats * size_of::<f32>()
    }

    /// Adds a row.
    pub(crate) fn push(&mut self, code: &Code) {
        self.codes.extend_from_slice(code.values());
        self.codes.resize(self.start + (self.len() + 1) * self.stride, 0);
        let Terms { factor, offset } = self.distance.row_terms(code.scale(), code.norm());
        let fine = self.distance.row_terms(code.fine_scale(), code.norm()).factor;
        self.push_rest(code.residuals(), factor, fine, offset);
    }

    /// `rows` rows of zeros, to be [set](Block::set).
    pub(crate) fn empty_rows(dimension: usize, distance: Distance, rows: usize) -> Block {
        let mut block = Block::new(dimension, distance, rows);
        block.codes.resize(block.start + rows * block.stride, 0);
        block.behind = Behind::Four(vec![0; rows * block.stride / 2]);
        block.factors.resize(rows, 0.0);
        block.fine_factors.resize(rows, 0.0);
        if distance == Distance::Euclidean {
            block.offsets.resize(rows, 0.0);
        }
        block
    }

    /// Writes over a row.
    pub(crate) fn set(&mut self, row: u32, code: &Code) {
        let row = row as usize;
        let from = self.start + row * self.stride;
        self.codes[from..from + code.dimension()].copy_from_slice(code.values());
        let Terms { factor, offset } = self.distance.row_terms(code.scale(), code.norm());
        self.factors[row] = factor;
        let fine = self.distance.row_terms(code.fine_scale(), code.norm()).factor;
        self.fine_factors[row] = self.behind.set(row, code.residuals(), fine);
        if let Some(own) = self.offsets.get_mut(row) {
            *own = offset;
        }
    }

    /// Adds a row of a memtable's chunk.
    pub(crate) fn push_from_chunk(&mut self, chunk: &Chunk, row: usize) {
        self.codes.extend_from_slice(chunk.codes(row, row + 1));
        self.push_rest(chunk.residuals(row), chunk.factors()[row], chunk.fine_factors()[row], chunk.offsets()[row]);
    }

    /// Adds a row of another block of the same kind.
    pub(crate) fn push_from(&mut self, other: &Block, row: u32) {
        self.codes.extend_from_slice(other.codes_of(row));
        let row = row as usize;
        let offset = other.offsets.get(row).copied().unwrap_or(0.0);
        let (residuals, fine_factor) = other.four_bits(row);
        self.push_rest(&residuals, other.factors[row], fine_factor, offset);
    }

    fn push_rest(&mut self, residuals: &[u8], factor: f32, fine_factor: f32, offset: f32) {
        self.factors.push(factor);
        self.fine_factors.push(self.behind.push(residuals, fine_factor));
        if self.distance == Distance::Euclidean {
            self.offsets.push(offset);
        }
    }

    /// The same rows in another order: row `i` of the answer is row `order[i]` of this.
    pub(crate) fn permuted(&self, order: &[u32]) -> Block {
        let mut permuted = Block::new(self.dimension, self.distance, order.len());
        for &row in order {
            permuted.push_from(self, row);
        }
        permuted
    }

    /// The codes of a row, with its padding.
    pub(crate) fn codes_of(&self, row: u32) -> &[i8] {
        let from = self.start + row as usize * self.stride;
        &self.codes[from..from + self.stride]
    }

    /// The codes of rows that follow each other, with their padding.
    pub(crate) fn codes_of_run(&self, rows: Range<usize>) -> &[i8] {
        &self.codes[self.start + rows.start * self.stride..self.start + rows.end * self.stride]
    }

    /// Codes from one row to the next.
    pub(crate) fn stride(&self) -> usize {
        self.stride
    }

    /// What a row adds to every score.
    pub(super) fn offset(&self, row: u32) -> f32 {
        self.offsets.get(row as usize).copied().unwrap_or(0.0)
    }

    /// Whether two rows are equal in everything that is kept of them.
    pub(crate) fn same(&self, left: u32, right: u32) -> bool {
        let (l, r) = (left as usize, right as usize);
        self.codes_of(left) == self.codes_of(right)
            && self.four_bits(l) == self.four_bits(r)
            && self.factors[l].to_bits() == self.factors[r].to_bits()
            && self.offsets.get(l).map(|offset| offset.to_bits()) == self.offsets.get(r).map(|offset| offset.to_bits())
    }

    /// Readies the rows for comparing them with each other; see `lifts`.
    pub(crate) fn prepare_building(&mut self) {
        if self.distance != Distance::DotProduct {
            return;
        }
        let kernel = Kernel::best();
        let squares: Vec<f32> = (0..self.len() as u32)
            .map(|row| {
                let codes = self.codes_of(row);
                let mut dot = [0];
                kernel.dot_i8_rows(codes, codes, &mut dot);
                let [dot] = dot;
                let factor = self.factors[row as usize];
                factor * factor * dot as f32
            })
            .collect();
        let most = squares.iter().copied().fold(0.0f32, f32::max);
        self.lifts = squares.into_iter().map(|square| (most - square).max(0.0).sqrt()).collect();
    }

    /// Forgets what only building needs.
    pub(crate) fn end_building(&mut self) {
        self.lifts = Vec::new();
    }

    /// The score of a row with itself while building: distances are what scores lack of it.
    pub(crate) fn highest_score(&self) -> f32 {
        match self.distance {
            Distance::Cosine => 1.0,
            Distance::Euclidean => 0.0,
            // All rows are as long as the longest, whose lift is 0.
            Distance::DotProduct => {
                (0..self.len().min(1) as u32).map(|row| self.score_with(&self.probe_of(row), row)).sum()
            }
        }
    }

    /// Factor, offset and lift of a row.
    pub(crate) fn building_terms(&self, row: u32) -> [f32; 3] {
        let row = row as usize;
        let at = |terms: &[f32]| terms.get(row).copied().unwrap_or(0.0);
        [at(&self.factors), at(&self.offsets), at(&self.lifts)]
    }

    /// A row as something to compare others with.
    pub(crate) fn probe_of(&self, row: u32) -> Probe {
        let mut probe = Probe::default();
        self.set_probe(&mut probe, row);
        probe
    }

    /// As [`Block::probe_of`], into one that is used again and again.
    pub(crate) fn set_probe(&self, probe: &mut Probe, row: u32) {
        probe.codes.clear();
        probe.codes.extend_from_slice(self.codes_of(row));
        probe.sum = probe.codes.iter().map(|&code| i32::from(code)).sum();
        let row = row as usize;
        let factor = self.factors[row];
        let factor = if self.distance == Distance::Euclidean { 2.0 * factor } else { factor };
        probe.terms = Terms { factor, offset: self.offsets.get(row).copied().unwrap_or(0.0) };
        probe.lift = self.lifts.get(row).copied().unwrap_or(0.0);
    }

    /// A query as something to compare rows with, by its first `dimensions` values only where that is asked for. (All rows and the query keep
    /// their full lengths in the score: it ranks, and is not shown.)
    pub(crate) fn probe_query(&self, query: &Query, dimensions: Option<usize>) -> Probe {
        let code = query.code();
        let mut codes = code.values().to_vec();
        codes.truncate(dimensions.unwrap_or(usize::MAX).max(1));
        codes.resize(Chunk::stride(codes.len()), 0);
        let sum = codes.iter().map(|&code| i32::from(code)).sum();
        Probe { codes, sum, terms: self.distance.query_terms(code.scale(), code.norm()), lift: 0.0, signs: Vec::new() }
    }

    /// A query as what a walk is led by: its signs where rows have any, and else as [`Block::probe_query`].
    pub(super) fn guide(&self, query: &Query, dimensions: Option<usize>) -> Probe {
        if self.signs.is_empty() {
            return self.probe_query(query, dimensions);
        }
        Probe { signs: self.signs.of_query(query), ..Probe::default() }
    }

    /// Asks for the codes of a row that `probe` will be compared with, before they are needed.
    #[inline]
    pub(crate) fn prefetch(&self, probe: &Probe, row: u32) {
        if !probe.signs.is_empty() {
            return self.signs.prefetch(row);
        }
        prefetch(&self.codes, self.start + row as usize * self.stride, probe.codes.len());
        prefetch(&self.factors, row as usize, 1);
    }

    /// The scores of `rows` with `probe`. `dots` is room that is used again.
    #[inline]
    pub(crate) fn scores(
        &self,
        kernel: Kernel,
        probe: &Probe,
        rows: &[u32],
        dots: &mut Vec<i32>,
        mut found: impl FnMut(u32, f32),
    ) {
        dots.clear();
        dots.resize(rows.len(), 0);
        if !probe.signs.is_empty() {
            self.signs.differences(kernel, &probe.signs, rows, dots);
            return rows.iter().zip(&*dots).for_each(|(&row, &differing)| found(row, -(differing as f32)));
        }
        kernel.dot_i8_some(&probe.codes, probe.sum, &self.codes[self.start..], self.stride, rows, dots);
        let Terms { factor, offset } = probe.terms;
        let score = |row: u32, dot: i32| factor * (self.factors[row as usize] * dot as f32) + offset;
        match self.distance {
            Distance::Euclidean => {
                rows.iter()
                    .zip(&*dots)
                    .for_each(|(&row, &dot)| found(row, score(row, dot) + self.offsets[row as usize]));
            }
            _ if !self.lifts.is_empty() => {
                let lift = |row: u32| probe.lift * self.lifts[row as usize];
                rows.iter().zip(&*dots).for_each(|(&row, &dot)| found(row, score(row, dot) + lift(row)));
            }
            _ => rows.iter().zip(&*dots).for_each(|(&row, &dot)| found(row, score(row, dot))),
        }
    }

    /// The score of one row with `probe`.
    pub(crate) fn score_with(&self, probe: &Probe, row: u32) -> f32 {
        let mut score = 0.0;
        self.scores(Kernel::best(), probe, &[row], &mut Vec::new(), |_, found| score = found);
        score
    }
}

//! The exact scan over codes: every row, or the few rows a filter leaves.
//!
//! Works on chunks that no writer changes, so that no lock is held while it runs: neither for long, nor across rayon, where a thread that
//! waits may pick up another search and meet its own lock again.

use std::sync::Arc;

use rayon::prelude::*;

use super::chunk::Chunk;
use super::code::Code;
use super::distance::{Distance, Terms};
use super::kernel::Kernel;
use crate::key::{Key, KeySet};
use crate::scored::{Scored, TopK};

/// Rows whose scores are computed before any is looked at: their codes' dot products stay in registers and the first cache level.
const BLOCK_ROWS: usize = 64;

/// From this many rows on a scan is shared among rayon's threads; below, waking them costs more than it saves.
const PARALLEL_ROWS: usize = 20_000;

/// A row that was found: its key first, so that equal scores are ordered by key, then the chunk and the row in it.
pub(super) type Place = (Key, u32, u32);

/// A query's code as the scan wants it.
pub(super) struct Scan {
    kernel: Kernel,
    /// Padded with zeros to the rows' stride.
    codes: Vec<i8>,
    terms: Terms,
    limit: usize,
}

impl Scan {
    pub(super) fn new(code: &Code, distance: Distance, limit: usize) -> Scan {
        let mut codes = code.values().to_vec();
        codes.resize(Chunk::stride(code.dimension()), 0);
        Scan { kernel: Kernel::best(), codes, terms: distance.query_terms(code.scale(), code.norm()), limit }
    }

    /// The best of all rows whose keys are `allowed`, best first.
    pub(super) fn all(&self, chunks: &[Arc<Chunk>], allowed: Option<&KeySet>) -> Vec<Scored<Place>> {
        let rows: usize = chunks.iter().map(|chunk| chunk.len()).sum();
        if rows < PARALLEL_ROWS {
            let mut best = TopK::new(self.limit);
            for (chunk, number) in chunks.iter().zip(0..) {
                self.chunk(chunk, number, allowed, &mut best);
            }
            return best.into_sorted();
        }
        chunks
            .par_iter()
            .enumerate()
            .fold(
                || TopK::new(self.limit),
                |mut best, (number, chunk)| {
                    self.chunk(chunk, number as u32, allowed, &mut best);
                    best
                },
            )
            .reduce(
                || TopK::new(self.limit),
                |mut best, other| {
                    for candidate in other.into_sorted() {
                        best.push(candidate);
                    }
                    best
                },
            )
            .into_sorted()
    }

    /// The best of the rows at `places` (chunk, row), best first.
    pub(super) fn some(&self, chunks: &[Arc<Chunk>], places: &[(usize, usize)]) -> Vec<Scored<Place>> {
        let mut best = TopK::new(self.limit);
        for &(number, row) in places {
            if let Some(chunk) = chunks.get(number) {
                let mut dot = [0];
                self.kernel.dot_i8_rows(&self.codes, chunk.codes(row, row + 1), &mut dot);
                let [dot] = dot;
                let score = self.score(dot, chunk.factors()[row], chunk.offsets()[row]);
                best.push(Scored::new((chunk.keys()[row], number as u32, row as u32), score));
            }
        }
        best.into_sorted()
    }

    /// Adding the query's offset, 0.0 or less, last makes a score of -0.0 impossible unless the row's alone is: ties are by key then.
    fn score(&self, dot: i32, factor: f32, offset: f32) -> f32 {
        self.terms.factor * (factor * dot as f32) + offset + self.terms.offset
    }

    fn chunk(&self, chunk: &Chunk, number: u32, allowed: Option<&KeySet>, best: &mut TopK<Place>) {
        let mut dots = [0; BLOCK_ROWS];
        let mut scores = [0.0; BLOCK_ROWS];
        for from in (0..chunk.len()).step_by(BLOCK_ROWS) {
            let to = chunk.len().min(from + BLOCK_ROWS);
            let (dots, scores) = (&mut dots[..to - from], &mut scores[..to - from]);
            self.kernel.dot_i8_rows(&self.codes, chunk.codes(from, to), dots);
            let terms = chunk.factors()[from..to].iter().zip(&chunk.offsets()[from..to]);
            let mut highest = f32::NEG_INFINITY;
            for ((score, &dot), (&factor, &offset)) in scores.iter_mut().zip(&*dots).zip(terms) {
                *score = self.score(dot, factor, offset);
                highest = if *score > highest { *score } else { highest };
            }
            // Almost every block of a long scan ends here.
            let threshold = best.threshold();
            if threshold.is_none_or(|threshold| highest >= threshold) {
                let places = chunk.keys()[from..to].iter().zip(from as u32..).map(|(&key, row)| (key, number, row));
                offer(scores, places, allowed, best);
            }
        }
    }
}

/// Asks the filter last: few rows get that far, and a lookup costs more than a row's score.
fn offer(scores: &[f32], places: impl Iterator<Item = Place>, allowed: Option<&KeySet>, best: &mut TopK<Place>) {
    for (&score, place) in scores.iter().zip(places) {
        let enters = best.threshold().is_none_or(|threshold| score >= threshold);
        if enters && allowed.is_none_or(|allowed| allowed.contains(place.0)) {
            best.push(Scored::new(place, score));
        }
    }
}

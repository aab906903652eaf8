//! The nearest rows of every row, by comparing all with all: where products of matrices are cheap enough, there is no need to walk for them.
//!
//! A [`Neighbours`] says which rows they are, and a segment is [built by](super::SegmentBuilder::build_by) it. It is a trait because a GPU is not
//! this crate's affair: who has one implements it. [`Processor`] does the same without one, to measure and to test by.

mod processor;

use std::fmt;
use std::ops::Range;

use super::distance::Distance;
use super::segment::Block;
pub(crate) use processor::{Processor, nearest};

/// Why a [`Neighbours`] failed: any error of its own.
pub type NeighboursError = Box<dyn std::error::Error + Send + Sync + 'static>;

/// Finds the nearest rows of every row of a set, exactly.
pub trait Neighbours: fmt::Debug + Send + Sync {
    /// For each row, from the first to the last, the numbers of the `count` other rows with the highest [scores](CodedRows), best first and equal
    /// ones by number. `count` is at least 1 and below [`CodedRows::len`].
    ///
    /// `found` is given the answers as they come, whole rows of `count` numbers each, as many rows at a time as suits; it returns false when no more
    /// are wanted, and then the rest need not be found.
    ///
    /// # Errors
    /// Whatever went wrong. What `found` has been given is forgotten then, and the rows are linked in the ordinary way.
    fn find(
        &self,
        rows: &CodedRows<'_>,
        count: usize,
        found: &mut dyn FnMut(&[u32]) -> bool,
    ) -> Result<(), NeighboursError>;
}

/// The rows a segment is built of, as products of matrices take them: integers in -127..=127 and three numbers a row. With `q` and `c` for two
/// rows, their score is
///
/// `scale * q.factor * c.factor * dot(q.codes, c.codes) + q.offset + c.offset + q.lift * c.lift`
///
/// for all distances. Up to 1,040 values a row the products of codes are whole numbers below 2^24, which sums in `f32` hold exactly in any order.
#[derive(Debug, Clone, Copy)]
pub struct CodedRows<'a> {
    block: &'a Block,
}

/// What a row brings to a score beside its codes; see [`CodedRows`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RowTerms {
    /// Multiplied with the product of the codes.
    pub factor: f32,
    /// Added: 0 but for Euclidean distance.
    pub offset: f32,
    /// A value in a dimension of its own: 0 but for dot products, whose rows it makes equally long.
    pub lift: f32,
}

impl<'a> CodedRows<'a> {
    pub(crate) fn new(block: &'a Block) -> Self {
        Self { block }
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.block.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Codes of a row: the dimension and zeros up to a multiple of 32.
    pub fn width(&self) -> usize {
        self.block.stride()
    }

    /// What all products of codes are multiplied with.
    pub fn scale(&self) -> f32 {
        if self.block.distance() == Distance::Euclidean { 2.0 } else { 1.0 }
    }

    /// The codes of those of `rows` that there are, [`width`](CodedRows::width) of them a row, end to end.
    pub fn codes(&self, rows: Range<usize>) -> &'a [i8] {
        self.block.codes_of_run(self.existing(rows))
    }

    /// The terms of those of `rows` that there are.
    pub fn terms(&self, rows: Range<usize>) -> impl Iterator<Item = RowTerms> + 'a {
        let block = self.block;
        self.existing(rows).map(move |row| {
            let [factor, offset, lift] = block.building_terms(row as u32);
            RowTerms { factor, offset, lift }
        })
    }

    fn existing(&self, rows: Range<usize>) -> Range<usize> {
        let end = rows.end.min(self.len());
        rows.start.min(end)..end
    }
}

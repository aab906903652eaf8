//! The front door to building a segment: vectors go in one by one, a segment comes out.

use super::super::code::{Code, check_dimension};
use super::super::distance::Distance;
use super::super::neighbours::Neighbours;
use super::Segment;
use super::block::Block;
use super::build::{BuildOptions, build};
use crate::error::{Error, Result};
use crate::key::Key;

/// Gathers vectors for a segment.
#[derive(Debug)]
pub struct SegmentBuilder {
    block: Block,
    keys: Vec<Key>,
}

impl SegmentBuilder {
    /// For vectors of `dimension` values, with room for `capacity` of them before anything is moved.
    ///
    /// # Errors
    /// [`Error::UnsupportedDimension`].
    pub fn new(dimension: usize, distance: Distance, capacity: usize) -> Result<SegmentBuilder> {
        check_dimension(dimension)?;
        Ok(SegmentBuilder { block: Block::new(dimension, distance, capacity), keys: Vec::with_capacity(capacity) })
    }

    /// Adds the vector of `key`, which must not have one here already.
    ///
    /// # Errors
    /// [`Error::DimensionMismatch`].
    pub fn push(&mut self, key: Key, code: &Code) -> Result<()> {
        if code.dimension() != self.block.dimension() {
            return Err(Error::DimensionMismatch { expected: self.block.dimension(), found: code.dimension() });
        }
        self.block.push(code);
        self.keys.push(key);
        Ok(())
    }

    /// How many vectors there are.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    pub(crate) fn parts(&mut self) -> (&mut Block, &mut Vec<Key>) {
        (&mut self.block, &mut self.keys)
    }

    /// Builds the graph, on all of rayon's threads. `progress` hears how many vectors are in it, and stops it by returning false: then the answer
    /// is `None`.
    ///
    /// # Errors
    /// [`Error::Building`].
    pub fn build(self, options: &BuildOptions, progress: impl Fn(usize) -> bool + Sync) -> Result<Option<Segment>> {
        build(self.block, self.keys, options, None, &progress)
    }

    /// As [`SegmentBuilder::build`], with the rows' neighbours chosen from those that `neighbours` finds.
    ///
    /// # Errors
    /// [`Error::Building`]; [`Error::Neighbours`] when `neighbours` fails, or a row's neighbours are not the nearest, which is looked at for a few of them.
    pub fn build_by(
        self,
        neighbours: &dyn Neighbours,
        options: &BuildOptions,
        progress: impl Fn(usize) -> bool + Sync,
    ) -> Result<Option<Segment>> {
        build(self.block, self.keys, options, Some(neighbours), &progress)
    }
}

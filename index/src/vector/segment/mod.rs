//! A sealed segment: vectors that do not change, with a graph over them.
//!
//! - [`build()`]: from rows to a frozen graph (`sample`, `link` or `exact`, `diversity`, `repair`, `twins`).
//! - `block`: the rows; `fine`: the second look at them; `signs`: one bit a dimension, to walk by; `graph`: the links; `beam`, `filtered`: the walks over them; `search`: from a query to keys.
//! - `bytes`: a segment as it is stored, and back.
//!
//! Nothing in a segment changes but its tombstones, so searches take no lock.

mod beam;
mod bits;
mod block;
mod build;
mod builder;
mod bytes;
mod diversity;
mod exact;
mod filtered;
mod fine;
mod graph;
mod link;
mod plan;
mod pool;
mod repair;
mod sample;
mod scan;
mod search;
mod signs;
mod twins;

use std::sync::Mutex;

use super::distance::Distance;
use super::kernel::Kernel;
use super::query::Query;
use crate::error::{Error, Result};
use crate::key::{Key, KeySet};
use crate::scored::Scored;
use beam::Scratch;
pub(crate) use bits::Bits;
use bits::Tombstones;
pub(crate) use block::{Block, Probe};
pub use build::BuildOptions;
pub use builder::SegmentBuilder;
pub use bytes::SegmentLoader;
pub(crate) use fine::FineQuery;
pub use fine::Rescoring;
use graph::Graph;
pub use plan::{Allowed, Plan, SearchOptions};
pub(crate) use search::looked_at_again;

/// Vectors with a graph over them.
#[derive(Debug)]
pub struct Segment {
    block: Block,
    graph: Graph,
    /// The keys of the nodes, then those of the twins.
    keys: Vec<Key>,
    /// For each twin the node it equals, ascending.
    twins: Vec<u32>,
    /// All positions in `keys`, by key.
    by_key: Vec<u32>,
    dead: Tombstones,
    kernel: Kernel,
    /// Memory of searches that have ended, for the next ones.
    idle: Mutex<Vec<Scratch>>,
}

impl Segment {
    pub(crate) fn new(block: Block, graph: Graph, keys: Vec<Key>, twins: Vec<u32>, kernel: Kernel) -> Segment {
        let mut by_key: Vec<u32> = (0..keys.len() as u32).collect();
        by_key.sort_unstable_by_key(|&position| keys[position as usize]);
        let dead = Tombstones::new(keys.len());
        Segment { block, graph, keys, twins, by_key, dead, kernel, idle: Mutex::default() }
    }

    /// How its vectors are compared.
    pub fn distance(&self) -> Distance {
        self.block.distance()
    }

    /// How many values its vectors have.
    pub fn dimension(&self) -> usize {
        self.block.dimension()
    }

    /// How many vectors it holds, deleted ones too.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// How many of its vectors are deleted.
    pub fn dead(&self) -> usize {
        self.dead.count()
    }

    /// How many of its vectors can be found.
    pub fn live(&self) -> usize {
        self.len() - self.dead()
    }

    /// Bytes of memory.
    pub fn bytes(&self) -> usize {
        self.block.bytes()
            + self.graph.bytes()
            + self.keys.capacity() * size_of::<Key>()
            + (self.twins.capacity() + self.by_key.capacity()) * size_of::<u32>()
            + self.dead.bytes()
    }

    /// Neighbours a node has on average.
    pub fn mean_degree(&self) -> f64 {
        let nodes = self.block.len() as u32;
        (0..nodes).map(|node| self.graph.bottom.count(node)).sum::<usize>() as f64 / f64::from(nodes.max(1))
    }

    /// Whether `key` is here and not deleted.
    pub fn contains(&self, key: Key) -> bool {
        self.position(key).is_some_and(|position| !self.dead.is_dead(position))
    }

    /// Deletes `key`: it is not found any more. True when it was here.
    pub fn remove(&self, key: Key) -> bool {
        self.position(key).is_some_and(|position| self.dead.bury(position))
    }

    /// Deletes the keys of a half-open range and returns how many there were.
    pub fn remove_range(&self, range: std::ops::Range<u64>) -> usize {
        let from = self.by_key.partition_point(|&position| self.keys[position as usize].0 < range.start);
        let positions = self.by_key[from..].iter().copied();
        positions
            .take_while(|&position| self.keys[position as usize].0 < range.end)
            .filter(|&p| self.dead.bury(p))
            .count()
    }

    /// The keys of a half-open range that are here and not deleted.
    pub(crate) fn keys_in(&self, range: std::ops::Range<u64>) -> Vec<Key> {
        let from = self.by_key.partition_point(|&position| self.keys[position as usize].0 < range.start);
        let keys = self.by_key[from..].iter().map(|&position| (position, self.keys[position as usize]));
        let keys = keys.take_while(|(_, key)| key.0 < range.end).filter(|&(position, _)| !self.dead.is_dead(position));
        keys.map(|(_, key)| key).collect()
    }

    /// Whether it was built with any key of a half-open range, deleted ones too.
    pub fn holds_any(&self, range: std::ops::Range<u64>) -> bool {
        let from = self.by_key.partition_point(|&position| self.keys[position as usize].0 < range.start);
        self.by_key.get(from).is_some_and(|&position| self.keys[position as usize].0 < range.end)
    }

    fn position(&self, key: Key) -> Option<u32> {
        let place = self.by_key.binary_search_by_key(&key, |&position| self.keys[position as usize]).ok()?;
        self.by_key.get(place).copied()
    }

    /// The node of a position.
    fn node_of(&self, position: u32) -> u32 {
        let nodes = self.block.len();
        if (position as usize) < nodes { position } else { self.twins[position as usize - nodes] }
    }

    /// The positions of a node: its own, then its twins'.
    fn positions_of(&self, node: u32) -> impl Iterator<Item = u32> + '_ {
        let from = if self.twins.is_empty() { 0 } else { self.twins.partition_point(|&of| of < node) };
        let nodes = self.block.len() as u32;
        let twins = self.twins[from..].iter().take_while(move |&&of| of == node).zip(from as u32..);
        std::iter::once(node).chain(twins.map(move |(_, at)| nodes + at))
    }

    /// The keys that are not deleted, with the row each has.
    pub(crate) fn live_rows(&self) -> impl Iterator<Item = (Key, u32)> + '_ {
        let live = (0..self.len() as u32).filter(|&position| !self.dead.is_dead(position));
        live.map(|position| (self.keys[position as usize], self.node_of(position)))
    }

    pub(crate) fn block(&self) -> &Block {
        &self.block
    }

    /// The best `limit` vectors, best first, equal scores by key, and how they were looked for; with `allowed`, only of keys it holds. Scores are
    /// [`Distance::score`] within what the bits kept of a value can tell.
    ///
    /// # Errors
    /// [`Error::DimensionMismatch`] for a query of another dimension.
    pub fn find(
        &self,
        query: &Query,
        limit: usize,
        allowed: Option<&KeySet>,
        options: &SearchOptions,
    ) -> Result<(Vec<Scored>, Plan)> {
        let allowed = allowed.map(|keys| self.prepare(keys));
        self.find_prepared(query, limit, allowed.as_ref(), options)
    }

    /// As [`Segment::find`], with keys [prepared](Segment::prepare) before.
    ///
    /// # Errors
    /// [`Error::DimensionMismatch`] for a query of another dimension.
    pub fn find_prepared(
        &self,
        query: &Query,
        limit: usize,
        allowed: Option<&Allowed>,
        options: &SearchOptions,
    ) -> Result<(Vec<Scored>, Plan)> {
        if query.dimension() != self.dimension() {
            return Err(Error::DimensionMismatch { expected: self.dimension(), found: query.dimension() });
        }
        Ok(self.search(query, limit, allowed, options))
    }

    /// What of `keys` is here, as searches of this segment want it.
    pub fn prepare(&self, keys: &KeySet) -> Allowed {
        let mut positions = Bits::new(self.len());
        // Looking a key up costs about as much as passing over this many.
        const LOOKUP: u64 = 16;
        if keys.len() < self.len() as u64 / LOOKUP {
            keys.iter().filter_map(|key| self.position(key)).for_each(|position| positions.insert(position));
        } else {
            let mut wanted = keys.iter().peekable();
            for &position in &self.by_key {
                let key = self.keys[position as usize];
                while wanted.next_if(|&wanted| wanted < key).is_some() {}
                if wanted.peek() == Some(&key) {
                    positions.insert(position);
                }
            }
        }
        let nodes = (!self.twins.is_empty()).then(|| {
            let mut nodes = Bits::new(self.block.len());
            positions.iter().for_each(|position| nodes.insert(self.node_of(position)));
            nodes
        });
        Allowed::new(positions, nodes)
    }
}

//! The walk: down the layers by the steepest way, then through the bottom layer with a pool of the best nodes seen.
//!
//! All memory a walk needs is in a [`Scratch`] that is used again and again: which nodes have been seen is a stamp a node, so that forgetting
//! them costs nothing.

use super::super::kernel::{Kernel, prefetch};
use super::block::{Block, Probe};
use super::graph::{Graph, Layer, Links};
use super::pool::Pool;

/// What a walk works with.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    seen: Vec<u8>,
    stamp: u8,
    pub(super) pool: Pool,
    todo: Vec<u32>,
    dots: Vec<i32>,
    /// How many rows the last walk was compared with.
    pub(crate) compared: usize,
}

impl Scratch {
    /// Forgets which of `nodes` nodes have been seen.
    pub(super) fn forget(&mut self, nodes: usize) {
        if self.seen.len() < nodes || self.stamp == u8::MAX {
            self.seen.clear();
            self.seen.resize(nodes, 0);
            self.stamp = 0;
        }
        self.stamp += 1;
        self.compared = 0;
    }

    /// Whether this is the first time a node is seen.
    #[inline]
    pub(super) fn first_time(&mut self, node: u32) -> bool {
        let seen = &mut self.seen[node as usize];
        let first = *seen != self.stamp;
        *seen = self.stamp;
        first
    }
}

/// A graph with the rows of its nodes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Walk<'a> {
    pub(crate) block: &'a Block,
    pub(crate) bottom: &'a Links,
    pub(crate) layers: &'a [Layer],
    pub(crate) kernel: Kernel,
}

impl<'a> Walk<'a> {
    pub(crate) fn new(block: &'a Block, graph: &'a Graph) -> Walk<'a> {
        Walk { block, bottom: &graph.bottom, layers: &graph.layers, kernel: Kernel::best() }
    }

    /// The node at which the steepest way down ends: in each layer, neighbours are tried until none is better.
    pub(crate) fn descend(&self, probe: &Probe, scratch: &mut Scratch) -> u32 {
        let mut at = 0;
        let mut node = 0;
        for layer in self.layers {
            let Some(&first) = layer.members.get(at as usize) else { continue };
            node = first;
            let mut best = f32::NEG_INFINITY;
            self.block.scores(self.kernel, probe, &[node], &mut scratch.dots, |_, score| best = score);
            loop {
                scratch.todo.clear();
                scratch.todo.extend(layer.links.of(at).map(|link| layer.members[link as usize]));
                scratch.todo.iter().for_each(|&row| self.block.prefetch(probe, row));
                let mut nearer = None;
                let mut place = 0;
                self.block.scores(self.kernel, probe, &scratch.todo, &mut scratch.dots, |_, score| {
                    if score > best {
                        best = score;
                        nearer = Some(place);
                    }
                    place += 1;
                });
                match nearer.and_then(|place| layer.links.of(at).nth(place)) {
                    Some(link) => (at, node) = (link, layer.members[link as usize]),
                    None => break,
                }
            }
            at = layer.below.get(at as usize).copied().unwrap_or(at);
        }
        node
    }

    /// Fills the scratch's pool with the best `width` nodes a walk from `start` comes upon.
    pub(crate) fn beam(&self, probe: &Probe, start: u32, width: usize, scratch: &mut Scratch) {
        scratch.forget(self.block.len());
        scratch.pool.reset(width);
        scratch.first_time(start);
        let Scratch { dots, pool, .. } = scratch;
        self.block.scores(self.kernel, probe, &[start], dots, |node, score| pool.insert(node, score));
        while let Some(node) = scratch.pool.next() {
            let mut todo = std::mem::take(&mut scratch.todo);
            todo.clear();
            for neighbour in self.bottom.of(node) {
                if scratch.first_time(neighbour) {
                    self.block.prefetch(probe, neighbour);
                    todo.push(neighbour);
                }
            }
            if let Some(next) = scratch.pool.peek() {
                let (links, from, length) = self.bottom.place(next);
                prefetch(links, from, length);
            }
            scratch.compared += todo.len();
            let Scratch { dots, pool, .. } = scratch;
            self.block.scores(self.kernel, probe, &todo, dots, |node, score| pool.insert(node, score));
            scratch.todo = todo;
        }
    }
}

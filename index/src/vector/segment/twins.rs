//! Exact duplicates: one of them is a node, the others are twins of it. A graph of equal rows would be all links between them and none out.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::block::Block;
use crate::key::Key;

/// Rows that equal a node.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Twins {
    /// (node, row), by node.
    pairs: Vec<(u32, u32)>,
}

impl Twins {
    /// The rows that become nodes, and their twins among the others.
    pub(super) fn collapse(rows: &Block) -> (Vec<u32>, Twins) {
        let mut nodes: Vec<u32> = Vec::with_capacity(rows.len());
        let mut pairs = Vec::new();
        let mut by_hash: HashMap<u64, u32> = HashMap::with_capacity(rows.len());
        for row in 0..rows.len() as u32 {
            let mut hasher = DefaultHasher::new();
            rows.codes_of(row).hash(&mut hasher);
            match by_hash.entry(hasher.finish()) {
                Entry::Occupied(node) if rows.same(nodes[*node.get() as usize], row) => pairs.push((*node.get(), row)),
                // Equal codes of unequal rows, or a chance in 2^64: both are nodes.
                Entry::Occupied(_) => nodes.push(row),
                Entry::Vacant(place) => {
                    place.insert(nodes.len() as u32);
                    nodes.push(row);
                }
            }
        }
        (nodes, Twins { pairs })
    }

    /// The keys of the nodes in their new order, then those of the twins; and for each twin its node, ascending.
    pub(super) fn in_order(mut self, order: &[u32], nodes: &[u32], keys: &[Key]) -> (Vec<Key>, Vec<u32>) {
        let mut number_of = vec![0; order.len()];
        order.iter().zip(0..).for_each(|(&old, new)| number_of[old as usize] = new);
        self.pairs.iter_mut().for_each(|pair| pair.0 = number_of[pair.0 as usize]);
        self.pairs.sort_unstable();
        let of_nodes = order.iter().map(|&node| keys[nodes[node as usize] as usize]);
        let of_twins = self.pairs.iter().map(|&(_, row)| keys[row as usize]);
        (of_nodes.chain(of_twins).collect(), self.pairs.iter().map(|&(node, _)| node).collect())
    }
}

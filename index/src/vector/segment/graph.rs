//! The frozen graph: neighbours in flat arrays, one fixed-size row a node, so that a walk is loads from known places and nothing else.
//!
//! The bottom layer holds every node. The layers above are those of a small graph over a sample, and lead a search from far away to the
//! right neighbourhood; their nodes have numbers of their own, so that they stay together in the processor's cache.

/// Stands for no neighbour; the neighbours of a node lie before the first of these.
pub(crate) const NONE: u32 = u32::MAX;

/// Neighbours of every node, and the layers above.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Graph {
    pub(crate) bottom: Links,
    /// From the top down.
    pub(crate) layers: Vec<Layer>,
}

/// Neighbours of numbered nodes: `degree` places each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Links {
    degree: usize,
    links: Vec<u32>,
}

/// A layer above the bottom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Layer {
    /// The node of the bottom layer that each member is.
    pub(crate) members: Vec<u32>,
    /// Neighbours among the members.
    pub(crate) links: Links,
    /// Each member's number in the layer below; empty in the lowest of these layers.
    pub(crate) below: Vec<u32>,
}

impl Links {
    /// `nodes` nodes without neighbours.
    pub(crate) fn new(nodes: usize, degree: usize) -> Links {
        Links { degree, links: vec![NONE; nodes * degree] }
    }

    pub(crate) fn degree(&self) -> usize {
        self.degree
    }

    pub(crate) fn len(&self) -> usize {
        self.links.len() / self.degree.max(1)
    }

    pub(crate) fn bytes(&self) -> usize {
        self.links.capacity() * size_of::<u32>()
    }

    /// All places of a node, for prefetching.
    #[inline]
    pub(crate) fn place(&self, node: u32) -> (&[u32], usize, usize) {
        (&self.links, node as usize * self.degree, self.degree)
    }

    /// The neighbours of a node.
    #[inline]
    pub(crate) fn of(&self, node: u32) -> impl Iterator<Item = u32> + '_ {
        let from = node as usize * self.degree;
        self.links[from..from + self.degree].iter().copied().take_while(|&link| link != NONE)
    }

    /// How many neighbours a node has.
    pub(crate) fn count(&self, node: u32) -> usize {
        self.of(node).count()
    }

    /// Gives a node these neighbours, as many as there are places.
    pub(crate) fn set(&mut self, node: u32, neighbours: impl IntoIterator<Item = u32>) {
        let from = node as usize * self.degree;
        let mut neighbours = neighbours.into_iter();
        for link in &mut self.links[from..from + self.degree] {
            *link = neighbours.next().unwrap_or(NONE);
        }
    }

    /// Adds a neighbour; false when all places are taken.
    pub(crate) fn add(&mut self, node: u32, neighbour: u32) -> bool {
        let from = node as usize * self.degree;
        match self.links[from..from + self.degree].iter_mut().find(|link| **link == NONE) {
            Some(link) => {
                *link = neighbour;
                true
            }
            None => false,
        }
    }

    /// The same links with nodes renumbered and no more than `degree` places each.
    pub(crate) fn renumbered(&self, order: &[u32], number_of: &[u32], degree: usize) -> Links {
        let mut links = Links::new(order.len(), degree);
        for (new, &old) in order.iter().enumerate() {
            links.set(new as u32, self.of(old).take(degree).map(|link| number_of[link as usize]));
        }
        links.sorted()
    }

    /// The same links, each node's ascending: as they are stored, and as memory is best read.
    pub(crate) fn sorted(mut self) -> Links {
        // What stands for no neighbour is the largest number, and stays behind.
        self.links.chunks_mut(self.degree.max(1)).for_each(<[u32]>::sort_unstable);
        self
    }
}

impl Graph {
    /// Where a walk begins: the first member of the top layer, or node 0.
    pub(crate) fn entry(&self) -> u32 {
        self.layers.first().and_then(|layer| layer.members.first().copied()).unwrap_or(0)
    }

    pub(crate) fn bytes(&self) -> usize {
        let layer = |layer: &Layer| layer.links.bytes() + (layer.members.capacity() + layer.below.capacity()) * 4;
        self.bottom.bytes() + self.layers.iter().map(layer).sum::<usize>()
    }
}

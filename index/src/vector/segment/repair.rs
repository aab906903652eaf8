//! Making sure that a walk from the entry can come to every node: a node that no link leads to would never be found.

use super::beam::{Scratch, Walk};
use super::block::Block;
use super::graph::Graph;

/// How far around a lost node a place for a link to it is looked for.
const WIDTH: usize = 64;

/// Links every node that cannot be reached, and returns how many there were.
///
/// Where no node nearby has a place left, the nearest gives one of its links away: it links to the lost node, which links to what that link led
/// to, so that nothing else gets lost.
pub(super) fn repair(block: &Block, graph: &mut Graph) -> usize {
    let mut reached = vec![false; block.len()];
    let mut open = Vec::new();
    spread(graph, graph.entry(), &mut reached, &mut open);
    let mut scratch = Scratch::default();
    let mut lost = 0;
    for node in 0..block.len() as u32 {
        if reached[node as usize] {
            continue;
        }
        lost += 1;
        let probe = block.probe_of(node);
        let walk = Walk::new(block, graph);
        walk.beam(&probe, graph.entry(), WIDTH, &mut scratch);
        let near: Vec<u32> = scratch.pool.found().map(|(near, _)| near).filter(|&near| near != node).collect();
        let degree = graph.bottom.degree();
        if let Some(&with_room) = near.iter().find(|&&near| graph.bottom.count(near) < degree) {
            graph.bottom.add(with_room, node);
        } else if let Some(&nearest) = near.first() {
            let mut of_nearest: Vec<u32> = graph.bottom.of(nearest).collect();
            let given = of_nearest.last_mut().map(|last| std::mem::replace(last, node));
            graph.bottom.set(nearest, of_nearest);
            let own: Vec<u32> = given.into_iter().chain(graph.bottom.of(node)).take(degree).collect();
            graph.bottom.set(node, own);
        }
        spread(graph, node, &mut reached, &mut open);
    }
    lost
}

/// Marks everything that can be reached from `from`.
fn spread(graph: &Graph, from: u32, reached: &mut [bool], open: &mut Vec<u32>) {
    open.clear();
    if let Some(reached) = reached.get_mut(from as usize) {
        *reached = true;
        open.push(from);
    }
    while let Some(node) = open.pop() {
        for link in graph.bottom.of(node) {
            if !std::mem::replace(&mut reached[link as usize], true) {
                open.push(link);
            }
        }
    }
}

/// The nodes in the order in which a walk from the entry comes upon them, so that neighbours lie near each other in memory.
pub(super) fn order(graph: &Graph, nodes: usize) -> Vec<u32> {
    let mut order = Vec::with_capacity(nodes);
    let mut seen = vec![false; nodes];
    let mut next = 0;
    let starts = std::iter::once(graph.entry()).chain(0..nodes as u32);
    for start in starts {
        if seen.get(start as usize) != Some(&false) {
            continue;
        }
        seen[start as usize] = true;
        order.push(start);
        while let Some(&node) = order.get(next) {
            next += 1;
            for link in graph.bottom.of(node) {
                if !std::mem::replace(&mut seen[link as usize], true) {
                    order.push(link);
                }
            }
        }
    }
    order
}

/// How many nodes a walk from the entry cannot come to.
#[cfg(test)]
pub(super) fn unreachable(graph: &Graph, nodes: usize) -> usize {
    let mut reached = vec![false; nodes];
    spread(graph, graph.entry(), &mut reached, &mut Vec::new());
    reached.into_iter().filter(|reached| !reached).count()
}

//! Building the bottom layer: rows are linked in batches, each row by a walk over the graph as it was before its batch.
//!
//! So a batch needs no locks and gives the same graph on any number of threads. Rows of a batch do not see each other, which costs nothing
//! that can be measured while a batch is a small part of what is there; their order is shuffled, because neighbours in the input are
//! often neighbours in space.

use rayon::prelude::*;

use super::beam::{Scratch, Walk};
use super::block::{Block, Probe};
use super::build::BuildOptions;
use super::diversity::Chooser;
use super::graph::{Graph, Layer, Links};

/// A batch is at most this part of the rows that are linked already.
const PART: usize = 32;
/// And this many rows: progress is told and cancelling noticed between batches.
const MOST: usize = 2_048;

/// Links every row of `rest` into a graph whose upper layers, the last of which gives the first links, are `layers`. `false` when `go_on` said
/// to stop.
pub(super) fn link(
    block: &Block,
    layers: Vec<Layer>,
    rest: &[u32],
    options: &BuildOptions,
    go_on: &(dyn Fn(usize) -> bool + Sync),
) -> Option<Graph> {
    let (mut graph, mut linked) = begin(block.len(), layers, options);
    let highest = block.highest_score();
    let mut rest = rest;
    while !rest.is_empty() {
        if !go_on(linked) {
            return None;
        }
        let size = (linked / PART).clamp(1, MOST).min(rest.len());
        let (batch, later) = rest.split_at(size);
        let chosen = search_for(block, &graph, batch, highest, options);
        for (&row, neighbours) in batch.iter().zip(&chosen) {
            graph.bottom.set(row, neighbours.iter().copied());
        }
        link_back(block, &mut graph.bottom, batch, &chosen, highest, options);
        linked += size;
        rest = later;
    }
    Some(graph)
}

/// A graph of `nodes` nodes, those of the lowest of `layers` linked as they are there, and how many those are.
pub(super) fn begin(nodes: usize, layers: Vec<Layer>, options: &BuildOptions) -> (Graph, usize) {
    let mut bottom = Links::new(nodes, options.degree_while_building());
    let mut linked = 0;
    if let Some(lowest) = layers.last() {
        linked = lowest.members.len();
        for (own, &member) in lowest.members.iter().enumerate() {
            bottom.set(member, lowest.links.of(own as u32).map(|link| lowest.members[link as usize]));
        }
    }
    (Graph { bottom, layers }, linked)
}

/// For each row of a batch the neighbours it takes.
fn search_for(block: &Block, graph: &Graph, batch: &[u32], highest: f32, options: &BuildOptions) -> Vec<Vec<u32>> {
    let walk = Walk::new(block, graph);
    let state = || (Scratch::default(), Probe::default(), Chooser::new(block, highest, options.alpha), Vec::new());
    batch
        .par_iter()
        .with_min_len(8)
        .map_init(state, |(scratch, probe, chooser, candidates), &row| {
            block.set_probe(probe, row);
            let start = walk.descend(probe, scratch);
            walk.beam(probe, start, options.width, scratch);
            candidates.clear();
            candidates.extend(scratch.pool.found().filter(|&(found, _)| found != row));
            let mut kept = Vec::with_capacity(options.neighbours);
            chooser.choose(candidates, options.neighbours, &mut kept);
            kept
        })
        .collect()
}

/// Gives every chosen neighbour a link back; one that has no place left chooses anew.
fn link_back(
    block: &Block,
    bottom: &mut Links,
    batch: &[u32],
    chosen: &[Vec<u32>],
    highest: f32,
    options: &BuildOptions,
) {
    let mut pairs: Vec<(u32, u32)> =
        batch.iter().zip(chosen).flat_map(|(&row, chosen)| chosen.iter().map(move |&to| (to, row))).collect();
    pairs.sort_unstable();
    let groups: Vec<&[(u32, u32)]> = pairs.chunk_by(|left, right| left.0 == right.0).collect();
    let links = &*bottom;
    let state = || (Chooser::new(block, highest, options.alpha), Vec::new(), Vec::new());
    let renewed: Vec<Option<Vec<u32>>> = groups
        .par_iter()
        .with_min_len(8)
        .map_init(state, |(chooser, all, ranked), group| {
            let node = group.first()?.0;
            all.clear();
            all.extend(links.of(node));
            all.extend(group.iter().map(|&(_, from)| from));
            if all.len() <= links.degree() {
                return None;
            }
            chooser.rank(node, all, ranked);
            let mut kept = Vec::with_capacity(links.degree());
            chooser.choose(ranked, options.neighbours, &mut kept);
            Some(kept)
        })
        .collect();
    for (group, renewed) in groups.iter().zip(renewed) {
        let Some(&(node, _)) = group.first() else { continue };
        match renewed {
            Some(renewed) => bottom.set(node, renewed),
            None => group.iter().for_each(|&(_, from)| {
                bottom.add(node, from);
            }),
        }
    }
}

/// Chooses every node's neighbours once more, among all that link to it or that it links to: fewer links, each of more use.
pub(super) fn prune(block: &Block, bottom: &Links, options: &BuildOptions) -> Links {
    let mut back: Vec<Vec<u32>> = vec![Vec::new(); bottom.len()];
    for node in 0..bottom.len() as u32 {
        bottom.of(node).for_each(|link| back[link as usize].push(node));
    }
    let highest = block.highest_score();
    let state = || (Chooser::new(block, highest, options.alpha_at_last), Vec::new(), Vec::new());
    let pruned: Vec<Vec<u32>> = back
        .par_iter()
        .enumerate()
        .with_min_len(64)
        .map_init(state, |(chooser, all, ranked), (node, back)| {
            all.clear();
            all.extend(bottom.of(node as u32));
            all.extend_from_slice(back);
            chooser.rank(node as u32, all, ranked);
            let mut kept = Vec::with_capacity(options.degree);
            chooser.choose(ranked, options.degree, &mut kept);
            kept
        })
        .collect();
    let mut links = Links::new(bottom.len(), options.degree);
    for (node, kept) in pruned.into_iter().enumerate() {
        links.set(node as u32, kept);
    }
    links
}

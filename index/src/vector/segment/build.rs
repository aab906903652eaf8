//! From rows to a frozen segment: collapse duplicates, build the upper layers over a sample, link all, prune, repair, reorder.

use std::str::FromStr;

use super::super::distance::UnknownName;
use super::super::kernel::Kernel;
use super::super::neighbours::{Neighbours, Processor};
use super::Segment;
use super::block::Block;
use super::exact::link_by;
use super::graph::{Graph, Layer};
use super::link::{link, prune};
use super::pool::MOST_NODES;
use super::repair::{order, repair};
use super::sample;
use super::twins::Twins;
use crate::error::{Error, Result};
use crate::key::Key;

/// How a segment is built. The defaults are what measures best at 384 dimensions; see `benches/segment.rs`.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct BuildOptions {
    /// The most neighbours a node keeps in the bottom layer. Default 32.
    pub degree: usize,
    /// The most neighbours a row takes when it is linked. Default 24.
    pub neighbours: usize,
    /// Candidates a row's neighbours are chosen from. Default 200.
    pub width: usize,
    /// Whether a row's neighbours are chosen from its nearest rows, found by comparing all with all on the processor, instead of from what walks
    /// find. Default false; true is for measuring what is done where a GPU finds them.
    pub exact: bool,
    /// How many nearest rows they are chosen from in that case, at most [`MOST_NEAREST`](BuildOptions::MOST_NEAREST). Default 128.
    pub nearest: usize,
    /// One row in this many is in the sample the upper layers are made of; 1 builds all with hnsw_rs. Default 16.
    pub sample_every: usize,
    /// How freely neighbours are kept while building: at 1, the default, none that lies behind another.
    pub alpha: f32,
    /// The same when all are chosen once more at the end. Default 1.1.
    pub alpha_at_last: f32,
    /// Whether nodes are put in the order in which a walk comes upon them. Default true; false is for measuring what that is worth.
    pub reorder: bool,
}

impl Default for BuildOptions {
    fn default() -> Self {
        Self {
            degree: 32,
            neighbours: 24,
            width: 200,
            exact: false,
            nearest: 128,
            sample_every: 16,
            alpha: 1.0,
            alpha_at_last: 1.1,
            reorder: true,
        }
    }
}

impl BuildOptions {
    /// The most nearest rows that are asked for.
    pub const MOST_NEAREST: usize = 128;

    /// Changes one setting, given as `name=value`: for measuring.
    ///
    /// # Errors
    /// [`UnknownName`] for a name that is none, or a value that does not fit it.
    pub fn set(&mut self, setting: &str) -> std::result::Result<(), UnknownName> {
        fn put<T: FromStr>(field: &mut T, value: &str) -> Option<()> {
            *field = value.parse().ok()?;
            Some(())
        }
        let (name, value) = setting.split_once('=').unwrap_or((setting, ""));
        let done = match name {
            "degree" => put(&mut self.degree, value),
            "neighbours" => put(&mut self.neighbours, value),
            "width" => put(&mut self.width, value),
            "exact" => put(&mut self.exact, value),
            "nearest" => put(&mut self.nearest, value),
            "sample_every" => put(&mut self.sample_every, value),
            "alpha" => put(&mut self.alpha, value),
            "alpha_at_last" => put(&mut self.alpha_at_last, value),
            "reorder" => put(&mut self.reorder, value),
            _ => None,
        };
        done.ok_or_else(|| UnknownName {
            what: "setting and a value of it",
            found: setting.to_owned(),
            known: SETTINGS.to_vec(),
        })
    }

    /// Room for links that come in between two choices.
    pub(super) fn degree_while_building(&self) -> usize {
        (2 * self.neighbours).max(2 * sample::NEIGHBOURS)
    }
}

/// What [`BuildOptions::set`] takes.
const SETTINGS: [&str; 9] = [
    "degree=32",
    "neighbours=24",
    "width=200",
    "exact=false",
    "nearest=128",
    "sample_every=16",
    "alpha=1.0",
    "alpha_at_last=1.1",
    "reorder=true",
];

/// A sample smaller than this leads nowhere in particular.
const SMALLEST_SAMPLE: usize = 64;

/// Builds a segment of `rows`, whose keys are `keys`; linked by `neighbours` where there are any. `progress` hears how many rows are linked, and
/// stops it by returning false: then the answer is `None`.
///
/// # Errors
/// [`Error::Building`], [`Error::Neighbours`].
pub(crate) fn build(
    mut rows: Block,
    keys: Vec<Key>,
    options: &BuildOptions,
    neighbours: Option<&dyn Neighbours>,
    progress: &(dyn Fn(usize) -> bool + Sync),
) -> Result<Option<Segment>> {
    if rows.len() != keys.len() || rows.len() > MOST_NODES {
        return Err(Error::Building { reason: format!("{} rows have {} keys", rows.len(), keys.len()) });
    }
    let (nodes, twins) = Twins::collapse(&rows);
    if nodes.len() < rows.len() {
        rows = rows.permuted(&nodes);
    }
    rows.prepare_building();
    let shuffled = shuffled(rows.len());
    let sample = (rows.len() / options.sample_every.max(1)).max(SMALLEST_SAMPLE).min(rows.len());
    let (sample, rest) = shuffled.split_at(sample);
    let Some(layers) = sample::layers(&rows, sample, progress)? else { return Ok(None) };
    let neighbours = neighbours.or(options.exact.then_some(&Processor));
    let linked = match neighbours {
        Some(neighbours) => link_by(neighbours, &rows, layers, options, progress)?,
        None => link(&rows, layers, rest, options, progress),
    };
    let Some(mut graph) = linked else { return Ok(None) };
    graph.bottom = prune(&rows, &graph.bottom, options);
    repair(&rows, &mut graph);
    let order = if options.reorder { order(&graph, rows.len()) } else { (0..rows.len() as u32).collect() };
    rows.end_building();
    let rows = rows.permuted(&order);
    let graph = renumbered(graph, &order, options.degree);
    let (keys, twins) = twins.in_order(&order, &nodes, &keys);
    Ok(Some(Segment::new(rows, graph, keys, twins, Kernel::best())))
}

/// The graph with its nodes in another order.
fn renumbered(graph: Graph, order: &[u32], degree: usize) -> Graph {
    let mut number_of = vec![0; order.len()];
    order.iter().zip(0..).for_each(|(&old, new)| number_of[old as usize] = new);
    let bottom = graph.bottom.renumbered(order, &number_of, degree);
    let layers = graph.layers.into_iter().map(|layer| Layer {
        members: layer.members.iter().map(|&member| number_of[member as usize]).collect(),
        links: layer.links.sorted(),
        below: layer.below,
    });
    Graph { bottom, layers: layers.collect() }
}

/// All numbers below `count`, the same shuffle every time.
fn shuffled(count: usize) -> Vec<u32> {
    let mut order: Vec<u32> = (0..count as u32).collect();
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    for last in (1..count).rev() {
        state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        order.swap(last, ((state >> 33) as usize) % (last + 1));
    }
    order
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::super::super::{Code, Distance};
    use super::super::repair::unreachable;
    use super::*;

    #[test]
    fn settings_are_changed_by_name() {
        let mut options = BuildOptions::default();
        for setting in SETTINGS {
            options.set(setting).unwrap();
        }
        assert_eq!(options, BuildOptions::default());
        options.set("reorder=false").unwrap();
        assert!(!options.reorder);
        assert!(options.set("degree=x").unwrap_err().to_string().contains("degree=32"));
    }

    /// Two clusters so tight that nearest neighbours alone would never lead from one to the other, and rows in between.
    #[test]
    fn every_node_can_be_reached() {
        for (distance, exact) in Distance::ALL.into_iter().flat_map(|distance| [(distance, false), (distance, true)]) {
            let mut rows = Block::new(3, distance, 0);
            for row in 0..3_000u32 {
                let (side, turn) = (if row % 2 == 0 { 1.0 } else { -1.0 }, row as f32 * 1e-4);
                let vector =
                    if row % 500 == 7 { [0.1, turn, 1.0] } else { [side, 0.02 * turn.sin(), 0.02 * turn.cos()] };
                rows.push(&Code::encode(&vector).unwrap());
            }
            let keys = (0..3_000).map(Key).collect();
            let options = BuildOptions { exact, ..BuildOptions::default() };
            let segment = build(rows, keys, &options, None, &|_| true).unwrap().unwrap();
            assert_eq!(unreachable(&segment.graph, segment.block.len()), 0, "{distance}, exact: {exact}");
            assert!(segment.block.len() < 3_000, "equal rows are one node");
        }
    }
}

//! The upper layers: a graph over a sample of the rows, built by hnsw_rs and read out through its iterators.
//!
//! A sixteenth of the rows is what the layers above the bottom would hold by chance, so a whole HNSW of the sample takes their place: its
//! layer 0 becomes our layer 1. The library is kept away from what it does not take well: rows of one length only, no distance below zero
//! or NaN, no duplicates, no reading while it builds.

use hnsw_rs::anndists::dist::distances::Distance as Measure;
use hnsw_rs::hnsw::Hnsw;

use super::super::distance::Distance;
use super::super::kernel::Kernel;
use super::block::Block;
use super::graph::{Layer, Links};
use crate::error::{Error, Result};

/// Neighbours of a node in the sample's layers; twice as many in its lowest.
pub(super) const NEIGHBOURS: usize = 16;
/// Nodes looked at for each insertion.
const WIDTH: usize = 128;
/// Inserted one by one before threads come in: two first points at once may miss each other.
const FIRST: usize = 1_000;
/// A sample below this is built by one thread, which makes it the same every time.
const ALONE: usize = 20_000;
/// Insertions between two looks whether to go on.
const BETWEEN_LOOKS: usize = 64;
/// The most layers the library keeps.
const MOST_LAYERS: usize = 16;

/// The layers of a graph over `sample`, from the top down; `None` when `go_on` said to stop.
///
/// # Errors
/// [`Error::Building`] when the library panics.
pub(super) fn layers(
    block: &Block,
    sample: &[u32],
    go_on: &(dyn Fn(usize) -> bool + Sync),
) -> Result<Option<Vec<Layer>>> {
    if sample.is_empty() {
        // All were deleted before it came to this. The library cannot be asked for the points of a graph without any.
        return Ok(Some(Vec::new()));
    }
    neodex_guard::call(|| build(block, sample, go_on)).map_err(|panic| {
        let reason = panic.downcast_ref::<String>().map(String::as_str);
        let reason = reason.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it panicked");
        Error::Building { reason: reason.to_owned() }
    })
}

fn build(block: &Block, sample: &[u32], go_on: &(dyn Fn(usize) -> bool + Sync)) -> Option<Vec<Layer>> {
    let rows: Vec<Vec<i8>> = sample.iter().map(|&row| block.row_with_terms(row)).collect();
    let measure = BetweenRows { kernel: Kernel::best(), distance: block.distance(), highest: block.highest_score() };
    let graph: Hnsw<'_, i8, BetweenRows> = Hnsw::new(NEIGHBOURS, rows.len(), MOST_LAYERS, WIDTH, measure);
    let together: Vec<(&[i8], usize)> = rows.iter().map(Vec::as_slice).zip(0..).collect();
    let first = if together.len() < ALONE { together.len() } else { FIRST };
    let (first, rest) = together.split_at(first);
    for (done, &row) in first.iter().enumerate() {
        if done % BETWEEN_LOOKS == 0 && !go_on(done) {
            return None;
        }
        graph.insert_slice(row);
    }
    for (done, rows) in rest.chunks(FIRST).enumerate() {
        if !go_on(first.len() + done * FIRST) {
            return None;
        }
        graph.parallel_insert_slice(&rows.to_vec());
    }
    Some(read_out(&graph, sample))
}

/// Copies the graph into flat layers.
fn read_out(graph: &Hnsw<'_, i8, BetweenRows>, sample: &[u32]) -> Vec<Layer> {
    // For each row of the sample its neighbours in every layer it is in.
    let mut neighbours: Vec<Vec<Vec<u32>>> = vec![Vec::new(); sample.len()];
    let mut height = 0;
    for point in graph.get_point_indexation() {
        let own = usize::from(point.get_point_id().0) + 1;
        let lists = point.get_neighborhood_id();
        let lists = lists.iter().take(own);
        let lists = lists.map(|list| list.iter().map(|neighbour| neighbour.get_origin_id() as u32).collect());
        let mut lists: Vec<Vec<u32>> = lists.collect();
        lists.resize(own, Vec::new());
        height = height.max(own);
        neighbours[point.get_origin_id()] = lists;
    }
    let mut layers: Vec<Layer> = Vec::new();
    let mut above: Vec<u32> = Vec::new();
    for level in (0..height).rev() {
        let members: Vec<u32> = (0..sample.len() as u32).filter(|&i| neighbours[i as usize].len() > level).collect();
        let mut number = vec![u32::MAX; sample.len()];
        members.iter().zip(0..).for_each(|(&member, own)| number[member as usize] = own);
        let degree = if level == 0 { 2 * NEIGHBOURS } else { NEIGHBOURS };
        let mut links = Links::new(members.len(), degree);
        for (own, &member) in members.iter().enumerate() {
            let list = neighbours[member as usize][level].iter().map(|&other| number[other as usize]);
            links.set(own as u32, list.filter(|&other| other != u32::MAX));
        }
        if let Some(upper) = layers.last_mut() {
            upper.below = above.iter().map(|&member| number[member as usize]).collect();
        }
        layers.push(Layer {
            members: members.iter().map(|&member| sample[member as usize]).collect(),
            links,
            below: Vec::new(),
        });
        above = members;
    }
    layers
}

/// How far apart two rows are. The library passes rows only, so each brings its terms in its last bytes.
#[derive(Debug, Clone, Copy)]
struct BetweenRows {
    kernel: Kernel,
    distance: Distance,
    highest: f32,
}

/// Factor, offset and lift.
const TERMS_BYTES: usize = 12;

impl Block {
    /// A row's codes followed by its terms.
    fn row_with_terms(&self, row: u32) -> Vec<i8> {
        let mut bytes = self.codes_of(row).to_vec();
        bytes.extend(self.building_terms(row).into_iter().flat_map(f32::to_le_bytes).map(|byte| byte as i8));
        bytes
    }
}

fn split_terms(row: &[i8]) -> (&[i8], [f32; 3]) {
    let (codes, terms) = row.split_at(row.len().saturating_sub(TERMS_BYTES));
    let mut floats = [0.0; 3];
    for (float, bytes) in floats.iter_mut().zip(terms.as_chunks::<4>().0) {
        *float = f32::from_le_bytes(bytes.map(|byte| byte as u8));
    }
    (codes, floats)
}

impl Measure<i8> for BetweenRows {
    fn eval(&self, left: &[i8], right: &[i8]) -> f32 {
        let ((left, [left_factor, left_offset, left_lift]), (right, [right_factor, right_offset, right_lift])) =
            (split_terms(left), split_terms(right));
        let mut dot = [0];
        self.kernel.dot_i8_rows(left, right, &mut dot);
        let product = left_factor * right_factor * dot[0] as f32;
        let score = match self.distance {
            Distance::Cosine => product,
            Distance::Euclidean => 2.0 * product + left_offset + right_offset,
            Distance::DotProduct => product + left_lift * right_lift,
        };
        // `max` gives its other argument for a NaN.
        (self.highest - score).max(0.0)
    }
}

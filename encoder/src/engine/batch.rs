//! A batch through the whole model.

use rayon::prelude::*;

use super::Engine;
use super::attention;
use super::block::Work;
use super::kernel::lines::{Floats, Halves, flat, flat_mut, zeros};
use super::kernel::{ROWS, Scratch};
use crate::backend::Sequence;
use crate::pooling::Rows;

/// Most rows of a block: what it needs between its products stays in a core's own cache.
const MOST_ROWS: usize = 96;
/// Blocks a thread should have, so that none waits long for the last.
const BLOCKS_PER_THREAD: usize = 2;

/// All tokens of a batch, row after row.
pub(super) struct Batch {
    pub(super) ids: Vec<u32>,
    /// Of each row in its sequence.
    pub(super) positions: Vec<usize>,
    /// First row and number of rows of each sequence.
    pub(super) sequences: Vec<(usize, usize)>,
}

impl Batch {
    fn new(sequences: &[Sequence]) -> Self {
        let mut batch = Self { ids: Vec::new(), positions: Vec::new(), sequences: Vec::new() };
        for Sequence { ids, .. } in sequences {
            batch.sequences.push((batch.ids.len(), ids.len()));
            batch.ids.extend(ids);
            batch.positions.extend(0..ids.len());
        }
        batch
    }
}

impl Engine {
    /// The means each sequence asks for.
    pub(super) fn run(&self, sequences: &[Sequence]) -> Vec<Vec<f32>> {
        let (shape, batch) = (&self.shape, Batch::new(sequences));
        let total = batch.ids.len();
        let mut stream: Vec<Floats> = zeros(total * shape.stream / 16);
        // The last block of queries of the last sequence may read behind its rows.
        let mut attention: Vec<Halves> = zeros((total + ROWS) * shape.attention() / 32);
        let mut mixed = vec![0.0_f32; shape.heads * total * shape.head];
        let share = total.div_ceil(BLOCKS_PER_THREAD * rayon::current_num_threads());
        let rows = share.next_multiple_of(ROWS).min(MOST_ROWS);

        // What comes between two attentions concerns each row alone: the end of one layer and the beginning of the next.
        for next in 0..=self.layers.len() {
            let blocks = stream
                .par_chunks_mut(rows * shape.stream / 16)
                .zip(attention.par_chunks_mut(rows * shape.attention() / 32))
                .enumerate();
            blocks.for_each_init(
                || Work::new(shape, rows),
                |work, (block, (stream, attention))| {
                    let (first, stream) = (block * rows, flat_mut(stream));
                    match next.checked_sub(1) {
                        None => self.embed(&batch, first, stream),
                        Some(layer) => self.finish(layer, &mixed, total, first, stream, work),
                    }
                    match next < self.layers.len() {
                        true => self.begin(next, &batch, first, stream, flat_mut(attention), work),
                        false => self.last(stream),
                    }
                },
            );
            if next < self.layers.len() {
                let tasks = attention::tasks(shape, &batch.sequences, &mut mixed);
                tasks.into_par_iter().for_each_init(Scratch::default, |scratch, task| {
                    task.run(shape, self.kernel, flat(&attention), scratch);
                });
            }
        }

        let rows = batch.sequences.par_iter().zip(sequences);
        let means = rows.map(|(&(first, length), sequence)| {
            let values = &flat(&stream)[first * shape.stream..][..length * shape.stream];
            Rows { values, stride: shape.stream, hidden: shape.hidden }.means(&sequence.spans)
        });
        means.collect()
    }
}

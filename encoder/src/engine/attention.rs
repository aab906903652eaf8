//! The attention of a batch: one task a head of a sequence.

use super::Shape;
use super::kernel::{Head, Kernel, ROWS, Scratch};

/// Queries of a task: one head of a long sequence is shared by several threads, each of which lays out its keys for itself.
const QUERIES: usize = 1024;

/// Some queries of one head of one sequence.
pub(super) struct Task<'a> {
    head: usize,
    /// Of the sequence: its first row and its rows.
    first: usize,
    tokens: usize,
    /// The first query, counted in the sequence.
    from: usize,
    /// `(queries, head)`
    out: &'a mut [f32],
}

/// The tasks of all heads and sequences, over `mixed`: `(heads, rows of the batch, head)`.
pub(super) fn tasks<'a>(shape: &Shape, sequences: &[(usize, usize)], mut mixed: &'a mut [f32]) -> Vec<Task<'a>> {
    let mut tasks = Vec::with_capacity(shape.heads * sequences.len());
    for head in 0..shape.heads {
        for &(first, tokens) in sequences {
            for from in (0..tokens).step_by(QUERIES) {
                let queries = QUERIES.min(tokens - from);
                let (out, rest) = std::mem::take(&mut mixed).split_at_mut(queries * shape.head);
                mixed = rest;
                tasks.push(Task { head, first, tokens, from, out });
            }
        }
    }
    tasks
}

impl Task<'_> {
    /// Computes it out of the batch's rows of queries, keys and values.
    pub(super) fn run(self, shape: &Shape, kernel: Kernel, rows: &[u16], scratch: &mut Scratch) {
        let (stride, width) = (shape.attention(), shape.head_padded);
        let end = (self.first + self.tokens + ROWS) * stride;
        let rows = &rows[self.first * stride + self.head * 3 * width..end.min(rows.len())];
        let head = Head { rows, stride, width, tokens: self.tokens };
        kernel.attend(&head, self.from, scratch, self.out, shape.head);
    }
}

//! Attention by blocks of query rows, with the scores computed again on the way back.
//!
//! Nothing quadratic is kept: the forward pass saves its output and one logarithm a row, as FlashAttention does (Dao et al. 2022),
//! and the backward pass forms the same block of scores once more. A sequence costs its own length, not its batch's.

use candle_core::{Device, Result, Tensor};
use rayon::prelude::*;

use super::memory::made;
use super::product::Packed;
use super::strips::Matrix;
use super::view::{floats, indices};
use super::wide;
use crate::op::{Factors, Padded};

/// Query rows at a time: the scores of a block stay in the caches.
const ROWS: usize = 96;

/// Where a head of a sequence lies in the batch.
struct Layout {
    seq: usize,
    heads: usize,
    width: usize,
    factors: Factors,
}

/// One head of one sequence.
struct Head<'a> {
    length: usize,
    /// Turned and scaled by `1 / sqrt(width)`, row after row.
    query: Vec<f32>,
    /// Turned, row after row.
    key: Vec<f32>,
    /// `(length, width)`, where they lie in the batch.
    value: Matrix<'a>,
}

/// See [`crate::op::attention`]; saves the output and the logarithms of the softmax sums `(b, h, t)`.
pub(in crate::op) fn attention(qkv: &Tensor, of: &Padded<'_>) -> Result<(Tensor, Vec<Tensor>)> {
    let (n, columns) = qkv.dims2()?;
    let Padded { seq, heads, factors, .. } = *of;
    let (d, layout) = (columns / 3, Layout { seq, heads, width: columns / 3 / heads, factors });
    let (qkv, table, lengths) = (floats(qkv)?, floats(of.rotary)?, indices(of.lengths)?);
    let results: Vec<(Vec<f32>, Vec<f32>)> = (0..lengths.len() * heads)
        .into_par_iter()
        .map(|task| forward(&layout.head(&qkv, &table, &lengths, task), &layout))
        .collect();
    let (out, _) = made(n * d, seq * d, |at, out| {
        let first = at / d.max(1) / seq.max(1) * heads;
        for (head, (mixed, _)) in results.iter().skip(first).take(heads).enumerate() {
            layout.write(out, d, 0, head, mixed);
        }
    });
    let mut logs = vec![0.0_f32; lengths.len() * heads * seq];
    for ((_, log), logs) in results.iter().zip(logs.chunks_exact_mut(seq)) {
        logs.iter_mut().zip(log).for_each(|(to, log)| *to = *log);
    }
    let out = Tensor::from_vec(out, (n, d), &Device::Cpu)?;
    let logs = Tensor::from_vec(logs, (lengths.len(), heads, seq), &Device::Cpu)?;
    Ok((out.clone(), vec![out, logs]))
}

/// See [`crate::op::attention_backward`].
pub(in crate::op) fn attention_backward(
    qkv: &Tensor,
    saved: &[Tensor],
    dout: &Tensor,
    of: &Padded<'_>,
) -> Result<Tensor> {
    let [out, logs] = saved else {
        return Err(candle_core::Error::Msg("attention saved something else".to_owned()).bt());
    };
    let (n, columns) = qkv.dims2()?;
    let Padded { seq, heads, factors, .. } = *of;
    let layout = Layout { seq, heads, width: columns / 3 / heads, factors };
    let (qkv, table, lengths) = (floats(qkv)?, floats(of.rotary)?, indices(of.lengths)?);
    let (out, logs, dout) = (floats(out)?, floats(logs)?, floats(dout)?);
    let d = columns / 3;
    let results: Vec<[Vec<f32>; 3]> = (0..lengths.len() * heads)
        .into_par_iter()
        .map(|task| {
            let head = layout.head(&qkv, &table, &lengths, task);
            let (out, dout) = (layout.mixed(&out, d, task, head.length), layout.mixed(&dout, d, task, head.length));
            let logs = logs.get(task * seq..task * seq + head.length).unwrap_or_default();
            let mut gradients = backward(&head, out, dout, logs, &layout);
            let (dquery, rest) = gradients.split_at_mut(1);
            for part in dquery.iter_mut().chain(rest.iter_mut().take(1)) {
                turn(part, &table, layout.width, -1.0);
            }
            gradients
        })
        .collect();
    let (dqkv, _) = made(n * columns, seq * columns, |at, dqkv| {
        let first = at / columns.max(1) / seq.max(1) * heads;
        for (head, gradients) in results.iter().skip(first).take(heads).enumerate() {
            for (part, gradient) in gradients.iter().enumerate() {
                layout.write(dqkv, columns, part, head, gradient);
            }
        }
    });
    Tensor::from_vec(dqkv, (n, columns), &Device::Cpu)
}

fn forward(head: &Head<'_>, layout: &Layout) -> (Vec<f32>, Vec<f32>) {
    let (length, mut logs) = (head.length, vec![0.0_f32; head.length]);
    let &Layout { width, factors, .. } = layout;
    let mut mixed = vec![0.0_f32; length * width];
    let pitch = pitch(length);
    let mut scores = vec![0.0_f32; ROWS.min(length) * pitch];
    let keys = Packed::new(Matrix::new(&head.key, length, width).transposed(), factors);
    let values = Packed::new(head.value, factors);
    let blocks = head.query.chunks(ROWS * width).zip(mixed.chunks_mut(ROWS * width)).zip(logs.chunks_mut(ROWS));
    let mut sums = [0.0_f32; ROWS];
    for ((query, mixed), logs) in blocks {
        let rows = logs.len();
        keys.product(&mut scores, pitch, Matrix::new(query, rows, width), false);
        for ((row, log), sum) in scores.chunks_exact_mut(pitch).zip(logs.iter_mut()).zip(&mut sums) {
            let row = row.get_mut(..length).unwrap_or_default();
            let highest = wide::highest(row);
            *sum = wide::exponentials(row, highest);
            *log = highest + sum.ln();
        }
        values.product(mixed, width, Matrix::pitched(&scores, rows, length, pitch), false);
        // Once for each value mixed instead of once for each score.
        mixed.chunks_exact_mut(width).zip(&sums).for_each(|(mixed, sum)| wide::times(mixed, 1.0 / sum));
    }
    (mixed, logs)
}

fn backward(head: &Head<'_>, out: Matrix<'_>, dout: Matrix<'_>, logs: &[f32], layout: &Layout) -> [Vec<f32>; 3] {
    let (length, &Layout { width, factors, .. }) = (head.length, layout);
    let zeros = || vec![0.0_f32; length * width];
    // The latter two `(width, length)`, so that blocks of scores, which are the larger part, are read the way they lie.
    let (mut dquery, mut dkey, mut dvalue) = (zeros(), zeros(), zeros());
    let pitch = pitch(length);
    let room = || vec![0.0_f32; ROWS.min(length) * pitch];
    let (mut scores, mut dscores) = (room(), room());
    let keys = Matrix::new(&head.key, length, width);
    let (keys, keys_across) = (Packed::new(keys, factors), Packed::new(keys.transposed(), factors));
    let values_across = Packed::new(head.value.transposed(), factors);
    for ((block, logs), dquery) in logs.chunks(ROWS).enumerate().zip(dquery.chunks_mut(ROWS * width)) {
        let rows = block * ROWS..block * ROWS + logs.len();
        let query = Matrix::new(&head.query, length, width).rows(rows.clone());
        let (out, dout) = (out.rows(rows.clone()), dout.rows(rows));
        keys_across.product(&mut scores, pitch, query, false);
        values_across.product(&mut dscores, pitch, dout, false);
        let pairs = scores.chunks_exact_mut(pitch).zip(dscores.chunks_exact_mut(pitch));
        for (((p, dp), (row, log)), _) in pairs.zip(logs.iter().enumerate()).zip(0..logs.len()) {
            let (p, dp) = (p.get_mut(..length).unwrap_or_default(), dp.get_mut(..length).unwrap_or_default());
            wide::softmax_gradients(p, dp, *log, wide::dot(out.row(row), dout.row(row)));
        }
        let p = Matrix::pitched(&scores, logs.len(), length, pitch);
        let ds = Matrix::pitched(&dscores, logs.len(), length, pitch);
        Packed::new(p, factors).product(&mut dvalue, length, dout.transposed(), true);
        Packed::new(ds, factors).product(&mut dkey, length, query.transposed(), true);
        keys.product(dquery, width, ds, false);
    }
    let scale = 1.0 / (width as f32).sqrt();
    wide::times(&mut dquery, scale);
    [dquery, across(&dkey, length), across(&dvalue, length)]
}

/// Exchanges rows, of `length` numbers, and columns.
fn across(rows: &[f32], length: usize) -> Vec<f32> {
    /// Of both at a time, so that what is read stays in the first cache.
    const BLOCK: usize = 16;
    let width = rows.len() / length.max(1);
    let mut columns = vec![0.0_f32; rows.len()];
    for (start, columns) in (0..).step_by(BLOCK).zip(columns.chunks_mut(BLOCK * width.max(1))) {
        for first in (0..width).step_by(BLOCK) {
            for (at, column) in (start..).zip(columns.chunks_exact_mut(width.max(1))) {
                let places = column.iter_mut().zip(rows.get(at..).unwrap_or_default().iter().step_by(length.max(1)));
                places.skip(first).take(BLOCK).for_each(|(to, from)| *to = *from);
            }
        }
    }
    columns
}

/// How far apart rows of scores lie: never a power of two, at which they would drive each other out of the first cache.
fn pitch(length: usize) -> usize {
    length.next_multiple_of(16) + 16
}

/// Turns the interleaved pairs of each row by its position's angles, or back with `direction` -1.
fn turn(rows: &mut [f32], table: &[f32], width: usize, direction: f32) {
    for (row, angles) in rows.chunks_exact_mut(width).zip(table.chunks_exact(width)) {
        wide::turn_row(row, angles, direction);
    }
}

/// `length` rows of `width`, `stride` apart, from `first` on.
fn rows(from: &[f32], first: usize, stride: usize, width: usize, length: usize) -> Vec<f32> {
    let mut values = Vec::with_capacity(length * width);
    for row in 0..length {
        values.extend_from_slice(from.get(first + row * stride..first + row * stride + width).unwrap_or_default());
    }
    values
}

impl Layout {
    /// Cuts out head `task % heads` of sequence `task / heads`.
    fn head<'a>(&self, qkv: &'a [f32], table: &[f32], lengths: &[u32], task: usize) -> Head<'a> {
        let length = lengths.get(task / self.heads).map_or(0, |&length| (length as usize).min(self.seq));
        let columns = 3 * self.heads * self.width;
        let first = task / self.heads * self.seq * columns + task % self.heads * 3 * self.width;
        let part = |part: usize| rows(qkv, first + part * self.width, columns, self.width, length);
        let (mut query, mut key) = (part(0), part(1));
        turn(&mut query, table, self.width, 1.0);
        turn(&mut key, table, self.width, 1.0);
        let scale = 1.0 / (self.width as f32).sqrt();
        wide::times(&mut query, scale);
        let value = qkv.get(first + 2 * self.width..).unwrap_or_default();
        Head { length, query, key, value: Matrix::pitched(value, length, self.width, columns) }
    }

    /// A head's columns of a matrix `(b * t, d)`, where they lie.
    fn mixed<'a>(&self, from: &'a [f32], d: usize, task: usize, length: usize) -> Matrix<'a> {
        let first = task / self.heads * self.seq * d + task % self.heads * self.width;
        Matrix::pitched(from.get(first..).unwrap_or_default(), length, self.width, d)
    }

    /// Puts a head's rows into a sequence's of `columns` columns, in which each head has `columns / heads`, at part `part` of them.
    fn write(&self, into: &mut [f32], columns: usize, part: usize, head: usize, rows: &[f32]) {
        let first = head * (columns / self.heads) + part * self.width;
        for (into, values) in into.chunks_exact_mut(columns).zip(rows.chunks_exact(self.width)) {
            if let Some(to) = into.get_mut(first..first + self.width) {
                to.copy_from_slice(values);
            }
        }
    }
}

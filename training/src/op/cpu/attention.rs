//! Attention by blocks of query rows, with the scores computed again on the way back.
//!
//! Nothing quadratic is kept: the forward pass saves its output and one logarithm a row, as FlashAttention does (Dao et al. 2022),
//! and the backward pass forms the same block of scores once more. A sequence costs its own length, not its batch's.

use candle_core::{Device, Result, Tensor};
use rayon::prelude::*;

use super::product::{Matrix, Packed};
use super::view::{floats, indices};
use super::wide;

/// Query rows at a time: the scores of a block stay in the caches.
const ROWS: usize = 96;

/// Where a head of a sequence lies in the batch.
struct Layout {
    seq: usize,
    heads: usize,
    width: usize,
}

/// One head of one sequence, turned, row after row.
struct Head {
    length: usize,
    /// Scaled by `1 / sqrt(width)`.
    query: Vec<f32>,
    key: Vec<f32>,
    value: Vec<f32>,
}

/// See [`crate::op::attention`]; saves the output and the logarithms of the softmax sums `(b, h, t)`.
pub(in crate::op) fn attention(
    qkv: &Tensor,
    table: &Tensor,
    lengths: &Tensor,
    seq: usize,
    heads: usize,
) -> Result<(Tensor, Vec<Tensor>)> {
    let (n, columns) = qkv.dims2()?;
    let (d, layout) = (columns / 3, Layout { seq, heads, width: columns / 3 / heads });
    let (qkv, table, lengths) = (floats(qkv)?, floats(table)?, indices(lengths)?);
    let results: Vec<(Vec<f32>, Vec<f32>)> = (0..lengths.len() * heads)
        .into_par_iter()
        .map(|task| forward(&layout.head(&qkv, &table, &lengths, task), layout.width))
        .collect();
    let mut out = vec![0.0_f32; n * d];
    let mut logs = vec![0.0_f32; lengths.len() * heads * seq];
    for ((task, (mixed, log)), logs) in results.iter().enumerate().zip(logs.chunks_exact_mut(seq)) {
        layout.write(&mut out, d, 0, task, mixed);
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
    table: &Tensor,
    lengths: &Tensor,
    seq: usize,
    heads: usize,
) -> Result<Tensor> {
    let [out, logs] = saved else {
        return Err(candle_core::Error::Msg("attention saved something else".to_owned()).bt());
    };
    let (n, columns) = qkv.dims2()?;
    let layout = Layout { seq, heads, width: columns / 3 / heads };
    let (qkv, table, lengths) = (floats(qkv)?, floats(table)?, indices(lengths)?);
    let (out, logs, dout) = (floats(out)?, floats(logs)?, floats(dout)?);
    let d = columns / 3;
    let results: Vec<[Vec<f32>; 3]> = (0..lengths.len() * heads)
        .into_par_iter()
        .map(|task| {
            let head = layout.head(&qkv, &table, &lengths, task);
            let (out, dout) = (layout.read(&out, d, task, head.length), layout.read(&dout, d, task, head.length));
            let logs = logs.get(task * seq..task * seq + head.length).unwrap_or_default();
            let mut gradients = backward(&head, &out, &dout, logs, layout.width);
            let (dquery, rest) = gradients.split_at_mut(1);
            for part in dquery.iter_mut().chain(rest.iter_mut().take(1)) {
                turn(part, &table, layout.width, -1.0);
            }
            gradients
        })
        .collect();
    let mut dqkv = vec![0.0_f32; n * columns];
    for (task, gradients) in results.iter().enumerate() {
        for (part, gradient) in gradients.iter().enumerate() {
            layout.write(&mut dqkv, columns, part, task, gradient);
        }
    }
    Tensor::from_vec(dqkv, (n, columns), &Device::Cpu)
}

fn forward(head: &Head, width: usize) -> (Vec<f32>, Vec<f32>) {
    let (length, mut logs) = (head.length, vec![0.0_f32; head.length]);
    let mut mixed = vec![0.0_f32; length * width];
    let mut scores = vec![0.0_f32; ROWS * length];
    let keys = Packed::new(Matrix::new(&head.key, length, width).transposed());
    let values = Packed::new(Matrix::new(&head.value, length, width));
    let blocks = head.query.chunks(ROWS * width).zip(mixed.chunks_mut(ROWS * width)).zip(logs.chunks_mut(ROWS));
    for ((query, mixed), logs) in blocks {
        let rows = logs.len();
        let scores = scores.get_mut(..rows * length).unwrap_or_default();
        keys.product(scores, Matrix::new(query, rows, width), false);
        for (row, log) in scores.chunks_exact_mut(length).zip(logs.iter_mut()) {
            let highest = wide::highest(row);
            let sum = wide::exponentials(row, highest);
            wide::times(row, 1.0 / sum);
            *log = highest + sum.ln();
        }
        values.product(mixed, Matrix::new(scores, rows, length), false);
    }
    (mixed, logs)
}

fn backward(head: &Head, out: &[f32], dout: &[f32], logs: &[f32], width: usize) -> [Vec<f32>; 3] {
    let length = head.length;
    let zeros = || vec![0.0_f32; length * width];
    let (mut dquery, mut dkey, mut dvalue) = (zeros(), zeros(), zeros());
    let (mut scores, mut dscores) = (vec![0.0_f32; ROWS * length], vec![0.0_f32; ROWS * length]);
    let keys = Matrix::new(&head.key, length, width);
    let (keys, keys_across) = (Packed::new(keys), Packed::new(keys.transposed()));
    let values_across = Packed::new(Matrix::new(&head.value, length, width).transposed());
    for (block, logs) in logs.chunks(ROWS).enumerate() {
        let rows = logs.len();
        let range = block * ROWS * width..(block * ROWS + rows) * width;
        let part = |values: &'_ [f32]| -> Vec<f32> { values.get(range.clone()).unwrap_or_default().to_vec() };
        let (query, out, dout) = (part(&head.query), part(out), part(dout));
        let scores = scores.get_mut(..rows * length).unwrap_or_default();
        let dscores = dscores.get_mut(..rows * length).unwrap_or_default();
        keys_across.product(scores, Matrix::new(&query, rows, width), false);
        values_across.product(dscores, Matrix::new(&dout, rows, width), false);
        let mixed = out.chunks_exact(width).zip(dout.chunks_exact(width)).zip(logs);
        for (((p, dp), ((out, dout), log)), _) in
            scores.chunks_exact_mut(length).zip(dscores.chunks_exact_mut(length)).zip(mixed).zip(0..rows)
        {
            wide::softmax_gradients(p, dp, *log, wide::dot(out, dout));
        }
        let (p, ds) = (Matrix::new(scores, rows, length), Matrix::new(dscores, rows, length));
        Packed::new(Matrix::new(&dout, rows, width)).product(&mut dvalue, p.transposed(), true);
        Packed::new(Matrix::new(&query, rows, width)).product(&mut dkey, ds.transposed(), true);
        keys.product(dquery.get_mut(range.clone()).unwrap_or_default(), ds, false);
    }
    let scale = 1.0 / (width as f32).sqrt();
    wide::times(&mut dquery, scale);
    [dquery, dkey, dvalue]
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
    fn head(&self, qkv: &[f32], table: &[f32], lengths: &[u32], task: usize) -> Head {
        let length = lengths.get(task / self.heads).map_or(0, |&length| (length as usize).min(self.seq));
        let columns = 3 * self.heads * self.width;
        let first = task / self.heads * self.seq * columns + task % self.heads * 3 * self.width;
        let part = |part: usize| rows(qkv, first + part * self.width, columns, self.width, length);
        let (mut query, mut key, value) = (part(0), part(1), part(2));
        turn(&mut query, table, self.width, 1.0);
        turn(&mut key, table, self.width, 1.0);
        let scale = 1.0 / (self.width as f32).sqrt();
        wide::times(&mut query, scale);
        Head { length, query, key, value }
    }

    /// A head's columns of a matrix `(b * t, d)`.
    fn read(&self, from: &[f32], d: usize, task: usize, length: usize) -> Vec<f32> {
        let first = task / self.heads * self.seq * d + task % self.heads * self.width;
        rows(from, first, d, self.width, length)
    }

    /// Puts a head's rows into a matrix of `columns` columns, in which each head has `columns / heads`, at part `part` of them.
    fn write(&self, into: &mut [f32], columns: usize, part: usize, task: usize, rows: &[f32]) {
        let first =
            task / self.heads * self.seq * columns + task % self.heads * (columns / self.heads) + part * self.width;
        for (row, values) in rows.chunks_exact(self.width).enumerate() {
            if let Some(to) = into.get_mut(first + row * columns..first + row * columns + self.width) {
                to.copy_from_slice(values);
            }
        }
    }
}

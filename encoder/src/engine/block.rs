//! A block of rows from one attention to the next: everything that concerns each token alone.

use super::activations::Activations;
use super::batch::Batch;
use super::kernel::lines::{Floats, flat_mut, zeros};
use super::kernel::{COLUMNS, Output};
use super::{Engine, Shape};

/// Memory of one thread, used again for every block.
pub(super) struct Work {
    /// What a norm leaves, or attention.
    narrow: Activations,
    /// What the gate leaves.
    inner: Activations,
    /// Queries, keys and values before they are turned.
    wide: Vec<Floats>,
    /// What the gate lets through, before it becomes codes; the zeros behind the real width stay zeros.
    gated: Vec<Floats>,
    /// Attention's heads side by side.
    joined: Vec<Floats>,
}

impl Work {
    pub(super) fn new(shape: &Shape, rows: usize) -> Self {
        Self {
            narrow: Activations::new(rows, shape.stream),
            inner: Activations::new(rows, shape.inner),
            wide: zeros(rows * (3 * shape.hidden).next_multiple_of(COLUMNS) / 16),
            gated: zeros(rows * shape.inner / 16),
            joined: zeros(rows * shape.stream / 16),
        }
    }
}

impl Engine {
    /// The tokens' embeddings to the stream.
    pub(super) fn embed(&self, batch: &Batch, first: usize, stream: &mut [f32]) {
        for (row, &id) in stream.chunks_exact_mut(self.shape.stream).zip(&batch.ids[first..]) {
            let Some((codes, scale)) = self.embedding.row(id as usize) else { continue };
            for (x, &code) in row.iter_mut().zip(codes) {
                *x = f32::from(code) * scale;
            }
        }
    }

    /// The first half of a layer up to its attention: queries, keys and values, turned, in bf16.
    pub(super) fn begin(
        &self,
        layer: usize,
        batch: &Batch,
        first: usize,
        stream: &[f32],
        attention: &mut [u16],
        work: &mut Work,
    ) {
        let (shape, layer, kernel) = (&self.shape, &self.layers[layer], self.kernel);
        let rows = stream.len() / shape.stream;
        kernel.norm_to_codes(stream, shape.stream, &layer.attention_norm, shape.eps, &mut work.narrow);
        let (wide, columns) = (flat_mut(&mut work.wide), layer.qkv.columns());
        kernel.product(&work.narrow, rows, &layer.qkv, &mut Output::Store(wide), columns);
        // The softmax is one of powers of two.
        let scale = std::f32::consts::LOG2_E / (shape.head as f32).sqrt();
        let to = attention.chunks_exact_mut(shape.attention());
        for ((from, to), &position) in wide.chunks_exact(columns).take(rows).zip(to).zip(&batch.positions[first..]) {
            let angles = self.rotary.at(position);
            kernel.turn(&from[..3 * shape.hidden], shape.head, angles, scale, to, shape.head_padded);
        }
    }

    /// The second half of a layer from its attention on: both additions to the stream.
    pub(super) fn finish(
        &self,
        layer: usize,
        mixed: &[f32],
        total: usize,
        first: usize,
        stream: &mut [f32],
        work: &mut Work,
    ) {
        let (shape, layer, kernel) = (&self.shape, &self.layers[layer], self.kernel);
        let rows = stream.len() / shape.stream;
        let joined = &mut flat_mut(&mut work.joined)[..rows * shape.stream];
        for (head, mixed) in mixed.chunks_exact(total * shape.head).enumerate() {
            let from = mixed[first * shape.head..].chunks_exact(shape.head);
            for (row, from) in joined.chunks_exact_mut(shape.stream).zip(from) {
                row[head * shape.head..][..shape.head].copy_from_slice(from);
            }
        }
        kernel.to_codes(joined, shape.stream, &mut work.narrow);
        kernel.product(&work.narrow, rows, &layer.wo, &mut Output::Add(stream), shape.stream);

        kernel.norm_to_codes(stream, shape.stream, &layer.ffn_norm, shape.eps, &mut work.narrow);
        let gated = &mut flat_mut(&mut work.gated)[..rows * shape.inner];
        kernel.product(&work.narrow, rows, &layer.w12, &mut Output::Gate(gated), shape.inner);
        kernel.to_codes(gated, shape.inner, &mut work.inner);
        kernel.product(&work.inner, rows, &layer.w3, &mut Output::Add(stream), shape.stream);
    }

    /// The last norm.
    pub(super) fn last(&self, stream: &mut [f32]) {
        self.kernel.norm(stream, self.shape.stream, &self.norm, self.shape.eps);
    }
}

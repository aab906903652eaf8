//! A weight matrix packed for the kernels.
//!
//! Columns here are output channels. Sixteen make a panel, in which four consecutive inputs of one column lie side by side, as the
//! dot-product instructions take them: `[panel][input / 4][column][4]`. Panels go in pairs. Missing inputs and columns are zeros.

use super::kernel::COLUMNS;
use super::kernel::lines::{CodeStep, zeros};
use crate::quantized::Quantized;

/// Columns of a panel.
const PANEL: usize = 16;

/// A packed matrix.
pub(super) struct Matrix {
    steps: Vec<CodeStep>,
    /// Steps of a panel: a quarter of the inputs, padded to a multiple of 64.
    depth: usize,
    /// What a column's codes stand for.
    scales: Vec<[f32; COLUMNS]>,
    /// 128 times the sum of a column's codes: what adding 128 to every activation adds to its dot product.
    excess: Vec<[i32; COLUMNS]>,
}

/// Two panels and what belongs to their columns.
#[derive(Clone, Copy)]
pub(super) struct Pair<'a> {
    pub(super) panels: [&'a [CodeStep]; 2],
    pub(super) scales: &'a [f32; COLUMNS],
    pub(super) excess: &'a [i32; COLUMNS],
}

impl Matrix {
    /// Packs the rows of `weight` (output channels) as columns, in the order of `channels`, where `None` is a column of zeros.
    pub(super) fn pack(weight: &Quantized, channels: impl IntoIterator<Item = Option<usize>>) -> Self {
        let mut channels: Vec<Option<usize>> = channels.into_iter().collect();
        channels.resize(channels.len().next_multiple_of(COLUMNS), None);
        let depth = weight.width.next_multiple_of(64) / 4;
        let pairs = channels.len() / COLUMNS;
        let mut matrix = Self {
            steps: zeros(2 * pairs * depth),
            depth,
            scales: vec![[0.0; COLUMNS]; pairs],
            excess: vec![[0; COLUMNS]; pairs],
        };
        for (at, channel) in channels.into_iter().enumerate() {
            let Some((codes, scale)) = channel.and_then(|channel| weight.row(channel)) else { continue };
            let (pair, column) = (at / COLUMNS, at % COLUMNS);
            matrix.scales[pair][column] = scale;
            matrix.excess[pair][column] = 128 * codes.iter().map(|&code| i32::from(code)).sum::<i32>();
            let panel = &mut matrix.steps[at / PANEL * depth..][..depth];
            for (step, codes) in panel.iter_mut().zip(codes.chunks(4)) {
                step.0[at % PANEL * 4..][..codes.len()].copy_from_slice(codes);
            }
        }
        matrix
    }

    /// Lines of 64 codes a row of activations must have.
    pub(super) fn depth(&self) -> usize {
        self.depth / 16
    }

    /// Columns, those of zeros included.
    pub(super) fn columns(&self) -> usize {
        self.scales.len() * COLUMNS
    }

    /// The pairs of panels, in order.
    pub(super) fn pairs(&self) -> impl Iterator<Item = Pair<'_>> {
        let panels = self.steps.chunks_exact(2 * self.depth.max(1));
        panels.zip(&self.scales).zip(&self.excess).map(|((steps, scales), excess)| {
            let (first, second) = steps.split_at(self.depth);
            Pair { panels: [first, second], scales, excess }
        })
    }
}

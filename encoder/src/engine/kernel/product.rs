//! Codes times a packed matrix, and what becomes of the sums.

use super::super::activations::Activations;
use super::super::matrix::{Matrix, Pair};
use super::exp::{exp2, fused};
use super::lines::{CodeStep, Codes};
use super::{COLUMNS, Sums};

/// Columns of a panel.
const HALF: usize = COLUMNS / 2;

/// Where a product goes: rows of `stride` floats.
pub(in super::super) enum Output<'a> {
    /// Stored as it is.
    Store(&'a mut [f32]),
    /// Added to what is there.
    Add(&'a mut [f32]),
    /// Sixteen columns of a gate and sixteen of a value become `silu(gate) * value`.
    Gate(&'a mut [f32]),
}

/// The first `rows` rows of `activations` times `matrix`, `N` rows and two panels at a time, so that a pair of panels stays in the
/// nearest cache while all rows pass.
#[inline(always)]
pub(super) fn product<const N: usize, const FMA: bool>(
    activations: &Activations,
    rows: usize,
    matrix: &Matrix,
    output: &mut Output<'_>,
    stride: usize,
    tile: impl Fn(&[Codes], usize, [&[CodeStep]; 2], &mut Sums<N>),
) {
    let depth = matrix.depth();
    assert_eq!(depth, activations.depth, "a row of activations is as deep as the matrix");
    let mut sums = [[0; COLUMNS]; N];
    for (at, pair) in matrix.pairs().enumerate() {
        for first in (0..rows).step_by(N) {
            tile(&activations.codes[first * depth..], depth, pair.panels, &mut sums);
            let scales = &activations.scales[first..];
            for (row, (sums, &scale)) in sums.iter().zip(scales).enumerate().take(rows - first) {
                let values = values(sums, &pair, scale);
                let row = (first + row) * stride;
                match output {
                    Output::Store(out) => {
                        if let Some(out) = out[row + at * COLUMNS..].first_chunk_mut::<COLUMNS>() {
                            *out = values;
                        }
                    }
                    Output::Add(out) => {
                        if let Some(out) = out[row + at * COLUMNS..].first_chunk_mut::<COLUMNS>() {
                            *out = std::array::from_fn(|column| out[column] + values[column]);
                        }
                    }
                    Output::Gate(out) => {
                        if let Some(out) = out[row + at * HALF..].first_chunk_mut::<HALF>() {
                            *out = std::array::from_fn(|i| gated::<FMA>(values[i], values[HALF + i]));
                        }
                    }
                }
            }
        }
    }
}

/// What a row's sums stand for. `wrapping_sub`, because a check would keep the compiler from vectors; the difference is a dot product of
/// codes and far from the limits.
#[inline(always)]
fn values(sums: &[i32; COLUMNS], pair: &Pair<'_>, scale: f32) -> [f32; COLUMNS] {
    std::array::from_fn(|column| sums[column].wrapping_sub(pair.excess[column]) as f32 * (pair.scales[column] * scale))
}

/// `silu(gate) * value`
#[inline(always)]
fn gated<const FMA: bool>(gate: f32, value: f32) -> f32 {
    gate * value / fused::<FMA>(exp2::<FMA>(-std::f32::consts::LOG2_E * gate), 1.0, 1.0)
}

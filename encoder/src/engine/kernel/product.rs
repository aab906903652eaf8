//! Codes times a packed matrix, and what becomes of the sums.

use super::super::activations::Activations;
use super::super::matrix::Matrix;
use super::exp::{exp2, fused};
use super::lines::{CodeStep, Codes};
use super::{COLUMNS, Sums};

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
                let value = |column: usize| (sums[column] - pair.excess[column]) as f32 * (pair.scales[column] * scale);
                let row = (first + row) * stride;
                match output {
                    Output::Store(out) => {
                        if let Some(out) = out[row + at * COLUMNS..].first_chunk_mut::<COLUMNS>() {
                            for column in 0..COLUMNS {
                                out[column] = value(column);
                            }
                        }
                    }
                    Output::Add(out) => {
                        if let Some(out) = out[row + at * COLUMNS..].first_chunk_mut::<COLUMNS>() {
                            for column in 0..COLUMNS {
                                out[column] += value(column);
                            }
                        }
                    }
                    Output::Gate(out) => {
                        if let Some(out) = out[row + at * (COLUMNS / 2)..].first_chunk_mut::<{ COLUMNS / 2 }>() {
                            for column in 0..COLUMNS / 2 {
                                out[column] = gated::<FMA>(value(column), value(COLUMNS / 2 + column));
                            }
                        }
                    }
                }
            }
        }
    }
}

/// `silu(gate) * value`
#[inline(always)]
fn gated<const FMA: bool>(gate: f32, value: f32) -> f32 {
    gate * value / fused::<FMA>(exp2::<FMA>(-std::f32::consts::LOG2_E * gate), 1.0, 1.0)
}

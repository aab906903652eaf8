//! What a tile is, in plain loops: the reference of every other path, and the path of processors that have none.

use super::lines::{CodeStep, Codes, HalfStep};
use super::path::compile_path;
use super::{COLUMNS, Sums};

compile_path!(tile: 4, fused: false);

/// What a path sets up before its tiles and takes down afterwards: here, nothing.
pub(super) struct Session;

impl Session {
    pub(super) fn begin() -> Self {
        Self
    }
}

/// Rows of `depth` lines of codes times two panels.
#[inline(always)]
pub(super) fn tile_codes<const N: usize>(rows: &[Codes], depth: usize, panels: [&[CodeStep]; 2], sums: &mut Sums<N>) {
    for (row, sums) in rows.chunks_exact(depth.max(1)).zip(sums.iter_mut()) {
        *sums = [0; COLUMNS];
        for (panel, sums) in panels.into_iter().zip(sums.as_chunks_mut::<16>().0) {
            let fours = row.iter().flat_map(|line| line.0.as_chunks::<4>().0);
            for (step, codes) in panel.iter().zip(fours) {
                for (weights, sum) in step.0.as_chunks::<4>().0.iter().zip(sums.iter_mut()) {
                    let products =
                        weights.iter().zip(codes).map(|(&weight, &code)| i32::from(weight) * i32::from(code));
                    *sum += products.sum::<i32>();
                }
            }
        }
    }
}

/// `N` rows of `depth` times 32 bf16 numbers, `stride` apart, times two panels; the sums, `out_stride` apart, are stored or added.
#[inline(always)]
pub(super) fn tile_halves<const N: usize>(
    rows: &[u16],
    stride: usize,
    depth: usize,
    panels: [&[HalfStep]; 2],
    out: &mut [f32],
    out_stride: usize,
    add: bool,
) {
    for row in 0..N {
        let numbers = rows[row * stride..][..32 * depth].as_chunks::<2>().0;
        for (at, panel) in panels.into_iter().enumerate() {
            let Some(out) = out[row * out_stride + 16 * at..].first_chunk_mut::<16>() else { continue };
            let mut sums = if add { *out } else { [0.0; 16] };
            for (step, pair) in panel.iter().zip(numbers) {
                for (&weights, sum) in step.0.iter().zip(sums.iter_mut()) {
                    let (first, second) = (weights as u16, (weights >> 16) as u16);
                    *sum += widened(first) * widened(pair[0]) + widened(second) * widened(pair[1]);
                }
            }
            *out = sums;
        }
    }
}

fn widened(half: u16) -> f32 {
    f32::from_bits(u32::from(half) << 16)
}

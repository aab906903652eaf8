//! Products in tile registers (AMX): bf16 numbers are multiplied sixteen times as fast there as floats are in vectors, so that three
//! products of the parts of [`super::split`] are by far the quicker way to one product of floats.
//!
//! The fourth, of both second parts, is as small as what splitting has left out. A term of a sum is off by 3 * 2^-18 of itself at most,
//! and terms are off either way, so that a long sum is off by a few millionths of its terms' size.
#![allow(unsafe_code)]

use std::arch::asm;
use std::arch::x86_64::{_MM_HINT_ET0, _mm_prefetch};
use std::ops::Range;

use neodex_encoder::tile_registers::{Session, granted};

use super::product::Target;
use super::split::{COMMON, Operand, SIDE, Step, split};
use super::strips::Matrix;
use super::tile::write;

/// Steps of the common dimension that are taken at a time, at most: two panels of the right operand then stay close to the first cache.
const STEPS: usize = 8;
/// Rows and columns of the result that are formed at a time.
const BLOCK: usize = 2 * SIDE;

/// Whether this machine can.
pub(super) fn found() -> bool {
    is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw") && granted()
}

/// The right operand, stretch by stretch of the common dimension, each of equal length but the last.
pub(super) fn pack(rhs: Matrix<'_>) -> Vec<Vec<Step>> {
    let depth = depth(rhs.rows);
    let stretches = (0..rhs.rows).step_by(depth).map(|start| start..(start + depth).min(rhs.rows));
    stretches.map(|common| split(rhs.transposed(), 0..rhs.columns, common, Operand::Right)).collect()
}

fn depth(common: usize) -> usize {
    let steps = common.div_ceil(COMMON);
    steps.div_ceil(steps.div_ceil(STEPS).max(1)).max(1) * COMMON
}

/// Some rows of a product, for a right operand of [`pack`].
pub(super) fn multiply(target: Target<'_>, lhs: Matrix<'_>, rows: Range<usize>, strips: &[Vec<Step>]) {
    let Target { into, stride, columns, add } = target;
    if strips.is_empty() && !add {
        into.fill(0.0);
    }
    let depth = depth(lhs.columns);
    for (stretch, right) in strips.iter().enumerate() {
        let common = stretch * depth..(stretch * depth + depth).min(lhs.columns);
        let steps = common.len().div_ceil(COMMON).max(1);
        let left = split(lhs, rows.clone(), common, Operand::Left);
        let add = add || stretch > 0;
        // None of the pool's work may be taken up while the registers are set up.
        let _session = Session::begin();
        for (right, column) in right.chunks_exact(2 * steps).zip((0..columns).step_by(BLOCK)) {
            for (left, row) in left.chunks_exact(2 * steps).zip((0..rows.len()).step_by(BLOCK)) {
                let (height, width) = (BLOCK.min(rows.len() - row), BLOCK.min(columns - column));
                // What the next block goes to is fetched while this one is computed.
                fetch(into.as_ptr().wrapping_add((row + BLOCK) * stride + column), stride);
                let place = into.get_mut(row * stride + column..).unwrap_or_default();
                if height == BLOCK && width == BLOCK {
                    tile(left, right, place, stride, add);
                    continue;
                }
                let mut whole = [0.0_f32; BLOCK * BLOCK];
                tile(left, right, &mut whole, BLOCK, false);
                for (row, sums) in place.chunks_mut(stride).zip(whole.chunks_exact(BLOCK)).take(height) {
                    write(row.get_mut(..width).unwrap_or_default(), sums, add);
                }
            }
        }
    }
}

/// Asks for the lines of a block, to be written to, wherever it lies: nothing happens where nothing is there.
fn fetch(block: *const f32, stride: usize) {
    for row in 0..BLOCK {
        let line = block.wrapping_add(row * stride).cast::<i8>();
        // SAFETY: the instructions read nothing.
        unsafe {
            _mm_prefetch::<_MM_HINT_ET0>(line);
            _mm_prefetch::<_MM_HINT_ET0>(line.wrapping_add(64));
        }
    }
}

/// Four tiles' products by sums: one part of both operands, whatever of them has changed being read.
macro_rules! products {
    (left $left:literal) => {
        concat!(
            "tileloadd tmm4, [{left} + {line}*1 + ",
            $left,
            "]\n",
            "tdpbf16ps tmm0, tmm4, tmm6\n",
            "tdpbf16ps tmm1, tmm4, tmm7\n",
            "tileloadd tmm5, [{left_low} + {line}*1 + ",
            $left,
            "]\n",
            "tdpbf16ps tmm2, tmm5, tmm6\n",
            "tdpbf16ps tmm3, tmm5, tmm7\n",
        )
    };
    (right $right:literal) => {
        concat!(
            "tileloadd tmm6, [{right} + {line}*1 + ",
            $right,
            "]\n",
            "tdpbf16ps tmm0, tmm4, tmm6\n",
            "tdpbf16ps tmm2, tmm5, tmm6\n",
            "tileloadd tmm7, [{right_next} + {line}*1 + ",
            $right,
            "]\n",
            "tdpbf16ps tmm1, tmm4, tmm7\n",
            "tdpbf16ps tmm3, tmm5, tmm7\n",
        )
    };
}

/// 32 rows and columns of a result, in rows `stride` apart: of two blocks of the left operand and two panels of the right one.
fn tile(left: &[Step], right: &[Step], into: &mut [f32], stride: usize, add: bool) {
    let steps = left.len() / 2;
    assert!(steps > 0 && right.len() == 2 * steps && left.len() == 2 * steps);
    assert!(into.len() >= (BLOCK - 1) * stride + BLOCK);
    let (left, right, into) = (left.as_ptr(), right.as_ptr(), into.as_mut_ptr());
    let stride = 4 * stride;
    // SAFETY: the caller has set the registers up; the loop reads `steps` steps from each of four places of as many, and reads and writes 32
    // rows of 32 floats, all of which are asserted to be there. Parts of a step are 1,024 bytes apart, steps 2,048.
    unsafe {
        asm!(
            "test {add}, {add}",
            "jnz 3f",
            "tilezero tmm0",
            "tilezero tmm1",
            "tilezero tmm2",
            "tilezero tmm3",
            "jmp 2f",
            "3:",
            "tileloadd tmm0, [{into} + {stride}*1]",
            "tileloadd tmm1, [{into} + {stride}*1 + 64]",
            "tileloadd tmm2, [{into_low} + {stride}*1]",
            "tileloadd tmm3, [{into_low} + {stride}*1 + 64]",
            "2:",
            "tileloadd tmm6, [{right} + {line}*1]",
            "tileloadd tmm7, [{right_next} + {line}*1]",
            products!(left 1024),
            products!(left 0),
            products!(right 1024),
            "add {left}, 2048",
            "add {left_low}, 2048",
            "add {right}, 2048",
            "add {right_next}, 2048",
            "dec {steps}",
            "jnz 2b",
            "tilestored [{into} + {stride}*1], tmm0",
            "tilestored [{into} + {stride}*1 + 64], tmm1",
            "tilestored [{into_low} + {stride}*1], tmm2",
            "tilestored [{into_low} + {stride}*1 + 64], tmm3",
            add = in(reg) usize::from(add),
            left = inout(reg) left => _,
            left_low = inout(reg) left.add(steps) => _,
            right = inout(reg) right => _,
            right_next = inout(reg) right.add(steps) => _,
            line = in(reg) 64_usize,
            steps = inout(reg) steps => _,
            into = in(reg) into,
            into_low = in(reg) into.byte_add(SIDE * stride),
            stride = in(reg) stride,
            out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
            out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
            options(nostack),
        );
    }
}

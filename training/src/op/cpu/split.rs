//! Numbers as sums of two bf16 numbers, in the order in which tile registers take them.
//!
//! The first is the number rounded to 8 bits, the second what that is off by, rounded likewise: together they are off by 2^-18 of the
//! number at most (Henry, Tang & Heinecke 2019, arXiv 1904.06376). Numbers below 2^-117 lose the second one, since the tiles take what is
//! not normal for zero.
#![allow(unsafe_code)]

use std::arch::x86_64::{
    __m512, __m512i, _mm512_add_epi32, _mm512_and_si512, _mm512_castps_si512, _mm512_castsi512_ps, _mm512_load_si512,
    _mm512_loadu_ps, _mm512_loadu_si512, _mm512_or_si512, _mm512_permutex2var_epi16, _mm512_set1_epi32,
    _mm512_setzero_si512, _mm512_shuffle_i32x4, _mm512_srli_epi32, _mm512_store_si512, _mm512_sub_ps,
    _mm512_unpackhi_epi32, _mm512_unpackhi_epi64, _mm512_unpacklo_epi32, _mm512_unpacklo_epi64,
};
use std::mem::MaybeUninit;
use std::ops::Range;

use rayon::prelude::*;

use super::strips::Matrix;

/// Rows or columns that a tile has.
pub(super) const SIDE: usize = 16;
/// How much of the common dimension a tile has.
pub(super) const COMMON: usize = 32;
/// Numbers that are taken for one.
const PARTS: usize = 2;
/// Steps below which one thread splits them all.
const SMALL: usize = 64;

/// A line of a tile: pairs of bf16 numbers that follow each other in the common dimension.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([u32; 16]);

/// 16 rows or columns over 32 of the common dimension: a tile of the first parts and one of the second.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Step([[Line; SIDE]; PARTS]);

/// Which operand of a product the steps are for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Operand {
    /// A line is a row.
    Left,
    /// A line is a pair of the common dimension; rows of what is split are the columns of the product.
    Right,
}

/// Splits a part of a matrix, whose columns are the common dimension, for instructions that [`super::amx::found`] has found: for every two
/// blocks of 16 rows, first the steps of the one, then of the other; zeros beyond the last row and column.
pub(super) fn split(from: Matrix<'_>, rows: Range<usize>, common: Range<usize>, operand: Operand) -> Vec<Step> {
    let steps = common.len().div_ceil(COMMON).max(1);
    let count = rows.len().div_ceil(2 * SIDE) * 2 * steps;
    let mut split = Vec::with_capacity(count);
    let room: &mut [MaybeUninit<Step>] = split.spare_capacity_mut().get_mut(..count).unwrap_or_default();
    let at_once = if count < SMALL { count.max(1) } else { steps };
    room.par_chunks_mut(at_once).enumerate().for_each(|(part, room)| {
        for (at, step) in (part * at_once..).zip(room) {
            let (row, column) = (rows.start + at / steps * SIDE, common.start + at % steps * COMMON);
            one(from, row..rows.end, column..common.end, operand, step);
        }
    });
    // SAFETY: as many steps as there is room for, each of which `one` has written.
    unsafe { split.set_len(count) };
    split
}

/// One step: the first rows and columns of these.
fn one(from: Matrix<'_>, rows: Range<usize>, columns: Range<usize>, operand: Operand, step: &mut MaybeUninit<Step>) {
    let first = rows.start * from.row_stride + columns.start * from.column_stride;
    let values = from.values.get(first..).unwrap_or_default();
    let whole = rows.len() >= SIDE && columns.len() >= COMMON;
    if whole && from.column_stride == 1 && values.len() >= (SIDE - 1) * from.row_stride + COMMON {
        // SAFETY: the caller has found the instructions.
        return unsafe { along(values, from.row_stride, operand == Operand::Right, step) };
    }
    if whole && from.row_stride == 1 && values.len() >= (COMMON - 1) * from.column_stride + SIDE {
        // SAFETY: as above.
        return unsafe { across(values, from.column_stride, operand == Operand::Left, step) };
    }
    let mut gathered = [0.0_f32; SIDE * COMMON];
    for (row, to) in gathered.chunks_exact_mut(COMMON).enumerate().take(rows.len()) {
        for (column, to) in to.iter_mut().enumerate().take(columns.len()) {
            *to = values.get(row * from.row_stride + column * from.column_stride).copied().unwrap_or(0.0);
        }
    }
    // SAFETY: as above.
    unsafe { along(&gathered, COMMON, operand == Operand::Right, step) }
}

/// Rows of 32 numbers side by side, `stride` apart.
#[target_feature(enable = "avx512f,avx512bw")]
fn along(values: &[f32], stride: usize, turned: bool, step: &mut MaybeUninit<Step>) {
    const ODD: [u16; 32] = {
        let mut odd = [0; 32];
        let mut at = 0;
        while at < 32 {
            odd[at] = 2 * at as u16 + 1;
            at += 1;
        }
        odd
    };
    assert!(values.len() >= (SIDE - 1) * stride + COMMON);
    let lines = step.as_mut_ptr().cast::<__m512i>();
    // SAFETY: reads are inside, as asserted; a step is 32 vectors, aligned as vectors are.
    unsafe {
        let odd = _mm512_loadu_si512(ODD.as_ptr().cast());
        for row in 0..SIDE {
            let from = values.as_ptr().add(row * stride);
            let (mut low, mut high) = (_mm512_loadu_ps(from), _mm512_loadu_ps(from.add(16)));
            for part in 0..PARTS {
                let (low_part, high_part) = (rounded(low), rounded(high));
                let line = _mm512_permutex2var_epi16(low_part, odd, high_part);
                _mm512_store_si512(lines.add(part * SIDE + row), line);
                (low, high) = (rest(low, low_part), rest(high, high_part));
            }
        }
        if turned {
            (0..PARTS).for_each(|part| turn(lines.add(part * SIDE)));
        }
    }
}

/// Columns of 16 numbers side by side, `stride` apart.
#[target_feature(enable = "avx512f,avx512bw")]
fn across(values: &[f32], stride: usize, turned: bool, step: &mut MaybeUninit<Step>) {
    assert!(values.len() >= (COMMON - 1) * stride + SIDE);
    let lines = step.as_mut_ptr().cast::<__m512i>();
    // SAFETY: as above.
    unsafe {
        for pair in 0..SIDE {
            let from = values.as_ptr().add(2 * pair * stride);
            let (mut first, mut second) = (_mm512_loadu_ps(from), _mm512_loadu_ps(from.add(stride)));
            for part in 0..PARTS {
                let (first_part, second_part) = (rounded(first), rounded(second));
                let line = _mm512_or_si512(_mm512_srli_epi32::<16>(first_part), second_part);
                _mm512_store_si512(lines.add(part * SIDE + pair), line);
                (first, second) = (rest(first, first_part), rest(second, second_part));
            }
        }
        if turned {
            (0..PARTS).for_each(|part| turn(lines.add(part * SIDE)));
        }
    }
}

/// Numbers to the nearest that bf16 has, as the upper halves of floats.
#[target_feature(enable = "avx512f")]
#[inline]
fn rounded(of: __m512) -> __m512i {
    let half = _mm512_add_epi32(_mm512_castps_si512(of), _mm512_set1_epi32(0x8000));
    _mm512_and_si512(half, _mm512_set1_epi32(0xffff_0000_u32.cast_signed()))
}

/// What numbers are beyond a part of theirs.
#[target_feature(enable = "avx512f")]
#[inline]
fn rest(of: __m512, part: __m512i) -> __m512 {
    _mm512_sub_ps(of, _mm512_castsi512_ps(part))
}

/// Exchanges rows and columns of 16 lines of 16 pairs.
///
/// # Safety
/// 16 vectors are there.
#[target_feature(enable = "avx512f")]
unsafe fn turn(lines: *mut __m512i) {
    let mut rows = [_mm512_setzero_si512(); 16];
    for (at, row) in rows.iter_mut().enumerate() {
        // SAFETY: the caller's promise.
        *row = unsafe { _mm512_load_si512(lines.add(at)) };
    }
    let mut pairs = rows;
    for at in 0..8 {
        pairs[2 * at] = _mm512_unpacklo_epi32(rows[2 * at], rows[2 * at + 1]);
        pairs[2 * at + 1] = _mm512_unpackhi_epi32(rows[2 * at], rows[2 * at + 1]);
    }
    let mut fours = pairs;
    for at in [0, 4, 8, 12] {
        fours[at] = _mm512_unpacklo_epi64(pairs[at], pairs[at + 2]);
        fours[at + 1] = _mm512_unpackhi_epi64(pairs[at], pairs[at + 2]);
        fours[at + 2] = _mm512_unpacklo_epi64(pairs[at + 1], pairs[at + 3]);
        fours[at + 3] = _mm512_unpackhi_epi64(pairs[at + 1], pairs[at + 3]);
    }
    for at in 0..4 {
        let [a, b, c, d] = [fours[at], fours[at + 4], fours[at + 8], fours[at + 12]];
        // The even and the odd quarters of each.
        let (even, odd) = (_mm512_shuffle_i32x4::<0x88>(a, b), _mm512_shuffle_i32x4::<0xdd>(a, b));
        let (even_below, odd_below) = (_mm512_shuffle_i32x4::<0x88>(c, d), _mm512_shuffle_i32x4::<0xdd>(c, d));
        let columns = [
            _mm512_shuffle_i32x4::<0x88>(even, even_below),
            _mm512_shuffle_i32x4::<0x88>(odd, odd_below),
            _mm512_shuffle_i32x4::<0xdd>(even, even_below),
            _mm512_shuffle_i32x4::<0xdd>(odd, odd_below),
        ];
        for (quarter, column) in columns.into_iter().enumerate() {
            // SAFETY: as above.
            unsafe { _mm512_store_si512(lines.add(4 * quarter + at), column) };
        }
    }
}

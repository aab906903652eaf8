//! 128-bit paths for AArch64, where NEON is always there.
//!
//! Widening multiplies and pairwise adds rather than `sdot`: the standard library does not offer that one on stable Rust yet.
#![allow(unsafe_code)]

use std::arch::aarch64::{
    float32x4_t, int8x16_t, vaddq_f32, vaddvq_f32, vaddvq_s32, vdupq_n_f32, vdupq_n_s32, vfmaq_f32, vget_low_s8,
    vld1q_f32, vld1q_s8, vmull_high_s8, vmull_s8, vpadalq_s16,
};

use super::scalar;

/// The dot product of `query` with each row of `rows`.
#[target_feature(enable = "neon")]
pub(super) fn dot_i8_rows(query: &[i8], rows: &[i8], out: &mut [i32]) {
    for (out, row) in out.iter_mut().zip(rows.chunks_exact(query.len())) {
        *out = dot_i8(query, row);
    }
}

/// The dot product of `query` with the rows at `places`.
#[target_feature(enable = "neon")]
pub(super) fn dot_i8_some(query: &[i8], rows: &[i8], stride: usize, places: &[u32], out: &mut [i32]) {
    for (&place, out) in places.iter().zip(out) {
        *out = match scalar::row_at(rows, stride, query.len(), place) {
            Some(row) => dot_i8(query, row),
            None => 0,
        };
    }
}

/// A product of two codes fits 16 bits, and `vpadal` adds pairs of them into 32: nothing can saturate.
#[target_feature(enable = "neon")]
#[inline]
fn dot_i8(left: &[i8], right: &[i8]) -> i32 {
    let (left, left_tail) = left.as_chunks::<16>();
    let (right, right_tail) = right.as_chunks::<16>();
    let mut low = vdupq_n_s32(0);
    let mut high = vdupq_n_s32(0);
    for (left, right) in left.iter().zip(right) {
        let (left, right) = (load(left), load(right));
        low = vpadalq_s16(low, vmull_s8(vget_low_s8(left), vget_low_s8(right)));
        high = vpadalq_s16(high, vmull_high_s8(left, right));
    }
    vaddvq_s32(low) + vaddvq_s32(high) + scalar::dot_i8(left_tail, right_tail)
}

/// The dot product with four independent sums, enough to hide the latency of the fused multiply-add.
#[target_feature(enable = "neon")]
pub(super) fn dot_f32(left: &[f32], right: &[f32]) -> f32 {
    let length = left.len().min(right.len());
    let (left, left_tail) = left[..length].as_chunks::<4>();
    let (right, right_tail) = right[..length].as_chunks::<4>();
    let mut sums = [vdupq_n_f32(0.0); 4];
    let (left_fours, left_rest) = left.as_chunks::<4>();
    let (right_fours, right_rest) = right.as_chunks::<4>();
    for (left, right) in left_fours.iter().zip(right_fours) {
        for ((sum, left), right) in sums.iter_mut().zip(left).zip(right) {
            *sum = vfmaq_f32(*sum, load_f32(left), load_f32(right));
        }
    }
    for ((sum, left), right) in sums.iter_mut().zip(left_rest).zip(right_rest) {
        *sum = vfmaq_f32(*sum, load_f32(left), load_f32(right));
    }
    let [a, b, c, d] = sums;
    vaddvq_f32(vaddq_f32(vaddq_f32(a, b), vaddq_f32(c, d))) + scalar::dot_tail_f32(left_tail, right_tail)
}

#[target_feature(enable = "neon")]
#[inline]
fn load(codes: &[i8; 16]) -> int8x16_t {
    // SAFETY: the array is 16 bytes, exactly what is read; the load needs no alignment.
    unsafe { vld1q_s8(codes.as_ptr()) }
}

#[target_feature(enable = "neon")]
#[inline]
fn load_f32(values: &[f32; 4]) -> float32x4_t {
    // SAFETY: the array is 4 floats, exactly what is read; the load needs no alignment.
    unsafe { vld1q_f32(values.as_ptr()) }
}

//! 128-bit registers of AArch64, where NEON is always there.
//!
//! Widening multiplies and pairwise adds rather than `sdot`: the standard library does not offer that one on stable Rust yet.
#![allow(unsafe_code)]

use std::arch::aarch64::{
    float32x4_t, int32x4_t, vaddq_f32, vaddq_s32, vandq_u32, vdupq_n_f32, vdupq_n_s32, vdupq_n_u32, vdupq_n_u64,
    vfmaq_n_f32, vget_low_s8, vget_low_s16, vld1q_f32, vld1q_s8, vld1q_u32, vmovl_high_s8, vmovl_s8, vmull_high_s16,
    vmull_s16, vpaddq_s32, vreinterpretq_f32_u32, vreinterpretq_s16_u64, vshlq_n_u32, vst1q_f32, vst1q_s32,
};

use super::lines::{CodeStep, Codes, HalfStep};
use super::path::compile_path;
use super::scalar::Session;
use super::{COLUMNS, Sums};

compile_path!(#[target_feature(enable = "neon")] tile: 4, fused: true);

/// See [`scalar::tile_codes`](super::scalar::tile_codes).
#[target_feature(enable = "neon")]
#[inline]
fn tile_codes<const N: usize>(rows: &[Codes], depth: usize, panels: [&[CodeStep]; 2], sums: &mut Sums<N>) {
    assert!(rows.len() >= N * depth && panels.iter().all(|panel| panel.len() >= 16 * depth));
    for (at, panel) in panels.into_iter().enumerate() {
        // Four columns at a time: 16 weights, of which each column has four in a row.
        for quarter in 0..4 {
            let mut tile = [vdupq_n_s32(0); N];
            for step in 0..16 * depth {
                // SAFETY: the step is within the panel as asserted, and the quarter's 16 bytes within its 64.
                let weights = unsafe { vld1q_s8(panel.as_ptr().add(step).cast::<i8>().add(16 * quarter)) };
                let (low, high) = (vmovl_s8(vget_low_s8(weights)), vmovl_high_s8(weights));
                for (row, tile) in tile.iter_mut().enumerate() {
                    // SAFETY: row `row` begins `row * depth` lines into `rows`, which has `N * depth` of them as asserted, and has
                    // 16 * depth fours of bytes, of which `step` is one.
                    let four = unsafe { rows.as_ptr().add(row * depth).cast::<[u8; 4]>().add(step).read() };
                    let wide = four.into_iter().rev().fold(0_u64, |wide, code| wide << 16 | u64::from(code));
                    let codes = vreinterpretq_s16_u64(vdupq_n_u64(wide));
                    // A product of a code and a weight takes all of 16 bits: they are added in 32.
                    let first =
                        vpaddq_s32(vmull_s16(vget_low_s16(low), vget_low_s16(codes)), vmull_high_s16(low, codes));
                    let second =
                        vpaddq_s32(vmull_s16(vget_low_s16(high), vget_low_s16(codes)), vmull_high_s16(high, codes));
                    *tile = vaddq_s32(*tile, vpaddq_s32(first, second));
                }
            }
            for (sums, tile) in sums.iter_mut().zip(tile) {
                if let Some(sums) = sums[16 * at + 4 * quarter..].first_chunk_mut::<4>() {
                    store(sums, tile);
                }
            }
        }
    }
}

/// See [`scalar::tile_halves`](super::scalar::tile_halves).
#[target_feature(enable = "neon")]
#[inline]
fn tile_halves<const N: usize>(
    rows: &[u16],
    stride: usize,
    depth: usize,
    panels: [&[HalfStep]; 2],
    out: &mut [f32],
    out_stride: usize,
    add: bool,
) {
    assert!(rows.len() >= (N - 1) * stride + 32 * depth && panels.iter().all(|panel| panel.len() >= 16 * depth));
    assert!(out.len() >= (N - 1) * out_stride + COLUMNS);
    let upper = vdupq_n_u32(0xffff_0000);
    for (half, panel) in panels.into_iter().enumerate() {
        let mut tile = [[vdupq_n_f32(0.0); 4]; N];
        for at in 0..depth * 16 {
            for quarter in 0..4 {
                // SAFETY: step `at` is within the panel as asserted, and the quarter's 4 pairs within its 16.
                let step = unsafe { vld1q_u32(panel.as_ptr().add(at).cast::<u32>().add(4 * quarter)) };
                let low = vreinterpretq_f32_u32(vshlq_n_u32::<16>(step));
                let high = vreinterpretq_f32_u32(vandq_u32(step, upper));
                for (row, tile) in tile.iter_mut().enumerate() {
                    // SAFETY: row `row` begins `row * stride` numbers into `rows` and has 16 * depth pairs, of which `at` is one: asserted.
                    let pair = unsafe { rows.as_ptr().add(row * stride).cast::<u32>().add(at).read_unaligned() };
                    let sum = vfmaq_n_f32(tile[quarter], low, f32::from_bits(pair << 16));
                    tile[quarter] = vfmaq_n_f32(sum, high, f32::from_bits(pair & 0xffff_0000));
                }
            }
        }
        for (row, tile) in tile.into_iter().enumerate() {
            for (quarter, sum) in tile.into_iter().enumerate() {
                if let Some(out) = out[row * out_stride + 16 * half + 4 * quarter..].first_chunk_mut::<4>() {
                    write(out, sum, add);
                }
            }
        }
    }
}

#[target_feature(enable = "neon")]
#[inline]
fn store(to: &mut [i32; 4], sums: int32x4_t) {
    // SAFETY: the array is four numbers, exactly what is stored.
    unsafe { vst1q_s32(to.as_mut_ptr(), sums) }
}

#[target_feature(enable = "neon")]
#[inline]
fn write(to: &mut [f32; 4], sums: float32x4_t, add: bool) {
    // SAFETY: the array is four numbers, exactly what is loaded and stored.
    unsafe {
        let sums = if add { vaddq_f32(sums, vld1q_f32(to.as_ptr())) } else { sums };
        vst1q_f32(to.as_mut_ptr(), sums);
    }
}

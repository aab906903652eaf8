//! 256-bit registers with AVX2 and FMA: Haswell, Zen and later.
//!
//! Without dot products of bytes: codes and weights are widened to 16 bits, of which pairs are multiplied and added into 32, so that
//! nothing can saturate.
#![allow(unsafe_code)]

use std::arch::x86_64::{
    __m256, __m256i, _mm_cvtepu8_epi16, _mm_cvtsi128_si64, _mm_load_si128, _mm_loadu_si32, _mm256_add_epi32,
    _mm256_add_ps, _mm256_and_si256, _mm256_castsi256_ps, _mm256_cvtepi8_epi16, _mm256_fmadd_ps, _mm256_hadd_epi32,
    _mm256_load_si256, _mm256_loadu_ps, _mm256_madd_epi16, _mm256_permute4x64_epi64, _mm256_set1_epi32,
    _mm256_set1_epi64x, _mm256_set1_ps, _mm256_setzero_ps, _mm256_setzero_si256, _mm256_slli_epi32, _mm256_storeu_ps,
    _mm256_storeu_si256,
};

use super::lines::{CodeStep, Codes, HalfStep, Line};
use super::path::compile_path;
use super::scalar::Session;
use super::{COLUMNS, Sums};

compile_path!(#[target_feature(enable = "avx2,fma")] tile: 2, fused: true);

/// See [`scalar::tile_codes`](super::scalar::tile_codes).
#[target_feature(enable = "avx2")]
#[inline]
fn tile_codes<const N: usize>(rows: &[Codes], depth: usize, panels: [&[CodeStep]; 2], sums: &mut Sums<N>) {
    assert!(rows.len() >= N * depth && panels.iter().all(|panel| panel.len() >= 16 * depth));
    for (half, panel) in panels.into_iter().enumerate() {
        // Of four columns each, two partial sums by turns.
        let mut tile = [[_mm256_setzero_si256(); 4]; N];
        for at in 0..depth * 16 {
            let mut codes = [_mm256_setzero_si256(); N];
            for (row, codes) in codes.iter_mut().enumerate() {
                // SAFETY: row `row` begins `row * depth` lines into `rows`, which has `N * depth` of them as asserted, and has 16 * depth
                // fours of bytes, of which `at` is one.
                let four = unsafe { _mm_loadu_si32(rows.as_ptr().add(row * depth).cast::<u8>().add(4 * at)) };
                *codes = _mm256_set1_epi64x(_mm_cvtsi128_si64(_mm_cvtepu8_epi16(four)));
            }
            for quarter in 0..4 {
                // SAFETY: step `at` is within the panel as asserted, and 16 bytes from a multiple of 16 are within its 64, aligned.
                let weights = unsafe { _mm_load_si128(panel.as_ptr().add(at).cast::<u8>().add(16 * quarter).cast()) };
                let weights = _mm256_cvtepi8_epi16(weights);
                for (tile, codes) in tile.iter_mut().zip(codes) {
                    tile[quarter] = _mm256_add_epi32(tile[quarter], _mm256_madd_epi16(weights, codes));
                }
            }
        }
        for (sums, tile) in sums.iter_mut().zip(tile) {
            for (pair, sums) in sums[16 * half..][..16].chunks_exact_mut(8).enumerate() {
                let added = _mm256_hadd_epi32(tile[2 * pair], tile[2 * pair + 1]);
                // `hadd` works within each half of its registers: quarters 0 2 1 3.
                let ordered = _mm256_permute4x64_epi64::<0b11_01_10_00>(added);
                // SAFETY: the chunk has 8 numbers, exactly what is stored.
                unsafe { _mm256_storeu_si256(sums.as_mut_ptr().cast(), ordered) };
            }
        }
    }
}

/// See [`scalar::tile_halves`](super::scalar::tile_halves).
#[target_feature(enable = "avx2,fma")]
#[inline]
pub(super) fn tile_halves<const N: usize>(
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
    for (half, panel) in panels.into_iter().enumerate() {
        let mut tile = [[_mm256_setzero_ps(); 2]; N];
        for at in 0..depth * 16 {
            // SAFETY: step `at` is within the panel as asserted.
            let steps = unsafe { eights(panel.get_unchecked(at)) };
            let low = [widen_low(steps[0]), widen_low(steps[1])];
            let high = [widen_high(steps[0]), widen_high(steps[1])];
            for (row, tile) in tile.iter_mut().enumerate() {
                // SAFETY: row `row` begins `row * stride` numbers into `rows` and has 16 * depth pairs, of which `at` is one: asserted above.
                let pair = unsafe { rows.as_ptr().add(row * stride).cast::<u32>().add(at).read_unaligned() };
                let first = _mm256_set1_ps(f32::from_bits(pair << 16));
                let second = _mm256_set1_ps(f32::from_bits(pair & 0xffff_0000));
                for eight in 0..2 {
                    tile[eight] = _mm256_fmadd_ps(first, low[eight], tile[eight]);
                    tile[eight] = _mm256_fmadd_ps(second, high[eight], tile[eight]);
                }
            }
        }
        for (row, tile) in tile.into_iter().enumerate() {
            for (eight, mut sum) in tile.into_iter().enumerate() {
                let at = row * out_stride + 16 * half + 8 * eight;
                // SAFETY: the 32 numbers from `row * out_stride` on are within `out`, asserted above.
                unsafe {
                    if add {
                        sum = _mm256_add_ps(sum, _mm256_loadu_ps(out.as_ptr().add(at)));
                    }
                    _mm256_storeu_ps(out.as_mut_ptr().add(at), sum);
                }
            }
        }
    }
}

/// The first of each pair of bf16 in f32.
#[target_feature(enable = "avx2")]
#[inline]
fn widen_low(pairs: __m256i) -> __m256 {
    _mm256_castsi256_ps(_mm256_slli_epi32::<16>(pairs))
}

/// The second.
#[target_feature(enable = "avx2")]
#[inline]
fn widen_high(pairs: __m256i) -> __m256 {
    _mm256_castsi256_ps(_mm256_and_si256(pairs, _mm256_set1_epi32(0xffff_0000_u32 as i32)))
}

/// A line in two registers.
#[target_feature(enable = "avx2")]
#[inline]
pub(super) fn eights<T, const N: usize>(line: &Line<T, N>) -> [__m256i; 2] {
    const { assert!(size_of::<Line<T, N>>() == 64 && align_of::<Line<T, N>>() == 64) };
    let line = std::ptr::from_ref(line).cast::<__m256i>();
    // SAFETY: a line is 64 aligned bytes, as just asserted.
    unsafe { [_mm256_load_si256(line), _mm256_load_si256(line.add(1))] }
}

//! 512-bit registers with dot products of bytes (VNNI): Cascade Lake, Ice Lake, Zen 4 and later.
#![allow(unsafe_code)]

use std::arch::x86_64::{
    __m512, __m512i, _mm512_add_ps, _mm512_and_si512, _mm512_castsi512_ps, _mm512_dpbusd_epi32, _mm512_fmadd_ps,
    _mm512_load_si512, _mm512_loadu_ps, _mm512_set1_epi32, _mm512_set1_ps, _mm512_setzero_ps, _mm512_setzero_si512,
    _mm512_slli_epi32, _mm512_storeu_ps, _mm512_storeu_si512,
};

use super::Sums;
use super::lines::{CodeStep, Codes, HalfStep, Line};
use super::path::compile_path;
use super::scalar::Session;

compile_path!(#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma")] tile: 8, fused: true);

/// See [`scalar::tile_codes`].
#[target_feature(enable = "avx512f,avx512vnni")]
#[inline]
pub(super) fn tile_codes<const N: usize>(rows: &[Codes], depth: usize, panels: [&[CodeStep]; 2], sums: &mut Sums<N>) {
    assert!(rows.len() >= N * depth && panels.iter().all(|panel| panel.len() >= 16 * depth));
    let mut tile = [[_mm512_setzero_si512(); 2]; N];
    for at in 0..depth * 16 {
        // SAFETY: `at` is less than the length of both panels, asserted above.
        let weights = unsafe { [load(panels[0].get_unchecked(at)), load(panels[1].get_unchecked(at))] };
        for (row, tile) in tile.iter_mut().enumerate() {
            // SAFETY: row `row` begins `row * depth` lines into `rows`, which has `N * depth` of them as asserted, and has 16 * depth
            // fours of bytes, of which `at` is one. Lines are aligned to 64.
            let codes = unsafe { rows.as_ptr().add(row * depth).cast::<i32>().add(at).read() };
            let codes = _mm512_set1_epi32(codes);
            tile[0] = _mm512_dpbusd_epi32(tile[0], codes, weights[0]);
            tile[1] = _mm512_dpbusd_epi32(tile[1], codes, weights[1]);
        }
    }
    for (sums, tile) in sums.iter_mut().zip(tile) {
        let (first, second) = sums.split_at_mut(16);
        // SAFETY: each half is 16 numbers, exactly what is stored.
        unsafe {
            _mm512_storeu_si512(first.as_mut_ptr().cast(), tile[0]);
            _mm512_storeu_si512(second.as_mut_ptr().cast(), tile[1]);
        }
    }
}

/// See [`scalar::tile_halves`]; without an instruction for bf16, each half of a pair is widened.
#[target_feature(enable = "avx512f")]
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
    assert!(out.len() >= (N - 1) * out_stride + 32);
    let mut tile = [[_mm512_setzero_ps(); 2]; N];
    for at in 0..depth * 16 {
        // SAFETY: `at` is less than the length of both panels, asserted above.
        let steps = unsafe { [load(panels[0].get_unchecked(at)), load(panels[1].get_unchecked(at))] };
        let [low, high] = [[widen_low(steps[0]), widen_low(steps[1])], [widen_high(steps[0]), widen_high(steps[1])]];
        for (row, tile) in tile.iter_mut().enumerate() {
            // SAFETY: row `row` begins `row * stride` numbers into `rows` and has 16 * depth pairs, of which `at` is one: asserted above.
            let pair = unsafe { rows.as_ptr().add(row * stride).cast::<u32>().add(at).read_unaligned() };
            let first = _mm512_set1_ps(f32::from_bits(pair << 16));
            let second = _mm512_set1_ps(f32::from_bits(pair & 0xffff_0000));
            for half in 0..2 {
                tile[half] = _mm512_fmadd_ps(first, low[half], tile[half]);
                tile[half] = _mm512_fmadd_ps(second, high[half], tile[half]);
            }
        }
    }
    for (row, tile) in tile.into_iter().enumerate() {
        for (half, mut sum) in tile.into_iter().enumerate() {
            // SAFETY: the 32 numbers from `row * out_stride` on are within `out`, asserted above.
            unsafe {
                let out = out.as_mut_ptr().add(row * out_stride + 16 * half);
                if add {
                    sum = _mm512_add_ps(sum, _mm512_loadu_ps(out));
                }
                _mm512_storeu_ps(out, sum);
            }
        }
    }
}

/// The first of each pair of bf16 in f32.
#[target_feature(enable = "avx512f")]
#[inline]
fn widen_low(pairs: __m512i) -> __m512 {
    _mm512_castsi512_ps(_mm512_slli_epi32::<16>(pairs))
}

/// The second.
#[target_feature(enable = "avx512f")]
#[inline]
fn widen_high(pairs: __m512i) -> __m512 {
    _mm512_castsi512_ps(_mm512_and_si512(pairs, _mm512_set1_epi32(0xffff_0000_u32 as i32)))
}

/// A line into a register.
#[target_feature(enable = "avx512f")]
#[inline]
pub(super) fn load<T, const N: usize>(line: &Line<T, N>) -> __m512i {
    const { assert!(size_of::<Line<T, N>>() == 64 && align_of::<Line<T, N>>() == 64) };
    // SAFETY: a line is 64 aligned bytes, as just asserted.
    unsafe { _mm512_load_si512(std::ptr::from_ref(line).cast()) }
}

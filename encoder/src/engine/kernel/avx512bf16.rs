//! As `avx512`, on processors that also have dot products of bf16: Cooper Lake, Zen 4 and later.
#![allow(unsafe_code)]

use std::arch::x86_64::{
    __m512bh, __m512i, _mm512_add_ps, _mm512_dpbf16_ps, _mm512_loadu_ps, _mm512_set1_epi32, _mm512_setzero_ps,
    _mm512_storeu_ps,
};

use super::avx512::{load, tile_codes};
use super::lines::HalfStep;
use super::path::compile_path;
use super::scalar::Session;

compile_path!(#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx512bf16,avx2,fma")] tile: 8, fused: true);

/// See [`scalar::tile_halves`](super::scalar::tile_halves).
#[target_feature(enable = "avx512f,avx512bf16")]
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
    assert!(out.len() >= (N - 1) * out_stride + 32);
    let mut tile = [[_mm512_setzero_ps(); 2]; N];
    for at in 0..depth * 16 {
        // SAFETY: `at` is less than the length of both panels, asserted above.
        let steps = unsafe { [load(panels[0].get_unchecked(at)), load(panels[1].get_unchecked(at))] };
        let steps = [pairs(steps[0]), pairs(steps[1])];
        for (row, tile) in tile.iter_mut().enumerate() {
            // SAFETY: row `row` begins `row * stride` numbers into `rows` and has 16 * depth pairs, of which `at` is one: asserted above.
            let pair = unsafe { rows.as_ptr().add(row * stride).cast::<i32>().add(at).read_unaligned() };
            let pair = pairs(_mm512_set1_epi32(pair));
            tile[0] = _mm512_dpbf16_ps(tile[0], pair, steps[0]);
            tile[1] = _mm512_dpbf16_ps(tile[1], pair, steps[1]);
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

/// The same bits, taken for 16 pairs of bf16.
#[target_feature(enable = "avx512f")]
#[inline]
fn pairs(bits: __m512i) -> __m512bh {
    // SAFETY: both are 512 bits without invalid patterns.
    unsafe { std::mem::transmute(bits) }
}

//! 256-bit registers with dot products of bytes (AVX-VNNI): Alder Lake and later client processors.
#![allow(unsafe_code)]

use std::arch::x86_64::{_mm256_dpbusd_avx_epi32, _mm256_set1_epi32, _mm256_setzero_si256, _mm256_storeu_si256};

use super::Sums;
use super::avx2::{eights, tile_halves};
use super::lines::{CodeStep, Codes};
use super::path::compile_path;
use super::scalar::Session;

compile_path!(#[target_feature(enable = "avx2,fma,avxvnni")] tile: 4, fused: true);

/// See [`scalar::tile_codes`](super::scalar::tile_codes).
#[target_feature(enable = "avx2,avxvnni")]
#[inline]
fn tile_codes<const N: usize>(rows: &[Codes], depth: usize, panels: [&[CodeStep]; 2], sums: &mut Sums<N>) {
    assert!(rows.len() >= N * depth && panels.iter().all(|panel| panel.len() >= 16 * depth));
    for (half, panel) in panels.into_iter().enumerate() {
        let mut tile = [[_mm256_setzero_si256(); 2]; N];
        for at in 0..depth * 16 {
            // SAFETY: step `at` is within the panel as asserted.
            let weights = unsafe { eights(panel.get_unchecked(at)) };
            for (row, tile) in tile.iter_mut().enumerate() {
                // SAFETY: row `row` begins `row * depth` lines into `rows`, which has `N * depth` of them as asserted, and has 16 * depth
                // fours of bytes, of which `at` is one.
                let codes = unsafe { rows.as_ptr().add(row * depth).cast::<i32>().add(at).read() };
                let codes = _mm256_set1_epi32(codes);
                tile[0] = _mm256_dpbusd_avx_epi32(tile[0], codes, weights[0]);
                tile[1] = _mm256_dpbusd_avx_epi32(tile[1], codes, weights[1]);
            }
        }
        for (sums, tile) in sums.iter_mut().zip(tile) {
            for (sums, tile) in sums[16 * half..][..16].chunks_exact_mut(8).zip(tile) {
                // SAFETY: the chunk has 8 numbers, exactly what is stored.
                unsafe { _mm256_storeu_si256(sums.as_mut_ptr().cast(), tile) };
            }
        }
    }
}

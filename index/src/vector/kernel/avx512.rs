//! 512-bit paths for x86-64 with AVX-512 F, BW and VNNI (Ice Lake and Zen 4 and later).
#![allow(unsafe_code)]

use std::arch::x86_64::{
    __m512, __m512i, _mm512_add_ps, _mm512_dpbusd_epi32, _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_loadu_si512,
    _mm512_maskz_loadu_epi8, _mm512_maskz_loadu_ps, _mm512_reduce_add_epi32, _mm512_reduce_add_ps, _mm512_set1_epi8,
    _mm512_setzero_ps, _mm512_setzero_si512, _mm512_xor_si512,
};

use super::{avx2, scalar};

/// The dot product of `query` with each row of `rows`.
#[target_feature(enable = "avx2,avx512f,avx512bw,avx512vnni")]
pub(super) fn dot_i8_rows(query: &[i8], rows: &[i8], out: &mut [i32]) {
    let dimension = query.len();
    // `dpbusd` takes unsigned bytes on one side: the row is read as row + 128, and 128 * sum(query) is taken off again.
    let excess = 128 * query.iter().map(|&code| i32::from(code)).sum::<i32>();
    let (fours, rest) = out.as_chunks_mut::<4>();
    let mut groups = rows.chunks_exact(4 * dimension);
    for (out, group) in fours.iter_mut().zip(groups.by_ref()) {
        *out = dot_at_once(query, scalar::four_rows(group, dimension), excess);
    }
    for (out, row) in rest.iter_mut().zip(groups.remainder().chunks_exact(dimension)) {
        [*out] = dot_at_once(query, [row], excess);
    }
}

/// `N` rows at once, so that each piece of the query is loaded once for all of them.
#[target_feature(enable = "avx2,avx512f,avx512bw,avx512vnni")]
#[inline]
fn dot_at_once<const N: usize>(query: &[i8], rows: [&[i8]; N], excess: i32) -> [i32; N] {
    let length = scalar::common_length(query, &rows);
    let whole = length / 64 * 64;
    let flip = _mm512_set1_epi8(i8::MIN);
    let mut sums = [_mm512_setzero_si512(); N];
    for at in (0..whole).step_by(64) {
        // SAFETY: `at + 64 <= whole`, which neither the query nor a row is shorter than.
        let query = unsafe { load(query, at) };
        avx2::prefetch::<N>(rows[0], at, 64);
        for (sum, row) in sums.iter_mut().zip(rows) {
            // SAFETY: as above.
            let row = _mm512_xor_si512(unsafe { load(row, at) }, flip);
            *sum = _mm512_dpbusd_epi32(*sum, row, query);
        }
    }
    if whole < length {
        // Beyond the end the query reads 0, so what the row reads there does not count.
        let query = load_tail(&query[whole..length]);
        for (sum, row) in sums.iter_mut().zip(rows) {
            let row = _mm512_xor_si512(load_tail(&row[whole..length]), flip);
            *sum = _mm512_dpbusd_epi32(*sum, row, query);
        }
    }
    let mut dots = [0; N];
    for (dot, sum) in dots.iter_mut().zip(sums) {
        *dot = _mm512_reduce_add_epi32(sum) - excess;
    }
    dots
}

/// The dot product with four independent sums, enough to hide the latency of the fused multiply-add.
#[target_feature(enable = "avx2,avx512f,avx512bw,avx512vnni")]
pub(super) fn dot_f32(left: &[f32], right: &[f32]) -> f32 {
    let length = left.len().min(right.len());
    let (left, left_tail) = left[..length].as_chunks::<16>();
    let (right, right_tail) = right[..length].as_chunks::<16>();
    let mut sums = [_mm512_setzero_ps(); 4];
    let (left_fours, left_rest) = left.as_chunks::<4>();
    let (right_fours, right_rest) = right.as_chunks::<4>();
    for (left, right) in left_fours.iter().zip(right_fours) {
        for ((sum, left), right) in sums.iter_mut().zip(left).zip(right) {
            *sum = _mm512_fmadd_ps(load_f32(left), load_f32(right), *sum);
        }
    }
    for ((sum, left), right) in sums.iter_mut().zip(left_rest).zip(right_rest) {
        *sum = _mm512_fmadd_ps(load_f32(left), load_f32(right), *sum);
    }
    let [a, b, c, d] = sums;
    let d = _mm512_fmadd_ps(load_tail_f32(left_tail), load_tail_f32(right_tail), d);
    _mm512_reduce_add_ps(_mm512_add_ps(_mm512_add_ps(a, b), _mm512_add_ps(c, d)))
}

/// The 64 codes from `at` on, without a check: one for each load would cost as much as the arithmetic.
///
/// # Safety
/// `at + 64 <= codes.len()`.
#[target_feature(enable = "avx512f")]
#[inline]
unsafe fn load(codes: &[i8], at: usize) -> __m512i {
    // SAFETY: the caller has checked that the slice goes on for 64 bytes; the load needs no alignment.
    unsafe { _mm512_loadu_si512(codes.as_ptr().add(at).cast()) }
}

/// At most 64 codes (63 are ever given), zeros after them.
#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn load_tail(codes: &[i8]) -> __m512i {
    let mask = u64::MAX.checked_shr(64 - codes.len().min(64) as u32).unwrap_or(0);
    // SAFETY: the mask has one bit for each code of the slice, and bytes outside the mask are not touched.
    unsafe { _mm512_maskz_loadu_epi8(mask, codes.as_ptr()) }
}

#[target_feature(enable = "avx512f")]
#[inline]
fn load_f32(values: &[f32; 16]) -> __m512 {
    // SAFETY: the array is 16 floats, exactly what is read; the load needs no alignment.
    unsafe { _mm512_loadu_ps(values.as_ptr()) }
}

/// At most 16 values (15 are ever given), zeros after them.
#[target_feature(enable = "avx512f")]
#[inline]
fn load_tail_f32(values: &[f32]) -> __m512 {
    let mask = u16::MAX.checked_shr(16 - values.len().min(16) as u32).unwrap_or(0);
    // SAFETY: the mask has one bit for each value of the slice, and floats outside the mask are not touched.
    unsafe { _mm512_maskz_loadu_ps(mask, values.as_ptr()) }
}

//! 256-bit paths for x86-64 with AVX2 and FMA (Haswell, Zen and later).
#![allow(unsafe_code)]

use std::arch::x86_64::{
    __m256, __m256i, _MM_HINT_T0, _mm_add_epi32, _mm_cvtsi128_si32, _mm_prefetch, _mm_shuffle_epi32, _mm256_abs_epi8,
    _mm256_add_epi32, _mm256_add_ps, _mm256_castsi256_si128, _mm256_extracti128_si256, _mm256_fmadd_ps,
    _mm256_loadu_ps, _mm256_loadu_si256, _mm256_madd_epi16, _mm256_maddubs_epi16, _mm256_set1_epi16, _mm256_setzero_ps,
    _mm256_setzero_si256, _mm256_sign_epi8, _mm256_storeu_ps,
};

use super::scalar;

/// The dot product of `query` with each row of `rows`; no code may be -128, whose sign cannot be turned.
#[target_feature(enable = "avx2")]
pub(super) fn dot_i8_rows(query: &[i8], rows: &[i8], out: &mut [i32]) {
    let dimension = query.len();
    let (fours, rest) = out.as_chunks_mut::<4>();
    let mut groups = rows.chunks_exact(4 * dimension);
    for (out, group) in fours.iter_mut().zip(groups.by_ref()) {
        *out = dot_at_once(query, scalar::four_rows(group, dimension));
    }
    for (out, row) in rest.iter_mut().zip(groups.remainder().chunks_exact(dimension)) {
        [*out] = dot_at_once(query, [row]);
    }
}

/// The dot product of `query` with the rows at `places`.
#[target_feature(enable = "avx2")]
pub(super) fn dot_i8_some(query: &[i8], rows: &[i8], stride: usize, places: &[u32], out: &mut [i32]) {
    for (&place, out) in places.iter().zip(out) {
        [*out] = match scalar::row_at(rows, stride, query.len(), place) {
            Some(row) => dot_at_once(query, [row]),
            None => [0],
        };
    }
}

/// `N` rows at once, so that each piece of the query is loaded once for all of them.
///
/// `maddubs` multiplies unsigned by signed bytes and adds pairs in 16 bits: with the query's sign moved over to the row, a pair is at
/// most 2 * 127 * 127 = 32258 in size, so it cannot saturate.
#[target_feature(enable = "avx2")]
#[inline]
fn dot_at_once<const N: usize>(query: &[i8], rows: [&[i8]; N]) -> [i32; N] {
    let whole = scalar::common_length(query, &rows) / 32 * 32;
    let ones = _mm256_set1_epi16(1);
    let mut sums = [_mm256_setzero_si256(); N];
    for at in (0..whole).step_by(32) {
        // SAFETY: `at + 32 <= whole`, which neither the query nor a row is shorter than.
        let query = unsafe { load(query, at) };
        let magnitude = _mm256_abs_epi8(query);
        prefetch::<N>(rows[0], at, 32);
        for (sum, row) in sums.iter_mut().zip(rows) {
            // SAFETY: as above.
            let row = _mm256_sign_epi8(unsafe { load(row, at) }, query);
            let pairs = _mm256_maddubs_epi16(magnitude, row);
            *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(pairs, ones));
        }
    }
    let mut dots = [0; N];
    for ((dot, sum), row) in dots.iter_mut().zip(sums).zip(rows) {
        *dot = sum_lanes(sum) + scalar::dot_i8(&query[whole..], &row[whole..]);
    }
    dots
}

/// The dot product with four independent sums, enough to hide the latency of the fused multiply-add.
#[target_feature(enable = "avx2,fma")]
pub(super) fn dot_f32(left: &[f32], right: &[f32]) -> f32 {
    let length = left.len().min(right.len());
    let (left, left_tail) = left[..length].as_chunks::<8>();
    let (right, right_tail) = right[..length].as_chunks::<8>();
    let mut sums = [_mm256_setzero_ps(); 4];
    let (left_fours, left_rest) = left.as_chunks::<4>();
    let (right_fours, right_rest) = right.as_chunks::<4>();
    for (left, right) in left_fours.iter().zip(right_fours) {
        for ((sum, left), right) in sums.iter_mut().zip(left).zip(right) {
            *sum = _mm256_fmadd_ps(load_f32(left), load_f32(right), *sum);
        }
    }
    for ((sum, left), right) in sums.iter_mut().zip(left_rest).zip(right_rest) {
        *sum = _mm256_fmadd_ps(load_f32(left), load_f32(right), *sum);
    }
    let [a, b, c, d] = sums;
    let sum = _mm256_add_ps(_mm256_add_ps(a, b), _mm256_add_ps(c, d));
    let mut lanes = [0.0; 8];
    // SAFETY: `lanes` is 8 floats, exactly what is written; the store needs no alignment.
    unsafe { _mm256_storeu_ps(lanes.as_mut_ptr(), sum) };
    lanes.iter().sum::<f32>() + scalar::dot_tail_f32(left_tail, right_tail)
}

/// Asks for the cache lines that a later group of rows will read, as many as `step` codes of `N` rows are. The processor's own prefetching
/// stops at every page, which is ten rows of 384; measured, this makes a scan of rows that are not in a cache up to twice as fast.
#[target_feature(enable = "avx2")]
#[inline]
pub(super) fn prefetch<const N: usize>(first: &[i8], at: usize, step: usize) {
    const AHEAD_BYTES: usize = 6 << 10;
    for line in (0..N * step).step_by(64) {
        // The address may lie beyond the rows: a prefetch is a hint and reads nothing.
        _mm_prefetch::<_MM_HINT_T0>(first.as_ptr().wrapping_add(AHEAD_BYTES + N * at + line));
    }
}

/// The 32 codes from `at` on, without a check: one for each load would cost as much as the arithmetic.
///
/// # Safety
/// `at + 32 <= codes.len()`.
#[target_feature(enable = "avx2")]
#[inline]
pub(super) unsafe fn load(codes: &[i8], at: usize) -> __m256i {
    // SAFETY: the caller has checked that the slice goes on for 32 bytes; the load needs no alignment.
    unsafe { _mm256_loadu_si256(codes.as_ptr().add(at).cast()) }
}

#[target_feature(enable = "avx2")]
#[inline]
fn load_f32(values: &[f32; 8]) -> __m256 {
    // SAFETY: the array is 8 floats, exactly what is read; the load needs no alignment.
    unsafe { _mm256_loadu_ps(values.as_ptr()) }
}

/// The sum of the eight 32-bit lanes.
#[target_feature(enable = "avx2")]
#[inline]
pub(super) fn sum_lanes(lanes: __m256i) -> i32 {
    let four = _mm_add_epi32(_mm256_castsi256_si128(lanes), _mm256_extracti128_si256::<1>(lanes));
    let two = _mm_add_epi32(four, _mm_shuffle_epi32::<0b00_00_11_10>(four));
    _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32::<0b00_00_00_01>(two)))
}

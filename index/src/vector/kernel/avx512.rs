//! 512-bit paths for x86-64 with AVX-512 F, BW and VNNI (Ice Lake and Zen 4 and later).
#![allow(unsafe_code)]

use std::arch::x86_64::{
    __m512, __m512i, _mm_add_epi32, _mm_and_si128, _mm_loadu_si128, _mm_set1_epi8, _mm_set1_epi32, _mm_srli_epi16,
    _mm_storeu_si128, _mm_sub_epi32, _mm256_add_epi32, _mm256_castsi256_si128, _mm256_extracti128_si256,
    _mm512_add_epi32, _mm512_add_ps, _mm512_castsi512_si256, _mm512_cvtepi8_epi32, _mm512_cvtepi32_ps,
    _mm512_cvtepu8_epi32, _mm512_dpbusd_epi32, _mm512_extracti64x4_epi64, _mm512_fmadd_ps, _mm512_loadu_ps,
    _mm512_loadu_si512, _mm512_maskz_loadu_epi8, _mm512_maskz_loadu_ps, _mm512_reduce_add_epi32, _mm512_reduce_add_ps,
    _mm512_set1_epi8, _mm512_setzero_ps, _mm512_setzero_si512, _mm512_slli_epi32, _mm512_sub_epi32,
    _mm512_unpackhi_epi32, _mm512_unpackhi_epi64, _mm512_unpacklo_epi32, _mm512_unpacklo_epi64, _mm512_xor_si512,
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

/// The dot product of `query` with the rows at `places`; `sum` is the sum of the query's codes.
#[target_feature(enable = "avx2,avx512f,avx512bw,avx512vnni")]
pub(super) fn dot_i8_some(query: &[i8], sum: i32, rows: &[i8], stride: usize, places: &[u32], out: &mut [i32]) {
    let excess = 128 * sum;
    let row = |place| scalar::row_at(rows, stride, query.len(), place).unwrap_or_default();
    let (fours, rest) = out.as_chunks_mut::<4>();
    let (places, places_rest) = places.as_chunks::<4>();
    for (out, &[a, b, c, d]) in fours.iter_mut().zip(places) {
        *out = dots_of_four(query, [row(a), row(b), row(c), row(d)], excess);
    }
    for (out, &place) in rest.iter_mut().zip(places_rest) {
        [*out] = dots_apart(query, [row(place)], excess);
    }
}

/// Four rows that lie anywhere; their sums are folded together, which takes half the work of four sums one by one.
#[target_feature(enable = "avx2,avx512f,avx512bw,avx512vnni")]
#[inline]
fn dots_of_four(query: &[i8], rows: [&[i8]; 4], excess: i32) -> [i32; 4] {
    if !query.len().is_multiple_of(64) {
        return dots_apart(query, rows, excess);
    }
    let [a, b, c, d] = sums_apart(query, rows);
    let ab = _mm512_add_epi32(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
    let cd = _mm512_add_epi32(_mm512_unpacklo_epi32(c, d), _mm512_unpackhi_epi32(c, d));
    let sums = _mm512_add_epi32(_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd));
    let halves = _mm256_add_epi32(_mm512_castsi512_si256(sums), _mm512_extracti64x4_epi64::<1>(sums));
    let quarter = _mm_add_epi32(_mm256_castsi256_si128(halves), _mm256_extracti128_si256::<1>(halves));
    let mut dots = [0; 4];
    // SAFETY: `dots` is 16 bytes, exactly what is written; the store needs no alignment.
    unsafe { _mm_storeu_si128(dots.as_mut_ptr().cast(), _mm_sub_epi32(quarter, _mm_set1_epi32(excess))) };
    dots
}

/// Rows that lie anywhere: as [`dot_at_once`], without asking for the rows behind them.
#[target_feature(enable = "avx2,avx512f,avx512bw,avx512vnni")]
#[inline]
fn dots_apart<const N: usize>(query: &[i8], rows: [&[i8]; N], excess: i32) -> [i32; N] {
    let mut dots = [0; N];
    for (dot, sum) in dots.iter_mut().zip(sums_apart(query, rows)) {
        *dot = _mm512_reduce_add_epi32(sum) - excess;
    }
    dots
}

/// The running sums of the products of `query` with each row, whose 128 is not taken off yet.
#[target_feature(enable = "avx2,avx512f,avx512bw,avx512vnni")]
#[inline]
fn sums_apart<const N: usize>(query: &[i8], rows: [&[i8]; N]) -> [__m512i; N] {
    let length = scalar::common_length(query, &rows);
    let whole = length / 64 * 64;
    let flip = _mm512_set1_epi8(i8::MIN);
    let mut sums = [_mm512_setzero_si512(); N];
    for at in (0..whole).step_by(64) {
        // SAFETY: `at + 64 <= whole`, which neither the query nor a row is shorter than.
        let query = unsafe { load(query, at) };
        for (sum, row) in sums.iter_mut().zip(rows) {
            // SAFETY: as above.
            let row = _mm512_xor_si512(unsafe { load(row, at) }, flip);
            *sum = _mm512_dpbusd_epi32(*sum, row, query);
        }
    }
    if whole < length {
        let query = load_tail(&query[whole..length]);
        for (sum, row) in sums.iter_mut().zip(rows) {
            let row = _mm512_xor_si512(load_tail(&row[whole..length]), flip);
            *sum = _mm512_dpbusd_epi32(*sum, row, query);
        }
    }
    sums
}

/// The dot product of a query with a row of codes and their residuals, sixteen values at a time: `16 * code + nibble`, where the nibble's
/// own 8 is taken off by the caller. `codes` is a whole number of blocks of 32, `nibbles` half as many bytes, `query` as long as `codes`.
#[target_feature(enable = "avx2,avx512f,avx512bw,avx512vnni")]
pub(super) fn dot_fine(query: &[f32], codes: &[i8], nibbles: &[u8]) -> f32 {
    let (query, codes, nibbles) = (query.as_chunks::<32>().0, codes.as_chunks::<32>().0, nibbles.as_chunks::<16>().0);
    let mask = _mm_set1_epi8(0x0f);
    let mut sums = [_mm512_setzero_ps(); 2];
    for ((query, codes), nibbles) in query.iter().zip(codes).zip(nibbles) {
        // SAFETY: each array is exactly as long as what is read from it; the loads need no alignment.
        let (packed, low, high) = unsafe {
            (
                _mm_loadu_si128(nibbles.as_ptr().cast()),
                _mm_loadu_si128(codes.as_ptr().cast()),
                _mm_loadu_si128(codes.as_ptr().add(16).cast()),
            )
        };
        let nibbles = [_mm_and_si128(packed, mask), _mm_and_si128(_mm_srli_epi16::<4>(packed), mask)];
        let queries = query.as_chunks::<16>().0;
        for (((sum, codes), nibbles), query) in sums.iter_mut().zip([low, high]).zip(nibbles).zip(queries) {
            let whole = _mm512_slli_epi32::<4>(_mm512_cvtepi8_epi32(codes));
            let value = _mm512_add_epi32(whole, _mm512_cvtepu8_epi32(nibbles));
            *sum = _mm512_fmadd_ps(load_f32(query), _mm512_cvtepi32_ps(value), *sum);
        }
    }
    let [a, b] = sums;
    _mm512_reduce_add_ps(_mm512_add_ps(a, b))
}

/// The same with eight bits behind each code: `PARTS * code + residual`.
#[target_feature(enable = "avx2,avx512f,avx512bw,avx512vnni")]
pub(super) fn dot_finest(query: &[f32], codes: &[i8], residuals: &[i8]) -> f32 {
    let (query, codes, residuals) =
        (query.as_chunks::<32>().0, codes.as_chunks::<32>().0, residuals.as_chunks::<32>().0);
    let mut sums = [_mm512_setzero_ps(); 2];
    for ((query, codes), residuals) in query.iter().zip(codes).zip(residuals) {
        let halves = codes.as_chunks::<16>().0.iter().zip(residuals.as_chunks::<16>().0);
        for ((sum, (codes, residuals)), query) in sums.iter_mut().zip(halves).zip(query.as_chunks::<16>().0) {
            // SAFETY: each array is 16 bytes, exactly what is read; the loads need no alignment.
            let (codes, residuals) =
                unsafe { (_mm_loadu_si128(codes.as_ptr().cast()), _mm_loadu_si128(residuals.as_ptr().cast())) };
            let code = _mm512_cvtepi8_epi32(codes);
            // 256 - 16 is `PARTS`.
            let whole = _mm512_sub_epi32(_mm512_slli_epi32::<8>(code), _mm512_slli_epi32::<4>(code));
            let value = _mm512_add_epi32(whole, _mm512_cvtepi8_epi32(residuals));
            *sum = _mm512_fmadd_ps(load_f32(query), _mm512_cvtepi32_ps(value), *sum);
        }
    }
    let [a, b] = sums;
    _mm512_reduce_add_ps(_mm512_add_ps(a, b))
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

//! 256-bit paths for x86-64 with AVX-VNNI but without AVX-512 (Alder Lake and later client processors).
#![allow(unsafe_code)]

use std::arch::x86_64::{_mm256_dpbusd_avx_epi32, _mm256_set1_epi8, _mm256_setzero_si256, _mm256_xor_si256};

use super::{avx2, scalar};

/// The dot product of `query` with each row of `rows`.
#[target_feature(enable = "avx2,avxvnni")]
pub(super) fn dot_i8_rows(query: &[i8], rows: &[i8], out: &mut [i32]) {
    let dimension = query.len();
    let whole = dimension - dimension % 32;
    // `dpbusd` takes unsigned bytes on one side: the row is read as row + 128, and 128 * sum(query) is taken off again.
    let excess = 128 * query[..whole].iter().map(|&code| i32::from(code)).sum::<i32>();
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
#[target_feature(enable = "avx2,avxvnni")]
pub(super) fn dot_i8_some(query: &[i8], sum: i32, rows: &[i8], stride: usize, places: &[u32], out: &mut [i32]) {
    let whole = query.len() - query.len() % 32;
    let excess = 128 * (sum - query[whole..].iter().map(|&code| i32::from(code)).sum::<i32>());
    for (&place, out) in places.iter().zip(out) {
        [*out] = match scalar::row_at(rows, stride, query.len(), place) {
            Some(row) => dot_at_once(query, [row], excess),
            None => [0],
        };
    }
}

/// `N` rows at once, so that each piece of the query is loaded once for all of them.
#[target_feature(enable = "avx2,avxvnni")]
#[inline]
fn dot_at_once<const N: usize>(query: &[i8], rows: [&[i8]; N], excess: i32) -> [i32; N] {
    let whole = scalar::common_length(query, &rows) / 32 * 32;
    let flip = _mm256_set1_epi8(i8::MIN);
    let mut sums = [_mm256_setzero_si256(); N];
    for at in (0..whole).step_by(32) {
        // SAFETY: `at + 32 <= whole`, which neither the query nor a row is shorter than.
        let query = unsafe { avx2::load(query, at) };
        avx2::prefetch::<N>(rows[0], at, 32);
        for (sum, row) in sums.iter_mut().zip(rows) {
            // SAFETY: as above.
            let row = _mm256_xor_si256(unsafe { avx2::load(row, at) }, flip);
            *sum = _mm256_dpbusd_avx_epi32(*sum, row, query);
        }
    }
    let mut dots = [0; N];
    for ((dot, sum), row) in dots.iter_mut().zip(sums).zip(rows) {
        *dot = avx2::sum_lanes(sum) - excess + scalar::dot_i8(&query[whole..], &row[whole..]);
    }
    dots
}

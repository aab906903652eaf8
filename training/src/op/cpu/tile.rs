//! The innermost loop of a matrix product: one tile of the result, held in registers while the common dimension goes by.
//!
//! Written out for AVX-512 and AVX2 because compilers, also those of libraries, tend to spill such a loop's sums to memory, which costs
//! three quarters of the speed; any other machine gets plain loops over a small tile.
#![allow(unsafe_code)]

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{
    _mm256_add_ps, _mm256_broadcast_ss, _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_setzero_ps, _mm256_storeu_ps,
    _mm512_add_ps, _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_set1_ps, _mm512_setzero_ps, _mm512_storeu_ps,
};

use super::strips::Row;
use crate::op::Factors;

/// `into = left times right`, or `into +=`: `left` has at most `M` rows and as many columns as `right` has rows.
pub(super) type Tile<const N: usize> = fn(left: Left<'_>, right: &[Row<N>], into: Place<'_>);

/// The rows of the left operand that a tile takes, where they lie: no instruction wants them side by side, so nothing is copied.
#[derive(Clone, Copy)]
pub(super) struct Left<'a> {
    /// From the first element on.
    pub(super) values: &'a [f32],
    pub(super) rows: usize,
    pub(super) row_stride: usize,
    pub(super) column_stride: usize,
}

impl Left<'_> {
    /// Where each row of a tile starts in the values, all of `depth` columns being inside; below the last row that one again, whose
    /// sums nobody takes. None where there is no row, or a row ends outside.
    #[inline(always)]
    fn starts<const M: usize>(&self, depth: usize) -> Option<[usize; M]> {
        let (mut starts, mut start) = ([0; M], 0);
        for (row, place) in starts.iter_mut().enumerate() {
            *place = start;
            start += if row + 1 < self.rows { self.row_stride } else { 0 };
        }
        let last = starts.last().copied().unwrap_or(0) + depth.saturating_sub(1) * self.column_stride;
        (self.rows > 0 && depth > 0 && last < self.values.len()).then_some(starts)
    }
}

/// Where a tile's result goes: its upper left corner in a matrix stored row after row, and as much of it as lies inside.
pub(super) struct Place<'a> {
    /// From the corner on.
    pub(super) values: &'a mut [f32],
    /// From row to row.
    pub(super) stride: usize,
    pub(super) rows: usize,
    pub(super) columns: usize,
    /// Whether it is added to what is there.
    pub(super) add: bool,
}

impl<'a> Place<'a> {
    /// The rows inside.
    fn rows(self) -> impl Iterator<Item = &'a mut [f32]> {
        let Self { values, stride, rows, columns, .. } = self;
        values.chunks_mut(stride.max(1)).take(rows).map(move |row| row.get_mut(..columns).unwrap_or_default())
    }
}

/// Writes a row of sums that does not fill its place in vectors.
#[inline(always)]
pub(super) fn write(row: &mut [f32], sums: &[f32], add: bool) {
    match add {
        true => row.iter_mut().zip(sums).for_each(|(to, sum)| *to += sum),
        false => row.iter_mut().zip(sums).for_each(|(to, sum)| *to = *sum),
    }
}

/// The tiles there are, by the instructions they take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Instructions {
    /// 32 x 32, see [`super::amx`].
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    Amx,
    /// 12 x 32.
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// 6 x 16.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// 4 x 16.
    Any,
}

impl Instructions {
    /// The best this machine has.
    pub(super) fn best(factors: Factors) -> Self {
        match factors {
            Factors::Whole => Self::in_vectors(),
            Factors::Split => Self::in_tiles().unwrap_or_else(Self::in_vectors),
        }
    }

    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    fn in_tiles() -> Option<Self> {
        super::amx::found().then_some(Self::Amx)
    }

    #[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
    fn in_tiles() -> Option<Self> {
        None
    }

    fn in_vectors() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512f") {
                return Self::Avx512;
            }
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                return Self::Avx2;
            }
        }
        Self::Any
    }
}

/// For [`Instructions::Avx512`] alone.
#[cfg(target_arch = "x86_64")]
pub(super) fn avx512(left: Left<'_>, right: &[Row<32>], into: Place<'_>) {
    #[target_feature(enable = "avx512f")]
    fn run(left: Left<'_>, right: &[Row<32>], into: Place<'_>) {
        let Some(starts) = left.starts::<12>(right.len()) else { return };
        let (mut rows, mut at) = ([left.values.as_ptr(); 12], 0);
        for (row, start) in rows.iter_mut().zip(starts) {
            *row = row.wrapping_add(start);
        }
        let mut sums = [[_mm512_setzero_ps(); 2]; 12];
        for right in right {
            // SAFETY: the row has 32 floats, of which these are the first and the last sixteen.
            let (low, high) = unsafe { (_mm512_loadu_ps(right.0.as_ptr()), _mm512_loadu_ps(right.0.as_ptr().add(16))) };
            for (sums, row) in sums.iter_mut().zip(rows) {
                // SAFETY: `starts` has looked that the last column of the last row is inside, and with it all others.
                let left = _mm512_set1_ps(unsafe { *row.add(at) });
                sums[0] = _mm512_fmadd_ps(left, low, sums[0]);
                sums[1] = _mm512_fmadd_ps(left, high, sums[1]);
            }
            at += left.column_stride;
        }
        let add = into.add;
        for (row, sums) in into.rows().zip(sums) {
            if let Some(row) = row.as_mut_array::<32>() {
                for (sum, row) in sums.into_iter().zip(row.as_chunks_mut::<16>().0) {
                    // SAFETY: the part of the row has as many floats as the vector.
                    unsafe {
                        let sum = if add { _mm512_add_ps(_mm512_loadu_ps(row.as_ptr()), sum) } else { sum };
                        _mm512_storeu_ps(row.as_mut_ptr(), sum);
                    }
                }
                continue;
            }
            let mut whole = [0.0_f32; 32];
            for (sum, part) in sums.into_iter().zip(whole.as_chunks_mut::<16>().0) {
                // SAFETY: as above.
                unsafe { _mm512_storeu_ps(part.as_mut_ptr(), sum) };
            }
            write(row, &whole, add);
        }
    }
    // SAFETY: the caller has found the instructions.
    unsafe { run(left, right, into) }
}

/// For [`Instructions::Avx2`] alone.
#[cfg(target_arch = "x86_64")]
pub(super) fn avx2(left: Left<'_>, right: &[Row<16>], into: Place<'_>) {
    #[target_feature(enable = "avx2,fma")]
    fn run(left: Left<'_>, right: &[Row<16>], into: Place<'_>) {
        let Some(starts) = left.starts::<6>(right.len()) else { return };
        let (mut rows, mut at) = ([left.values.as_ptr(); 6], 0);
        for (row, start) in rows.iter_mut().zip(starts) {
            *row = row.wrapping_add(start);
        }
        let mut sums = [[_mm256_setzero_ps(); 2]; 6];
        for right in right {
            // SAFETY: the row has 16 floats, of which these are the first and the last eight.
            let (low, high) = unsafe { (_mm256_loadu_ps(right.0.as_ptr()), _mm256_loadu_ps(right.0.as_ptr().add(8))) };
            for (sums, row) in sums.iter_mut().zip(rows) {
                // SAFETY: as above.
                let left = _mm256_broadcast_ss(unsafe { &*row.add(at) });
                sums[0] = _mm256_fmadd_ps(left, low, sums[0]);
                sums[1] = _mm256_fmadd_ps(left, high, sums[1]);
            }
            at += left.column_stride;
        }
        let add = into.add;
        for (row, sums) in into.rows().zip(sums) {
            if let Some(row) = row.as_mut_array::<16>() {
                for (sum, row) in sums.into_iter().zip(row.as_chunks_mut::<8>().0) {
                    // SAFETY: the part of the row has as many floats as the vector.
                    unsafe {
                        let sum = if add { _mm256_add_ps(_mm256_loadu_ps(row.as_ptr()), sum) } else { sum };
                        _mm256_storeu_ps(row.as_mut_ptr(), sum);
                    }
                }
                continue;
            }
            let mut whole = [0.0_f32; 16];
            for (sum, part) in sums.into_iter().zip(whole.as_chunks_mut::<8>().0) {
                // SAFETY: as above.
                unsafe { _mm256_storeu_ps(part.as_mut_ptr(), sum) };
            }
            write(row, &whole, add);
        }
    }
    // SAFETY: the caller has found the instructions.
    unsafe { run(left, right, into) }
}

/// For any machine.
pub(super) fn any(left: Left<'_>, right: &[Row<16>], into: Place<'_>) {
    let Some(starts) = left.starts::<4>(right.len()) else { return };
    let mut tile = [[0.0; 16]; 4];
    for (column, right) in right.iter().enumerate() {
        for (row, start) in tile.iter_mut().zip(starts) {
            let left = left.values.get(start + column * left.column_stride).copied().unwrap_or(0.0);
            row.iter_mut().zip(right.0).for_each(|(sum, right)| *sum += left * right);
        }
    }
    let add = into.add;
    into.rows().zip(&tile).for_each(|(row, sums)| write(row, sums, add));
}

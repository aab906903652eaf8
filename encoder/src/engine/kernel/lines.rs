//! Memory in cache lines, so that no load of a kernel crosses one.
#![allow(unsafe_code)]

/// 64 bytes: of one row of codes, or of one step of a panel.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub(in super::super) struct Line<T, const N: usize>(pub(in super::super) [T; N]);

/// 64 activation codes of one row, each the code plus 128.
pub(in super::super) type Codes = Line<u8, 64>;
/// 16 columns by 4 rows of a matrix of codes.
pub(in super::super) type CodeStep = Line<i8, 64>;
/// 32 bf16 numbers of one row.
pub(in super::super) type Halves = Line<u16, 32>;
/// 16 columns by 2 rows of a matrix of bf16 numbers, the first row's in the lower halves.
pub(in super::super) type HalfStep = Line<u32, 16>;
/// 16 numbers.
pub(in super::super) type Floats = Line<f32, 16>;

impl<T: Copy + Default, const N: usize> Default for Line<T, N> {
    fn default() -> Self {
        Self([T::default(); N])
    }
}

/// `count` lines of zeros.
pub(in super::super) fn zeros<T: Copy + Default, const N: usize>(count: usize) -> Vec<Line<T, N>> {
    vec![Line::default(); count]
}

/// The numbers of lines, one after the other.
#[inline(always)]
pub(in super::super) fn flat<T, const N: usize>(lines: &[Line<T, N>]) -> &[T] {
    const { assert!(size_of::<Line<T, N>>() == N * size_of::<T>(), "a line has no padding") };
    // SAFETY: a line is its array and nothing else, as just asserted, so that lines end to end are their numbers end to end.
    unsafe { std::slice::from_raw_parts(lines.as_ptr().cast(), lines.len() * N) }
}

/// As [`flat`], to write to.
#[inline(always)]
pub(in super::super) fn flat_mut<T, const N: usize>(lines: &mut [Line<T, N>]) -> &mut [T] {
    const { assert!(size_of::<Line<T, N>>() == N * size_of::<T>(), "a line has no padding") };
    // SAFETY: as above; the borrow stays unique.
    unsafe { std::slice::from_raw_parts_mut(lines.as_mut_ptr().cast(), lines.len() * N) }
}

//! Matrix products on borrowed slices, for the blocks of attention, which are too small to be worth a tensor each.
//!
//! The one unsafe call of the CPU path: the `gemm` crate takes raw pointers. Everything is checked before it.
#![allow(unsafe_code)]

use gemm::Parallelism;

/// A matrix in a slice: element `(row, column)` is at `row * row_stride + column * column_stride`.
#[derive(Clone, Copy)]
pub(super) struct Matrix<'a> {
    pub(super) values: &'a [f32],
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) row_stride: usize,
    pub(super) column_stride: usize,
}

impl<'a> Matrix<'a> {
    /// A matrix stored row after row.
    pub(super) fn new(values: &'a [f32], rows: usize, columns: usize) -> Self {
        Self { values, rows, columns, row_stride: columns, column_stride: 1 }
    }

    /// The same values, rows and columns exchanged.
    pub(super) fn transposed(self) -> Self {
        let Self { values, rows, columns, row_stride, column_stride } = self;
        Self { values, rows: columns, columns: rows, row_stride: column_stride, column_stride: row_stride }
    }

    fn fits(&self) -> bool {
        let last = self.rows.saturating_sub(1) * self.row_stride + self.columns.saturating_sub(1) * self.column_stride;
        self.rows == 0 || self.columns == 0 || last < self.values.len()
    }
}

/// `into = lhs * rhs`, or `into += lhs * rhs`; `into` is stored row after row. On the calling thread.
///
/// Shapes that do not fit are a mistake of this crate, which the tests of attention would show; nothing is computed then.
pub(super) fn product(into: &mut [f32], lhs: Matrix<'_>, rhs: Matrix<'_>, add: bool) {
    let (m, n, k) = (lhs.rows, rhs.columns, lhs.columns);
    let fits = lhs.fits() && rhs.fits() && rhs.rows == k && into.len() >= m * n;
    debug_assert!(fits, "{m} x {k} times {} x {n} into {}", rhs.rows, into.len());
    if !fits || m == 0 || n == 0 {
        return;
    }
    // SAFETY: `fits` makes every element the call reads or writes lie inside its slice; `into` is borrowed mutably, so it
    // overlaps neither operand.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            into.as_mut_ptr(),
            1,
            n as isize,
            add,
            lhs.values.as_ptr(),
            lhs.column_stride as isize,
            lhs.row_stride as isize,
            rhs.values.as_ptr(),
            rhs.column_stride as isize,
            rhs.row_stride as isize,
            if add { 1.0 } else { 0.0 },
            1.0,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}

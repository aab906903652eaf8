//! Matrices as slices, and how their elements are laid beside each other for the tiles of a product.

use std::ops::Range;

use rayon::prelude::*;

/// Of the common dimension at a time, at most: a strip of the right operand for the widest tile and the rows of the left one then stay in
/// the first cache together.
const DEPTH: usize = 192;
/// Numbers below which one thread packs them all.
const SMALL: usize = 1 << 17;
/// Rows and columns that are turned over at a time where a strip is filled from columns; a part of every tile's width.
const BLOCK: usize = 8;

/// A row of a strip, which vectors are read from: within the lines of the caches, since one that lies across two is read twice.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Row<const N: usize>(pub(super) [f32; N]);

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
        Self::pitched(values, rows, columns, columns)
    }

    /// A matrix whose rows lie `pitch` apart.
    pub(super) fn pitched(values: &'a [f32], rows: usize, columns: usize, pitch: usize) -> Self {
        Self { values, rows, columns, row_stride: pitch, column_stride: 1 }
    }

    /// Some of its rows.
    pub(super) fn rows(self, rows: Range<usize>) -> Self {
        let values = self.values.get(rows.start * self.row_stride..).unwrap_or_default();
        Self { values, rows: rows.len(), ..self }
    }

    /// A row of a matrix that has them side by side.
    pub(super) fn row(&self, row: usize) -> &'a [f32] {
        let first = row * self.row_stride;
        self.values.get(first..first + self.columns).unwrap_or_default()
    }

    /// The same values, rows and columns exchanged.
    pub(super) fn transposed(self) -> Self {
        let Self { values, rows, columns, row_stride, column_stride } = self;
        Self { values, rows: columns, columns: rows, row_stride: column_stride, column_stride: row_stride }
    }
}

/// How much of a common dimension is taken at a time: equal parts, since a short one at the end would cost as much reading and writing of
/// results as a long one.
pub(super) fn depth(common: usize) -> usize {
    common.div_ceil(common.div_ceil(DEPTH).max(1)).next_multiple_of(BLOCK)
}

/// Strips of `N` columns, one after the other, each row after row, for every stretch of rows; zeros beyond the last column.
pub(super) fn pack<const N: usize>(rhs: Matrix<'_>) -> Vec<Vec<Row<N>>> {
    let depth = depth(rhs.rows).max(1);
    (0..rhs.rows).step_by(depth).map(|start| pack_rows(rhs, start..(start + depth).min(rhs.rows))).collect()
}

fn pack_rows<const N: usize>(rhs: Matrix<'_>, rows: Range<usize>) -> Vec<Row<N>> {
    let depth = rows.len().max(1);
    let mut strips = vec![Row([0.0; N]); rhs.columns.div_ceil(N) * rows.len()];
    let at_once = if strips.len() * N < SMALL { strips.len().max(1) } else { depth };
    strips.par_chunks_mut(at_once).enumerate().for_each(|(part, strips)| {
        let firsts = (part * at_once / depth * N..rhs.columns).step_by(N);
        strips.chunks_exact_mut(depth).zip(firsts).for_each(|(strip, first)| fill(strip, rhs, rows.clone(), first));
    });
    strips
}

/// Fills one strip, whose first column is `first`.
fn fill<const N: usize>(strip: &mut [Row<N>], rhs: Matrix<'_>, rows: Range<usize>, first: usize) {
    let width = N.min(rhs.columns - first);
    let at = |row: usize, column: usize| (rows.start + row) * rhs.row_stride + (first + column) * rhs.column_stride;
    if rhs.column_stride == 1 {
        // Each row is a stretch of the slice.
        for (row, to) in strip.iter_mut().enumerate() {
            let from = rhs.values.get(at(row, 0)..).unwrap_or_default();
            match from.first_chunk::<N>().filter(|_| width == N) {
                Some(from) => to.0 = *from,
                None => to.0.iter_mut().zip(from.iter().take(width)).for_each(|(to, value)| *to = *value),
            }
        }
        return;
    }
    for (to, start) in strip.chunks_mut(BLOCK).zip((0..).step_by(BLOCK)) {
        for column in (0..width).step_by(BLOCK) {
            let block = std::array::from_fn(|next| match column + next < width {
                true => rhs.values.get(at(start, column + next)..).unwrap_or_default(),
                false => &[],
            });
            across(to, column / BLOCK, block, rhs.row_stride);
        }
    }
}

/// Puts some columns, whose elements are `stride` apart, beside each other into rows, at block `at` of each.
fn across<const N: usize>(rows: &mut [Row<N>], at: usize, columns: [&[f32]; BLOCK], stride: usize) {
    let mut block = [[0.0_f32; BLOCK]; BLOCK];
    for (next, column) in columns.into_iter().enumerate() {
        let whole = column.first_chunk::<BLOCK>().filter(|_| stride == 1);
        let mut values = [0.0; BLOCK];
        match whole {
            Some(column) => values = *column,
            None => values.iter_mut().zip(column.iter().step_by(stride.max(1))).for_each(|(to, value)| *to = *value),
        }
        for (row, value) in block.iter_mut().zip(values) {
            if let Some(to) = row.get_mut(next) {
                *to = value;
            }
        }
    }
    for (row, values) in rows.iter_mut().zip(block) {
        if let Some(to) = row.0.as_chunks_mut::<BLOCK>().0.get_mut(at) {
            *to = values;
        }
    }
}

/// Copies a part of a matrix whose row stride is 1 into strips of `M` rows, each column after column.
pub(super) fn side_by_side<const M: usize>(
    strips: &mut [[f32; M]],
    lhs: Matrix<'_>,
    rows: Range<usize>,
    columns: Range<usize>,
) {
    let depth = columns.len();
    for (at, column) in columns.enumerate() {
        let from = column * lhs.column_stride;
        let values = lhs.values.get(from + rows.start..from + rows.end).unwrap_or_default();
        let (whole, rest) = values.as_chunks::<M>();
        let mut places = strips.iter_mut().skip(at).step_by(depth);
        whole.iter().zip(places.by_ref()).for_each(|(values, to)| *to = *values);
        if let Some(to) = places.next().filter(|_| !rest.is_empty()) {
            to.iter_mut().zip(rest).for_each(|(to, value)| *to = *value);
        }
    }
}

//! Matrix products, `into = lhs * rhs` or `into += lhs * rhs`.
//!
//! Both operands are packed into strips as wide as the tile of [`super::tile`], the common dimension in stretches that stay in the caches.
//! Every element of the result is summed by one thread in one order, so that it does not depend on the threads.

use candle_core::{Device, Error, Result, Tensor};
use rayon::prelude::*;

use super::tile::{self, Instructions, Place, Tile};
use super::view::strided;

/// Of the common dimension at a time: a strip of either operand then takes a quarter of the second cache at most.
const DEPTH: usize = 384;
/// Rows of the result that a task takes, about.
const ROWS: usize = 96;
/// Multiplications below which one thread does it all.
const SMALL: usize = 1 << 20;

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

    /// Strips of `W` rows from `first` on, one after the other, each column after column from `start` to `end`; zeros below the last row.
    fn strips<const W: usize>(&self, rows: std::ops::Range<usize>, columns: std::ops::Range<usize>) -> Vec<[f32; W]> {
        let depth = columns.len();
        let mut strips = vec![[0.0; W]; rows.len().div_ceil(W) * depth];
        for (strip, first) in strips.chunks_exact_mut(depth.max(1)).zip(rows.clone().step_by(W)) {
            let height = W.min(rows.end - first);
            let at = first * self.row_stride + columns.start * self.column_stride;
            if self.row_stride == 1 {
                // Stored column after column: each is a stretch of the slice.
                for (column, to) in strip.iter_mut().enumerate() {
                    let from = at + column * self.column_stride;
                    let values = self.values.get(from..from + height).unwrap_or_default();
                    to.iter_mut().zip(values).for_each(|(to, value)| *to = *value);
                }
                continue;
            }
            for row in 0..height {
                let from = self.values.get(at + row * self.row_stride..).unwrap_or_default();
                let values = from.iter().step_by(self.column_stride.max(1));
                for (to, value) in strip.iter_mut().zip(values) {
                    if let Some(to) = to.get_mut(row) {
                        *to = *value;
                    }
                }
            }
        }
        strips
    }
}

/// The right operand of products, packed once for many.
pub(super) struct Packed {
    strips: Strips,
    rows: usize,
    columns: usize,
}

/// For every stretch of the common dimension, strips of columns.
enum Strips {
    #[cfg(target_arch = "x86_64")]
    Avx512(Vec<Vec<[f32; 32]>>),
    #[cfg(target_arch = "x86_64")]
    Avx2(Vec<Vec<[f32; 16]>>),
    Any(Vec<Vec<[f32; 8]>>),
}

impl Packed {
    /// Packs `rhs` for the instructions of this machine.
    pub(super) fn new(rhs: Matrix<'_>) -> Self {
        Self::of(rhs, Instructions::best())
    }

    fn of(rhs: Matrix<'_>, instructions: Instructions) -> Self {
        let strips = match instructions {
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx512 => Strips::Avx512(pack(rhs)),
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx2 => Strips::Avx2(pack(rhs)),
            Instructions::Any => Strips::Any(pack(rhs)),
        };
        Self { strips, rows: rhs.rows, columns: rhs.columns }
    }

    /// `into = lhs * self`, or `into += lhs * self`, row after row, on the calling thread.
    ///
    /// Shapes that do not fit are a mistake of this crate, which its tests would show; nothing is computed then.
    pub(super) fn product(&self, into: &mut [f32], lhs: Matrix<'_>, add: bool) {
        debug_assert!(lhs.columns == self.rows && into.len() == lhs.rows * self.columns);
        if lhs.columns == self.rows && into.len() == lhs.rows * self.columns {
            self.rows_of(into, lhs, 0..lhs.rows, add);
        }
    }

    /// As [`Packed::product`], on all threads where that pays.
    fn parallel(&self, into: &mut [f32], lhs: Matrix<'_>) {
        let work = lhs.rows * lhs.columns * self.columns;
        // Enough tasks for the threads, each of whole tiles.
        let share = lhs.rows.div_ceil(4 * rayon::current_num_threads()).next_multiple_of(12).clamp(12, ROWS);
        let rows = if work < SMALL { lhs.rows.max(1) } else { share };
        into.par_chunks_mut(rows * self.columns.max(1)).enumerate().for_each(|(at, into)| {
            let first = at * rows;
            self.rows_of(into, lhs, first..(first + rows).min(lhs.rows), false);
        });
    }

    fn rows_of(&self, into: &mut [f32], lhs: Matrix<'_>, rows: std::ops::Range<usize>, add: bool) {
        match &self.strips {
            #[cfg(target_arch = "x86_64")]
            Strips::Avx512(strips) => multiply(into, lhs, rows, strips, self.columns, add, tile::avx512),
            #[cfg(target_arch = "x86_64")]
            Strips::Avx2(strips) => multiply(into, lhs, rows, strips, self.columns, add, tile::avx2),
            Strips::Any(strips) => multiply(into, lhs, rows, strips, self.columns, add, tile::any),
        }
    }
}

fn pack<const N: usize>(rhs: Matrix<'_>) -> Vec<Vec<[f32; N]>> {
    let turned = rhs.transposed();
    let stretch = |start: usize| turned.strips::<N>(0..rhs.columns, start..(start + DEPTH).min(rhs.rows));
    (0..rhs.rows).step_by(DEPTH).map(stretch).collect()
}

/// Some rows of a product, tile by tile.
fn multiply<const M: usize, const N: usize>(
    into: &mut [f32],
    lhs: Matrix<'_>,
    rows: std::ops::Range<usize>,
    strips: &[Vec<[f32; N]>],
    columns: usize,
    add: bool,
    tile: Tile<M, N>,
) {
    if strips.is_empty() && !add {
        into.fill(0.0);
    }
    for (stretch, right) in strips.iter().enumerate() {
        let start = stretch * DEPTH;
        let depth = DEPTH.min(lhs.columns - start);
        let left = lhs.strips::<M>(rows.clone(), start..start + depth);
        for (right, column) in right.chunks_exact(depth).zip((0..columns).step_by(N)) {
            for (left, row) in left.chunks_exact(depth).zip((0..rows.len()).step_by(M)) {
                let values = into.get_mut(row * columns + column..).unwrap_or_default();
                let (rows, width) = (M.min(rows.len() - row), N.min(columns - column));
                tile(left, right, Place { values, stride: columns, rows, columns: width, add: add || stretch > 0 });
            }
        }
    }
}

/// See [`crate::op::matmul`].
pub(in crate::op) fn matmul(lhs: &Tensor, rhs: &Tensor) -> Result<Tensor> {
    let ((m, k), (rows, n)) = (lhs.dims2()?, rhs.dims2()?);
    if k != rows {
        return Err(Error::Msg(format!("{m} x {k} times {rows} x {n}")).bt());
    }
    let (lhs, rhs) = (strided(lhs)?, strided(rhs)?);
    let packed = Packed::new(rhs.matrix(rows, n));
    let mut into = vec![0.0_f32; m * n];
    packed.parallel(&mut into, lhs.matrix(m, k));
    Tensor::from_vec(into, (m, n), &Device::Cpu)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing)]
    use super::*;
    use crate::random::Random;

    #[test]
    fn every_tile_gives_the_sums_of_products() {
        let mut random = Random::new(2);
        let mut numbers = |count: usize| -> Vec<f32> { (0..count).map(|_| random.uniform(-1.0, 1.0)).collect() };
        let mut all = vec![Instructions::Any, Instructions::best()];
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            all.push(Instructions::Avx2);
        }
        for (m, k, n) in [(1, 1, 1), (12, 5, 32), (13, 7, 33), (40, 400, 65), (5, 800, 3), (97, 64, 96), (3, 0, 4)] {
            let (a, b, before) = (numbers(m * k), numbers(k * n), numbers(m * n));
            let (plain, turned) = (Matrix::new(&a, m, k), Matrix::new(&a, k, m).transposed());
            let (right, right_turned) = (Matrix::new(&b, k, n), Matrix::new(&b, n, k).transposed());
            for (lhs, rhs) in [(plain, right), (turned, right), (plain, right_turned), (turned, right_turned)] {
                for (&instructions, add) in all.iter().zip([false, true, false].into_iter().cycle()) {
                    let mut into = before.clone();
                    Packed::of(rhs, instructions).product(&mut into, lhs, add);
                    for (at, found) in into.iter().enumerate() {
                        let (row, column) = (at / n, at % n);
                        let product = |i: usize| {
                            let a = lhs.values[row * lhs.row_stride + i * lhs.column_stride];
                            f64::from(a) * f64::from(rhs.values[i * rhs.row_stride + column * rhs.column_stride])
                        };
                        let sum: f64 = (0..k).map(product).sum::<f64>() + if add { f64::from(before[at]) } else { 0.0 };
                        assert!(
                            (f64::from(*found) - sum).abs() < 1e-4,
                            "{m} x {k} x {n} {instructions:?}: {found} {sum}"
                        );
                    }
                }
            }
        }
    }

    type Rows = Vec<Vec<f32>>;

    #[test]
    fn threads_change_nothing() {
        let mut random = Random::new(3);
        let mut tensor = |rows: usize, columns: usize| {
            let numbers = (0..rows * columns).map(|_| random.uniform(-1.0, 1.0)).collect::<Vec<f32>>();
            Tensor::from_vec(numbers, (rows, columns), &Device::Cpu)
        };
        let mut work = || -> Result<(Rows, Rows)> {
            let (a, b) = (tensor(230, 140)?, tensor(77, 140)?);
            let many = matmul(&a, &b.t()?)?;
            let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().map_err(Error::wrap)?;
            let alone = one.install(|| matmul(&a, &b.t()?))?;
            assert!(many.sub(&a.matmul(&b.t()?)?)?.abs()?.max_all()?.to_scalar::<f32>()? < 1e-4);
            Ok((many.to_vec2()?, alone.to_vec2()?))
        };
        assert!(work().is_ok_and(|(many, alone)| many == alone));
    }
}

//! Matrix products, `into = lhs * rhs` or `into += lhs * rhs`.
//!
//! The right operand is packed into strips as wide as the tile of [`super::tile`], the common dimension in stretches that stay in the caches;
//! the left one is read where it lies.
//! Every element of the result is summed by one thread in one order, so that it does not depend on the threads.

use std::ops::Range;

use candle_core::{Device, Error, Result, Tensor};
use rayon::prelude::*;

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
use super::amx;
use super::memory::made;
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
use super::split::Step;
use super::strips::{Matrix, Row, depth, pack, side_by_side};
use super::tile::{self, Instructions, Left, Place, Tile};
use super::update::change;
use super::view::{floats, strided};
use crate::op::Factors;

/// Rows of the result that a task takes, about.
const ROWS: usize = 96;
/// Multiplications below which one thread does it all.
const SMALL: usize = 1 << 20;

/// The right operand of products, packed once for many.
pub(super) struct Packed {
    strips: Strips,
    rows: usize,
    columns: usize,
}

/// For every stretch of the common dimension, strips of columns.
enum Strips {
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    Amx(Vec<Vec<Step>>),
    #[cfg(target_arch = "x86_64")]
    Avx512(Vec<Vec<Row<32>>>),
    #[cfg(target_arch = "x86_64")]
    Avx2(Vec<Vec<Row<16>>>),
    Any(Vec<Vec<Row<16>>>),
}

impl Packed {
    /// Packs `rhs` for the instructions of this machine.
    pub(super) fn new(rhs: Matrix<'_>, factors: Factors) -> Self {
        Self::of(rhs, Instructions::best(factors))
    }

    fn of(rhs: Matrix<'_>, instructions: Instructions) -> Self {
        let strips = match instructions {
            #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
            Instructions::Amx => Strips::Amx(amx::pack(rhs)),
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx512 => Strips::Avx512(pack(rhs)),
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx2 => Strips::Avx2(pack(rhs)),
            Instructions::Any => Strips::Any(pack(rhs)),
        };
        Self { strips, rows: rhs.rows, columns: rhs.columns }
    }

    /// `into = lhs * self`, or `into += lhs * self`, on the calling thread; the rows of `into` are `stride` apart, at least as many as
    /// there are columns.
    ///
    /// Shapes that do not fit are a mistake of this crate, which its tests would show; nothing is computed then.
    pub(super) fn product(&self, into: &mut [f32], stride: usize, lhs: Matrix<'_>, add: bool) {
        debug_assert!(lhs.columns == self.rows && stride >= self.columns && into.len() >= lhs.rows * self.columns);
        if lhs.columns == self.rows && stride >= self.columns {
            self.rows_of(into, stride, lhs, 0..lhs.rows, add);
        }
    }

    /// Rows of the result that a task takes: enough tasks for the threads where that pays, each of whole tiles.
    fn share(&self, lhs: Matrix<'_>) -> usize {
        let work = lhs.rows * lhs.columns * self.columns;
        let share =
            lhs.rows.div_ceil(4 * rayon::current_num_threads()).next_multiple_of(self.tile()).clamp(self.tile(), ROWS);
        if work < SMALL { lhs.rows.max(1) } else { share }
    }

    /// What a task does: the rows that begin with element `at` of the result, side by side.
    fn task(&self, at: usize, into: &mut [f32], lhs: Matrix<'_>, add: bool) {
        let columns = self.columns.max(1);
        self.rows_of(into, columns, lhs, at / columns..(at + into.len()) / columns, add);
    }

    /// Rows that a tile takes; a divisor of [`ROWS`].
    fn tile(&self) -> usize {
        match &self.strips {
            #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
            Strips::Amx(_) => 32,
            _ => 12,
        }
    }

    fn rows_of(&self, into: &mut [f32], stride: usize, lhs: Matrix<'_>, rows: Range<usize>, add: bool) {
        let target = Target { into, stride, columns: self.columns, add };
        match &self.strips {
            #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
            Strips::Amx(strips) => amx::multiply(target, lhs, rows, strips),
            #[cfg(target_arch = "x86_64")]
            Strips::Avx512(strips) => multiply::<12, 32>(target, lhs, rows, strips, tile::avx512),
            #[cfg(target_arch = "x86_64")]
            Strips::Avx2(strips) => multiply::<6, 16>(target, lhs, rows, strips, tile::avx2),
            Strips::Any(strips) => multiply::<4, 16>(target, lhs, rows, strips, tile::any),
        }
    }
}

/// See [`crate::op::splits`].
pub(in crate::op) fn splits() -> bool {
    Instructions::best(Factors::Split) != Instructions::best(Factors::Whole)
}

/// What a product is written into: rows of `columns`, `stride` apart.
pub(super) struct Target<'a> {
    pub(super) into: &'a mut [f32],
    pub(super) stride: usize,
    pub(super) columns: usize,
    pub(super) add: bool,
}

/// Some rows of a product, tile by tile.
fn multiply<const M: usize, const N: usize>(
    target: Target<'_>,
    lhs: Matrix<'_>,
    rows: Range<usize>,
    strips: &[Vec<Row<N>>],
    tile: Tile<N>,
) {
    let Target { into, stride, columns, add } = target;
    if strips.is_empty() && !add {
        into.fill(0.0);
    }
    // Columns of rows that lie far apart come into the caches line by line: worth a copy where they are read more than a few times.
    let copied = lhs.row_stride == 1 && columns > 3 * N;
    let mut copy: Vec<[f32; M]> = Vec::new();
    let whole = depth(lhs.columns);
    for (stretch, right) in strips.iter().enumerate() {
        let start = stretch * whole;
        let depth = whole.min(lhs.columns - start);
        if copied {
            copy.resize(rows.len().div_ceil(M) * depth, [0.0; M]);
            side_by_side(&mut copy, lhs, rows.clone(), start..start + depth);
        }
        for (right, column) in right.chunks_exact(depth).zip((0..columns).step_by(N)) {
            for (at, row) in (0..rows.len()).step_by(M).enumerate() {
                let height = M.min(rows.len() - row);
                let (values, strides) = match copied {
                    true => (copy.get(at * depth..).unwrap_or_default().as_flattened(), [1, M]),
                    false => {
                        let first = (rows.start + row) * lhs.row_stride + start * lhs.column_stride;
                        (lhs.values.get(first..).unwrap_or_default(), [lhs.row_stride, lhs.column_stride])
                    }
                };
                let [row_stride, column_stride] = strides;
                let left = Left { values, rows: height, row_stride, column_stride };
                let values = into.get_mut(row * stride + column..).unwrap_or_default();
                let width = N.min(columns - column);
                tile(left, right, Place { values, stride, rows: height, columns: width, add: add || stretch > 0 });
            }
        }
    }
}

/// `[m, k, n]` of `(m, k)` times `(k, n)`, to be added to `m * n` numbers where there is something to add it to.
fn sizes(lhs: &Tensor, rhs: &Tensor, onto: Option<&Tensor>) -> Result<[usize; 3]> {
    let ((m, k), (rows, n)) = (lhs.dims2()?, rhs.dims2()?);
    if k == rows && onto.is_none_or(|onto| onto.elem_count() == m * n) {
        return Ok([m, k, n]);
    }
    let onto = onto.map_or(String::new(), |onto| format!(" onto {:?}", onto.dims()));
    Err(Error::Msg(format!("{m} x {k} times {rows} x {n}{onto}")).bt())
}

/// See [`crate::op::matmul`].
pub(in crate::op) fn matmul(lhs: &Tensor, rhs: &Tensor, factors: Factors) -> Result<Tensor> {
    let [m, k, n] = sizes(lhs, rhs, None)?;
    let (lhs, rhs) = (strided(lhs)?, strided(rhs)?);
    let packed = Packed::new(rhs.matrix(k, n), factors);
    let lhs = lhs.matrix(m, k);
    let (into, _) = made(m * n, packed.share(lhs) * n, |at, into| packed.task(at, into, lhs, false));
    Tensor::from_vec(into, (m, n), &Device::Cpu)
}

/// See [`crate::op::matmul_plus`].
pub(in crate::op) fn matmul_plus(x: &Tensor, lhs: &Tensor, rhs: &Tensor, factors: Factors) -> Result<Tensor> {
    let [m, k, n] = sizes(lhs, rhs, Some(x))?;
    let (lhs, rhs) = (strided(lhs)?, strided(rhs)?);
    let (x, packed, lhs) = (floats(x)?, Packed::new(rhs.matrix(k, n), factors), lhs.matrix(m, k));
    let (into, _) = made(m * n, packed.share(lhs) * n, |at, into| {
        if let Some(x) = x.get(at..at + into.len()) {
            into.copy_from_slice(x);
        }
        packed.task(at, into, lhs, true);
    });
    Tensor::from_vec(into, (m, n), &Device::Cpu)
}

/// See [`crate::op::add_matmul`].
pub(in crate::op) fn add_matmul(sum: &Tensor, lhs: &Tensor, rhs: &Tensor, factors: Factors) -> Result<()> {
    let [m, k, n] = sizes(lhs, rhs, Some(sum))?;
    let (lhs, rhs) = (strided(lhs)?, strided(rhs)?);
    let packed = Packed::new(rhs.matrix(k, n), factors);
    let lhs = lhs.matrix(m, k);
    let at_once = (packed.share(lhs) * n).max(1);
    change(sum, |sum| {
        let parts = sum.par_chunks_mut(at_once).enumerate();
        parts.for_each(|(part, into)| packed.task(part * at_once, into, lhs, true));
    })
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
        let split = Instructions::best(Factors::Split);
        let mut all = vec![Instructions::Any, Instructions::best(Factors::Whole), split];
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            all.push(Instructions::Avx2);
        }
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx512f") {
            all.push(Instructions::Avx512);
        }
        for (m, k, n) in
            [(1, 1, 1), (12, 5, 32), (13, 7, 33), (40, 400, 65), (5, 800, 3), (97, 64, 96), (70, 300, 64), (3, 0, 4)]
        {
            let (a, b, before) = (numbers(m * k), numbers(k * n), numbers(m * n));
            let (plain, turned) = (Matrix::new(&a, m, k), Matrix::new(&a, k, m).transposed());
            let (right, right_turned) = (Matrix::new(&b, k, n), Matrix::new(&b, n, k).transposed());
            for (lhs, rhs) in [(plain, right), (turned, right), (plain, right_turned), (turned, right_turned)] {
                for (&instructions, add) in all.iter().zip([false, true, false].into_iter().cycle()) {
                    let mut into = before.clone();
                    Packed::of(rhs, instructions).product(&mut into, n, lhs, add);
                    for (at, found) in into.iter().enumerate() {
                        let (row, column) = (at / n, at % n);
                        let product = |i: usize| {
                            let a = lhs.values[row * lhs.row_stride + i * lhs.column_stride];
                            f64::from(a) * f64::from(rhs.values[i * rhs.row_stride + column * rhs.column_stride])
                        };
                        let sum: f64 = (0..k).map(product).sum::<f64>() + if add { f64::from(before[at]) } else { 0.0 };
                        let off = f64::from(*found) - sum;
                        // Terms of split products are off by so much of themselves at most, and either way.
                        let split = if instructions == split && splits() { 3.0 * 2_f64.powi(-18) } else { 0.0 };
                        let terms = (0..k).map(|i| product(i).powi(2)).sum::<f64>().sqrt();
                        assert!(
                            off.abs() < 1e-4 + 3.0 * split * terms,
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
        same_with_threads(Factors::Whole, 1e-4);
        same_with_threads(Factors::Split, 1e-3);
    }

    fn same_with_threads(factors: Factors, most: f32) {
        let mut random = Random::new(3);
        let mut tensor = |rows: usize, columns: usize| {
            let numbers = (0..rows * columns).map(|_| random.uniform(-1.0, 1.0)).collect::<Vec<f32>>();
            Tensor::from_vec(numbers, (rows, columns), &Device::Cpu)
        };
        let mut work = || -> Result<(Rows, Rows)> {
            let (a, b) = (tensor(230, 140)?, tensor(77, 140)?);
            let many = matmul(&a, &b.t()?, factors)?;
            let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().map_err(Error::wrap)?;
            let alone = one.install(|| matmul(&a, &b.t()?, factors))?;
            let plus = matmul_plus(&many, &a, &b.t()?, factors)?;
            assert!((plus - (&many + &many)?)?.abs()?.max_all()?.to_scalar::<f32>()? < most);
            assert!(many.sub(&a.matmul(&b.t()?)?)?.abs()?.max_all()?.to_scalar::<f32>()? < most);
            Ok((many.to_vec2()?, alone.to_vec2()?))
        };
        assert!(work().is_ok_and(|(many, alone)| many == alone));
    }
}

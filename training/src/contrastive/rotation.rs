//! A turn of all vectors that leaves their dot products as they are and brings the directions in which they vary most to the front, so
//! that leading parts (Matryoshka) have something to imitate.
//!
//! The principal axes of a sample, without centring, by orthogonal iteration: a few rounds suffice, since any orthogonal matrix leaves
//! the products alone and only the order has to be about right.

use std::path::Path;

use candle_core::{Device, Tensor};

use crate::error::{Error, Result};

/// Rounds of the iteration.
const ROUNDS: usize = 12;

/// An orthogonal matrix, row by row: the new axes, largest variance first.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Rotation {
    rows: Vec<Vec<f32>>,
}

impl Rotation {
    /// The axes of `vectors` of `width` components.
    pub(super) fn fit(vectors: &[Vec<f32>], width: usize) -> Result<Self> {
        let sample = Tensor::from_vec(vectors.concat(), (vectors.len(), width), &Device::Cpu)?;
        let moment = sample.t()?.matmul(&sample)?;
        let mut rows: Vec<Vec<f32>> = (0..width).map(|at| (0..width).map(|i| f32::from(i == at)).collect()).collect();
        for _ in 0..ROUNDS {
            let axes = Tensor::from_vec(rows.concat(), (width, width), &Device::Cpu)?;
            rows = axes.matmul(&moment)?.to_vec2()?;
            orthogonalise(&mut rows);
        }
        // What rounding left askew.
        orthogonalise(&mut rows);
        let variance = |row: &[f32]| -> f64 { vectors.iter().map(|vector| dot(row, vector).powi(2)).sum() };
        rows.sort_by_cached_key(|row| std::cmp::Reverse((variance(row) * 1e9) as u64));
        Ok(Self { rows })
    }

    /// A vector by the new axes.
    pub(super) fn turn(&self, vector: &[f32]) -> Vec<f32> {
        self.rows.iter().map(|row| dot(row, vector) as f32).collect()
    }

    /// The one in `file`, if it is there.
    pub(super) fn read(file: &Path, width: usize) -> Result<Option<Self>> {
        let bytes = match std::fs::read(file) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io(file)(error)),
        };
        let numbers: Vec<f32> = bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        if bytes.len() != 4 * width * width {
            let reason = format!("{} bytes are no rotation of {width} dimensions", bytes.len());
            return Err(Error::Damaged { path: file.to_owned(), reason });
        }
        Ok(Some(Self { rows: numbers.chunks(width.max(1)).map(<[f32]>::to_vec).collect() }))
    }

    /// Writes it.
    pub(super) fn write(&self, file: &Path) -> Result<()> {
        let bytes: Vec<u8> = self.rows.iter().flatten().flat_map(|number| number.to_le_bytes()).collect();
        let partial = file.with_extension("partial");
        std::fs::write(&partial, bytes).map_err(Error::io(&partial))?;
        std::fs::rename(&partial, file).map_err(Error::io(file))
    }
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    // Sums of eight side by side, for the compiler.
    let (a, b) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    let mut sums = [0.0_f32; 8];
    for (a, b) in a.0.iter().zip(b.0) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    let rest: f32 = a.1.iter().zip(b.1).map(|(a, b)| a * b).sum();
    sums.iter().map(|sum| f64::from(*sum)).sum::<f64>() + f64::from(rest)
}

/// Makes `rows` orthonormal, each in its turn (Gram and Schmidt). A row that nothing is left of takes the place of a unit vector.
fn orthogonalise(rows: &mut [Vec<f32>]) {
    for at in 0..rows.len() {
        let (before, after) = rows.split_at_mut(at);
        let Some(row) = after.first_mut() else { continue };
        for attempt in 0..=row.len() {
            let long = dot(row, row).sqrt();
            for _ in 0..2 {
                for other in before.iter() {
                    let along = dot(other, row) as f32;
                    row.iter_mut().zip(other).for_each(|(x, other)| *x -= along * other);
                }
            }
            let left = dot(row, row).sqrt();
            if left > 1e-4 * long && left > 1e-20 {
                row.iter_mut().for_each(|x| *x = (f64::from(*x) / left) as f32);
                break;
            }
            row.iter_mut().enumerate().for_each(|(i, x)| *x = f32::from(i == attempt));
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use crate::random::Random;

    #[test]
    fn products_stay_and_what_varies_comes_first() {
        let mut random = Random::new(4);
        // Six dimensions, of which only three are used, and those unequally.
        let vectors: Vec<Vec<f32>> = (0..200)
            .map(|_| {
                let [a, b, c] = [0.3, 3.0, 1.0].map(|scale: f32| random.uniform(-scale, scale));
                vec![a, b + c, b - c, 0.0, a, 0.0]
            })
            .collect();
        let rotation = Rotation::fit(&vectors, 6).unwrap();
        let turned: Vec<Vec<f32>> = vectors.iter().map(|vector| rotation.turn(vector)).collect();
        for at in 1..vectors.len() {
            let (before, after) = (dot(&vectors[at - 1], &vectors[at]), dot(&turned[at - 1], &turned[at]));
            assert!((before - after).abs() < 1e-4, "{before} {after}");
        }
        let variance = |i: usize| turned.iter().map(|vector| f64::from(vector[i]).powi(2)).sum::<f64>();
        assert!((1..6).all(|i| variance(i - 1) >= variance(i)) && variance(0) > 5.0 * variance(1));
        assert!(variance(3) < 1e-3 * variance(2));
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("rotation.f32");
        assert_eq!(Rotation::read(&file, 6).unwrap(), None);
        rotation.write(&file).unwrap();
        assert_eq!(Rotation::read(&file, 6).unwrap(), Some(rotation));
        assert!(Rotation::read(&file, 7).is_err());
    }
}

//! Matrices in 8-bit integers, in memory and as a file.
//!
//! Each row (an output channel, or a token's embedding) has a scale of its own and codes in -127 to 127 around zero: a number is its code
//! times the scale. In a file the codes stand under the matrix's own name as I8, and the scales beside it under the name with `.scale`
//! behind it, in F16, which costs two bytes a row and loses nothing: the codes are chosen for the scale as it is stored.

use std::collections::HashMap;

use half::f16;
use rayon::prelude::*;
use safetensors::serialize;
use safetensors::tensor::{Dtype, TensorView};

use crate::error::{Error, Result};
use crate::files::ModelFiles;
use crate::weights::Weights;

/// Put behind a matrix's name for its scales.
pub(crate) const SCALE: &str = ".scale";
/// The largest code.
const LARGEST: f32 = 127.0;
/// Tensors of the language-model head, which vectors do not need.
const HEAD: &str = "decoder.";

/// A matrix `(rows, width)`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Quantized {
    pub(crate) codes: Vec<i8>,
    /// One a row.
    pub(crate) scales: Vec<f32>,
    pub(crate) width: usize,
}

impl Quantized {
    /// The nearest codes of finite numbers in row order.
    pub(crate) fn of(values: &[f32], width: usize) -> Self {
        let mut codes = vec![0; values.len()];
        let rows = values.par_chunks(width.max(1)).zip(codes.par_chunks_mut(width.max(1)));
        let scales = rows.map(|(values, codes)| {
            let largest = values.iter().fold(0.0_f32, |most, value| most.max(value.abs()));
            let scale = scale_for(largest);
            for (code, value) in codes.iter_mut().zip(values) {
                *code = if scale > 0.0 { (value / scale).round_ties_even().clamp(-LARGEST, LARGEST) as i8 } else { 0 };
            }
            scale
        });
        let scales = scales.collect();
        Self { codes, scales, width }
    }

    /// Codes and scale of a row.
    pub(crate) fn row(&self, row: usize) -> Option<(&[i8], f32)> {
        Some((self.codes.get(row * self.width..(row + 1) * self.width)?, *self.scales.get(row)?))
    }

    /// The numbers the codes stand for.
    pub(crate) fn widened(&self) -> Vec<f32> {
        let rows = self.codes.chunks(self.width.max(1)).zip(&self.scales);
        rows.flat_map(|(codes, scale)| codes.iter().map(move |&code| f32::from(code) * scale)).collect()
    }
}

/// The least f16 with which the largest code reaches `largest`.
fn scale_for(largest: f32) -> f32 {
    let wanted = (largest / LARGEST).min(f16::MAX.to_f32());
    let nearest = f16::from_f32(wanted);
    if nearest.to_f32() < wanted { f16::from_bits(nearest.to_bits() + 1).to_f32() } else { nearest.to_f32() }
}

/// The weights of a model as one safetensors file in int8: matrices as codes and scales, norms in f32 as they are, the language-model head
/// left out. The other files of the model stay as they are. Its vectors are those that [`Precision::Int8`](crate::Precision::Int8) gives for
/// the weights it was made from.
///
/// # Errors
/// [`Error::DamagedWeights`], [`Error::UnsupportedDtype`], [`Error::NotFinite`].
pub fn quantize(files: &ModelFiles) -> Result<Vec<u8>> {
    let weights = Weights::parse(&files.weights)?;
    let mut stored: Vec<(String, Dtype, Vec<usize>, Vec<u8>)> = Vec::new();
    for (name, shape) in weights.tensors() {
        if name.starts_with(HEAD) {
            continue;
        }
        if let &[rows, width] = shape.as_slice() {
            let Quantized { codes, scales, .. } = weights.quantized(&name, [rows, width])?;
            let scales = scales.iter().flat_map(|&scale| f16::from_f32(scale).to_le_bytes()).collect();
            stored.push((format!("{name}{SCALE}"), Dtype::F16, vec![rows], scales));
            stored.push((name, Dtype::I8, shape, codes.into_iter().map(|code| code as u8).collect()));
        } else {
            let values = weights.values(&name, &shape)?;
            stored.push((name, Dtype::F32, shape, values.into_iter().flat_map(f32::to_le_bytes).collect()));
        }
    }
    let damaged = |source| Error::DamagedWeights { source };
    let views = stored
        .iter()
        .map(|(name, dtype, shape, data)| Ok((name, TensorView::new(*dtype, shape.clone(), data).map_err(damaged)?)));
    let note = "int8 codes with one f16 scale a row under NAME.scale; number = code * scale";
    let metadata = HashMap::from([("quantization".to_owned(), note.to_owned())]);
    serialize(views.collect::<Result<Vec<_>>>()?, Some(metadata)).map_err(damaged)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_are_within_half_a_step(
            rows in prop::collection::vec(prop::collection::vec(-1.0..1.0_f32, 7), 1..5), magnitude in -6..3_i32,
        ) {
            let values: Vec<f32> = rows.concat().iter().map(|value| value * 10.0_f32.powi(magnitude)).collect();
            let quantized = Quantized::of(&values, 7);
            for (at, (value, found)) in values.iter().zip(quantized.widened()).enumerate() {
                prop_assert!((value - found).abs() <= 0.5001 * quantized.scales[at / 7], "{value} became {found}");
            }
            let scales = quantized.scales.iter().map(|&scale| f16::from_f32(scale).to_f32());
            prop_assert!(scales.eq(quantized.scales.iter().copied()), "a scale is not what f16 holds");
        }
    }

    #[test]
    fn extremes_have_codes() {
        let found = Quantized::of(&[0.0, 0.0, 1e-9, -1e-9, 127.0, -127.0], 2);
        assert_eq!(found.codes[..2], [0, 0]);
        assert_eq!(found.codes[4..], [127, -127]);
        assert_eq!(found.scales[2], 1.0);
        assert!(found.widened().iter().all(|value| value.is_finite()));
    }
}

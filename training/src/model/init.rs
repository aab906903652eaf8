//! Where parameters start: at random as in the reference, or from a checkpoint.

use std::borrow::Cow;

use half::{bf16, f16};
use safetensors::SafeTensors;
use safetensors::tensor::Dtype;

use crate::error::{Error, Result};
use crate::random::Random;

/// Half the width of the uniform distribution every matrix starts from (`decoder_init_range` of the reference).
const RANGE: f32 = 0.02;

/// A source of first values.
pub enum Initial<'a> {
    /// Uniform in ±0.02 for matrices, 1 for norms, 0 for biases.
    Random(&'a mut Random),
    /// The same with another half width.
    Uniform(&'a mut Random, f32),
    /// Tensors of a safetensors file, with or without the prefix `model.`.
    Tensors(SafeTensors<'a>),
}

impl Initial<'_> {
    /// The values of the parameter `name`.
    ///
    /// # Errors
    /// [`Error::Weights`] where the file lacks the tensor or holds another shape.
    pub(super) fn values(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        let count = shape.iter().product();
        let drawn = |random: &mut Random, range: f32| match shape.len() {
            1 if name.ends_with("bias") => vec![0.0; count],
            1 => vec![1.0; count],
            _ => (0..count).map(|_| random.uniform(-range, range)).collect(),
        };
        match self {
            Self::Random(random) => Ok(drawn(random, RANGE)),
            Self::Uniform(random, range) => Ok(drawn(random, *range)),
            Self::Tensors(tensors) => read(tensors, name, shape),
        }
    }
}

fn read(tensors: &SafeTensors<'_>, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
    let fail = |reason: String| Error::Weights { name: name.to_owned(), reason };
    let bare = name.strip_prefix("model.").unwrap_or(name);
    let view = [Cow::Borrowed(bare), Cow::Owned(format!("model.{bare}"))]
        .iter()
        .find_map(|name| tensors.tensor(name).ok())
        .ok_or_else(|| fail("is not in the file".to_owned()))?;
    if view.shape() != shape {
        return Err(fail(format!("has shape {:?}, the recipe wants {shape:?}", view.shape())));
    }
    let pairs = || view.data().as_chunks::<2>().0.iter();
    match view.dtype() {
        Dtype::F32 => Ok(view.data().as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect()),
        Dtype::F16 => Ok(pairs().map(|b| f16::from_le_bytes(*b).to_f32()).collect()),
        Dtype::BF16 => Ok(pairs().map(|b| bf16::from_le_bytes(*b).to_f32()).collect()),
        other => Err(fail(format!("is stored as {other:?}; f32, f16 and bf16 can be read"))),
    }
}

//! The tensors of one or more safetensors files, by name.
//!
//! The files are borrowed as bytes: read from disk or part of the binary, never mapped, because a mapped file that
//! changes under the process is undefined behaviour. Everything is widened to f32, which is what the exact path computes in.

use std::borrow::Cow;

use candle_core::{Device, Tensor};
use half::{bf16, f16};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};

use crate::error::{Error, Result};

/// Put before the encoder's names in files saved with a language-model head.
const PREFIX: &str = "model.";

/// Named tensors of a checkpoint.
pub struct Weights<'a> {
    shards: Vec<SafeTensors<'a>>,
}

impl<'a> Weights<'a> {
    /// Reads the headers of the checkpoint's files and checks that they fit the bytes.
    ///
    /// # Errors
    /// [`Error::DamagedWeights`].
    pub fn parse(shards: &'a [Cow<'static, [u8]>]) -> Result<Self> {
        let shards = shards
            .iter()
            .map(|bytes| SafeTensors::deserialize(bytes).map_err(|source| Error::DamagedWeights { source }))
            .collect::<Result<_>>()?;
        Ok(Self { shards })
    }

    /// The tensor `name`, with or without the prefix `model.`, in f32 on `device`.
    ///
    /// # Errors
    /// [`Error::MissingWeight`], [`Error::ShapeMismatch`] where it is not of `shape`, [`Error::UnsupportedDtype`],
    /// [`Error::NotFinite`].
    pub fn tensor(&self, name: &str, shape: &[usize], device: &Device) -> Result<Tensor> {
        let view = self.find(name).ok_or_else(|| Error::MissingWeight { name: name.to_owned() })?;
        if view.shape() != shape {
            return Err(Error::ShapeMismatch {
                name: name.to_owned(),
                expected: shape.to_vec(),
                found: view.shape().to_vec(),
            });
        }
        let values = widen(&view)
            .ok_or_else(|| Error::UnsupportedDtype { name: name.to_owned(), found: format!("{:?}", view.dtype()) })?;
        if !values.iter().all(|value| value.is_finite()) {
            return Err(Error::NotFinite { what: format!("tensor `{name}`") });
        }
        Ok(Tensor::from_vec(values, shape, device)?)
    }

    /// Whether there is a tensor `name`, with or without the prefix.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// How the tensor `name` is stored, in lower case: `f32`, `f16`, `bf16`.
    #[must_use]
    pub fn dtype(&self, name: &str) -> Option<String> {
        Some(format!("{:?}", self.find(name)?.dtype()).to_lowercase())
    }

    fn find(&self, name: &str) -> Option<TensorView<'a>> {
        let prefixed = format!("{PREFIX}{name}");
        self.shards.iter().find_map(|shard| shard.tensor(&prefixed).or_else(|_| shard.tensor(name)).ok())
    }
}

/// The values in f32, or nothing where the format is not one of the three.
fn widen(view: &TensorView<'_>) -> Option<Vec<f32>> {
    let bytes = view.data();
    let pairs = || bytes.as_chunks::<2>().0.iter();
    match view.dtype() {
        Dtype::F32 => Some(bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect()),
        Dtype::F16 => Some(pairs().map(|b| f16::from_le_bytes(*b).to_f32()).collect()),
        Dtype::BF16 => Some(pairs().map(|b| bf16::from_le_bytes(*b).to_f32()).collect()),
        _ => None,
    }
}

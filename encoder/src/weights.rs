//! The tensors of one or more safetensors files, by name.
//!
//! The files are borrowed as bytes: read from disk or part of the binary, never mapped, because a mapped file that
//! changes under the process is undefined behaviour. Everything is widened to f32, which is what the exact path computes in, except
//! for the engine in int8, which takes matrices stored as int8 (see [`quantize`](crate::quantize)) as they are.

use std::borrow::Cow;

use candle_core::{Device, Tensor};
use half::{bf16, f16};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};

use crate::error::{Error, Result};
use crate::quantized::{Quantized, SCALE};

/// Put before the encoder's names in files saved with a head: NeoBERT's and ModernBERT's, then the other families'.
const PREFIXES: [&str; 6] = ["", "model.", "bert.", "roberta.", "distilbert.", "nomic_bert."];
/// What norms were called in the first checkpoints, and still are in some.
const OLD_NAMES: [(&str, &str); 2] = [("LayerNorm.weight", "LayerNorm.gamma"), ("LayerNorm.bias", "LayerNorm.beta")];
/// Numbers that some checkpoints hold and no model needs: they count 0, 1, 2.
const COUNTED: &str = "position_ids";

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

    /// The tensor `name`, with or without a prefix such as `model.`, in f32 on `device`.
    ///
    /// # Errors
    /// Those of [`Weights::values`], and [`Error::Compute`] where the device refuses.
    pub fn tensor(&self, name: &str, shape: &[usize], device: &Device) -> Result<Tensor> {
        Ok(Tensor::from_vec(self.values(name, shape)?, shape, device)?)
    }

    /// The numbers of the tensor `name`, with or without a prefix such as `model.`, in row order.
    ///
    /// # Errors
    /// [`Error::MissingWeight`], [`Error::ShapeMismatch`] where it is not of `shape`, [`Error::UnsupportedDtype`],
    /// [`Error::NotFinite`].
    pub fn values(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        let view = self.view(name, shape)?;
        if let (Dtype::I8, &[rows, width]) = (view.dtype(), shape) {
            return Ok(self.quantized(name, [rows, width])?.widened());
        }
        let values = widen(&view)
            .ok_or_else(|| Error::UnsupportedDtype { name: name.to_owned(), found: format!("{:?}", view.dtype()) })?;
        if !values.iter().all(|value| value.is_finite()) {
            return Err(Error::NotFinite { what: format!("tensor `{name}`") });
        }
        Ok(values)
    }

    /// The matrix `name` of `shape` (rows, width) in int8: as it is stored, or made so.
    ///
    /// # Errors
    /// Those of [`Weights::values`], for the matrix and for its scales.
    pub(crate) fn quantized(&self, name: &str, shape: [usize; 2]) -> Result<Quantized> {
        let view = self.view(name, &shape)?;
        if view.dtype() != Dtype::I8 {
            return Ok(Quantized::of(&self.values(name, &shape)?, shape[1]));
        }
        let scales = self.values(&format!("{name}{SCALE}"), &shape[..1])?;
        Ok(Quantized { codes: view.data().iter().map(|&byte| byte as i8).collect(), scales, width: shape[1] })
    }

    fn view(&self, name: &str, shape: &[usize]) -> Result<TensorView<'a>> {
        let view = self.find(name).ok_or_else(|| Error::MissingWeight { name: name.to_owned() })?;
        if view.shape() != shape {
            return Err(Error::ShapeMismatch {
                name: name.to_owned(),
                expected: shape.to_vec(),
                found: view.shape().to_vec(),
            });
        }
        Ok(view)
    }

    /// Whether there is a tensor `name`, with or without the prefix.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// How the tensor `name` is stored: `f32`, `f16`, `bf16`, `int8`.
    #[must_use]
    pub fn dtype(&self, name: &str) -> Option<String> {
        match self.find(name)?.dtype() {
            Dtype::I8 => Some("int8".to_owned()),
            other => Some(format!("{other:?}").to_lowercase()),
        }
    }

    /// Names, without prefix, and shapes of all tensors but scales, in order of name.
    pub(crate) fn tensors(&self) -> Vec<(String, Vec<usize>)> {
        let all = self.shards.iter().flat_map(SafeTensors::tensors);
        let mut tensors: Vec<_> = all
            .map(|(name, view)| (name.strip_prefix("model.").unwrap_or(&name).to_owned(), view.shape().to_vec()))
            .filter(|(name, _)| !name.ends_with(SCALE) && !name.ends_with(COUNTED))
            .collect();
        tensors.sort();
        tensors.dedup();
        tensors
    }

    fn find(&self, name: &str) -> Option<TensorView<'a>> {
        let find = |name: &str| self.shards.iter().find_map(|shard| shard.tensor(name).ok());
        let anywhere = |name: &str| PREFIXES.iter().find_map(|prefix| find(&format!("{prefix}{name}")));
        let old = || {
            let (new, old) = OLD_NAMES.iter().find(|(new, _)| name.ends_with(new))?;
            anywhere(&format!("{}{old}", name.strip_suffix(new)?))
        };
        anywhere(name).or_else(old)
    }
}

/// The values in f32, or nothing where the format is not a float of 32 or 16 bits.
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

//! The tiny NeoBERT with random weights that every test here uses, and ways to rewrite its files.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use neodex_encoder::{Encoder, ModelFiles, ModelFolder, Options, Precision};
use safetensors::tensor::{Dtype, TensorView};
use safetensors::{SafeTensors, serialize};

/// A stored tensor: format, shape, bytes.
pub(crate) type Stored = (Dtype, Vec<usize>, Vec<u8>);

pub(crate) fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/neobert-tiny")
}

pub(crate) fn files() -> ModelFiles {
    ModelFolder::open(folder()).unwrap().read().unwrap()
}

/// The exact path, which the reference is to be compared with.
pub(crate) fn exact() -> Options {
    Options { precision: Precision::F32, ..Options::default() }
}

pub(crate) fn encoder() -> Encoder {
    Encoder::load(folder(), &exact()).unwrap()
}

pub(crate) fn read_tensors(bytes: &[u8]) -> BTreeMap<String, Stored> {
    let file = SafeTensors::deserialize(bytes).unwrap();
    let stored = |view: TensorView<'_>| (view.dtype(), view.shape().to_vec(), view.data().to_vec());
    file.tensors().into_iter().map(|(name, view)| (name, stored(view))).collect()
}

pub(crate) fn write_tensors(tensors: &BTreeMap<String, Stored>) -> Vec<u8> {
    let view = |(dtype, shape, data)| TensorView::new(dtype, shape, data).unwrap();
    let views =
        tensors.iter().map(|(name, (dtype, shape, data))| (name, view((*dtype, shape.clone(), data.as_slice()))));
    serialize(views, None).unwrap()
}

/// The model with its tensors changed.
pub(crate) fn with_tensors(change: impl FnOnce(&mut BTreeMap<String, Stored>)) -> ModelFiles {
    let mut files = files();
    let mut tensors = read_tensors(&files.weights[0]);
    change(&mut tensors);
    files.weights = vec![write_tensors(&tensors).into()];
    files
}

/// The reference's expected outputs.
pub(crate) struct Cases {
    pub(crate) json: serde_json::Value,
    tensors: BTreeMap<String, Stored>,
}

impl Cases {
    pub(crate) fn read() -> Self {
        let json = serde_json::from_slice(&fs::read(folder().join("cases.json")).unwrap()).unwrap();
        let tensors = read_tensors(&fs::read(folder().join("cases.safetensors")).unwrap());
        Self { json, tensors }
    }

    pub(crate) fn ids(&self, case: &str) -> Vec<u32> {
        serde_json::from_value(self.json["cases"][case]["input_ids"].clone()).unwrap()
    }

    pub(crate) fn tensor(&self, name: &str) -> Vec<f32> {
        floats(&self.tensors.get(name).unwrap_or_else(|| panic!("no tensor {name}")).2)
    }
}

pub(crate) fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect()
}

/// Largest difference of two equally long rows of numbers.
pub(crate) fn distance(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    let differences = a.iter().zip(b).map(|(a, b)| (a - b).abs());
    differences.fold(0.0, |most, d| if d.is_nan() { f32::INFINITY } else { most.max(d) })
}

pub(crate) fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

//! The packed model against the exact one, on the CPU.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::single_range_in_vec_init)]

use std::path::Path;

use candle_core::{DType, Device, Tensor};

use super::{PackedModel, PackedNeoBert, Packing};
use crate::backend::Sequence;
use crate::config::NeoBertConfig;
use crate::files::ModelFiles;
use crate::folder::ModelFolder;
use crate::model::NeoBert;
use crate::weights::Weights;

fn tiny() -> ModelFiles {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/neobert-tiny");
    ModelFolder::open(folder).unwrap().read().unwrap()
}

/// Sequences of these lengths, whose ids look random and never repeat each other's.
fn batch(lengths: &[usize]) -> Vec<Sequence> {
    let ids = |i: usize, length: usize| (0..length).map(|j| ((i * 7919 + j * 104_729 + j * j) % 512) as u32).collect();
    lengths.iter().enumerate().map(|(i, &length)| Sequence::with_all_states(ids(i, length))).collect()
}

/// Last states of the packed model in `dtype`, and of the exact one for each sequence alone.
fn states(lengths: &[usize], dtype: DType) -> (Vec<f32>, Vec<f32>) {
    let files = tiny();
    let config = NeoBertConfig::from_json(&files.config).unwrap();
    let weights = Weights::parse(&files.weights).unwrap();
    let batch = batch(lengths);

    let packed = PackedNeoBert::load(&weights, &config, dtype, &Device::Cpu).unwrap();
    let inputs = Packing::new(&batch).copied(&Device::Cpu).unwrap();
    let found = packed.means(&inputs).unwrap().flatten_all().unwrap().to_vec1().unwrap();

    let exact = NeoBert::load(&weights, &config, &Device::Cpu).unwrap();
    let alone = |sequence: &Sequence| -> Vec<f32> {
        let ids = Tensor::new(vec![sequence.ids.clone()], &Device::Cpu).unwrap();
        exact.forward(&ids, None).unwrap().flatten_all().unwrap().to_vec1().unwrap()
    };
    (found, batch.iter().flat_map(alone).collect())
}

fn off(found: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(found.len(), expected.len());
    let square = |numbers: &mut dyn Iterator<Item = f32>| numbers.map(|x| x * x).sum::<f32>();
    let difference = square(&mut found.iter().zip(expected).map(|(a, b)| a - b));
    (difference / square(&mut expected.iter().copied())).sqrt()
}

#[test]
fn packed_in_f32_is_exact() {
    for lengths in [&[1][..], &[64, 64, 64], &[200, 7, 33, 1, 30, 150, 199]] {
        let (found, expected) = states(lengths, DType::F32);
        assert!(off(&found, &expected) < 1e-5, "{lengths:?}: {}", off(&found, &expected));
    }
}

#[test]
fn packed_in_half_precision_is_close() {
    for (dtype, most) in [(DType::BF16, 0.03), (DType::F16, 0.004)] {
        let (found, expected) = states(&[60, 7, 45, 1], dtype);
        assert!(off(&found, &expected) < most, "{dtype:?}: {}", off(&found, &expected));
    }
}

#[test]
fn means_are_of_the_spans() {
    let files = tiny();
    let config = NeoBertConfig::from_json(&files.config).unwrap();
    let weights = Weights::parse(&files.weights).unwrap();
    let packed = PackedNeoBert::load(&weights, &config, DType::F32, &Device::Cpu).unwrap();
    let mut sequences = batch(&[9, 4, 6]);
    let all = packed.means(&Packing::new(&sequences).copied(&Device::Cpu).unwrap()).unwrap();
    sequences[0].spans = vec![2..9];
    sequences[1].spans = vec![];
    sequences[2].spans = vec![0..6, 3..3];
    let means = packed.means(&Packing::new(&sequences).copied(&Device::Cpu).unwrap()).unwrap();
    let expected = [
        all.narrow(0, 2, 7).unwrap().mean(0).unwrap(),
        all.narrow(0, 13, 6).unwrap().mean(0).unwrap(),
        Tensor::zeros(config.hidden_size, DType::F32, &Device::Cpu).unwrap(),
    ];
    let values = |tensor: &Tensor| tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    assert!(off(&values(&means), &values(&Tensor::stack(&expected, 0).unwrap())) < 1e-6);
}

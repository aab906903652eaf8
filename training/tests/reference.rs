//! The reference implementation's states, losses, gradients and optimizer steps, out of its fixtures.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::path::PathBuf;

use candle_core::{Device, Tensor};
use neodex_encoder::{NeoBertConfig, Weights};
use neodex_training::distributed::Single;
use neodex_training::model::{Batch, Initial, Keep, NeoBert, Precision};
use neodex_training::optimizer::{Adamw, clip_scale, grad_norm};
use safetensors::SafeTensors;
use serde_json::Value;

fn file(name: &str) -> Vec<u8> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../encoder/tests/fixtures/neobert-tiny");
    std::fs::read(folder.join(name)).unwrap()
}

struct Fixture {
    cases: Value,
    tensors: Vec<u8>,
}

impl Fixture {
    fn open() -> Self {
        Self { cases: serde_json::from_slice(&file("cases.json")).unwrap(), tensors: file("cases.safetensors") }
    }

    fn find(&self, name: &str) -> Option<Vec<f32>> {
        let tensors = SafeTensors::deserialize(&self.tensors).unwrap();
        let data = tensors.tensor(name).ok()?.data().to_vec();
        Some(data.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect())
    }

    fn model(&self) -> NeoBert {
        self.model_in(Precision::F32)
    }

    fn model_in(&self, precision: Precision) -> NeoBert {
        let config = NeoBertConfig::from_json(&file("config.json")).unwrap();
        let files = [file("model.safetensors").into()];
        let weights = Initial::Stored(Weights::parse(&files).unwrap());
        NeoBert::new(&config, weights, true, precision, &Device::Cpu).unwrap()
    }

    /// Sequences, masked rows of the padded batch, labels.
    fn batch(&self, index: usize) -> (Batch, Vec<u32>, Vec<u32>) {
        let batch = &self.cases["mlm"]["batches"][index];
        let rows = |key: &str| -> Vec<Vec<i64>> {
            let ints = |row: &Value| row.as_array().unwrap().iter().map(|x| x.as_i64().unwrap()).collect();
            batch[key].as_array().unwrap().iter().map(ints).collect()
        };
        let (ids, mask, labels) = (rows("input_ids"), rows("attention_mask"), rows("labels"));
        let real = |(ids, mask): (&Vec<i64>, &Vec<i64>)| -> Vec<u32> {
            ids.iter().zip(mask).filter(|(_, m)| **m == 1).map(|(id, _)| *id as u32).collect()
        };
        let sequences: Vec<Vec<u32>> = ids.iter().zip(&mask).map(real).collect();
        let padded = Batch::new(&sequences, 0, &Device::Cpu).unwrap();
        let (mut masked, mut wanted) = (Vec::new(), Vec::new());
        for (sequence, labels) in labels.iter().enumerate() {
            for (at, &label) in labels.iter().enumerate().filter(|(_, label)| **label >= 0) {
                masked.push((sequence * padded.seq + at) as u32);
                wanted.push(label as u32);
            }
        }
        (padded, masked, wanted)
    }
}

fn values(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

fn distance(found: &[f32], wanted: &[f32]) -> f32 {
    assert_eq!(found.len(), wanted.len());
    found.iter().zip(wanted).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

/// Loss of a batch; its gradients are added to the model's sums unless nothing is kept.
fn loss(fixture: &Fixture, model: &NeoBert, index: usize, keep: Keep) -> f32 {
    let (batch, rows, labels) = fixture.batch(index);
    let (states, tape) = model.forward(&batch, keep).unwrap();
    let scale = (keep != Keep::Nothing).then(|| 1.0 / rows.len() as f32);
    let outcome = model.head().unwrap().run(&states, &rows, &labels, scale).unwrap();
    if let Some(dstates) = outcome.dstates {
        model.backward(&batch, tape, &dstates).unwrap();
    }
    outcome.loss.to_scalar::<f32>().unwrap() / rows.len() as f32
}

#[test]
fn states_are_the_references() {
    let fixture = Fixture::open();
    let model = fixture.model();
    for case in ["len1", "len7", "len64", "eps1", "eps3", "len200"] {
        let ids = fixture.cases["cases"][case]["input_ids"].as_array().unwrap();
        let ids: Vec<u32> = ids[0].as_array().unwrap_or(ids).iter().map(|id| id.as_u64().unwrap() as u32).collect();
        let batch = Batch::new(&[&ids], 0, &Device::Cpu).unwrap();
        let (states, _) = model.forward(&batch, Keep::Nothing).unwrap();
        let states = values(&states.narrow(0, 0, ids.len()).unwrap());
        let found = distance(&states, &fixture.find(&format!("{case}.last_hidden_state")).unwrap());
        assert!(found < 2e-5, "{case}: {found}");
    }
}

#[test]
fn losses_and_gradients_are_the_references() {
    let fixture = Fixture::open();
    let mlm = &fixture.cases["mlm"];
    let rows: Vec<usize> = mlm["grad_rows"].as_array().unwrap().iter().map(|r| r.as_u64().unwrap() as usize).collect();
    for keep in [Keep::Products, Keep::Inputs] {
        let model = fixture.model();
        let found = loss(&fixture, &model, 0, keep);
        assert!((f64::from(found) - mlm["loss"].as_f64().unwrap()).abs() < 1e-5, "{found}");
        let mut compared = 0;
        for parameter in model.parameters() {
            let grad = values(parameter.grad());
            let norm = grad.iter().map(|g| f64::from(*g).powi(2)).sum::<f64>().sqrt();
            let wanted = mlm["grad_l2"][parameter.name()].as_f64().unwrap();
            assert!((norm / wanted - 1.0).abs() < 1e-5, "{}: {norm} {wanted}", parameter.name());
            let mut close = |found: &[f32], wanted: &[f32]| {
                compared += 1;
                for (a, b) in found.iter().zip(wanted) {
                    assert!((a - b).abs() <= 1e-4 * b.abs() + 1e-6, "{}: {a} {b}", parameter.name());
                }
            };
            if let Some(wanted) = fixture.find(&format!("grad.{}", parameter.name())) {
                close(&grad, &wanted);
            }
            if let Some(wanted) = fixture.find(&format!("grad_rows.{}", parameter.name())) {
                let width = parameter.shape()[1];
                let picked: Vec<f32> =
                    rows.iter().flat_map(|row| grad[row * width..(row + 1) * width].to_vec()).collect();
                close(&picked, &wanted);
            }
        }
        assert_eq!(compared, 10);
    }
}

/// What tile registers make of it; the same as above where there are none.
#[test]
fn split_factors_come_close_to_the_references() {
    let fixture = Fixture::open();
    let (split, whole) = (fixture.model_in(Precision::Bf16x2), fixture.model());
    let found = loss(&fixture, &split, 0, Keep::Products);
    assert!((f64::from(found) / fixture.cases["mlm"]["loss"].as_f64().unwrap() - 1.0).abs() < 2e-5, "{found}");
    loss(&fixture, &whole, 0, Keep::Products);
    for (split, whole) in split.parameters().into_iter().zip(whole.parameters()) {
        let (found, wanted) = (values(split.grad()), values(whole.grad()));
        let square = |of: &mut dyn Iterator<Item = f32>| of.map(|x| f64::from(x).powi(2)).sum::<f64>().sqrt();
        let off = square(&mut found.iter().zip(&wanted).map(|(a, b)| a - b));
        let size = square(&mut wanted.iter().copied());
        assert!(off <= 1e-4 * size, "{}: {off} of {size}", whole.name());
    }
}

#[test]
fn three_steps_of_adamw_are_the_references() {
    let fixture = Fixture::open();
    let mut model = fixture.model();
    let adamw = &fixture.cases["mlm"]["adamw"];
    let hparams = &adamw["hparams"];
    let number = |value: &Value| value.as_f64().unwrap();
    let optimizer = Adamw {
        beta1: number(&hparams["betas"][0]) as f32,
        beta2: number(&hparams["betas"][1]) as f32,
        eps: number(&hparams["eps"]) as f32,
        weight_decay: number(&hparams["weight_decay"]) as f32,
    };
    for step in 0..3_usize {
        let found = loss(&fixture, &model, step, Keep::Products);
        let wanted = &adamw["steps"][step];
        assert!((f64::from(found) - number(&wanted["loss"])).abs() < 1e-5);
        let norm = grad_norm(&model.parameters()).unwrap();
        assert!((norm / number(&wanted["grad_norm_before_clip"]) - 1.0).abs() < 1e-4, "{norm}");
        let scale = clip_scale(norm, number(&hparams["max_grad_norm"]));
        optimizer.step(&mut model.parameters_mut(), step as u64 + 1, number(&hparams["lr"]), scale).unwrap();
    }
    for index in 0..3 {
        let found = f64::from(loss(&fixture, &model, index, Keep::Nothing));
        let wanted = number(&adamw["loss_after_3_steps_on_each_batch"][index]);
        assert!((found - wanted).abs() < 2e-5, "{found} {wanted}");
    }
    for parameter in model.parameters() {
        if let Some(wanted) = fixture.find(&format!("after3.{}", parameter.name())) {
            let found = distance(&values(&parameter.whole(0, &Single).unwrap()), &wanted);
            assert!(found < 5e-6, "{}: {found}", parameter.name());
        }
    }
}

#[test]
fn every_parameter_has_a_gradient() {
    let fixture = Fixture::open();
    let model = fixture.model();
    loss(&fixture, &model, 0, Keep::Products);
    for parameter in model.parameters() {
        let grad = values(parameter.grad());
        assert!(grad.iter().any(|g| *g != 0.0), "{} has none", parameter.name());
    }
}

//! The losses on vectors and their way back through the model.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::path::PathBuf;

use candle_core::{Device, Tensor};
use neodex_encoder::NeoBertConfig;
use neodex_training::Random;
use neodex_training::contrastive::{Links, Objective, Sequence, Texts};
use neodex_training::model::{Initial, Keep, NeoBert, Precision};
use serde_json::Value;

const CPU: Device = Device::Cpu;

fn config() -> NeoBertConfig {
    NeoBertConfig {
        hidden_size: 32,
        num_hidden_layers: 2,
        num_attention_heads: 2,
        intermediate_size: 96,
        vocab_size: 50,
        max_length: 64,
        norm_eps: 1e-5,
        ..NeoBertConfig::default()
    }
}

fn model() -> NeoBert {
    let mut random = Random::new(3);
    let model = NeoBert::new(&config(), Initial::Random(&mut random), false, Precision::F32, &CPU).unwrap();
    // Far from the start, where every gradient is small: weights large enough to matter.
    for parameter in model.parameters() {
        let state: Vec<f32> = parameter.state().flatten_all().unwrap().to_vec1().unwrap();
        let count = state.len() / 3;
        let wild = |(i, w): (usize, f32)| if i < count && parameter.shape().len() > 1 { w * 12.0 } else { w };
        parameter.restore(state.into_iter().enumerate().map(wild).collect()).unwrap();
    }
    model
}

fn unit_rows(rows: usize, seed: u64) -> Tensor {
    let mut random = Random::new(seed);
    let values: Vec<Vec<f32>> = (0..rows)
        .map(|_| {
            let row: Vec<f32> = (0..32).map(|_| random.uniform(-1.0, 1.0)).collect();
            let norm = row.iter().map(|x| x * x).sum::<f32>().sqrt();
            row.iter().map(|x| x / norm).collect()
        })
        .collect();
    Tensor::new(values, &CPU).unwrap()
}

fn objective() -> Objective {
    Objective {
        temperature: 0.1,
        widths: vec![32, 16],
        infonce: 1.0,
        distill: 0.7,
        score_distill: 0.5,
        distill_temperature: 0.2,
        filter_margin: Some(0.2),
    }
}

/// Two queries and three documents, one of them a window with two spans.
fn batch() -> (Vec<Sequence>, Links) {
    let sequence =
        |ids: std::ops::Range<u32>, spans: &[(u32, u32)]| Sequence { ids: ids.collect(), spans: spans.to_vec() };
    let sequences = vec![
        sequence(2..7, &[(0, 5)]),
        sequence(4..30, &[(3, 12), (12, 25)]),
        sequence(30..34, &[(0, 4)]),
        sequence(5..22, &[(1, 16)]),
    ];
    let ids = |ids: &[u32]| Tensor::new(ids, &CPU).unwrap();
    let links = Links {
        documents: ids(&[1, 2, 4]),
        queries: ids(&[0, 3]),
        inverse: ids(&[3, 0, 1, 4, 2]),
        asking: ids(&[0, 1]),
        positives: ids(&[1, 2]),
    };
    (sequences, links)
}

fn loss(model: &NeoBert, sequences: &[Sequence], links: &Links, remember: bool, backward: bool) -> f32 {
    let texts = Texts::new(sequences, 32, 0, &CPU).unwrap();
    let encoded = texts.encode(model, remember).unwrap();
    let outcome = objective().run(&encoded.vectors, links, Some(&unit_rows(5, 8))).unwrap();
    if backward {
        texts.backward(model, encoded, &outcome.gradient, Keep::Products).unwrap();
    }
    outcome.loss.to_scalar().unwrap()
}

fn grads(model: &NeoBert) -> Vec<Vec<f32>> {
    model.parameters().iter().map(|p| p.grad().to_vec1().unwrap()).collect()
}

#[test]
fn gradients_are_those_of_finite_differences() {
    let (model, (sequences, links)) = (model(), batch());
    loss(&model, &sequences, &links, true, true);
    let grads = grads(&model);
    let mut random = Random::new(1);
    for (parameter, grad) in model.parameters().iter().zip(grads) {
        let state: Vec<f32> = parameter.state().flatten_all().unwrap().to_vec1().unwrap();
        // Along a random direction, so that one number tests every element.
        let direction: Vec<f32> = grad.iter().map(|_| random.uniform(-1.0, 1.0)).collect();
        let slope: f64 = grad.iter().zip(&direction).map(|(g, d)| f64::from(*g) * f64::from(*d)).sum();
        let length: f32 = direction.iter().map(|d| d * d).sum::<f32>().sqrt();
        let step = 3e-3 / length * 4.0;
        let at = |sign: f32| {
            let mut moved = state.clone();
            moved.iter_mut().zip(&direction).for_each(|(w, d)| *w += sign * step * d);
            parameter.restore(moved).unwrap();
            f64::from(loss(&model, &sequences, &links, true, false))
        };
        let measured = (at(1.0) - at(-1.0)) / (2.0 * f64::from(step));
        parameter.restore(state).unwrap();
        let error = (measured - slope).abs() / slope.abs().max(f64::from(length) * 1e-3);
        assert!(error < 0.02, "{}: {measured} by differences, {slope} by hand", parameter.name());
    }
}

#[test]
fn gradients_cached_are_the_same() {
    let (sequences, links) = batch();
    let (whole, cached) = (model(), model());
    assert_eq!(loss(&whole, &sequences, &links, true, true), loss(&cached, &sequences, &links, false, true));
    assert_eq!(grads(&whole), grads(&cached));
}

#[test]
fn how_texts_are_cut_into_pieces_changes_nothing() {
    let (sequences, model) = (batch().0, model());
    let vectors = |budget: usize| -> Vec<Vec<f32>> {
        let texts = Texts::new(&sequences, budget, 0, &CPU).unwrap();
        texts.encode(&model, false).unwrap().vectors.to_vec2().unwrap()
    };
    let (one, many) = (vectors(1000), vectors(8));
    assert_eq!(one.len(), 5);
    for (a, b) in one.iter().flatten().zip(many.iter().flatten()) {
        assert!((a - b).abs() < 1e-5, "{a} {b}");
    }
}

#[test]
fn infonce_is_the_references() {
    let fixtures = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../encoder/tests/fixtures/neobert-tiny/cases.json");
    let cases: Value = serde_json::from_slice(&std::fs::read(fixtures).unwrap()).unwrap();
    let case = &cases["contrastive"];
    let rows = |key: &str| -> Vec<Vec<f32>> { serde_json::from_value(case[key].clone()).unwrap() };
    let (queries, positives, negatives) = (rows("queries"), rows("positives"), rows("negatives"));
    let pairs = queries.len();
    let objective = Objective {
        temperature: case["temperature"].as_f64().unwrap(),
        widths: vec![queries[0].len()],
        infonce: 1.0,
        distill: 0.0,
        score_distill: 0.0,
        distill_temperature: 1.0,
        filter_margin: None,
    };
    for (negatives, key) in [(vec![], "loss_in_batch_only"), (negatives, "loss_with_negatives")] {
        let documents = positives.len() + negatives.len();
        let all = [queries.clone(), positives.clone(), negatives.clone()].concat();
        let range = |from: usize, to: usize| Tensor::arange(from as u32, to as u32, &CPU).unwrap();
        let links = Links {
            documents: range(pairs, pairs + documents),
            queries: range(0, pairs),
            inverse: Tensor::cat(&[range(documents, documents + pairs), range(0, documents)], 0).unwrap(),
            asking: range(0, pairs),
            positives: range(0, pairs),
        };
        let outcome = objective.run(&Tensor::new(all, &CPU).unwrap(), &links, None).unwrap();
        let sum = f64::from(outcome.loss.to_scalar::<f32>().unwrap()) * pairs as f64;
        assert!((sum - case[key].as_f64().unwrap()).abs() < 1e-4, "{key}: {sum}");
        if key == "loss_with_negatives" {
            let wanted: Vec<Vec<f32>> = rows("grad_queries_with_negatives");
            let found: Vec<Vec<f32>> = outcome.gradient.narrow(0, 0, pairs).unwrap().to_vec2().unwrap();
            for (a, b) in found.iter().flatten().zip(wanted.iter().flatten()) {
                assert!((a * pairs as f32 - b).abs() < 1e-4 * b.abs() + 1e-5, "{a} {b}");
            }
        }
    }
}

#[test]
fn an_unlabelled_answer_is_no_negative() {
    let vectors = unit_rows(4, 5);
    let ids = |ids: &[u32]| Tensor::new(ids, &CPU).unwrap();
    let row = |i: usize| vectors.narrow(0, i, 1).unwrap();
    // To the teacher the query is exactly document 2, so that it scores above the positive.
    let teacher = Tensor::cat(&[row(2), row(1), row(2), row(3)], 0).unwrap();
    let run = |filter_margin, documents: &[u32]| {
        let objective = Objective { filter_margin, distill: 0.0, score_distill: 0.0, ..objective() };
        // Rows beyond the documents are queries, and one of them asks nothing.
        let queries: &[u32] = if documents.len() == 3 { &[0] } else { &[0, 2] };
        let inverse: &[u32] = if documents.len() == 3 { &[3, 0, 1, 2] } else { &[2, 0, 3, 1] };
        let (documents, queries, inverse) = (ids(documents), ids(queries), ids(inverse));
        let links = Links { documents, queries, inverse, asking: ids(&[0]), positives: ids(&[0]) };
        objective.run(&vectors, &links, Some(&teacher)).unwrap().infonce.to_scalar::<f32>().unwrap()
    };
    let without = run(None, &[1, 3]);
    let filtered = run(Some(-0.3), &[1, 2, 3]);
    assert!((filtered - without).abs() < 1e-5, "{filtered} {without}");
    assert!((run(None, &[1, 2, 3]) - without).abs() > 1e-3);
}

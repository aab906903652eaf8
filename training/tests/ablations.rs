//! Every ablation of the paper is an overlay that trains: ten steps each, on a small shape and a small text, and the loss falls.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::fs;
use std::path::{Path, PathBuf};

use candle_core::{Device, Tensor};
use neodex_encoder::{Encoder, NeoBertConfig, Options};
use neodex_training::model::{Activation, Batch, Initial, Keep, NeoBert, NormKind, Positions, Precision, Variant};
use neodex_training::progress::Silent;
use neodex_training::{Random, Recipe, RunOptions, contrastive, pretrain};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("recipes/ablations")
}

/// The paper's shapes and lengths on a small scale; the rest of an overlay stays as it is.
fn small() -> Vec<String> {
    let keys = [
        "model.hidden_size=32",
        "model.num_hidden_layers=2",
        "model.num_attention_heads=2",
        "model.intermediate_size=48",
        "model.vocab_size=330",
        "model.max_length=64",
        "schedule.peak_lr=3e-3",
        "schedule.warmup_steps=2",
        "pretrain.stage.0.steps=10",
        "pretrain.stage.0.length=48",
        "pretrain.stage.0.tokens_per_step=768",
        "pretrain.stage.0.micro_batch_tokens=256",
        "contrastive.steps=2",
        "contrastive.batch=4",
        "contrastive.query_tokens=16",
        "contrastive.document_tokens=32",
        "run.eval_every_steps=5",
        "run.heldout_documents=3",
    ];
    keys.map(str::to_owned).to_vec()
}

fn data(dir: &Path) {
    let animals = ["otter", "badger", "heron", "beaver", "falcon", "salmon", "marten", "toad", "newt", "carp"];
    let (mut text, mut pairs) = (Vec::new(), String::new());
    for (at, animal) in animals.iter().enumerate() {
        let other = animals[(at + 3) % animals.len()];
        let about = format!("The {animal} lives near water and wakes early while the {other} keeps away and sleeps. ");
        text.push(about.repeat(1 + at % 4));
        pairs += &format!("{{\"query\": \"where is the {animal}\", \"positive\": \"{about}\"}}\n");
    }
    for (name, from) in [("books", 0), ("web", 3)] {
        fs::create_dir(dir.join(name)).unwrap();
        for (at, text) in text.iter().enumerate().skip(from) {
            fs::write(dir.join(name).join(format!("{at}.txt")), text).unwrap();
        }
    }
    fs::write(dir.join("pairs.jsonl"), pairs).unwrap();
}

#[test]
fn every_overlay_trains() {
    let dir = tempfile::tempdir().unwrap();
    data(dir.path());
    let mut refused = Vec::new();
    for number in 0..=10 {
        let overlay = folder().join(format!("m{number}.toml"));
        let recipe = Recipe::load_with(&folder().join("base.toml"), &[overlay], &small()).unwrap();
        let output = dir.path().join(format!("m{number}"));
        let options = RunOptions { data: Some(dir.path().to_owned()), ..RunOptions::new(&output) };
        let pretrained = pretrain::run(&recipe, &options, &mut Silent).unwrap();
        let losses = heldout(&output);
        assert_eq!((pretrained.steps, losses.len()), (10, 2), "m{number}");
        assert!(losses[1] < losses[0] && losses[1] < (330_f64).ln(), "m{number}: {losses:?}");
        let tuned = contrastive::run(&recipe, &options, &mut Silent).unwrap();
        assert!(tuned.loss.unwrap().is_finite() && tuned.heldout_accuracy.is_some(), "m{number}");
        // What the product would read wrongly it does not read.
        refused.extend(Encoder::load(options.model(), &Options::default()).err().map(|error| (number, error)));
    }
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert!(refused[0].0 == 0 && refused[0].1.to_string().contains("neobert-variant"), "{refused:?}");
}

fn heldout(output: &Path) -> Vec<f64> {
    let rows = fs::read_to_string(output.join("metrics.jsonl")).unwrap();
    let rows = rows.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    rows.filter(|row| row["kind"] == "heldout").map(|row| row["loss"].as_f64().unwrap()).collect()
}

#[test]
fn overlays_differ_from_each_other_as_the_paper_says() {
    let base = folder().join("base.toml");
    let recipe = |number: usize| Recipe::load_with(&base, &[folder().join(format!("m{number}.toml"))], &[]).unwrap();
    let [m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map(recipe);
    let changed = |before: &Recipe, after: &Recipe| {
        let (a, b) = (&before.pretrain.as_ref().unwrap().stage[0], &after.pretrain.as_ref().unwrap().stage[0]);
        let parts = [
            ("model", before.model != after.model),
            ("tokenizer", before.tokenizer != after.tokenizer),
            ("optimizer", before.optimizer != after.optimizer),
            ("schedule", before.schedule != after.schedule),
            ("masking", (a.masking, a.mlm_probability) != (b.masking, b.mlm_probability)),
            ("packing", a.packing != b.packing),
            ("corpora", a.corpora != b.corpora),
            ("size", (a.tokens_per_step, a.length) != (b.tokens_per_step, b.length)),
        ];
        parts.into_iter().filter(|(_, differs)| *differs).map(|(part, _)| part).collect::<Vec<_>>()
    };
    assert_eq!(changed(&m0, &m1), ["model"]);
    assert_eq!(changed(&m1, &m2), ["corpora"]);
    assert_eq!(changed(&m2, &m3), ["tokenizer"]);
    assert_eq!(changed(&m2, &m4), ["optimizer", "schedule"]);
    assert_eq!(changed(&m4, &m5), ["masking"]);
    assert_eq!(changed(&m5, &m6), ["packing"]);
    assert_eq!(changed(&m5, &m7), ["model"]);
    assert_eq!(changed(&m7, &m8), ["model"]);
    assert_eq!(changed(&m8, &m9), ["model", "size"]);
    assert_eq!(m9, m10);
    let size = |recipe: &Recipe| recipe.model.to_neobert().parameters() / 1_000_000;
    assert_eq!((size(&m8), m8.model.num_hidden_layers), (221, 28));
    assert!(size(&m5) < 120 && size(&m7).abs_diff(size(&m8)) < 30, "{} {}", size(&m5), size(&m7));
}

/// Gradients of the parts that only variants have, against differences along random directions.
#[test]
fn gradients_of_variants_are_those_of_finite_differences() {
    let config = NeoBertConfig {
        hidden_size: 12,
        num_hidden_layers: 2,
        num_attention_heads: 2,
        intermediate_size: 20,
        vocab_size: 31,
        max_length: 16,
        ..NeoBertConfig::default()
    };
    let variant = Variant { positions: Positions::Learned, norm: NormKind::Layer, activation: Activation::Gelu };
    let mut random = Random::new(5);
    let initial = Initial::Uniform(&mut random, 0.3);
    let model = NeoBert::of_variant(&config, variant, initial, true, Precision::F32, &Device::Cpu).unwrap();
    let batch = Batch::flat(&[vec![1, 5, 9, 30, 7], vec![3, 4, 5, 6, 7, 8, 9, 10, 11]], &Device::Cpu).unwrap();
    let (rows, labels) = ([1, 3, 6, 9, 13], [8, 2, 17, 5, 30]);
    let loss = |backward: bool| -> f64 {
        let (states, tape) = model.forward(&batch, Keep::Products).unwrap();
        let outcome = model.head().unwrap().run(&states, &rows, &labels, Some(1.0)).unwrap();
        if backward {
            model.backward(&batch, tape, &outcome.dstates.unwrap()).unwrap();
        }
        f64::from(outcome.loss.to_scalar::<f32>().unwrap())
    };
    loss(true);
    let grads: Vec<Vec<f32>> = model.parameters().iter().map(|p| p.grad().to_vec1().unwrap()).collect();
    assert_eq!(model.parameters().len(), 2 + 2 * 8 + 2 + 2);
    for (parameter, grad) in model.parameters().iter().zip(grads) {
        assert!(grad.iter().any(|g| *g != 0.0), "{} has no gradient", parameter.name());
        let state: Vec<f32> = parameter.state().flatten_all().unwrap().to_vec1().unwrap();
        let direction: Vec<f32> = grad.iter().map(|_| random.uniform(-1.0, 1.0)).collect();
        let slope: f64 = grad.iter().zip(&direction).map(|(g, d)| f64::from(*g) * f64::from(*d)).sum();
        let length = direction.iter().map(|d| d * d).sum::<f32>().sqrt();
        let step = 1e-2 / length;
        let at = |sign: f32| {
            let mut moved = state.clone();
            moved.iter_mut().zip(&direction).for_each(|(w, d)| *w += sign * step * d);
            parameter.restore(moved).unwrap();
            loss(false)
        };
        let measured = (at(1.0) - at(-1.0)) / (2.0 * f64::from(step));
        parameter.restore(state).unwrap();
        let error = (measured - slope).abs() / slope.abs().max(f64::from(length) * 1e-2);
        assert!(error < 0.02, "{}: {measured} by differences, {slope} by hand", parameter.name());
    }
    // Where a token stands decides: the same tokens the other way round have other states.
    let states = |ids: &[u32]| -> Vec<Vec<f32>> {
        let batch = Batch::new(&[ids], 0, &Device::Cpu).unwrap();
        let (states, _) = model.forward(&batch, Keep::Nothing).unwrap();
        Tensor::to_vec2(&states).unwrap()
    };
    assert_ne!(states(&[4, 9, 6])[0], states(&[6, 9, 4])[2]);
}

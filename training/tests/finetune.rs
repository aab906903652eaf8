//! Fine-tuning: the head's gradients, that a task is learnt, and when a run ends.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::sync::atomic::AtomicBool;

use candle_core::{Device, Tensor};
use neodex_encoder::{ModelFiles, NeoBertConfig, Tokenizer};
use neodex_training::Random;
use neodex_training::finetune::{
    Checkpoint, ClassificationHead, FinetuneOutcome, FinetuneSettings, Finetuning, Item, Labels, pair,
};

const OUTPUTS: usize = 3;

fn files() -> ModelFiles {
    let config = NeoBertConfig {
        hidden_size: 32,
        num_hidden_layers: 2,
        num_attention_heads: 2,
        intermediate_size: 96,
        vocab_size: 40,
        max_length: 32,
        ..NeoBertConfig::default()
    };
    ModelFiles::untrained(&config).unwrap()
}

#[test]
fn the_heads_gradients_are_those_of_its_loss() {
    let device = Device::Cpu;
    let mut random = Random::new(5);
    let head = ClassificationHead::new(6, OUTPUTS, &mut random, &device).unwrap();
    let states: Vec<f32> = (0..24).map(|_| random.uniform(-2.0, 2.0)).collect();
    let tensor = |values: &[f32]| Tensor::from_slice(values, (4, 6), &device).unwrap();
    for labels in [Labels::Classes(vec![2, 0, 1, 1]), Labels::Scores(vec![0.5, 3.0, -1.0, 2.0])] {
        // A score is told by one output only.
        let head = match labels {
            Labels::Classes(_) => head.clone(),
            Labels::Scores(_) => ClassificationHead::new(6, 1, &mut Random::new(6), &device).unwrap(),
        };
        let loss = |values: &[f32]| {
            let run = head.train(&tensor(values), &labels, 0.0, &mut Random::new(0)).unwrap();
            f64::from(run.loss.to_scalar::<f32>().unwrap())
        };
        let run = head.train(&tensor(&states), &labels, 0.0, &mut Random::new(0)).unwrap();
        let gradient: Vec<f32> = run.dstates.flatten_all().unwrap().to_vec1().unwrap();
        for place in [0, 7, 13, 23] {
            let step = 1e-2;
            let at = |by: f32| {
                let mut moved = states.clone();
                moved[place] += by;
                loss(&moved)
            };
            let slope = (at(step) - at(-step)) / f64::from(2.0 * step);
            assert!((slope - f64::from(gradient[place])).abs() < 2e-4, "{slope} {}", gradient[place]);
        }
    }
}

#[test]
fn what_dropout_leaves_out_has_no_gradient_and_an_evaluation_leaves_nothing_out() {
    let device = Device::Cpu;
    let head = ClassificationHead::new(8, 2, &mut Random::new(1), &device).unwrap();
    let states = Tensor::ones((16, 8), candle_core::DType::F32, &device).unwrap();
    let run = head.train(&states, &Labels::Classes(vec![1; 16]), 0.5, &mut Random::new(2)).unwrap();
    let gradient: Vec<f32> = run.dstates.flatten_all().unwrap().to_vec1().unwrap();
    let zeros = gradient.iter().filter(|value| **value == 0.0).count();
    assert!((40..90).contains(&zeros), "{zeros} of 128");
    assert_eq!(
        head.outputs(&states).unwrap().to_vec2::<f32>().unwrap(),
        head.outputs(&states).unwrap().to_vec2::<f32>().unwrap()
    );
}

/// Sequences that end with one of `kinds` tokens, which decides the label.
fn items(count: usize, kinds: u32, seed: u64) -> Vec<Item> {
    let mut random = Random::new(seed);
    (0..count)
        .map(|number| {
            let kind = number as u32 % kinds;
            let filler = (0..3).map(|_| 20 + (random.next_u64() % 15) as u32);
            let ids: Vec<u32> = [1].into_iter().chain(filler).chain([5 + kind, 2]).collect();
            Item { ids, label: kind as f32 }
        })
        .collect()
}

fn tune(settings: FinetuneSettings, classes: usize, keep: bool, fixed: Option<f64>) -> FinetuneOutcome {
    let checkpoint = Checkpoint::read(&files()).unwrap();
    let mut tuning = Finetuning::new(&checkpoint, classes, settings, &Device::Cpu).unwrap();
    let (train, dev) = (items(48, 3, 1), items(24, 3, 2));
    let sequences: Vec<Vec<u32>> = dev.iter().map(|item| item.ids.clone()).collect();
    let mut score = |outputs: &[Vec<f32>]| {
        assert!(outputs.len() == 24 && outputs.iter().all(|row| row.len() == classes.max(1)));
        let right = |(row, item): (&Vec<f32>, &Item)| match classes {
            0 => -f64::from((row[0] - item.label).abs()),
            _ => {
                let most = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                f64::from(u8::from(row[item.label as usize] == most))
            }
        };
        Ok(fixed.unwrap_or(outputs.iter().zip(&dev).map(right).sum::<f64>() / 24.0))
    };
    tuning.run(&train, &sequences, &AtomicBool::new(false), keep, &mut score, &mut |_| ()).unwrap()
}

#[test]
fn classes_and_scores_are_learnt_and_the_same_seed_learns_the_same() {
    let settings = FinetuneSettings { batch: 8, learning_rate: 3e-3, epochs: 12, ..FinetuneSettings::default() };
    let found = tune(settings, 3, true, None);
    assert!(found.score > 0.95, "{found:?}");
    let best = found.best.as_ref().unwrap();
    assert!(best.iter().any(|(name, _)| name == "classifier.weight") && best.len() > 15);
    assert_eq!(tune(settings, 3, true, None), found);
    let scored = tune(settings, 0, false, None);
    assert!(scored.score > -0.4 && scored.best.is_none(), "{}", scored.score);
}

#[test]
fn a_run_ends_when_nothing_gets_better() {
    let settings = FinetuneSettings { batch: 8, patience: 4, ..FinetuneSettings::default() };
    let found = tune(settings, 3, false, Some(0.5));
    assert!(found.stopped_early);
    // The first evaluation is the best there is; four more bring nothing.
    assert_eq!((found.evaluations, found.step, found.score), (5, 1, 0.5));
}

#[test]
fn weights_go_from_one_task_to_the_next() {
    let checkpoint = Checkpoint::read(&files()).unwrap();
    let settings = FinetuneSettings { batch: 8, learning_rate: 3e-3, epochs: 2, ..FinetuneSettings::default() };
    let best = tune(settings, 3, true, None).best.unwrap();
    let mut next = Finetuning::new(&checkpoint, 2, settings, &Device::Cpu).unwrap();
    let fresh = next.weights().unwrap();
    next.load(&best).unwrap();
    let loaded = next.weights().unwrap();
    let of = |weights: &[(String, Vec<f32>)], name: &str| {
        weights.iter().find(|(own, _)| own.contains(name)).map(|(_, values)| values.clone()).unwrap()
    };
    assert_eq!(of(&loaded, "transformer_encoder.0.qkv"), of(&best, "transformer_encoder.0.qkv"));
    assert_eq!(of(&loaded, "classifier.weight"), of(&fresh, "classifier.weight"), "another task has another head");
}

#[test]
fn a_pair_too_long_gives_up_the_longer_text_first() {
    let tokenizer = Tokenizer::from_json(&files().tokenizer).unwrap();
    let ids = pair(&tokenizer, "a b", Some("c d e f g h i j"), 10).unwrap();
    // [CLS] 2 [SEP] 5 [SEP]
    assert_eq!(ids.len(), 10);
    assert_eq!((ids[0], ids[3], ids[9]), (1, 2, 2));
    assert_eq!(pair(&tokenizer, "a b c", None, 10).unwrap(), [1, 0, 0, 0, 2]);
}

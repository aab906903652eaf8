//! Every recipe of the project can be read, and what cannot be used is refused with its key, what was found and what is allowed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::path::{Path, PathBuf};

use neodex_training::recipe::{Masking, Packing, Precision};
use neodex_training::{ErrorKind, Phase, Recipe};

fn recipes() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("recipes")
}

fn smoke(overrides: &[&str]) -> neodex_training::Result<Recipe> {
    let overrides: Vec<String> = overrides.iter().map(|text| (*text).to_owned()).collect();
    Recipe::load(&recipes().join("smoke.toml"), &overrides)
}

#[test]
fn every_recipe_is_read() {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(recipes()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            let recipe = Recipe::load(&path, &[]).unwrap_or_else(|error| panic!("{error}"));
            let head_only = recipe.pretrain.as_ref().is_some_and(|pretrain| pretrain.head_only);
            assert!(recipe.contrastive.is_some() != head_only, "{}", path.display());
            names.push(path.file_name().unwrap().to_string_lossy().into_owned());
        }
    }
    names.sort();
    assert_eq!(names, ["neobert-250m.toml", "small-2.toml", "small-head.toml", "small.toml", "smoke.toml"]);
}

#[test]
fn the_large_recipe_is_the_papers() {
    let recipe = Recipe::load(&recipes().join("neobert-250m.toml"), &[]).unwrap();
    assert_eq!(recipe.model.to_neobert().parameters(), 221_665_536);
    let pretrain = recipe.pretrain().unwrap();
    let tokens: u64 = pretrain.stage.iter().map(|stage| stage.steps * stage.tokens_per_step as u64).sum();
    assert_eq!(tokens, 1_050_000 * 2_097_152);
    let stage = &pretrain.stage[1];
    assert_eq!((stage.length, stage.masking, stage.packing), (4096, Masking::Mask, Packing::None));
    let rate = |step| pretrain.learning_rate(&recipe.schedule, step);
    for (step, expected) in [(0, 6.0e-8), (1000, 3.0003e-4), (2000, 6e-4), (100_000, 5.8436e-4), (1_040_000, 6e-5)] {
        assert!((rate(step) / expected - 1.0).abs() < 1e-4, "step {step}: {}", rate(step));
    }
}

#[test]
fn a_stage_may_have_a_schedule_of_its_own() {
    let recipe = smoke(&["pretrain.stage.1.peak_lr=1e-3", "pretrain.stage.1.warmup_steps=0"]).unwrap();
    let pretrain = recipe.pretrain().unwrap();
    assert_eq!(
        (pretrain.steps(), pretrain.locate(159), pretrain.locate(160), pretrain.locate(200)),
        (200, (0, 159), (1, 0), (1, 40))
    );
    assert_eq!(pretrain.learning_rate(&recipe.schedule, 160), 1e-3);
    let plain = smoke(&[]).unwrap();
    let rates: Vec<f64> =
        (20..200).map(|step| plain.pretrain().unwrap().learning_rate(&plain.schedule, step)).collect();
    assert!(rates.is_sorted_by(|a, b| a >= b), "one cosine over both stages");
}

#[test]
fn the_command_line_has_the_last_word() {
    let recipe =
        smoke(&["run.precision=bf16", "model.num_hidden_layers=2", "tokenizer.path=t/tokenizer.json"]).unwrap();
    assert_eq!((recipe.run.precision, recipe.model.num_hidden_layers), (Precision::Bf16, 2));
    assert_eq!(recipe.tokenizer.path.as_deref(), Some(Path::new("t/tokenizer.json")));
    assert_eq!(recipe.resolve(Path::new("a"), None), recipes().join("a"));
    assert_eq!(recipe.resolve(Path::new("a"), Some(Path::new("/data"))), Path::new("/data/a"));
    assert_eq!(recipe.resolve(Path::new("/a"), Some(Path::new("/data"))), Path::new("/a"));
}

#[test]
fn refusals_name_the_key_the_value_and_what_is_allowed() {
    for (set, parts) in [
        ("model.hiden_size=3", &["hiden_size", "hidden_size"][..]),
        ("pretrain.stage.0.maksing=1", &["maksing", "masking"]),
        ("run.precision=f16", &["f16", "auto", "bf16"]),
        ("tokenizer.kind=unigram", &["unigram", "wordpiece", "bpe"]),
        ("schedule.kind=step", &["step", "cosine", "constant"]),
        ("model.num_attention_heads=3", &["model.num_attention_heads", "3", "128"]),
        ("pretrain.stage.1.length=1024", &["pretrain.stage.1.length", "1024", "8 to 512"]),
        ("pretrain.stage.0.mlm_probability=1.5", &["pretrain.stage.0.mlm_probability", "1.5", "0.9"]),
        ("pretrain.stage.0.micro_batch_tokens=64", &["pretrain.stage.0.micro_batch_tokens", "64", "128 or more"]),
        ("pretrain.stage.0.corpora.0.weight=1", &["pretrain.stage.0.corpora", "4 entries", "1 have a weight"]),
        ("pretrain.stage.0.packing=mixed", &["mixed", "separate", "naive", "none"]),
        ("tokenizer.vocab_size=4000", &["tokenizer.vocab_size", "4000", "3072"]),
        ("contrastive.matryoshka=[64, 128]", &["contrastive.matryoshka", "[64, 128]", "fall"]),
        ("contrastive.distill_weight=1", &["contrastive.teacher", "absent"]),
        ("contrastive.infonce_weight=0", &["contrastive.infonce_weight", "above 0"]),
        ("contrastive.sets.0.window=4000", &["contrastive.sets.0.window", "4000", "16 to 512"]),
        ("optimizer.clip_norm=0", &["optimizer.clip_norm", "is 0", "above 0"]),
        ("run.log_every_steps=0", &["run.log_every_steps", "is 0", "1 or more"]),
    ] {
        let error = smoke(&[set]).expect_err(set);
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{set}");
        let message = error.to_string();
        assert!(parts.iter().all(|part| message.contains(part)), "{set}: {message}");
    }
}

#[test]
fn a_mistake_in_the_file_is_shown_with_its_line() {
    let text = "[model]\nhidden_size = 64\nwidth = 3\n";
    let message = Recipe::parse(text, Path::new("x.toml"), &[]).unwrap_err().to_string();
    assert!(message.contains("x.toml") && message.contains("line 3") && message.contains("width"), "{message}");
}

#[test]
fn the_fingerprint_follows_what_the_outcome_depends_on() {
    let print = |set: &[&str], phase| smoke(set).unwrap().fingerprint(phase);
    let (plain, tuned) = (print(&[], Phase::Pretrain), print(&[], Phase::Contrastive));
    assert_ne!(plain, tuned);
    assert_eq!(plain, print(&["run.log_every_steps=7", "contrastive.steps=3"], Phase::Pretrain));
    assert_ne!(plain, print(&["run.seed=2"], Phase::Pretrain));
    assert_ne!(plain, print(&["pretrain.stage.0.steps=161"], Phase::Pretrain));
    assert_eq!(tuned, print(&["pretrain.stage.0.steps=161"], Phase::Contrastive));
    assert_ne!(tuned, print(&["contrastive.steps=3"], Phase::Contrastive));
}

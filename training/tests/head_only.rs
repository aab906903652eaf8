//! A language-model head learned over an encoder that stays as it was: what `eval pppl` needs of a model saved without one.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::borrow::Cow;
use std::fs;
use std::path::{Path, PathBuf};

use neodex_encoder::{ModelFiles, NeoBertConfig, Weights, quantize};
use neodex_training::progress::Silent;
use neodex_training::{ErrorKind, Recipe, RunOptions, pretrain};

const RECIPE: &str = r#"
[model]
hidden_size = 64
num_hidden_layers = 3
num_attention_heads = 4
intermediate_size = 256
vocab_size = 512
max_length = 256

[schedule]
peak_lr = 1e-2
warmup_steps = 2

[pretrain]
head_only = true

[[pretrain.stage]]
steps = 30
length = 48
tokens_per_step = 512
micro_batch_tokens = 512
corpora = [{ path = "text" }]

[run]
eval_every_steps = 10
heldout_documents = 4
"#;

fn tiny() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../encoder/tests/fixtures/neobert-tiny")
}

/// The reference's tiny model as the bundled one is shipped: in int8, without its head.
fn headless(folder: &Path) {
    fs::create_dir(folder).unwrap();
    let read = |name: &str| fs::read(tiny().join(name)).unwrap();
    let files = ModelFiles::new("tiny", read("config.json"), read("tokenizer.json"), read("model.safetensors"));
    fs::write(folder.join("model.safetensors"), quantize(&files).unwrap()).unwrap();
    fs::write(folder.join("tokenizer.json"), read("tokenizer.json")).unwrap();
}

fn recipe(folder: &Path) -> Recipe {
    fs::create_dir(folder.join("text")).unwrap();
    for animal in ["otter", "badger", "heron", "beaver", "falcon", "salmon", "marten", "toad", "newt", "carp"] {
        let about = format!("the {animal} lives near the water and wakes early while others are asleep. ");
        fs::write(folder.join("text").join(format!("{animal}.txt")), about.repeat(4)).unwrap();
    }
    let mut recipe = Recipe::parse(RECIPE, Path::new("recipe.toml"), &[]).unwrap();
    recipe.folder = folder.to_owned();
    recipe
}

fn heldout_losses(run: &Path) -> Vec<f64> {
    let rows = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    let rows = rows.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    rows.filter(|row| row["kind"] == "heldout").map(|row| row["loss"].as_f64().unwrap()).collect()
}

#[test]
fn the_head_learns_and_the_encoder_stays() {
    let folder = tempfile::tempdir().unwrap();
    let init = folder.path().join("init");
    headless(&init);
    let recipe = recipe(folder.path());
    let options = RunOptions { init: Some(init.clone()), ..RunOptions::new(folder.path().join("run")) };
    let summary = pretrain::run(&recipe, &options, &mut Silent).unwrap();
    let model = summary.model.unwrap();

    let losses = heldout_losses(&options.output);
    assert_eq!(losses.len(), 3);
    let chance = 512_f64.ln();
    assert!(losses[0] < 0.6 * chance && losses.is_sorted_by(|a, b| a > b), "guessing costs {chance}: {losses:?}");
    assert_eq!(fs::read(model.join("tokenizer.json")).unwrap(), fs::read(init.join("tokenizer.json")).unwrap());
    let config = NeoBertConfig::from_json(&fs::read(tiny().join("config.json")).unwrap()).unwrap();
    let file = |folder: &Path| [Cow::from(fs::read(folder.join("model.safetensors")).unwrap())];
    let (before, after) = (file(&init), file(&model));
    let (before, after) = (Weights::parse(&before).unwrap(), Weights::parse(&after).unwrap());
    let (hidden, vocab) = (config.hidden_size, config.vocab_size);
    let same = |name: &str, shape: &[usize]| {
        assert_eq!(before.values(name, shape).unwrap(), after.values(name, shape).unwrap(), "{name}");
    };
    same("encoder.weight", &[vocab, hidden]);
    same("layer_norm.weight", &[hidden]);
    for layer in 0..config.num_hidden_layers {
        same(&format!("transformer_encoder.{layer}.qkv.weight"), &[3 * hidden, hidden]);
        same(&format!("transformer_encoder.{layer}.attention_norm.weight"), &[hidden]);
    }
    assert!(!before.contains("decoder.weight") && after.contains("decoder.weight"));
}

#[test]
fn it_wants_an_encoder() {
    let folder = tempfile::tempdir().unwrap();
    let recipe = recipe(folder.path());
    let error = pretrain::run(&recipe, &RunOptions::new(folder.path().join("run")), &mut Silent).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains("--init"), "{error}");
}

//! A run's tokenizer is learned from its own text, bounded by the sample, and fits the model.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::fs;
use std::path::Path;

use neodex_encoder::Tokenizer;
use neodex_training::progress::Silent;
use neodex_training::{Recipe, RunOptions, tokenizer};

const RECIPE: &str = r#"
[model]
hidden_size = 16
num_hidden_layers = 1
num_attention_heads = 1
intermediate_size = 24
vocab_size = 200
max_length = 64

[[pretrain.stage]]
steps = 1
length = 64
tokens_per_step = 64
micro_batch_tokens = 64
corpora = [{ path = "a.jsonl", fields = ["body"] }, { path = "b.txt" }]
"#;

fn recipe(dir: &Path, set: &[&str]) -> Recipe {
    let overrides: Vec<String> = set.iter().map(|text| (*text).to_owned()).collect();
    fs::write(dir.join("recipe.toml"), RECIPE).unwrap();
    Recipe::load(&dir.join("recipe.toml"), &overrides).unwrap()
}

fn corpora(dir: &Path) {
    let line = |text: &str| format!("{{\"body\": \"{text}\"}}\n");
    fs::write(dir.join("a.jsonl"), line("otters swim in rivers and hold hands").repeat(30)).unwrap();
    fs::write(dir.join("b.txt"), "badgers dig tunnels and sleep by day\n\n".repeat(30)).unwrap();
}

#[test]
fn it_is_learned_from_every_corpus() {
    let dir = tempfile::tempdir().unwrap();
    corpora(dir.path());
    let options = RunOptions::new(dir.path().join("run"));
    let path = tokenizer::run(&recipe(dir.path(), &[]), &options, &mut Silent).unwrap();
    assert_eq!(path, dir.path().join("run/tokenizer.json"));
    let learned = Tokenizer::from_json(&fs::read(&path).unwrap()).unwrap();
    assert!(learned.largest_id() < 200);
    assert_eq!((learned.count("otters hands").unwrap(), learned.count("badgers tunnels").unwrap()), (2, 2));
    // Resuming keeps it, even where the text has changed since.
    let before = fs::read(&path).unwrap();
    fs::write(dir.path().join("b.txt"), "something else\n").unwrap();
    tokenizer::run(&recipe(dir.path(), &[]), &RunOptions { resume: true, ..options }, &mut Silent).unwrap();
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn an_existing_one_must_fit_the_model() {
    let dir = tempfile::tempdir().unwrap();
    corpora(dir.path());
    let learned = tokenizer::run(&recipe(dir.path(), &[]), &RunOptions::new(dir.path()), &mut Silent).unwrap();
    let set = format!("tokenizer.path={}", learned.display());
    let again = RunOptions::new(dir.path().join("again"));
    let path = tokenizer::run(&recipe(dir.path(), &[&set]), &again, &mut Silent).unwrap();
    assert_eq!(fs::read(path).unwrap(), fs::read(&learned).unwrap());
    let small = recipe(dir.path(), &[&set, "model.vocab_size=40"]);
    let message = tokenizer::run(&small, &again, &mut Silent).unwrap_err().to_string();
    assert!(message.contains("model.vocab_size") && message.contains("is 40"), "{message}");
    let missing = recipe(dir.path(), &["tokenizer.path=nowhere.json"]);
    assert_eq!(tokenizer::run(&missing, &again, &mut Silent).unwrap_err().kind(), neodex_training::ErrorKind::NotFound);
}

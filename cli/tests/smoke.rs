//! The whole way with a recipe of the project: from this repository's own text to a tokenizer, a pretrained and a tuned model, and a search
//! with it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

fn neodex(dir: &Path, args: &[&str]) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_neodex"));
    command.current_dir(dir).args(args).arg("--json").stdin(Stdio::null()).env("XDG_CACHE_HOME", dir.join("cache"));
    for name in ["NEODEX_DB", "NEODEX_MODEL", "NEODEX_DEVICE"] {
        command.env_remove(name);
    }
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {said}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{args:?} printed no JSON: {said}"))
}

fn heldout(dir: &Path, phase: &str) -> Vec<f64> {
    let rows = std::fs::read_to_string(dir.join("run/metrics.jsonl")).unwrap();
    let rows = rows.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let of_phase = rows.filter(|row| row["kind"] == "heldout" && row["phase"] == phase);
    of_phase.map(|row| row["loss"].as_f64().unwrap()).collect()
}

#[test]
fn from_this_repositorys_text_to_a_model_that_searches() {
    let recipes = Path::new(env!("CARGO_MANIFEST_DIR")).join("../training/recipes");
    let recipe = recipes.join("smoke.toml");
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let train = |part: &str| {
        neodex(dir, &["train", part, "--recipe", recipe.to_str().unwrap(), "--output", "run", "--device", "cpu"])
    };
    let pretrained = train("pretrain");
    assert_eq!((&pretrained["interrupted"], &pretrained["steps"]), (&false.into(), &pretrained["total_steps"]));
    let losses = heldout(dir, "pretrain");
    // Of 3,072 tokens, whose names alone are worth 8 nats.
    assert!(losses.len() >= 3 && losses[0] < 8.0 && losses.last().unwrap() + 0.2 < losses[0], "{losses:?}");
    assert!(losses.is_sorted_by(|before, after| after < before), "every look finds it lower: {losses:?}");

    let tuned = train("contrastive");
    assert_eq!(tuned["steps"], tuned["total_steps"]);
    for file in ["run.svg", "tokenizer.json", "model/model.safetensors", "model/config.json", "model/modules.json"] {
        assert!(dir.join("run").join(file).is_file(), "{file}");
    }
    std::fs::create_dir(dir.join("docs")).unwrap();
    std::fs::copy(recipes.join("../README.md"), dir.join("docs/trainer.md")).unwrap();
    let found =
        neodex(dir, &["search", "--in", "docs", "--model", "run/model", "gradients", "of", "every", "parameter"]);
    assert!(found["mode"] == "hybrid" && !found["hits"].as_array().unwrap().is_empty(), "{found}");
    let meant =
        neodex(dir, &["search", "--in", "docs", "--model", "run/model", "--mode", "dense", "how is a run resumed"]);
    assert!(!meant["hits"].as_array().unwrap().is_empty(), "{meant}");
}

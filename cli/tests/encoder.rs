//! Stories of the encoder: in which numbers it computes, how a model becomes small, how fast it is.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

/// A NeoBERT of three layers and width 64.
const TINY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../encoder/tests/fixtures/neobert-tiny");

fn neodex(dir: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_neodex"));
    command.args(args).current_dir(dir);
    for name in ["NEODEX_DB", "NEODEX_MODEL", "NEODEX_DEVICE", "NEODEX_PRECISION"] {
        command.env_remove(name);
    }
    command.output().unwrap()
}

fn json(output: &Output) -> Value {
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn embedding(dir: &Path, args: &[&str]) -> Vec<f64> {
    let mut all = vec!["embed", "the dog and the river"];
    all.extend(args);
    serde_json::from_value(json(&neodex(dir, &all))["embedding"].clone()).unwrap()
}

#[test]
fn a_model_becomes_small_and_keeps_its_vectors() {
    let dir = tempfile::tempdir().unwrap();
    let report = json(&neodex(dir.path(), &["model", "quantize", TINY, "small", "--json"]));
    assert!(report["bytes"].as_u64().unwrap() * 4 < report["bytes_before"].as_u64().unwrap());
    assert_eq!(neodex(dir.path(), &["model", "quantize", TINY, "small"]).status.code(), Some(2), "overwritten");

    let fast = embedding(dir.path(), &["--model", TINY]);
    assert_eq!(embedding(dir.path(), &["--model", "small"]), fast);
    assert_eq!(embedding(dir.path(), &["--model", TINY, "--precision", "int8"]), fast);
    let exact = embedding(dir.path(), &["--model", TINY, "--precision", "f32"]);
    assert_ne!(exact, fast);
    let cosine: f64 = exact.iter().zip(&fast).map(|(a, b)| a * b).sum();
    assert!(cosine > 0.998, "{cosine}");
}

#[test]
fn precision_is_said_and_refused() {
    let dir = tempfile::tempdir().unwrap();
    let info = |args: &[&str]| json(&neodex(dir.path(), &[&["model", "info", TINY, "--json"], args].concat()));
    let (auto, exact) = (info(&[]), info(&["--precision", "f32"]));
    assert_eq!((auto["precision"].as_str(), exact["precision"].as_str()), (Some("int8"), Some("f32")));
    assert_eq!(auto["fingerprint"], exact["fingerprint"]);
    for wrong in ["f64", "bf16"] {
        let refused = neodex(dir.path(), &["model", "info", TINY, "--device", "cpu", "--precision", wrong]);
        assert_eq!(refused.status.code(), Some(2), "{wrong}");
        assert!(String::from_utf8_lossy(&refused.stderr).contains(wrong));
    }
}

#[test]
fn a_shape_is_measured() {
    let dir = tempfile::tempdir().unwrap();
    let args =
        ["bench", "encoder", "--shape", "1x64", "--lengths", "16,64", "--tokens", "128", "--seconds", "0", "--json"];
    let report = json(&neodex(dir.path(), &args));
    assert!(report["machine"].is_object());
    let rows = report["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 2);
    for row in rows {
        assert!(row["tokens_per_second"].as_f64().unwrap() > 0.0);
        assert_eq!((row["precision"].as_str(), row["shape"].as_str()), (Some("int8"), Some("1x64")));
    }
    let several =
        ["bench", "encoder", "--shape", "1x64,2x64", "--lengths", "16", "--tokens", "32", "--seconds", "0", "--json"];
    let report = json(&neodex(dir.path(), &several));
    let shapes: Vec<_> = report["rows"].as_array().unwrap().iter().map(|row| row["shape"].as_str().unwrap()).collect();
    assert_eq!(shapes, ["1x64", "2x64"]);
    for wrong in [
        &["--shape", "64"][..],
        &["--shape", "1x64,64"],
        &["--shape", "1x64", "--lengths", "0"],
        &["--shape", "1x64,2x64", "--lengths", "16,0"],
        &["--model", "nowhere"],
    ] {
        let refused = neodex(dir.path(), &[&["bench", "encoder"], wrong].concat());
        assert_eq!(refused.status.code(), Some(2), "{wrong:?}");
    }
}

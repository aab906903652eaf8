//! Files over which libraries panic: what a person reads names the file and says what is wrong with it, and nothing else.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod harness;

use std::path::{Path, PathBuf};

use harness::{Place, Ran};

/// Inputs that did harm once, by target.
fn kept(target: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target);
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty());
    files
}

/// Runs the program as a person has it: with `RUST_BACKTRACE` all panics are told.
fn run(place: &Place, args: &[&str]) -> Ran {
    place.command(args).env_remove("RUST_BACKTRACE").output().unwrap().into()
}

#[test]
fn a_parquet_file_over_which_its_reader_panics_is_a_file_that_cannot_be_read() {
    for file in kept("parquet") {
        let place = Place::new();
        place.write("docs/good.txt", "Otters live in rivers.");
        place.write("docs/bad.parquet", std::fs::read(&file).unwrap());
        let ran = run(&place, &["ingest", "docs"]);
        assert!(!ran.stderr.contains("panicked at"), "{}: {}", file.display(), ran.stderr);
        assert!(!ran.stderr.contains("RUST_BACKTRACE"), "{}: {}", file.display(), ran.stderr);
        assert!(ran.stdout.contains("bad.parquet") && ran.stdout.contains("damaged"), "{}: {ran:?}", file.display());
        place.run(&["get", "good.txt"]).expect(0);
    }
}

#[test]
fn a_tokenizer_over_which_its_library_panics_is_a_model_that_cannot_be_used() {
    let tiny = Path::new(env!("CARGO_MANIFEST_DIR")).join("../encoder/tests/fixtures/neobert-tiny");
    for file in kept("model") {
        let place = Place::new();
        for name in ["config.json", "model.safetensors"] {
            place.write(&format!("model/{name}"), std::fs::read(tiny.join(name)).unwrap());
        }
        // The first byte says which file it stands for.
        let bytes = std::fs::read(&file).unwrap();
        assert_eq!(bytes[0] % 3, 1);
        place.write("model/tokenizer.json", &bytes[1..]);
        let ran = run(&place, &["embed", "a few words", "--model", "model"]);
        assert_ne!(ran.status, 0);
        assert!(!ran.stderr.contains("panicked at"), "{}: {}", file.display(), ran.stderr);
        assert!(ran.stderr.contains("tokenizer"), "{}: {}", file.display(), ran.stderr);
    }
}

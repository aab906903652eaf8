//! Hostile input: sound bytes of every kind, mutated over and over, through every decoder and parser. Nothing may panic, run away or hang.
//!
//! The targets are those of `fuzz/`, which cargo-fuzz runs with coverage on a nightly compiler; this driver needs neither. `cargo test --test fuzz`
//! tries a fixed number of inputs and everything in `fuzz/corpus/`, where inputs that once did harm are kept;
//! `cargo test --test fuzz -- --seconds 120 [TARGET...]` goes on for so long with each. An input that does harm is written to `fuzz/artifacts/`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::indexing_slicing)]

#[path = "../../fuzz/targets.rs"]
mod targets;

mod mutate;
mod seeds;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use mutate::Mutator;

/// Longer than any input may take; the limits of the parsers are shorter.
const SLOWEST: Duration = Duration::from_secs(20);

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if args.iter().any(|arg| arg == "--list") {
        return;
    }
    let at = args.iter().position(|arg| arg == "--seconds");
    let seconds: Option<u64> = at.and_then(|at| args.get(at + 1)).map(|seconds| seconds.parse().expect("a number"));
    let chosen = |name: &str| {
        let named: Vec<&String> =
            args.iter().filter(|arg| targets::TARGETS.iter().any(|(name, _)| name == arg)).collect();
        named.is_empty() || named.iter().any(|arg| *arg == name)
    };
    let seeds = seeds::all();
    let mut inputs = 0;
    let mut harmful = 0;
    for (name, target) in targets::TARGETS.into_iter().filter(|(name, _)| chosen(name)) {
        let mut corpus: Vec<Vec<u8>> =
            seeds.iter().filter(|(of, _)| *of == name).map(|(_, bytes)| bytes.clone()).collect();
        assert!(!corpus.is_empty(), "{name} has no seeds");
        corpus.extend(kept(name));
        let started = Instant::now();
        let mut tried = 0u64;
        let mut mutator = Mutator::new(name.len() as u64 * 31 + u64::from(name.as_bytes()[0]));
        loop {
            let bytes = match corpus.get(tried as usize) {
                Some(sound) => sound.clone(),
                None => mutator.mutate(&corpus),
            };
            harmful += u64::from(!is_harmless(name, target, &bytes));
            tried += 1;
            let enough = match seconds {
                Some(seconds) => started.elapsed() >= Duration::from_secs(seconds),
                None => tried >= corpus.len() as u64 + rounds(name),
            };
            if enough {
                break;
            }
        }
        println!("{name}: {tried} inputs in {:.1} s", started.elapsed().as_secs_f32());
        inputs += tried;
    }
    println!("{inputs} inputs, {harmful} harmful");
    assert_eq!(harmful, 0, "see fuzz/artifacts");
}

/// Inputs a target gets where no time is asked for: fewer for those that take long.
fn rounds(name: &str) -> u64 {
    match name {
        "model" => 60,
        "pdf" | "docx" | "epub" | "parquet" | "snapshot" => 400,
        _ => 3_000,
    }
}

fn is_harmless(name: &str, target: fn(&[u8]), bytes: &[u8]) -> bool {
    let started = Instant::now();
    let owned = bytes.to_vec();
    let sound = std::panic::catch_unwind(move || target(&owned)).is_ok();
    let quick = started.elapsed() < SLOWEST;
    if sound && quick {
        return true;
    }
    let folder = folder("artifacts").join(name);
    std::fs::create_dir_all(&folder).unwrap();
    let hash = bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    let file = folder.join(format!("{hash:016x}"));
    std::fs::write(&file, bytes).unwrap();
    println!("{name}: {} {}", if sound { "slow on" } else { "panicked on" }, file.display());
    false
}

/// Inputs that did harm once.
fn kept(name: &str) -> Vec<Vec<u8>> {
    let entries = std::fs::read_dir(folder("corpus").join(name)).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    files.sort();
    files.iter().map(|file| std::fs::read(file).unwrap()).collect()
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(name)
}

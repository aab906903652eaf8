//! Requests of every kind, mutated over and over: none may be answered with a fault of the server's own, or make it panic or hang.
//!
//! `cargo test --test fuzz_requests` tries a fixed number and what is kept in `fuzz/corpus/requests`;
//! `NEODEX_FUZZ_SECONDS=120 cargo test --test fuzz_requests` goes on for so long. An input that does harm is written to `fuzz/artifacts/requests/`.
//! `fuzz/` has the same target for cargo-fuzz.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::indexing_slicing)]

#[path = "../../tests/fuzz/mutate.rs"]
mod mutate;
#[path = "../../fuzz/requests.rs"]
mod requests;
#[path = "../../tests/words/mod.rs"]
mod words;

use std::panic::catch_unwind;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use mutate::Mutator;

/// Longer than any request may take here.
const SLOWEST: Duration = Duration::from_secs(10);
/// How many are tried where no time is asked for.
const TRIES: u64 = 1_500;

/// What is mutated is sound to begin with: otherwise only the outermost shell would be tried.
#[test]
fn the_examples_are_taken() {
    for (route, place) in requests::ROUTES.iter().zip(0u8..) {
        let status = requests::requests(&[&[place][..], route.sound].concat()).unwrap();
        let example = String::from_utf8_lossy(route.sound);
        // Numbers of tokens are read, and refused for what they are.
        assert_eq!(
            status,
            if example.contains("[[1, 2], [3]]") {
                400
            } else if example.starts_with("key") {
                303
            } else {
                200
            },
            "{example}"
        );
    }
}

#[test]
fn no_request_is_the_servers_fault() {
    let folder =
        |kind: &str| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz")).join(kind).join("requests");
    let mut corpus: Vec<Vec<u8>> =
        requests::ROUTES.iter().zip(0u8..).map(|(route, place)| [&[place][..], route.sound].concat()).collect();
    let mut kept: Vec<PathBuf> =
        std::fs::read_dir(folder("corpus")).into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
    kept.sort();
    corpus.extend(kept.iter().map(|path| std::fs::read(path).unwrap()));
    // Panics in threads of the server become answers, or silence; they are harm all the same.
    static PANICKED: AtomicBool = AtomicBool::new(false);
    let tell = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        PANICKED.store(true, Ordering::Relaxed);
        tell(panic);
    }));
    let seconds: Option<u64> = std::env::var("NEODEX_FUZZ_SECONDS").ok().map(|seconds| seconds.parse().unwrap());
    let (started, mut tried, mut harmful) = (Instant::now(), 0u64, 0);
    let mut mutator = Mutator::new(8);
    loop {
        let bytes = corpus.get(tried as usize).cloned().unwrap_or_else(|| mutator.mutate(&corpus));
        let begun = Instant::now();
        let sound = catch_unwind(|| requests::requests(&bytes)).is_ok() && !PANICKED.load(Ordering::Relaxed);
        if !sound || begun.elapsed() > SLOWEST {
            harmful += 1;
            PANICKED.store(false, Ordering::Relaxed);
            std::fs::create_dir_all(folder("artifacts")).unwrap();
            let file = folder("artifacts").join(format!("{tried:016x}"));
            std::fs::write(&file, &bytes).unwrap();
            println!("{} {}", if sound { "slow on" } else { "harmed by" }, file.display());
        }
        tried += 1;
        let enough = match seconds {
            Some(seconds) => started.elapsed() >= Duration::from_secs(seconds),
            None => tried >= corpus.len() as u64 + TRIES,
        };
        if enough {
            break;
        }
    }
    drop(std::panic::take_hook());
    println!("{tried} requests in {:.1} s, {harmful} harmful", started.elapsed().as_secs_f32());
    assert_eq!(harmful, 0, "see fuzz/artifacts/requests");
}

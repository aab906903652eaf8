//! One program for every target: it is built once under each target's name.
#![no_main]

#[path = "../requests.rs"]
mod requests;
#[path = "../targets.rs"]
mod targets;
#[path = "../../tests/words/mod.rs"]
mod words;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| match env!("CARGO_BIN_NAME") {
    "requests" => drop(requests::requests(bytes)),
    name => targets::run(name, bytes),
});

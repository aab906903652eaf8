//! The learning rate agrees with the scheduler of NeoBERT's own code, step by step.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use neodex_training::schedule::{Decay, Schedule};
use serde_json::Value;

#[test]
fn the_reference_schedules_are_reproduced() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../encoder/tests/fixtures/neobert-tiny/cases.json");
    let cases: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    for (name, decay) in [("cosine", Decay::ReferenceCosine), ("linear", Decay::ReferenceLinear)] {
        let case = &cases["lr_schedule"][name];
        let schedule = Schedule {
            decay,
            peak: case["peak"].as_f64().unwrap(),
            warmup_steps: case["warmup_steps"].as_u64().unwrap(),
            decay_steps: case["decay_steps"].as_u64().unwrap(),
            final_ratio: case["final_ratio"].as_f64().unwrap(),
        };
        let rates = case["lr"].as_array().unwrap();
        assert_eq!(rates.len(), 110);
        for (step, rate) in rates.iter().enumerate() {
            let (ours, theirs) = (schedule.rate(step as u64), rate.as_f64().unwrap());
            assert!((ours - theirs).abs() < 1e-15, "{name}, step {step}: {ours} against {theirs}");
        }
    }
}

//! A checkpoint is complete or not there, gives back the very bits, and refuses to be continued by another run.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::fs;
use std::path::Path;

use neodex_training::checkpoint::{Checkpoints, State, TensorSpec};
use neodex_training::random::Random;
use neodex_training::{Error, ErrorKind, Phase};
use serde_json::json;

fn state(step: u64) -> State {
    State {
        phase: Phase::Pretrain,
        recipe: "abc".to_owned(),
        stage: 1,
        step,
        tokens: 4096 * step,
        random: Random::new(step),
        cursor: json!({"shard": 3, "rows": [1, 2]}),
        extra: json!(null),
    }
}

fn tensors() -> Vec<TensorSpec> {
    vec![TensorSpec::new("weight/a", [2, 3]), TensorSpec::new("m/a", [2, 3]), TensorSpec::new("empty", [0])]
}

fn values(spec: &TensorSpec, step: u64) -> Vec<f32> {
    let first = if spec.name == "m/a" { f32::MIN_POSITIVE / 2.0 } else { 0.1 };
    (0..spec.count()).map(|at| first * (at as f32 + step as f32)).collect()
}

fn save(checkpoints: &Checkpoints, step: u64) -> neodex_training::Result<std::path::PathBuf> {
    checkpoints.save(&state(step), &tensors(), |spec| Ok(values(spec, step)))
}

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir.join("checkpoints/pretrain")).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn everything_comes_back_and_the_newest_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let checkpoints = Checkpoints::new(dir.path(), Phase::Pretrain, 2);
    assert!(checkpoints.latest().unwrap().is_none());
    for step in [8, 9, 10] {
        save(&checkpoints, step).unwrap();
    }
    assert_eq!(names(dir.path()), ["step-10", "step-9"]);
    let mut latest = checkpoints.latest().unwrap().unwrap();
    assert_eq!(latest.state, state(10));
    for spec in tensors() {
        let bits = |values: Vec<f32>| values.into_iter().map(f32::to_bits).collect::<Vec<_>>();
        assert_eq!(bits(latest.tensor(&spec).unwrap()), bits(values(&spec, 10)));
    }
    // Any program that reads safetensors can look into it.
    let bytes = fs::read(latest.path.join("tensors.safetensors")).unwrap();
    let read = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    assert_eq!(read.tensor("m/a").unwrap().shape(), [2, 3]);
    checkpoints.clear().unwrap();
    assert!(checkpoints.latest().unwrap().is_none());
}

#[test]
fn a_step_can_be_written_again() {
    let dir = tempfile::tempdir().unwrap();
    let checkpoints = Checkpoints::new(dir.path(), Phase::Pretrain, 2);
    save(&checkpoints, 5).unwrap();
    checkpoints.save(&state(5), &tensors(), |spec| Ok(values(spec, 77))).unwrap();
    assert_eq!(names(dir.path()), ["step-5"]);
    assert_eq!(checkpoints.latest().unwrap().unwrap().tensor(&tensors()[0]).unwrap(), values(&tensors()[0], 77));
}

#[test]
fn a_write_that_fails_leaves_the_one_before() {
    let dir = tempfile::tempdir().unwrap();
    let checkpoints = Checkpoints::new(dir.path(), Phase::Pretrain, 2);
    save(&checkpoints, 5).unwrap();
    let mut asked = 0;
    let failed = checkpoints.save(&state(6), &tensors(), |spec| {
        asked += 1;
        match asked {
            1 => Ok(values(spec, 6)),
            _ => Err(Error::Unavailable { what: "the device".to_owned(), reason: "it is gone".to_owned() }),
        }
    });
    assert!(matches!(failed, Err(Error::Unavailable { .. })));
    assert_eq!(checkpoints.latest().unwrap().unwrap().state.step, 5);
    // A wrong number of values is noticed before anything has the checkpoint's name.
    assert!(checkpoints.save(&state(6), &tensors(), |_| Ok(vec![0.0])).is_err());
    assert_eq!(checkpoints.latest().unwrap().unwrap().state.step, 5);
    // What was left behind goes with the next that succeeds.
    save(&checkpoints, 7).unwrap();
    assert_eq!(names(dir.path()), ["step-5", "step-7"]);
}

#[test]
fn damage_is_noticed_wherever_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let checkpoints = Checkpoints::new(dir.path(), Phase::Pretrain, 2);
    let folder = save(&checkpoints, 5).unwrap();
    let tensors = folder.join("tensors.safetensors");
    let sound = fs::read(&tensors).unwrap();
    for position in (0..sound.len()).step_by(7) {
        let mut bytes = sound.clone();
        bytes[position] ^= 1;
        fs::write(&tensors, &bytes).unwrap();
        assert_eq!(checkpoints.latest().unwrap_err().kind(), ErrorKind::Corrupted, "byte {position}");
    }
    fs::write(&tensors, &sound[..sound.len() - 1]).unwrap();
    assert!(matches!(checkpoints.latest(), Err(Error::Damaged { path, .. }) if path == tensors));
    fs::write(&tensors, &sound).unwrap();
    checkpoints.latest().unwrap();
    fs::write(folder.join("state.json"), "{\"format\": 9}").unwrap();
    let message = checkpoints.latest().unwrap_err().to_string();
    assert!(message.contains("format 9") && message.contains("reads 1"), "{message}");
}

#[test]
fn another_run_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let checkpoints = Checkpoints::new(dir.path(), Phase::Pretrain, 1);
    save(&checkpoints, 5).unwrap();
    let mut latest = checkpoints.latest().unwrap().unwrap();
    latest.expect(Phase::Pretrain, "abc").unwrap();
    for (phase, recipe, part) in
        [(Phase::Pretrain, "def", "another recipe"), (Phase::Contrastive, "abc", "by pretrain, not by")]
    {
        let error = latest.expect(phase, recipe).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains(part) && error.to_string().contains("step-5"), "{error}");
    }
    let wide = latest.tensor(&TensorSpec::new("weight/a", [3, 3])).unwrap_err().to_string();
    assert!(wide.contains("weight/a") && wide.contains("[2, 3]") && wide.contains("[3, 3]"), "{wide}");
    let absent = latest.tensor(&TensorSpec::new("weight/b", [3])).unwrap_err().to_string();
    assert!(
        absent.contains("no tensor `weight/b`") && !latest.contains("weight/b") && latest.contains("m/a"),
        "{absent}"
    );
}

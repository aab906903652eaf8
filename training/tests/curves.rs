//! The curves of a run are one readable SVG file, whatever the figures.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use neodex_training::Phase;
use neodex_training::metrics::{Heldout, MetricsWriter, Row, Train, draw, plot};

fn train(phase: Phase, step: u64, loss: f64) -> Row {
    let stage = usize::from(step > 600);
    let (lr, grad_norm, tokens, tokens_per_second, mfu, seconds) =
        (1e-3 / step as f64, 1.0, step * 65_536, 1e6, Some(0.3), 1.0);
    Row::Train(Train { phase, stage, step, loss, lr, grad_norm, tokens, tokens_per_second, mfu, seconds })
}

fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for step in 1..=1000 {
        let wobble = ((step * 7919) % 101) as f64 / 500.0;
        rows.push(train(Phase::Pretrain, step, 3.0 + 7.0 / (1.0 + step as f64 / 60.0) + wobble));
        if step % 100 == 0 {
            let loss = 3.1 + 7.0 / (1.0 + step as f64 / 60.0);
            rows.push(Row::Heldout(Heldout { phase: Phase::Pretrain, stage: 0, step, loss, accuracy: 0.4 }));
        }
    }
    rows.extend((1..=50).map(|step| train(Phase::Contrastive, step, 2.0 / step as f64)));
    rows
}

/// Whether every tag that opens closes, in order.
fn balanced(svg: &str) -> bool {
    let mut open = Vec::new();
    for tag in svg.split('<').skip(1) {
        let (tag, _) = tag.split_once('>').unwrap();
        let name = tag.split_whitespace().next().unwrap();
        match name.strip_prefix('/') {
            Some(name) if open.pop() != Some(name) => return false,
            Some(_) => {}
            None if tag.ends_with('/') => {}
            None => open.push(name),
        }
    }
    open.is_empty()
}

#[test]
fn a_run_is_drawn_with_both_phases() {
    let svg = draw(&rows());
    assert!(svg.starts_with("<svg xmlns=") && balanced(&svg));
    for part in [
        "pretraining: 1000 steps, 65.54M tokens",
        "Contrastive tuning: 50 steps",
        "Loss",
        "Learning rate",
        "stage 2",
        "held-out 3.496 (40.0 % right)",
    ] {
        assert!(svg.contains(part), "{part}");
    }
    assert_eq!(svg.matches("<polyline").count(), 3 + 1 + 2 + 1 + 4);
    assert!(!svg.contains("NaN") && !svg.contains("inf"));
}

#[test]
fn odd_figures_are_drawn_too() {
    for rows in [
        vec![train(Phase::Pretrain, 1, 5.0)],
        vec![train(Phase::Pretrain, 1, f64::NAN), train(Phase::Pretrain, 2, f64::INFINITY)],
        vec![Row::Heldout(Heldout { phase: Phase::Contrastive, stage: 0, step: 0, loss: 0.0, accuracy: 0.0 })],
        (1..50_000).map(|step| train(Phase::Pretrain, step, 1.0)).collect(),
    ] {
        let svg = draw(&rows);
        assert!(balanced(&svg) && !svg.contains("NaN") && !svg.contains("inf"));
        assert!(svg.len() < 200_000, "{} bytes", svg.len());
    }
}

#[test]
fn the_drawing_lies_beside_the_figures() {
    let dir = tempfile::tempdir().unwrap();
    assert!(plot(dir.path()).unwrap_err().to_string().contains("metrics.jsonl"));
    let mut writer = MetricsWriter::open(dir.path(), Phase::Pretrain, 0).unwrap();
    rows().iter().for_each(|row| writer.write(row).unwrap());
    let path = plot(dir.path()).unwrap();
    assert_eq!(path, dir.path().join("run.svg"));
    assert_eq!(std::fs::read_to_string(path).unwrap(), draw(&rows()));
}

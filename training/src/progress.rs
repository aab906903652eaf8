//! What a run tells whoever started it. The library knows nothing of terminals; the command line draws this with bars.

use std::path::Path;
use std::time::Duration;

use crate::run::Phase;

/// A training step as it is shown: the figures of a row of the metrics, and how long the rest will take.
#[derive(Clone, Debug, PartialEq)]
pub struct StepReport {
    /// What is being trained.
    pub phase: Phase,
    /// The stage, counted from 0.
    pub stage: usize,
    /// Steps done in the phase.
    pub step: u64,
    /// Steps the phase has.
    pub total: u64,
    /// The loss, where it was read: on a GPU that is not done at every step.
    pub loss: Option<f64>,
    /// The learning rate.
    pub lr: f64,
    /// Tokens a second, lately.
    pub tokens_per_second: f64,
    /// Share of the device's arithmetic that went into the model, 0 to 1, where the device's limit is known.
    pub mfu: Option<f64>,
    /// Time left at this pace.
    pub eta: Option<Duration>,
}

/// A look at the held-out documents.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HeldoutReport {
    /// Steps done before it.
    pub step: u64,
    /// The loss.
    pub loss: f64,
    /// Share of predictions that were right, 0 to 1.
    pub accuracy: f64,
}

/// Listens to a run. Every method may be left as it is; all are called from the thread that trains, so they must be quick.
pub trait Observer {
    /// Something before the first step is under way: `done` of `total` bytes, texts or the like.
    fn preparing(&mut self, _what: &str, _done: u64, _total: Option<u64>) {}

    /// A step is done.
    fn step(&mut self, _report: &StepReport) {}

    /// The held-out documents were looked at.
    fn heldout(&mut self, _report: &HeldoutReport) {}

    /// A checkpoint was written.
    fn checkpoint(&mut self, _step: u64, _path: &Path) {}

    /// Something worth a line.
    fn note(&mut self, _text: &str) {}
}

/// Listens to nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Observer for Silent {}

/// Steps and tokens over time, smoothed, so that one slow step does not double the time left.
#[derive(Clone, Debug, Default)]
pub struct Pace {
    seconds_per_step: Option<f64>,
    tokens_per_second: Option<f64>,
    flops: Option<f64>,
}

impl Pace {
    /// How much of the old average stays when a step is added.
    const KEEP: f64 = 0.9;

    /// A step of `tokens`, which needed `flops` operations, took `time`.
    pub fn add(&mut self, tokens: u64, flops: f64, time: Duration) {
        let seconds = time.as_secs_f64().max(1e-9);
        let mix = |old: Option<f64>, new: f64| Some(old.map_or(new, |old| Self::KEEP * old + (1.0 - Self::KEEP) * new));
        self.seconds_per_step = mix(self.seconds_per_step, seconds);
        self.tokens_per_second = mix(self.tokens_per_second, tokens as f64 / seconds);
        self.flops = mix(self.flops, flops / seconds);
    }

    /// Operations a second; 0 before the first step.
    #[must_use]
    pub fn flops(&self) -> f64 {
        self.flops.unwrap_or(0.0)
    }

    /// Tokens a second; 0 before the first step.
    #[must_use]
    pub fn tokens_per_second(&self) -> f64 {
        self.tokens_per_second.unwrap_or(0.0)
    }

    /// Time for so many more steps; unknown before the first.
    #[must_use]
    pub fn eta(&self, steps: u64) -> Option<Duration> {
        Duration::try_from_secs_f64(self.seconds_per_step? * steps as f64).ok()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_pace_follows_the_steps() {
        let mut pace = Pace::default();
        assert_eq!((pace.eta(5), pace.tokens_per_second()), (None, 0.0));
        for _ in 0..100 {
            pace.add(1000, 3e9, Duration::from_millis(500));
        }
        assert!((pace.tokens_per_second() - 2000.0).abs() < 1e-6 && (pace.flops() - 6e9).abs() < 1.0);
        assert!((pace.eta(10).unwrap().as_secs_f64() - 5.0).abs() < 1e-6);
        pace.add(1000, 3e9, Duration::from_secs(5));
        assert!(pace.eta(10).unwrap() < Duration::from_secs(10));
    }
}

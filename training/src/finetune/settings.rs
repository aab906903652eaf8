//! The numbers of a fine-tuning run, as the paper has them (Appendix C) where it says them.

use crate::schedule::{Decay, Schedule};

/// Steps between two evaluations, at most.
const MOST_STEPS_BETWEEN: u64 = 500;
/// Evaluations in an epoch, at least, where it has as many steps.
const EVALUATIONS_PER_EPOCH: u64 = 10;
/// Share of all steps over which the rate rises.
const WARMUP: f64 = 0.06;
/// Share of all steps after which it stays.
const DECAYED: f64 = 0.9;
/// Where it stays, as a share of the peak; the pretraining recipe's floor, since the paper does not say.
const FLOOR: f64 = 0.1;

/// How a model is fine-tuned.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FinetuneSettings {
    /// Times every example is seen.
    pub epochs: u64,
    /// Examples of a step.
    pub batch: usize,
    /// The highest learning rate.
    pub learning_rate: f64,
    /// Decoupled decay of everything but biases.
    pub weight_decay: f32,
    /// The chance of each number before either layer of the head to be left out.
    pub dropout: f32,
    /// Gradients longer than this are shortened to it.
    pub clip_norm: f64,
    /// Evaluations without a better score after which it ends.
    pub patience: usize,
    /// What order, dropout and the head's first weights depend on.
    pub seed: u64,
}

impl Default for FinetuneSettings {
    fn default() -> Self {
        Self {
            epochs: 10,
            batch: 32,
            learning_rate: 1e-5,
            weight_decay: 1e-5,
            dropout: 0.1,
            clip_norm: 1.0,
            patience: 15,
            seed: 0,
        }
    }
}

impl FinetuneSettings {
    /// Steps of an epoch over so many examples.
    #[must_use]
    pub fn steps_per_epoch(&self, examples: usize) -> u64 {
        examples.div_ceil(self.batch.max(1)).max(1) as u64
    }

    /// Steps between two evaluations.
    #[must_use]
    pub fn evaluate_every(&self, examples: usize) -> u64 {
        (self.steps_per_epoch(examples) / EVALUATIONS_PER_EPOCH).clamp(1, MOST_STEPS_BETWEEN)
    }

    /// The learning rate: up a line over 6 % of all steps, down a line until 90 %, and flat at a tenth from there.
    #[must_use]
    pub fn schedule(&self, examples: usize) -> Schedule {
        let total = (self.epochs * self.steps_per_epoch(examples)) as f64;
        Schedule {
            decay: Decay::Linear,
            peak: self.learning_rate,
            warmup_steps: (WARMUP * total) as u64,
            decay_steps: (DECAYED * total).ceil() as u64,
            final_ratio: FLOOR,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evaluations_come_ten_an_epoch_and_at_least_every_500_steps() {
        let settings = FinetuneSettings { batch: 32, ..FinetuneSettings::default() };
        assert_eq!(settings.steps_per_epoch(65), 3);
        assert_eq!([5, 3_200, 10_000_000].map(|examples| settings.evaluate_every(examples)), [1, 10, 500]);
        let schedule = settings.schedule(3_200);
        assert!(schedule.rate(0) < schedule.rate(59) && (schedule.rate(60) - 1e-5).abs() < 1e-12);
        assert!((schedule.rate(950) - 1e-6).abs() < 1e-12);
    }
}

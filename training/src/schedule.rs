//! The learning rate of a step.
//!
//! Two ways of counting the decay. Ours goes from the end of the warm-up to the step `decay_steps` and arrives exactly. NeoBERT's code
//! stretches the same curve over `decay_steps` counted from the end of the warm-up but stops it at the step `decay_steps`, so that it falls
//! onto the floor from slightly above; it is here to repeat runs of the paper.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

/// Of the peak: where the reference's warm-up starts.
const REFERENCE_START: f64 = 1e-4;

/// How the rate falls after the warm-up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decay {
    /// Along half a cosine.
    #[default]
    Cosine,
    /// Along a line.
    Linear,
    /// Not at all.
    Constant,
    /// Along half a cosine, counted as NeoBERT's code does.
    ReferenceCosine,
    /// Along a line, counted as NeoBERT's code does.
    ReferenceLinear,
}

/// A learning rate for every optimizer step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Schedule {
    /// How it falls.
    pub decay: Decay,
    /// The highest rate.
    pub peak: f64,
    /// Steps over which it rises.
    pub warmup_steps: u64,
    /// The step, warm-up included, from which on the rate stays at its floor.
    pub decay_steps: u64,
    /// The floor as a share of the peak, 0 to 1.
    pub final_ratio: f64,
}

impl Schedule {
    /// The rate used by optimizer step `step`, counted from 0.
    #[must_use]
    pub fn rate(&self, step: u64) -> f64 {
        let reference = matches!(self.decay, Decay::ReferenceCosine | Decay::ReferenceLinear);
        if step < self.warmup_steps {
            let done = step as f64;
            let warmup = self.warmup_steps as f64;
            // The first step of ours is not wasted on a rate of nothing.
            let share = match reference {
                true => REFERENCE_START + (1.0 - REFERENCE_START) * done / warmup,
                false => (done + 1.0) / warmup,
            };
            return self.peak * share;
        }
        if self.decay == Decay::Constant {
            return self.peak;
        }
        if step >= self.decay_steps {
            return self.peak * self.final_ratio;
        }
        let span = self.decay_steps - if reference { 0 } else { self.warmup_steps };
        let progress = (step - self.warmup_steps) as f64 / span as f64;
        let height = match self.decay {
            Decay::Cosine | Decay::ReferenceCosine => (1.0 + (PI * progress).cos()) / 2.0,
            _ => 1.0 - progress,
        };
        self.peak * (self.final_ratio + (1.0 - self.final_ratio) * height)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn ours_rises_falls_and_stays() {
        let cosine = Schedule { decay: Decay::Cosine, peak: 1.0, warmup_steps: 10, decay_steps: 110, final_ratio: 0.1 };
        assert_eq!([cosine.rate(0), cosine.rate(9), cosine.rate(10)], [0.1, 1.0, 1.0]);
        assert!((cosine.rate(60) - 0.55).abs() < 1e-12);
        assert!(cosine.rate(109) > 0.1 && (cosine.rate(109) - 0.1) < 3e-4);
        assert_eq!([cosine.rate(110), cosine.rate(10_000)], [0.1, 0.1]);
        let linear = Schedule { decay: Decay::Linear, final_ratio: 0.0, ..cosine };
        assert!((linear.rate(60) - 0.5).abs() < 1e-12 && linear.rate(110) == 0.0);
        let constant = Schedule { decay: Decay::Constant, ..cosine };
        assert_eq!(constant.rate(10_000), 1.0);
    }

    #[test]
    fn no_numbers_make_it_leave_its_bounds() {
        for decay in [Decay::Cosine, Decay::Linear, Decay::Constant, Decay::ReferenceCosine, Decay::ReferenceLinear] {
            for (warmup_steps, decay_steps) in [(0, 0), (0, 1), (5, 0), (5, 5), (5, 6), (5, 3)] {
                let schedule = Schedule { decay, peak: 2.0, warmup_steps, decay_steps, final_ratio: 0.1 };
                assert!((0..20).all(|step| (0.0..=2.0).contains(&schedule.rate(step))), "{schedule:?}");
            }
        }
    }
}

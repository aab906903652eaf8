//! Watches the loss for a run that has gone wrong without its numbers ceasing to be numbers: one that stays above where it began.

use serde::{Deserialize, Serialize};

/// Steps whose mean is where the run began.
const FIRST: u32 = 20;
/// How much of the old average stays when a step is added.
const KEEP: f64 = 0.95;
/// Steps above the beginning after which there is no more hope: a spike is over sooner.
const PATIENCE: u32 = 500;

/// What is remembered of the losses; a part of a checkpoint.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Watch {
    stage: usize,
    steps: u32,
    /// The mean of the first losses, then the mean lately.
    began: f64,
    lately: f64,
    above: u32,
}

impl Watch {
    /// Adds the loss of a step of `stage`; false where the run is lost. Another stage reads other texts and is measured by its own start.
    pub(super) fn goes_well(&mut self, stage: usize, loss: f64) -> bool {
        if stage != self.stage {
            *self = Self { stage, ..Self::default() };
        }
        if self.steps < FIRST {
            self.began += loss / f64::from(FIRST);
            self.lately = self.began;
            self.steps += 1;
            return true;
        }
        self.lately = KEEP * self.lately + (1.0 - KEEP) * loss;
        self.above = if self.lately > 1.2 * self.began.abs() + 0.1 { self.above + 1 } else { 0 };
        self.above < PATIENCE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spike_passes_and_a_lost_run_is_noticed() {
        let mut watch = Watch::default();
        let mut well = |loss: f64, steps: u32| (0..steps).all(|_| watch.goes_well(0, loss));
        assert!(well(7.0, 20) && well(3.0, 1000), "a run that learns");
        assert!(well(30.0, 300) && well(3.0, 100) && well(30.0, 300), "spikes");
        assert!(well(3.0, 100) && !well(9.5, 700), "and then it is lost");
        assert!(watch.goes_well(1, 50.0), "another stage");
        let mut flat = Watch::default();
        assert!(
            (0..5000).all(|step| flat.goes_well(0, if step % 2 == 0 { 7.2 } else { 6.9 })),
            "not learning is no divergence"
        );
    }
}

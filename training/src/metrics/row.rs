//! A row of `metrics.jsonl`.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::run::Phase;

/// A row. Steps count from 1 within a phase, all its stages together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Row {
    /// Of training.
    Train(Train),
    /// Of the held-out documents.
    Heldout(Heldout),
}

/// A training step, its figures averaged since the row before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Train {
    /// What is being trained.
    pub phase: Phase,
    /// The stage, counted from 0.
    pub stage: usize,
    /// The step.
    pub step: u64,
    /// The loss.
    pub loss: f64,
    /// The learning rate.
    pub lr: f64,
    /// Norm of the gradient before clipping.
    pub grad_norm: f64,
    /// Tokens seen in the phase.
    pub tokens: u64,
    /// Tokens a second, padding left out.
    pub tokens_per_second: f64,
    /// Share of the device's arithmetic that went into the model, 0 to 1, where the device's limit is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mfu: Option<f64>,
    /// Seconds of training in the phase, over all starts of the run.
    pub seconds: f64,
}

/// A look at the held-out documents.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Heldout {
    /// What is being trained.
    pub phase: Phase,
    /// The stage, counted from 0.
    pub stage: usize,
    /// Steps done before it.
    pub step: u64,
    /// The loss.
    pub loss: f64,
    /// Share of predictions that were right, 0 to 1: masked tokens, or positives found first in their batch.
    pub accuracy: f64,
}

impl Row {
    /// What was being trained.
    #[must_use]
    pub fn phase(&self) -> Phase {
        match self {
            Self::Train(row) => row.phase,
            Self::Heldout(row) => row.phase,
        }
    }

    /// The step.
    #[must_use]
    pub fn step(&self) -> u64 {
        match self {
            Self::Train(row) => row.step,
            Self::Heldout(row) => row.step,
        }
    }
}

/// The rows of the file `path`, in order; none where it is absent. A last line without an end was being written when the run was
/// killed, and is left out.
///
/// # Errors
/// [`Error::Io`]; [`Error::Damaged`] for another line that is no row.
pub fn read(path: &Path) -> Result<Vec<Row>> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::io(path)(error)),
    };
    let lines = text.split_inclusive('\n').enumerate().filter(|(_, line)| line.ends_with('\n'));
    lines
        .map(|(at, line)| {
            serde_json::from_str(line)
                .map_err(|error| Error::Damaged { path: path.to_owned(), reason: format!("line {}: {error}", at + 1) })
        })
        .collect()
}

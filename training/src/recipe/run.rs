//! Section `[run]`: what does not belong to the model, the data or the losses.

use serde::{Deserialize, Serialize};

use super::check::at_least;
use crate::error::Result;

/// What the passes through the model are computed in. Weights and moments are kept in f32 always.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// bf16 on a GPU; on a CPU bf16x2 where the processor has tile registers (AMX), else f32.
    #[default]
    Auto,
    /// f32.
    F32,
    /// bf16 with sums in f32; on a GPU.
    Bf16,
    /// f32, of which products read each number as the sum of two bf16; on a CPU.
    Bf16x2,
}

/// Seeds, precision, and how often things are written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RunConfig {
    /// Of everything random.
    pub seed: u64,
    /// Steps between two looks at the held-out documents.
    pub eval_every_steps: u64,
    /// Steps between two checkpoints.
    pub checkpoint_every_steps: u64,
    /// Steps between two rows of the metrics.
    pub log_every_steps: u64,
    /// Checkpoints to keep, the newest ones.
    pub keep_checkpoints: usize,
    /// Documents (in contrastive tuning: pairs) kept away from training to measure on.
    pub heldout_documents: usize,
    /// What is computed in.
    pub precision: Precision,
    /// Whether activations are computed again in the backward pass instead of being kept.
    pub activation_checkpointing: bool,
}

impl Default for RunConfig {
    fn default() -> Self {
        Self {
            seed: 0,
            eval_every_steps: 500,
            checkpoint_every_steps: 1000,
            log_every_steps: 10,
            keep_checkpoints: 2,
            heldout_documents: 500,
            precision: Precision::Auto,
            activation_checkpointing: false,
        }
    }
}

impl RunConfig {
    pub(super) fn validate(&self) -> Result<()> {
        at_least("run.eval_every_steps", self.eval_every_steps, 1)?;
        at_least("run.checkpoint_every_steps", self.checkpoint_every_steps, 1)?;
        at_least("run.log_every_steps", self.log_every_steps, 1)?;
        at_least("run.keep_checkpoints", self.keep_checkpoints, 1)
    }
}

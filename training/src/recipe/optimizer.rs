//! Sections `[optimizer]` and `[schedule]`.

use serde::{Deserialize, Serialize};

use super::check::{positive, within};
use crate::error::Result;
use crate::schedule::Decay;

/// How weights are made smaller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OptimizerKind {
    /// Beside the moments (Loshchilov & Hutter 2019).
    #[default]
    AdamW,
    /// Through the gradient, as a penalty on their squares (Kingma & Ba 2015).
    Adam,
}

/// AdamW; the defaults are the paper's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OptimizerConfig {
    /// How weights are made smaller.
    pub kind: OptimizerKind,
    /// Decay of the first moment.
    pub beta1: f32,
    /// Decay of the second moment.
    pub beta2: f32,
    /// Added to the root of the second moment.
    pub eps: f32,
    /// Weight decay, on every parameter.
    pub weight_decay: f32,
    /// The gradient is scaled down to this norm where it is longer.
    pub clip_norm: f32,
}

impl Default for OptimizerConfig {
    fn default() -> Self {
        Self { kind: OptimizerKind::AdamW, beta1: 0.9, beta2: 0.95, eps: 1e-8, weight_decay: 0.1, clip_norm: 1.0 }
    }
}

impl OptimizerConfig {
    pub(super) fn validate(&self) -> Result<()> {
        within("optimizer.beta1", self.beta1, 0.0..=0.9999)?;
        within("optimizer.beta2", self.beta2, 0.0..=0.999_999)?;
        positive("optimizer.eps", f64::from(self.eps))?;
        within("optimizer.weight_decay", self.weight_decay, 0.0..=1.0)?;
        positive("optimizer.clip_norm", f64::from(self.clip_norm))
    }
}

/// The learning rate of pretraining, over all its stages; a stage may have its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ScheduleConfig {
    /// How the rate falls.
    pub kind: Decay,
    /// The highest rate.
    pub peak_lr: f64,
    /// Steps over which it rises.
    pub warmup_steps: u64,
    /// The step from which on it stays low; all steps where absent.
    pub decay_steps: Option<u64>,
    /// The lowest rate as a share of the highest.
    pub final_ratio: f64,
}

impl Default for ScheduleConfig {
    fn default() -> Self {
        Self { kind: Decay::Cosine, peak_lr: 6e-4, warmup_steps: 2000, decay_steps: None, final_ratio: 0.1 }
    }
}

impl ScheduleConfig {
    pub(super) fn validate(&self) -> Result<()> {
        within("schedule.peak_lr", self.peak_lr, 1e-9..=1.0)?;
        within("schedule.final_ratio", self.final_ratio, 0.0..=1.0)
    }
}

//! What a run is asked for besides its recipe, and what it says at its end.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use candle_core::Device;
use serde::{Deserialize, Serialize};

/// The two halves of training a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Masked-language-model pretraining.
    Pretrain,
    /// Contrastive tuning.
    Contrastive,
}

impl Phase {
    /// As it is typed, and as its folders are called.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pretrain => "pretrain",
            Self::Contrastive => "contrastive",
        }
    }
}

/// What a run is asked for.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// The run's folder: checkpoints, metrics, curves, prepared data, and the finished model in `model/`.
    pub output: PathBuf,
    /// Where the recipe's relative paths start; the recipe's folder where absent.
    pub data: Option<PathBuf>,
    /// Where to compute; with several ranks, where the first does.
    pub device: Device,
    /// How many devices train the model together: the GPUs from `device` on, or so many threads of the processor.
    pub ranks: usize,
    /// Go on from the newest checkpoint, if there is one.
    pub resume: bool,
    /// A model folder or a checkpoint whose weights to start from.
    pub init: Option<PathBuf>,
    /// The folder of the recipe's teacher, where it is not where the recipe says.
    pub teacher: Option<PathBuf>,
    /// Only prepare the data: a machine without a GPU can do that beforehand.
    pub prepare_only: bool,
    /// Set from outside to stop after the step under way, with a checkpoint.
    pub interrupt: Arc<AtomicBool>,
}

impl RunOptions {
    /// A run into `output` on the CPU, from scratch.
    pub fn new(output: impl Into<PathBuf>) -> Self {
        Self {
            output: output.into(),
            data: None,
            device: Device::Cpu,
            ranks: 1,
            resume: false,
            init: None,
            teacher: None,
            prepare_only: false,
            interrupt: Arc::default(),
        }
    }

    /// Whether the run is to stop.
    #[must_use]
    pub fn interrupted(&self) -> bool {
        self.interrupt.load(Ordering::Relaxed)
    }

    /// Where the finished model goes.
    #[must_use]
    pub fn model(&self) -> PathBuf {
        self.output.join("model")
    }
}

/// How a run ended.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Summary {
    /// Steps done, those before a resume included.
    pub steps: u64,
    /// Steps the recipe has.
    pub total_steps: u64,
    /// Tokens seen, those before a resume included.
    pub tokens: u64,
    /// Seconds of this process's part of the run.
    pub seconds: f64,
    /// The last training loss.
    pub loss: Option<f64>,
    /// The last held-out loss.
    pub heldout_loss: Option<f64>,
    /// The share of held-out predictions that were right.
    pub heldout_accuracy: Option<f64>,
    /// The last checkpoint.
    pub checkpoint: Option<PathBuf>,
    /// The finished model, if the run came to its end.
    pub model: Option<PathBuf>,
    /// Whether it was stopped from outside.
    pub interrupted: bool,
}

/// The prepared data of a run: made once, used by every start of it.
#[must_use]
pub fn prepared(output: &Path) -> PathBuf {
    output.join("data")
}

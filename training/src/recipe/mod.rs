//! The recipe of a run: one TOML file that says everything the outcome depends on.
//!
//! Unknown keys are refused, because a misspelt key would otherwise train for hours with a default. What the file leaves out has the value
//! of the NeoBERT paper, or where the paper says nothing, a value that is safe on any machine.

mod check;
mod contrastive;
mod fingerprint;
mod load;
mod model;
mod optimizer;
mod overlay;
mod overrides;
mod pretrain;
mod run;
mod tokenizer;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use contrastive::{ContrastiveConfig, PairSet};
pub use model::ModelConfig;
pub use optimizer::{OptimizerConfig, OptimizerKind, ScheduleConfig};
pub use pretrain::{Corpus, Masking, Packing, PretrainConfig, Stage};
pub use run::{Precision, RunConfig};
pub use tokenizer::TokenizerConfig;

/// A recipe, read and checked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// The shape of the model.
    pub model: ModelConfig,
    /// How text becomes tokens.
    #[serde(default)]
    pub tokenizer: TokenizerConfig,
    /// Masked-language-model pretraining; absent where the run starts from a trained model.
    #[serde(default)]
    pub pretrain: Option<PretrainConfig>,
    /// Contrastive tuning; absent where the run ends with pretraining.
    #[serde(default)]
    pub contrastive: Option<ContrastiveConfig>,
    /// AdamW.
    #[serde(default)]
    pub optimizer: OptimizerConfig,
    /// The learning rate of pretraining.
    #[serde(default)]
    pub schedule: ScheduleConfig,
    /// Seeds, precision, and how often things are written.
    #[serde(default)]
    pub run: RunConfig,
    /// The folder of the recipe's file, which relative paths start from.
    #[serde(skip)]
    pub folder: PathBuf,
}

impl Recipe {
    /// Where a path of the recipe leads: relative ones start at `data` if it is given (`--data DIR`), else beside the recipe.
    #[must_use]
    pub fn resolve(&self, path: &Path, data: Option<&Path>) -> PathBuf {
        data.unwrap_or(&self.folder).join(path)
    }
}

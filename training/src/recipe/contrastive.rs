//! Section `[contrastive]`.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::ModelConfig;
use super::check::{at_least, holds, positive, within};
use crate::data::Layout;
use crate::error::Result;
use crate::schedule::{Decay, Schedule};

/// Tuning on pairs: a query, a text that answers it, and perhaps texts that do not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContrastiveConfig {
    /// Optimizer steps.
    pub steps: u64,
    /// Pairs of one step, over all ranks; they are each other's negatives.
    pub batch: usize,
    /// Tokens that go through the model at once, on one rank; larger batches go in pieces, with cached gradients.
    pub micro_batch_tokens: usize,
    /// Cosines are divided by it.
    #[serde(default = "temperature")]
    pub temperature: f64,
    /// The highest learning rate.
    pub peak_lr: f64,
    /// Steps over which it rises.
    #[serde(default)]
    pub warmup_steps: u64,
    /// How it falls.
    #[serde(default)]
    pub schedule: Decay,
    /// The lowest rate as a share of the highest.
    #[serde(default)]
    pub final_ratio: f64,
    /// Longest query in tokens, special tokens included.
    #[serde(default = "query_tokens")]
    pub query_tokens: usize,
    /// Longest document in tokens, special tokens included.
    #[serde(default = "document_tokens")]
    pub document_tokens: usize,
    /// The data; each step draws one of them.
    pub sets: Vec<PairSet>,
    /// A set is drawn in proportion to its size to this power.
    #[serde(default = "alpha")]
    pub alpha: f64,
    /// Prefixes of the vector on which the loss is taken as well, largest first; empty for the whole vector only.
    #[serde(default)]
    pub matryoshka: Vec<usize>,
    /// Put before every query.
    #[serde(default)]
    pub query_prefix: String,
    /// Put before every document.
    #[serde(default)]
    pub document_prefix: String,
    /// Weight of the loss on pairs.
    #[serde(default = "one")]
    pub infonce_weight: f64,
    /// Whose vectors are to be imitated: a model's folder, of any kind the encoder loads, which is asked before the first step. Sets that
    /// come with a `teacher.f16` keep it; where the folder is not there, the others are trained on their pairs alone.
    pub teacher: Option<String>,
    /// Weight of `1 - cosine` between a text's vector and the teacher's.
    #[serde(default)]
    pub distill_weight: f64,
    /// Weight of the divergence between the teacher's scores of a batch and the model's.
    #[serde(default)]
    pub score_distill_weight: f64,
    /// Scores are divided by it before they are compared.
    #[serde(default = "distill_temperature")]
    pub distill_temperature: f64,
    /// A negative is left out where it scores above the positive less this, by the teacher if there is one; absent for never.
    pub filter_margin: Option<f64>,
    /// Hard negatives of a pair to use, at most.
    #[serde(default)]
    pub hard_negatives: usize,
}

/// A file of pairs, one JSON object a line: `query`, `positive`, perhaps `negatives`. Or, with a `window`, a corpus or its shards; or the
/// folder of a set prepared before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PairSet {
    /// The file or folder.
    pub path: PathBuf,
    /// Pairs of a step drawn from it, where it differs from `contrastive.batch`.
    pub batch: Option<usize>,
    /// Its chance relative to the others, instead of its size.
    pub weight: Option<f64>,
    /// How the documents of a corpus are laid out, where windows are cut from one.
    #[serde(default)]
    pub layout: Layout,
    /// Tokens of a window in which several passages of one document are pooled each on its own; absent for one text a row.
    pub window: Option<usize>,
    /// Share of the documents that windows are cut from, 0 to 1; all where absent.
    pub share: Option<f64>,
}

fn temperature() -> f64 {
    0.05
}

fn query_tokens() -> usize {
    64
}

fn document_tokens() -> usize {
    256
}

fn alpha() -> f64 {
    0.5
}

fn one() -> f64 {
    1.0
}

fn distill_temperature() -> f64 {
    0.05
}

impl ContrastiveConfig {
    /// The learning rate of optimizer step `step`, counted from 0.
    #[must_use]
    pub fn learning_rate(&self, step: u64) -> f64 {
        let (decay, peak, warmup_steps) = (self.schedule, self.peak_lr, self.warmup_steps);
        Schedule { decay, peak, warmup_steps, decay_steps: self.steps, final_ratio: self.final_ratio }.rate(step)
    }

    /// The chances of the sets, in order, for their sizes in pairs. They need not sum to 1.
    #[must_use]
    pub fn chances(&self, sizes: &[usize]) -> Vec<f64> {
        let sized = self.sets.iter().zip(sizes);
        sized.map(|(set, &size)| set.weight.unwrap_or_else(|| (size as f64).powf(self.alpha))).collect()
    }

    pub(super) fn validate(&self, model: &ModelConfig) -> Result<()> {
        let key = |name: &str| format!("contrastive.{name}");
        at_least(&key("steps"), self.steps, 1)?;
        at_least(&key("batch"), self.batch, 2)?;
        within(&key("temperature"), self.temperature, 1e-3..=10.0)?;
        within(&key("peak_lr"), self.peak_lr, 1e-9..=1.0)?;
        within(&key("final_ratio"), self.final_ratio, 0.0..=1.0)?;
        within(&key("query_tokens"), self.query_tokens, 8..=model.max_length)?;
        within(&key("document_tokens"), self.document_tokens, 8..=model.max_length)?;
        at_least(&key("micro_batch_tokens"), self.micro_batch_tokens, self.query_tokens.max(self.document_tokens))?;
        within(&key("alpha"), self.alpha, 0.0..=1.0)?;
        within(&key("infonce_weight"), self.infonce_weight, 0.0..=1e3)?;
        within(&key("distill_weight"), self.distill_weight, 0.0..=1e3)?;
        within(&key("score_distill_weight"), self.score_distill_weight, 0.0..=1e3)?;
        within(&key("distill_temperature"), self.distill_temperature, 1e-3..=10.0)?;
        within(&key("filter_margin"), self.filter_margin.unwrap_or(0.0), -1.0..=1.0)?;
        self.validate_matryoshka(model)?;
        self.validate_losses()?;
        at_least(&key("sets"), self.sets.len(), 1)?;
        self.sets.iter().enumerate().try_for_each(|(at, set)| set.validate(&key(&format!("sets.{at}")), self, model))
    }

    fn validate_matryoshka(&self, model: &ModelConfig) -> Result<()> {
        let falling = self.matryoshka.is_sorted_by(|larger, smaller| larger > smaller);
        let fits = self.matryoshka.iter().all(|&dimension| (1..=model.hidden_size).contains(&dimension));
        holds(falling && fits, "contrastive.matryoshka", || {
            format!(
                "is {:?}; it must fall strictly, from at most model.hidden_size, {}",
                self.matryoshka, model.hidden_size
            )
        })
    }

    fn validate_losses(&self) -> Result<()> {
        let distilled = self.distill_weight + self.score_distill_weight > 0.0;
        holds(distilled || self.infonce_weight > 0.0, "contrastive.infonce_weight", || {
            "is 0, and so are distill_weight and score_distill_weight; one must be above 0".to_owned()
        })?;
        let taught = self.teacher.is_some();
        holds(taught || !distilled, "contrastive.teacher", || {
            "is absent; distill_weight and score_distill_weight above 0 need one".to_owned()
        })
    }
}

impl PairSet {
    fn validate(&self, at: &str, config: &ContrastiveConfig, model: &ModelConfig) -> Result<()> {
        at_least(&format!("{at}.batch"), self.batch.unwrap_or(config.batch), 2)?;
        positive(&format!("{at}.weight"), self.weight.unwrap_or(1.0))?;
        within(&format!("{at}.share"), self.share.unwrap_or(1.0), 1e-6..=1.0)?;
        let Some(window) = self.window else { return Ok(()) };
        within(&format!("{at}.window"), window, 16..=model.max_length)?;
        holds(window <= config.micro_batch_tokens, &format!("{at}.window"), || {
            format!("is {window}; it must be at most contrastive.micro_batch_tokens, {}", config.micro_batch_tokens)
        })
    }
}

//! Section `[pretrain]` and its stages.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::check::{at_least, holds, positive, within};
use super::{ModelConfig, ScheduleConfig};
use crate::data::Layout;
use crate::error::Result;
use crate::schedule::{Decay, Schedule};

/// Masked-language-model pretraining, stage by stage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PretrainConfig {
    /// Learn the language-model head alone, over the encoder of `--init`: for models saved without one, to see what they know (`eval pppl`).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub head_only: bool,
    /// The stages, in order.
    pub stage: Vec<Stage>,
}

/// What becomes of the tokens chosen for prediction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Masking {
    /// All become `[MASK]`.
    #[default]
    #[serde(rename = "mask")]
    Mask,
    /// BERT's: 80 % `[MASK]`, 10 % a random token, 10 % unchanged.
    #[serde(rename = "80-10-10")]
    Bert,
}

/// Whether several documents share a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Packing {
    /// One document a row; the batch is padded to its longest.
    #[default]
    None,
    /// Documents follow each other without padding between them, and attention stays inside each: the same numbers as with `none`.
    Separate,
    /// Rows are filled up with documents that see each other, as the paper's ablation has it, which lost by it.
    Naive,
}

/// One stage: a length, a mixture, a number of steps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// Optimizer steps.
    pub steps: u64,
    /// Longest row in tokens; the rest of a longer document makes further rows.
    pub length: usize,
    /// Tokens of one optimizer step, over all ranks, padding included.
    pub tokens_per_step: usize,
    /// Tokens that go through the model at once, on one rank.
    pub micro_batch_tokens: usize,
    /// Share of tokens to be predicted.
    #[serde(default = "mlm_probability")]
    pub mlm_probability: f64,
    /// What becomes of them.
    #[serde(default)]
    pub masking: Masking,
    /// Whether several documents share a row.
    #[serde(default)]
    pub packing: Packing,
    /// What is read.
    pub corpora: Vec<Corpus>,
    /// A schedule of the stage's own, counted from its first step: any of these keys, the others as in `[schedule]`.
    pub peak_lr: Option<f64>,
    /// As in `[schedule]`.
    pub warmup_steps: Option<u64>,
    /// `kind` of `[schedule]`.
    pub schedule: Option<Decay>,
    /// As in `[schedule]`; the stage's steps where absent.
    pub decay_steps: Option<u64>,
    /// As in `[schedule]`.
    pub final_ratio: Option<f64>,
}

/// A part of a stage's mixture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Corpus {
    /// A file of records or of text, or a folder of them.
    pub path: PathBuf,
    /// Fields of a record that are texts, the first that it has.
    #[serde(default = "text")]
    pub fields: Vec<String>,
    /// Share in the mixture, relative to the other weights; by size where no corpus of the stage has one.
    pub weight: Option<f64>,
    /// Only documents of at least so many tokens.
    pub min_tokens: Option<usize>,
    /// How its documents are laid out.
    #[serde(default)]
    pub layout: Layout,
}

fn mlm_probability() -> f64 {
    0.2
}

fn text() -> Vec<String> {
    vec!["text".to_owned()]
}

impl PretrainConfig {
    /// Steps of all stages.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.stage.iter().map(|stage| stage.steps).sum()
    }

    /// The stage of step `step` of the whole phase, counted from 0, and the step within it; the end of the last where there is none.
    #[must_use]
    pub fn locate(&self, step: u64) -> (usize, u64) {
        let mut left = step;
        for (position, stage) in self.stage.iter().enumerate() {
            if left < stage.steps {
                return (position, left);
            }
            left -= stage.steps;
        }
        let last = self.stage.last().map_or(0, |stage| stage.steps);
        (self.stage.len().saturating_sub(1), last)
    }

    /// The learning rate of optimizer step `step` of the whole phase, counted from 0.
    #[must_use]
    pub fn learning_rate(&self, overall: &ScheduleConfig, step: u64) -> f64 {
        let (position, within) = self.locate(step);
        let own = self.stage.get(position).and_then(|stage| stage.schedule(overall));
        match own {
            Some(own) => own.rate(within),
            None => schedule(overall, self.steps()).rate(step),
        }
    }

    pub(super) fn validate(&self, model: &ModelConfig) -> Result<()> {
        at_least("pretrain.stage", self.stage.len(), 1)?;
        self.stage.iter().enumerate().try_for_each(|(at, stage)| stage.validate(&format!("pretrain.stage.{at}"), model))
    }
}

fn schedule(config: &ScheduleConfig, steps: u64) -> Schedule {
    Schedule {
        decay: config.kind,
        peak: config.peak_lr,
        warmup_steps: config.warmup_steps,
        decay_steps: config.decay_steps.unwrap_or(steps),
        final_ratio: config.final_ratio,
    }
}

impl Stage {
    /// The stage's own schedule, if it has one.
    fn schedule(&self, overall: &ScheduleConfig) -> Option<Schedule> {
        let own = self.peak_lr.is_some()
            || self.warmup_steps.is_some()
            || self.schedule.is_some()
            || self.decay_steps.is_some()
            || self.final_ratio.is_some();
        own.then(|| Schedule {
            decay: self.schedule.unwrap_or(overall.kind),
            peak: self.peak_lr.unwrap_or(overall.peak_lr),
            warmup_steps: self.warmup_steps.unwrap_or(overall.warmup_steps),
            decay_steps: self.decay_steps.unwrap_or(self.steps),
            final_ratio: self.final_ratio.unwrap_or(overall.final_ratio),
        })
    }

    fn validate(&self, at: &str, model: &ModelConfig) -> Result<()> {
        let key = |name: &str| format!("{at}.{name}");
        at_least(&key("steps"), self.steps, 1)?;
        // Two special tokens and something between them.
        within(&key("length"), self.length, 8..=model.max_length)?;
        at_least(&key("micro_batch_tokens"), self.micro_batch_tokens, self.length)?;
        at_least(&key("tokens_per_step"), self.tokens_per_step, self.length)?;
        within(&key("mlm_probability"), self.mlm_probability, 0.01..=0.9)?;
        within(&key("peak_lr"), self.peak_lr.unwrap_or(1e-3), 1e-9..=1.0)?;
        within(&key("final_ratio"), self.final_ratio.unwrap_or(0.1), 0.0..=1.0)?;
        at_least(&key("corpora"), self.corpora.len(), 1)?;
        let weighted = self.corpora.iter().filter(|corpus| corpus.weight.is_some()).count();
        holds(weighted == 0 || weighted == self.corpora.len(), &key("corpora"), || {
            format!("has {} entries, of which {weighted} have a weight; give one to all or to none", self.corpora.len())
        })?;
        let weights = self.corpora.iter().enumerate().filter_map(|(at, corpus)| Some((at, corpus.weight?)));
        weights.into_iter().try_for_each(|(at, weight)| positive(&key(&format!("corpora.{at}.weight")), weight))
    }
}

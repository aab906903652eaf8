//! The loop of fine-tuning: epochs over the examples, evaluations on the way, an end when nothing gets better.

use std::sync::atomic::{AtomicBool, Ordering};

use candle_core::Device;

use super::head::{ClassificationHead, Labels};
use super::input::{Checkpoint, Item};
use super::settings::FinetuneSettings;
use crate::contrastive::{Sequence, Texts};
use crate::distributed::Single;
use crate::error::{Error, Result};
use crate::model::{Keep, NeoBert, Parameter, Precision};
use crate::optimizer::{Adamw, clip_scale, grad_norm};
use crate::pretrain::number;
use crate::random::Random;

/// Tokens that go through the model at once, padding included.
const PIECE_TOKENS: usize = 8_192;
/// Sequences of one evaluation batch.
const EVALUATED_TOGETHER: usize = 128;
/// PyTorch's defaults, which the fine-tuning of the paper's repository leaves as they are.
const BETAS: (f32, f32) = (0.9, 0.999);

/// Values of all parameters by name, in f32.
pub type Weights = Vec<(String, Vec<f32>)>;

/// A model with its head, about to be tuned.
pub struct Finetuning {
    model: NeoBert,
    head: ClassificationHead,
    settings: FinetuneSettings,
    classes: usize,
    padding: u32,
}

/// An evaluation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Evaluated {
    /// Steps done.
    pub step: u64,
    /// Steps there will be at most.
    pub total: u64,
    /// Mean loss of the steps since the evaluation before.
    pub loss: f64,
    /// What the caller made of the outputs.
    pub score: f64,
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FinetuneOutcome {
    /// The best score.
    pub score: f64,
    /// The step it was reached at.
    pub step: u64,
    /// Steps done in all.
    pub steps: u64,
    /// Evaluations done.
    pub evaluations: usize,
    /// Whether it ended because nothing got better.
    pub stopped_early: bool,
    /// Whether the caller stopped it.
    pub interrupted: bool,
    /// The weights at the best score, where they were asked for.
    pub best: Option<Weights>,
}

impl Finetuning {
    /// The model of `start` with a new head: `classes` outputs, or one for scores where it is 0.
    ///
    /// # Errors
    /// Those of [`Checkpoint::model`], and candle's.
    pub fn new(start: &Checkpoint, classes: usize, settings: FinetuneSettings, device: &Device) -> Result<Self> {
        crate::op::prepare_device(device)?;
        let precision = Precision::best(device);
        let model = start.model(precision, device)?;
        let mut random = Random::keyed(settings.seed, &[11]);
        let head = ClassificationHead::new(start.config().hidden_size, classes.max(1), &mut random, device)?;
        Ok(Self { model, head, settings, classes, padding: start.config().pad_token_id })
    }

    /// Puts weights in the place of those there are; names that the model lacks, such as those of another head, are passed over.
    ///
    /// # Errors
    /// candle's, where a size differs.
    pub fn load(&mut self, weights: &Weights) -> Result<()> {
        for parameter in self.model.parameters() {
            if let Some((_, values)) = weights.iter().find(|(name, _)| name == parameter.name()) {
                let zeros = vec![0.0; 2 * values.len()];
                parameter.restore([values.clone(), zeros].concat())?;
            }
        }
        Ok(())
    }

    /// Trains on `train`. `score` is given the outputs for `dev`, one row an item, whenever it is time; larger is better. `told` hears of every
    /// evaluation, and `stop` ends it at the next step. The best weights come back with `keep_best`.
    ///
    /// # Errors
    /// [`Error::Diverged`], candle's, and what `score` fails with.
    pub fn run(
        &mut self,
        train: &[Item],
        dev: &[Vec<u32>],
        stop: &AtomicBool,
        keep_best: bool,
        score: &mut dyn FnMut(&[Vec<f32>]) -> Result<f64>,
        told: &mut dyn FnMut(&Evaluated),
    ) -> Result<FinetuneOutcome> {
        let settings = self.settings;
        let schedule = settings.schedule(train.len());
        let (per_epoch, every) = (settings.steps_per_epoch(train.len()), settings.evaluate_every(train.len()));
        let total = settings.epochs * per_epoch;
        let mut outcome = FinetuneOutcome { score: f64::NEG_INFINITY, ..FinetuneOutcome::default() };
        let (mut since_better, mut losses, mut counted) = (0, 0.0, 0_u32);
        for epoch in 0..settings.epochs {
            let mut order: Vec<usize> = (0..train.len()).collect();
            Random::keyed(settings.seed, &[12, epoch]).shuffle(&mut order);
            for batch in order.chunks(settings.batch.max(1)) {
                if stop.load(Ordering::Relaxed) {
                    outcome.interrupted = true;
                    return Ok(outcome);
                }
                let items: Vec<&Item> = batch.iter().filter_map(|&place| train.get(place)).collect();
                losses += self.step(&items, outcome.steps, schedule.rate(outcome.steps))?;
                counted += 1;
                outcome.steps += 1;
                if !outcome.steps.is_multiple_of(every) && outcome.steps != total {
                    continue;
                }
                let found = score(&self.outputs(dev)?)?;
                let loss = losses / f64::from(counted);
                told(&Evaluated { step: outcome.steps, total, loss, score: found });
                (losses, counted) = (0.0, 0);
                outcome.evaluations += 1;
                since_better += 1;
                if found > outcome.score {
                    (outcome.score, outcome.step, since_better) = (found, outcome.steps, 0);
                    if keep_best {
                        outcome.best = Some(self.weights()?);
                    }
                }
                if since_better >= settings.patience {
                    outcome.stopped_early = true;
                    return Ok(outcome);
                }
            }
        }
        Ok(outcome)
    }

    /// The outputs for sequences, one row each, in their order.
    ///
    /// # Errors
    /// candle's.
    pub fn outputs(&self, sequences: &[Vec<u32>]) -> Result<Vec<Vec<f32>>> {
        let mut rows = Vec::with_capacity(sequences.len());
        for batch in sequences.chunks(EVALUATED_TOGETHER) {
            let texts = self.texts(batch.iter().cloned())?;
            let encoded = texts.encode(&self.model, false)?;
            rows.extend(self.head.outputs(&encoded.vectors)?.to_vec2::<f32>()?);
        }
        Ok(rows)
    }

    /// The weights as they are, the head's included.
    ///
    /// # Errors
    /// candle's.
    pub fn weights(&self) -> Result<Weights> {
        let all = self.model.parameters().into_iter().chain(self.head.parameters());
        all.map(|parameter| Ok((parameter.name().to_owned(), parameter.whole(0, &Single)?.to_vec1::<f32>()?))).collect()
    }

    /// One step; gives its loss.
    fn step(&mut self, items: &[&Item], step: u64, rate: f64) -> Result<f64> {
        let texts = self.texts(items.iter().map(|item| item.ids.clone()))?;
        let encoded = texts.encode(&self.model, texts.padded_tokens() <= PIECE_TOKENS)?;
        let labels = match self.classes {
            0 => Labels::Scores(items.iter().map(|item| item.label).collect()),
            _ => Labels::Classes(items.iter().map(|item| item.label as u32).collect()),
        };
        let mut random = Random::keyed(self.settings.seed, &[13, step]);
        let run = self.head.train(&encoded.vectors, &labels, self.settings.dropout, &mut random)?;
        texts.backward(&self.model, encoded, &run.dstates, Keep::Products)?;
        let loss = number(&run.loss)?;
        let gradients: Vec<&Parameter> = self.model.parameters().into_iter().chain(self.head.parameters()).collect();
        let norm = grad_norm(&gradients)?;
        if !norm.is_finite() || !loss.is_finite() {
            return Err(Error::Diverged { step: step + 1, loss, checkpoint: None });
        }
        let scale = clip_scale(norm, self.settings.clip_norm);
        let decayed = Adamw { beta1: BETAS.0, beta2: BETAS.1, eps: 1e-8, weight_decay: self.settings.weight_decay };
        let mut weights = self.model.parameters_mut();
        weights.extend(self.head.weights_mut());
        decayed.step(&mut weights, step + 1, rate, scale)?;
        Adamw { weight_decay: 0.0, ..decayed }.step(&mut self.head.biases_mut(), step + 1, rate, scale)?;
        Ok(loss)
    }

    fn texts(&self, sequences: impl Iterator<Item = Vec<u32>>) -> Result<Texts> {
        // The state of the first token.
        let sequences: Vec<Sequence> = sequences.map(|ids| Sequence { ids, spans: vec![(0, 1)] }).collect();
        Texts::new(&sequences, PIECE_TOKENS, self.padding, self.model.device())
    }
}

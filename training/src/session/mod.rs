//! A run as it goes: the optimizer's steps, the figures, the checkpoints, the end. Both phases are loops around one of these, on every
//! rank; the first rank writes everything down.

mod peak;
mod start;
mod watch;

use std::time::Instant;

use candle_core::Tensor;
use serde_json::Value;

use crate::checkpoint::{Checkpoints, Export, State, TensorSpec};
use crate::distributed::ProcessGroup;
use crate::error::{Error, Result};
use crate::flops::Work;
use crate::metrics::{Heldout, MetricsWriter, Row, Train};
use crate::model::{Keep, NeoBert};
use crate::optimizer::{Adamw, add_decay, clip_scale, reduce, square_norm};
use crate::pretrain::number;
use crate::progress::{HeldoutReport, Observer, Pace, StepReport};
use crate::random::Random;
use crate::recipe::{OptimizerKind, Recipe};
use crate::run::{Phase, RunOptions, Summary};
use watch::Watch;

/// What the optimizer's state is called beside a weight in a checkpoint.
const MOMENTS: [&str; 2] = [".exp_avg", ".exp_avg_sq"];

/// A phase of a run under way.
pub(crate) struct Session<'a, 'm> {
    pub(crate) recipe: &'a Recipe,
    pub(crate) group: &'m dyn ProcessGroup,
    pub(crate) observer: &'m mut dyn Observer,
    pub(crate) model: NeoBert,
    /// Optimizer steps done in the phase.
    pub(crate) step: u64,
    options: &'a RunOptions,
    phase: Phase,
    fingerprint: String,
    total: u64,
    tokens: u64,
    /// Whether the run was stopped from outside, as all ranks agree.
    stopping: bool,
    seconds_before: f64,
    started: Instant,
    last_step: Instant,
    last_save: Option<u64>,
    pace: Pace,
    /// On the first rank.
    books: Option<Books>,
    checkpoints: Checkpoints,
    since_log: Averages,
    watch: Watch,
    summary: Summary,
}

/// What is kept of a run besides its checkpoints.
struct Books {
    metrics: MetricsWriter,
    /// Operations a second that all devices together could do.
    peak_flops: f64,
}

#[derive(Default)]
struct Averages {
    loss: f64,
    grad_norm: f64,
    steps: u32,
}

/// What a step was on this rank.
pub(crate) struct Step {
    /// The stage, from 0.
    pub(crate) stage: usize,
    /// Its learning rate.
    pub(crate) lr: f64,
    /// This rank's share of its mean loss, on the device: the shares add up to it.
    pub(crate) loss: Tensor,
    /// What this rank did for it.
    pub(crate) work: Work,
}

impl Session<'_, '_> {
    /// How much the forward passes keep.
    pub(crate) fn keep(&self) -> Keep {
        if self.recipe.run.activation_checkpointing { Keep::Inputs } else { Keep::Products }
    }

    /// Whether there is another step to do.
    pub(crate) fn goes_on(&self) -> bool {
        self.step < self.total && !self.stopping
    }

    /// Takes the optimizer's step from the gradients that have been summed on all ranks, and writes down what it was.
    pub(crate) fn update(&mut self, done: &Step) -> Result<()> {
        let gradients = reduce(&self.model.learned(), self.group)?;
        let stop = if self.options.interrupted() { 1.0 } else { 0.0 };
        let Work { tokens, pairs, predicted } = done.work;
        let own = [square_norm(&gradients)?, number(&done.loss)?, stop, tokens, pairs, predicted];
        let (norm, loss, work) = match self.group.sum(&own)?.as_slice() {
            &[squares, loss, stop, tokens, pairs, predicted] => {
                self.stopping = stop > 0.0;
                (squares.sqrt(), loss, Work { tokens, pairs, predicted })
            }
            _ => (f64::NAN, f64::NAN, done.work),
        };
        if !norm.is_finite() || !loss.is_finite() || !self.watch.goes_well(done.stage, loss) {
            let checkpoint = self.checkpoints.latest()?.map(|checkpoint| checkpoint.path);
            return Err(Error::Diverged { step: self.step + 1, loss, checkpoint });
        }
        let config = &self.recipe.optimizer;
        let mut adamw =
            Adamw { beta1: config.beta1, beta2: config.beta2, eps: config.eps, weight_decay: config.weight_decay };
        let scale = clip_scale(norm, f64::from(config.clip_norm));
        if config.kind == OptimizerKind::Adam {
            add_decay(&self.model.learned(), &gradients, config.weight_decay, scale)?;
            adamw.weight_decay = 0.0;
        }
        let mut parameters = self.model.learned_mut();
        adamw.step_together(&mut parameters, &gradients, self.group, self.step + 1, done.lr, scale)?;
        self.step += 1;
        self.tokens += work.tokens as u64;
        self.since_log.loss += loss;
        self.since_log.grad_norm += norm;
        self.since_log.steps += 1;
        self.summary.loss = Some(loss);
        self.pace.add(work.tokens as u64, work.flops(self.model.config()), self.last_step.elapsed());
        self.last_step = Instant::now();
        self.report(done, loss)
    }

    /// Tells whoever listens of the step that was taken, and the metrics where it is time.
    fn report(&mut self, done: &Step, loss: f64) -> Result<()> {
        let due = self.due(self.recipe.run.log_every_steps);
        let seconds = self.seconds();
        let Some(books) = &mut self.books else { return Ok(()) };
        let tokens_per_second = self.pace.tokens_per_second();
        let mfu = (books.peak_flops > 0.0).then(|| self.pace.flops() / books.peak_flops);
        self.observer.step(&StepReport {
            phase: self.phase,
            stage: done.stage,
            step: self.step,
            total: self.total,
            loss: Some(loss),
            lr: done.lr,
            tokens_per_second,
            mfu,
            eta: self.pace.eta(self.total - self.step),
        });
        if due {
            let steps = f64::from(self.since_log.steps.max(1));
            books.metrics.write(&Row::Train(Train {
                phase: self.phase,
                stage: done.stage,
                step: self.step,
                loss: self.since_log.loss / steps,
                lr: done.lr,
                grad_norm: self.since_log.grad_norm / steps,
                tokens: self.tokens,
                tokens_per_second,
                mfu,
                seconds,
            }))?;
            self.since_log = Averages::default();
        }
        Ok(())
    }

    /// Whether something that happens every `steps` steps, and at the end, happens now.
    pub(crate) fn due(&self, steps: u64) -> bool {
        self.step.is_multiple_of(steps.max(1)) || self.step == self.total
    }

    /// Writes down how the held-out texts fared. The time it took counts as no step's.
    pub(crate) fn heldout(&mut self, stage: usize, loss: f64, accuracy: f64) -> Result<()> {
        (self.summary.heldout_loss, self.summary.heldout_accuracy) = (Some(loss), Some(accuracy));
        let (phase, step) = (self.phase, self.step);
        if let Some(books) = &mut self.books {
            books.metrics.write(&Row::Heldout(Heldout { phase, stage, step, loss, accuracy }))?;
            self.observer.heldout(&HeldoutReport { step, loss, accuracy });
        }
        self.last_step = Instant::now();
        Ok(())
    }

    /// Writes a checkpoint, unless this step has one. It holds the whole state, so that a run may go on with another number of ranks.
    pub(crate) fn save(&mut self, stage: usize, cursor: Value) -> Result<()> {
        if self.last_save == Some(self.step) {
            return Ok(());
        }
        self.last_save = Some(self.step);
        let parameters = self.model.parameters();
        let mut asked = 0;
        let mut next = || -> Result<Vec<f32>> {
            let (parameter, row) = (parameters.get(asked / 3), asked % 3);
            asked += 1;
            // A rank that cannot write the file must not leave the others waiting for its part.
            self.group.barrier()?;
            let part = parameter.map(|parameter| parameter.whole(row, self.group)).transpose()?;
            Ok(part.map(|part| part.to_vec1()).transpose()?.unwrap_or_default())
        };
        if self.books.is_none() {
            (0..3 * parameters.len()).try_for_each(|_| next().map(drop))?;
            self.last_step = Instant::now();
            return Ok(());
        }
        let state = State {
            phase: self.phase,
            recipe: self.fingerprint.clone(),
            stage,
            step: self.step,
            tokens: self.tokens,
            random: Random::keyed(self.recipe.run.seed, &[self.phase as u64, self.step]),
            cursor,
            extra: serde_json::json!({ "seconds": self.seconds(), "watch": self.watch }),
        };
        let mut specs = Vec::new();
        for parameter in &parameters {
            let name = bare(parameter.name());
            let named = |suffix: &str| TensorSpec::new(format!("{name}{suffix}"), parameter.shape());
            specs.extend([named(""), named(MOMENTS[0]), named(MOMENTS[1])]);
        }
        let path = self.checkpoints.save(&state, &specs, |_| next())?;
        self.observer.checkpoint(self.step, &path);
        self.summary.checkpoint = Some(path);
        self.last_step = Instant::now();
        Ok(())
    }

    /// Writes the finished model, if the phase came to its end, and draws the curves.
    pub(crate) fn finish(mut self, export: &Export<'_>) -> Result<Summary> {
        self.summary.steps = self.step;
        self.summary.tokens = self.tokens;
        self.summary.seconds = self.started.elapsed().as_secs_f64();
        self.summary.interrupted = self.step < self.total;
        let parameters = self.model.parameters();
        if !self.summary.interrupted {
            let mut weights = Vec::new();
            for parameter in &parameters {
                self.group.barrier()?;
                let whole = parameter.whole(0, self.group)?;
                weights.extend(self.books.as_ref().map(|_| (bare(parameter.name()), whole)));
            }
            if self.books.is_some() {
                let folder = self.options.model();
                export.write(&folder, |spec| {
                    let found = weights.iter().find(|(name, _)| *name == bare(&spec.name));
                    let (_, weight) = found.ok_or_else(|| Error::Weights {
                        name: spec.name.clone(),
                        reason: "is not part of this phase's model".to_owned(),
                    })?;
                    Ok(weight.to_vec1::<f32>()?)
                })?;
                self.summary.model = Some(folder);
            }
        }
        let written = |books: &Books| books.metrics.path().metadata().is_ok_and(|file| file.len() > 0);
        if self.books.as_ref().is_some_and(written) {
            crate::metrics::plot(&self.options.output)?;
        }
        Ok(self.summary)
    }

    fn seconds(&self) -> f64 {
        self.seconds_before + self.started.elapsed().as_secs_f64()
    }
}

/// A parameter's name without the prefix of files with a head.
fn bare(name: &str) -> &str {
    name.strip_prefix("model.").unwrap_or(name)
}

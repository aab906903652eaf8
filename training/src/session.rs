//! A run as it goes: the optimizer's steps, the figures, the checkpoints, the end. Both phases are loops around one of these.

use std::time::Instant;

use candle_core::{DType, Device, Tensor};
use safetensors::SafeTensors;
use serde_json::Value;

use crate::checkpoint::{Checkpoints, Export, State, TensorSpec};
use crate::error::{Error, Result};
use crate::metrics::{Heldout, MetricsWriter, Row, Train};
use crate::model::{Initial, Keep, NeoBert, Precision};
use crate::op;
use crate::optimizer::{Adamw, clip_scale, grad_norm};
use crate::pretrain::number;
use crate::progress::{HeldoutReport, Observer, Pace, StepReport};
use crate::random::Random;
use crate::recipe::{self, Recipe};
use crate::run::{Phase, RunOptions, Summary};

/// What the optimizer's state is called beside a weight in a checkpoint.
const MOMENTS: [&str; 2] = [".exp_avg", ".exp_avg_sq"];

/// A phase of a run under way.
pub(crate) struct Session<'a> {
    pub(crate) recipe: &'a Recipe,
    pub(crate) options: &'a RunOptions,
    pub(crate) observer: &'a mut dyn Observer,
    pub(crate) model: NeoBert,
    /// Optimizer steps done in the phase.
    pub(crate) step: u64,
    phase: Phase,
    fingerprint: String,
    total: u64,
    tokens: u64,
    seconds_before: f64,
    started: Instant,
    last_step: Instant,
    last_save: Option<u64>,
    pace: Pace,
    peak_flops: f64,
    metrics: MetricsWriter,
    checkpoints: Checkpoints,
    since_log: Averages,
    summary: Summary,
}

#[derive(Default)]
struct Averages {
    loss: f64,
    grad_norm: f64,
    steps: u32,
}

/// What a step was.
pub(crate) struct Step {
    /// The stage, from 0.
    pub(crate) stage: usize,
    /// Its learning rate.
    pub(crate) lr: f64,
    /// Tokens in it, padding left out.
    pub(crate) tokens: u64,
    /// Its mean loss, on the device.
    pub(crate) loss: Tensor,
    /// Operations the model needed for it.
    pub(crate) flops: f64,
}

impl<'a> Session<'a> {
    /// Starts or goes on with `phase`. Gives back the data's cursor of the checkpoint it goes on from.
    pub(crate) fn open(
        recipe: &'a Recipe,
        options: &'a RunOptions,
        observer: &'a mut dyn Observer,
        phase: Phase,
        total: u64,
    ) -> Result<(Self, Option<Value>)> {
        let device = &options.device;
        op::prepare_device(device)?;
        let precision = precision(recipe, device)?;
        let with_head = phase == Phase::Pretrain;
        let checkpoints = Checkpoints::new(&options.output, phase, recipe.run.keep_checkpoints);
        let config = recipe.model.to_neobert();
        let mut random = Random::keyed(recipe.run.seed, &[phase as u64, 7]);
        let resumed = if options.resume { checkpoints.latest()? } else { None };
        let start = match (&resumed, start_weights(options, phase)?) {
            (None, Some(path)) => Some(std::fs::read(&path).map_err(Error::io(&path))?),
            _ => None,
        };
        let initial = match &start {
            Some(bytes) => Initial::Tensors(SafeTensors::deserialize(bytes).map_err(|error| Error::Weights {
                name: "model.safetensors".to_owned(),
                reason: format!("cannot be read: {error}"),
            })?),
            None => Initial::Random(&mut random),
        };
        let model = NeoBert::new(&config, initial, with_head, precision, device)?;
        let fingerprint = recipe.fingerprint(phase);
        let (mut step, mut tokens, mut seconds_before, mut cursor) = (0, 0, 0.0, None);
        match resumed {
            Some(mut checkpoint) => {
                checkpoint.expect(phase, &fingerprint)?;
                for parameter in model.parameters() {
                    let name = bare(parameter.name());
                    let names = [name.to_owned(), format!("{name}{}", MOMENTS[0]), format!("{name}{}", MOMENTS[1])];
                    let parts = names.map(|name| checkpoint.tensor(&TensorSpec::new(name, parameter.shape())));
                    let state = parts.into_iter().collect::<Result<Vec<_>>>()?.concat();
                    parameter.restore(state)?;
                }
                step = checkpoint.state.step;
                tokens = checkpoint.state.tokens;
                seconds_before = checkpoint.state.extra.get("seconds").and_then(Value::as_f64).unwrap_or(0.0);
                cursor = Some(checkpoint.state.cursor.clone());
                observer.note(&format!("going on from step {step}, {}", checkpoint.path.display()));
            }
            None => checkpoints.clear()?,
        }
        let session = Self {
            peak_flops: peak_flops(device, precision)?,
            metrics: MetricsWriter::open(&options.output, phase, step)?,
            recipe,
            options,
            observer,
            model,
            step,
            phase,
            fingerprint,
            total,
            tokens,
            seconds_before,
            started: Instant::now(),
            last_step: Instant::now(),
            last_save: None,
            pace: Pace::default(),
            checkpoints,
            since_log: Averages::default(),
            summary: Summary { total_steps: total, ..Summary::default() },
        };
        Ok((session, cursor))
    }

    /// How much the forward passes keep.
    pub(crate) fn keep(&self) -> Keep {
        if self.recipe.run.activation_checkpointing { Keep::Inputs } else { Keep::Products }
    }

    /// Whether there is another step to do.
    pub(crate) fn goes_on(&self) -> bool {
        self.step < self.total && !self.options.interrupted()
    }

    /// Takes the optimizer's step from the gradients that have been summed, and writes down what it was.
    pub(crate) fn update(&mut self, done: &Step) -> Result<()> {
        let norm = grad_norm(&self.model.parameters())?;
        let loss = number(&done.loss)?;
        if !norm.is_finite() || !loss.is_finite() {
            let checkpoint = self.checkpoints.latest()?.map(|checkpoint| checkpoint.path);
            return Err(Error::Diverged { step: self.step + 1, loss, checkpoint });
        }
        let config = &self.recipe.optimizer;
        let adamw =
            Adamw { beta1: config.beta1, beta2: config.beta2, eps: config.eps, weight_decay: config.weight_decay };
        let scale = clip_scale(norm, f64::from(config.clip_norm));
        adamw.step(&mut self.model.parameters_mut(), self.step + 1, done.lr, scale)?;
        self.step += 1;
        self.tokens += done.tokens;
        self.since_log.loss += loss;
        self.since_log.grad_norm += norm;
        self.since_log.steps += 1;
        self.summary.loss = Some(loss);
        let seconds = self.last_step.elapsed();
        self.pace.add(done.tokens, seconds);
        self.last_step = Instant::now();
        let mfu = (self.peak_flops > 0.0).then(|| done.flops / seconds.as_secs_f64().max(1e-9) / self.peak_flops);
        self.observer.step(&StepReport {
            phase: self.phase,
            stage: done.stage,
            step: self.step,
            total: self.total,
            loss: Some(loss),
            lr: done.lr,
            tokens_per_second: self.pace.tokens_per_second(),
            mfu,
            eta: self.pace.eta(self.total - self.step),
        });
        if self.due(self.recipe.run.log_every_steps) {
            let steps = f64::from(self.since_log.steps.max(1));
            self.metrics.write(&Row::Train(Train {
                phase: self.phase,
                stage: done.stage,
                step: self.step,
                loss: self.since_log.loss / steps,
                lr: done.lr,
                grad_norm: self.since_log.grad_norm / steps,
                tokens: self.tokens,
                tokens_per_second: self.pace.tokens_per_second(),
                mfu,
                seconds: self.seconds(),
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
        self.metrics.write(&Row::Heldout(Heldout { phase, stage, step, loss, accuracy }))?;
        self.observer.heldout(&HeldoutReport { step, loss, accuracy });
        self.last_step = Instant::now();
        Ok(())
    }

    /// Writes a checkpoint, unless this step has one.
    pub(crate) fn save(&mut self, stage: usize, cursor: Value) -> Result<()> {
        if self.last_save == Some(self.step) {
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
            extra: serde_json::json!({ "seconds": self.seconds() }),
        };
        let mut specs = Vec::new();
        for parameter in self.model.parameters() {
            let name = bare(parameter.name());
            let named = |suffix: &str| TensorSpec::new(format!("{name}{suffix}"), parameter.shape());
            specs.extend([named(""), named(MOMENTS[0]), named(MOMENTS[1])]);
        }
        let parameters = self.model.parameters();
        let mut asked = 0;
        let path = self.checkpoints.save(&state, &specs, |_| {
            let part = parameters.get(asked / 3).map(|parameter| parameter.state().get(asked % 3)?.to_vec1::<f32>());
            asked += 1;
            Ok(part.transpose()?.unwrap_or_default())
        })?;
        self.observer.checkpoint(self.step, &path);
        self.summary.checkpoint = Some(path);
        self.last_save = Some(self.step);
        self.last_step = Instant::now();
        Ok(())
    }

    /// Writes the finished model, if the phase came to its end, and draws the curves.
    pub(crate) fn finish(mut self, export: &Export<'_>) -> Result<Summary> {
        self.summary.steps = self.step;
        self.summary.tokens = self.tokens;
        self.summary.seconds = self.started.elapsed().as_secs_f64();
        self.summary.interrupted = self.step < self.total;
        if !self.summary.interrupted {
            let folder = self.options.model();
            let parameters = self.model.parameters();
            export.write(&folder, |spec| {
                let found = parameters.iter().find(|parameter| bare(parameter.name()) == bare(&spec.name));
                let parameter = found.ok_or_else(|| Error::Weights {
                    name: spec.name.clone(),
                    reason: "is not part of this phase's model".to_owned(),
                })?;
                Ok(parameter.master()?.to_vec1::<f32>()?)
            })?;
            self.summary.model = Some(folder);
        }
        if self.metrics.path().metadata().is_ok_and(|file| file.len() > 0) {
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

/// The file of weights to start from: what was asked for, else for tuning what pretraining left in the run's folder.
fn start_weights(options: &RunOptions, phase: Phase) -> Result<Option<std::path::PathBuf>> {
    if let Some(path) = &options.init {
        let known = ["model.safetensors", "tensors.safetensors"].map(|name| path.join(name));
        let found = [path.clone()].into_iter().chain(known).find(|path| path.is_file());
        return match found {
            Some(file) => Ok(Some(file)),
            None => Err(Error::Weights {
                name: path.display().to_string(),
                reason: "is neither a model's folder nor a checkpoint nor a file of weights".to_owned(),
            }),
        };
    }
    if phase == Phase::Pretrain {
        return Ok(None);
    }
    let before = Checkpoints::new(&options.output, Phase::Pretrain, 1).latest()?;
    Ok(before.map(|checkpoint| checkpoint.path.join("tensors.safetensors")))
}

fn precision(recipe: &Recipe, device: &Device) -> Result<Precision> {
    match (recipe.run.precision, device.is_cpu()) {
        (recipe::Precision::F32, _) | (recipe::Precision::Auto, true) => Ok(Precision::F32),
        (recipe::Precision::Auto | recipe::Precision::Bf16, false) => Ok(Precision::Bf16),
        (recipe::Precision::Bf16, true) => {
            Err(Error::config("run.precision", "is bf16, which takes a GPU; use auto or f32"))
        }
    }
}

/// Operations a second of a large matrix product, the measure of how much of a device is used.
fn peak_flops(device: &Device, precision: Precision) -> Result<f64> {
    let (width, times) = if device.is_cpu() { (512, 2) } else { (8192, 6) };
    let a = Tensor::rand(0_f32, 1.0, (width, width), device)?.to_dtype(precision.dtype())?;
    a.matmul(&a)?.to_dtype(DType::F32)?.get(0)?.sum_all()?.to_scalar::<f32>()?;
    device.synchronize()?;
    let start = Instant::now();
    for _ in 0..times {
        a.matmul(&a)?;
    }
    device.synchronize()?;
    Ok(2.0 * (width as f64).powi(3) * f64::from(times) / start.elapsed().as_secs_f64().max(1e-9))
}

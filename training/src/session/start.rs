//! How a phase starts: from nothing, from the weights of another model, or from a checkpoint.

use std::borrow::Cow;
use std::path::PathBuf;
use std::time::Instant;

use neodex_encoder::Weights;
use serde_json::Value;

use super::watch::Watch;
use super::{Averages, Books, MOMENTS, Session, bare, peak};
use crate::checkpoint::{Checkpoints, TensorSpec};
use crate::distributed::Member;
use crate::error::{Error, Result};
use crate::metrics::MetricsWriter;
use crate::model::{Initial, NeoBert, Precision};
use crate::op;
use crate::progress::Pace;
use crate::random::Random;
use crate::recipe::{self, Recipe};
use crate::run::{Phase, RunOptions, Summary};

impl<'a, 'm> Session<'a, 'm> {
    /// Starts or goes on with `phase` as `member`. Gives back the data's cursor of the checkpoint it goes on from.
    pub(crate) fn open(
        recipe: &'a Recipe,
        options: &'a RunOptions,
        member: Member<'m>,
        phase: Phase,
        total: u64,
    ) -> Result<(Self, Option<Value>)> {
        let Member { group, device, observer } = member;
        op::prepare_device(&device)?;
        let precision = precision(recipe, &device)?;
        let checkpoints = Checkpoints::new(&options.output, phase, recipe.run.keep_checkpoints);
        let resumed = if options.resume { checkpoints.latest()? } else { None };
        let start = match (&resumed, start_weights(options, phase)?) {
            (None, Some(path)) => Some([Cow::from(std::fs::read(&path).map_err(Error::io(&path))?)]),
            _ => None,
        };
        let head_only = phase == Phase::Pretrain && recipe.pretrain.as_ref().is_some_and(|pretrain| pretrain.head_only);
        if head_only && start.is_none() && resumed.is_none() {
            return Err(Error::config(
                "pretrain.head_only",
                "wants an encoder to learn a head for: name it with --init",
            ));
        }
        let mut random = Random::keyed(recipe.run.seed, &[phase as u64, 7]);
        let initial = match &start {
            Some(files) => {
                let weights = Weights::parse(files).map_err(|error| Error::Weights {
                    name: "model.safetensors".to_owned(),
                    reason: format!("cannot be read: {error}"),
                })?;
                match head_only {
                    true => Initial::Headless(weights, &mut random, recipe.model.init_range),
                    false => Initial::Stored(weights),
                }
            }
            None => Initial::Uniform(&mut random, recipe.model.init_range),
        };
        let with_head = phase == Phase::Pretrain;
        let (config, variant) = (recipe.model.to_neobert(), recipe.model.variant());
        let mut model = NeoBert::of_variant(&config, variant, initial, with_head, precision, &device)?;
        if head_only {
            model.freeze_encoder();
        }
        let fingerprint = recipe.fingerprint(phase);
        let leads = group.rank() == 0;
        let (mut step, mut tokens, mut seconds_before, mut cursor) = (0, 0, 0.0, None);
        let mut watch = Watch::default();
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
                let watched = checkpoint.state.extra.get("watch").cloned().unwrap_or_default();
                watch = serde_json::from_value(watched).unwrap_or_default();
                cursor = Some(checkpoint.state.cursor.clone());
                observer.note(&format!("going on from step {step}, {}", checkpoint.path.display()));
            }
            None if leads => checkpoints.clear()?,
            None => {}
        }
        let (rank, ranks) = (group.rank(), group.world_size());
        if ranks > 1 {
            model.part(rank, ranks)?;
            observer.note(&format!("{ranks} ranks train together, each with a part of the optimizer's state"));
        }
        let books = match leads {
            true => Some(Books {
                metrics: MetricsWriter::open(&options.output, phase, step)?,
                // The ranks of a processor share it.
                peak_flops: peak::peak_flops(&device, precision)? * if device.is_cpu() { 1.0 } else { ranks as f64 },
            }),
            false => None,
        };
        // Nobody starts the clock, or the first step, before all are here.
        group.barrier()?;
        let session = Self {
            recipe,
            options,
            group,
            observer,
            model,
            step,
            phase,
            fingerprint,
            total,
            tokens,
            stopping: options.interrupted() && ranks == 1,
            seconds_before,
            started: Instant::now(),
            last_step: Instant::now(),
            last_save: None,
            pace: Pace::default(),
            books,
            checkpoints,
            since_log: Averages::default(),
            watch,
            summary: Summary { total_steps: total, ..Summary::default() },
        };
        Ok((session, cursor))
    }
}

/// The file of weights to start from: what was asked for, else for tuning what pretraining left in the run's folder.
fn start_weights(options: &RunOptions, phase: Phase) -> Result<Option<PathBuf>> {
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

fn precision(recipe: &Recipe, device: &candle_core::Device) -> Result<Precision> {
    match (recipe.run.precision, device.is_cpu()) {
        (recipe::Precision::Auto, _) => Ok(Precision::best(device)),
        (recipe::Precision::F32, _) => Ok(Precision::F32),
        (recipe::Precision::Bf16, false) => Ok(Precision::Bf16),
        (recipe::Precision::Bf16x2, true) => Ok(Precision::Bf16x2),
        (recipe::Precision::Bf16, true) => {
            Err(Error::config("run.precision", "is bf16, which takes a GPU; use auto, f32 or bf16x2"))
        }
        (recipe::Precision::Bf16x2, false) => {
            Err(Error::config("run.precision", "is bf16x2, which is for a CPU; use auto, f32 or bf16"))
        }
    }
}

//! `neodex train tokenizer|pretrain|contrastive`: a recipe, a folder, and a run.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use neodex_training::{Recipe, RunOptions, contrastive, pretrain, tokenizer};

use super::observer::Bars;
use super::summary;
use crate::context::Context;
use crate::exit::Status;
use crate::model;

/// What of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// Its tokenizer.
    Tokenizer,
    /// Its pretraining.
    Pretrain,
    /// Its tuning.
    Contrastive,
}

/// The flags of every part of a run.
#[derive(Debug, Args)]
pub(crate) struct TrainArgs {
    /// The recipe.
    #[arg(long, value_name = "FILE.toml")]
    recipe: PathBuf,
    /// The run's folder: checkpoints, figures, curves, and in the end the model in DIR/model.
    #[arg(long, value_name = "DIR")]
    output: PathBuf,
    /// Where the recipe's relative paths start [default: the recipe's folder].
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Go on from the newest checkpoint in --output, if there is one.
    #[arg(long)]
    resume: bool,
    /// Start from the weights of a model's folder or of a checkpoint.
    #[arg(long, value_name = "DIR")]
    init: Option<PathBuf>,
    /// Devices that train the model together: the GPUs from --device on, each with a part of the optimizer's state and of every batch. A
    /// checkpoint can be gone on from with another number. On a CPU they are threads, which gains nothing but a trial.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    ranks: u16,
    /// Prepare the data and stop: the part that needs no GPU.
    #[arg(long)]
    prepare_only: bool,
    /// Part of a recipe to lay over it, such as training/recipes/ablations/m1.toml; may be given several times.
    #[arg(long = "overlay", value_name = "FILE.toml")]
    overlays: Vec<PathBuf>,
    /// Another value for a key of the recipe, such as pretrain.stage.0.steps=100.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    overrides: Vec<String>,
}

/// Runs it.
pub(super) fn run(context: &Context, args: &TrainArgs, part: Part) -> Result<Status> {
    let recipe = Recipe::load_with(&args.recipe, &args.overlays, &args.overrides)?;
    let teacher = recipe.contrastive.as_ref().and_then(|contrastive| contrastive.teacher.as_deref());
    let options = RunOptions {
        ranks: usize::from(args.ranks),
        // One that is beside the recipe goes before an installed one of that name; one that is nowhere may not be needed.
        teacher: teacher.and_then(|name| model::find_folder(name).ok()),
        data: args.data.clone(),
        device: super::device(context)?,
        resume: args.resume,
        init: args.init.clone(),
        prepare_only: args.prepare_only,
        interrupt: context.interrupt.flag(),
        ..RunOptions::new(&args.output)
    };
    context.interrupt.stop_orderly();
    let mut bars = Bars::new(&context.output);
    let outcome = match part {
        Part::Tokenizer => tokenizer::run(&recipe, &options, &mut bars).map(summary::Outcome::Tokenizer),
        Part::Pretrain => pretrain::run(&recipe, &options, &mut bars).map(summary::Outcome::Run),
        Part::Contrastive => contrastive::run(&recipe, &options, &mut bars).map(summary::Outcome::Run),
    };
    bars.finish();
    context.interrupt.stop_at_once();
    summary::print(context, &outcome?)
}

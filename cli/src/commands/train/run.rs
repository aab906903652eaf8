//! `neodex train tokenizer|pretrain|contrastive`: a recipe, a folder, and a run.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use neodex_training::{Recipe, RunOptions, contrastive, pretrain, tokenizer};

use super::observer::Bars;
use super::summary;
use crate::context::Context;
use crate::exit::Status;

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
    /// Prepare the data and stop: the part that needs no GPU.
    #[arg(long)]
    prepare_only: bool,
    /// Another value for a key of the recipe, such as pretrain.stage.0.steps=100.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    overrides: Vec<String>,
}

/// Runs it.
pub(super) fn run(context: &Context, args: &TrainArgs, part: Part) -> Result<Status> {
    let recipe = Recipe::load(&args.recipe, &args.overrides)?;
    let options = RunOptions {
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

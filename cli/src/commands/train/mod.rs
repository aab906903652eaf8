//! `neodex train`: the trainer's commands. What they do is in `neodex-training`; here is how they are asked for and shown.

pub(super) mod bench;
pub(super) mod check;
mod observer;
pub(super) mod plot;
pub(super) mod run;
mod summary;

use anyhow::Result;
use clap::Subcommand;
use neodex_training::device::Device;

use crate::context::Context;
use crate::exit::Status;
use bench::BenchTrainArgs;
use plot::PlotArgs;
use run::{Part, TrainArgs};

/// `neodex train ...`
#[derive(Debug, Subcommand)]
pub(crate) enum TrainCommand {
    /// Learn the run's tokenizer from its text.
    #[command(
        after_help = "Example:\n  neodex train tokenizer --recipe training/recipes/small.toml --data corpora --output runs/a"
    )]
    Tokenizer(TrainArgs),
    /// Pretrain a model on running text.
    ///
    /// Every stage of the recipe, from the tokenizer to a model folder. Ctrl-C writes a checkpoint; --resume goes on from the newest one.
    #[command(
        after_help = "Example:\n  neodex train pretrain --recipe training/recipes/small.toml --data corpora --output runs/a\n  neodex train pretrain --recipe training/recipes/small.toml --data corpora --output runs/a --resume"
    )]
    Pretrain(TrainArgs),
    /// Tune a pretrained model on pairs, so that it finds.
    ///
    /// Starts from the model in --output, or from --init. Ctrl-C writes a checkpoint; --resume goes on from the newest one.
    #[command(
        after_help = "Example:\n  neodex train contrastive --recipe training/recipes/small.toml --data corpora --output runs/a\n  neodex search --model runs/a/model --in docs/ how do I rotate the keys"
    )]
    Contrastive(TrainArgs),
    /// Draw the curves of a run.
    Plot(PlotArgs),
    /// Compare every operation of the trainer on a device with the CPU.
    ///
    /// The first thing to run on a new GPU. Exit status 1 where an operation is further off than its precision explains.
    #[command(after_help = "Example:\n  neodex train check --device cuda")]
    Check,
    /// Measure how fast a model of a given shape is trained.
    Bench(BenchTrainArgs),
}

/// Runs one of them.
pub(crate) fn run(context: &Context, command: &TrainCommand) -> Result<Status> {
    match command {
        TrainCommand::Tokenizer(args) => run::run(context, args, Part::Tokenizer),
        TrainCommand::Pretrain(args) => run::run(context, args, Part::Pretrain),
        TrainCommand::Contrastive(args) => run::run(context, args, Part::Contrastive),
        TrainCommand::Plot(args) => plot::run(context, args),
        TrainCommand::Check => check::run(context),
        TrainCommand::Bench(args) => bench::run(context, args),
    }
}

/// The device of `--device`, opened for training.
fn device(context: &Context) -> Result<Device> {
    let named = context.settings.device;
    Ok(neodex_training::device::open(named)?)
}

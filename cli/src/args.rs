//! What can be typed: the global flags and the list of commands. Each command's own flags stand beside the command.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::commands::bench_encoder::BenchEncoderArgs;
use crate::commands::bench_index::BenchIndexArgs;
use crate::commands::bench_ingest::BenchIngestArgs;
use crate::commands::bench_search::BenchSearchArgs;
use crate::commands::delete::DeleteArgs;
use crate::commands::embed::EmbedArgs;
use crate::commands::eval_beir::EvalBeirArgs;
use crate::commands::eval_fusion::EvalFusionArgs;
use crate::commands::eval_glue::EvalGlueArgs;
use crate::commands::eval_mteb::EvalMtebArgs;
use crate::commands::eval_pppl::EvalPpplArgs;
use crate::commands::eval_sts::EvalStsArgs;
use crate::commands::get::GetArgs;
use crate::commands::ingest::IngestArgs;
use crate::commands::mine::MineArgs;
use crate::commands::model::ModelInfoArgs;
use crate::commands::model_pull::ModelPullArgs;
use crate::commands::model_quantize::ModelQuantizeArgs;
use crate::commands::search::SearchArgs;
use crate::commands::serve::ServeArgs;
use crate::commands::snapshot::{CreateArgs, RestoreArgs};
use crate::commands::train::TrainCommand;
use crate::commands::transfer::{ExportArgs, ImportArgs};

/// Search your documents by words and by meaning, in one folder and one process.
///
/// Exit status: 0 done, 1 nothing was found or some input failed, 2 bad usage or bad input, 3 the database is locked, damaged or of
/// another format, 130 interrupted.
#[derive(Debug, Parser)]
#[command(
    name = "neodex",
    version,
    after_help = "Example:\n  neodex ingest notes/\n  neodex search how do I rotate the keys\n  neodex search --in src/ where is the lock taken"
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// Flags of every command. A setting is taken from its flag, else the environment, else the config file, else its default.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// The database's folder [default: ./neodex.db].
    #[arg(long, global = true, value_name = "DIR", env = "NEODEX_DB")]
    pub(crate) db: Option<PathBuf>,
    /// The model: its folder, or the name of an installed one; `small` is the bundled one, `none` keeps to words [default: the one the
    /// database was made with, else the bundled one].
    #[arg(long, global = true, value_name = "DIR|NAME", env = "NEODEX_MODEL")]
    pub(crate) model: Option<String>,
    /// Where the model computes: auto, cpu or cuda[:N] [default: auto].
    #[arg(long, global = true, value_name = "DEVICE", env = "NEODEX_DEVICE")]
    pub(crate) device: Option<String>,
    /// What the model computes in: auto, f32, int8, or on a GPU bf16 or f16 [default: auto, which is int8 on a processor].
    #[arg(long, global = true, value_name = "PRECISION", env = "NEODEX_PRECISION")]
    pub(crate) precision: Option<String>,
    /// A file with settings.
    #[arg(long, global = true, value_name = "FILE.toml")]
    pub(crate) config: Option<PathBuf>,
    /// Print results as JSON, on standard output.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Print results and errors only.
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Say more on standard error: which database, which model, every failure.
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Read files and folders into the database.
    Ingest(IngestArgs),
    /// Find passages.
    Search(SearchArgs),
    /// Print one document: title, metadata and text as parsed.
    Get(GetArgs),
    /// Delete documents by id or by filter.
    Delete(DeleteArgs),
    /// Print the figures of the database.
    ///
    /// Documents, chunks, vectors, bytes by part, the model, the format.
    #[command(after_help = "Example:\n  neodex stats --json")]
    Stats,
    /// Make vectors for documents that have none, or new ones for all with another model.
    ///
    /// Documents stored without a model get their vectors; with --model, or when the database's own model is gone, all vectors are made anew.
    /// Those there are serve until the new ones are complete, then the new model takes over. Interrupted, it goes on where it stopped when it is
    /// run again.
    #[command(after_help = "Example:\n  neodex reembed --db notes.db\n  neodex reembed --model small")]
    Reembed,
    /// Serve the database over HTTP, with a page to search it.
    Serve(ServeArgs),
    /// Turn texts into vectors.
    Embed(EmbedArgs),
    /// What a model is, and which there are.
    #[command(subcommand, after_help = "Example:\n  neodex model info models/neobert")]
    Model(ModelCommand),
    /// Check every byte that has a checksum, and that the parts agree.
    ///
    /// Faults are listed, and the exit status is 3 if there are any.
    #[command(after_help = "Example:\n  neodex verify --db notes.db")]
    Verify,
    /// Save what can be saved of a damaged database, and list what cannot.
    ///
    /// Where the store is sound, the indexes are made again. Where it is not, its rows are carved out of the raw files into a new store, whether
    /// it would open or not; the damaged one is kept. Documents that are lost, or of which only an older version was left, are listed by id, and
    /// the exit status is 1 if there are any.
    #[command(after_help = "Example:\n  neodex repair --db notes.db")]
    Repair,
    /// Give back the space of what was deleted and replaced.
    ///
    /// The store is rewritten into a fresh one, which needs room for the live data beside it.
    #[command(after_help = "Example:\n  neodex compact --db notes.db")]
    Compact,
    /// Write the database into one file, or make it from one.
    #[command(subcommand, after_help = "Example:\n  neodex snapshot create notes.snapshot")]
    Snapshot(SnapshotCommand),
    /// Write documents, chunks and vectors into files that other programs read.
    Export(ExportArgs),
    /// Read what `export` wrote.
    Import(ImportArgs),
    /// Measure how good search or a model is.
    #[command(subcommand, after_help = "Example:\n  neodex eval beir data/cranfield --mode lexical")]
    Eval(EvalCommand),
    /// Train a model, from raw text to a folder for --model.
    #[command(
        subcommand,
        after_help = "Example:\n  neodex train pretrain --recipe training/recipes/smoke.toml --output runs/smoke"
    )]
    Train(TrainCommand),
    /// Find hard negatives for a file of pairs.
    Mine(MineArgs),
    /// Measure how fast this machine is at it.
    #[command(subcommand, after_help = "Example:\n  neodex bench ingest docs/ --json")]
    Bench(BenchCommand),
}

/// `neodex model ...`
#[derive(Debug, Subcommand)]
pub(crate) enum ModelCommand {
    /// Print what a model is.
    Info(ModelInfoArgs),
    /// Bring a model from a Hugging Face compatible hub.
    Pull(ModelPullArgs),
    /// Store a model's weights in 8-bit integers.
    Quantize(ModelQuantizeArgs),
    /// List the models there are.
    ///
    /// The bundled one, those whose folder was put below $XDG_DATA_HOME/neodex/models (~/.local/share/neodex/models), and those of the hub's
    /// cache, where `model pull` puts them.
    #[command(after_help = "Example:\n  neodex model list")]
    List,
}

/// `neodex snapshot ...`
#[derive(Debug, Subcommand)]
pub(crate) enum SnapshotCommand {
    /// Write the database into one file.
    Create(CreateArgs),
    /// Make the database from a snapshot.
    Restore(RestoreArgs),
}

/// `neodex eval ...`
#[derive(Debug, Subcommand)]
pub(crate) enum EvalCommand {
    /// Measure retrieval on a BEIR folder.
    Beir(EvalBeirArgs),
    /// Fit how a hybrid search weighs words and meaning.
    Fusion(EvalFusionArgs),
    /// Measure a model on sentence pairs with human scores.
    Sts(EvalStsArgs),
    /// Fine-tune a model on GLUE and print each task's metric.
    Glue(EvalGlueArgs),
    /// Measure a model on MTEB's kinds of task.
    Mteb(EvalMtebArgs),
    /// Measure how well a model guesses words, by the length of the text around them.
    Pppl(EvalPpplArgs),
}

/// `neodex bench ...`
#[derive(Debug, Subcommand)]
pub(crate) enum BenchCommand {
    /// Measure how fast a model reads.
    Encoder(BenchEncoderArgs),
    /// Measure the vector index.
    Index(BenchIndexArgs),
    /// Measure reading a path into a temporary database.
    Ingest(BenchIngestArgs),
    /// Measure searching the database.
    Search(BenchSearchArgs),
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_definition_of_the_command_line_is_sound() {
        <super::Cli as clap::CommandFactory>::command().debug_assert();
    }
}

//! One file a command, and the table that leads to them.

pub(crate) mod bench_encoder;
pub(crate) mod bench_index;
pub(crate) mod bench_ingest;
pub(crate) mod bench_search;
mod compact;
pub(crate) mod delete;
pub(crate) mod embed;
pub(crate) mod eval_beir;
pub(crate) mod eval_fusion;
pub(crate) mod eval_glue;
pub(crate) mod eval_mteb;
pub(crate) mod eval_pppl;
pub(crate) mod eval_sts;
pub(crate) mod get;
pub(crate) mod ingest;
pub(crate) mod mine;
pub(crate) mod model;
pub(crate) mod model_pull;
pub(crate) mod model_quantize;
mod records;
mod reembed;
mod repair;
pub(crate) mod search;
pub(crate) mod serve;
pub(crate) mod snapshot;
mod stats;
pub(crate) mod train;
pub(crate) mod transfer;
mod verify;

use anyhow::Result;
use clap::parser::ValueSource;
use clap::{CommandFactory, FromArgMatches};

use crate::args::{BenchCommand, Cli, Command, EvalCommand, ModelCommand, SnapshotCommand};
use crate::context::Context;
use crate::exit::Status;
use crate::interrupt::Interrupt;
use crate::output::Output;
use crate::settings::Settings;

/// Reads the command line and runs the command. Mistakes in it end here, as clap words them.
pub(crate) fn run() -> Result<Status> {
    let matches = Cli::command().get_matches();
    let db_typed = matches.value_source("db") == Some(ValueSource::CommandLine);
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let output = Output::new(&cli.global);
    let Some(command) = cli.command else {
        let help = Cli::command().render_help();
        if output.colours {
            output.print(help.ansi())?
        } else {
            output.print(help)?
        }
        return Ok(Status::Done);
    };
    let context =
        Context { settings: Settings::resolve(&cli.global, db_typed)?, output, interrupt: Interrupt::install() };
    match command {
        Command::Ingest(args) => ingest::run(&context, &args),
        Command::Search(args) => search::run(&context, &args),
        Command::Get(args) => get::run(&context, &args),
        Command::Delete(args) => delete::run(&context, &args),
        Command::Stats => stats::run(&context),
        Command::Reembed => reembed::run(&context),
        Command::Serve(args) => serve::run(&context, &args),
        Command::Embed(args) => embed::run(&context, &args),
        Command::Model(ModelCommand::Info(args)) => model::info(&context, &args),
        Command::Model(ModelCommand::Pull(args)) => model_pull::run(&context, &args),
        Command::Model(ModelCommand::Quantize(args)) => model_quantize::run(&context, &args),
        Command::Model(ModelCommand::List) => model::list(&context),
        Command::Verify => verify::run(&context),
        Command::Repair => repair::run(&context),
        Command::Compact => compact::run(&context),
        Command::Snapshot(SnapshotCommand::Create(args)) => snapshot::create(&context, &args),
        Command::Snapshot(SnapshotCommand::Restore(args)) => snapshot::restore(&context, &args),
        Command::Export(args) => transfer::export(&context, &args),
        Command::Import(args) => transfer::import(&context, &args),
        Command::Eval(EvalCommand::Beir(args)) => eval_beir::run(&context, &args),
        Command::Eval(EvalCommand::Fusion(args)) => eval_fusion::run(&context, &args),
        Command::Eval(EvalCommand::Sts(args)) => eval_sts::run(&context, &args),
        Command::Eval(EvalCommand::Glue(args)) => eval_glue::run(&context, &args),
        Command::Eval(EvalCommand::Mteb(args)) => eval_mteb::run(&context, &args),
        Command::Eval(EvalCommand::Pppl(args)) => eval_pppl::run(&context, &args),
        Command::Bench(BenchCommand::Encoder(args)) => bench_encoder::run(&context, &args),
        Command::Mine(args) => mine::run(&context, &args),
        Command::Train(command) => train::run(&context, &command),
        Command::Bench(BenchCommand::Index(args)) => bench_index::run(&context, &args),
        Command::Bench(BenchCommand::Ingest(args)) => bench_ingest::run(&context, &args),
        Command::Bench(BenchCommand::Search(args)) => bench_search::run(&context, &args),
    }
}

//! `neodex train plot`: the curves of a run, drawn again from its figures.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use neodex_training::metrics;
use serde_json::json;

use crate::context::Context;
use crate::exit::Status;

/// Draw the curves of a run.
///
/// Loss, held-out loss and learning rate of every phase, as DIR/run.svg. Runs draw them by themselves when they end; this is for one
/// that is still going.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  neodex train plot runs/a")]
pub(crate) struct PlotArgs {
    /// The run's folder.
    dir: PathBuf,
}

/// Runs it.
pub(super) fn run(context: &Context, args: &PlotArgs) -> Result<Status> {
    let path = metrics::plot(&args.dir)?;
    match context.output.json {
        true => context.output.print_json(&json!({"plot": path}))?,
        false => context.output.print(path.display())?,
    }
    Ok(Status::Done)
}

//! `neodex snapshot`: the database as one file, and back.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use serde_json::json;

use crate::context::Context;
use crate::exit::{Status, usage};
use crate::progress::Progress;
use crate::units;

/// Write the database into one file.
///
/// The file is of one moment, and there under its name only once it is complete. It holds documents, chunks and vectors; indexes are made
/// again when it is restored. Where `neodex serve` has the database open, ask it for a snapshot: POST /v1/snapshots.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  neodex snapshot create notes.snapshot --db notes.db")]
pub(crate) struct CreateArgs {
    /// Where to write it.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Replace a file that is there.
    #[arg(long)]
    force: bool,
}

/// Make the database from a snapshot.
///
/// Nothing changes before the whole snapshot has been read and found sound. A database that is there is kept unless --force is given;
/// then the snapshot takes its place, even where it is damaged.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  neodex snapshot restore notes.snapshot --db notes.db")]
pub(crate) struct RestoreArgs {
    /// The snapshot.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Replace the database that is there.
    #[arg(long)]
    force: bool,
}

/// Runs `neodex snapshot create`.
pub(crate) fn create(context: &Context, args: &CreateArgs) -> Result<Status> {
    if args.file.exists() && !args.force {
        return Err(usage(format!("{} is there already; --force replaces it", args.file.display())));
    }
    let database = context.open_existing()?;
    let progress = Progress::steps(&context.output, "rows written", None);
    let snapshot = database.snapshot_create(&args.file, &mut |rows| progress.at(rows));
    progress.finish();
    let snapshot = snapshot?;
    if context.output.json {
        context.output.print_json(&snapshot)?;
    } else {
        let (rows, bytes) = (units::plural(snapshot.rows, "row"), units::bytes(snapshot.bytes));
        context.output.print(format!("{}: {rows}, {bytes}", args.file.display()))?;
    }
    Ok(Status::Done)
}

/// Runs `neodex snapshot restore`.
pub(crate) fn restore(context: &Context, args: &RestoreArgs) -> Result<Status> {
    let path = &context.settings.db;
    let progress = Progress::steps(&context.output, "rows restored", None);
    let restored = neodex::restore(&args.file, path, args.force, &mut |rows| progress.at(rows));
    progress.finish();
    restored.map_err(|error| match &error {
        neodex::Error::Storage(inner) if inner.is_already_exists() => {
            usage(format!("there is a database in {} already; --force puts the snapshot in its place", path.display()))
        }
        _ => error.into(),
    })?;
    // Opening it makes the indexes, so that the first search need not.
    let documents = context.open_existing()?.stats()?.documents;
    if context.output.json {
        context.output.print_json(&json!({ "documents": documents }))?;
    } else {
        context.output.print(format!("{}: {}", path.display(), units::plural(documents, "document")))?;
    }
    Ok(Status::Done)
}

//! `neodex export` and `neodex import`: documents, chunks and vectors as files other programs read.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use neodex::{Database, ExportFormat, Imported};

use crate::context::Context;
use crate::exit::Status;
use crate::model;
use crate::output::Output;
use crate::progress::Progress;
use crate::units;

/// Write documents, chunks and vectors into a folder.
///
/// It holds two tables, `documents` and `chunks`, and `export.json`, which names the model and its fingerprint.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  neodex export notes-export --format parquet --db notes.db")]
pub(crate) struct ExportArgs {
    /// The folder to write; it must be empty or not there.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// How the tables are written: jsonl or parquet.
    #[arg(long, default_value = "jsonl")]
    format: ExportFormat,
}

/// Read what `export` wrote.
///
/// Chunks and vectors are taken over as they are where the database has the same model and chunking, which a new one always has; otherwise
/// the documents are embedded again. Documents that are there already are skipped, so running it again continues.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  neodex import notes-export --db copy.db")]
pub(crate) struct ImportArgs {
    /// The folder that `export` wrote.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

/// Runs `neodex export`.
pub(crate) fn export(context: &Context, args: &ExportArgs) -> Result<Status> {
    let database = context.open_existing()?;
    let total = database.stats()?.documents;
    let progress = Progress::steps(&context.output, "documents", Some(total));
    let exported = database.export(&args.folder, args.format, &mut |documents| progress.at(documents));
    progress.finish();
    let exported = exported?;
    if context.output.json {
        context.output.print_json(&exported)?;
    } else {
        context.output.print(format!(
            "{}: {}, {}, {}",
            args.folder.display(),
            units::plural(exported.documents, "document"),
            units::plural(exported.chunks, "chunk"),
            units::plural(exported.vectors, "vector"),
        ))?;
    }
    Ok(Status::Done)
}

/// Runs `neodex import`.
pub(crate) fn import(context: &Context, args: &ImportArgs) -> Result<Status> {
    let path = &context.settings.db;
    let builder = context.with_device(Database::builder(path));
    let exists = path.join("FORMAT").exists();
    // A new database takes the export's vectors; only one that has a model of its own may have to embed.
    let builder = match if exists { model::choose(context, Some(path))?.loaded() } else { None } {
        Some(model) => builder.embedder(model),
        None => builder.without_embedder(),
    };
    let database = builder.open_for_import(&args.folder)?;
    database.notices().iter().for_each(|notice| context.output.note(notice));
    context.interrupt.stop_orderly();
    let progress = Progress::steps(&context.output, "documents", None);
    let imported = database.import(&args.folder, &context.interrupt.cancel, &mut |documents| progress.at(documents));
    progress.finish();
    context.interrupt.stop_at_once();
    let imported = imported?;
    if !imported.cancelled {
        database.flush()?;
    }
    if context.output.json {
        context.output.print_json(&imported)?;
    } else {
        context.output.print(summary(&context.output, &imported))?;
    }
    Ok(match (imported.cancelled, imported.failed.is_empty()) {
        (true, _) => Status::Interrupted,
        (false, true) => Status::Done,
        (false, false) => Status::Partly,
    })
}

fn summary(output: &Output, imported: &Imported) -> String {
    let failure = |failure: &neodex::Failure| {
        format!("failed {}: {}", output.shown(&failure.source), output.shown(&failure.reason))
    };
    let mut lines: Vec<String> = imported.failed.iter().map(failure).collect();
    if let Some(reason) = &imported.without_vectors {
        lines.push(format!("vectors were not taken over: {reason}"));
    }
    lines.push(format!(
        "documents: {} added, {} replaced, {} skipped, {} failed; {} taken over",
        units::count(imported.added),
        units::count(imported.replaced),
        units::count(imported.skipped),
        units::count(imported.failed.len() as u64),
        units::plural(imported.vectors, "vector"),
    ));
    if imported.cancelled {
        lines.push("interrupted; what is counted here is kept, and running it again continues".to_owned());
    }
    lines.join("\n")
}

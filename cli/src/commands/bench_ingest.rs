//! `neodex bench ingest`: how fast a path becomes a database, and what that costs in memory and on disk.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use anyhow::Result;
use clap::Args;
use neodex::parse::{Format, ParseOptions};
use neodex::{Database, IngestProgress, SyncOptions};
use serde_json::{Value, json};

use crate::bench::{Report, peak_bytes};
use crate::context::Context;
use crate::exit::{Status, usage};
use crate::model;
use crate::progress::Progress;
use crate::units;

/// Measure reading a path into a temporary database.
///
/// Reads PATH twice: the first run fills the database and waits until everything is searchable, the second finds everything unchanged.
/// Speed by documents, by bytes of text and by bytes of source, the peak of memory, and bytes on disk per byte of text.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  neodex bench ingest docs/\n  neodex bench ingest docs/ --json > ingest.json")]
pub(crate) struct BenchIngestArgs {
    /// A file or folder.
    path: PathBuf,
    /// Read everything as this format.
    #[arg(long)]
    format: Option<Format>,
}

/// Runs it.
pub(crate) fn run(context: &Context, args: &BenchIngestArgs) -> Result<Status> {
    args.path.metadata().map_err(|error| usage(format!("{}: {error}", args.path.display())))?;
    let choice = model::choose(context, None)?;
    if let Some(note) = choice.note() {
        context.output.note(note);
    }
    context.interrupt.stop_orderly();
    let database = context.open_temporary(choice.loaded())?;
    let mut report = Report::new();
    for run in ["first", "again"] {
        match measure(context, args, &database, run)? {
            Some(row) => report.row(row),
            None => return Ok(Status::Interrupted),
        }
    }
    report.print(&context.output)?;
    Ok(Status::Done)
}

/// One run; `None` when the user stopped it.
fn measure(context: &Context, args: &BenchIngestArgs, database: &Database, run: &str) -> Result<Option<Value>> {
    let progress = Progress::ingest(&context.output);
    let (shown, source_bytes) = (progress.observer(), Arc::new(AtomicU64::new(0)));
    let total = Arc::clone(&source_bytes);
    let options = SyncOptions {
        parse: ParseOptions { format: args.format, ..ParseOptions::default() },
        cancel: context.interrupt.cancel.clone(),
        observer: Some(Arc::new(move |told: IngestProgress| {
            total.fetch_max(told.total_source_bytes.unwrap_or(0), Ordering::Relaxed);
            shown(told);
        })),
        ..SyncOptions::default()
    };
    let started = Instant::now();
    let ingested = database.sync(&args.path, &options).and_then(|report| database.flush().map(|()| report));
    let seconds = started.elapsed().as_secs_f64();
    progress.finish();
    let ingested = ingested?;
    if ingested.cancelled {
        return Ok(None);
    }
    let stats = database.stats()?;
    let source_bytes = source_bytes.load(Ordering::Relaxed);
    let megabytes = |bytes: u64| units::rate(bytes, seconds) / 1e6;
    let documents = ingested.added + ingested.replaced + ingested.skipped;
    let mut row = json!({
        "run": run,
        "seconds": seconds,
        "documents": documents,
        "skipped": ingested.skipped,
        "failed": ingested.failed.len(),
        "chunks": ingested.chunks,
        "documents_per_second": units::rate(documents, seconds),
        "tokens_per_second": units::rate(ingested.tokens, seconds),
        "text_bytes": ingested.text_bytes,
        "text_mb_per_second": megabytes(ingested.text_bytes),
        "source_bytes": source_bytes,
        "source_mb_per_second": megabytes(source_bytes),
        "bytes_on_disk": stats.bytes.total,
        "bytes_on_disk_per_text_byte": units::rate(stats.bytes.total, stats.text_bytes as f64),
    });
    if let (Some(peak), Some(fields)) = (peak_bytes(), row.as_object_mut()) {
        fields.insert("peak_memory_bytes".to_owned(), peak.into());
    }
    Ok(Some(row))
}

//! `neodex ingest`: paths and standard input into the database, one after the other, and the sum of it at the end.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Result;
use clap::Args;
use neodex::parse::{Format, ParseOptions, RecordFields};
use neodex::{Database, IngestReport, SyncOptions};
use serde_json::Value;

use crate::commands::records::Records;
use crate::commands::reembed;
use crate::context::Context;
use crate::exit::{Status, usage};
use crate::model;
use crate::output::Output;
use crate::progress::Progress;
use crate::units;

/// Failures named on a terminal before the rest is only counted.
const FAILURES_SHOWN: usize = 20;

/// Read files and folders into the database.
///
/// Folders are read with everything below them, leaving out hidden files and what .gitignore names. Formats go by extension: text,
/// markdown, html, pdf, docx, epub, jsonl, csv, parquet, each also as .gz and .zst. `-` reads JSON Lines from standard input. A file's id
/// is its path relative to PATH. Unchanged documents are skipped and changed ones replaced, so running it again continues where an
/// interrupted run stopped.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  neodex ingest notes/ papers/\n  neodex ingest notes/ --prune --metadata team=search\n  zcat dump.jsonl.gz | neodex ingest - --id-field uuid"
)]
pub(crate) struct IngestArgs {
    /// Files, folders, or - for JSON Lines on standard input.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Read everything as this format: text, markdown, html, pdf, docx, epub, jsonl, csv, parquet, beir.
    #[arg(long)]
    format: Option<Format>,
    /// Delete documents whose file under PATH is gone.
    #[arg(long)]
    prune: bool,
    /// Read every file, even one whose size and time have not changed.
    #[arg(long)]
    force: bool,
    /// The field of a record that is its id [default: id or _id].
    #[arg(long, value_name = "FIELD")]
    id_field: Option<String>,
    /// The field of a record that is its text [default: text].
    #[arg(long, value_name = "FIELD")]
    text_field: Option<String>,
    /// The field of a record that is its title [default: title].
    #[arg(long, value_name = "FIELD")]
    title_field: Option<String>,
    /// Metadata for every document that does not have the field itself; numbers and true/false are taken as such.
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    metadata: Vec<(String, Value)>,
}

/// Runs it.
pub(crate) fn run(context: &Context, args: &IngestArgs) -> Result<Status> {
    check(args)?;
    let choice = model::choose(context, Some(&context.settings.db))?;
    if let Some(note) = choice.note() {
        context.output.note(note);
    }
    // Before the database is opened: who presses Ctrl-C meanwhile gets a report too.
    context.interrupt.stop_orderly();
    let database = context.open(&context.settings.db, choice.loaded(), true)?;
    let started = Instant::now();
    let mut sum = IngestReport::default();
    for path in &args.paths {
        let progress = Progress::ingest(&context.output);
        let report = read(context, args, &database, path, &progress);
        progress.finish();
        sum.merge(report?);
        if sum.cancelled {
            break;
        }
    }
    if !sum.cancelled && database.has_embedder() && database.stats()?.pending > 0 {
        context.output.detail("making vectors for documents stored without");
        let pending = reembed::embed_pending(context, &database)?;
        sum.cancelled |= pending.cancelled;
        sum.failed.extend(pending.failed);
    }
    // The documents are safe; what remains is only for searching, and opening the database again would do it, too.
    context.interrupt.stop_at_once();
    if !sum.cancelled {
        seal(context, &database)?;
    }
    sum.seconds = started.elapsed().as_secs_f64();
    sum.tokens_per_second = units::rate(sum.tokens, sum.seconds);
    if context.output.json {
        context.output.print_json(&sum)?;
    } else {
        context.output.print(summary(&context.output, &sum))?;
    }
    Ok(match (sum.cancelled, sum.failed.is_empty()) {
        (true, _) => Status::Interrupted,
        (false, true) => Status::Done,
        (false, false) => Status::Partly,
    })
}

/// Waits for the vector index, which works in the background, so that the next search need not scan what was just stored.
fn seal(context: &Context, database: &Database) -> Result<()> {
    let mut bar: Option<Progress> = None;
    let mut of = 0;
    let outcome = database.wait_until_sealed(|progress| {
        if let Some((vectors, done)) = progress.building {
            if of != vectors {
                of = vectors;
                if let Some(bar) = bar.take() {
                    bar.finish();
                }
            }
            let bar =
                bar.get_or_insert_with(|| Progress::steps(&context.output, "sealing vectors", Some(vectors as u64)));
            bar.at(done as u64);
        }
        true
    });
    if let Some(bar) = bar {
        bar.finish();
    }
    match outcome {
        // They are scanned instead: slower, and as right.
        Err(error @ neodex::Error::IndexingStopped { .. }) => context.output.note(error),
        outcome => outcome?,
    }
    Ok(())
}

/// All mistakes in the arguments, before anything is done.
fn check(args: &IngestArgs) -> Result<()> {
    for path in &args.paths {
        if path != Path::new("-") {
            path.metadata().map_err(|error| usage(format!("{}: {error}", path.display())))?;
        } else if args.prune {
            return Err(usage("--prune needs a file or folder: what comes through standard input is never gone"));
        } else if args.format.is_some_and(|format| format != Format::Jsonl) {
            return Err(usage("standard input is read as JSON Lines; other formats need a file"));
        }
    }
    Ok(())
}

fn read(
    context: &Context,
    args: &IngestArgs,
    database: &Database,
    path: &Path,
    progress: &Progress,
) -> Result<IngestReport> {
    let fields =
        RecordFields { id: args.id_field.clone(), text: args.text_field.clone(), title: args.title_field.clone() };
    let parse = ParseOptions { format: args.format, fields, ..ParseOptions::default() };
    let cancel = context.interrupt.cancel.clone();
    let observer = Some(progress.observer());
    if path == Path::new("-") {
        let records = Records::from_stdin(parse, args.metadata.clone(), cancel.clone());
        return Ok(database.insert_stream(records, &cancel, observer)?);
    }
    let metadata = args.metadata.clone();
    let options = SyncOptions { parse, prune: args.prune, force: args.force, metadata, cancel, observer };
    Ok(database.sync(path, &options)?)
}

/// The sum as people read it, failures first so that the figures stand where the eye ends up.
fn summary(output: &Output, report: &IngestReport) -> String {
    let shown = if output.terminal && !output.verbose { FAILURES_SHOWN } else { usize::MAX };
    let mut lines: Vec<String> = report
        .failed
        .iter()
        .take(shown)
        .map(|failure| {
            format!(
                "{} {}: {}",
                output.styled("31", "failed"),
                output.shown(&failure.source),
                output.shown(&failure.reason)
            )
        })
        .collect();
    if report.failed.len() > shown {
        lines.push(format!(
            "... and {} more (all with -v or --json)",
            units::count((report.failed.len() - shown) as u64)
        ));
    }
    if output.verbose {
        lines.extend(report.not_text.iter().map(|file| format!("not text {}", output.shown(file))));
        lines.extend(report.without_text.iter().map(|file| format!("no record with a text {}", output.shown(file))));
    }
    let mut documents = vec![
        format!("{} added", units::count(report.added)),
        format!("{} replaced", units::count(report.replaced)),
        format!("{} skipped", units::count(report.skipped)),
        format!("{} failed", units::count(report.failed.len() as u64)),
    ];
    if report.deleted > 0 {
        documents.push(format!("{} deleted", units::count(report.deleted)));
    }
    lines.push(format!("documents: {}", documents.join(", ")));
    let more = if output.verbose { "" } else { " (listed with -v)" };
    let passed_over = [
        ("as not text", "", &report.not_text),
        ("for want of a record with a field 'text'", "; --text-field names another", &report.without_text),
    ];
    for (why, remedy, files) in passed_over.into_iter().filter(|(_, _, files)| !files.is_empty()) {
        lines.push(format!("passed over {why}: {}{remedy}{more}", units::plural(files.len() as u64, "file")));
    }
    lines.push(format!(
        "{}, {}, {} of text in {:.1} s ({} tokens/s, {}/s)",
        units::plural(report.chunks, "chunk"),
        units::plural(report.tokens, "token"),
        units::bytes(report.text_bytes),
        report.seconds,
        units::count(report.tokens_per_second as u64),
        units::bytes(units::rate(report.text_bytes, report.seconds) as u64),
    ));
    if report.cancelled {
        lines.push("interrupted; what is counted here is kept, and running it again continues".to_owned());
    }
    lines.join("\n")
}

/// `key=value`, the value a number or a truth value where it reads as one.
fn key_value(text: &str) -> Result<(String, Value), String> {
    let (key, value) = text.split_once('=').filter(|(key, _)| !key.trim().is_empty()).ok_or("expected KEY=VALUE")?;
    let value = match serde_json::from_str::<Value>(value) {
        Ok(value @ (Value::Number(_) | Value::Bool(_))) => value,
        _ => Value::from(value),
    };
    Ok((key.trim().to_owned(), value))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn metadata_values_are_taken_for_what_they_look_like() {
        let value = |text: &str| key_value(text).unwrap().1;
        assert_eq!(value("year=2024"), Value::from(2024));
        assert_eq!(value("share=0.5"), Value::from(0.5));
        assert_eq!(value("draft=true"), Value::from(true));
        assert_eq!(value("lang=en"), Value::from("en"));
        assert_eq!(value("note=a=b"), Value::from("a=b"));
        assert_eq!(value("empty="), Value::from(""));
        assert!(key_value("novalue").is_err() && key_value("=x").is_err());
    }
}

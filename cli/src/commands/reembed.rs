//! `neodex reembed`: vectors for documents that have none, or new ones for all from another model.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Result;
use neodex::{Database, DatabaseModel, Embedder, IngestReport, NeoBert, database_model, next_database_model};

use crate::context::Context;
use crate::exit::{Status, usage};
use crate::model::{self, Choice, Named};
use crate::output::Output;
use crate::progress::Progress;
use crate::units;

/// Runs it.
pub(crate) fn run(context: &Context) -> Result<Status> {
    let path = &context.settings.db;
    let model = wanted(context, path)?;
    let takes_over = match database_model(path)? {
        DatabaseModel::Made { name, fingerprint, .. } if fingerprint != model.fingerprint() => {
            context.output.detail(format!("the vectors of {name} serve until those of {} are complete", model.name()));
            true
        }
        _ => false,
    };
    context.interrupt.stop_orderly();
    let mut report = IngestReport::default();
    if takes_over {
        // Nobody searches through this process, so the old model need not be loaded.
        let database = open(context, path).without_embedder().open()?;
        report = run_with_bar(context, |observer| {
            database.reembed_with(Arc::new(model.clone()), &context.interrupt.cancel, Some(observer))
        })?;
    }
    if !report.cancelled {
        let database = open(context, path).embedder(model).open()?;
        let pending = embed_pending(context, &database)?;
        report = if takes_over { both(report, pending) } else { pending };
        database.flush()?;
    }
    context.interrupt.stop_at_once();
    if context.output.json {
        context.output.print_json(&report)?;
    } else {
        context.output.print(summary(&context.output, &report))?;
    }
    Ok(match (report.cancelled, report.failed.is_empty()) {
        (true, _) => Status::Interrupted,
        (false, true) => Status::Done,
        (false, false) => Status::Partly,
    })
}

/// The model that vectors are to be made with: the one named, else the one begun with, else the database's own, else the bundled one.
fn wanted(context: &Context, path: &Path) -> Result<NeoBert> {
    if context.settings.model.is_none()
        && let DatabaseModel::Made { name, fingerprint, folder } = next_database_model(path)?
    {
        let begun = match folder.filter(|folder| folder.is_dir()) {
            Some(folder) => model::load(context, &Named::Folder(folder))?,
            None => model::load(context, &Named::Bundled)?,
        };
        if begun.fingerprint() == fingerprint {
            return Ok(begun);
        }
        context.output.note(format!("the model `{name}` that vectors were begun with is not there any more"));
    }
    match model::choose(context, Some(path))? {
        Choice::Loaded(model) => Ok(*model),
        // The database's own model is gone, or it was made without: what this program brings along takes its place.
        Choice::Gone(_) | Choice::Outgrown | Choice::WordsOnly if neodex::has_bundled_model() => {
            model::load(context, &Named::Bundled)
        }
        choice => {
            let why = choice.note().unwrap_or_else(|| "`--model none` asks for none".to_owned());
            Err(usage(format!("`reembed` needs a model: {why}")))
        }
    }
}

fn open(context: &Context, path: &Path) -> neodex::DatabaseBuilder {
    context.with_device(Database::builder(path)).create(false).background(false)
}

/// What two runs did together.
fn both(first: IngestReport, second: IngestReport) -> IngestReport {
    let mut sum = first;
    sum.seconds += second.seconds;
    // What failed to get its vectors beside the old ones was tried again.
    sum.failed.clear();
    sum.merge(second);
    sum.tokens_per_second = units::rate(sum.tokens, sum.seconds);
    sum
}

/// Embeds what has no vectors, with a bar.
pub(crate) fn embed_pending(context: &Context, database: &Database) -> Result<IngestReport> {
    run_with_bar(context, |observer| database.reembed(&context.interrupt.cancel, Some(observer)))
}

fn run_with_bar(
    context: &Context,
    run: impl FnOnce(neodex::Observer) -> neodex::Result<IngestReport>,
) -> Result<IngestReport> {
    let (started, progress) = (Instant::now(), Progress::ingest(&context.output));
    let report = run(progress.observer());
    progress.finish();
    let mut report = report?;
    report.seconds = started.elapsed().as_secs_f64();
    report.tokens_per_second = units::rate(report.tokens, report.seconds);
    Ok(report)
}

fn summary(output: &Output, report: &IngestReport) -> String {
    let mut lines: Vec<String> = report
        .failed
        .iter()
        .map(|failure| format!("failed {}: {}", output.shown(&failure.source), output.shown(&failure.reason)))
        .collect();
    lines.push(format!(
        "{} of {}, {} in {:.1} s ({} tokens/s)",
        units::plural(report.chunks, "vector"),
        units::plural(report.replaced, "document"),
        units::plural(report.tokens, "token"),
        report.seconds,
        units::count(report.tokens_per_second as u64),
    ));
    if report.cancelled {
        lines.push("interrupted; what is counted here is kept, and running it again continues".to_owned());
    }
    lines.join("\n")
}

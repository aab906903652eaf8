//! `neodex reembed`: vectors for documents that have none, or new ones for all from another model.

use std::time::Instant;

use anyhow::Result;
use neodex::{Database, DatabaseModel, IngestReport, database_model};

use crate::context::Context;
use crate::exit::{Status, usage};
use crate::model::{self, Choice, Named};
use crate::output::Output;
use crate::progress::Progress;
use crate::units;

/// Runs it.
pub(crate) fn run(context: &Context) -> Result<Status> {
    let path = &context.settings.db;
    let model = match model::choose(context, Some(path))? {
        Choice::Loaded(model) => *model,
        // The database's own model is gone, or it was made without: what this program brings along takes its place.
        Choice::Gone(_) | Choice::WordsOnly if neodex::has_bundled_model() => model::load(context, &Named::Bundled)?,
        choice => {
            let why = choice.note().unwrap_or_else(|| "`--model none` asks for none".to_owned());
            return Err(usage(format!("`reembed` needs a model: {why}")));
        }
    };
    if let DatabaseModel::Made { name, fingerprint, .. } = database_model(path)? {
        let other = fingerprint != neodex::Embedder::fingerprint(&model);
        context.output.detail(if other { format!("dropping the vectors of {name}") } else { format!("{name} stays") });
    }
    let builder = Database::builder(path).config(context.settings.config.clone()).create(false);
    let database = builder.embedder(model).replace_model(true).open()?;
    context.interrupt.stop_orderly();
    let report = embed_pending(context, &database)?;
    context.interrupt.stop_at_once();
    if !report.cancelled {
        database.flush()?;
    }
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

/// Embeds what has no vectors, with a bar.
pub(crate) fn embed_pending(context: &Context, database: &Database) -> Result<IngestReport> {
    let (started, progress) = (Instant::now(), Progress::ingest(&context.output));
    let report = database.reembed(&context.interrupt.cancel, Some(progress.observer()));
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

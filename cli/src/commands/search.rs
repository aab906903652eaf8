//! `neodex search`: find passages in the database, or in a path that is brought up to date first.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use neodex::{Database, Fusion, FusionExplain, Group, Hit, Mode, SearchResults, SyncOptions, VectorPlan};

use crate::cache;
use crate::context::Context;
use crate::exit::{Status, usage};
use crate::model;
use crate::output::Output;
use crate::passage;
use crate::progress::Progress;
use crate::units;

/// Hits where nobody says how many.
const LIMIT: usize = 10;
/// Lines of a passage.
const LINES: usize = 3;
/// What passages are indented by.
const INDENT: &str = "    ";

/// Find passages.
///
/// Searches by words and by meaning together; with `--model none` by words only. With --in, a database for that path is brought up to date
/// first and kept in your cache folder, so that it is quick from the second time on.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  neodex search how do I rotate the keys\n  neodex search --in src/ where is the lock taken\n  neodex search retry policy --filter \"year >= 2020 AND lang = 'en'\" --facet author --explain"
)]
pub(crate) struct SearchArgs {
    /// What to look for; several words need no quotes. May be left out with --filter.
    #[arg(required_unless_present = "filter", value_name = "QUERY")]
    query: Vec<String>,
    /// Bring a database for this file or folder up to date, then search it.
    #[arg(long = "in", value_name = "PATH")]
    path: Option<PathBuf>,
    /// Hits to show [default: 10]. By meaning, only the best 1,000 of each side are ranked, so hybrid and dense searches end there.
    #[arg(long, short = 'n', value_name = "N")]
    limit: Option<usize>,
    /// Hits to pass over.
    #[arg(long, value_name = "N", default_value_t = 0)]
    offset: usize,
    /// hybrid, dense or lexical [default: hybrid].
    #[arg(long)]
    mode: Option<Mode>,
    /// Only documents whose metadata passes, such as "year >= 2020 AND lang IN ['en', 'de']".
    #[arg(long, value_name = "EXPR")]
    filter: Option<String>,
    /// A hit is a document (by its best passage), or with `none` every passage [default: document].
    #[arg(long)]
    group: Option<Group>,
    /// Say for each hit where the search by meaning and the search by words had it.
    #[arg(long)]
    explain: bool,
    /// Count the values of this metadata field among the documents found; may be repeated.
    #[arg(long, value_name = "FIELD")]
    facet: Vec<String>,
    /// How much each side counts in a hybrid search, as in dense=0.7,lexical=0.3 [default: 1 each].
    #[arg(long, value_name = "WEIGHTS", value_parser = weights)]
    weights: Option<(Option<f32>, Option<f32>)>,
    /// How the sides of a hybrid search are fused: auto (each side weighed by its own evidence), rrf or relative [default: auto].
    #[arg(long)]
    fusion: Option<Fusion>,
    /// The constant of reciprocal rank fusion [default: 60].
    #[arg(long, value_name = "K")]
    rrf_k: Option<u32>,
}

/// Runs it.
pub(crate) fn run(context: &Context, args: &SearchArgs) -> Result<Status> {
    let limit = args.limit.or(context.settings.search.limit).unwrap_or(LIMIT);
    if limit == 0 {
        return Err(usage("--limit must be at least 1"));
    }
    let (folder, create) = match &args.path {
        Some(path) if !context.settings.db_typed => (cache::database_for(path)?, true),
        Some(path) if !path.exists() => return Err(usage(format!("{}: there is nothing there", path.display()))),
        path => (context.settings.db.clone(), path.is_some()),
    };
    let mode = args.mode.or(context.settings.search.mode).unwrap_or_default();
    // Words need no model, unless the path's new documents do.
    let choice = match (mode, &args.path) {
        (Mode::Lexical, None) => model::Choice::Refused,
        _ => model::choose(context, Some(&folder))?,
    };
    let note = choice.note().filter(|_| mode != Mode::Lexical);
    let needless = note.is_some() || matches!(choice, model::Choice::Refused);
    let database = context.open(&folder, choice.loaded(), create)?;
    if let Some(path) = &args.path
        && !bring_up_to_date(context, &database, path)?
    {
        return Ok(Status::Interrupted);
    }
    if let Some(note) = &note {
        context.output.note(note);
    }
    let mut results = search(context, args, &database, mode, limit)?;
    if context.output.json {
        context.output.print_json(&results)?;
    } else {
        // Said above with what to do about it, or asked for.
        results.notes.retain(|text| !needless || !text.starts_with("no model"));
        results.notes.iter().for_each(|note| context.output.note(note));
        if let Some(explain) = &results.explain {
            context.output.note(weighed(explain));
        }
        if let Some(plan) = &results.plan {
            context.output.note(planned(plan));
        }
        if !results.hits.is_empty() {
            context.output.print(page(&context.output, &results, args.offset))?;
        }
    }
    if !results.hits.is_empty() {
        return Ok(Status::Done);
    }
    if results.total > 0 {
        context.output.note(format!("there are only {} hits", units::count(results.total)));
    } else {
        context.output.note("nothing was found");
    }
    Ok(Status::Partly)
}

/// False when the user stopped it.
fn bring_up_to_date(context: &Context, database: &Database, path: &std::path::Path) -> Result<bool> {
    context.interrupt.stop_orderly();
    let progress = Progress::ingest(&context.output);
    let options = SyncOptions {
        prune: true,
        cancel: context.interrupt.cancel.clone(),
        observer: Some(progress.observer()),
        ..SyncOptions::default()
    };
    let report = database.sync(path, &options);
    progress.finish();
    context.interrupt.stop_at_once();
    let report = report?;
    for failure in &report.failed {
        context.output.detail(format!("{}: {}", failure.source, failure.reason));
    }
    for file in &report.not_text {
        context.output.detail(format!("{file}: not text"));
    }
    for file in &report.without_text {
        context.output.detail(format!("{file}: no record with a text"));
    }
    if !report.failed.is_empty() && !context.output.verbose {
        let files = units::plural(report.failed.len() as u64, "file");
        context.output.note(format!("{files} could not be read (named with -v)"));
    }
    Ok(!report.cancelled)
}

fn search(
    context: &Context,
    args: &SearchArgs,
    database: &Database,
    mode: Mode,
    limit: usize,
) -> Result<SearchResults> {
    let defaults = &context.settings.search;
    let mut search = database.search(args.query.join(" ")).limit(limit).offset(args.offset).mode(mode);
    search = search.group(args.group.or(defaults.group).unwrap_or_default());
    search = search.fusion(args.fusion.or(defaults.fusion).unwrap_or_default());
    if let Some(filter) = &args.filter {
        search = search.filter(filter);
    }
    if args.explain {
        search = search.explain();
    }
    for field in &args.facet {
        search = search.facet(field);
    }
    let (dense, lexical) = args.weights.unwrap_or_default();
    search = search
        .weights(dense.or(defaults.dense_weight).unwrap_or(1.0), lexical.or(defaults.lexical_weight).unwrap_or(1.0));
    if let Some(k) = args.rrf_k.or(defaults.rrf_k) {
        search = search.rrf_k(k);
    }
    Ok(search.run()?)
}

/// The hits, the counts of facets, and how many there are.
fn page(output: &Output, results: &SearchResults, offset: usize) -> String {
    let mut blocks: Vec<String> =
        results.hits.iter().enumerate().map(|(place, hit)| block(output, offset + place + 1, hit)).collect();
    for facet in &results.facets {
        let values = facet.values.iter();
        let counts: Vec<String> =
            values.map(|value| format!("{} ({})", output.shown(&value.value), units::count(value.documents))).collect();
        blocks.push(format!("{}: {}", output.styled("1", &facet.field), counts.join(", ")));
    }
    let mut text = blocks.join("\n\n");
    if output.terminal {
        let total = units::plural(results.total, "document");
        text += &output.styled("2", &format!("\n\n{total}, {}, {:.1} ms", results.mode.name(), results.took_ms));
    }
    text
}

fn block(output: &Output, rank: usize, hit: &Hit) -> String {
    let id = output.shown(hit.document_id.as_str());
    let title = output.shown(&one_line(&hit.title));
    let mut head = format!("{rank:>2}  {}  ", output.styled("2", &format!("{:.4}", hit.score)));
    if title.is_empty() || title == id {
        head += &output.styled("1", &id);
    } else {
        head += &format!("{}  {}", output.styled("1", &title), output.styled("36", &id));
    }
    let mut lines = vec![head];
    let headings = one_line(&hit.headings);
    if !headings.is_empty() && headings != title {
        lines.push(format!("{INDENT}{}", output.styled("2", &output.shown(&headings))));
    }
    let width = output.width.saturating_sub(INDENT.len() + 1);
    let passage = passage::lines(output, &hit.text, &hit.highlights, hit.sentence.clone(), width, LINES);
    lines.extend(passage.into_iter().map(|line| format!("{INDENT}{line}")));
    if let Some(explain) = &hit.explain {
        let leg = |name: &str, leg: Option<neodex::LegScore>| match leg {
            Some(leg) => format!("{name} rank {} score {:.4}", leg.rank, leg.score),
            None => format!("{name} not found"),
        };
        let said = format!("{}, {}", leg("dense", explain.dense), leg("lexical", explain.lexical));
        lines.push(format!("{INDENT}{}", output.styled("2", &said)));
    }
    lines.join("\n")
}

/// How the sides of the search were weighed, and why.
fn weighed(explain: &FusionExplain) -> String {
    let FusionExplain { fusion, dense_weight, lexical_weight, evidence } = explain;
    format!(
        "{} fusion: dense {dense_weight:.2}, lexical {lexical_weight:.2} (unknown {:.2}, coverage {:.2}, peaks {:.1} and {:.1})",
        fusion.name(),
        evidence.unknown,
        evidence.coverage,
        evidence.dense_peak,
        evidence.lexical_peak,
    )
}

/// How the vectors were searched.
fn planned(plan: &VectorPlan) -> String {
    let mut parts = Vec::new();
    if let Some(allowed) = plan.allowed {
        parts.push(format!("{} allowed by the filter", units::plural(allowed, "vector")));
    }
    if plan.scanned > 0 {
        parts.push(format!("{} compared one by one", units::plural(plan.scanned as u64, "vector")));
    }
    let segments = plan.segments.iter();
    parts.extend(
        segments.map(|segment| format!("{} by {}", units::plural(segment.vectors as u64, "vector"), segment.way)),
    );
    format!("vectors: {}", parts.join("; "))
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `dense=0.7,lexical=0.3`, either of which may be left out.
fn weights(text: &str) -> Result<(Option<f32>, Option<f32>), String> {
    let mut weights = (None, None);
    for part in text.split(',') {
        let (name, value) = part.split_once('=').ok_or("expected dense=W,lexical=W")?;
        let value = value.trim().parse::<f32>().map_err(|_| format!("`{}` is not a number", value.trim()))?;
        match name.trim() {
            "dense" => weights.0 = Some(value),
            "lexical" => weights.1 = Some(value),
            other => return Err(format!("`{other}` is neither dense nor lexical")),
        }
    }
    Ok(weights)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_named() {
        assert_eq!(weights("dense=0.7,lexical=0.3"), Ok((Some(0.7), Some(0.3))));
        assert_eq!(weights("lexical=2"), Ok((None, Some(2.0))));
        assert!(weights("0.7").is_err() && weights("dense=x").is_err() && weights("sparse=1").is_err());
    }
}

//! `neodex mine`: hard negatives, found with the product's own search.
//!
//! A negative teaches most where the model, or the words, would take it for an answer. So every query is asked of a database of all
//! texts, and what stands near its positive without being it becomes its negatives.

mod candidates;
mod pairs;

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::Args;
use neodex::{Database, Document, Group, Mode, SyncOptions};
use serde_json::json;

use crate::context::Context;
use crate::exit::{Status, usage};
use crate::model;
use crate::progress::Progress;
use crate::units;
use candidates::{Rules, choose};
use pairs::{Pair, Pairs, id_of};

/// Find hard negatives for a file of pairs.
///
/// PAIRS is JSON Lines (also .gz and .zst) with `query` (or `anchor`) and `positive`. Every query is asked of a temporary database of all
/// positives, and of the texts in --in; texts that rank high without being an answer of the query are written as `negatives` beside
/// it. One that scores nearly as high as the positive may be an answer nobody has marked, and is passed over (--margin). With a model the
/// search is hybrid, else by words.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  neodex mine pairs.jsonl --output mined.jsonl --mode lexical\n  neodex mine pairs.jsonl.zst --in docs/ --model runs/a/model --output mined.jsonl --count 7"
)]
pub(crate) struct MineArgs {
    /// The pairs.
    pairs: PathBuf,
    /// Files to take negatives from as well.
    #[arg(long = "in", value_name = "PATH")]
    corpus: Option<PathBuf>,
    /// Where to write the pairs with their negatives.
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
    /// Negatives of a pair, at most.
    #[arg(long, value_name = "N", default_value_t = 7)]
    count: usize,
    /// The rank to look from.
    #[arg(long, value_name = "RANK", default_value_t = 2)]
    from: usize,
    /// The rank to look to.
    #[arg(long, value_name = "RANK", default_value_t = 100)]
    to: usize,
    /// Pass over what scores above this share of the positive's score; 0 to 1, or more for never.
    #[arg(long, value_name = "SHARE", default_value_t = 0.95)]
    margin: f32,
    /// How to search: lexical, dense or hybrid [default: hybrid with a model, else lexical].
    #[arg(long)]
    mode: Option<Mode>,
}

/// What came out.
#[derive(Debug, Default, serde::Serialize)]
struct Mined {
    pairs: u64,
    negatives: u64,
    /// Pairs for which there was none.
    without: u64,
    /// Pairs whose positive was not among the ranks looked at.
    missed: u64,
}

/// Runs it.
pub(crate) fn run(context: &Context, args: &MineArgs) -> Result<Status> {
    if args.from == 0 || args.to < args.from || args.count == 0 || !args.margin.is_finite() || args.margin <= 0.0 {
        return Err(usage("--from counts from 1 up to --to, --count is at least 1, and --margin is above 0"));
    }
    let model = match args.mode {
        Some(Mode::Lexical) => None,
        Some(mode) => Some(model::require(context, &format!("`--mode {}`", mode.name()))?),
        None => model::choose(context, None)?.loaded(),
    };
    let mode = args.mode.unwrap_or(if model.is_some() { Mode::Hybrid } else { Mode::Lexical });
    let pairs = Pairs::read(&args.pairs)?;
    context.interrupt.stop_orderly();
    let database = context.open_temporary(model)?;
    if !fill(context, &database, &pairs, args.corpus.as_deref())? {
        return Ok(Status::Interrupted);
    }
    let mined = mine(context, &database, &pairs, args, mode)?;
    context.interrupt.stop_at_once();
    let Some(mined) = mined else { return Ok(Status::Interrupted) };
    if context.output.json {
        context.output.print_json(&mined)?;
    } else {
        context.output.print(format!(
            "{}, {}; {} without any, {} whose positive was not found",
            units::plural(mined.pairs, "pair"),
            units::plural(mined.negatives, "negative"),
            units::count(mined.without),
            units::count(mined.missed),
        ))?;
    }
    Ok(if mined.negatives == 0 { Status::Partly } else { Status::Done })
}

/// Puts the texts into the database; false when the user stopped it.
fn fill(context: &Context, database: &Database, pairs: &Pairs, corpus: Option<&Path>) -> Result<bool> {
    let cancel = &context.interrupt.cancel;
    let progress = Progress::ingest(&context.output);
    let mut seen = HashSet::new();
    let fresh = pairs.pairs.iter().map(|pair| pair.positive.as_str()).filter(|text| seen.insert(*text));
    let documents = fresh.map(|text| Ok(Document::new(id_of(text), text)));
    let report = database.insert_stream(documents, cancel, Some(progress.observer()))?;
    let mut cancelled = report.cancelled;
    if let Some(corpus) = corpus.filter(|_| !cancelled) {
        let options =
            SyncOptions { cancel: cancel.clone(), observer: Some(progress.observer()), ..SyncOptions::default() };
        cancelled = database.sync(corpus, &options)?.cancelled;
    }
    progress.finish();
    database.flush()?;
    Ok(!cancelled)
}

/// Asks every query and writes what was found; `None` when the user stopped it.
fn mine(context: &Context, database: &Database, pairs: &Pairs, args: &MineArgs, mode: Mode) -> Result<Option<Mined>> {
    let rules = Rules { from: args.from, to: args.to, count: args.count, margin: args.margin };
    // Written aside, so that a file of the name is a complete one.
    let partial = args.output.with_extension("partial");
    let broken = || format!("{}: cannot write", partial.display());
    let mut out = BufWriter::new(File::create(&partial).with_context(broken)?);
    let mut mined = Mined::default();
    let progress = Progress::steps(&context.output, "queries", Some(pairs.pairs.len() as u64));
    for pair in &pairs.pairs {
        if context.interrupt.cancel.is_cancelled() {
            progress.finish();
            drop(out);
            std::fs::remove_file(&partial).with_context(broken)?;
            return Ok(None);
        }
        let negatives = negatives(database, pairs, pair, mode, &rules, &mut mined)?;
        mined.pairs += 1;
        mined.negatives += negatives.len() as u64;
        mined.without += u64::from(negatives.is_empty());
        let mut record = pair.record.clone();
        record.insert("negatives".to_owned(), json!(negatives));
        serde_json::to_writer(&mut out, &record).map_err(anyhow::Error::from).with_context(broken)?;
        out.write_all(b"\n").with_context(broken)?;
        progress.step();
    }
    progress.finish();
    out.into_inner().map_err(|error| error.into_error()).and_then(|file| file.sync_all()).with_context(broken)?;
    std::fs::rename(&partial, &args.output).with_context(|| format!("{}: cannot write", args.output.display()))?;
    Ok(Some(mined))
}

/// The negatives of a pair: those found, then those it came with.
fn negatives(
    database: &Database,
    pairs: &Pairs,
    pair: &Pair,
    mode: Mode,
    rules: &Rules,
    mined: &mut Mined,
) -> Result<Vec<String>> {
    if pair.query.trim().is_empty() {
        return Ok(Vec::new());
    }
    let search = database.search(pair.query.as_str()).mode(mode).group(Group::Document).limit(rules.to).explain();
    let hits = search.run()?.hits;
    let answers = pairs.answers(&pair.query);
    let found = hits.iter().any(|hit| answers.contains(hit.document_id.as_str()));
    mined.missed += u64::from(!found);
    Ok(choose(&hits, &answers, rules).into_iter().map(|hit| pairs.text(hit)).collect())
}

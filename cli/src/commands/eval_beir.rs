//! `neodex eval beir`: a collection with queries and judgements, ingested into a temporary database, searched in every mode, judged.

use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Result;
use clap::Args;
use neodex::parse::{Format, Limits, ParseOptions, Source};
use neodex::{Database, Embedder, Mode, SyncOptions};
use neodex_eval::beir::read_queries;
use neodex_eval::{BeirFolder, BeirReport, ModeReport, Qrels, Query, Run, evaluate};

use crate::context::Context;
use crate::exit::{Status, usage};
use crate::model;
use crate::plain::Plain;
use crate::progress::Progress;
use crate::units;

/// How deep rankings are judged.
const DEPTH: usize = 1_000;
/// What people look at; queries a second are measured with this.
const PAGE: usize = 10;
/// Queries embedded at a time.
const BATCH: usize = 64;

/// Measure retrieval on a BEIR folder.
///
/// DIR has corpus.jsonl, queries.jsonl and qrels/test.tsv or qrels.tsv. It is ingested into a temporary database, every judged query is
/// searched 1,000 documents deep, and nDCG@10, Recall@100, MAP and MRR@10 are printed for lexical, and with a model for dense and hybrid.
/// Queries per second are those of one thread asking for 10 hits, the encoder excluded.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  neodex eval beir data/cranfield --mode lexical\n  neodex eval beir data/cranfield --model models/neobert --run cranfield.run"
)]
pub(crate) struct EvalBeirArgs {
    /// The collection's folder.
    dir: PathBuf,
    /// Only this one: lexical, dense or hybrid.
    #[arg(long)]
    mode: Option<Mode>,
    /// Embed every passage by itself, without the document around it, to see what late chunking adds.
    #[arg(long)]
    plain: bool,
    /// Write the rankings as a TREC run; with several modes as FILE.lexical, FILE.dense and FILE.hybrid.
    #[arg(long, value_name = "FILE")]
    run: Option<PathBuf>,
}

/// A query with its vector, where there is a model.
pub(crate) struct Asked {
    pub(crate) query: Query,
    pub(crate) vector: Option<Vec<f32>>,
}

/// Runs it.
pub(crate) fn run(context: &Context, args: &EvalBeirArgs) -> Result<Status> {
    let folder = BeirFolder::open(&args.dir)?;
    let qrels = folder.qrels()?;
    let queries = queries(&folder, &qrels)?;
    if queries.is_empty() {
        return Err(usage(format!("{}: no query has a relevant document", args.dir.display())));
    }
    let model = match args.mode {
        Some(Mode::Lexical) => None,
        Some(mode) => Some(model::require(context, &format!("`--mode {}`", mode.name()))?),
        None => {
            let choice = model::choose(context, None)?;
            if let Some(note) = choice.note() {
                context.output.note(note);
            }
            choice.loaded()
        }
    };
    let asked = embed(model.as_ref(), queries)?;
    let modes = match (args.mode, model.is_some()) {
        (Some(mode), _) => vec![mode],
        (None, true) => vec![Mode::Lexical, Mode::Dense, Mode::Hybrid],
        (None, false) => vec![Mode::Lexical],
    };
    context.interrupt.stop_orderly();
    let database = match model {
        Some(model) if args.plain => context.open_temporary(Some(Plain(model)))?,
        model => context.open_temporary(model)?,
    };
    if !ingest(context, &database, &args.dir)? {
        return Ok(Status::Interrupted);
    }
    let mut report = BeirReport::default();
    for &mode in &modes {
        let Some((run, queries_per_second)) = search(context, &database, &asked, mode)? else {
            return Ok(Status::Interrupted);
        };
        if let Some(path) = &args.run {
            run.save(&run_file(path, mode, modes.len()))?;
        }
        let judged = Some(ModeReport { metrics: evaluate(&qrels, &run).mean, queries_per_second });
        match mode {
            Mode::Lexical => report.lexical = judged,
            Mode::Dense => report.dense = judged,
            Mode::Hybrid => report.hybrid = judged,
        }
    }
    if context.output.json {
        context.output.print_json(&report)?;
    } else {
        context.output.print(report)?;
    }
    Ok(Status::Done)
}

/// The judged queries, unpacked if they are packed.
pub(crate) fn queries(folder: &BeirFolder, qrels: &Qrels) -> Result<Vec<Query>> {
    let source = Source::from_path(&folder.queries, "queries");
    let reader =
        source.open(&Limits::default()).map_err(|error| usage(format!("{}: {error}", folder.queries.display())))?;
    Ok(read_queries(BufReader::new(reader), &folder.queries, qrels)?)
}

/// The queries with their vectors.
pub(crate) fn embed(model: Option<&neodex::NeoBert>, queries: Vec<Query>) -> Result<Vec<Asked>> {
    let Some(model) = model else {
        return Ok(queries.into_iter().map(|query| Asked { query, vector: None }).collect());
    };
    let mut vectors = Vec::with_capacity(queries.len());
    for batch in queries.chunks(BATCH) {
        let texts: Vec<&str> = batch.iter().map(|query| query.text.as_str()).collect();
        vectors.extend(model.embed_queries(&texts).map_err(anyhow::Error::from_boxed)?);
    }
    Ok(queries.into_iter().zip(vectors).map(|(query, vector)| Asked { query, vector: Some(vector) }).collect())
}

/// False when the user stopped it.
pub(crate) fn ingest(context: &Context, database: &Database, dir: &Path) -> Result<bool> {
    let progress = Progress::ingest(&context.output);
    let options = SyncOptions {
        parse: ParseOptions { format: Some(Format::Beir), ..ParseOptions::default() },
        cancel: context.interrupt.cancel.clone(),
        observer: Some(progress.observer()),
        ..SyncOptions::default()
    };
    let report = database.sync(dir, &options);
    progress.finish();
    let report = report?;
    if let Some(first) = report.failed.first() {
        let failed = units::plural(report.failed.len() as u64, "document");
        context.output.note(format!("{failed} could not be read, the first is {}: {}", first.source, first.reason));
    }
    database.flush()?;
    context.output.detail(format!("{} in {:.1} s", units::plural(report.added, "document"), report.seconds));
    Ok(!report.cancelled)
}

/// The rankings and the speed; `None` when the user stopped it.
fn search(context: &Context, database: &Database, asked: &[Asked], mode: Mode) -> Result<Option<(Run, f64)>> {
    let mut run = Run::new(mode.name());
    let progress = Progress::steps(&context.output, mode.name(), Some(asked.len() as u64));
    let mut seconds = 0.0;
    for Asked { query, vector } in asked {
        if context.interrupt.cancel.is_cancelled() {
            return Ok(None);
        }
        let search = || {
            let search = database.search(query.text.as_str()).mode(mode);
            match vector {
                Some(vector) if mode != Mode::Lexical => search.vector(vector.clone()),
                _ => search,
            }
        };
        // The deep search goes first, so that the one that is timed finds the same things warm for every query.
        let results = if query.text.trim().is_empty() { None } else { Some(search().limit(DEPTH).run()?) };
        let hits = results.into_iter().flat_map(|results| results.hits);
        run.insert(query.id.as_str(), hits.map(|hit| (hit.document_id.into_string(), hit.score)));
        let started = Instant::now();
        if !query.text.trim().is_empty() {
            search().limit(PAGE).run()?;
        }
        seconds += started.elapsed().as_secs_f64();
        progress.step();
    }
    progress.finish();
    Ok(Some((run, units::rate(asked.len() as u64, seconds))))
}

fn run_file(path: &Path, mode: Mode, modes: usize) -> PathBuf {
    if modes == 1 {
        return path.to_owned();
    }
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}", mode.name()));
    name.into()
}

//! `neodex bench search`: how long queries take on the database there is, the encoder excluded.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use clap::Args;
use neodex::{Database, Embedder, Mode, NeoBert};
use serde_json::json;

use crate::bench::{Latencies, Report, peak_bytes};
use crate::context::Context;
use crate::exit::{Status, usage};
use crate::model;
use crate::progress::Progress;
use crate::units;

/// Words of a query made from a document without a title.
const WORDS: usize = 6;
/// Documents looked at per common word.
const PER_WORD: usize = 200;
/// Words that lead to documents of most collections; the queries themselves are made from what they lead to.
const COMMON: &[&str] = &[
    "use", "time", "year", "first", "new", "number", "function", "value", "type", "data", "system", "people", "result",
    "method", "example", "city", "name", "work", "part", "state", "set", "return", "world", "case", "group", "study",
    "error", "line", "file", "meeting", "effect", "flow", "problem", "的", "年", "中", "大", "日", "人",
];

/// Measure searching the database.
///
/// The queries are the lines of --queries, else made from the titles and first words of the database's own documents. Latencies are those
/// of one thread asking for 10 hits, after one round to warm up; queries per second are given for one thread and for all. Vectors of the
/// queries are computed beforehand.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  neodex bench search --db notes.db\n  neodex bench search --queries queries.txt --count 500 --json"
)]
pub(crate) struct BenchSearchArgs {
    /// A file with one query a line.
    #[arg(long, value_name = "FILE")]
    queries: Option<PathBuf>,
    /// At most so many queries.
    #[arg(long, value_name = "N", default_value_t = 200)]
    count: usize,
    /// Only this one: lexical, dense or hybrid.
    #[arg(long)]
    mode: Option<Mode>,
}

/// A query, and its vector where there is a model.
type Asked = (String, Option<Vec<f32>>);

/// Runs it.
pub(crate) fn run(context: &Context, args: &BenchSearchArgs) -> Result<Status> {
    let path = &context.settings.db;
    let choice =
        if args.mode == Some(Mode::Lexical) { model::Choice::Refused } else { model::choose(context, Some(path))? };
    if let Some(note) = choice.note().filter(|_| args.mode != Some(Mode::Lexical)) {
        context.output.note(note);
    }
    let model = choice.loaded();
    let database = context.open(path, model.clone(), false)?;
    let queries = match &args.queries {
        Some(file) => lines(file)?,
        None => own_queries(&database, args.count)?,
    };
    let asked = embed(model.as_ref(), queries.into_iter().take(args.count).collect())?;
    if asked.is_empty() {
        return Err(usage("no queries: give some with --queries FILE, one a line"));
    }
    let modes = match (args.mode, model.is_some()) {
        (Some(mode), _) => vec![mode],
        (None, true) => vec![Mode::Lexical, Mode::Dense, Mode::Hybrid],
        (None, false) => vec![Mode::Lexical],
    };
    let stats = database.stats()?;
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut report = Report::new();
    for mode in modes {
        let progress = Progress::steps(&context.output, mode.name(), Some(asked.len() as u64));
        for query in &asked {
            ask(&database, query, mode)?;
        }
        let mut times = Vec::with_capacity(asked.len());
        for query in &asked {
            times.push(ask(&database, query, mode)?);
            progress.step();
        }
        progress.finish();
        let times: Latencies = times.into_iter().collect();
        report.row(json!({
            "mode": mode.name(),
            "documents": stats.documents,
            "chunks": stats.chunks,
            "queries": asked.len(),
            "p50_ms": times.percentile_ms(50.0),
            "p90_ms": times.percentile_ms(90.0),
            "p99_ms": times.percentile_ms(99.0),
            "queries_per_second": times.per_second(),
            "threads": threads,
            "queries_per_second_all_threads": all_threads(&database, &asked, mode, threads)?,
            "peak_memory_bytes": peak_bytes(),
        }));
    }
    report.print(&context.output)?;
    Ok(Status::Done)
}

fn ask(database: &Database, (query, vector): &Asked, mode: Mode) -> Result<Duration> {
    let mut search = database.search(query.as_str()).mode(mode);
    if let Some(vector) = vector.as_ref().filter(|_| mode != Mode::Lexical) {
        search = search.vector(vector.clone());
    }
    let started = Instant::now();
    search.run()?;
    Ok(started.elapsed())
}

/// Queries a second with `threads` threads that each take the next query.
fn all_threads(database: &Database, asked: &[Asked], mode: Mode, threads: usize) -> Result<f64> {
    let next = AtomicUsize::new(0);
    let started = Instant::now();
    std::thread::scope(|scope| {
        let work = || -> Result<()> {
            while let Some(query) = asked.get(next.fetch_add(1, Ordering::Relaxed)) {
                ask(database, query, mode)?;
            }
            Ok(())
        };
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().unwrap_or_else(|_| Err(anyhow::anyhow!("a thread panicked"))))
    })?;
    Ok(units::rate(asked.len() as u64, started.elapsed().as_secs_f64()))
}

fn lines(file: &Path) -> Result<Vec<String>> {
    let text = std::fs::read_to_string(file).map_err(|error| usage(format!("{}: {error}", file.display())))?;
    Ok(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect())
}

/// Queries from documents that common words lead to, one a document.
fn own_queries(database: &Database, count: usize) -> Result<Vec<String>> {
    let mut queries = Vec::new();
    let mut seen = HashSet::new();
    for word in COMMON {
        if queries.len() >= count {
            break;
        }
        for hit in database.search(*word).mode(Mode::Lexical).limit(PER_WORD).run()? {
            let from = if hit.title.trim().is_empty() { &hit.text } else { &hit.title };
            let query = from.split_whitespace().take(WORDS).collect::<Vec<_>>().join(" ");
            let query: String = query.chars().take(80).collect();
            if !query.is_empty() && seen.insert(query.clone()) {
                queries.push(query);
            }
        }
    }
    Ok(queries)
}

fn embed(model: Option<&NeoBert>, queries: Vec<String>) -> Result<Vec<Asked>> {
    let Some(model) = model else { return Ok(queries.into_iter().map(|query| (query, None)).collect()) };
    let mut asked = Vec::with_capacity(queries.len());
    for batch in queries.chunks(64) {
        let texts: Vec<&str> = batch.iter().map(String::as_str).collect();
        let vectors = model.embed_queries(&texts).map_err(anyhow::Error::from_boxed)?;
        asked.extend(batch.iter().cloned().zip(vectors.into_iter().map(Some)));
    }
    Ok(asked)
}

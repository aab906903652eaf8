//! `neodex bench index`: the vector index alone, and a database of bare vectors around it.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::Result;
use clap::Args;
use neodex::index::vector::{Allowed, Code, Query, SearchOptions, Segment, SegmentBuilder};
use neodex::index::{Key, KeySet, Scored, top_k};
use neodex::{BuildOptions, Database, Distance, Document};
use serde_json::{Value, json};

use crate::bench::{Generator, Report, Vectors, peak_bytes, processor_seconds, thread_seconds};
use crate::context::Context;
use crate::exit::{Status, usage};
use crate::npy;
use crate::progress::Progress;
use crate::units;

/// Neighbours asked for.
const NEAREST: usize = 10;
/// The shares of true neighbours that speeds are given for.
const TARGETS: [f64; 4] = [0.90, 0.95, 0.99, 0.999];
/// The widths tried for them.
const WIDTHS: [usize; 20] = [10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 64, 80, 100, 128, 160, 200, 300, 400, 800];
/// The shares of vectors that filters allow.
const FILTERS: [f64; 4] = [0.5, 0.1, 0.01, 0.001];
/// Documents stored by one call.
const AT_ONCE: usize = 20_000;

/// Measure the vector index.
///
/// Builds the index over vectors from a NumPy file or a seed, and gives queries per second, on one thread and on all, at recall@10 of .90, .95,
/// .99 and .999 against an exact search; then the same under filters that allow 50, 10, 1 and 0.1 % at the default width. Widths are chosen by one
/// half of the queries, and recall and speed are of the other. On one thread, seconds are those it had on a processor, so that other programs
/// do not matter. With --database the vectors go through a database as well, for its disk, its opening and searches through it.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  neodex bench index --count 100000\n  neodex bench index --vectors base.npy --query-vectors queries.npy --json\n  neodex bench index --count 1000000 --database"
)]
pub(crate) struct BenchIndexArgs {
    /// Vectors: a float32 array of shape (vectors, dimension).
    #[arg(long, value_name = "FILE.npy")]
    vectors: Option<PathBuf>,
    /// Vectors to search for; else the last ones of --vectors, which are then left out of the index.
    #[arg(long, value_name = "FILE.npy", requires = "vectors")]
    query_vectors: Option<PathBuf>,
    /// Without --vectors, how many to make.
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    count: usize,
    /// Without --vectors, their dimension.
    #[arg(long, value_name = "N", default_value_t = 384)]
    dimension: usize,
    /// Without --vectors, the number that decides which are made.
    #[arg(long, value_name = "N", default_value_t = 7)]
    seed: u64,
    /// Queries.
    #[arg(long, value_name = "N", default_value_t = 2_000)]
    queries: usize,
    /// cosine, dot or euclidean.
    #[arg(long, default_value_t = Distance::Cosine)]
    distance: Distance,
    /// Write the vectors made to this folder, as base.npy and queries.npy, and measure nothing.
    #[arg(long, value_name = "DIR", conflicts_with = "vectors")]
    write: Option<PathBuf>,
    /// Store the vectors in a temporary database as well.
    #[arg(long)]
    database: bool,
    /// Give the figures of every width that is tried, not only of the first that reaches each recall.
    #[arg(long)]
    every_width: bool,
}

/// Runs it.
pub(crate) fn run(context: &Context, args: &BenchIndexArgs) -> Result<Status> {
    if let Some(folder) = &args.write {
        write(context, args, folder)?;
        return Ok(Status::Done);
    }
    let (base, asked) = read(args)?;
    let queries = asked.iter().map(Query::new).collect::<neodex::index::Result<Vec<_>>>()?;
    if base.len() == 0 || queries.is_empty() {
        return Err(usage("there is nothing to measure: give at least one vector and one query"));
    }
    let mut report = Report::new();
    let segment = build(context, args, &base, &mut report)?;
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let progress = Progress::steps(&context.output, "exact search", Some(queries.len() as u64));
    let everything = |_: u64| true;
    let truth = exact(args.distance, &base, &asked, threads, &everything, &progress);
    progress.finish();
    let (choosing, reported) = halves(queries, truth);
    let bench = Bench { segment: &segment, threads };
    let mut next = 0;
    for width in WIDTHS {
        let options = SearchOptions::width(width);
        let by_choosing = bench.recall(&choosing, None, &options)?;
        let reaches = |next: usize| TARGETS.get(next).is_some_and(|&target| by_choosing >= target);
        if !args.every_width && !reaches(next) {
            continue;
        }
        let mut row = bench.row(&reported, None, &options)?;
        row["recall_of_choosing_half"] = by_choosing.into();
        if args.every_width {
            row["what"] = format!("width {width}").into();
            report.row(row.clone());
        }
        while reaches(next) {
            row["what"] = format!("recall {}", TARGETS[next]).into();
            report.row(row.clone());
            next += 1;
        }
        if next == TARGETS.len() {
            break;
        }
    }
    let options = SearchOptions::default();
    let mut row = bench.row(&reported, None, &options)?;
    row["what"] = "no filter".into();
    report.row(row);
    for share in FILTERS {
        let allows = |key: u64| (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as f64 / 4_294_967_296.0 < share;
        let keys: KeySet = (0..base.len() as u64).filter(|&key| allows(key)).map(Key).collect();
        let truth = exact(args.distance, &base, &asked, threads, &allows, &Progress::steps(&context.output, "", None));
        let (_, reported) = halves(asked.iter().map(Query::new).collect::<neodex::index::Result<_>>()?, truth);
        let allowed = segment.prepare(&keys);
        let mut row = bench.row(&reported, Some(&allowed), &options)?;
        row["what"] = format!("filter {} %", share * 100.0).into();
        report.row(row);
    }
    drop(segment);
    if args.database {
        through_database(context, args, &base, &asked, &mut report)?;
    }
    report.print(&context.output)?;
    Ok(Status::Done)
}

fn build(context: &Context, args: &BenchIndexArgs, base: &Vectors, report: &mut Report) -> Result<Segment> {
    let mut builder = SegmentBuilder::new(base.dimension, args.distance, base.len())?;
    let started = Instant::now();
    for (vector, key) in base.iter().zip(0..) {
        builder.push(Key(key), &Code::encode(vector)?)?;
    }
    let encoding = started.elapsed().as_secs_f64();
    let progress = Progress::steps(&context.output, "building", Some(base.len() as u64));
    let (started, processor) = (Instant::now(), processor_seconds());
    let built = builder.build(&BuildOptions::default(), |linked| {
        progress.at(linked as u64);
        true
    })?;
    progress.finish();
    let seconds = started.elapsed().as_secs_f64();
    let processor = processor_seconds().zip(processor).map(|(after, before)| after - before);
    let segment = built.ok_or_else(|| anyhow::anyhow!("the build was stopped"))?;
    report.row(json!({
        "what": "build",
        "vectors": base.len(),
        "dimension": base.dimension,
        "encode_seconds": encoding,
        "build_seconds": seconds,
        "build_processor_seconds": processor,
        "memory_bytes_per_vector": segment.bytes() as f64 / base.len() as f64,
        "stored_bytes_per_vector": (segment.to_bytes().len() + base.len() * Code::byte_length(base.dimension)) as f64 / base.len() as f64,
        "neighbours": segment.mean_degree(),
        "peak_memory_bytes": peak_bytes(),
    }));
    Ok(segment)
}

/// Queries, each with its true neighbours.
struct Half {
    queries: Vec<Query>,
    truth: Vec<Vec<Key>>,
}

/// Every second query, to choose settings by, and the others, to report. A single one is both.
fn halves(queries: Vec<Query>, truth: Vec<Vec<Key>>) -> (Half, Half) {
    let every_second = |from: usize| {
        let of = |at: &usize| at % 2 == from;
        let queries = queries.iter().zip(0..).filter(|(_, at)| of(at)).map(|(query, _)| query.clone()).collect();
        let truth = truth.iter().zip(0..).filter(|(_, at)| of(at)).map(|(nearest, _)| nearest.clone()).collect();
        Half { queries, truth }
    };
    (every_second(0), every_second(usize::from(queries.len() > 1)))
}

/// What is measured.
struct Bench<'a> {
    segment: &'a Segment,
    threads: usize,
}

impl Bench<'_> {
    fn row(&self, half: &Half, allowed: Option<&Allowed>, options: &SearchOptions) -> Result<Value> {
        let way = match half.queries.first() {
            Some(query) => self.segment.find_prepared(query, NEAREST, allowed, options)?.1.to_string(),
            None => String::new(),
        };
        Ok(json!({
            "what": "",
            "way": way,
            "width": options.width,
            "recall": self.recall(half, allowed, options)?,
            "queries_per_second": self.speed(half, allowed, options, 1)?,
            "threads": self.threads,
            "queries_per_second_all_threads": self.speed(half, allowed, options, self.threads)?,
        }))
    }

    fn recall(&self, half: &Half, allowed: Option<&Allowed>, options: &SearchOptions) -> Result<f64> {
        let (mut hits, mut wanted) = (0, 0);
        for (query, nearest) in half.queries.iter().zip(&half.truth) {
            let (found, _) = self.segment.find_prepared(query, NEAREST, allowed, options)?;
            hits += nearest.iter().filter(|&&key| found.iter().any(|found| found.key == key)).count();
            wanted += nearest.len();
        }
        Ok(if wanted == 0 { 1.0 } else { hits as f64 / wanted as f64 })
    }

    /// Queries a second of `threads` threads that each take the next query: the best of three rounds. A single thread's own time counts; several
    /// are timed by the clock on the wall.
    fn speed(&self, half: &Half, allowed: Option<&Allowed>, options: &SearchOptions, threads: usize) -> Result<f64> {
        let mut best = 0.0f64;
        for _ in 0..3 {
            let next = AtomicUsize::new(0);
            let (started, before) = (Instant::now(), thread_seconds());
            together(threads, || -> Result<()> {
                while let Some(query) = half.queries.get(next.fetch_add(1, Ordering::Relaxed)) {
                    std::hint::black_box(self.segment.find_prepared(query, NEAREST, allowed, options)?);
                }
                Ok(())
            })?;
            let own = thread_seconds().zip(before).map(|(after, before)| after - before).filter(|_| threads < 2);
            let seconds = own.unwrap_or_else(|| started.elapsed().as_secs_f64());
            best = best.max(units::rate(half.queries.len() as u64, seconds));
        }
        Ok(best)
    }
}

fn together(threads: usize, work: impl Fn() -> Result<()> + Sync) -> Result<()> {
    if threads < 2 {
        return work();
    }
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(&work)).collect();
        let panicked = |_| Err(anyhow::anyhow!("a thread panicked"));
        workers.into_iter().try_for_each(|worker| worker.join().unwrap_or_else(panicked))
    })
}

/// The true neighbours of every query among the keys that `allows`.
fn exact(
    distance: Distance,
    base: &Vectors,
    asked: &Vectors,
    threads: usize,
    allows: &(dyn Fn(u64) -> bool + Sync),
    progress: &Progress,
) -> Vec<Vec<Key>> {
    let asked: Vec<&[f32]> = asked.iter().collect();
    let share = asked.len().div_ceil(threads.max(1)).max(1);
    let nearest = |query: &[f32]| -> Vec<Key> {
        let all = base.iter().zip(0..).filter(|(_, key)| allows(*key));
        let scored = all.map(|(vector, key)| Scored::new(Key(key), distance.score(query, vector)));
        progress.step();
        top_k(scored, NEAREST).into_iter().map(|best| best.key).collect()
    };
    let nearest = &nearest;
    std::thread::scope(|scope| {
        let workers: Vec<_> = asked
            .chunks(share)
            .map(|queries| scope.spawn(move || queries.iter().map(|query| nearest(query)).collect::<Vec<_>>()))
            .collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap_or_default()).collect()
    })
}

/// The same vectors in a database.
fn through_database(
    context: &Context,
    args: &BenchIndexArgs,
    base: &Vectors,
    asked: &Vectors,
    report: &mut Report,
) -> Result<()> {
    let folder = std::env::temp_dir().join(format!("neodex-bench-{}", std::process::id()));
    let outcome = in_folder(context, args, base, asked, report, &folder);
    // Whatever is left of it goes with the system's other temporary files.
    let _ = std::fs::remove_dir_all(&folder);
    outcome
}

fn in_folder(
    context: &Context,
    args: &BenchIndexArgs,
    base: &Vectors,
    asked: &Vectors,
    report: &mut Report,
    folder: &Path,
) -> Result<()> {
    let config = neodex::Config { distance: args.distance, ..context.settings.config.clone() };
    let open = || Database::builder(folder).config(config.clone()).vectors(base.dimension).open();
    let database = open()?;
    let progress = Progress::steps(&context.output, "storing", Some(base.len() as u64));
    let (started, processor) = (Instant::now(), processor_seconds());
    let mut longest = 0.0f64;
    let mut items = base.iter().zip(0u64..).map(|(vector, key)| (Document::new(key.to_string(), ""), vector.to_vec()));
    loop {
        let batch: Vec<_> = items.by_ref().take(AT_ONCE).collect();
        if batch.is_empty() {
            break;
        }
        let begin = Instant::now();
        let stored = database.insert_vectors(batch)?;
        longest = longest.max(begin.elapsed().as_secs_f64());
        if let Some(failure) = stored.failed.first() {
            anyhow::bail!("{}: {}", failure.source, failure.reason);
        }
        progress.at(stored.added);
    }
    progress.finish();
    let storing = started.elapsed().as_secs_f64();
    let progress = Progress::steps(&context.output, "sealing", Some(base.len() as u64));
    database.wait_until_sealed(|sealing| {
        progress.at(sealing.building.map_or(0, |(_, linked)| linked as u64));
        true
    })?;
    progress.finish();
    let until_sealed = started.elapsed().as_secs_f64();
    let processor = processor_seconds().zip(processor).map(|(after, before)| after - before);
    let stats = database.stats()?;
    drop(database);
    let started = Instant::now();
    let database = open()?;
    let opening = started.elapsed().as_secs_f64();
    let mut times = Vec::new();
    for query in asked.iter() {
        let begin = Instant::now();
        database.search_vector(query.to_vec()).limit(NEAREST).run()?;
        times.push(begin.elapsed());
    }
    let times: crate::bench::Latencies = times.into_iter().collect();
    report.row(json!({
        "what": "database",
        "vectors": stats.vectors,
        "store_seconds": storing,
        "slowest_batch_seconds": longest,
        "store_and_seal_seconds": until_sealed,
        "store_and_seal_processor_seconds": processor,
        "vector_segments": stats.vector_segments,
        "disk_bytes_per_vector": stats.bytes.total as f64 / stats.vectors.max(1) as f64,
        "memory_bytes_per_vector": stats.bytes.vectors_in_memory as f64 / stats.vectors.max(1) as f64,
        "open_seconds": opening,
        "queries_per_second": times.per_second(),
        "p99_ms": times.percentile_ms(99.0),
        "peak_memory_bytes": peak_bytes(),
    }));
    Ok(())
}

fn read(args: &BenchIndexArgs) -> Result<(Vectors, Vectors)> {
    let Some(file) = &args.vectors else {
        let generator = Generator::new(args.dimension, args.seed);
        let make = |from: u64, count: usize| Vectors::generated(&generator, args.dimension, from, count);
        return Ok((make(0, args.count), make(QUERIES_FROM, args.queries)));
    };
    let mut base = Vectors::from_file(file)?;
    let asked = match &args.query_vectors {
        Some(file) => Vectors::from_file(file)?,
        None => {
            let rest = base.len().saturating_sub(args.queries) * base.dimension;
            Vectors { dimension: base.dimension, values: base.values.split_off(rest) }
        }
    };
    if asked.dimension != base.dimension {
        return Err(usage(format!("queries of {} dimensions among vectors of {}", asked.dimension, base.dimension)));
    }
    let asked = Vectors { values: asked.values.into_iter().take(args.queries * base.dimension).collect(), ..asked };
    Ok((base, asked))
}

/// The numbers of queries, far from those of vectors.
const QUERIES_FROM: u64 = 1 << 40;

fn write(context: &Context, args: &BenchIndexArgs, folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    let generator = Generator::new(args.dimension, args.seed);
    let progress = Progress::steps(&context.output, "making", Some((args.count + args.queries) as u64));
    for (name, from, count) in [("base.npy", 0, args.count), ("queries.npy", QUERIES_FROM, args.queries)] {
        let mut out = npy::Writer::new(File::create(folder.join(name))?, args.dimension)?;
        for number in (from..).take(count) {
            out.row(&generator.vector(number))?;
            progress.step();
        }
        out.finish()?;
    }
    progress.finish();
    context.output.note(format!(
        "{} and {} queries in {}",
        units::plural(args.count as u64, "vector"),
        args.queries,
        folder.display()
    ));
    Ok(())
}

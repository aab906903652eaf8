//! `neodex bench index`: the vector index alone, and a database of bare vectors around it.

mod database;
mod input;
mod measure;

use std::path::PathBuf;
use std::time::Instant;

use anyhow::Result;
use clap::Args;
use neodex::index::vector::{Code, Query, SearchOptions, Segment, SegmentBuilder};
use neodex::index::{Key, KeySet};
use neodex::{BuildOptions, Distance, GpuNeighbours, Rescoring};
use neodex_encoder::Device;
use serde_json::json;

use self::database::through_database;
use self::input::{read, write};
use self::measure::{Bench, exact, halves};
use crate::bench::{Report, Vectors, peak_bytes, processor_seconds};
use crate::context::Context;
use crate::exit::{Status, usage};
use crate::progress::Progress;

/// Neighbours asked for.
const NEAREST: usize = 10;
/// The shares of true neighbours that speeds are given for.
const TARGETS: [f64; 4] = [0.90, 0.95, 0.99, 0.999];
/// The widths tried for them.
const WIDTHS: [usize; 20] = [10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 64, 80, 100, 128, 160, 200, 300, 400, 800];
/// The shares of vectors that filters allow.
const FILTERS: [f64; 4] = [0.5, 0.1, 0.01, 0.001];

/// Measure the vector index.
///
/// Builds the index over vectors from a NumPy file or a seed, and gives queries per second, on one thread and on all, at recall@10 of .90, .95,
/// .99 and .999 against an exact search; then the same under filters that allow 50, 10, 1 and 0.1 % at the default width. Widths are chosen by one
/// half of the queries, and recall and speed are of the other. On one thread, seconds are those it had on a processor, so that other programs
/// do not matter. With --device cuda the rows are linked by lists of their nearest neighbours that the GPU finds; --graph exact=true does the same
/// on the processor. With --database the vectors go through a database as well, for its disk, its opening and searches through it.
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
    /// What segments keep for the second look, 12-bit or 16-bit: how many bits of each value.
    #[arg(long, value_name = "BITS", default_value_t = Rescoring::TwelveBits)]
    rescore: Rescoring,
    /// Walk through segments by one bit of each value, and look again at more of what that finds.
    #[arg(long)]
    binary: bool,
    /// A setting of the graph that is built, as NAME=VALUE; a name that is none shows those there are.
    #[arg(long, value_name = "NAME=VALUE")]
    graph: Vec<String>,
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
    let mut options = BuildOptions::default();
    args.graph.iter().try_for_each(|setting| options.set(setting)).map_err(|error| usage(error.to_string()))?;
    let linked = |linked: usize| {
        progress.at(linked as u64);
        true
    };
    let device = context.settings.device;
    let built = match device {
        Device::Cuda(_) => builder.build_by(&GpuNeighbours::on(device), &options, linked)?,
        Device::Auto | Device::Cpu => builder.build(&options, linked)?,
    };
    progress.finish();
    let seconds = started.elapsed().as_secs_f64();
    let processor = processor_seconds().zip(processor).map(|(after, before)| after - before);
    let segment = built.ok_or_else(|| anyhow::anyhow!("the build was stopped"))?;
    let segment = match args.rescore {
        Rescoring::SixteenBits => segment.refined(|Key(key)| -> Result<_> {
            let from = key as usize * base.dimension;
            Ok(base.values.get(from..from + base.dimension).map(<[f32]>::to_vec))
        })?,
        Rescoring::TwelveBits => segment,
    };
    let segment = if args.binary { segment.with_signs() } else { segment };
    report.row(json!({
        "what": "build",
        "vectors": base.len(),
        "dimension": base.dimension,
        "rescoring": segment.rescoring().name(),
        "walked_by": if segment.has_signs() { "signs" } else { "codes" },
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

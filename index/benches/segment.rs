//! What a segment does: seconds to build, bytes, and queries per second of processor time at each recall, over vectors from files.
//!
//! `cargo bench -p neodex-index --bench segment -- PREFIX DIMENSION [name=value...]` reads `PREFIX.base` and `PREFIX.query` (floats, little-endian,
//! one vector after another) and `PREFIX.truth` (the 100 nearest of each query as 32-bit numbers). The settings are those of `BuildOptions`.

use std::error::Error;
use std::fs;
use std::io::{Write, stdout};
use std::time::Instant;

use neodex_index::vector::{
    BuildOptions, Code, Distance, Query, SearchOptions, Segment, SegmentBuilder, instruction_set,
};
use neodex_index::{Key, KeySet};

const NEAREST: usize = 10;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let mut out = stdout().lock();
    let (Some(prefix), Some(dimension)) = (arguments.first(), arguments.get(1)) else {
        writeln!(out, "which vectors? give a prefix of files and a dimension")?;
        return Ok(());
    };
    let dimension: usize = dimension.parse()?;
    let options = options(arguments.get(2..).unwrap_or_default())?;
    let threads = rayon::current_num_threads();
    writeln!(out, "{}, {threads} threads, {options:?}", instruction_set())?;
    let mut builder = SegmentBuilder::new(dimension, Distance::Cosine, 0)?;
    let base = floats(&fs::read(format!("{prefix}.base"))?);
    let begin = Instant::now();
    for (vector, key) in base.chunks_exact(dimension).zip(0..) {
        builder.push(Key(key), &Code::encode(vector)?)?;
    }
    let rows = builder.len();
    drop(base);
    writeln!(out, "{rows} codes in {:.2} s", begin.elapsed().as_secs_f64())?;
    let (begin, processor) = (Instant::now(), processor_seconds());
    let segment = builder.build(&options, |_| true)?.ok_or("the build was stopped")?;
    writeln!(
        out,
        "built in {:.2} s, {:.2} s of processor time; {} bytes a vector in memory, {} stored beside the codes; {:.1} neighbours",
        begin.elapsed().as_secs_f64(),
        processor_seconds() - processor,
        segment.bytes() / rows,
        segment.to_bytes().len() / rows,
        segment.mean_degree(),
    )?;
    let queries = floats(&fs::read(format!("{prefix}.query"))?);
    let queries = queries.chunks_exact(dimension).map(Query::new).collect::<Result<Vec<_>, _>>()?;
    let truth: Vec<u64> =
        fs::read(format!("{prefix}.truth"))?.as_chunks().0.iter().map(|b| u64::from(u32::from_le_bytes(*b))).collect();
    let truth: Vec<&[u64]> = truth.chunks_exact(100).collect();
    for width in [10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 64, 80, 100, 128, 160, 200, 300, 400] {
        let (recall, rate) = measure(&segment, &queries, &truth, None, width)?;
        writeln!(out, "width {width:>4}  recall {recall:.4}  {rate:>8.0} a second")?;
    }
    for every in [2u64, 10, 30, 100, 1000] {
        let allowed: KeySet = (0..rows as u64)
            .filter(|key| key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33 < (1 << 31) / every)
            .map(Key)
            .collect();
        let (_, plan) = segment.find(&queries[0], NEAREST, Some(&allowed), &SearchOptions::default())?;
        let (recall, rate) = filtered(&segment, &queries, &truth, &allowed)?;
        writeln!(out, "1 in {every}: recall {recall:.4} of those in the truth, {rate:>8.0} a second, {plan}")?;
    }
    Ok(())
}

/// Recall among the allowed that are in the truth, and queries per second given the bitset.
fn filtered(
    segment: &Segment,
    queries: &[Query],
    truth: &[&[u64]],
    allowed: &KeySet,
) -> Result<(f64, f64), Box<dyn Error>> {
    let truth: Vec<Vec<u64>> = truth
        .iter()
        .map(|nearest| nearest.iter().copied().filter(|&key| allowed.contains(Key(key))).take(NEAREST).collect())
        .collect();
    let truth: Vec<&[u64]> = truth.iter().map(Vec::as_slice).collect();
    measure(segment, queries, &truth, Some(allowed), SearchOptions::default().width)
}

fn measure(
    segment: &Segment,
    queries: &[Query],
    truth: &[&[u64]],
    allowed: Option<&KeySet>,
    width: usize,
) -> Result<(f64, f64), Box<dyn Error>> {
    let allowed = allowed.map(|keys| segment.prepare(keys));
    let search = |query| segment.find_prepared(query, NEAREST, allowed.as_ref(), &SearchOptions::width(width));
    let (mut hits, mut wanted) = (0, 0);
    for (query, nearest) in queries.iter().zip(truth) {
        let (found, _) = search(query)?;
        hits += found.iter().filter(|found| nearest.iter().take(NEAREST).any(|&key| key == found.key.0)).count();
        wanted += nearest.len().min(NEAREST);
    }
    let mut rates = Vec::new();
    for _ in 0..3 {
        let processor = thread_seconds();
        for query in queries {
            std::hint::black_box(search(query)?);
        }
        rates.push(queries.len() as f64 / (thread_seconds() - processor));
    }
    rates.sort_by(f64::total_cmp);
    Ok((hits as f64 / wanted.max(1) as f64, rates[1]))
}

fn options(settings: &[String]) -> Result<BuildOptions, Box<dyn Error>> {
    let mut options = BuildOptions::default();
    settings.iter().try_for_each(|setting| options.set(setting))?;
    Ok(options)
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
}

/// Processor seconds of this process: what a busy machine does not stretch.
fn processor_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let ticks: f64 = stat
        .rsplit(')')
        .next()
        .unwrap_or("")
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|t| t.parse::<f64>().ok())
        .sum();
    ticks / 100.0
}

/// Processor seconds of this thread, to the nanosecond.
fn thread_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    stat.split_whitespace().next().and_then(|time| time.parse::<f64>().ok()).unwrap_or(0.0) / 1e9
}

//! What a vector costs: nanoseconds for each row of an exact scan, by size, dimension and threads.
//!
//! `cargo bench -p neodex-index --bench vector_scan`. The fastest of many rounds is shown beside the median: the first is the machine's
//! limit, the second what a busy machine gives.

#[path = "../tests/vectors/mod.rs"]
mod vectors;

use std::error::Error;
use std::hint::black_box;
use std::io::{Write, stdout};
use std::time::{Duration, Instant};

use neodex_index::Key;
use neodex_index::vector::{Code, Distance, Memtable, Query, RowFormat, VectorIndex, instruction_set};
use vectors::vector;

fn main() -> Result<(), Box<dyn Error>> {
    let mut out = stdout().lock();
    writeln!(out, "instruction set: {}", instruction_set())?;
    writeln!(
        out,
        "{:>9} {:>8} {:>7} {:>10} {:>10} {:>10}",
        "dimension", "rows", "threads", "best ns", "median ns", "median ms"
    )?;
    for (dimension, rows) in [(384, 1_000), (384, 10_000), (384, 16_000), (384, 100_000), (768, 100_000)] {
        let memtable = filled(dimension, rows)?;
        let query = Query::new(&vector(dimension, u64::MAX))?;
        for threads in [1, 2] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
            let times = pool.install(|| rounds(|| memtable.search(&query, 64, None).is_ok()));
            let per_row = |time: Duration| time.as_nanos() as f64 / rows as f64;
            let (best, median) = (times[0], times[times.len() / 2]);
            let milliseconds = median.as_secs_f64() * 1e3;
            let (best, median) = (per_row(best), per_row(median));
            writeln!(out, "{dimension:>9} {rows:>8} {threads:>7} {best:>10.2} {median:>10.2} {milliseconds:>10.3}")?;
        }
    }
    costs_of_a_row(&mut out)
}

/// What is paid once for each vector, outside the scan.
fn costs_of_a_row(out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let dimension = 384;
    let vector = vector(dimension, 5);
    let row = RowFormat::F16.encode(&vector)?;
    let code = Code::encode(&vector)?;
    let bytes = code.to_bytes();
    let memtable = Memtable::new(dimension, Distance::Cosine)?;
    let fill = Instant::now();
    memtable.insert_many((0..100_000).map(|key| (Key(key), code.clone())))?;
    let fill = fill.elapsed() / 100_000;
    let median = |times: Vec<Duration>| times[times.len() / 2];
    writeln!(out, "\nat {dimension} dimensions, a row:")?;
    writeln!(out, "  encode a code       {:?}", median(rounds(|| Code::encode(&vector).is_ok())))?;
    writeln!(out, "  read a code         {:?}", median(rounds(|| Code::from_bytes(&bytes, dimension).is_ok())))?;
    writeln!(out, "  decode an f16 row   {:?}", median(rounds(|| RowFormat::F16.decode(&row, dimension).is_ok())))?;
    writeln!(out, "  exact score         {:?}", median(rounds(|| Distance::Cosine.score(&vector, &vector) > 0.0)))?;
    writeln!(out, "  insert into 100,000 {fill:?}")?;
    writeln!(out, "  memory              {} bytes", memtable.bytes() / 100_000)?;
    Ok(())
}

fn filled(dimension: usize, rows: u64) -> neodex_index::Result<Memtable> {
    let memtable = Memtable::new(dimension, Distance::Cosine)?;
    for key in 0..rows {
        memtable.insert(Key(key), &Code::encode(&vector(dimension, key))?)?;
    }
    Ok(memtable)
}

/// Times of a third of a second's worth of rounds, ascending.
fn rounds<T>(mut work: impl FnMut() -> T) -> Vec<Duration> {
    let begin = Instant::now();
    let mut times = Vec::new();
    while begin.elapsed() < Duration::from_millis(300) || times.len() < 10 {
        let round = Instant::now();
        black_box(work());
        times.push(round.elapsed());
    }
    times.sort();
    times
}

//! The same vectors in a database: its disk, its opening, and searches through it.

use std::path::Path;
use std::time::Instant;

use anyhow::Result;
use neodex::{Database, Document};
use serde_json::json;

use super::{BenchIndexArgs, NEAREST};
use crate::bench::{Report, Vectors, peak_bytes, processor_seconds};
use crate::context::Context;
use crate::progress::Progress;

/// Documents stored by one call.
const AT_ONCE: usize = 20_000;

/// Stores the vectors, seals, opens again and searches.
pub(super) fn through_database(
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
    let config = neodex::Config {
        distance: args.distance,
        rescoring: args.rescore,
        binary: args.binary,
        ..context.settings.config.clone()
    };
    let open = || context.with_device(Database::builder(folder)).config(config.clone()).vectors(base.dimension).open();
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

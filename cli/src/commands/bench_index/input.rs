//! The vectors an index is measured with: from files, or from a seed.

use std::fs::File;
use std::path::Path;

use anyhow::Result;

use super::BenchIndexArgs;
use crate::bench::{Generator, Vectors};
use crate::context::Context;
use crate::exit::usage;
use crate::npy;
use crate::progress::Progress;
use crate::units;

/// The numbers of queries, far from those of vectors.
const QUERIES_FROM: u64 = 1 << 40;

/// The vectors to build of, and those to search for.
///
/// # Errors
/// A mistake of whoever named files that are not there or do not fit.
pub(super) fn read(args: &BenchIndexArgs) -> Result<(Vectors, Vectors)> {
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

/// Writes what would be made to files.
pub(super) fn write(context: &Context, args: &BenchIndexArgs, folder: &Path) -> Result<()> {
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

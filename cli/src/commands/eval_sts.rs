//! `neodex eval sts`: does the model find similar what people find similar?

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use neodex::Embedder;
use neodex_eval::sts;

use crate::context::Context;
use crate::exit::{Status, usage};
use crate::model;
use crate::progress::Progress;

/// Pairs embedded at a time.
const BATCH: usize = 32;

/// Measure a model on sentence pairs with human scores.
///
/// FILE has tab-separated columns sentence1, sentence2 and score. Prints Spearman's and Pearson's correlation between the scores and the
/// cosine of the two vectors. Both sentences are embedded as queries.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  neodex eval sts sts-dev.tsv --model models/neobert")]
pub(crate) struct EvalStsArgs {
    /// The pairs.
    #[arg(value_name = "FILE.tsv")]
    file: PathBuf,
}

/// Runs it.
pub(crate) fn run(context: &Context, args: &EvalStsArgs) -> Result<Status> {
    let pairs = sts::open_pairs(&args.file)?;
    if pairs.is_empty() {
        return Err(usage(format!("{}: there are no pairs in it", args.file.display())));
    }
    let model = model::require(context, "`eval sts`")?;
    let progress = Progress::steps(&context.output, "pairs", Some(pairs.len() as u64));
    let mut cosines = Vec::with_capacity(pairs.len());
    for batch in pairs.chunks(BATCH) {
        let texts: Vec<&str> =
            batch.iter().flat_map(|pair| [pair.sentence1.as_str(), pair.sentence2.as_str()]).collect();
        let vectors = model.embed_queries(&texts).map_err(anyhow::Error::from_boxed)?;
        cosines.extend(vectors.chunks_exact(2).map(|pair| match pair {
            [first, second] => cosine(first, second),
            _ => 0.0,
        }));
        progress.at(cosines.len() as u64);
    }
    progress.finish();
    let report = sts::evaluate(&pairs, &cosines)?;
    if context.output.json {
        context.output.print_json(&report)?;
    } else {
        context.output.print(report)?;
    }
    Ok(Status::Done)
}

/// The cosine of two vectors; 0 where one of them is zero.
fn cosine(left: &[f32], right: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    let norms = (dot(left, left) * dot(right, right)).sqrt();
    if norms > 0.0 { dot(left, right) / norms } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cosine_does_not_depend_on_length() {
        assert!((cosine(&[3.0, 0.0], &[1.0, 1.0]) - 0.5f64.sqrt()).abs() < 1e-12);
        assert_eq!(cosine(&[0.0, 0.0], &[1.0, 1.0]), 0.0);
    }
}

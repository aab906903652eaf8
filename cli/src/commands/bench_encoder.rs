//! `neodex bench encoder`: tokens a second of a model, by length of the sequences.

use std::time::Instant;

use anyhow::Result;
use clap::Args;
use neodex_encoder::{Encoder, ModelFiles, ModelFolder, NeoBertConfig, Options, instruction_set};
use serde_json::json;

use crate::bench::{Report, peak_bytes, processor_seconds};
use crate::context::Context;
use crate::exit::{Status, usage};
use crate::model;
use crate::units;

/// Vocabulary of a model made for measuring: it does not matter for speed.
const VOCABULARY: usize = 8_192;

/// Measure a model on sequences of several lengths.
///
/// Random ids go through the model of --model, or one of random weights of --shape, in batches as `embed` makes them; the tokenizer is not
/// measured. The best of several rounds counts; tokens a processor second are by the time the system gave to this process, which other
/// processes disturb less. FLOP are those of the matrix products and of attention, two for each multiply and add.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  neodex bench encoder --shape 12x384\n  neodex bench encoder --model models/neobert --lengths 256,1024 --threads 1 --json"
)]
pub(crate) struct BenchEncoderArgs {
    /// A NeoBERT of random weights: layers x hidden size, heads of 64, and the usual inner size of 8/3 of the hidden size.
    #[arg(long, value_name = "LxH")]
    shape: Option<String>,
    /// Lengths of the sequences in tokens.
    #[arg(long, value_name = "N,...", value_delimiter = ',', default_value = "128,256,512,1024,2048,4096")]
    lengths: Vec<usize>,
    /// Threads [default: one a core].
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// Tokens of a round.
    #[arg(long, value_name = "N", default_value_t = 16_384)]
    tokens: usize,
    /// Rounds of each length.
    #[arg(long, value_name = "N", default_value_t = 3)]
    rounds: usize,
}

/// Runs it.
pub(crate) fn run(context: &Context, args: &BenchEncoderArgs) -> Result<Status> {
    let files = match (&args.shape, &context.settings.model) {
        (Some(shape), _) => ModelFiles::random(&parse(shape, &args.lengths)?, 1)?,
        (None, Some(named)) => ModelFolder::open(model::find(named)?)?.read()?,
        (None, None) => return Err(usage("say what to measure: --shape 12x384, or --model DIR")),
    };
    let options = Options {
        device: context.settings.device.parse()?,
        precision: context.settings.precision,
        threads: args.threads,
        ..Options::default()
    };
    let started = Instant::now();
    let encoder = Encoder::from_files(&files, &options).map_err(|error| usage(error.to_string()))?;
    drop(files);
    let load_seconds = started.elapsed().as_secs_f64();
    let info = encoder.info();
    let threads = args.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    if let Some(length) = args.lengths.iter().find(|&&length| length == 0 || length > info.max_tokens) {
        return Err(usage(format!("--lengths: {length} is not within the model's 1 to {}", info.max_tokens)));
    }

    let mut report = Report::new();
    for &length in &args.lengths {
        let count = (args.tokens / length).max(1);
        let sequences: Vec<Vec<u32>> = (0..count).map(|at| ids(at, length, info.vocab_size)).collect();
        let (mut best, mut least) = (f64::INFINITY, None::<f64>);
        // One round more than asked for: the first warms up.
        for round in 0..=args.rounds.max(1) {
            let (started, before) = (Instant::now(), processor_seconds());
            encoder.mean_states(&sequences)?;
            if round > 0 {
                best = best.min(started.elapsed().as_secs_f64());
                if let (Some(before), Some(after)) = (before, processor_seconds()) {
                    least = Some(least.unwrap_or(f64::INFINITY).min(after - before));
                }
            }
        }
        let tokens = (count * length) as u64;
        let rate = units::rate(tokens, best);
        report.row(json!({
            "model": info.name,
            "parameters": info.parameters,
            "device": info.device,
            "precision": info.precision,
            "instructions": if info.precision == neodex_encoder::Precision::Int8 { instruction_set() } else { "candle" },
            "threads": threads,
            "length": length,
            "tokens": tokens,
            "tokens_per_second": rate,
            "tokens_per_second_per_thread": rate / threads as f64,
            "tokens_per_processor_second": least.map(|seconds| units::rate(tokens, seconds)),
            "gflop_per_second": rate * flop_per_token(info, length) / 1e9,
            "load_seconds": load_seconds,
            "peak_memory_bytes": peak_bytes(),
        }));
    }
    report.print(&context.output)?;
    Ok(Status::Done)
}

/// `12x384` to a NeoBERT of 12 layers and width 384.
fn parse(shape: &str, lengths: &[usize]) -> Result<NeoBertConfig> {
    let wrong = || usage(format!("--shape: `{shape}` is not layers x hidden size, as in 12x384"));
    let (layers, hidden) = shape.split_once('x').ok_or_else(wrong)?;
    let (layers, hidden): (usize, usize) = (layers.parse().map_err(|_| wrong())?, hidden.parse().map_err(|_| wrong())?);
    let config = NeoBertConfig {
        hidden_size: hidden,
        num_hidden_layers: layers,
        num_attention_heads: if hidden.is_multiple_of(64) { (hidden / 64).max(1) } else { 1 },
        intermediate_size: 4 * hidden,
        vocab_size: VOCABULARY,
        max_length: lengths.iter().copied().max().unwrap_or(0).max(4096),
        ..NeoBertConfig::default()
    };
    config.validate().map_err(|error| usage(format!("--shape: {error}")))?;
    Ok(config)
}

/// Ids of a sequence, none of them special.
fn ids(sequence: usize, length: usize, vocabulary: usize) -> Vec<u32> {
    let rest = vocabulary.saturating_sub(200).max(1);
    let first = vocabulary - rest;
    (0..length).map(|at| (first + (sequence * 7_919 + at * 104_729) % rest) as u32).collect()
}

/// Multiplies and adds of a token among `length`, two FLOP each.
fn flop_per_token(info: &neodex_encoder::ModelInfo, length: usize) -> f64 {
    let (hidden, inner) = (info.hidden_size as f64, info.inner_size as f64);
    let products = hidden * (4.0 * hidden + 3.0 * inner);
    let attention = 2.0 * hidden * length as f64;
    2.0 * info.num_hidden_layers as f64 * (products + attention)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_shape_is_layers_and_width() {
        let config = parse("28x768", &[512]).unwrap();
        assert_eq!((config.num_attention_heads, config.inner_size(), config.max_length), (12, 2048, 4096));
        assert_eq!(parse("2x48", &[8192]).unwrap().max_length, 8192);
        for shape in ["", "12", "x", "12x", "0x384", "12x0", "12x384x2", "12x99999999999999999999"] {
            assert!(parse(shape, &[1]).is_err(), "{shape}");
        }
    }

    #[test]
    fn ids_are_within_the_vocabulary() {
        for vocabulary in [1, 5, 200, 201, 30_522] {
            assert!(ids(3, 500, vocabulary).into_iter().all(|id| (id as usize) < vocabulary));
        }
    }
}

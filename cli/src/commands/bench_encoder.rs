//! `neodex bench encoder`: how fast a model reads, and how near its states are to the exact ones.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Result;
use clap::Args;
use neodex::bundled_files;
use neodex_encoder::{Device, Encoder, ModelFiles, ModelInfo, Options, Precision, instruction_set};
use serde_json::{Value, json};

use crate::bench::{Report, Shape, peak_bytes, processor_seconds};
use crate::context::Context;
use crate::exit::{Status, usage};
use crate::model;
use crate::progress::Progress;
use crate::units;

/// Tokens of a measurement where none are asked for: several batches of the device.
const TOKENS_CPU: usize = 16_384;
const TOKENS_GPU: usize = 524_288;
/// Ids below are special in most vocabularies.
const FIRST_WORD: usize = 1_000;
/// States further from the exact ones than this share of their size fail the check.
const MOST_ERROR: f64 = 1e-2;
/// So do means at a wider angle.
const LEAST_COSINE: f64 = 0.999;
/// The same two for int8.
const INT8_LIMITS: (f64, f64) = (0.1, 0.998);

/// Measure how fast a model reads.
///
/// For each length as many sequences of random tokens as make up --tokens are read again and again for --seconds; the best round counts.
/// Operations are those of the products and of attention, padding not counted; the peak is what this device reaches in a product of two
/// large matrices, measured in the same run (in f32 where int8 is computed in). Tokens a processor second are by the time that the system
/// gave to this process, which others on the machine disturb less. With --shape the weights are random. With --check nothing is timed: states are compared with
/// those computed in f32 on the processor, and the exit status is 1 where they differ by more than 1 %, or in int8 by more
/// than 10 %.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  neodex bench encoder --shape 12x384 --lengths 128,512\n  neodex bench encoder --device cuda --shape 28x768 --lengths 512,1024,2048,4096\n  neodex bench encoder --device cuda --shape 28x768 --check\n  neodex bench encoder --shape 28x768,bert-base,modernbert-base --lengths 512,1024"
)]
pub(crate) struct BenchEncoderArgs {
    /// Layers and width of a NeoBERT with random weights and heads 64 wide, or bert-base, roberta-base, nomic-bert-2048, modernbert-base;
    /// several are read one after the other, into one table.
    #[arg(long, value_name = "LAYERSxWIDTH|NAME,...", value_delimiter = ',', conflicts_with = "model")]
    shape: Vec<String>,
    /// Tokens of a sequence, special tokens included [default: 128,512,1024,2048,4096 as far as the model reads]; of several shapes each
    /// takes those it can read.
    #[arg(long, value_name = "N,...", value_delimiter = ',')]
    lengths: Vec<usize>,
    /// Also read sequences of the lengths in this file, one a line, all together.
    #[arg(long, value_name = "FILE")]
    mix: Option<PathBuf>,
    /// Tokens read in one round [default: 16384, on a GPU 524288].
    #[arg(long, value_name = "N")]
    tokens: Option<usize>,
    /// Least time of a measurement.
    #[arg(long, value_name = "SECONDS", default_value_t = 2.0)]
    seconds: f64,
    /// Tokens in work at a time [default: as the device likes it].
    #[arg(long, value_name = "N")]
    batch_tokens: Option<usize>,
    /// Threads on a processor [default: one a core].
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// Compare states with exact ones instead, of sequences of --lengths [default: 1,7,64,200,1000,4096].
    #[arg(long, conflicts_with_all = ["mix", "tokens", "seconds"])]
    check: bool,
}

/// Runs it.
pub(crate) fn run(context: &Context, args: &BenchEncoderArgs) -> Result<Status> {
    let mut report = Report::new();
    let mut good = true;
    if args.shape.is_empty() {
        good = read(context, args, None, files(context)?, &mut report)?;
    }
    // A mistake in the last shape is told before the first is read for minutes.
    let shapes = args.shape.iter().map(|shape| shape.parse()).collect::<Result<Vec<Shape>>>()?;
    for shape in shapes {
        good &= read(context, args, Some(shape), shape.files(longest(args)?)?, &mut report)?;
    }
    report.print(&context.output)?;
    Ok(if good { Status::Done } else { Status::Partly })
}

/// Measures one model, or checks it; whether it is good.
fn read(
    context: &Context,
    args: &BenchEncoderArgs,
    shape: Option<Shape>,
    files: ModelFiles,
    report: &mut Report,
) -> Result<bool> {
    let (device, precision) = (context.settings.device, context.settings.precision);
    let options =
        Options { device, precision, threads: args.threads, batch_tokens: args.batch_tokens, ..Options::default() };
    let encoder = Encoder::from_files(&files, &options).map_err(|error| usage(error.to_string()))?;
    if let Some(notice) = &encoder.info().notice {
        context.output.note(notice);
    }
    let lengths = lengths(args, encoder.info())?;
    if args.check {
        let exact = Options { device: Device::Cpu, precision: Precision::F32, ..options };
        return check(&encoder, &Encoder::from_files(&files, &exact)?, &lengths, report);
    }
    drop(files);
    measure(context, args, shape, &encoder, &lengths, report)?;
    Ok(true)
}

/// Times every length, and the mix where there is one.
fn measure(
    context: &Context,
    args: &BenchEncoderArgs,
    shape: Option<Shape>,
    encoder: &Encoder,
    lengths: &[usize],
    report: &mut Report,
) -> Result<()> {
    let info = encoder.info();
    let device: Device = info.device.parse()?;
    let peak = device.product_speed(info.precision)?;
    let tokens = args.tokens.unwrap_or(if device == Device::Cpu { TOKENS_CPU } else { TOKENS_GPU });
    let mut rounds: Vec<(Value, Vec<usize>)> =
        lengths.iter().map(|&length| (json!(length), vec![length; (tokens / length).max(1)])).collect();
    if let Some(mix) = mix(args, info)? {
        rounds.push((json!("mix"), mix));
    }
    let progress = Progress::steps(&context.output, "lengths", Some(rounds.len() as u64));
    for (name, lengths) in rounds {
        let sequences = sequences(&lengths, info.vocab_size);
        let (seconds, processor) = best_round(encoder, &sequences, args.seconds)?;
        let total: usize = lengths.iter().sum();
        let speed = encoder.operations(&lengths) / seconds;
        report.row(json!({
            "engine": "neodex",
            "device": info.device,
            "shape": shape.filter(Shape::is_named).map_or_else(|| plain(info), |shape| shape.to_string()),
            "precision": info.precision,
            "instructions": if info.precision == Precision::Int8 { instruction_set() } else { "candle" },
            "lengths": name,
            "sequences": lengths.len(),
            "tokens_per_second": units::rate(total as u64, seconds).round(),
            "tokens_per_processor_second": processor.map(|seconds| units::rate(total as u64, seconds).round()),
            "tflops": speed / 1e12,
            "peak_tflops": peak / 1e12,
            "share_of_peak": speed / peak,
            "peak_memory_bytes": peak_bytes(),
        }));
        progress.step();
    }
    progress.finish();
    Ok(())
}

/// Seconds of the fastest of as many rounds as fit in `least` seconds, at least two, after one to warm up; and the least processor time
/// of one, where the system tells.
fn best_round(encoder: &Encoder, sequences: &[Vec<u32>], least: f64) -> Result<(f64, Option<f64>)> {
    encoder.means(sequences)?;
    let (mut best, mut spent, mut rounds, mut processor) = (f64::INFINITY, 0.0, 0, None::<f64>);
    while spent < least || rounds < 2 {
        let (start, before) = (Instant::now(), processor_seconds());
        encoder.means(sequences)?;
        let seconds = start.elapsed().as_secs_f64();
        if let (Some(before), Some(after)) = (before, processor_seconds()) {
            processor = Some(processor.unwrap_or(f64::INFINITY).min(after - before));
        }
        best = best.min(seconds);
        spent += seconds;
        rounds += 1;
    }
    Ok((best, processor))
}

/// A row for each length: how far the states are from the exact ones, and the angle between the two means.
/// Whether all are near enough.
fn check(encoder: &Encoder, exact: &Encoder, lengths: &[usize], report: &mut Report) -> Result<bool> {
    let info = encoder.info();
    let sequences = sequences(lengths, info.vocab_size);
    let found = encoder.hidden_states(&sequences)?;
    let expected = exact.hidden_states(&sequences)?;
    let means = encoder.means(&sequences)?;
    let (most_error, least_cosine) =
        if info.precision == Precision::Int8 { INT8_LIMITS } else { (MOST_ERROR, LEAST_COSINE) };
    let mut good = true;
    for (((length, found), expected), mean) in lengths.iter().zip(&found).zip(&expected).zip(&means) {
        let difference =
            found.values().iter().zip(expected.values()).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>();
        let size = expected.values().iter().map(|&x| f64::from(x).powi(2)).sum::<f64>();
        let mut sum = vec![0.0_f32; expected.width()];
        for row in expected.rows() {
            sum.iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
        }
        let (error, cosine) = ((difference / size).sqrt(), cosine(mean, &sum));
        good &= error < most_error && cosine > least_cosine;
        report.row(json!({
            "device": info.device,
            "shape": plain(info),
            "precision": info.precision,
            "length": length,
            "relative_error": format!("{error:.2e}"),
            "cosine_of_means": format!("{cosine:.7}"),
        }));
    }
    Ok(good)
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum::<f64>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

/// The model asked for, as bytes.
fn files(context: &Context) -> Result<ModelFiles> {
    match (context.settings.model.as_deref(), bundled_files()) {
        (Some(named), _) => model::files(named),
        (None, Some(bundled)) => Ok(bundled),
        (None, None) => Err(usage("`bench encoder` needs a model: --model DIR, or a --shape")),
    }
}

/// What a row calls a model that has no other name.
fn plain(info: &ModelInfo) -> String {
    format!("{}x{}", info.num_hidden_layers, info.hidden_size)
}

fn lengths(args: &BenchEncoderArgs, info: &ModelInfo) -> Result<Vec<usize>> {
    let fits = |length: &usize| (1..=info.max_tokens).contains(length);
    // Several models in one table: the paper's has lengths that some of them cannot read.
    let enough = args.shape.len() > 1 && args.lengths.iter().any(fits) && !args.lengths.contains(&0);
    if let Some(length) = args.lengths.iter().find(|length| !enough && !fits(length)) {
        return Err(usage(format!("--lengths: {length} is not within 1 to {}, what the model reads", info.max_tokens)));
    }
    let usual: &[usize] = match (args.check, args.mix.is_some()) {
        (true, _) => &[1, 7, 64, 200, 1000, 4096],
        (false, true) => &[],
        (false, false) => &[128, 512, 1024, 2048, 4096],
    };
    Ok(match args.lengths.as_slice() {
        [] => usual.iter().copied().filter(fits).collect(),
        asked => asked.iter().copied().filter(fits).collect(),
    })
}

/// The most tokens a NeoBERT of a given shape must be able to read.
fn longest(args: &BenchEncoderArgs) -> Result<usize> {
    let mixed = mixed(args.mix.as_deref())?.unwrap_or_default();
    Ok(args.lengths.iter().copied().chain(mixed).chain([4096]).max().unwrap_or_default())
}

/// The lengths of `--mix`, cut to what the model reads.
fn mix(args: &BenchEncoderArgs, info: &ModelInfo) -> Result<Option<Vec<usize>>> {
    Ok(mixed(args.mix.as_deref())?.map(|mix| mix.into_iter().map(|length| length.min(info.max_tokens)).collect()))
}

fn mixed(file: Option<&Path>) -> Result<Option<Vec<usize>>> {
    let Some(file) = file else { return Ok(None) };
    let told = |reason: String| usage(format!("--mix {}: {reason}", file.display()));
    let text = std::fs::read_to_string(file).map_err(|error| told(error.to_string()))?;
    let parse = |line: &str| line.trim().parse().map_err(|_| told(format!("`{line}` is not a number of tokens")));
    let mix: Vec<usize> = text.lines().filter(|line| !line.trim().is_empty()).map(parse).collect::<Result<_>>()?;
    if mix.is_empty() || mix.contains(&0) {
        return Err(told("lengths from 1 are needed".to_owned()));
    }
    Ok(Some(mix))
}

/// Sequences of these lengths; ids by a linear congruence, so that every run reads the same.
fn sequences(lengths: &[usize], vocab_size: usize) -> Vec<Vec<u32>> {
    let first = FIRST_WORD.min(vocab_size / 2);
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (first + (state >> 8) as usize % (vocab_size - first)) as u32
    };
    lengths.iter().map(|&length| (0..length).map(|_| next()).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_are_within_the_vocabulary_and_always_the_same() {
        let made = sequences(&[3, 0, 500], 30);
        assert_eq!(made.iter().map(Vec::len).collect::<Vec<_>>(), [3, 0, 500]);
        assert!(made.iter().flatten().all(|&id| (15..30).contains(&id)));
        assert_eq!(made, sequences(&[3, 0, 500], 30));
    }
}

//! `neodex train bench`: how fast a shape is trained here.

use anyhow::Result;
use clap::Args;
use neodex_encoder::NeoBertConfig;
use neodex_training::bench::{Workload, throughput};
use neodex_training::model::{Keep, Precision};
use serde_json::json;

use crate::bench::{Report, peak_bytes};
use crate::context::Context;
use crate::exit::{Status, usage};

/// What one H100 or H200 multiplies in bf16 a second, in 10^12, by its data sheet.
const HOPPER_TFLOPS: f64 = 989.0;
/// Width of a head in models of this architecture.
const HEAD: usize = 64;

/// Measure how fast a model of a given shape is trained.
///
/// Whole steps on random tokens: forward, backward, optimizer. The share of the device's arithmetic (MFU) counts what the model needs,
/// not what is computed twice, against --peak-tflops.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  neodex train bench --shape 12x384 --length 512\n  neodex train bench --shape 28x768 --length 4096 --device cuda --json"
)]
pub(crate) struct BenchTrainArgs {
    /// Layers and hidden size.
    #[arg(long, value_name = "LxD", value_parser = shape, default_value = "12x384")]
    shape: (usize, usize),
    /// Tokens of a sequence; may be given several times.
    #[arg(long, value_name = "TOKENS", default_value = "512")]
    length: Vec<usize>,
    /// Tokens of a step [default: 65536 on a GPU, 4096 on a CPU].
    #[arg(long, value_name = "TOKENS")]
    tokens: Option<usize>,
    /// Ids of the vocabulary.
    #[arg(long, value_name = "N", default_value_t = 24_576)]
    vocab_size: usize,
    /// Steps that are timed, after one that is not.
    #[arg(long, value_name = "N", default_value_t = 5)]
    steps: usize,
    /// What is computed in: f32, bf16 (on a GPU) or bf16x2 (on a CPU) [default: bf16 on a GPU, bf16x2 on a CPU with tile registers, else f32].
    #[arg(long, value_name = "PRECISION", value_parser = precision)]
    compute: Option<Precision>,
    /// Keep the inputs of blocks only and compute the rest again (activation checkpointing).
    #[arg(long)]
    activation_checkpointing: bool,
    /// The most 10^12 operations the device does a second [default: 989, a Hopper GPU's, in bf16 on a GPU; else none].
    #[arg(long, value_name = "N")]
    peak_tflops: Option<f64>,
}

/// Runs it.
pub(super) fn run(context: &Context, args: &BenchTrainArgs) -> Result<Status> {
    let device = super::device(context)?;
    let gpu = device.is_cuda();
    let precision = args.compute.unwrap_or(Precision::best(&device));
    if precision == Precision::Bf16 && !gpu {
        return Err(usage("--compute bf16 needs a GPU; the CPU computes in f32 or bf16x2"));
    }
    if precision == Precision::Bf16x2 && gpu {
        return Err(usage("--compute bf16x2 is for a CPU; a GPU computes in bf16 or f32"));
    }
    let tokens = args.tokens.unwrap_or(if gpu { 65_536 } else { 4096 });
    let peak = args.peak_tflops.or((gpu && precision == Precision::Bf16).then_some(HOPPER_TFLOPS));
    let keep = if args.activation_checkpointing { Keep::Inputs } else { Keep::Products };
    let mut report = Report::new();
    for &length in &args.length {
        let config = config(args, length);
        config.validate()?;
        let sequences = (tokens / length.max(1)).max(1);
        let work = Workload { config, sequences, length, precision, keep, steps: args.steps.max(1) };
        let measured = throughput(&work, &device)?;
        let (layers, hidden) = args.shape;
        report.row(json!({
            "shape": format!("{layers}x{hidden}"),
            "length": length,
            "precision": precision.name(),
            "activation_checkpointing": args.activation_checkpointing,
            "parameters": work.config.parameters(),
            "tokens_per_step": measured.tokens,
            "tokens_per_second": measured.tokens_per_second,
            "step_ms": measured.step_ms,
            "passes_ms": measured.passes_ms,
            "tflops": measured.tflops,
            "mfu": peak.map(|peak| measured.tflops / peak),
            "loss": measured.loss,
            "peak_memory_bytes": peak_bytes(),
        }));
    }
    report.print(&context.output)?;
    Ok(Status::Done)
}

fn config(args: &BenchTrainArgs, length: usize) -> NeoBertConfig {
    let (num_hidden_layers, hidden_size) = args.shape;
    NeoBertConfig {
        hidden_size,
        num_hidden_layers,
        num_attention_heads: (hidden_size / HEAD).max(1),
        intermediate_size: 4 * hidden_size,
        vocab_size: args.vocab_size,
        max_length: length.max(16),
        norm_eps: 1e-5,
        ..NeoBertConfig::default()
    }
}

fn shape(text: &str) -> Result<(usize, usize), String> {
    let parsed = text.split_once('x').and_then(|(layers, hidden)| Some((layers.parse().ok()?, hidden.parse().ok()?)));
    parsed
        .filter(|&(layers, hidden)| layers > 0 && hidden > 0)
        .ok_or("expected LAYERSxHIDDEN, such as 12x384".to_owned())
}

fn precision(text: &str) -> Result<Precision, String> {
    match text {
        "f32" => Ok(Precision::F32),
        "bf16" => Ok(Precision::Bf16),
        "bf16x2" => Ok(Precision::Bf16x2),
        other => Err(format!("`{other}` is none of f32, bf16 and bf16x2")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_two_numbers() {
        assert_eq!(shape("12x384"), Ok((12, 384)));
        assert!(["", "12", "12x", "x384", "0x4", "12x384x2"].iter().all(|text| shape(text).is_err()));
    }
}

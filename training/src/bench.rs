//! How fast a model of a given shape is trained on a device.

use std::time::Instant;

use candle_core::{Device, Tensor};
use neodex_encoder::NeoBertConfig;
use serde::Serialize;

use crate::error::Result;
use crate::flops::Work;
use crate::model::{Batch, Initial, Keep, NeoBert, Precision};
use crate::op;
use crate::optimizer::{Adamw, clip_scale, grad_norm};
use crate::random::Random;

/// The share of tokens that are predicted.
const MASKED: f64 = 0.2;

/// What is measured.
#[derive(Clone, Debug)]
pub struct Workload {
    /// The model's shape.
    pub config: NeoBertConfig,
    /// Sequences of a step.
    pub sequences: usize,
    /// Tokens of each, without padding.
    pub length: usize,
    /// In what it is computed.
    pub precision: Precision,
    /// What stays in memory.
    pub keep: Keep,
    /// Steps that are timed, after one that is not.
    pub steps: usize,
}

/// What came out.
#[derive(Clone, Debug, Serialize)]
pub struct Throughput {
    /// Tokens of a step.
    pub tokens: usize,
    /// Milliseconds of a step, forward, backward and optimizer.
    pub step_ms: f64,
    /// Of that, forward and backward.
    pub passes_ms: f64,
    /// Tokens a second.
    pub tokens_per_second: f64,
    /// Floating-point operations a second that the model needs (none for what is computed twice), in 10^12.
    pub tflops: f64,
    /// The loss of the last step; a sign that something was computed.
    pub loss: f64,
}

/// Trains on random tokens and times it.
///
/// # Errors
/// candle's, such as a lack of memory.
pub fn throughput(work: &Workload, device: &Device) -> Result<Throughput> {
    op::prepare_device(device)?;
    let mut random = Random::new(0);
    let mut model = NeoBert::new(&work.config, Initial::Random(&mut random), true, work.precision, device)?;
    let adamw = Adamw { beta1: 0.9, beta2: 0.95, eps: 1e-8, weight_decay: 0.1 };
    let vocab = work.config.vocab_size;
    let mut sequence = || -> Vec<u32> { (0..work.length).map(|_| 1 + random.below(vocab - 1) as u32).collect() };
    let sequences: Vec<Vec<u32>> = (0..work.sequences).map(|_| sequence()).collect();
    let batch = Batch::new(&sequences, 0, device)?;
    let rows: Vec<u32> = (0..work.sequences)
        .flat_map(|sequence| (0..work.length).map(move |at| (sequence * batch.seq + at) as u32))
        .filter(|_| random.chance(MASKED))
        .collect();
    let labels: Vec<u32> = rows.iter().map(|_| 1 + random.below(vocab - 1) as u32).collect();
    let scale = 1.0 / rows.len().max(1) as f32;
    let (mut loss, mut passes, mut whole) = (0.0, 0.0, 0.0);
    for step in 0..=work.steps as u64 {
        let start = Instant::now();
        let (states, tape) = model.forward(&batch, work.keep)?;
        let Some(head) = model.head() else { break };
        let outcome = head.run(&states, &rows, &labels, Some(scale))?;
        drop(states);
        if let Some(dstates) = &outcome.dstates {
            model.backward(&batch, tape, dstates)?;
        }
        let clip = clip_scale(grad_norm(&model.parameters())?, 1.0);
        let half = start.elapsed().as_secs_f64();
        adamw.step(&mut model.parameters_mut(), step + 1, 1e-4, clip)?;
        device.synchronize()?;
        if step > 0 {
            passes += half;
            whole += start.elapsed().as_secs_f64();
        }
        loss = mean(&outcome.loss, rows.len())?;
    }
    let steps = work.steps.max(1) as f64;
    let tokens = work.sequences * work.length;
    let need = Work::of(std::iter::repeat_n(work.length, work.sequences), rows.len());
    let tokens_per_second = tokens as f64 * steps / whole.max(1e-9);
    Ok(Throughput {
        tokens,
        step_ms: 1e3 * whole / steps,
        passes_ms: 1e3 * passes / steps,
        tokens_per_second,
        tflops: need.flops(&work.config) * steps / whole.max(1e-9) / 1e12,
        loss,
    })
}

fn mean(sum: &Tensor, count: usize) -> Result<f64> {
    Ok(f64::from(sum.to_scalar::<f32>()?) / count.max(1) as f64)
}

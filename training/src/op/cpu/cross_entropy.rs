//! Softmax cross-entropy and the gradient of the logits in one go.

use candle_core::{Device, Result, Tensor};

use super::memory::made;
use super::view::{floats, indices};
use super::wide;

/// See [`crate::op::cross_entropy`].
pub(in crate::op) fn cross_entropy(
    logits: &Tensor,
    bias: &Tensor,
    labels: &Tensor,
    scale: f32,
) -> Result<(Tensor, Tensor, Tensor)> {
    let (rows, vocab) = logits.dims2()?;
    let (logits, bias, labels) = (floats(logits)?, floats(bias)?, indices(labels)?);
    let (gradient, outcome) = made(rows * vocab, vocab, |at, gradient| {
        let logits = logits.get(at..at + gradient.len()).unwrap_or_default();
        let label = labels.get(at / vocab.max(1)).map_or(0, |&label| label as usize);
        row(gradient, logits, &bias, label, scale)
    });
    let (losses, correct): (Vec<f32>, Vec<f32>) = outcome.into_iter().unzip();
    let cpu = &Device::Cpu;
    Ok((
        Tensor::from_vec(losses, rows, cpu)?,
        Tensor::from_vec(correct, rows, cpu)?,
        Tensor::from_vec(gradient, (rows, vocab), cpu)?,
    ))
}

fn row(gradient: &mut [f32], logits: &[f32], bias: &[f32], label: usize, scale: f32) -> (f32, f32) {
    let highest = wide::biased(gradient, logits, bias);
    let own = gradient.get(label).copied().unwrap_or(f32::NEG_INFINITY);
    let sum = wide::exponentials(gradient, highest);
    wide::times(gradient, scale / sum);
    if let Some(g) = gradient.get_mut(label) {
        *g -= scale;
    }
    (sum.ln() + highest - own, f32::from(own >= highest))
}

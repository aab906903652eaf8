//! RMSNorm and its gradients, row by row.

use candle_core::{Result, Tensor};

use super::memory::made;
use super::view::floats;
use super::wide;

/// Rows a task takes: enough to hide its cost.
const ROWS: usize = 32;

/// See [`crate::op::rms_norm`].
pub(in crate::op) fn rms_norm(x: &Tensor, weight: &Tensor, eps: f32) -> Result<Tensor> {
    let (n, d) = x.dims2()?;
    let (x, weight) = (floats(x)?, floats(weight)?);
    let (y, _) = made(n * d, ROWS * d, |at, y| {
        let x = x.get(at..).unwrap_or_default();
        for (y, x) in y.chunks_exact_mut(d).zip(x.chunks_exact(d)) {
            let inverse = inverse_rms(x, eps);
            wide::scaled(y, x, inverse, &weight);
        }
    });
    Tensor::from_vec(y, (n, d), &candle_core::Device::Cpu)
}

/// See [`crate::op::rms_norm_backward`].
pub(in crate::op) fn rms_norm_backward(
    x: &Tensor,
    weight: &Tensor,
    dy: &Tensor,
    carry: Option<&Tensor>,
    eps: f32,
) -> Result<(Tensor, Tensor)> {
    let (n, d) = x.dims2()?;
    let (x, weight, dy) = (floats(x)?, floats(weight)?, floats(dy)?);
    let carry = carry.map(floats).transpose()?;
    // Partial sums are added in the order of the rows, so that the result does not depend on the threads.
    let (dx, partial) = made(n * d, ROWS * d, |at, dx| {
        if let Some(carry) = carry.as_ref().and_then(|carry| carry.get(at..at + dx.len())) {
            dx.copy_from_slice(carry);
        }
        let mut dweight = vec![0.0_f32; d];
        let (x, dy) = (x.get(at..).unwrap_or_default(), dy.get(at..).unwrap_or_default());
        for ((dx, x), dy) in dx.chunks_exact_mut(d).zip(x.chunks_exact(d)).zip(dy.chunks_exact(d)) {
            backward_row(dx, x, dy, &weight, &mut dweight, eps);
        }
        dweight
    });
    let mut dweight = vec![0.0_f32; d];
    for part in partial {
        wide::add(&mut dweight, &part);
    }
    let cpu = &candle_core::Device::Cpu;
    Ok((Tensor::from_vec(dx, (n, d), cpu)?, Tensor::from_vec(dweight, d, cpu)?))
}

/// With `s = 1 / rms`: `dx += s * (w * dy - x * s^2 * mean(w * dy * x))`, `dw += dy * x * s`.
fn backward_row(dx: &mut [f32], x: &[f32], dy: &[f32], weight: &[f32], dweight: &mut [f32], eps: f32) {
    let inverse = inverse_rms(x, eps);
    let projection = wide::triple_sum(x, dy, weight) * inverse * inverse / x.len() as f32;
    wide::norm_gradients(dx, dweight, x, dy, weight, inverse, projection);
}

fn inverse_rms(x: &[f32], eps: f32) -> f32 {
    1.0 / (wide::square_sum(x) / x.len() as f32 + eps).sqrt()
}

//! RMSNorm and its gradients, row by row.

use candle_core::{Result, Tensor};
use rayon::prelude::*;

use super::view::floats;

/// Rows a task takes: enough to hide its cost.
const ROWS: usize = 32;

/// See [`crate::op::rms_norm`].
pub(in crate::op) fn rms_norm(x: &Tensor, weight: &Tensor, eps: f32) -> Result<Tensor> {
    let (n, d) = x.dims2()?;
    let (x, weight) = (floats(x)?, floats(weight)?);
    let mut y = vec![0.0_f32; n * d];
    y.par_chunks_mut(ROWS * d).zip(x.par_chunks(ROWS * d)).for_each(|(y, x)| {
        for (y, x) in y.chunks_exact_mut(d).zip(x.chunks_exact(d)) {
            let inverse = inverse_rms(x, eps);
            for ((y, x), w) in y.iter_mut().zip(x).zip(weight.iter()) {
                *y = x * inverse * w;
            }
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
    let mut dx = match carry {
        Some(carry) => floats(carry)?.to_vec(),
        None => vec![0.0; n * d],
    };
    // Partial sums are added in the order of the rows, so that the result does not depend on the threads.
    let partial: Vec<Vec<f32>> = dx
        .par_chunks_mut(ROWS * d)
        .zip(x.par_chunks(ROWS * d))
        .zip(dy.par_chunks(ROWS * d))
        .map(|((dx, x), dy)| {
            let mut dweight = vec![0.0_f32; d];
            for ((dx, x), dy) in dx.chunks_exact_mut(d).zip(x.chunks_exact(d)).zip(dy.chunks_exact(d)) {
                backward_row(dx, x, dy, &weight, &mut dweight, eps);
            }
            dweight
        })
        .collect();
    let mut dweight = vec![0.0_f32; d];
    for part in partial {
        dweight.iter_mut().zip(part).for_each(|(sum, part)| *sum += part);
    }
    let cpu = &candle_core::Device::Cpu;
    Ok((Tensor::from_vec(dx, (n, d), cpu)?, Tensor::from_vec(dweight, d, cpu)?))
}

/// With `s = 1 / rms`: `dx += s * (w * dy - x * s^2 * mean(w * dy * x))`, `dw += dy * x * s`.
fn backward_row(dx: &mut [f32], x: &[f32], dy: &[f32], weight: &[f32], dweight: &mut [f32], eps: f32) {
    let inverse = inverse_rms(x, eps);
    let mut lanes = [0.0_f32; 8];
    for ((x, dy), w) in x.chunks(8).zip(dy.chunks(8)).zip(weight.chunks(8)) {
        for (lane, ((x, dy), w)) in lanes.iter_mut().zip(x.iter().zip(dy).zip(w)) {
            *lane += x * dy * w;
        }
    }
    let projection = lanes.iter().sum::<f32>() * inverse * inverse / x.len() as f32;
    for ((((dx, x), dy), w), dw) in dx.iter_mut().zip(x).zip(dy).zip(weight).zip(dweight) {
        *dx += inverse * (w * dy - x * projection);
        *dw += dy * x * inverse;
    }
}

fn inverse_rms(x: &[f32], eps: f32) -> f32 {
    let mut lanes = [0.0_f32; 8];
    for chunk in x.chunks(8) {
        for (lane, x) in lanes.iter_mut().zip(chunk) {
            *lane += x * x;
        }
    }
    1.0 / (lanes.iter().sum::<f32>() / x.len() as f32 + eps).sqrt()
}

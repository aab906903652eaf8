//! Means over ranges of rows: what turns token states into a passage's vector.

use candle_core::{Device, Error, Result, Tensor};

use super::view::{floats, indices};
use super::wide;

/// See [`crate::op::span_mean`].
pub(in crate::op) fn span_mean(x: &Tensor, spans: &Tensor) -> Result<Tensor> {
    let (_, d) = x.dims2()?;
    let (x, spans) = (floats(x)?, indices(spans)?);
    let mut means = Vec::with_capacity(spans.len() / 2 * d);
    for [start, end] in spans.as_chunks::<2>().0 {
        let rows = rows(x.len(), *start, *end, d)?;
        let mut mean = vec![0.0_f32; d];
        for row in x.get(rows).unwrap_or_default().chunks_exact(d) {
            wide::add(&mut mean, row);
        }
        let share = 1.0 / (end - start) as f32;
        means.extend(mean.into_iter().map(|sum| sum * share));
    }
    Tensor::from_vec(means, (spans.len() / 2, d), &Device::Cpu)
}

/// See [`crate::op::span_mean_backward`].
pub(in crate::op) fn span_mean_backward(dout: &Tensor, spans: &Tensor, like: &Tensor) -> Result<Tensor> {
    let (n, d) = like.dims2()?;
    let (dout, spans) = (floats(dout)?, indices(spans)?);
    let mut dx = vec![0.0_f32; n * d];
    for ([start, end], dout) in spans.as_chunks::<2>().0.iter().zip(dout.chunks_exact(d)) {
        let share = 1.0 / (end - start) as f32;
        let rows = rows(dx.len(), *start, *end, d)?;
        for row in dx.get_mut(rows).unwrap_or_default().chunks_exact_mut(d) {
            row.iter_mut().zip(dout).for_each(|(dx, dout)| *dx = dout * share);
        }
    }
    Tensor::from_vec(dx, (n, d), &Device::Cpu)
}

fn rows(values: usize, start: u32, end: u32, d: usize) -> Result<std::ops::Range<usize>> {
    let range = start as usize * d..end as usize * d;
    match start < end && range.end <= values {
        true => Ok(range),
        false => Err(Error::Msg(format!("rows {start} to {end} of {}", values / d.max(1))).bt()),
    }
}

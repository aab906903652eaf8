//! What a device can do at most: the denominator of the share of it that is put to use.

use std::time::Instant;

use candle_core::{DType, Device, Tensor};

use crate::error::Result;
use crate::model::Precision;
use crate::op;

/// Products that are timed; the fastest counts.
const TIMES: usize = 5;

/// Operations a second of a large matrix product on `device`.
pub(super) fn peak_flops(device: &Device, precision: Precision) -> Result<f64> {
    let factors = precision.factors();
    let width = if device.is_cpu() { 768 } else { 8192 };
    let a = Tensor::rand(0_f32, 1.0, (width, width), device)?.to_dtype(precision.dtype())?;
    op::matmul(&a, &a, factors)?.to_dtype(DType::F32)?.get(0)?.sum_all()?.to_scalar::<f32>()?;
    device.synchronize()?;
    let mut fastest = f64::INFINITY;
    for _ in 0..TIMES {
        let start = Instant::now();
        op::matmul(&a, &a, factors)?;
        device.synchronize()?;
        fastest = fastest.min(start.elapsed().as_secs_f64());
    }
    Ok(2.0 * (width as f64).powi(3) / fastest.max(1e-9))
}

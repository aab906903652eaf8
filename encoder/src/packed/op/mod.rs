//! What stands between the matrix products. Which device's version answers is decided here, once.
//!
//! Tensors are contiguous. Widths are multiples of 8: the kernels read sixteen bytes at a time.

mod activation;
mod cpu;
mod rows;

#[cfg(any(feature = "cuda", test))]
use candle_core::DType;
use candle_core::{Device, Result, Tensor};

use crate::gpu::op as gpu;
pub(crate) use activation::activate;

macro_rules! on_device {
    ($of:expr, $name:ident ( $($arg:expr),* )) => {
        match $of.device().is_cuda() {
            true => gpu::$name($($arg),*),
            false => cpu::$name($($arg),*),
        }
    };
}

/// Adds `addend` `(rows, width)` to the stream `(rows, width)` in f32 and norms it: the new stream, whose memory is the old one's where
/// that can be, and `rms_norm(stream) * weight` as `dtype`, which is the addend's or f32. `weight` `(width,)` is f32.
#[cfg(any(feature = "cuda", test))]
pub(super) fn add_norm(
    stream: Tensor,
    addend: Option<&Tensor>,
    weight: &Tensor,
    eps: f32,
    dtype: DType,
) -> Result<(Tensor, Tensor)> {
    on_device!(stream, add_norm(stream, addend, weight, eps, dtype))
}

/// Turns the queries and keys of `qkv` `(rows, 3 * hidden)`, per head query, key, value, by `positions` `(rows,)`. `table`
/// `(max_length, head_dim)` in f32 holds a cosine and a sine for each pair of components. The memory is reused where that can be.
pub(crate) fn rotate(qkv: Tensor, table: &Tensor, positions: &Tensor, heads: usize) -> Result<Tensor> {
    on_device!(qkv, rotate(qkv, table, positions, heads))
}

/// `(rows, 2 * inner)`, gates first, to `silu(gate) * value` `(rows, inner)`.
#[cfg(any(feature = "cuda", test))]
pub(super) fn swiglu(both: &Tensor) -> Result<Tensor> {
    on_device!(both, swiglu(both))
}

/// Means of runs of rows: `states` `(rows, width)` in f32, `spans` `(count, 2)`, to `(count, width)`; zeros for an empty run.
#[cfg_attr(not(any(feature = "cuda", test)), allow(dead_code))]
pub(super) fn span_means(states: &Tensor, spans: &Tensor) -> Result<Tensor> {
    on_device!(states, span_means(states, spans))
}

/// The angles of rotary positions `(max_length, head_dim)` in f32: a cosine and a sine for each pair of components. Frequencies and angles
/// are in f32, like the references'.
pub(crate) fn table(max_length: usize, head_dim: usize, theta: f32, device: &Device) -> Result<Tensor> {
    let frequencies: Vec<f32> =
        (0..head_dim).step_by(2).map(|i| 1.0 / theta.powf(i as f32 / head_dim as f32)).collect();
    let turns = (0..max_length).flat_map(|position| {
        frequencies.iter().flat_map(move |frequency| {
            let angle = position as f32 * frequency;
            [angle.cos(), angle.sin()]
        })
    });
    Tensor::from_vec(turns.collect(), (max_length, head_dim), device)
}

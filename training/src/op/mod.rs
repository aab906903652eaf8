//! The operations a NeoBERT is trained with, each with its hand-written backward pass.
//!
//! candle's own autograd builds a graph, zeroes and adds a tensor for every edge, and silently stops at its fused operations; the
//! trainer walks the layers backwards itself instead and calls these. Every function works on contiguous tensors of one device:
//! on the CPU in f32, on the GPU in bf16 or f32 with f32 sums. Which device's file answers is decided here, once.
//!
//! Shapes: `n` rows (tokens), `d` hidden size, `b` sequences of `t` positions, `h` heads of width `w`, `i` inner size.

pub mod check;
mod cpu;
#[cfg(feature = "cuda")]
#[path = "cuda/mod.rs"]
mod gpu;
#[cfg(not(feature = "cuda"))]
#[path = "no_cuda.rs"]
mod gpu;
#[cfg(any(test, feature = "flash-attn"))]
mod padding;
mod plain;

use candle_core::{Device, Result, Tensor};

pub use plain::{gelu, gelu_backward, layer_norm, layer_norm_backward};

/// What one AdamW step does to one parameter (Loshchilov & Hutter 2019): decoupled decay, bias-corrected moments.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamwStep {
    /// Learning rate of this step.
    pub lr: f32,
    /// Decay of the first moment.
    pub beta1: f32,
    /// Decay of the second moment.
    pub beta2: f32,
    /// Added to the root of the second moment.
    pub eps: f32,
    /// Decoupled weight decay; 0 for parameters that are not decayed.
    pub weight_decay: f32,
    /// `1 - beta1^step`, `step` from 1.
    pub correction1: f32,
    /// `1 - beta2^step`.
    pub correction2: f32,
    /// What the gradient is multiplied with first: clipping and averaging over micro-batches.
    pub grad_scale: f32,
}

/// How a CPU reads the factors of a matrix product in f32; a GPU multiplies as it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Factors {
    /// As they are.
    Whole,
    /// Each as the sum of two bf16, with sums in f32: a term is off by 3 * 2^-18 of itself at most, and three products in tile registers
    /// (AMX) take a third of the time of one in vectors. [`Factors::Whole`] where there are no such registers.
    Split,
}

/// Whether this processor has what [`Factors::Split`] is for.
#[must_use]
pub fn splits() -> bool {
    cpu::splits()
}

/// A padded batch as attention looks at it.
#[derive(Clone, Copy, Debug)]
pub struct Padded<'a> {
    /// `(positions, w / 2, 2)` in f32, cosine and sine.
    pub rotary: &'a Tensor,
    /// `(b)` in u32, at least 1 each: keys at and after a sequence's length are not looked at.
    pub lengths: &'a Tensor,
    /// Positions of each sequence, with padding.
    pub seq: usize,
    /// Attention heads.
    pub heads: usize,
    /// On a CPU.
    pub factors: Factors,
}

macro_rules! on_device {
    ($of:expr, $name:ident ( $($arg:expr),* )) => {
        match $of.device().is_cuda() {
            true => gpu::$name($($arg),*),
            false => cpu::$name($($arg),*),
        }
    };
}

/// Makes a device ready for training; on a GPU, before the first tensor is made there. The GPU must be used from one thread alone, or be
/// opened with a stream of its own (`Device::new_cuda_with_stream`). On the CPU the process keeps the memory it frees from here on.
///
/// # Errors
/// candle's, where the driver refuses.
pub fn prepare_device(device: &Device) -> Result<()> {
    match device.is_cuda() {
        true => gpu::prepare_device(device),
        false => cpu::prepare_device(device),
    }
}

/// `a` `(m, k)` times `b` `(k, n)`, either of which may be a transposed view: `(m, n)`.
#[allow(clippy::missing_errors_doc)]
pub fn matmul(a: &Tensor, b: &Tensor, factors: Factors) -> Result<Tensor> {
    match a.device().is_cuda() {
        true => a.matmul(b),
        false => cpu::matmul(a, b, factors),
    }
}

/// [`matmul`] with `x` `(m, n)` added.
#[allow(clippy::missing_errors_doc)]
pub fn matmul_plus(x: &Tensor, a: &Tensor, b: &Tensor, factors: Factors) -> Result<Tensor> {
    match x.device().is_cuda() {
        true => x + a.matmul(b)?,
        false => cpu::matmul_plus(x, a, b, factors),
    }
}

/// Adds [`matmul`] to `sum` in place, which is in f32 and has `m * n` elements in any shape.
#[allow(clippy::missing_errors_doc)]
pub fn add_matmul(sum: &Tensor, a: &Tensor, b: &Tensor, factors: Factors) -> Result<()> {
    match sum.device().is_cuda() {
        true => accumulate(sum, &a.matmul(b)?, 1.0),
        false => cpu::add_matmul(sum, a, b, factors),
    }
}

/// RMSNorm: `x` `(n, d)` and `weight` `(d)` to `(n, d)`, `x / sqrt(mean(x^2) + eps) * weight`.
///
/// # Errors
/// candle's, where shapes or devices do not fit; the same for every function here.
pub fn rms_norm(x: &Tensor, weight: &Tensor, eps: f32) -> Result<Tensor> {
    on_device!(x, rms_norm(x, weight, eps))
}

/// Gradients of [`rms_norm`]: `dx` `(n, d)` with `carry` `(n, d)`, the gradient that goes round the block, added; and `dweight` `(d)`
/// in f32.
#[allow(missing_docs, clippy::missing_errors_doc)]
pub fn rms_norm_backward(
    x: &Tensor,
    weight: &Tensor,
    dy: &Tensor,
    carry: Option<&Tensor>,
    eps: f32,
) -> Result<(Tensor, Tensor)> {
    on_device!(x, rms_norm_backward(x, weight, dy, carry, eps))
}

/// SwiGLU: `u` `(n, 2i)`, gate half first, to `silu(gate) * value` `(n, i)`.
#[allow(clippy::missing_errors_doc)]
pub fn swiglu(u: &Tensor) -> Result<Tensor> {
    on_device!(u, swiglu(u))
}

/// Gradient of [`swiglu`]: `u` `(n, 2i)` and `dy` `(n, i)` to `du` `(n, 2i)`.
#[allow(clippy::missing_errors_doc)]
pub fn swiglu_backward(u: &Tensor, dy: &Tensor) -> Result<Tensor> {
    on_device!(u, swiglu_backward(u, dy))
}

/// Rows of `table` `(vocab, d)` for `ids` `(n)` in u32: `(n, d)`.
#[allow(clippy::missing_errors_doc)]
pub fn embed(ids: &Tensor, table: &Tensor) -> Result<Tensor> {
    on_device!(table, embed(ids, table))
}

/// Gradient of [`embed`]: `ids` `(n)` and `dy` `(n, d)` to `(vocab, d)` in f32. Rows of `padding` get none, as in the reference.
#[allow(clippy::missing_errors_doc)]
pub fn embed_backward(ids: &Tensor, dy: &Tensor, vocab: usize, padding: u32) -> Result<Tensor> {
    on_device!(dy, embed_backward(ids, dy, vocab, padding))
}

/// Attention of a padded batch: `qkv` `(b * t, 3d)`, per head query, key, value, not yet rotated. Gives the mixed values `(b * t, d)`,
/// heads side by side, and what the backward pass needs.
#[allow(clippy::missing_errors_doc)]
pub fn attention(qkv: &Tensor, of: &Padded<'_>) -> Result<(Tensor, Vec<Tensor>)> {
    match qkv.device().is_cuda() {
        true => gpu::attention(qkv, of.rotary, of.lengths, of.seq, of.heads),
        false => cpu::attention(qkv, of),
    }
}

/// Gradient of [`attention`]: `saved` as it gave it, `dout` `(b * t, d)`, to `dqkv` `(b * t, 3d)`.
#[allow(clippy::missing_errors_doc)]
pub fn attention_backward(qkv: &Tensor, saved: &[Tensor], dout: &Tensor, of: &Padded<'_>) -> Result<Tensor> {
    match qkv.device().is_cuda() {
        true => gpu::attention_backward(qkv, saved, dout, of.rotary, of.lengths, of.seq, of.heads),
        false => cpu::attention_backward(qkv, saved, dout, of),
    }
}

/// Softmax cross-entropy: `logits` `(r, vocab)`, `bias` `(vocab)` in f32 added to them, `labels` `(r)` in u32. Gives the losses `(r)` in
/// f32, 1 or 0 for whether the label had the highest logit `(r)` in f32, and `scale` times the gradient of the logits, of their dtype.
#[allow(clippy::missing_errors_doc)]
pub fn cross_entropy(logits: &Tensor, bias: &Tensor, labels: &Tensor, scale: f32) -> Result<(Tensor, Tensor, Tensor)> {
    on_device!(logits, cross_entropy(logits, bias, labels, scale))
}

/// Sums over rows: `(r, c)` to `(c)` in f32.
#[allow(clippy::missing_errors_doc)]
pub fn column_sum(x: &Tensor) -> Result<Tensor> {
    on_device!(x, column_sum(x))
}

/// Means of row ranges: `x` `(n, d)`, `spans` `(s, 2)` in u32, first row and row past the last, none empty: `(s, d)` in f32.
#[allow(clippy::missing_errors_doc)]
pub fn span_mean(x: &Tensor, spans: &Tensor) -> Result<Tensor> {
    on_device!(x, span_mean(x, spans))
}

/// Gradient of [`span_mean`] for spans that do not overlap: `dout` `(s, d)` in f32 to `(n, d)` of the dtype and on the device of `like`,
/// which is `(n, d)`; rows in no span get 0.
#[allow(clippy::missing_errors_doc)]
pub fn span_mean_backward(dout: &Tensor, spans: &Tensor, like: &Tensor) -> Result<Tensor> {
    on_device!(like, span_mean_backward(dout, spans, like))
}

/// `sum += scale * x` in place, `sum` in f32 and `x` of any dtype here, both of as many elements.
#[allow(clippy::missing_errors_doc)]
pub fn accumulate(sum: &Tensor, x: &Tensor, scale: f32) -> Result<()> {
    on_device!(sum, accumulate(sum, x, scale))
}

/// One AdamW step in place: `state` `(3, count)` in f32 holds the weights, the first and the second moments; `grad` has `count`
/// elements in f32.
#[allow(clippy::missing_errors_doc)]
pub fn adamw(state: &Tensor, grad: &Tensor, step: &AdamwStep) -> Result<()> {
    on_device!(state, adamw(state, grad, step))
}

/// Writes `from`, f32, into `into` of any dtype here, in place.
#[allow(clippy::missing_errors_doc)]
pub fn cast_into(into: &Tensor, from: &Tensor) -> Result<()> {
    on_device!(into, cast_into(into, from))
}

/// Sum of squares of a tensor in f32, as a scalar tensor on its device.
#[allow(clippy::missing_errors_doc)]
pub fn square_sum(x: &Tensor) -> Result<Tensor> {
    on_device!(x, square_sum(x))
}

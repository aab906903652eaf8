//! The operations on the GPU: kernels of our own around cuBLAS products, all on the device's one stream, without a host-side wait.
//!
//! The kernels (`training/kernels`) exist for bf16 and f32 and sum in f32. What a launch may assume, that addresses, types and shapes
//! fit, is checked in `launch.rs` where the addresses are taken. Ids, labels, lengths and spans are read on the device only, where
//! they cannot be reported: an id or a label outside the vocabulary gives zeros or a loss that is no number, never a stray access.

mod attention;
mod cross_entropy;
mod embedding;
#[cfg(feature = "flash-attn")]
mod flash;
#[cfg(not(feature = "flash-attn"))]
#[path = "no_flash.rs"]
mod flash;
mod launch;
mod norm;
mod sums;
mod swiglu;
mod update;

pub(super) use attention::{attention, attention_backward};
pub(super) use cross_entropy::cross_entropy;
pub(super) use embedding::{embed, embed_backward};
pub(super) use launch::prepare_device;
pub(super) use norm::{rms_norm, rms_norm_backward};
pub(super) use sums::{column_sum, span_mean, span_mean_backward, square_sum};
pub(super) use swiglu::{swiglu, swiglu_backward};
pub(super) use update::{accumulate, adamw, cast_into};

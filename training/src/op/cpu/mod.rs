//! The operations on the CPU, in f32, in parallel over rows.
//!
//! Sums are added in a fixed order whatever the number of threads, so that a run that is stopped and resumed comes out the same to the bit.

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod amx;
mod attention;
mod cross_entropy;
mod embedding;
mod exp;
mod memory;
mod norm;
mod product;
mod span;
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod split;
mod strips;
mod swiglu;
mod tile;
mod update;
mod view;
mod wide;

pub(super) use attention::{attention, attention_backward};
pub(super) use cross_entropy::cross_entropy;
pub(super) use embedding::{embed, embed_backward};
pub(super) use memory::prepare_device;
pub(super) use norm::{rms_norm, rms_norm_backward};
pub(super) use product::{add_matmul, matmul, matmul_plus, splits};
pub(super) use span::{span_mean, span_mean_backward};
pub(super) use swiglu::{swiglu, swiglu_backward};
pub(super) use update::{accumulate, adamw, cast_into, column_sum, square_sum};

//! Models over packed sequences: all tokens of a batch as the rows of one matrix, nothing padded.
//!
//! This is the form the GPU computes in, and the other families on the CPU, too. It knows no GPU: each operation between the matrix products
//! has a plain version for the CPU beside the GPU's kernel, so that a model as a whole is tested where there is no GPU.

mod attention;
#[cfg(any(feature = "cuda", test))]
mod model;
pub(crate) mod op;
mod packing;

use candle_core::Tensor;

use crate::error::Result;
#[cfg(any(feature = "cuda", test))]
pub(crate) use model::PackedNeoBert;
pub(crate) use packing::{Inputs, Packing};

/// A model over packed sequences.
pub(crate) trait PackedModel: Send + Sync {
    /// Last states `(tokens, hidden)` in f32, after the last norm.
    fn forward(&self, inputs: &Inputs) -> Result<Tensor>;

    /// Whether some attention of it takes only sequences of one length at a time.
    #[cfg_attr(not(feature = "cuda"), allow(dead_code))]
    fn needs_buckets(&self) -> bool;

    /// Mean last states of the runs asked for `(spans, hidden)` in f32.
    #[cfg_attr(not(any(feature = "cuda", test)), allow(dead_code))]
    fn means(&self, inputs: &Inputs) -> Result<Tensor> {
        Ok(op::span_means(&self.forward(inputs)?, &inputs.spans)?)
    }
}

#[cfg(test)]
mod tests;

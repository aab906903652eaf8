//! NeoBERT over packed sequences: all tokens of a batch as the rows of one matrix, nothing padded.
//!
//! This is the form the GPU computes in. It knows no GPU: each operation between the matrix products has a plain version for the CPU
//! beside the GPU's kernel, so that the model as a whole is tested where there is no GPU.

mod attention;
mod model;
mod op;
mod packing;

pub(crate) use model::PackedNeoBert;
pub(crate) use packing::Packing;

#[cfg(test)]
mod tests;

//! NeoBERT as it is trained: the forward pass with what it has to remember, and the way back by hand.
//!
//! No graph is built. A block keeps what its backward pass needs in a [`Saved`], gives the gradient of its input and adds those of its
//! weights to the sums beside them; [`Keep::Inputs`] keeps only the inputs of blocks and computes the rest again (activation checkpointing).

mod attention;
mod batch;
mod block;
mod head;
mod init;
mod linear;
mod neobert;
mod norm;
mod parameter;
mod precision;
mod variant;

pub use batch::Batch;
pub use block::{Keep, Saved};
pub use head::{HeadOutcome, LanguageModelHead};
pub use init::Initial;
pub use neobert::{NeoBert, Tape};
pub use parameter::Parameter;
pub use precision::Precision;
pub use variant::{Activation, NormKind, Positions, Variant};

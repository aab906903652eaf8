//! Checkpoints to go on from, and the model folder at the end.
//!
//! ```text
//! DIR/checkpoints/PHASE/step-500/
//!   state.json           where the run was: step, tokens, random numbers, data position, recipe; lengths and hashes of the other files
//!   tensors.safetensors  weights and moments in f32
//! DIR/model/             what the encoder loads
//! ```
//!
//! A checkpoint is written under another name, brought to the disk, and renamed: what has its name is complete.

mod config;
mod disk;
mod export;
mod read;
mod state;
mod store;
mod tensor;
mod tokenizer;
mod writer;

pub use export::{Export, WeightFormat};
pub use read::Checkpoint;
pub use state::State;
pub use store::Checkpoints;
pub use tensor::{TensorSpec, model_tensors};

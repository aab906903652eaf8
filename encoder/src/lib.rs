//! NeoBERT in candle: text to unit vectors, with late chunking.
//!
//! ```no_run
//! use neodex_encoder::{Encoder, Options, Role};
//!
//! # fn main() -> neodex_encoder::Result<()> {
//! let encoder = Encoder::load("models/neobert", &Options::default())?;
//! let vectors = encoder.embed(&["close vectors", "near neighbours"], Role::Query)?;
//! assert_eq!(vectors[0].len(), encoder.dimension());
//! # Ok(())
//! # }
//! ```
//!
//! An [`Encoder`] comes from a [`ModelFolder`] on disk or from [`ModelFiles`] in the binary. [`Encoder::embed`] takes short texts
//! whole; [`Encoder::embed_late`] takes documents of any length with the chunks they are to be cut into.
//!
//! On the processor a model is computed in 8-bit integers unless [`Options::precision`] says otherwise; [`Precision::F32`] is the
//! exact path and agrees with the reference implementation to about 1e-5. On a GPU (feature `cuda`) products are in bf16.

mod architecture;
mod backend;
mod batch;
mod config;
mod device;
mod encoder;
mod engine;
mod error;
mod family;
mod files;
mod fingerprint;
mod folder;
#[cfg(feature = "cuda")]
mod gpu;
#[cfg(not(feature = "cuda"))]
#[path = "no_gpu.rs"]
mod gpu;
mod identity;
mod info;
mod lanes;
pub mod late;
mod masked;
pub mod model;
pub mod nearest;
mod options;
mod packed;
mod pooling;
mod precision;
mod quantized;
mod script;
mod sentence;
mod speed;
mod states;
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
pub mod tile_registers;
mod tokenizer;
mod unknown;
mod untrained;
mod weights;

pub use architecture::architecture_of;
pub use config::NeoBertConfig;
pub use device::Device;
pub use encoder::Encoder;
pub use engine::instruction_set;
pub use error::{Error, ErrorKind, Result};
pub use family::{published, published_names};
pub use files::{Bytes, ModelFiles};
pub use folder::ModelFolder;
pub use identity::Identity;
pub use info::ModelInfo;
pub use late::{ChunkSpan, LateDocument};
pub use masked::Guess;
pub use nearest::NearestRows;
pub use options::Options;
pub use pooling::Pooling;
pub use precision::Precision;
pub use quantized::quantize;
pub use sentence::{Prompts, Role};
pub use states::States;
pub use tokenizer::{Tokenizer, Tokens};
pub use weights::Weights;

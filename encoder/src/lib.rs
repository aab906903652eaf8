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
//! whole; [`Encoder::embed_late`] takes documents of any length with the chunks they are to be cut into. Everything is computed in
//! f32 and agrees with the reference implementation to about 1e-5.

mod batch;
mod config;
mod device;
mod encoder;
mod error;
mod files;
mod fingerprint;
mod folder;
mod identity;
mod info;
mod lanes;
pub mod late;
pub mod model;
mod options;
mod pooling;
mod script;
mod sentence;
mod states;
mod tokenizer;
mod unknown;
mod weights;

pub use config::NeoBertConfig;
pub use device::Device;
pub use encoder::Encoder;
pub use error::{Error, ErrorKind, Result};
pub use files::{Bytes, ModelFiles};
pub use folder::ModelFolder;
pub use identity::Identity;
pub use info::ModelInfo;
pub use late::{ChunkSpan, LateDocument};
pub use options::Options;
pub use pooling::Pooling;
pub use sentence::{Prompts, Role};
pub use states::States;
pub use tokenizer::{Tokenizer, Tokens};
pub use weights::Weights;

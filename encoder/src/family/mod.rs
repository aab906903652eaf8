//! The other families of encoders: BERT, DistilBERT, RoBERTa, XLM-RoBERTa, NomicBERT and ModernBERT.
//!
//! They are one transformer with a few switches: where the norms stand, how positions enter, what the feed-forward part lets through, how
//! far attention reaches. A [`Family`] holds those switches, read from each family's own `config.json`; `names` says what each family calls
//! its tensors; `model` is the one forward pass. It computes over packed sequences, so that there is no padding to hide, and needs nothing
//! but candle's operations, so that it is the same on a processor and on a GPU.
//!
//! candle-transformers has modules of most of them. They pad, each hides padding in its own way, and some cannot (RoBERTa's positions count
//! from the padding id; ModernBERT's windows are a mask of all pairs); one pass of our own is shorter than what it takes to use six.

mod backend;
mod config;
mod model;
mod names;
mod published;
mod read;

pub(crate) use backend::Packed;
pub(crate) use config::{Activation, Family};
pub(crate) use model::PackedFamily;
pub use published::{published, published_names};

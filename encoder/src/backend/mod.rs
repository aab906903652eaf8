//! What computes a batch: the seam between the encoder, which knows texts, and the engines, which know numbers.
//!
//! A backend is given whole sequences of ids and the runs of tokens whose mean states are wanted, and gives back those means. It
//! pools itself, because only few rows need to leave a device, and because an engine that packs its rows has no padded block of
//! states to hand out. A run of one token is that token's state, so that all states are a case of the same call.

mod padded;

use std::ops::Range;

use crate::architecture::Architecture;
use crate::device::{Device, Place};
use crate::engine::Engine;
use crate::error::Result;
use crate::family;
use crate::gpu;
use crate::options::Options;
use crate::precision::Precision;
use crate::states::States;
use crate::weights::Weights;

/// One sequence of a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sequence {
    /// Token ids with their special tokens; at least one, all within the vocabulary, no more than the model's `max_length`.
    pub(crate) ids: Vec<u32>,
    /// The runs of tokens whose mean last state is wanted, each within `ids`. An empty run has zeros.
    pub(crate) spans: Vec<Range<usize>>,
}

impl Sequence {
    /// A sequence of which every token's state is wanted.
    pub(crate) fn with_all_states(ids: Vec<u32>) -> Self {
        let spans = (0..ids.len()).map(|token| token..token + 1).collect();
        Self { ids, spans }
    }
}

/// What a batch costs a backend, which decides who may share one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// Its longest sequence times its sequences.
    Padded,
    /// The sum of its sequences.
    #[cfg_attr(not(feature = "cuda"), allow(dead_code))]
    Packed,
}

/// An engine with a model in it.
pub(crate) trait Backend: Send + Sync {
    /// For each sequence the means asked for, `(spans, hidden)` in f32, in the order of the spans.
    ///
    /// The same sequence gives the same means whatever shares its batch, up to the rounding of the backend's arithmetic. Rayon's
    /// current pool is the one to compute in.
    fn means(&self, batch: &[Sequence]) -> Result<Vec<Vec<f32>>>;

    /// The language-model head's logits of last states.
    fn logits(&self, states: &States) -> Result<States>;

    /// How batches are to be filled.
    fn layout(&self) -> Layout;

    /// How many batches it wants in work at a time, at most, at least 1: the token budget is shared among so many.
    fn lanes(&self) -> usize;

    /// Tokens to have in work at a time where the caller does not say.
    fn batch_tokens(&self) -> usize;

    /// What it computes in; never [`Precision::Auto`].
    fn precision(&self) -> Precision;

    /// Where it computes, as [`ModelInfo`](crate::ModelInfo) prints it: `cpu`, `cuda:0`.
    fn device(&self) -> String;
}

/// The backend for what `options` asks for on an opened device, with the model in it.
///
/// # Errors
/// [`Error::DeviceUnavailable`](crate::Error::DeviceUnavailable),
/// [`Error::PrecisionUnavailable`](crate::Error::PrecisionUnavailable), and those of [`Weights::tensor`].
pub(crate) fn open(
    weights: &Weights<'_>,
    architecture: &Architecture,
    options: &Options,
    place: &Place,
) -> Result<Box<dyn Backend>> {
    let Place { device, name, .. } = place;
    if let Device::Cuda(ordinal) = name {
        return gpu::load(weights, architecture, device, *ordinal, options.precision);
    }
    match (options.precision, architecture) {
        (half @ (Precision::F16 | Precision::Bf16), _) => {
            Err(half.unavailable("a processor computes in `int8` or `f32`; half precision takes a GPU"))
        }
        (Precision::F32, Architecture::NeoBert(config)) => Ok(Box::new(padded::Padded::load(weights, config, device)?)),
        (Precision::Auto | Precision::Int8, Architecture::NeoBert(config)) => {
            Ok(Box::new(Engine::load(weights, config)?))
        }
        (Precision::Auto | Precision::F32, Architecture::Family(family)) => {
            Ok(Box::new(family::Packed::load(weights, family)?))
        }
        (int8, Architecture::Family(_)) => {
            Err(int8.unavailable("only NeoBERT is computed in `int8`; this model takes `f32`, or `auto`"))
        }
    }
}

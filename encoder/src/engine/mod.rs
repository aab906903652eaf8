//! NeoBERT in 8-bit integers on the processor: the fast path.
//!
//! Weights are int8 with a scale an output channel, activations int8 with a scale a row, found as they come. The residual stream stays
//! in f32; queries, keys, values and probabilities are bf16. Sequences are packed end to end without padding, and every row and
//! every head is computed alone, so that a sequence's states are the same to the bit whatever shares its batch.
//!
//! A batch goes through the model in turns of two parallel loops: over blocks of rows (`block`: everything that concerns one token)
//! and over heads of sequences (`attention`). A block is small enough to stay near the core from its norm to its last product.

mod activations;
mod attention;
mod batch;
mod block;
mod kernel;
mod layer;
mod matrix;
mod rotary;

use candle_core::{Device, Tensor};

use crate::backend::{Backend, Layout, Sequence};
use crate::config::NeoBertConfig;
use crate::error::{Error, Result};
use crate::model::{EMBEDDING, LanguageModelHead};
use crate::precision::Precision;
use crate::quantized::Quantized;
use crate::states::States;
use crate::weights::Weights;
use kernel::Kernel;
use layer::Layer;
use rotary::Rotary;

pub use kernel::instruction_set;

/// The model, packed for the kernels.
pub(crate) struct Engine {
    /// One row a token id, with its scale.
    embedding: Quantized,
    layers: Vec<Layer>,
    /// Of the last norm.
    norm: Vec<f32>,
    rotary: Rotary,
    shape: Shape,
    /// Only logits need it; it is computed in f32.
    head: Option<LanguageModelHead>,
    kernel: Kernel,
}

/// The sizes the loops run over. Padded ones are what the kernels see; what is beyond the real size is zero.
#[derive(Clone, Copy, Debug)]
struct Shape {
    hidden: usize,
    /// Floats of a row of the residual stream: `hidden` and zeros to a multiple of 64.
    stream: usize,
    heads: usize,
    head: usize,
    /// `head` and zeros to a multiple of 32.
    head_padded: usize,
    /// Inner width of the feed-forward part, and zeros to a multiple of 64.
    inner: usize,
    eps: f32,
}

impl Shape {
    /// bf16 numbers of a row of queries, keys and values, by head.
    fn attention(&self) -> usize {
        self.heads * 3 * self.head_padded
    }
}

impl Engine {
    /// Packs the model. Weights stored as int8 are taken as they are, others are quantised here as the file format does.
    ///
    /// # Errors
    /// Those of [`Weights::tensor`].
    pub(crate) fn load(weights: &Weights<'_>, config: &NeoBertConfig) -> Result<Self> {
        let shape = Shape {
            hidden: config.hidden_size,
            stream: config.hidden_size.next_multiple_of(64),
            heads: config.num_attention_heads,
            head: config.head_dim(),
            head_padded: config.head_dim().next_multiple_of(32),
            inner: config.inner_size().next_multiple_of(64),
            eps: config.norm_eps as f32,
        };
        let layers = (0..config.num_hidden_layers).map(|index| Layer::load(weights, index, config));
        Ok(Self {
            embedding: weights.quantized(EMBEDDING, [config.vocab_size, config.hidden_size])?,
            layers: layers.collect::<Result<_>>()?,
            norm: weights.values("layer_norm.weight", &[config.hidden_size])?,
            rotary: Rotary::new(config),
            shape,
            head: LanguageModelHead::load(weights, config, &Device::Cpu)?,
            kernel: Kernel::best(),
        })
    }
}

impl Backend for Engine {
    fn means(&self, batch: &[Sequence]) -> Result<Vec<Vec<f32>>> {
        Ok(self.run(batch))
    }

    fn logits(&self, states: &States) -> Result<States> {
        let head = self.head.as_ref().ok_or(Error::NoLanguageModelHead)?;
        let shape = (1, states.tokens(), states.width());
        let logits = head.forward(&Tensor::from_slice(states.values(), shape, &Device::Cpu)?)?;
        Ok(States::new(logits.flatten_all()?.to_vec1()?, logits.dim(2)?))
    }

    fn layout(&self) -> Layout {
        Layout::Packed
    }

    /// One: a batch fills all threads by itself.
    fn lanes(&self) -> usize {
        1
    }

    fn batch_tokens(&self) -> usize {
        8192
    }

    fn precision(&self) -> Precision {
        Precision::Int8
    }

    fn device(&self) -> String {
        crate::device::Device::Cpu.to_string()
    }
}

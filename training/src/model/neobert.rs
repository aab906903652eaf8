//! The whole encoder, from ids to states and back.

use candle_core::{Device, Tensor};
use neodex_encoder::NeoBertConfig;

use super::batch::Batch;
use super::block::{Block, Keep, Saved, Shape};
use super::head::LanguageModelHead;
use super::init::Initial;
use super::norm::{norm, norm_backward};
use super::parameter::{Parameter, Precision};
use crate::error::Result;
use crate::op;

/// A NeoBERT in training.
#[derive(Clone, Debug)]
pub struct NeoBert {
    embedding: Parameter,
    blocks: Vec<Block>,
    final_norm: Parameter,
    head: Option<LanguageModelHead>,
    /// `(positions, w / 2, 2)` in f32.
    rotary: Tensor,
    config: NeoBertConfig,
    device: Device,
}

/// What a forward pass remembers for the way back.
#[derive(Debug)]
pub struct Tape {
    saved: Vec<Saved>,
    /// The stream after the last block.
    last: Tensor,
}

impl NeoBert {
    /// The model `config` describes, with a language-model head or without.
    ///
    /// # Errors
    /// Those of [`Initial`], and candle's.
    pub fn new(
        config: &NeoBertConfig,
        mut initial: Initial<'_>,
        with_head: bool,
        precision: Precision,
        device: &Device,
    ) -> Result<Self> {
        let mut parameter = |name: String, shape: &[usize]| -> Result<Parameter> {
            let values = initial.values(&name, shape)?;
            Ok(Parameter::new(name, values, shape, precision, device)?)
        };
        let (hidden, inner, vocab) = (config.hidden_size, config.inner_size(), config.vocab_size);
        let embedding = parameter("model.encoder.weight".to_owned(), &[vocab, hidden])?;
        let mut block = |index: usize| -> Result<Block> {
            let mut of = |name: &str, shape: &[usize]| {
                parameter(format!("model.transformer_encoder.{index}.{name}.weight"), shape)
            };
            Ok(Block {
                qkv: of("qkv", &[3 * hidden, hidden])?,
                wo: of("wo", &[hidden, hidden])?,
                w12: of("ffn.w12", &[2 * inner, hidden])?,
                w3: of("ffn.w3", &[hidden, inner])?,
                attention_norm: of("attention_norm", &[hidden])?,
                ffn_norm: of("ffn_norm", &[hidden])?,
            })
        };
        let blocks = (0..config.num_hidden_layers).map(&mut block).collect::<Result<_>>()?;
        let final_norm = parameter("model.layer_norm.weight".to_owned(), &[hidden])?;
        let head = match with_head {
            true => Some(LanguageModelHead {
                weight: parameter("decoder.weight".to_owned(), &[vocab, hidden])?,
                bias: parameter("decoder.bias".to_owned(), &[vocab])?,
            }),
            false => None,
        };
        let rotary = rotary(config, device)?;
        Ok(Self { embedding, blocks, final_norm, head, rotary, config: config.clone(), device: device.clone() })
    }

    /// Its shape.
    #[must_use]
    pub fn config(&self) -> &NeoBertConfig {
        &self.config
    }

    /// Where it is.
    #[must_use]
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The language-model head, if it has one.
    #[must_use]
    pub fn head(&self) -> Option<&LanguageModelHead> {
        self.head.as_ref()
    }

    /// Last states `(n, d)`, normed, and what [`NeoBert::backward`] needs unless `keep` is [`Keep::Nothing`].
    ///
    /// # Errors
    /// candle's.
    pub fn forward(&self, batch: &Batch, keep: Keep) -> Result<(Tensor, Tape)> {
        let shape = self.shape();
        let mut x = op::embed(&batch.ids, self.embedding.weight())?;
        let mut saved = Vec::with_capacity(self.blocks.len());
        for block in &self.blocks {
            let (y, remembered) = block.forward(&x, batch, &shape, keep)?;
            saved.extend(remembered);
            x = y;
        }
        let states = norm(&x, &self.final_norm, shape.eps)?;
        Ok((states, Tape { saved, last: x }))
    }

    /// Adds the gradients of every weight to their sums, from that of the states `(n, d)`.
    ///
    /// # Errors
    /// candle's.
    pub fn backward(&self, batch: &Batch, tape: Tape, dstates: &Tensor) -> Result<()> {
        let shape = self.shape();
        let mut dx = norm_backward(&tape.last, &self.final_norm, dstates, None, shape.eps)?;
        for (block, saved) in self.blocks.iter().zip(tape.saved).rev() {
            dx = block.backward(saved, &dx, batch, &shape)?;
        }
        let (vocab, padding) = (self.config.vocab_size, self.config.pad_token_id);
        self.embedding.add_grad(&op::embed_backward(&batch.ids, &dx, vocab, padding)?)?;
        Ok(())
    }

    /// All parameters, in the order of a checkpoint.
    #[must_use]
    pub fn parameters(&self) -> Vec<&Parameter> {
        let blocks = self.blocks.iter().flat_map(Block::parameters);
        let head = self.head.iter().flat_map(|head| [&head.weight, &head.bias]);
        [&self.embedding].into_iter().chain(blocks).chain([&self.final_norm]).chain(head).collect()
    }

    /// All parameters, to be changed.
    pub fn parameters_mut(&mut self) -> Vec<&mut Parameter> {
        let blocks = self.blocks.iter_mut().flat_map(Block::parameters_mut);
        let head = self.head.iter_mut().flat_map(|head| [&mut head.weight, &mut head.bias]);
        [&mut self.embedding].into_iter().chain(blocks).chain([&mut self.final_norm]).chain(head).collect()
    }

    fn shape(&self) -> Shape<'_> {
        Shape { heads: self.config.num_attention_heads, eps: self.config.norm_eps as f32, rotary: &self.rotary }
    }
}

/// Cosine and sine of every position and pair, computed in f32 like the reference's.
fn rotary(config: &NeoBertConfig, device: &Device) -> Result<Tensor> {
    let width = config.head_dim();
    let frequency = |i: usize| 1.0 / config.rope_theta.powf(2.0 * i as f32 / width as f32);
    let frequencies: Vec<f32> = (0..width / 2).map(frequency).collect();
    let angles = (0..config.max_length).flat_map(|position| {
        frequencies.iter().flat_map(move |frequency| {
            let angle = position as f32 * frequency;
            [angle.cos(), angle.sin()]
        })
    });
    Ok(Tensor::from_vec(angles.collect::<Vec<f32>>(), (config.max_length, width / 2, 2), device)?)
}

//! The whole encoder, from ids to states and back.

use candle_core::{Device, Tensor};
use neodex_encoder::NeoBertConfig;

use super::batch::Batch;
use super::block::{Block, Keep, Saved, Shape};
use super::head::{HEAD, LanguageModelHead};
use super::init::Initial;
use super::norm::Norm;
use super::parameter::Parameter;
use super::precision::Precision;
use super::variant::{Activation, Positions, Variant};
use crate::error::Result;
use crate::op;

const DECODER_BIAS: &str = "decoder.bias";

/// A NeoBERT in training.
#[derive(Clone, Debug)]
pub struct NeoBert {
    embedding: Parameter,
    /// `(positions, d)`, where they are learned.
    positions: Option<Parameter>,
    blocks: Vec<Block>,
    final_norm: Norm,
    head: Option<LanguageModelHead>,
    /// `(positions, w / 2, 2)` in f32.
    rotary: Tensor,
    config: NeoBertConfig,
    variant: Variant,
    device: Device,
    /// Whether all but the head stays as it is.
    frozen: bool,
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
        initial: Initial<'_>,
        with_head: bool,
        precision: Precision,
        device: &Device,
    ) -> Result<Self> {
        Self::of_variant(config, Variant::default(), initial, with_head, precision, device)
    }

    /// As [`NeoBert::new`], with other parts than NeoBERT's.
    ///
    /// # Errors
    /// Those of [`Initial`], and candle's.
    pub fn of_variant(
        config: &NeoBertConfig,
        variant: Variant,
        mut initial: Initial<'_>,
        with_head: bool,
        precision: Precision,
        device: &Device,
    ) -> Result<Self> {
        let mut parameter = |name: String, shape: &[usize]| -> Result<Parameter> {
            let values = initial.values(&name, shape)?;
            // The head adds its bias to sums in f32.
            let precision = if name == DECODER_BIAS { Precision::F32 } else { precision };
            Parameter::new(name, values, shape, precision, device)
        };
        let (hidden, vocab) = (config.hidden_size, config.vocab_size);
        let (up, down, between) = match variant.activation {
            Activation::Swiglu => ("ffn.w12", "ffn.w3", (2 * config.inner_size(), config.inner_size())),
            Activation::Gelu => ("ffn.w1", "ffn.w2", (config.intermediate_size, config.intermediate_size)),
        };
        let embedding = parameter("model.encoder.weight".to_owned(), &[vocab, hidden])?;
        let positions = match variant.positions {
            Positions::Rope => None,
            Positions::Learned => {
                Some(parameter("model.position_embedding.weight".to_owned(), &[config.max_length, hidden])?)
            }
        };
        let mut block = |index: usize| -> Result<Block> {
            let at = format!("model.transformer_encoder.{index}");
            let mut of = |name: &str, shape: [usize; 2]| parameter(format!("{at}.{name}.weight"), &shape);
            let qkv = of("qkv", [3 * hidden, hidden])?;
            let wo = of("wo", [hidden, hidden])?;
            let up = of(up, [between.0, hidden])?;
            let down = of(down, [hidden, between.1])?;
            let mut norm =
                |name: &str| Norm::new(variant.norm, &format!("{at}.{name}"), |name| parameter(name, &[hidden]));
            Ok(Block { qkv, wo, up, down, attention_norm: norm("attention_norm")?, ffn_norm: norm("ffn_norm")? })
        };
        let blocks = (0..config.num_hidden_layers).map(&mut block).collect::<Result<_>>()?;
        let final_norm = Norm::new(variant.norm, "model.layer_norm", |name| parameter(name, &[hidden]))?;
        let head = match with_head {
            true => Some(LanguageModelHead {
                weight: parameter("decoder.weight".to_owned(), &[vocab, hidden])?,
                bias: parameter(DECODER_BIAS.to_owned(), &[vocab])?,
            }),
            false => None,
        };
        let rotary = rotary(config, variant.positions, device)?;
        let (config, device) = (config.clone(), device.clone());
        let frozen = false;
        Ok(Self { embedding, positions, blocks, final_norm, head, rotary, config, variant, device, frozen })
    }

    /// Keeps of master weights and moments only what `rank` of `world` is responsible for.
    ///
    /// # Errors
    /// candle's.
    pub fn part(&mut self, rank: usize, world: usize) -> Result<()> {
        self.parameters_mut().into_iter().try_for_each(|parameter| parameter.part(rank, world))
    }

    /// Leaves everything but the head as it is.
    pub(crate) fn freeze_encoder(&mut self) {
        self.frozen = true;
    }

    /// Whether everything but the head stays as it is.
    pub(crate) fn is_frozen(&self) -> bool {
        self.frozen
    }

    /// The parameters that are learned, in the order of a checkpoint.
    pub(crate) fn learned(&self) -> Vec<&Parameter> {
        let own = |parameter: &&Parameter| !self.frozen || parameter.name().starts_with(HEAD);
        self.parameters().into_iter().filter(own).collect()
    }

    /// The parameters that are learned, to be changed.
    pub(crate) fn learned_mut(&mut self) -> Vec<&mut Parameter> {
        let frozen = self.frozen;
        let own = |parameter: &&mut Parameter| !frozen || parameter.name().starts_with(HEAD);
        self.parameters_mut().into_iter().filter(own).collect()
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
        if let Some(positions) = &self.positions {
            x = (x + op::embed(&batch.positions, positions.weight())?)?;
        }
        let mut saved = Vec::with_capacity(self.blocks.len());
        for block in &self.blocks {
            let (y, remembered) = block.forward(&x, batch, &shape, keep)?;
            saved.extend(remembered);
            x = y;
        }
        let states = self.final_norm.forward(&x, shape.eps)?;
        Ok((states, Tape { saved, last: x }))
    }

    /// Adds the gradients of every weight to their sums, from that of the states `(n, d)`.
    ///
    /// # Errors
    /// candle's.
    pub fn backward(&self, batch: &Batch, tape: Tape, dstates: &Tensor) -> Result<()> {
        let shape = self.shape();
        let mut dx = self.final_norm.backward(&tape.last, dstates, None, shape.eps)?;
        for (block, saved) in self.blocks.iter().zip(tape.saved).rev() {
            dx = block.backward(saved, &dx, batch, &shape)?;
        }
        let (vocab, padding) = (self.config.vocab_size, self.config.pad_token_id);
        self.embedding.add_grad(&op::embed_backward(&batch.ids, &dx, vocab, padding)?)?;
        if let Some(positions) = &self.positions {
            let rows = self.config.max_length;
            positions.add_grad(&op::embed_backward(&batch.positions, &dx, rows, u32::MAX)?)?;
        }
        Ok(())
    }

    /// All parameters, in the order of a checkpoint.
    #[must_use]
    pub fn parameters(&self) -> Vec<&Parameter> {
        let blocks = self.blocks.iter().flat_map(Block::parameters).chain(self.final_norm.parameters());
        let head = self.head.iter().flat_map(|head| [&head.weight, &head.bias]);
        [&self.embedding].into_iter().chain(&self.positions).chain(blocks).chain(head).collect()
    }

    /// All parameters, to be changed.
    pub fn parameters_mut(&mut self) -> Vec<&mut Parameter> {
        let blocks = self.blocks.iter_mut().flat_map(Block::parameters_mut).chain(self.final_norm.parameters_mut());
        let head = self.head.iter_mut().flat_map(|head| [&mut head.weight, &mut head.bias]);
        [&mut self.embedding].into_iter().chain(&mut self.positions).chain(blocks).chain(head).collect()
    }

    fn shape(&self) -> Shape<'_> {
        let (heads, eps) = (self.config.num_attention_heads, self.config.norm_eps as f32);
        let factors = self.embedding.factors();
        Shape { heads, eps, activation: self.variant.activation, rotary: &self.rotary, factors }
    }
}

/// Cosine and sine of every position and pair, computed in f32 like the reference's; of no angle where positions are learned.
fn rotary(config: &NeoBertConfig, positions: Positions, device: &Device) -> Result<Tensor> {
    let width = config.head_dim();
    let frequency = |i: usize| 1.0 / config.rope_theta.powf(2.0 * i as f32 / width as f32);
    let frequencies: Vec<f32> = (0..width / 2).map(frequency).collect();
    let turns = if positions == Positions::Rope { 1.0 } else { 0.0 };
    let angles = (0..config.max_length).flat_map(|position| {
        frequencies.iter().flat_map(move |frequency| {
            let angle = turns * position as f32 * frequency;
            [angle.cos(), angle.sin()]
        })
    });
    Ok(Tensor::from_vec(angles.collect::<Vec<f32>>(), (config.max_length, width / 2, 2), device)?)
}

//! The forward pass: a stream in f32, products in the precision asked for.

use candle_core::{DType, Device, Tensor};

use super::packing::Inputs;
use super::{PackedModel, op};
use crate::config::NeoBertConfig;
use crate::error::Result;
use crate::gpu::flash;
use crate::weights::Weights;

/// A NeoBERT whose weights are of one number type.
pub(crate) struct PackedNeoBert {
    /// `(vocab, hidden)` in f32: it starts the stream.
    embedding: Tensor,
    /// `(max_length, head_dim)` in f32: cosine and sine of each pair of components.
    table: Tensor,
    blocks: Vec<Block>,
    /// `(hidden,)` in f32, like all norms.
    norm: Tensor,
    eps: f32,
    heads: usize,
    #[cfg_attr(not(feature = "cuda"), allow(dead_code))]
    head_dim: usize,
    dtype: DType,
}

struct Block {
    attention_norm: Tensor,
    /// `(3 * hidden, hidden)`, rows ordered by head and within a head query, key, value.
    qkv: Tensor,
    /// `(hidden, hidden)`
    attention_output: Tensor,
    ffn_norm: Tensor,
    /// `(2 * inner, hidden)`, the gate's rows first.
    gate_and_value: Tensor,
    /// `(hidden, inner)`
    ffn_output: Tensor,
}

impl PackedNeoBert {
    /// Builds the model `config` describes out of `weights`, on `device`, its products in `dtype`.
    pub(crate) fn load(weights: &Weights<'_>, config: &NeoBertConfig, dtype: DType, device: &Device) -> Result<Self> {
        let (hidden, inner) = (config.hidden_size, config.inner_size());
        let norm = |name: &str| weights.tensor(name, &[hidden], device);
        let block = |index: usize| -> Result<Block> {
            let layer = format!("transformer_encoder.{index}");
            let matrix = |name: &str, shape: [usize; 2]| -> Result<Tensor> {
                Ok(weights.tensor(&format!("{layer}.{name}.weight"), &shape, device)?.to_dtype(dtype)?)
            };
            Ok(Block {
                attention_norm: norm(&format!("{layer}.attention_norm.weight"))?,
                qkv: matrix("qkv", [3 * hidden, hidden])?,
                attention_output: matrix("wo", [hidden, hidden])?,
                ffn_norm: norm(&format!("{layer}.ffn_norm.weight"))?,
                gate_and_value: matrix("ffn.w12", [2 * inner, hidden])?,
                ffn_output: matrix("ffn.w3", [hidden, inner])?,
            })
        };
        Ok(Self {
            embedding: weights.tensor("encoder.weight", &[config.vocab_size, hidden], device)?,
            table: op::table(config.max_length, config.head_dim(), config.rope_theta, device)?,
            blocks: (0..config.num_hidden_layers).map(block).collect::<Result<_>>()?,
            norm: norm("layer_norm.weight")?,
            eps: config.norm_eps as f32,
            heads: config.num_attention_heads,
            head_dim: config.head_dim(),
            dtype,
        })
    }
}

impl PackedModel for PackedNeoBert {
    fn forward(&self, inputs: &Inputs) -> Result<Tensor> {
        let mut stream = self.embedding.index_select(&inputs.ids, 0)?;
        let mut fed: Option<Tensor> = None;
        for block in &self.blocks {
            let norm = &block.attention_norm;
            let (updated, normed) = op::add_norm(stream, fed.as_ref(), norm, self.eps, self.dtype)?;
            let qkv = op::rotate(product(&normed, &block.qkv)?, &self.table, &inputs.positions, self.heads)?;
            let mixed = match &inputs.buckets {
                Some(buckets) => buckets.attend(&qkv, self.heads, None)?,
                None => flash::attend(&qkv, &inputs.bounds, inputs.longest, self.heads)?,
            };
            let attended = product(&mixed, &block.attention_output)?;
            let (updated, normed) = op::add_norm(updated, Some(&attended), &block.ffn_norm, self.eps, self.dtype)?;
            let gated = op::swiglu(&product(&normed, &block.gate_and_value)?)?;
            fed = Some(product(&gated, &block.ffn_output)?);
            stream = updated;
        }
        Ok(op::add_norm(stream, fed.as_ref(), &self.norm, self.eps, DType::F32)?.1)
    }

    fn needs_buckets(&self) -> bool {
        !(self.embedding.device().is_cuda() && flash::takes(self.head_dim, self.dtype))
    }
}

/// `x` `(rows, columns)` times the transpose of a weight `(width, columns)`: `(rows, width)`.
fn product(x: &Tensor, weight: &Tensor) -> candle_core::Result<Tensor> {
    x.matmul(&weight.t()?)
}

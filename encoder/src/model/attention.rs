//! Full bidirectional attention over rotary queries and keys.
//!
//! Scores are formed for a block of query rows at a time, so that 4096 tokens never need 4096 x 4096 of them per head at
//! once. The result does not depend on the block: every row's softmax is whole.

use candle_core::{D, Device, Module, Tensor};
use candle_nn::Linear;

use super::mask::AttentionMask;
use super::rotary::Rotary;
use crate::config::NeoBertConfig;
use crate::error::Result;
use crate::weights::Weights;

/// Scores held at once: 8 MiB of f32.
const SCORES: usize = 2 << 20;
/// Fewer rows than this make the products inefficient.
const FEWEST_ROWS: usize = 16;

/// One layer's attention.
pub(super) struct Attention {
    /// `(3 * hidden, hidden)`, rows ordered by head and within a head query, key, value.
    qkv: Linear,
    /// `(hidden, hidden)`
    output: Linear,
    heads: usize,
    head_dim: usize,
}

impl Attention {
    pub(super) fn load(weights: &Weights<'_>, layer: &str, config: &NeoBertConfig, device: &Device) -> Result<Self> {
        let hidden = config.hidden_size;
        let linear = |name: &str, rows: usize| -> Result<Linear> {
            let weight = weights.tensor(&format!("{layer}.{name}.weight"), &[rows, hidden], device)?;
            Ok(Linear::new(weight, None))
        };
        Ok(Self {
            qkv: linear("qkv", 3 * hidden)?,
            output: linear("wo", hidden)?,
            heads: config.num_attention_heads,
            head_dim: config.head_dim(),
        })
    }

    /// Normed states `(batch, seq, hidden)` to what is added to the residual stream, of the same shape.
    pub(super) fn forward(&self, x: &Tensor, rotary: &Rotary, mask: Option<&AttentionMask>) -> Result<Tensor> {
        let (batch, seq, hidden) = x.dims3()?;
        let qkv = self.qkv.forward(x)?.reshape((batch, seq, self.heads, 3 * self.head_dim))?.transpose(1, 2)?; // (batch, heads, seq, 3 * head_dim)
        let part = |i: usize| qkv.narrow(D::Minus1, i * self.head_dim, self.head_dim);
        let scale = 1.0 / (self.head_dim as f64).sqrt();
        let queries = rotary.forward(&part(0)?)?.affine(scale, 0.0)?;
        let keys = rotary.forward(&part(1)?)?.transpose(2, 3)?; // (batch, heads, head_dim, seq)
        let values = part(2)?.contiguous()?;

        let rows = (SCORES / (batch * self.heads * seq).max(1)).max(FEWEST_ROWS);
        let mut mixed = Vec::with_capacity(seq.div_ceil(rows));
        for start in (0..seq).step_by(rows) {
            let queries = queries.narrow(2, start, rows.min(seq - start))?;
            let mut scores = queries.matmul(&keys)?; // (batch, heads, rows, seq)
            if let Some(mask) = mask {
                scores = mask.apply(&scores)?;
            }
            mixed.push(candle_nn::ops::softmax_last_dim(&scores)?.matmul(&values)?);
        }
        let mixed = match mixed.as_slice() {
            [one] => one.clone(),
            several => Tensor::cat(several, 2)?,
        };
        let mixed = mixed.transpose(1, 2)?.reshape((batch, seq, hidden))?;
        Ok(self.output.forward(&mixed)?)
    }
}

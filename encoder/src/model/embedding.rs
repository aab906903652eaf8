//! Token ids to the first states: one table, no positions, no segments, no norm.

use candle_core::{Device, Tensor};

use crate::config::NeoBertConfig;
use crate::error::Result;
use crate::weights::Weights;

/// Its name in a checkpoint.
pub(crate) const EMBEDDING: &str = "encoder.weight";

/// The token embedding.
pub(super) struct Embedding {
    /// `(vocab, hidden)`
    weight: Tensor,
}

impl Embedding {
    pub(super) fn load(weights: &Weights<'_>, config: &NeoBertConfig, device: &Device) -> Result<Self> {
        let shape = [config.vocab_size, config.hidden_size];
        Ok(Self { weight: weights.tensor(EMBEDDING, &shape, device)? })
    }

    /// Ids `(batch, seq)` in u32 to states `(batch, seq, hidden)`.
    pub(super) fn forward(&self, input_ids: &Tensor) -> Result<Tensor> {
        let (batch, seq) = input_ids.dims2()?;
        let rows = self.weight.index_select(&input_ids.flatten_all()?, 0)?;
        Ok(rows.reshape((batch, seq, rows.dim(1)?))?)
    }
}

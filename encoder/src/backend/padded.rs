//! The exact path: candle's tensors in f32, sequences padded on the right to the longest of their batch.

use candle_core::{Device, Tensor};

use super::{Backend, Layout, Sequence};
use crate::config::NeoBertConfig;
use crate::error::Result;
use crate::model::{AttentionMask, NeoBert};
use crate::pooling::Rows;
use crate::precision::Precision;
use crate::states::States;
use crate::weights::Weights;

/// candle's matrix products use every thread, its elementwise loops one; a few batches side by side keep the cores busy through both.
/// It does not follow the number of threads, so that the same texts make the same batches, and the same bits, on every machine; and
/// small batches stay nearer the caches.
const LANES: usize = 4;
/// Larger batches gain nothing here and leave the caches.
const BATCH_TOKENS: usize = 8192;

/// NeoBERT over candle's tensors.
pub(super) struct Padded {
    model: NeoBert,
    config: NeoBertConfig,
}

impl Padded {
    pub(super) fn load(weights: &Weights<'_>, config: &NeoBertConfig, device: &Device) -> Result<Self> {
        Ok(Self { model: NeoBert::load(weights, config, device)?, config: config.clone() })
    }
}

impl Backend for Padded {
    fn means(&self, batch: &[Sequence]) -> Result<Vec<Vec<f32>>> {
        let lengths: Vec<usize> = batch.iter().map(|sequence| sequence.ids.len()).collect();
        let width = lengths.iter().copied().max().unwrap_or(0);
        let padding = self.config.pad_token_id.min(self.config.vocab_size.saturating_sub(1) as u32);
        let pad = |sequence: &Sequence| std::iter::repeat_n(padding, width - sequence.ids.len());
        let padded: Vec<u32> =
            batch.iter().flat_map(|sequence| sequence.ids.iter().copied().chain(pad(sequence))).collect();
        let input_ids = Tensor::from_vec(padded, (batch.len(), width), self.model.device())?;
        let mask = AttentionMask::from_lengths(&lengths, width, self.model.device())?;
        let states = self.model.forward(&input_ids, mask.as_ref())?;
        let hidden = self.config.hidden_size;
        let states = states.to_device(&Device::Cpu)?.flatten_all()?.to_vec1::<f32>()?;
        let rows = states.chunks_exact(width * hidden).map(|values| Rows { values, stride: hidden, hidden });
        Ok(rows.zip(batch).map(|(rows, sequence)| rows.means(&sequence.spans)).collect())
    }

    fn logits(&self, states: &States) -> Result<States> {
        let shape = (1, states.tokens(), states.width());
        let states = Tensor::from_slice(states.values(), shape, self.model.device())?;
        let logits = self.model.logits(&states)?.flatten_all()?.to_vec1::<f32>()?;
        Ok(States::new(logits, self.config.vocab_size))
    }

    fn layout(&self) -> Layout {
        Layout::Padded
    }

    fn lanes(&self) -> usize {
        LANES
    }

    fn batch_tokens(&self) -> usize {
        BATCH_TOKENS
    }

    fn precision(&self) -> Precision {
        Precision::F32
    }

    fn device(&self) -> String {
        crate::device::Device::Cpu.to_string()
    }
}

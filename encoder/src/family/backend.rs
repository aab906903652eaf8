//! The families on a processor, in f32.

use candle_core::{DType, Device};

use super::{Family, PackedFamily};
use crate::backend::{Backend, Layout, Sequence};
use crate::error::{Error, Result};
use crate::packed::{PackedModel, Packing};
use crate::pooling::Rows;
use crate::precision::Precision;
use crate::states::States;
use crate::weights::Weights;

/// As for the exact path of NeoBERT: products use every thread, much of the rest one.
const LANES: usize = 4;
const BATCH_TOKENS: usize = 8192;

/// A family's model on a processor.
pub(crate) struct Packed {
    model: PackedFamily,
    hidden: usize,
}

impl Packed {
    pub(crate) fn load(weights: &Weights<'_>, family: &Family) -> Result<Self> {
        let model = PackedFamily::load(weights, family, DType::F32, &Device::Cpu)?;
        Ok(Self { model, hidden: family.hidden_size })
    }
}

impl Backend for Packed {
    fn means(&self, batch: &[Sequence]) -> Result<Vec<Vec<f32>>> {
        let packing = Packing::new(batch);
        if packing.tokens() == 0 {
            return Ok(batch.iter().map(|sequence| vec![0.0; sequence.spans.len() * self.hidden]).collect());
        }
        let states = self.model.forward(&packing.copied(&Device::Cpu)?)?.flatten_all()?.to_vec1::<f32>()?;
        let mut rest = states.as_slice();
        let means = batch.iter().map(|sequence| {
            let (own, behind) = rest.split_at_checked(sequence.ids.len() * self.hidden).unwrap_or((rest, &[]));
            rest = behind;
            Rows { values: own, stride: self.hidden, hidden: self.hidden }.means(&sequence.spans)
        });
        Ok(means.collect())
    }

    fn logits(&self, _: &States) -> Result<States> {
        Err(Error::NoLanguageModelHead)
    }

    fn layout(&self) -> Layout {
        Layout::Packed
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

//! The GPU as a backend: batches are queued by two threads in turn, so that one is prepared while the other is computed.

use std::sync::{Mutex, PoisonError};

use candle_core::{CudaDevice, DType, Device, Tensor};

use super::staging::Staging;
use crate::architecture::Architecture;
use crate::backend::{Backend, Layout, Sequence};
use crate::error::{Error, Result};
use crate::family::PackedFamily;
use crate::model::LanguageModelHead;
use crate::packed::{PackedModel, PackedNeoBert, Packing};
use crate::precision::Precision;
use crate::states::States;
use crate::weights::Weights;

/// One batch being computed, one being prepared.
const LANES: usize = 2;
/// A kernel's grid has at most 65,535 blocks in the direction that counts sequences.
const MOST_SEQUENCES: usize = 32_768;
/// Tokens in work at a time where the caller does not say: large enough for the products to reach the chip's speed, and far from
/// filling a small card.
const BATCH_TOKENS: usize = LANES * 65_536;

struct Gpu {
    model: Box<dyn PackedModel>,
    head: Option<LanguageModelHead>,
    device: CudaDevice,
    ordinal: usize,
    hidden: usize,
    vocab_size: usize,
    precision: Precision,
    /// Whether attention takes only sequences of one length at a time.
    bucketed: bool,
    /// Held while a batch is queued: its kernels follow each other.
    queue: Mutex<()>,
    idle: Mutex<Vec<Staging>>,
}

/// The backend on an opened device.
///
/// # Errors
/// [`Error::PrecisionUnavailable`], [`Error::DeviceUnavailable`] for a shape the kernels do not take, and those of [`Weights::tensor`].
pub(crate) fn load(
    weights: &Weights<'_>,
    architecture: &Architecture,
    device: &Device,
    ordinal: usize,
    precision: Precision,
) -> Result<Box<dyn Backend>> {
    let (dtype, precision) = match precision {
        Precision::Auto | Precision::Bf16 => (DType::BF16, Precision::Bf16),
        Precision::F16 => (DType::F16, Precision::F16),
        Precision::F32 => (DType::F32, Precision::F32),
        other => return Err(other.unavailable("a GPU computes in bf16, f16 or f32")),
    };
    let head_dim = architecture.hidden_size() / architecture.num_attention_heads().max(1);
    if !head_dim.is_multiple_of(8) {
        return Err(Error::DeviceUnavailable {
            device: crate::Device::Cuda(ordinal).to_string(),
            reason: format!("the model's heads are {head_dim} wide, and on a GPU that has to be a multiple of 8"),
        });
    }
    let (model, head): (Box<dyn PackedModel>, _) = match architecture {
        Architecture::NeoBert(config) => {
            let head = LanguageModelHead::load(weights, config, device)?;
            (Box::new(PackedNeoBert::load(weights, config, dtype, device)?), head)
        }
        Architecture::Family(family) => (Box::new(PackedFamily::load(weights, family, dtype, device)?), None),
    };
    Ok(Box::new(Gpu {
        bucketed: model.needs_buckets(),
        model,
        head,
        device: device.as_cuda_device()?.clone(),
        ordinal,
        hidden: architecture.hidden_size(),
        vocab_size: architecture.vocab_size(),
        precision,
        queue: Mutex::new(()),
        idle: Mutex::new(Vec::new()),
    }))
}

impl Gpu {
    fn part(&self, batch: &[Sequence]) -> Result<Vec<Vec<f32>>> {
        let packing = Packing::new(batch);
        let zeros = |sequence: &Sequence| vec![0.0; sequence.spans.len() * self.hidden];
        if packing.tokens() == 0 || packing.spans() == 0 {
            return Ok(batch.iter().map(zeros).collect());
        }
        let mut staging = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
        let pending = {
            let _queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
            let buffer = staging.send(&packing.buffer, &self.device)?;
            let means = self.model.means(&packing.inputs(&buffer, self.bucketed)?)?;
            staging.fetch(&means)?
        };
        let mut means = staging.wait(&pending)?;
        let mut next = |sequence: &Sequence| {
            let (own, rest) = means.split_at_checked(sequence.spans.len() * self.hidden).unwrap_or((means, &[]));
            means = rest;
            own.to_vec()
        };
        let split = batch.iter().map(&mut next).collect();
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(staging);
        Ok(split)
    }
}

impl Backend for Gpu {
    fn means(&self, batch: &[Sequence]) -> Result<Vec<Vec<f32>>> {
        let parts = batch.chunks(MOST_SEQUENCES).map(|part| self.part(part)).collect::<Result<Vec<_>>>()?;
        Ok(parts.into_iter().flatten().collect())
    }

    fn logits(&self, states: &States) -> Result<States> {
        let head = self.head.as_ref().ok_or(Error::NoLanguageModelHead)?;
        let _queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let shape = (1, states.tokens(), states.width());
        let states = Tensor::from_slice(states.values(), shape, &Device::Cuda(self.device.clone()))?;
        let logits = head.forward(&states)?.flatten_all()?.to_vec1::<f32>()?;
        Ok(States::new(logits, self.vocab_size))
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
        self.precision
    }

    fn device(&self) -> String {
        crate::Device::Cuda(self.ordinal).to_string()
    }
}

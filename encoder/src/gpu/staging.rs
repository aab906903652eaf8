//! Memory of the processor that the GPU copies from and to by itself.
//!
//! A copy from ordinary memory waits for everything queued before it; from page-locked memory it is queued like a kernel. So the next
//! batch can be queued while the last one is still being computed. Locking pages is slow, so the buffers are kept and grow.
#![allow(unsafe_code)]

use std::sync::Arc;

use candle_core::backend::BackendStorage;
use candle_core::cuda_backend::WrapErr;
use candle_core::cuda_backend::cudarc::driver::sys::{CU_MEMHOSTALLOC_PORTABLE, CUevent_flags};
use candle_core::cuda_backend::cudarc::driver::{CudaContext, CudaEvent, DeviceRepr, PinnedHostSlice};
use candle_core::op::BackpropOp;
use candle_core::{CudaDevice, CudaStorage, Error, Result, Storage, Tensor};

/// One batch's way to the GPU and back. Not to be used again before [`Staging::wait`] has come back.
#[derive(Default)]
pub(super) struct Staging {
    input: Option<PinnedHostSlice<u32>>,
    output: Option<PinnedHostSlice<f32>>,
}

/// A result under way.
pub(super) struct Pending {
    arrived: CudaEvent,
    numbers: usize,
}

impl Staging {
    /// Queues the copy of `values` to the device.
    pub(super) fn send(&mut self, values: &[u32], device: &CudaDevice) -> Result<Tensor> {
        let stream = device.cuda_stream();
        let buffer = at_least(&mut self.input, values.len(), stream.context())?;
        let buffer = buffer.as_mut_slice().w()?;
        let part = buffer.get_mut(..values.len()).ok_or_else(too_small)?;
        part.copy_from_slice(values);
        let slice = stream.clone_htod(&*part).w()?;
        let storage = Storage::Cuda(CudaStorage::wrap_cuda_slice(slice, device.clone()));
        Ok(Tensor::from_storage(storage, values.len(), BackpropOp::none(), false))
    }

    /// Queues the copy of a whole tensor in f32 back.
    pub(super) fn fetch(&mut self, tensor: &Tensor) -> Result<Pending> {
        let (storage, _) = tensor.storage_and_layout();
        let Storage::Cuda(storage) = &*storage else {
            return Err(Error::Msg("a result is fetched from a GPU".to_owned()));
        };
        let stream = storage.device().cuda_stream();
        let numbers = tensor.elem_count();
        let buffer = at_least(&mut self.output, numbers, stream.context())?;
        let part = buffer.as_mut_slice().w()?.get_mut(..numbers).ok_or_else(too_small)?;
        stream.memcpy_dtoh(storage.as_cuda_slice::<f32>()?, part).w()?;
        let arrived = stream.record_event(Some(CUevent_flags::CU_EVENT_BLOCKING_SYNC)).w()?;
        Ok(Pending { arrived, numbers })
    }

    /// Waits for a result, and with it for all that was queued before.
    pub(super) fn wait(&self, pending: &Pending) -> Result<&[f32]> {
        pending.arrived.synchronize().w()?;
        let buffer = self.output.as_ref().ok_or_else(too_small)?.as_slice().w()?;
        buffer.get(..pending.numbers).ok_or_else(too_small)
    }
}

/// The buffer, made anew where it is too small.
fn at_least<'a, T: DeviceRepr>(
    buffer: &'a mut Option<PinnedHostSlice<T>>,
    length: usize,
    context: &Arc<CudaContext>,
) -> Result<&'a mut PinnedHostSlice<T>> {
    if buffer.as_ref().is_none_or(|buffer| buffer.len() < length) {
        let length = length.next_power_of_two();
        // SAFETY: the memory is of plain numbers, and none is read before it was written, by us or by a copy.
        *buffer = Some(unsafe { context.alloc_pinned_with_flags(length, CU_MEMHOSTALLOC_PORTABLE) }.w()?);
    }
    buffer.as_mut().ok_or_else(too_small)
}

fn too_small() -> Error {
    Error::Msg("a copy is larger than its buffer".to_owned())
}

//! GPUs that talk through NCCL: tensors go from device to device, and the host's numbers from thread to thread.
//!
//! NCCL waits for ever for a rank that has stopped. So every rank waits at the threads' barrier, which does not, before it enters NCCL;
//! between there and the end of the operation only the driver can fail.
#![allow(unsafe_code)]

use candle_core::cuda_backend::CudaStorageSlice;
use candle_core::cuda_backend::cudarc::nccl::result::NcclError;
use candle_core::cuda_backend::cudarc::nccl::safe::{Comm, Id, ReduceOp};
use candle_core::{CudaDevice, CudaStorage, DType, Device, DeviceLocation, Storage, Tensor};

use super::{ProcessGroup, ThreadRank};
use crate::error::{Error, Result};

/// What the ranks need to find each other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link(Option<Id>);

impl Link {
    /// For ranks on `devices`: NCCL between GPUs that are all different, the host's memory otherwise.
    pub(super) fn new(devices: &[Device]) -> Result<Self> {
        let gpus: Option<Vec<usize>> = devices
            .iter()
            .map(|device| match device.location() {
                DeviceLocation::Cuda { gpu_id } => Some(gpu_id),
                _ => None,
            })
            .collect();
        let Some(mut gpus) = gpus else { return Ok(Self(None)) };
        let count = gpus.len();
        gpus.sort_unstable();
        gpus.dedup();
        match gpus.len() == count {
            true => Ok(Self(Some(Id::new().map_err(fault(0))?))),
            false => Ok(Self(None)),
        }
    }

    /// The member of a rank, on the thread that is to use it.
    pub(super) fn join(self, host: ThreadRank, device: &Device) -> Result<Box<dyn ProcessGroup>> {
        let (Some(id), Device::Cuda(device)) = (self.0, device) else { return Ok(Box::new(host)) };
        let stream = device.cuda_stream();
        stream.context().bind_to_thread().map_err(candle_core::Error::wrap)?;
        host.barrier()?;
        let comm = Comm::from_rank(stream, host.rank(), host.world_size(), id).map_err(fault(host.rank()))?;
        Ok(Box::new(NcclRank { host, comm, device: device.clone() }))
    }
}

/// A member with a GPU of its own.
struct NcclRank {
    host: ThreadRank,
    comm: Comm,
    device: CudaDevice,
}

/// Runs `$call` over the slice of values in `$tensor`, of any dtype here, and a new one of `$count`; gives the new one as a tensor.
macro_rules! into_new {
    ($self:ident, $tensor:ident, $count:expr, [$($dtype:ident: $scalar:ty),*], |$from:ident, $to:ident| $call:expr) => {{
        let flat = $tensor.flatten_all()?.contiguous()?;
        let (start, end) = flat.layout().contiguous_offsets().unwrap_or((0, flat.elem_count()));
        let (storage, _) = flat.storage_and_layout();
        let slice = match &*storage {
            Storage::Cuda(storage) => &storage.slice,
            _ => return Err($self.refused("a tensor that is on no GPU")),
        };
        let slice = match slice {
            $(CudaStorageSlice::$dtype(values) => {
                let $from = values.slice(start..end);
                // SAFETY: NCCL writes every element before anything reads one: both are ordered by the device's stream.
                let mut new = unsafe { $self.device.alloc::<$scalar>($count) }?;
                {
                    let $to = &mut new;
                    $call.map_err(fault($self.rank()))?;
                }
                CudaStorageSlice::$dtype(new)
            })*
            _ => return Err($self.refused("a tensor of another type")),
        };
        let storage = CudaStorage { slice, device: $self.device.clone() };
        Ok(Tensor::from_storage(Storage::Cuda(storage), $count, candle_core::op::BackpropOp::none(), false))
    }};
}

impl NcclRank {
    fn refused(&self, what: &str) -> Error {
        Error::ProcessGroup { rank: self.rank(), reason: format!("NCCL was asked to send {what}") }
    }
}

impl ProcessGroup for NcclRank {
    fn rank(&self) -> usize {
        self.host.rank()
    }

    fn world_size(&self) -> usize {
        self.host.world_size()
    }

    fn reduce_scatter(&self, values: &Tensor) -> Result<Tensor> {
        self.barrier()?;
        let count = values.elem_count() / self.world_size();
        into_new!(self, values, count, [F32: f32], |from, to| self.comm.reduce_scatter(&from, to, &ReduceOp::Sum))
    }

    fn all_gather(&self, part: &Tensor) -> Result<Tensor> {
        self.barrier()?;
        let count = part.elem_count() * self.world_size();
        into_new!(self, part, count, [F32: f32, BF16: half::bf16], |from, to| self.comm.all_gather(&from, to))
    }

    fn sum(&self, numbers: &[f64]) -> Result<Vec<f64>> {
        self.host.sum(numbers)
    }

    fn barrier(&self) -> Result<()> {
        self.host.barrier()
    }
}

fn fault(rank: usize) -> impl FnOnce(NcclError) -> Error {
    move |error| Error::ProcessGroup { rank, reason: format!("NCCL: {:?}", error.0) }
}

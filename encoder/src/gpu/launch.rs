//! Starting the kernels of `kernels/*.cu`.
#![allow(unsafe_code)]

use candle_core::backend::BackendStorage;
use candle_core::cuda_backend::cudarc::driver::{DevicePtr, LaunchConfig, PushKernelArg};
use candle_core::cuda_backend::{CudaDType, WrapErr};
use candle_core::{CudaDevice, CudaStorage, DType, Error, Result, Storage, Tensor};
use half::{bf16, f16};

/// Kernels that the driver compiles together for the GPU at hand when the first of them is asked for.
pub(super) struct Module {
    name: &'static str,
    text: &'static str,
}

/// What stands between the products of a model.
pub(super) const NEOBERT: Module =
    Module { name: "neodex-neobert", text: include_str!(concat!(env!("OUT_DIR"), "/neobert.ptx")) };
/// What looks through the products of rows.
pub(super) const NEAREST: Module =
    Module { name: "neodex-nearest", text: include_str!(concat!(env!("OUT_DIR"), "/nearest.ptx")) };
/// Threads of a block, for every kernel here.
pub(super) const THREADS: u32 = 256;

/// What a kernel is given.
pub(super) enum Argument {
    /// The first number of a contiguous tensor, or 0 for none.
    Address(u64),
    /// A size.
    Count(u32),
    /// A number.
    Real(f32),
}

/// Queues a kernel with `grid` blocks.
///
/// # Safety
/// The arguments must be those of the kernel's signature, and the tensors as large as it takes them to be.
pub(super) unsafe fn launch(
    device: &CudaDevice,
    module: &Module,
    kernel: &str,
    grid: (u32, u32),
    arguments: &[Argument],
) -> Result<()> {
    let function = device.get_or_load_custom_func(kernel, module.name, module.text)?;
    let mut builder = function.builder();
    for argument in arguments {
        match argument {
            Argument::Address(address) => builder.arg(address),
            Argument::Count(count) => builder.arg(count),
            Argument::Real(number) => builder.arg(number),
        };
    }
    let config = LaunchConfig { grid_dim: (grid.0, grid.1, 1), block_dim: (THREADS, 1, 1), shared_mem_bytes: 0 };
    // SAFETY: the caller's promise.
    unsafe { builder.launch(config) }.w()?;
    Ok(())
}

/// Where a contiguous tensor of `dtype` begins in the device's memory. Good for as long as the tensor is.
pub(super) fn address(tensor: &Tensor, dtype: DType) -> Result<Argument> {
    let (storage, layout) = tensor.storage_and_layout();
    let (Storage::Cuda(storage), Some((start, _))) = (&*storage, layout.contiguous_offsets()) else {
        return Err(Error::Msg("a kernel needs contiguous tensors on its device".to_owned()));
    };
    if storage.dtype() != dtype {
        return Err(Error::UnexpectedDType { msg: "kernel argument", expected: dtype, got: storage.dtype() });
    }
    let address = match dtype {
        DType::F32 => first::<f32>(storage, start)?,
        DType::BF16 => first::<bf16>(storage, start)?,
        DType::F16 => first::<f16>(storage, start)?,
        DType::U32 => first::<u32>(storage, start)?,
        other => return Err(Error::UnsupportedDTypeForOp(other, "kernel")),
    };
    Ok(Argument::Address(address))
}

/// A size as a kernel is given it.
pub(super) fn count(count: usize) -> Result<Argument> {
    number(count).map(Argument::Count)
}

/// A size that fits 32 bits.
pub(super) fn number(count: usize) -> Result<u32> {
    u32::try_from(count).map_err(|_| Error::Msg(format!("{count} is too much for one kernel")))
}

fn first<T: CudaDType>(storage: &CudaStorage, start: usize) -> Result<u64> {
    let stream = storage.device().cuda_stream();
    let (address, _) = storage.as_cuda_slice::<T>()?.device_ptr(&stream);
    Ok(address + (start * size_of::<T>()) as u64)
}

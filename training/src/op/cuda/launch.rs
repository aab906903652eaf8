//! From tensors to a kernel's launch: the one place that handles device addresses.
//!
//! Everything runs on the device's one stream, in the order it was asked for, and memory is freed in that order too; so an address
//! stays good for a launch even if its tensor is dropped right after, and a tensor may be written although others can read it.
#![allow(unsafe_code)]

use std::ffi::c_void;

use candle_core::cuda_backend::WrapErr;
use candle_core::cuda_backend::cudarc::driver::{DevicePtr, LaunchConfig, PushKernelArg, result, sys};
use candle_core::cuda_backend::{CudaDType, CudaStorage};
use candle_core::{DType, Device, Result, Shape, Storage, Tensor, bail};
use half::bf16;

/// Compiled by `build.rs` from `training/kernels`.
const MODULE: &str = include_str!(concat!(env!("OUT_DIR"), "/kernels.ptx"));

/// Threads of a block, unless a kernel has reasons for another number.
pub(super) const THREADS: usize = 256;

/// Threads that share a row where a warp takes one.
pub(super) const LANES: usize = 32;

/// What a launch gets unasked, in bytes.
pub(super) const SHARED_BYTES: usize = 48 << 10;

/// Blocks that fill any GPU several times over: more only cost in kernels whose blocks add up their parts at the end.
pub(super) const FULL: usize = 1024;

/// Makes the device ready for training: no events between streams, since there is one stream, which must be the only one in use, from
/// one host thread if it is the per-thread stream (`Device::new_cuda`); freed memory stays with the process instead of going back to the
/// driver at every wait; and the kernels are compiled by the driver now rather than during the first step.
pub(in crate::op) fn prepare_device(device: &Device) -> Result<()> {
    let cuda = device.as_cuda_device()?;
    // SAFETY: every allocation and every launch of this process uses the device's one stream (see above), which orders them.
    unsafe { cuda.disable_event_tracking() };
    let mut keep = u64::MAX;
    // SAFETY: the device is the context's own, its default pool lives as long as the device, and the attribute is a 64-bit number.
    unsafe {
        let pool = result::device::get_default_mem_pool(cuda.cuda_stream().context().cu_device()).w()?;
        let attribute = sys::CUmemPool_attribute::CU_MEMPOOL_ATTR_RELEASE_THRESHOLD;
        result::mem_pool::set_attribute(pool, attribute, (&raw mut keep).cast::<c_void>()).w()?;
    }
    cuda.get_or_load_custom_func("rms_norm_bf16_4", "neodex", MODULE)?;
    Ok(())
}

/// Where a tensor's elements lie on the device.
#[derive(Clone, Copy)]
pub(super) struct Place {
    address: u64,
    bytes: usize,
}

impl Place {
    /// No tensor: a kernel's optional argument that is absent.
    pub(super) const NONE: Self = Self { address: 0, bytes: 1 };
}

/// The place of a contiguous tensor on a GPU, which must be of this type and shape.
pub(super) fn place(tensor: &Tensor, dtype: DType, shape: impl Into<Shape>) -> Result<Place> {
    let shape = shape.into();
    if tensor.dtype() != dtype || tensor.shape() != &shape {
        bail!("a kernel wants {dtype:?} {shape:?} and got {:?} {:?}", tensor.dtype(), tensor.shape());
    }
    place_of_any_shape(tensor)
}

/// As [`place`], for what only counts elements.
pub(super) fn place_of_any_shape(tensor: &Tensor) -> Result<Place> {
    let (storage, layout) = tensor.storage_and_layout();
    let Storage::Cuda(storage) = &*storage else { bail!("a kernel wants a tensor on the GPU") };
    if !layout.is_contiguous() {
        bail!("a kernel wants a contiguous tensor and got {layout:?}");
    }
    let base = match tensor.dtype() {
        DType::F32 => base::<f32>(storage)?,
        DType::BF16 => base::<bf16>(storage)?,
        DType::U32 => base::<u32>(storage)?,
        other => bail!("no kernel takes {other:?}"),
    };
    let bytes = tensor.dtype().size_in_bytes();
    Ok(Place { address: base + (layout.start_offset() * bytes) as u64, bytes })
}

fn base<T: CudaDType>(storage: &CudaStorage) -> Result<u64> {
    let stream = storage.device.cuda_stream();
    let (address, _guard) = storage.as_cuda_slice::<T>()?.device_ptr(&stream);
    Ok(address)
}

/// A tensor whose every element the next kernel writes.
pub(super) fn fresh(shape: impl Into<Shape>, dtype: DType, device: &Device) -> Result<Tensor> {
    // SAFETY: bf16 and f32 have no invalid bit patterns, and the callers hand it to a kernel that fills it before anything reads it.
    unsafe { Tensor::empty(shape, dtype, device) }
}

/// How many neighbours a thread may take at once: `most` (4 or 2) where it divides the rows' widths and all addresses allow it, else
/// `least`.
pub(super) fn reach(width: usize, places: &[Place], least: usize) -> usize {
    let fits = |p: &Place| p.address.is_multiple_of(4 * p.bytes as u64);
    if width.is_multiple_of(4) && places.iter().all(fits) { 4 } else { least }
}

enum Argument {
    Address(u64),
    Count(u32),
    Number(f32),
}

/// A kernel with its arguments, in the order the kernel names them.
pub(super) struct Kernel {
    name: String,
    arguments: Vec<Argument>,
    too_large: Option<usize>,
}

impl Kernel {
    /// The kernel of this name for elements of this type, `reach` at a time.
    pub(super) fn new(name: &str, dtype: DType, reach: usize) -> Result<Self> {
        let element = match dtype {
            DType::F32 => "f32",
            DType::BF16 => "bf16",
            other => bail!("{name} has no kernel for {other:?}"),
        };
        Ok(Self { name: format!("{name}_{element}_{reach}"), arguments: Vec::with_capacity(12), too_large: None })
    }

    /// Tensors, each an address.
    pub(super) fn tensors(mut self, places: &[Place]) -> Self {
        self.arguments.extend(places.iter().map(|p| Argument::Address(p.address)));
        self
    }

    /// Counts, each 32 bits wide.
    pub(super) fn counts(mut self, counts: &[usize]) -> Self {
        for &count in counts {
            match u32::try_from(count) {
                Ok(count) => self.arguments.push(Argument::Count(count)),
                Err(_) => self.too_large = Some(count),
            }
        }
        self
    }

    /// Numbers in f32.
    pub(super) fn numbers(mut self, numbers: &[f32]) -> Self {
        self.arguments.extend(numbers.iter().map(|&x| Argument::Number(x)));
        self
    }

    /// One thread for each of `count` pieces of work, in blocks of [`THREADS`].
    pub(super) fn over(self, device: &Device, count: usize) -> Result<()> {
        self.launch(device, [count.div_ceil(THREADS), 1], THREADS, 0)
    }

    /// One warp for each of `rows`, in blocks of [`THREADS`].
    pub(super) fn over_rows(self, device: &Device, rows: usize) -> Result<()> {
        self.launch(device, [rows.div_ceil(THREADS / LANES), 1], THREADS, 0)
    }

    /// A grid of blocks of `threads` with `shared` bytes each; nothing where the grid is empty.
    pub(super) fn launch(self, device: &Device, grid: [usize; 2], threads: usize, shared: usize) -> Result<()> {
        if grid.contains(&0) {
            return Ok(());
        }
        // A thread's number, over the whole grid, has to fit 32 bits as well.
        let fits =
            grid[0] * threads <= u32::MAX as usize && grid[1] <= 65_535 && threads <= 1024 && shared <= SHARED_BYTES;
        if let Some(count) = self.too_large.or((!fits).then_some(grid[0].max(grid[1]))) {
            bail!("{} cannot take {count} at once", self.name);
        }
        let config = LaunchConfig {
            grid_dim: (grid[0] as u32, grid[1] as u32, 1),
            block_dim: (threads as u32, 1, 1),
            shared_mem_bytes: shared as u32,
        };
        let function = device.as_cuda_device()?.get_or_load_custom_func(&self.name, "neodex", MODULE)?;
        let mut builder = function.builder();
        for argument in &self.arguments {
            match argument {
                Argument::Address(x) => builder.arg(x),
                Argument::Count(x) => builder.arg(x),
                Argument::Number(x) => builder.arg(x),
            };
        }
        // SAFETY: the arguments are the kernel's in number, order and width (the emulated run of these calls checks that), the
        // addresses come from tensors whose shapes `place` compared with the counts, and the stream orders this launch after whatever
        // wrote its inputs.
        unsafe { builder.launch(config) }.w()?;
        Ok(())
    }
}

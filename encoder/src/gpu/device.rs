//! Opening a GPU.
#![allow(unsafe_code)]

use std::ptr;

use candle_core::cuda_backend::cudarc::driver::{result, sys};
use candle_core::{CudaDevice, Device};

/// The CUDA device of this number with one stream of its own, or what is missing.
pub(crate) fn open(ordinal: usize) -> Result<Device, String> {
    let missing = |error| format!("no GPU number {ordinal} was found ({}; `nvidia-smi -L` lists them)", name(&error));
    let device = CudaDevice::new_with_stream(ordinal).map_err(missing)?;
    // SAFETY: the events order the work of several streams; all work of this device goes to its one stream, in order.
    unsafe { device.disable_event_tracking() };
    keep_freed_memory(&device);
    Ok(Device::Cuda(device))
}

/// Freed memory stays with the process: by default the driver takes all of it back whenever the stream runs dry, and every batch
/// would have to ask for it anew. Where the device has no pool there is nothing to set.
fn keep_freed_memory(device: &CudaDevice) {
    let mut threshold = u64::MAX;
    let attribute = sys::CUmemPool_attribute::CU_MEMPOOL_ATTR_RELEASE_THRESHOLD;
    // SAFETY: the device is open, its default pool lives as long as it does, and the attribute's value is a u64.
    let _ = unsafe {
        result::device::get_default_mem_pool(device.cuda_stream().context().cu_device())
            .and_then(|pool| result::mem_pool::set_attribute(pool, attribute, ptr::from_mut(&mut threshold).cast()))
    };
}

/// The driver's name for an error, `CUDA_ERROR_NO_DEVICE`, out of candle's words for it; or the first line of those.
fn name(error: &candle_core::Error) -> String {
    let words = error.to_string();
    let name = words
        .split(|letter: char| !letter.is_ascii_uppercase() && letter != '_')
        .find(|word| word.starts_with("CUDA_ERROR"));
    name.or(words.lines().next()).unwrap_or_default().to_owned()
}

//! From the name of a device to the device training runs on.

pub use candle_core::Device;
use candle_core::DeviceLocation;

use crate::error::{Error, Result};

/// Opens a device; `auto` is the first GPU where this build and machine have one, else the CPU.
///
/// # Errors
/// [`Error::Unavailable`] where a GPU was asked for by name and there is none, or this build cannot use it.
pub fn open(device: neodex_encoder::Device) -> Result<Device> {
    match device {
        neodex_encoder::Device::Cpu => Ok(Device::Cpu),
        neodex_encoder::Device::Auto => Ok(gpu(0).unwrap_or(Device::Cpu)),
        neodex_encoder::Device::Cuda(number) => gpu(number),
    }
}

/// The device of rank `rank`, where `first` is that of rank 0: the processor again, or the GPU so many numbers further on.
///
/// # Errors
/// [`Error::Unavailable`] where there is no such GPU.
pub fn of_rank(first: &Device, rank: usize) -> Result<Device> {
    match first.location() {
        DeviceLocation::Cuda { gpu_id } if rank > 0 => gpu(gpu_id + rank),
        _ => Ok(first.clone()),
    }
}

fn gpu(number: usize) -> Result<Device> {
    let unavailable = |reason: String| Error::Unavailable { what: format!("device `cuda:{number}`"), reason };
    if !candle_core::utils::cuda_is_available() {
        return Err(unavailable("this build is for the CPU; build with `--features cuda`".to_owned()));
    }
    // A stream of the device's own, not the thread's: training orders everything by it.
    Device::new_cuda_with_stream(number).map_err(|error| unavailable(error.to_string()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_cpu_is_always_there_and_what_is_not_is_named() {
        assert!(open(neodex_encoder::Device::Cpu).unwrap().is_cpu());
        open(neodex_encoder::Device::Auto).unwrap();
        let absent = open(neodex_encoder::Device::Cuda(99)).unwrap_err();
        assert!(matches!(&absent, Error::Unavailable { what, .. } if what == "device `cuda:99`"), "{absent}");
    }
}

//! What a step frees the next one needs again. The C library would give it back to the system and fetch it anew, page by page, which
//! costs a tenth of a small model's step.
#![allow(unsafe_code)]

use candle_core::{Device, Result};

/// See [`crate::op::prepare_device`].
pub(in crate::op) fn prepare_device(_: &Device) -> Result<()> {
    keep_what_is_freed();
    Ok(())
}

/// For the whole process. An allocator that does not listen is as slow as before.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn keep_what_is_freed() {
    use std::ffi::c_int;

    unsafe extern "C" {
        fn mallopt(parameter: c_int, value: c_int) -> c_int;
    }
    /// Free memory at the end of the heap from which on it is given back.
    const TRIM_THRESHOLD: c_int = -1;
    /// What is fetched and given back by itself, outside the heap; the most that glibc allows.
    const MMAP_THRESHOLD: c_int = -3;
    // SAFETY: it takes two numbers, and the allocator's lock while it sets them.
    unsafe {
        mallopt(TRIM_THRESHOLD, c_int::MAX);
        mallopt(MMAP_THRESHOLD, 32 << 20);
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn keep_what_is_freed() {}

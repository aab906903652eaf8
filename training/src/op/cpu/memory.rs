//! The memory of results.
//!
//! What a step frees the next one needs again. The C library would give it back to the system and fetch it anew, page by page, which
//! costs a tenth of a small model's step. And results are cleared where they are computed: clearing them whole beforehand would send them
//! through the caches once more, from one thread while the others wait.
#![allow(unsafe_code)]

use std::mem::MaybeUninit;

use candle_core::{Device, Result};
use rayon::prelude::*;

/// `count` numbers, `at_once` of them made by each call of `make`, on all threads: it gets the place of the first and zeros, and what it
/// returns comes back in order.
pub(super) fn made<T: Send>(
    count: usize,
    at_once: usize,
    make: impl Fn(usize, &mut [f32]) -> T + Sync,
) -> (Vec<f32>, Vec<T>) {
    let at_once = at_once.max(1);
    let mut numbers = Vec::with_capacity(count);
    let room = numbers.spare_capacity_mut().get_mut(..count).unwrap_or_default();
    let returned = room.par_chunks_mut(at_once).enumerate().map(|(part, room)| {
        room.fill(MaybeUninit::new(0.0_f32));
        // SAFETY: all of it has just been written.
        make(part * at_once, unsafe { room.assume_init_mut() })
    });
    let returned = returned.collect();
    // SAFETY: there is room for so many, and the parts are all of it.
    unsafe { numbers.set_len(count) };
    (numbers, returned)
}

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

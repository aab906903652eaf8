//! Asking for memory before it is needed: a walk over a graph knows its next rows long before it computes with them.
#![allow(unsafe_code)]

/// Asks for the cache lines of `length` elements from `from` on. A hint: it reads nothing, so it may point anywhere.
#[inline(always)]
pub(crate) fn prefetch<T>(values: &[T], from: usize, length: usize) {
    let start = values.as_ptr().wrapping_add(from).cast::<i8>();
    let bytes = length * size_of::<T>();
    #[cfg(target_arch = "x86_64")]
    for at in (0..bytes).step_by(64) {
        // SAFETY: the instruction is in every x86-64 processor, and a prefetch of any address is allowed: it does not fault.
        unsafe {
            std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(start.wrapping_add(at));
        }
    }
    // Stable Rust has no prefetch for other processors yet.
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (start, bytes);
}

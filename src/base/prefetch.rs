//! A hint to the processor: this line of memory is needed soon.
//!
//! Batched execution (docs/ARCHITECTURE.md, "Pipelines are batches") asks for the bucket and entry
//! lines of the next several requests before it executes the first, so that their cache misses
//! overlap. On other architectures the hint is nothing.
#![allow(unsafe_code)]

/// Asks for the cache line that holds `address`. Never faults, whatever the address.
#[inline(always)]
pub fn prefetch<T>(address: *const T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: PREFETCHT0 is a hint; it never faults and never writes, for any address.
    unsafe {
        core::arch::x86_64::_mm_prefetch::<{ core::arch::x86_64::_MM_HINT_T0 }>(address.cast());
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: PRFM is a hint; it never faults and never writes, for any address.
    unsafe {
        core::arch::asm!("prfm pldl1keep, [{0}]", in(reg) address,
            options(nostack, readonly, preserves_flags));
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let _ = address;
}

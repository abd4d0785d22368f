//! Which code an input reached: what the compiler's own counters say.
//!
//! `tests/fuzz/run.sh` builds this by itself and hands it to the build whose every branch counts (LLVM's
//! SanitizerCoverage, `inline-8bit-counters`). It is no part of the program, which holds no `unsafe`.

use std::{
    ptr, slice,
    sync::atomic::{AtomicPtr, AtomicUsize, Ordering},
};

/// The counters of the program; all objects of one program share one table.
static TABLE: AtomicPtr<u8> = AtomicPtr::new(ptr::null_mut());
static LENGTH: AtomicUsize = AtomicUsize::new(0);

/// LLVM calls this before `main`, once for each object, with the whole table.
#[unsafe(no_mangle)]
extern "C" fn __sanitizer_cov_8bit_counters_init(start: *mut u8, stop: *mut u8) {
    TABLE.store(start, Ordering::Relaxed);
    LENGTH.store(stop as usize - start as usize, Ordering::Relaxed);
}

/// Passes on every counter that is not zero, with its place, and sets it back. What another thread counts meanwhile may be lost.
pub fn take(mut tell: impl FnMut(usize, u8)) {
    let table = TABLE.load(Ordering::Relaxed);
    if table.is_null() {
        return;
    }
    // SAFETY: the linker's table lives as long as the program and is only bytes; the fuzzer takes it between two inputs,
    // while nothing that it tests is running.
    let counters = unsafe { slice::from_raw_parts_mut(table, LENGTH.load(Ordering::Relaxed)) };
    // Nearly all are zero.
    for (block, counters) in counters.chunks_mut(64).enumerate() {
        if counters.iter().fold(0, |any, count| any | count) == 0 {
            continue;
        }
        for (n, count) in counters.iter_mut().enumerate().filter(|(_, count)| **count > 0) {
            tell(block * 64 + n, std::mem::take(count));
        }
    }
}

/// How many counters there are.
pub fn counters() -> usize {
    LENGTH.load(Ordering::Relaxed)
}

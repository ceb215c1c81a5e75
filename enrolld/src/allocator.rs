//! Wipes what is given back: parsers copy what they read, secrets too, and nobody else can reach those copies.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};

struct Wiping;

#[global_allocator]
static ALLOCATOR: Wiping = Wiping;

// SAFETY: all is handed on to the system's allocator. What grows moves, by way of these two.
unsafe impl GlobalAlloc for Wiping {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are those of `System`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the caller gives back memory of this layout, which came from `System`. explicit_bzero(3) is a
        // write that no optimisation takes for useless; Miri does not know it.
        unsafe {
            if cfg!(miri) {
                memory.write_bytes(0, layout.size());
            } else {
                libc::explicit_bzero(memory.cast(), layout.size());
            }
            System.dealloc(memory, layout);
        }
    }
}

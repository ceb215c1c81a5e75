//! An application of Linux-PAM in a process of its own: plays the login in its argument, prints the report.
#![allow(clippy::expect_used, reason = "a rig that cannot do its work must fail the test")]

use std::alloc::{GlobalAlloc, Layout, System};

use acceptance::pam::{Login, OUT_OF_MEMORY};

#[global_allocator]
static ALLOCATOR: Frugal = Frugal;

/// The system's allocator. Where it has nothing left for this program, the program says so by its exit
/// code: an abort is then the module's.
struct Frugal;

// SAFETY: all is handed on to the system's allocator.
unsafe impl GlobalAlloc for Frugal {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise is ours.
        let block = unsafe { System.alloc(layout) };
        if block.is_null() {
            // SAFETY: _exit(2) returns to nobody.
            unsafe { libc::_exit(OUT_OF_MEMORY) };
        }
        block
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is ours.
        unsafe { System.dealloc(block, layout) };
    }
}

fn main() {
    let argument = std::env::args().nth(1).expect("usage: pamhost LOGIN-AS-JSON");
    let login: Login = serde_json::from_str(&argument).expect("a login as JSON");
    let report = login.play();
    println!("{}", serde_json::to_string(&report).expect("a report is data"));
}

//! What a judgement leaves on the stack: a value that is moved leaves a copy where it was, HMAC its padded key,
//! and no destructor reaches either.

use zeroize::Zeroize;

/// Runs `work` in a frame of its own, so that all of its stack lies where [`wipe_stack`] wipes.
#[inline(never)]
pub fn below<T>(work: impl FnOnce() -> T) -> T {
    work()
}

/// Wipes what [`below`] left on the stack, also if it panicked.
#[inline(never)]
pub fn wipe_stack() {
    // What a judged login takes and half as much again (16 KiB; unoptimised 100, and then less than that): what
    // is wiped beyond that are pages that nobody else touches.
    const BYTES: usize = if cfg!(debug_assertions) { 96 * 1024 } else { 24 * 1024 };
    const WORDS: usize = BYTES / size_of::<u64>();
    let mut stack = [const { std::mem::MaybeUninit::<u64>::uninit() }; WORDS];
    stack.as_mut_slice().zeroize();
}

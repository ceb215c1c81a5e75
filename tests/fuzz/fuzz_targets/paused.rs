//! What lets everybody in for a while.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| verifier::properties::paused(bytes));

//! What lets somebody in whose login is remembered.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| verifier::properties::remembered(bytes));

//! `enrollment.toml`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| verifier::properties::enrollment(bytes));

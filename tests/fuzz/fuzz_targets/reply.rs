//! What a daemon says to the module.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| verifier::properties::reply(bytes));

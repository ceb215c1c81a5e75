//! What a peer says to the daemon.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| verifier::properties::request(bytes));

//! The two slots of a ledger.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| verifier::properties::ledger(bytes));

//! What is typed at the prompt.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| otp::properties::attempt(bytes));

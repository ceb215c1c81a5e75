//! `users.oath` of pam_oath.
#![no_main]

#[path = "../../../enrolld/src/import/mod.rs"]
#[allow(dead_code, reason = "each reader is a target of its own")]
mod import;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| import::properties::oath(bytes));

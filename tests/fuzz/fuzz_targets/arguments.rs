//! The module's line in pam.d. The module is no crate that others can use, so its parser is compiled in here.
#![no_main]

#[path = "../../../pam_totp/src/arguments.rs"]
#[allow(dead_code, reason = "what reads the settings is not tried here")]
mod arguments;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| arguments::properties::arguments(bytes));

//! `/etc/security/pam_totp.toml`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| config::properties::settings(bytes));

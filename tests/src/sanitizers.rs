//! What the sanitizers have to say, where what runs here was built with one (tests/sanitized).
//!
//! Their runtime is told to write below [`FOLDER`]: standard error is the host's, and a terminal's screen is
//! compared.

use std::fs;
use std::path::Path;

/// Where each process that a sanitizer finds fault with leaves a file.
pub(crate) const FOLDER: &str = "/run/lab/reports";

/// Whether what runs here was built with a sanitizer.
pub(crate) fn are_on() -> bool {
    std::env::var_os("ASAN_OPTIONS").is_some()
}

/// Fails the test, when this is dropped, over whatever was reported in its sandbox.
pub(crate) struct Reports;

impl Drop for Reports {
    fn drop(&mut self) {
        if !Path::new(FOLDER).exists() {
            return;
        }
        let files = fs::read_dir(FOLDER).expect("the sandbox's own").flatten();
        let texts: Vec<_> = files.map(|file| fs::read_to_string(file.path()).unwrap_or_default()).collect();
        eprint!("{}", texts.concat());
        assert!(
            texts.is_empty() || std::thread::panicking(),
            "a sanitizer reports {} processes",
            texts.len()
        );
    }
}

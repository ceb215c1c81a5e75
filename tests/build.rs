//! Makes what the tests link and load and no package brings: a name for libpam, and a false name service.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a build script has no caller to answer to"
)]

use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    name_libpam(&out);
    let double = compile_name_service(&out);
    println!("cargo::rustc-env=NSS_DOUBLE={}", double.display());
}

/// libpam.so is in the -dev package alone; a linker script of that name leads to the library itself.
fn name_libpam(out: &Path) {
    std::fs::write(out.join("libpam.so"), "INPUT(-l:libpam.so.0)\n").expect("OUT_DIR is writable");
    println!("cargo::rustc-link-search=native={}", out.display());
}

fn compile_name_service(out: &Path) -> PathBuf {
    println!("cargo::rerun-if-changed=nss/double.c");
    let library = out.join("libnss_double.so.2");
    let status = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-o"])
        .arg(&library)
        .arg("nss/double.c")
        .status()
        .expect("cc is what links Rust programs");
    assert!(status.success(), "cc could not compile nss/double.c");
    library
}

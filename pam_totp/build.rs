//! How the module is linked: against libpam without its -dev package, with the unwinder inside, and so that
//! it is never unloaded.

use std::path::Path;
use std::process::Command;
use std::{env, fs};

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let folder = env::var_os("OUT_DIR").unwrap_or_default();
    let folder = Path::new(&folder);
    // A linker script: ld looks for libpam.so, which only the -dev package has, and finds the library itself.
    script(folder, "libpam.so", "INPUT(-l:libpam.so.0)\n");
    // libgcc_s is two thirds of what loading the module would cost. The static twin of its unwinder comes
    // with every gcc; without one, the shared one is linked as usual.
    if let Some(archive) = static_unwinder() {
        script(folder, "libgcc_s.so", &format!("INPUT({archive})\n"));
    }
    println!("cargo:rustc-link-search=native={}", folder.display());
    // What a host has loaded once stays: dlclose would leave destructors of thread-local storage dangling,
    // and the next login pays for relocation again.
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
}

fn script(folder: &Path, name: &str, text: &str) {
    if let Err(error) = fs::write(folder.join(name), text) {
        println!("cargo:warning={name}: {error}");
    }
}

fn static_unwinder() -> Option<String> {
    let compiler = env::var_os("CC").unwrap_or_else(|| "gcc".into());
    let output = Command::new(compiler).arg("-print-file-name=libgcc_eh.a").output().ok()?;
    let path = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    Path::new(&path).is_absolute().then_some(path)
}

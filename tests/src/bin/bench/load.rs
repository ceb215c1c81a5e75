//! What it takes to load a module, and how much of the address space it takes.

use crate::Site;
use crate::raw::Raw;
use crate::size::Size;
use std::collections::BTreeSet;
use std::ffi::CString;
use std::fs;
use std::process::Command;
use std::time::Instant;

pub(crate) fn run(raw: &mut Raw, site: &Site, size: Size) {
    let ours = |file: &str| site.modules.join(file).to_string_lossy().into_owned();
    let debians = |file: &str| beside_permit().join(file).to_string_lossy().into_owned();
    let modules = [
        ("empty", ours("empty.so")),
        ("pam_permit", debians("pam_permit.so")),
        ("pam_google_authenticator", debians("pam_google_authenticator.so")),
        ("pam_oath", debians("pam_oath.so")),
        ("pam_totp", ours("libpam_totp.so")),
    ];
    for _ in 0..size.rounds(1) {
        for (name, path) in &modules {
            let output =
                Command::new(std::env::current_exe().expect("this program")).args(["load", path]).output();
            let output = output.expect("this program runs");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            let text = String::from_utf8(output.stdout).expect("numbers");
            for (unit, value) in ["ns", "mapped"].iter().zip(text.split_whitespace()) {
                raw.put("load", name, 0, "fresh", unit, value);
            }
        }
    }
}

/// Debian has modules in a folder for its architecture, others elsewhere: libpam knows, and has one of them open
/// once pam_permit was asked.
fn beside_permit() -> std::path::PathBuf {
    let folders = [
        "/lib/x86_64-linux-gnu/security",
        "/lib/aarch64-linux-gnu/security",
        "/lib/security",
        "/lib64/security",
    ];
    let folder =
        folders.iter().map(std::path::Path::new).find(|folder| folder.join("pam_permit.so").exists());
    folder.expect("a folder of PAM modules").to_owned()
}

/// Loads as libpam does, in a process that has libpam already.
pub(crate) fn child(path: &str) {
    let path = CString::new(path).expect("a path");
    let before = mapped();
    let start = Instant::now();
    // SAFETY: dlopen(3) takes a path that ends in NUL. What a PAM module does when it is loaded is its business.
    let handle = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW) };
    let taken = start.elapsed().as_nanos();
    assert!(!handle.is_null(), "{path:?} cannot be loaded");
    let new: usize = mapped().difference(&before).map(|(_, bytes)| bytes).sum();
    println!("{taken} {new}");
}

/// Where files are mapped, and how many bytes: what stands without a name behind a file belongs to it (bss).
fn mapped() -> BTreeSet<(String, usize)> {
    let maps = fs::read_to_string("/proc/self/maps").expect("proc is mounted");
    let named = |line: &&str| !line.contains('[');
    let range = |line: &str| {
        let (from, to) = line.split_once(' ')?.0.split_once('-')?;
        let size = usize::from_str_radix(to, 16).ok()? - usize::from_str_radix(from, 16).ok()?;
        Some((from.to_owned(), size))
    };
    maps.lines().filter(named).filter_map(range).collect()
}

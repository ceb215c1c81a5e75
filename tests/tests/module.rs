//! The shared object itself: what it exports and what it needs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

use acceptance::artefacts;
use acceptance::host::Loaded;
use acceptance::lab::run;

fn module() -> PathBuf {
    artefacts::bring_up_to_date();
    artefacts::path("libpam_totp.so")
}

fn output(program: &str, arguments: &[&str]) -> String {
    String::from_utf8(run(Command::new(program).args(arguments).arg(module())).stdout).unwrap()
}

const HOOKS: [&str; 6] = [
    "pam_sm_acct_mgmt",
    "pam_sm_authenticate",
    "pam_sm_chauthtok",
    "pam_sm_close_session",
    "pam_sm_open_session",
    "pam_sm_setcred",
];

#[test]
fn the_hooks_of_pam_are_all_that_the_module_exports() {
    let listed = output("nm", &["--dynamic", "--defined-only", "--format=posix"]);
    let names: BTreeSet<&str> = listed.lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(names, HOOKS.into());
}

#[test]
fn the_module_needs_libpam_and_libc_alone_and_stays_loaded() {
    let listed = output("readelf", &["--dynamic", "--wide"]);
    let needed = listed.lines().filter(|line| line.contains("(NEEDED)"));
    let needed: BTreeSet<&str> = needed.map(|line| line.split(['[', ']']).nth(1).unwrap()).collect();
    let allowed = ["libpam.so.0", "libc.so.6", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"];
    assert!(needed.is_subset(&allowed.into()), "{needed:?}");
    assert!(needed.contains("libpam.so.0") && needed.contains("libc.so.6"), "{needed:?}");
    assert!(listed.contains("NODELETE"), "{listed}");
    assert!(!listed.contains("TEXTREL") && !listed.contains("RPATH") && !listed.contains("RUNPATH"));
}

#[test]
fn the_module_has_no_writable_code_and_no_executable_stack() {
    let segments = output("readelf", &["--segments", "--wide"]);
    let flags = |kind: &'static str| segments.lines().filter(move |line| line.trim_start().starts_with(kind));
    assert!(flags("LOAD").all(|line| !line.contains("RWE")), "{segments}");
    assert!(flags("GNU_STACK").all(|line| !line.contains("RWE")), "{segments}");
    assert!(flags("GNU_RELRO").count() == 1, "{segments}");
}

#[test]
fn every_symbol_is_found_when_the_module_is_loaded() {
    let loaded = Loaded::open(&module());
    for hook in HOOKS {
        assert!(loaded.has(&std::ffi::CString::new(hook).unwrap()), "{hook}");
    }
}

//! What the caller's process and the system may forbid: writing, and the descriptors below 3.
//!
//! These are properties of a whole process, so each test runs this binary again as a child.

use crate::place::{CODE, NEXT, Place, alice, clock, is_root, random};
use config::StoreSettings;
use otp::{Policy, Time, Typed};
use std::fs;
use std::path::PathBuf;
use std::process::{Command, ExitStatus};
use std::sync::atomic::{AtomicUsize, Ordering};
use verifier::{Authority, FileStore, Local, Origin, Outcome, StoreError, Verifier};

const STORE: &str = "PAM_TOTP_TEST_STORE";

/// Runs the ignored test `name` of this binary under `setup`, a line of shell.
fn child(setup: &str, name: &str, place: &Place) -> ExitStatus {
    let shell = format!("{setup}; exec \"$0\" --exact --ignored --nocapture limits::{name}");
    let output = Command::new("sh")
        .arg("-c")
        .arg(shell)
        .arg(std::env::current_exe().unwrap())
        .env(STORE, place.root())
        .output()
        .unwrap();
    // Through a pipe: what the harness says of the child is no file that a limit could hit.
    print!("{}", String::from_utf8_lossy(&output.stdout));
    output.status
}

/// The parent's store; `None` for a child without a parent.
fn store() -> Option<FileStore> {
    let directory = PathBuf::from(std::env::var_os(STORE)?);
    Some(FileStore::open(&StoreSettings { directory, id: None }).unwrap())
}

#[test]
fn a_limit_on_file_sizes_denies_right_and_wrong_alike_and_spends_nothing() {
    // 0 writes nothing, 1 (a block of 512 or 1024 bytes) a part of a slot.
    for blocks in [0, 1] {
        let place = Place::enrolled();
        assert!(place.accepts(CODE), "so that the next record goes to the slot at 4096");
        for round in 0..2 {
            let before = fs::read(place.ledger()).unwrap();
            let setup = format!("trap '' XFSZ; ulimit -f {blocks}");
            assert!(child(&setup, "child_that_cannot_write", &place).success(), "{blocks} blocks");
            assert!(before == fs::read(place.ledger()).unwrap(), "the former bytes are back");
            if round == 0 {
                assert!(matches!(place.check("000000"), Outcome::Judged(_)), "now it goes to the slot at 0");
            }
        }
        assert!(place.accepts(NEXT), "what was not recorded is not spent");
    }
}

#[test]
#[ignore = "run by a_limit_on_file_sizes_denies_right_and_wrong_alike_and_spends_nothing"]
fn child_that_cannot_write() {
    let Some(store) = store() else { return };
    let local = Local::new(store, Policy::default(), clock, random);
    let errors = [NEXT, "000000"].map(|typed| {
        let outcome = local.check(&alice(), &Typed::parse(typed.as_bytes()), Origin::Console);
        let Outcome::Unavailable(error @ StoreError::Io { .. }) = outcome else { panic!("{outcome:?}") };
        error.to_string()
    });
    assert_eq!(errors[0], errors[1]);
}

#[test]
fn a_ledger_that_cannot_be_opened_for_writing_denies() {
    let place = Place::enrolled();
    let ledger = place.ledger();
    let immutable = |flag: &str| Command::new("chattr").arg(flag).arg(&ledger).output();
    if !is_root() || !immutable("+i").is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: chattr +i needs root and a file system that has it");
        return;
    }
    place.assert_refuses("Operation not permitted");
    immutable("-i").unwrap();
    assert!(place.accepts(CODE));
}

/// How many descriptors of the store were seen below 3 or without close-on-exec.
static STRAYS: AtomicUsize = AtomicUsize::new(0);
static SEEN: AtomicUsize = AtomicUsize::new(0);

/// A clock that looks at the process's descriptors: it is asked in the middle of everything.
fn looking_clock() -> Time {
    let root = std::env::var_os(STORE).unwrap();
    for entry in fs::read_dir("/proc/self/fd").unwrap().map(Result::unwrap) {
        let Ok(target) = fs::read_link(entry.path()) else { continue };
        if !target.starts_with(&root) {
            continue;
        }
        SEEN.fetch_add(1, Ordering::Relaxed);
        let number = entry.file_name().into_string().unwrap();
        let info = fs::read_to_string(format!("/proc/self/fdinfo/{number}")).unwrap();
        let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).unwrap();
        let flags = u32::from_str_radix(flags.trim(), 8).unwrap();
        if number.parse::<u32>().unwrap() < 3 || flags & 0o2_000_000 == 0 {
            STRAYS.fetch_add(1, Ordering::Relaxed);
        }
    }
    clock()
}

#[test]
fn descriptors_lie_above_two_even_where_the_host_has_closed_those() {
    let place = Place::enrolled();
    assert_eq!(child(":", "child_without_standard_streams", &place).code(), Some(7));
    assert!(!place.accepts(CODE), "the child's login was recorded");
}

#[test]
fn no_descriptor_is_handed_to_a_child_of_the_host() {
    let place = Place::enrolled();
    assert_eq!(child(":", "child_with_standard_streams", &place).code(), Some(7));
    assert!(!place.accepts(CODE), "the child's login was recorded");
}

#[test]
#[ignore = "run by descriptors_lie_above_two_even_where_the_host_has_closed_those"]
fn child_without_standard_streams() {
    if std::env::var_os(STORE).is_none() {
        return;
    }
    for descriptor in 0..3 {
        nix::unistd::close(descriptor).unwrap();
    }
    look();
}

#[test]
#[ignore = "run by no_descriptor_is_handed_to_a_child_of_the_host"]
fn child_with_standard_streams() {
    look();
}

/// Logs in, inspects and changes, looking at the descriptors in the middle of each. There may be nowhere to
/// print to, so the exit status tells.
fn look() {
    let Some(store) = store() else { return };
    let local = Local::new(store, Policy::default(), looking_clock, random);
    let outcome = local.check(&alice(), &Typed::parse(CODE.as_bytes()), Origin::Console);
    let id = local.status(&alice()).unwrap().unwrap().id;
    let changed = local.backup_codes(&alice(), id, &[], Authority::Root);
    let people = local.people();
    let fine = matches!(outcome, Outcome::Judged(_)) && changed.is_ok() && people.is_ok();
    let (seen, strays) = (SEEN.load(Ordering::Relaxed), STRAYS.load(Ordering::Relaxed));
    std::process::exit(if fine && seen >= 4 && strays == 0 { 7 } else { 1 });
}

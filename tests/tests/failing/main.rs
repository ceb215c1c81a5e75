//! A fault at every system call of a login, of every kind of login: whoever may not in stays out, nothing
//! opens unrecorded, nothing hangs or dies, nothing is lost, and the next right answer opens. Minutes for each
//! kind, so `bash tests/faults` runs them; what records a login is every day's.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod asked;
mod direct;
mod timing;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use acceptance::faults::{Point, Snapshot, meets, plausible, system_calls};
use acceptance::lab::{Lab, SETTINGS_PATH, STORE};
use acceptance::pam::{Code, Login, Report};

/// What is at stake in one login.
struct Trial {
    /// The login whose calls fail.
    login: Command,
    /// Whether it would open if nothing failed.
    is_right: bool,
    /// What opens afterwards, whatever has failed.
    later: Option<Command>,
}

/// Enrolled people are not exempt by `nullok`; were they, pam_permit would open.
fn lax_door(lab: &Lab) {
    lab.settings("[login]\nfail_delay = \"0s\"\n[throttle]\nfree_failures = 3\n");
    door(lab, "nullok");
}

fn door(lab: &Lab, arguments: &str) {
    lab.service("door", &format!("auth required pam_totp.so {arguments}\nauth required pam_permit.so\n"));
}

/// "There is no such folder" is how the store says that somebody is not enrolled, and no error. Where that is
/// said falsely, there is no `nullok`.
fn is_answered(point: &Point, fault: &str) -> bool {
    fault == "error=ENOENT" && point.call == "openat2"
}

/// Without a file of settings, the defaults hold.
fn is_another_policy(point: &Point, fault: &str) -> bool {
    fault == "error=ENOENT" && point.shown.contains(SETTINGS_PATH)
}

fn types(user: &str, code: &str) -> Command {
    Login::new("door", user).code(code).command()
}

fn verdict(command: &mut Command) -> Code {
    Report::of(command.output().unwrap()).verdict()
}

/// All that a login never touches.
fn precious(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.append(&mut precious(&path));
        } else {
            let is_ledger = path.file_name().unwrap().to_string_lossy().starts_with("ledger");
            let content = if is_ledger { Vec::new() } else { fs::read(&path).unwrap() };
            found.insert(path, content);
        }
    }
    found
}

/// Every fault at every system call of the transaction.
fn withstands(lab: &Lab, name: &str, trial: Trial) {
    withstands_at(lab, name, trial, |_| true);
}

/// Every fault at those of its system calls.
fn withstands_at(lab: &Lab, name: &str, mut trial: Trial, is_meant: fn(&Point) -> bool) {
    let before = Snapshot::of(STORE);
    let points = system_calls(&trial.login);
    before.restore();
    let kept = precious(Path::new(STORE));
    let (mut runs, mut opened) = (0, 0);
    for point in points.iter().filter(|point| is_meant(point)) {
        for fault in plausible(&point.call).iter().filter(|fault| !is_another_policy(point, fault)) {
            before.restore();
            door(lab, if is_answered(point, fault) { "" } else { "nullok" });
            let at = format!("{name}: {fault} at {point:?}");
            let output = meets(&trial.login, point, fault);
            assert!(output.status.success(), "{at}: {output:?}");
            runs += 1;
            let said = lab.syslog.module();
            lab.syslog.clear();
            if Report::of(output).verdict() == Code::Success {
                assert!(trial.is_right, "it opened: {at}: {said:#?}");
                opened += 1;
                assert_ne!(verdict(&mut trial.login), Code::Success, "unrecorded: {at}");
            }
            assert_eq!(precious(Path::new(STORE)), kept, "{at}");
            if let Some(later) = &mut trial.later {
                assert_eq!(verdict(later), Code::Success, "shut out: {at}");
            }
        }
    }
    before.restore();
    assert!(runs > 20 && (opened > 0) == trial.is_right, "{name}: {runs} runs, {opened} opened");
    println!("faults: {name} | {} calls, {runs} runs, {opened} opened and recorded", points.len());
}

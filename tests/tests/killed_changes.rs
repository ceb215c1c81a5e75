//! kill -9 in every change that an administrator makes: it is made or not, and nothing that was spent is good again.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeSet;
use std::fs;

use acceptance::faults::{Point, Snapshot, kill_at, system_calls};
use acceptance::lab::{Lab, STORE};
use acceptance::pam::{Code, Login};
use acceptance::sandbox;
use serde_json::{Value, json};

/// A change, what makes it possible, and at which of its ends alice's codes open.
struct Change {
    before: &'static [&'static [&'static str]],
    words: &'static [&'static str],
    opens: [bool; 2],
}

const fn change(words: &'static [&'static str]) -> Change {
    Change { before: &[], words, opens: [true, true] }
}

const BYPASS: &[&str] = &["bypass", "alice", "--reason", "phone lost"];
const SUSPEND: &[&str] = &["suspend", "alice", "--reason", "on leave"];
const ADD: &[&str] = &["enroll", "alice", "--add", "--token", "fob", "--no-confirm", "--json"];

const CHANGES: [Change; 11] = [
    Change { opens: [true, false], ..change(&["revoke", "alice", "--yes"]) },
    Change { opens: [true, false], ..change(SUSPEND) },
    Change { before: &[SUSPEND], opens: [false, true], ..change(&["resume", "alice"]) },
    change(&["backup-codes", "alice", "--yes"]),
    change(ADD),
    Change { before: &[ADD], ..change(&["remove-token", "alice", "--token", "fob", "--yes"]) },
    change(&["rename-token", "alice", "--token", "phone", "--to", "mobile"]),
    change(BYPASS),
    Change { before: &[BYPASS], ..change(&["revoke-bypass", "alice"]) },
    Change { opens: [true, false], ..change(&["restored", "alice", "--yes"]) },
    change(&["unlock", "alice"]),
];

/// What a change changes, as `status` has it: what is half of one and half of the other is neither.
fn shape(lab: &Lab) -> Value {
    let status = lab.status("alice");
    let of_each = |list: &str, key: &str| -> Vec<Value> {
        status[list].as_array().unwrap().iter().map(|entry| entry[key].clone()).collect()
    };
    json!({
        "enrolled": status["enrolled"],
        "tokens": of_each("tokens", "name"),
        "backup codes": [status["backup_codes_left"], status["backup_set"]["number"]],
        "bypasses": of_each("bypasses", "number"),
        "suspended": !status["suspended"].is_null(),
        "lanes": of_each("throttled", "lane"),
    })
}

fn opens(code: &str) -> bool {
    Login::new("door", "alice").code(code).run().verdict() == Code::Success
}

/// Kills it at those of its system calls, each time from the same beginning.
fn kill_in(lab: &Lab, change: &Change, is_meant: impl Fn(&Point) -> bool) -> usize {
    let alice = lab.enroll_slow("alice");
    // One spent code each, and a lane that has to wait, which an unlock opens.
    for spent in [&alice.phone.code(0), &alice.backup_codes[0]] {
        assert!(opens(spent));
    }
    change.before.iter().for_each(|words| drop(lab.totpctl(*words)));
    if change.words[0] == "unlock" {
        assert!(!opens(&alice.phone.wrong()));
    }
    let untouched = Snapshot::of(STORE);
    let before = shape(lab);
    let mut command = lab.totpctl_command();
    command.args(change.words);
    let calls = system_calls(&command);
    let after = shape(lab);
    assert_ne!(before, after, "{:?} changes nothing", change.words);
    let first = calls.iter().position(|call| call.shown.contains("FORMAT")).unwrap();
    let points: Vec<_> = calls[first..].iter().filter(|point| is_meant(point)).collect();
    let mut ends = BTreeSet::new();
    for point in &points {
        untouched.restore();
        let _ = kill_at(&command, point);
        let at = format!("{:?} killed at {point:?}", change.words);
        let now = shape(lab);
        assert!(now == before || now == after, "{at}: half a change: {now}");
        let is_made = now == after;
        ends.insert(is_made);
        assert!(!opens(&alice.phone.code(0)) && !opens(&alice.backup_codes[0]), "{at}: good again");
        let waits = now["lanes"] != json!([]);
        if !waits {
            assert_eq!(opens(&alice.phone.code(1)), change.opens[usize::from(is_made)], "{at}");
        }
        // Whatever was left behind is no obstacle.
        if now["suspended"] == true {
            lab.totpctl(["resume", "alice"]);
        }
        let how: &[&str] = if now["enrolled"] == true { &["--replace", "--yes"] } else { &[] };
        let next = lab.enroll_with("alice", how);
        lab.totpctl(["unlock", "alice"]);
        assert!(opens(&next.phone.code(0)), "{at}: shut out");
        let names = fs::read_dir(format!("{STORE}/users/2001")).unwrap().count();
        assert_eq!(names, 2, "{at}: leftovers");
    }
    assert_eq!(ends.len(), 2, "{:?} was killed on one side of its end alone", change.words);
    points.len()
}

/// In each of these changes.
fn kill_in_each(lab: &Lab, is_meant: impl Fn(&Point) -> bool + Copy) {
    lab.settings("[login]\nfail_delay = \"0s\"\n[throttle]\nfree_failures = 1\n");
    lab.door("");
    for change in &CHANGES {
        fs::remove_dir_all(STORE).unwrap();
        lab.totpctl(["init"]);
        let count = kill_in(lab, change, is_meant);
        println!("faults: killed in totpctl {} | at {count} calls, each time made or not", change.words[0]);
    }
}

/// The calls that change what is on disk, and the last, at which the lock is given back.
fn is_a_step(point: &Point) -> bool {
    ["fsync", "rename", "unlink", "pwrite", "flock"].iter().any(|call| point.call.starts_with(call))
}

#[test]
fn a_killed_change_is_made_or_not_and_makes_nothing_good_again() {
    sandbox::within(|lab| kill_in_each(lab, is_a_step));
}

#[test]
#[ignore = "minutes: run by tests/faults"]
fn a_change_killed_at_every_system_call_is_made_or_not_and_makes_nothing_good_again() {
    sandbox::within(|lab| kill_in_each(lab, |_| true));
}

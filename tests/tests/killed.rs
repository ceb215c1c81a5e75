//! kill -9 at every system call.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::process::{Command, Output};

use acceptance::codes::Phone;
use acceptance::faults::{Point, Snapshot, kill_at, system_calls};
use acceptance::lab::{Lab, STORE, write};
use acceptance::pam::{Code, Login, Report};
use acceptance::sandbox;

fn opens(code: &str) -> bool {
    Login::new("door", "alice").code(code).run().verdict() == Code::Success
}

/// The system calls from the first that touches the store.
fn calls_on_store(command: &Command) -> Vec<Point> {
    let mut calls = system_calls(command);
    let first = calls.iter().position(|call| call.shown.contains("FORMAT")).expect("the store is opened");
    calls.split_off(first)
}

fn accepted(output: Output) -> bool {
    output.status.success() && Report::of(output).verdict() == Code::Success
}

/// The secret that the store holds for alice now.
fn secret() -> Option<String> {
    let text = std::fs::read_to_string(format!("{STORE}/users/2001/enrollment.toml")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("secret = "))?;
    Some(line.trim_matches('"').to_owned())
}

#[test]
fn a_killed_login_leaves_its_code_good_for_one_login_in_all() {
    sandbox::within(|lab| {
        lab.door("");
        let alice = lab.enroll_slow("alice");
        let before = Snapshot::of(STORE);
        for code in [alice.phone.code(0), alice.backup_codes[0].clone()] {
            let login = Login::new("door", "alice").code(&code).command();
            let calls = calls_on_store(&login);
            assert!(calls.len() > 5, "{calls:#?}");
            for point in calls {
                before.restore();
                let first = accepted(kill_at(&login, &point));
                let second = opens(&code);
                assert!(!(first && second), "accepted twice, killed at {point:?}");
                assert!(!opens(&code), "accepted once more, killed at {point:?}");
                assert!(opens(&alice.phone.code(1)), "shut out, killed at {point:?}");
                assert_eq!(lab.status("alice")["enrolled"], true, "{point:?}");
            }
        }
    });
}

#[test]
fn a_killed_wrong_guess_is_counted_or_was_not_answered() {
    sandbox::within(|lab| {
        lab.settings("[login]\nfail_delay = \"0s\"\n[throttle]\nfree_failures = 1\n");
        lab.door("");
        let alice = lab.enroll_slow("alice");
        let before = Snapshot::of(STORE);
        let login = Login::new("door", "alice").code(alice.phone.wrong()).command();
        let calls = calls_on_store(&login);
        let write = calls.iter().position(|call| call.call.starts_with("pwrite")).expect("it is recorded");
        for (place, point) in calls.iter().enumerate() {
            before.restore();
            let _ = kill_at(&login, point);
            // The kill comes before the call that it names; what follows the record finds it counted.
            let counted = !opens(&alice.phone.code(0));
            assert_eq!(counted, place > write, "killed at {point:?}");
        }
    });
}

/// Kills `totpctl enroll` at each of its system calls; `judge` looks at what is left.
fn kill_enrollment(lab: &Lab, arguments: &[&str], judge: impl Fn(&Point)) {
    let before = Snapshot::of(STORE);
    let mut command = lab.totpctl_command();
    command.args(["enroll", "alice", "--no-confirm", "--json"]).args(arguments);
    let calls = calls_on_store(&command);
    assert!(calls.iter().any(|call| call.call.starts_with("rename")), "{calls:#?}");
    for point in calls {
        before.restore();
        let _ = kill_at(&command, &point);
        judge(&point);
    }
}

#[test]
fn a_killed_first_enrollment_is_whole_or_not_there() {
    sandbox::within(|lab| {
        lab.door("");
        kill_enrollment(lab, &[], |point| {
            let enrolled = lab.status("alice")["enrolled"].as_bool().unwrap();
            assert_eq!(enrolled, secret().is_some(), "{point:?}");
            match secret() {
                Some(secret) => assert!(opens(&Phone::new(&secret).code(0)), "{point:?}"),
                None => assert!(opens(&lab.enroll("alice").phone.code(0)), "{point:?}"),
            }
        });
    });
}

#[test]
fn a_killed_replacement_leaves_the_old_enrollment_or_the_new_one() {
    sandbox::within(|lab| {
        lab.door("");
        let old = lab.enroll_slow("alice");
        let old_secret = secret().unwrap();
        let spent = old.phone.code(0);
        assert!(opens(&spent));
        kill_enrollment(lab, &["--replace", "--yes"], |point| {
            let standing = secret().unwrap_or_else(|| panic!("shut out, killed at {point:?}"));
            assert!(!opens(&spent), "a spent code opened, killed at {point:?}");
            if standing == old_secret {
                assert!(opens(&old.phone.code(1)), "shut out, killed at {point:?}");
            } else {
                assert!(opens(&Phone::new(&standing).code(0)), "shut out, killed at {point:?}");
            }
            // Whatever was left behind is no obstacle.
            let next = lab.enroll_with("alice", &["--replace", "--yes"]);
            assert!(opens(&next.phone.code(0)), "{point:?}");
            let names = std::fs::read_dir(format!("{STORE}/users/2001")).unwrap().count();
            assert_eq!(names, 2, "leftovers, killed at {point:?}");
        });
    });
}

#[test]
fn a_killed_adoption_leaves_no_code_good_twice_even_where_the_account_goes_again() {
    sandbox::within(|lab| {
        lab.door("");
        let vera = lab.enroll_with("vera", &["--no-account"]);
        let without = std::fs::read_to_string("/etc/passwd").unwrap();
        lab.add_account("vera", 2077);
        let with = std::fs::read_to_string("/etc/passwd").unwrap();
        let opens = |code: &str| Login::new("door", "vera").code(code).run().verdict() == Code::Success;
        let (code, other) = (&vera.backup_codes[0], &vera.backup_codes[1]);
        let before = Snapshot::of(STORE);
        let mut command = lab.totpctl_command();
        command.args(["adopt", "vera"]);
        let steps = ["flock", "fsync", "rename", "unlink"];
        let calls = calls_on_store(&command);
        let calls = calls.iter().filter(|point| steps.iter().any(|step| point.call.starts_with(step)));
        for point in calls {
            before.restore();
            let _ = kill_at(&command, point);
            let as_account = opens(code);
            write("/etc/passwd", &without);
            let by_name = opens(code);
            write("/etc/passwd", &with);
            lab.totpctl(["adopt", "vera"]);
            let adopted = opens(code);
            let count = [as_account, by_name, adopted].iter().filter(|opened| **opened).count();
            assert_eq!(count, 1, "killed at {point:?}: {as_account} {by_name} {adopted}");
            assert!(opens(other), "shut out, killed at {point:?}");
        }
    });
}

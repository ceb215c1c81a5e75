//! Errors and kills at every system call.

use std::fs;
use std::process::Command;

use acceptance::faults::{Point, Snapshot, fail_at, kill_at, system_calls};
use acceptance::lab::{Lab, STORE, run};
use acceptance::pam::{Call, Code, Limit, Login, Report};
use acceptance::sandbox;

use crate::{begin_session, door, enter, is_remembered, let_in, only, remember};

/// Whether nothing is asked, whatever fails.
fn is_never_remembered(why: &str, errors: &[&str]) {
    let login = enter("alice").calling(&[Call::Authenticate]).mute();
    let calls = system_calls(&login.command());
    let first = calls.iter().position(|call| call.shown.contains("/proc") || call.shown.contains("\"proc\""));
    let calls = &calls[first.unwrap()..];
    assert!(calls.iter().any(|call| call.shown.contains("pam_totp")), "{why}: {calls:#?}");
    for point in calls {
        for error in errors {
            let output = fail_at(&login.command(), &point.call, point.number, error);
            assert_ne!(Report::of(output).verdict(), Code::Success, "{why}: {error} at {point:?}");
        }
    }
    for count in 0..16 {
        let output = login.clone().limited(Limit::Descriptors(count)).command().output().unwrap();
        assert_ne!(Report::of(output).verdict(), Code::Success, "{why}: {count} descriptors");
    }
}

#[test]
fn no_error_at_any_system_call_and_no_lack_of_descriptors_makes_a_login_a_remembered_one() {
    sandbox::within(|lab| {
        begin_session();
        door(lab, "");
        remember(lab, "15m");
        let alice = lab.enroll("alice");
        let_in(enter("alice"), alice.phone.code(0));
        let (path, text) = only(lab, "alice");
        let (rest, since) = text.trim_end().rsplit_once(' ').unwrap();
        let later = since.parse::<u64>().unwrap() + 3_600_000_000_000;
        fs::write(&path, format!("{rest} {later}\n")).unwrap();
        is_never_remembered("a time ahead", &["EIO"]);
        fs::write(&path, &text).unwrap();
        run(Command::new("chmod").arg("644").arg(&path));
        is_never_remembered("loose mode", &["EIO"]);
        run(Command::new("chmod").arg("600").arg(&path));
        assert!(is_remembered(&enter("alice")));
        lab.totpctl(["backup-codes", "alice", "--yes"]);
        is_never_remembered("another enrollment", &["EIO", "ENOENT"]);
    });
}

/// The calls by which a login is written down for later.
fn of_setcred(login: &Login) -> Vec<Point> {
    let calls = system_calls(&login.command());
    let last = calls.iter().rposition(|call| call.shown.contains("boot_id"));
    // Then libpam tells the audit system.
    let ours = calls[last.unwrap()..].iter().take_while(|call| !call.shown.contains("AF_NETLINK"));
    ours.cloned().collect()
}

#[test]
fn an_error_or_a_kill_while_it_is_written_leaves_a_login_that_is_remembered_or_is_not() {
    sandbox::within(|lab| {
        begin_session();
        door(lab, "");
        remember(lab, "15m");
        let alice = lab.enroll_slow("alice");
        let login = enter("alice").code(alice.phone.code(0));
        let fresh = Snapshot::of(STORE);
        let calls = of_setcred(&login);
        assert!(calls.iter().any(|call| call.call.contains("rename")), "{calls:#?}");
        for point in &calls {
            fresh.restore();
            fs::remove_dir_all("/run/pam_totp").unwrap_or_default();
            let report = Report::of(fail_at(&login.command(), &point.call, point.number, "ENOSPC"));
            let all_well = [(Call::Authenticate, Code::Success), (Call::Setcred, Code::Success)];
            assert_eq!(report.answers, all_well, "{point:?}");
            is_whole(lab, point);
            fresh.restore();
            fs::remove_dir_all("/run/pam_totp").unwrap_or_default();
            kill_at(&login.command(), point);
            is_whole(lab, point);
            // What is left behind is in nobody's way.
            if !is_remembered(&enter("alice")) {
                let_in(enter("alice"), &alice.backup_codes[0]);
            }
            assert!(is_remembered(&enter("alice")), "{point:?}");
        }
    });
}

/// No part of a file is in place.
fn is_whole(lab: &Lab, point: &Point) {
    let kept = crate::kept(lab, "alice");
    let placed: Vec<_> = kept.iter().filter(|(path, _)| path.file_name().unwrap().len() == 64).collect();
    assert_eq!(is_remembered(&enter("alice")), placed.len() == 1, "{point:?}: {kept:?}");
}

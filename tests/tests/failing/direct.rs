//! Programs that run as root and look into the store themselves.

use std::process::Command;

use acceptance::codes::Fob;
use acceptance::faults::{Point, meets, system_calls};
use acceptance::lab::{Lab, SETTINGS, SETTINGS_PATH, write};
use acceptance::pam::{Code, Report};
use acceptance::people::Person;
use acceptance::sandbox;

use crate::{Trial, lax_door, types, verdict, withstands, withstands_at};

fn alice(lab: &Lab) -> Person {
    lax_door(lab);
    lab.enroll_slow("alice")
}

fn right(code: &str, later: &str) -> Trial {
    Trial { login: types("alice", code), is_right: true, later: Some(types("alice", later)) }
}

fn never(login: Command, later: &str) -> Trial {
    Trial { login, is_right: false, later: Some(types("alice", later)) }
}

#[test]
fn no_fault_where_a_login_is_recorded_opens_a_door_or_shuts_somebody_out() {
    sandbox::within(|lab| {
        let alice = alice(lab);
        let (code, next) = (alice.phone.code(0), alice.phone.code(1));
        let records = |point: &Point| ["flock", "pread64", "pwrite64"].contains(&&*point.call);
        withstands_at(lab, "the record of a code", right(&code, &next), records);
        let wrong = never(types("alice", &alice.phone.wrong()), &code);
        withstands_at(lab, "the record of a wrong code", wrong, records);
    });
}

#[test]
fn settings_that_are_cut_short_while_they_are_read_are_no_settings() {
    sandbox::within(|lab| {
        let alice = alice(lab);
        lab.settings(&format!("{SETTINGS}[[rule]]\nuser = \"alice\"\nthen = \"deny\"\n"));
        let login = types("alice", &alice.phone.code(0));
        let calls = system_calls(&login);
        let read =
            calls.iter().find(|call| call.call == "read" && call.shown.contains("fail_delay")).unwrap();
        lab.syslog.clear();
        assert_eq!(Report::of(meets(&login, read, "retval=0")).verdict(), Code::ServiceErr);
        assert!(lab.decision().contains("changed while it was read"));
    });
}

#[test]
fn a_rule_that_denies_holds_where_the_name_service_fails_before_the_prompt_and_answers_behind_it() {
    sandbox::within(|lab| {
        let alice = alice(lab);
        lab.settings(&format!("{SETTINGS}[[rule]]\nuser = \"alice\"\nthen = \"deny\"\n"));
        let login = types("alice", &alice.phone.code(0));
        let calls = system_calls(&login);
        let first = calls.iter().position(|call| call.shown.contains(SETTINGS_PATH)).unwrap();
        let asks = |call: &&Point| call.shown.contains("nsswitch.conf") || call.shown.contains("/etc/passwd");
        let points: Vec<_> = calls[first..].iter().filter(asks).collect();
        assert!(points.len() > 2, "{calls:#?}");
        for point in points {
            let verdict = Report::of(meets(&login, point, "error=EIO")).verdict();
            assert_eq!(verdict, Code::AuthErr, "{point:?}: {:#?}", lab.syslog.module());
        }
    });
}

#[test]
#[ignore = "minutes: run by tests/faults"]
fn every_fault_of_a_login_with_a_right_code() {
    sandbox::within(|lab| {
        let alice = alice(lab);
        withstands(lab, "a code", right(&alice.phone.code(0), &alice.phone.code(1)));
    });
}

#[test]
#[ignore = "minutes: run by tests/faults"]
fn every_fault_of_a_login_with_a_wrong_code() {
    sandbox::within(|lab| {
        let alice = alice(lab);
        let wrong = types("alice", &alice.phone.wrong());
        withstands(lab, "a wrong code", never(wrong, &alice.phone.code(0)));
    });
}

#[test]
#[ignore = "minutes: run by tests/faults"]
fn every_fault_of_a_login_with_a_spent_code() {
    sandbox::within(|lab| {
        let alice = alice(lab);
        let spent = alice.phone.code(0);
        assert_eq!(verdict(&mut types("alice", &spent)), Code::Success);
        withstands(lab, "a spent code", never(types("alice", &spent), &alice.phone.code(1)));
    });
}

#[test]
#[ignore = "minutes: run by tests/faults"]
fn every_fault_of_a_login_with_a_backup_code() {
    sandbox::within(|lab| {
        let alice = alice(lab);
        withstands(lab, "a backup code", right(&alice.backup_codes[0], &alice.backup_codes[1]));
    });
}

#[test]
#[ignore = "minutes: run by tests/faults"]
fn every_fault_of_a_login_with_a_bypass() {
    sandbox::within(|lab| {
        let alice = alice(lab);
        let (bypass, _) = lab.bypass("alice", &[]);
        withstands(lab, "a bypass", right(&bypass, &alice.phone.code(0)));
    });
}

#[test]
#[ignore = "minutes: run by tests/faults"]
fn every_fault_of_a_login_with_two_codes() {
    sandbox::within(|lab| {
        let alice = alice(lab);
        let pair = format!("{} {}", alice.phone.code(0), alice.phone.code(1));
        withstands(lab, "two codes", right(&pair, &alice.backup_codes[0]));
    });
}

#[test]
#[ignore = "minutes: run by tests/faults"]
fn every_fault_of_a_login_with_a_fob() {
    sandbox::within(|lab| {
        lax_door(lab);
        let fob = Fob::new(&lab.enroll_with("alice", &["--hotp"]).secret);
        withstands(lab, "a fob's code", right(&fob.code(0), &fob.code(1)));
    });
}

#[test]
#[ignore = "minutes: run by tests/faults"]
fn every_fault_of_a_login_that_has_to_wait() {
    sandbox::within(|lab| {
        let alice = alice(lab);
        let forever = "first_delay = \"12h\"\nlongest_delay = \"12h\"\n";
        lab.settings(&format!("{SETTINGS}[throttle]\nfree_failures = 3\n{forever}"));
        for _ in 0..8 {
            verdict(&mut types("alice", &alice.phone.wrong()));
        }
        let waits = types("alice", &alice.phone.code(0));
        withstands(lab, "a right code that has to wait", never(waits, &alice.backup_codes[0]));
    });
}

#[test]
#[ignore = "minutes: run by tests/faults"]
fn every_fault_of_a_login_of_somebody_suspended() {
    sandbox::within(|lab| {
        let alice = alice(lab);
        lab.totpctl(["suspend", "alice", "--reason", "on leave"]);
        let login = types("alice", &alice.phone.code(0));
        withstands(lab, "somebody suspended", Trial { login, is_right: false, later: None });
    });
}

#[test]
#[ignore = "minutes: run by tests/faults"]
fn every_fault_of_a_login_of_somebody_without_an_account() {
    sandbox::within(|lab| {
        lax_door(lab);
        let vera = lab.enroll_with("vera", &["--no-account", "--period", "300"]);
        let phone = vera.phone.with_period(300);
        let later = || Some(types("vera", &vera.backup_codes[0]));
        let wrong = Trial { login: types("vera", &phone.wrong()), is_right: false, later: later() };
        withstands(lab, "a wrong code without an account", wrong);
        let login = types("vera", &vera.backup_codes[1]);
        withstands(lab, "a backup code without an account", Trial { login, is_right: true, later: later() });
    });
}

#[test]
#[ignore = "minutes: run by tests/faults"]
fn every_fault_of_a_login_of_nobody() {
    sandbox::within(|lab| {
        lax_door(lab);
        let login = types("mallory", "123456");
        withstands(lab, "somebody unknown", Trial { login, is_right: false, later: None });
    });
}

#[test]
#[ignore = "minutes: run by tests/faults"]
fn every_fault_of_a_login_under_a_rule_that_denies() {
    sandbox::within(|lab| {
        let alice = alice(lab);
        let deny = "[[rule]]\nuser = \"alice\"\nthen = \"deny\"\n";
        lab.settings(&format!("{SETTINGS}{deny}[[rule]]\nthen = \"skip\"\n"));
        let login = types("alice", &alice.phone.code(0));
        withstands(lab, "a rule that denies", Trial { login, is_right: false, later: None });
    });
}

#[test]
#[ignore = "minutes: run by tests/faults"]
fn every_fault_of_a_login_after_a_pause_has_ended() {
    sandbox::within(|lab| {
        let alice = alice(lab);
        lab.totpctl(["pause", "--until", "2h", "--reason", "ticket 12", "--yes"]);
        // Its boot is another one.
        let path = "/run/pam_totp/paused";
        let text = std::fs::read_to_string(path).unwrap();
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
        let other = text.replace(boot.trim(), "00000000-0000-4000-8000-000000000000");
        assert_ne!(text, other, "{text}");
        write(path, &other);
        let wrong = types("alice", &alice.phone.wrong());
        withstands(lab, "a pause of an earlier boot", never(wrong, &alice.phone.code(0)));
    });
}

#[test]
#[ignore = "minutes: run by tests/faults"]
fn every_fault_of_a_login_that_could_have_been_remembered() {
    sandbox::within(|lab| {
        let alice = alice(lab);
        lab.settings(&format!("{SETTINGS}[[rule]]\nthen = \"require\"\nremember = \"15m\"\n"));
        let wrong = types("alice", &alice.phone.wrong());
        withstands(lab, "nothing remembered", never(wrong, &alice.phone.code(0)));
    });
}

//! What the doctor says of doors that somebody passes without a code.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::io::Write;
use std::process::{Command, Stdio};

use acceptance::lab::{Lab, SETTINGS, run, write};
use acceptance::pam::{Code, Login};
use acceptance::sandbox;
use serde_json::Value;

/// What the doctor finds; the machine's own clock is not under test.
fn doctor(lab: &Lab, service: &str, user: &str) -> Vec<Value> {
    examine(lab, &["--service", service, "--user", user])
}

fn examine(lab: &Lab, words: &[&str]) -> Vec<Value> {
    let output = lab.totpctl_command().args(["doctor", "--json"]).args(words).output().unwrap();
    let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
    let findings = printed["findings"].as_array().unwrap().iter();
    findings.filter(|finding| finding["id"] != "clock").cloned().collect()
}

fn ids(findings: &[Value]) -> Vec<&str> {
    findings.iter().map(|finding| finding["id"].as_str().unwrap()).collect()
}

/// A door that is in order.
fn door(lab: &Lab) {
    lab.service("door", "auth requisite pam_unix.so\nauth required pam_totp.so\n");
}

#[test]
fn a_short_key_is_a_note_and_of_many_who_are_locked_out_some_are_named() {
    sandbox::within(|lab| {
        door(lab);
        let mut command = lab.totpctl_command();
        let mut child = command.args(["import", "uri", "alice"]).stdin(Stdio::piped()).spawn().unwrap();
        let uri = "otpauth://totp/x?secret=JVQWWZJANFXHMZLO\n";
        child.stdin.take().unwrap().write_all(uri.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success());
        let found = doctor(lab, "door", "alice");
        assert_eq!((ids(&found), &found[0]["level"]), (vec!["warning"], &"note".into()));
        assert!(found[0]["what"].as_str().unwrap().contains("80 bits"), "{found:#?}");
        for number in 1..=12 {
            lab.add_account(&format!("person{number}"), 3000 + number);
        }
        let output = lab.totpctl_command().args(["doctor", "--json", "--service", "door"]).output().unwrap();
        let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
        let findings = printed["findings"].as_array().unwrap();
        let locked = findings.iter().find(|finding| finding["id"] == "locked-out").unwrap();
        let what = locked["what"].as_str().unwrap();
        let (named, more) = what.strip_suffix(" more").unwrap().rsplit_once(" and ").unwrap();
        assert!(named.starts_with("not enrolled: bob, carol, dave, "), "{what}");
        // The machine may have accounts of its own.
        assert!(named.split(", ").count() == 10 && more.parse::<u32>().unwrap() >= 5, "{what}");
    });
}

#[test]
fn a_door_that_asks_for_nothing_else_is_a_note_and_libpam_agrees() {
    sandbox::within(|lab| {
        lab.enroll("alice");
        let rule = "[[rule]]\nuser = \"bob\"\nservice = \"Door\"\nthen = \"skip\"\n";
        lab.settings(&format!("{SETTINGS}{rule}"));
        let ours = "auth required pam_totp.so\n";
        lab.service("door", &format!("{ours}auth required pam_permit.so\n"));
        let found = doctor(lab, "door", "alice");
        assert_eq!((ids(&found), &found[0]["level"]), (vec!["asks-nothing"], &"note".into()));
        assert_eq!(Login::new("door", "bob").run().verdict(), Code::Success);
        lab.service("door", &format!("auth requisite pam_unix.so nodelay\n{ours}"));
        assert_eq!(ids(&doctor(lab, "door", "alice")), [""; 0]);
        lab.service("door", &format!("{ours}auth required pam_permit.so\n"));
        lab.settings(SETTINGS);
        assert_eq!(ids(&doctor(lab, "door", "alice")), [""; 0], "nobody passes");
    });
}

/// The manual's, word by word.
#[test]
fn robots_by_a_rule_at_sshd_are_no_finding_unless_the_key_is_not_asked_for() {
    sandbox::within(|lab| {
        lab.enroll("alice");
        lab.settings("[[rule]]\nuser = \"bob\"\nservice = \"sshd\"\nthen = \"skip\"\n");
        lab.service("sshd", "auth required pam_totp.so\nauth required pam_permit.so\n");
        run(Command::new("ssh-keygen").arg("-A"));
        let lines = "UsePAM yes\nKbdInteractiveAuthentication yes\nPasswordAuthentication no\nAllowUsers alice bob carol dave\n";
        let key = "AuthenticationMethods publickey,keyboard-interactive:pam\n";
        write("/etc/ssh/sshd_config", &format!("{lines}{key}"));
        for user in ["alice", "bob"] {
            assert_eq!(ids(&doctor(lab, "sshd", user)), [""; 0], "{user} is not locked out");
        }
        assert_eq!(ids(&doctor(lab, "sshd", "carol")), ["locked-out"]);
        lab.enroll("carol");
        lab.enroll("dave");
        let everybody = || examine(lab, &["--service", "sshd"]);
        assert_eq!(ids(&everybody()), [""; 0]);
        let no_key = "AuthenticationMethods keyboard-interactive:pam\n";
        write("/etc/ssh/sshd_config", &format!("{lines}{key}Match User bob\n{no_key}"));
        let found = everybody();
        assert_eq!((ids(&found), &found[0]["user"]), (vec!["sshd-code-alone"], &"bob".into()));
        assert_eq!(ids(&doctor(lab, "sshd", "alice")), [""; 0]);
        write("/etc/ssh/sshd_config", &format!("{lines}{no_key}"));
        assert_eq!(ids(&doctor(lab, "sshd", "alice")), ["sshd-code-alone"]);
    });
}

#[test]
fn while_logins_are_paused_doors_that_say_no_yes_by_themselves_are_found() {
    sandbox::within(|lab| {
        lab.enroll("alice");
        lab.service("door", "auth required pam_totp.so\n");
        let words = ["pause", "--until", "1h", "--reason", "down", "--yes"];
        let output = lab.totpctl_command().args(words).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(
            said.contains("note: door says no yes by itself, and lets nobody in without a code\n"),
            "{said}"
        );
        assert_eq!(Login::new("door", "alice").run().verdict(), Code::PermDenied);
        assert_eq!(ids(&doctor(lab, "door", "alice")), ["nothing-says-yes", "paused"]);
    });
}

//! What an administrator does while somebody sits at the prompt, and what a change leaves behind.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::process::Command;

use acceptance::lab::{Lab, STORE, run};
use acceptance::mounts;
use acceptance::pam::{Code, Login, Waiting};
use acceptance::sandbox;

fn waiting(code: &str) -> Waiting {
    Waiting::start(Login::new("door", "alice").code(code).behind_gate().command())
}

fn opens(code: &str) -> bool {
    Login::new("door", "alice").code(code).run().verdict() == Code::Success
}

fn backup_codes(lab: &Lab) -> Vec<String> {
    let printed = lab.totpctl(["backup-codes", "alice", "--yes", "--json"]);
    let value: serde_json::Value = serde_json::from_str(&printed).unwrap();
    let codes = value["backup_codes"].as_array().unwrap().iter();
    codes.map(|code| code.as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_revocation_holds_for_a_prompt_that_is_already_open() {
    sandbox::within(|lab| {
        lab.door("");
        lab.service("lax-door", "auth required pam_totp.so nullok\n");
        let alice = lab.enroll("alice");
        let (code, backup) = (waiting(&alice.phone.code(0)), waiting(&alice.backup_codes[0]));
        lab.totpctl(["revoke", "alice", "--yes"]);
        assert_eq!(code.finish().verdict(), Code::AuthErr);
        assert_eq!(backup.finish().verdict(), Code::AuthErr);
        assert_eq!(lab.status("alice")["enrolled"], false);
        assert_eq!(Login::new("lax-door", "alice").run().verdict(), Code::PermDenied, "as if never enrolled");
    });
}

#[test]
fn an_enrollment_holds_for_a_prompt_that_is_already_open() {
    sandbox::within(|lab| {
        lab.door("");
        let prompt = waiting("123456");
        let alice = lab.enroll("alice");
        assert_eq!(prompt.finish().verdict(), Code::AuthErr);
        assert!(opens(&alice.phone.code(0)));
    });
}

#[test]
fn a_replacement_holds_for_a_prompt_that_is_already_open() {
    sandbox::within(|lab| {
        lab.door("");
        let old = lab.enroll("alice");
        let prompt = waiting(&old.phone.code(0));
        let new = lab.enroll_with("alice", &["--replace", "--yes"]);
        assert_eq!(prompt.finish().verdict(), Code::AuthErr);
        assert!(!opens(&old.phone.code(0)) && !opens(&old.backup_codes[0]));
        assert!(opens(&new.phone.code(0)) && opens(&new.backup_codes[0]));
    });
}

#[test]
fn an_older_sheet_of_backup_codes_is_refused_without_counting() {
    sandbox::within(|lab| {
        lab.settings("[login]\nfail_delay = \"0s\"\n[throttle]\nfree_failures = 1\n");
        lab.door("");
        let alice = lab.enroll("alice");
        assert!(opens(&alice.backup_codes[0]));
        let prompt = waiting(&alice.backup_codes[1]);
        let new = backup_codes(lab);
        assert_eq!(prompt.finish().verdict(), Code::AuthErr);
        for old in &alice.backup_codes {
            lab.syslog.clear();
            assert!(!opens(old));
            assert!(lab.decision().contains("not counted"));
        }
        assert!(opens(&new[0]) && opens(&alice.phone.code(0)));
        assert_eq!(lab.status("alice")["backup_codes_left"], 9);
    });
}

#[test]
fn new_backup_codes_make_no_spent_code_good() {
    sandbox::within(|lab| {
        lab.door("");
        let alice = lab.enroll("alice");
        assert!(opens(&alice.phone.code(0)));
        backup_codes(lab);
        assert!(!opens(&alice.phone.code(0)));
        lab.totpctl(["unlock", "alice"]);
        assert!(!opens(&alice.phone.code(0)));
        assert!(opens(&alice.phone.code(1)));
    });
}

#[test]
fn what_was_used_since_a_backup_opens_no_door_after_its_restore() {
    sandbox::within(|lab| {
        lab.settings("[login]\nfail_delay = \"0s\"\n");
        lab.door("");
        let alice = lab.enroll("alice");
        let copy = |from: &str, to: &str| {
            let _ = std::fs::remove_dir_all(to);
            run(Command::new("cp").args(["-a", from, to]));
        };
        let backup = format!("{}/backup", mounts::LAB);
        copy(STORE, &backup);
        let used = [alice.phone.code(0), alice.backup_codes[0].clone()];
        assert!(used.iter().all(|code| opens(code)));
        copy(&backup, STORE);
        assert!(used.iter().all(|code| opens(code)), "a restore alone knows of no use");
        copy(&backup, STORE);
        let prompt = waiting(&used[1]);
        lab.totpctl(["restored", "--all", "--yes"]);
        assert_eq!(prompt.finish().verdict(), Code::AuthErr);
        assert!(!used.iter().any(|code| opens(code)) && !opens(&alice.phone.code(1)));
        let (bypass, _) = lab.bypass("alice", &[]);
        assert!(opens(&bypass), "the way in until codes pass again");
    });
}

#[test]
fn a_prune_goes_by_what_the_name_service_says_and_an_error_says_nothing() {
    sandbox::within(|lab| {
        lab.door("");
        let alice = lab.enroll("alice");
        lab.enroll("bob");
        let bob = format!("{STORE}/users/{}", lab.uid("bob"));
        let passwd = std::fs::read_to_string("/etc/passwd").unwrap();
        let left: Vec<_> = passwd.lines().filter(|line| !line.starts_with("bob:")).collect();
        std::fs::write("/etc/passwd", left.join("\n") + "\n").unwrap();
        for silent in ["unavailable 2\n", "unavailable 3\n", "unavailable 111\n", "try_again 11\n"] {
            lab.name_service(silent);
            let output = lab.totpctl_command().args(["prune", "--yes"]).output().unwrap();
            assert_eq!((output.status.code(), std::fs::exists(&bob).unwrap()), (Some(1), true), "{silent}");
        }
        lab.name_service("");
        let prompt = waiting(&alice.phone.code(0));
        assert!(lab.totpctl(["prune", "--yes"]).ends_with(" (was bob): removed\n"));
        assert!(!std::fs::exists(&bob).unwrap());
        assert_eq!(prompt.finish().verdict(), Code::Success);
    });
}

#[test]
fn userdel_by_its_hook_takes_the_enrollment_along() {
    sandbox::within(|lab| {
        lab.enroll("alice");
        lab.enroll("bob");
        let manual = include_str!("../../packaging/man/totpctl.1.md");
        let hook = manual.split_once("    #!/bin/sh\n    exec totpctl prune").unwrap().1;
        let arguments = hook.lines().next().unwrap();
        let program = lab.program("totpctl");
        let script = format!("#!/bin/sh\nexec {} prune{arguments}\n", program.display());
        std::fs::create_dir_all("/etc/shadow-maint/userdel-post.d").unwrap();
        let path = "/etc/shadow-maint/userdel-post.d/pam_totp";
        std::fs::write(path, script).unwrap();
        std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let uids = ["alice", "bob"].map(|name| lab.uid(name));
        run(Command::new("userdel").arg("bob"));
        assert_eq!(uids.map(|uid| std::fs::exists(format!("{STORE}/users/{uid}")).unwrap()), [true, false]);
    });
}

#[test]
fn an_unlock_opens_a_lane_that_waits() {
    sandbox::within(|lab| {
        lab.settings("[login]\nfail_delay = \"0s\"\n[throttle]\nfree_failures = 1\n");
        lab.door("");
        let alice = lab.enroll("alice");
        assert!(!opens(&alice.phone.wrong()) && !opens(&alice.phone.code(0)));
        lab.totpctl(["unlock", "alice"]);
        assert!(opens(&alice.phone.code(0)));
    });
}

#[test]
fn two_tokens_of_one_person_both_open_once() {
    sandbox::within(|lab| {
        lab.door("");
        let phone = lab.enroll("alice");
        let other = lab.enroll_with("alice", &["--add", "--token", "tablet"]);
        for token in [&phone, &other] {
            assert!(opens(&token.phone.code(0)));
            assert!(!opens(&token.phone.code(0)));
        }
    });
}

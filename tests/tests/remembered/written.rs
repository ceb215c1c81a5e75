//! When a login is remembered, and until when.

use std::process::Command;
use std::time::Duration;

use acceptance::lab::{PASSWORD, run};
use acceptance::pam::{Call, Code, Login, Reply, Style};
use acceptance::sandbox;

use crate::{SETTINGS, begin_session, door, enter, is_remembered, kept, let_in, only, remember};

#[test]
fn only_a_code_that_was_right_in_a_stack_that_said_yes_is_remembered() {
    sandbox::within(|lab| {
        begin_session();
        door(lab, "");
        remember(lab, "15m");
        let alice = lab.enroll_slow("alice");
        let refused = enter("alice").code(alice.phone.wrong()).run();
        assert_eq!(refused.verdict(), Code::AuthErr);
        // A code, and an application that stops there, as where the account has expired.
        let_in(Login::new("door", "alice").asked_by("alice"), &alice.backup_codes[0]);
        let (bypass, _) = lab.bypass("alice", &["--uses", "5"]);
        let_in(enter("alice"), &bypass);
        for call in [Call::DeleteCred, Call::RefreshCred] {
            let_in(enter("alice").calling(&[Call::Authenticate, call]), &bypass);
        }
        assert_eq!(kept(lab, "alice"), []);
        // The same handle, and only what was typed last counts.
        let twice = enter("alice").calling(&[Call::Authenticate, Call::Authenticate, Call::Setcred]);
        let report = twice.code(&alice.backup_codes[1]).code(alice.phone.wrong()).run();
        let verdicts = report.answers.iter().map(|(_, code)| *code).take(2);
        assert_eq!(verdicts.collect::<Vec<_>>(), [Code::Success, Code::AuthErr]);
        assert_eq!(kept(lab, "alice"), []);
        assert!(!is_remembered(&enter("alice")));
        let_in(enter("alice").calling(&[Call::Authenticate, Call::ReinitializeCred]), alice.phone.code(0));
        assert!(is_remembered(&enter("alice")));
    });
}

#[test]
fn credentials_that_are_deleted_or_refreshed_remember_nothing() {
    sandbox::within(|lab| {
        begin_session();
        door(lab, "");
        remember(lab, "15m");
        let alice = lab.enroll("alice");
        for (code, call) in alice.backup_codes.iter().zip([Call::DeleteCred, Call::RefreshCred]) {
            let_in(enter("alice").calling(&[Call::Authenticate, call]), code);
            assert_eq!(kept(lab, "alice"), [], "{call:?}");
        }
        let calls = [Call::Authenticate, Call::Setcred, Call::DeleteCred];
        let_in(enter("alice").calling(&calls), alice.phone.code(0));
        assert!(is_remembered(&enter("alice")), "sudo deletes credentials after each command");
    });
}

#[test]
fn a_program_that_leaves_the_session_before_it_sets_credentials_is_not_remembered() {
    sandbox::within(|lab| {
        begin_session();
        door(lab, "");
        remember(lab, "15m");
        let alice = lab.enroll("alice");
        let calls = [Call::Authenticate, Call::LeaveSession, Call::Setcred];
        let_in(enter("alice").calling(&calls), alice.phone.code(0));
        assert_eq!(kept(lab, "alice"), []);
        let line = lab.syslog.module().pop().unwrap();
        assert!(line.contains("(door:setcred): not remembered; user=alice service=door reason="), "{line}");
        assert!(
            line.ends_with("is no longer the session, or the caller, that the code was taken in\""),
            "{line}"
        );
    });
}

#[test]
fn backup_codes_and_two_codes_are_remembered_too() {
    sandbox::within(|lab| {
        begin_session();
        door(lab, "");
        remember(lab, "15m");
        for pair in [false, true] {
            let alice = lab.enroll_with("alice", &["--replace", "--yes"]);
            assert!(!is_remembered(&enter("alice")));
            let both = format!("{} {}", alice.phone.code(0), alice.phone.code(1));
            let_in(enter("alice"), if pair { &both } else { &alice.backup_codes[0] });
            assert!(is_remembered(&enter("alice")));
        }
    });
}

#[test]
fn it_ends_after_the_time_of_the_rule_that_is_met_then() {
    sandbox::within(|lab| {
        begin_session();
        door(lab, "");
        remember(lab, "1s");
        let alice = lab.enroll("alice");
        let_in(enter("alice"), alice.phone.code(0));
        std::thread::sleep(Duration::from_millis(1100));
        assert!(!is_remembered(&enter("alice")));
        remember(lab, "15m");
        assert!(is_remembered(&enter("alice")));
        remember(lab, "1s");
        assert!(!is_remembered(&enter("alice")));
        for other in ["then = \"require\"", "user = \"bob\"\nthen = \"require\"\nremember = \"15m\""] {
            lab.settings(&format!("{SETTINGS}[[rule]]\n{other}\n"));
            assert!(!is_remembered(&enter("alice")), "{other}");
        }
        let whoever = "[[rule]]\nthen = \"require\"\nremember = \"15m\"\n";
        for (first, verdict) in [("deny", Code::AuthErr), ("skip", Code::Success)] {
            lab.settings(&format!("{SETTINGS}[[rule]]\nuser = \"alice\"\nthen = \"{first}\"\n{whoever}"));
            let login = if first == "deny" { enter("alice").code("123456") } else { enter("alice").mute() };
            assert_eq!(login.run().verdict(), verdict, "{first}");
        }
    });
}

#[test]
fn a_clock_that_is_set_prolongs_nothing_and_a_time_ahead_is_refused() {
    sandbox::within(|lab| {
        begin_session();
        door(lab, "");
        remember(lab, "15m");
        let alice = lab.enroll("alice");
        let_in(enter("alice"), alice.phone.code(0));
        let (path, text) = only(lab, "alice");
        let (rest, since) = text.trim_end().rsplit_once(' ').unwrap();
        let since: i128 = since.parse().unwrap();
        for (seconds, remembered) in [(-880, true), (-901, false), (-86_401, false), (60, false), (0, true)] {
            let moved = since + seconds * 1_000_000_000;
            // A machine that was started just now has no such time.
            if moved >= 0 {
                std::fs::write(&path, format!("{rest} {moved}\n")).unwrap();
                assert_eq!(is_remembered(&enter("alice")), remembered, "{seconds}");
            }
        }
        assert_eq!(only(lab, "alice").1, text);
    });
}

#[test]
fn whatever_is_changed_of_the_tokens_forgets() {
    sandbox::within(|lab| {
        begin_session();
        door(lab, "");
        remember(lab, "15m");
        for change in [
            &["enroll", "alice", "--replace", "--yes", "--no-confirm"][..],
            &["enroll", "alice", "--add", "--token", "second", "--no-confirm"],
            &["backup-codes", "alice", "--yes"],
            &["rename-token", "alice", "--token", "phone", "--to", "other"],
            &["revoke", "alice", "--yes"],
        ] {
            let alice = lab.enroll_with(
                "alice",
                if kept(lab, "alice").is_empty() { &[] } else { &["--replace", "--yes"] },
            );
            let_in(enter("alice"), &alice.backup_codes[0]);
            assert!(is_remembered(&enter("alice")), "{change:?}");
            lab.totpctl(change);
            assert!(!is_remembered(&enter("alice")), "{change:?}");
        }
    });
}

#[test]
fn what_is_wrong_with_the_store_is_not_passed_over() {
    sandbox::within(|lab| {
        begin_session();
        door(lab, "nullok");
        remember(lab, "15m");
        let alice = lab.enroll("alice");
        let_in(enter("alice"), alice.phone.code(0));
        assert!(is_remembered(&enter("alice")));
        for (damage, repair) in [
            ("mv /var/lib/pam_totp /var/lib/gone", "mv /var/lib/gone /var/lib/pam_totp"),
            ("chmod 755 /var/lib/pam_totp/users/2001", "chmod 700 /var/lib/pam_totp/users/2001"),
            (
                "cp -a /var/lib/pam_totp /var/lib/copy; dd if=/dev/zero bs=4096 count=1 conv=notrunc \
                 of=$(echo /var/lib/pam_totp/users/2001/ledger.*)",
                "rm -r /var/lib/pam_totp; mv /var/lib/copy /var/lib/pam_totp",
            ),
        ] {
            run(Command::new("sh").args(["-c", damage]));
            let report = enter("alice").code("no code").run();
            assert_eq!(report.verdict(), Code::AuthErr, "{damage}");
            run(Command::new("sh").args(["-c", repair]));
            assert!(is_remembered(&enter("alice")), "{repair}");
        }
    });
}

#[test]
fn an_account_that_was_given_another_name_is_not_remembered() {
    sandbox::within(|lab| {
        begin_session();
        door(lab, "nullok");
        remember(lab, "15m");
        let alice = lab.enroll("alice");
        let by_root = |user: &str| enter(user).asked_by("root");
        let_in(by_root("alice"), alice.phone.code(0));
        lab.name_service("Alice alice 2001 2001\n");
        assert!(is_remembered(&by_root("alice")) && is_remembered(&by_root("Alice")), "the same person");
        run(Command::new("sed").args(["-i", "s/^alice:/alison:/", "/etc/passwd", "/etc/shadow"]));
        lab.name_service("");
        assert_eq!(by_root("alison").code("123456").run().verdict(), Code::AuthErr);
        assert!(lab.syslog.module().last().unwrap().contains("was enrolled as"));
    });
}

#[test]
fn a_password_is_still_asked_for_and_handed_on_and_a_code_behind_it_is_spent() {
    sandbox::within(|lab| {
        begin_session();
        let watcher = "auth optional pam_exec.so quiet expose_authtok /usr/bin/tee /run/authtok\n";
        let behind = format!("{watcher}auth required pam_unix.so nodelay use_first_pass\n");
        lab.service("door", &format!("auth required pam_totp.so forward_pass\n{behind}"));
        remember(lab, "15m");
        let alice = lab.enroll_slow("alice");
        let both = |answer: String| {
            let reply = Reply::Bytes(answer.into_bytes());
            let report = enter("alice").asked(Style::EchoOff, "Password & verification code: ", reply).run();
            let handed_on = std::fs::read_to_string("/run/authtok").unwrap();
            (report.verdict(), handed_on.trim_end_matches('\0').to_owned())
        };
        let with_code = format!("{PASSWORD}{}", alice.phone.code(0));
        assert_eq!(both(PASSWORD.to_owned()), (Code::AuthErr, PASSWORD.to_owned()));
        assert_eq!(both(with_code.clone()), (Code::Success, PASSWORD.to_owned()));
        assert_eq!(both(PASSWORD.to_owned()), (Code::Success, PASSWORD.to_owned()));
        lab.syslog.clear();
        let fresh = format!("{PASSWORD}{}", alice.backup_codes[0]);
        assert_eq!(both(fresh.clone()), (Code::Success, PASSWORD.to_owned()));
        assert!(lab.decision().contains("verdict=accepted"), "it is spent");
        // Spent, it is only what may be a password.
        assert_ne!(both(fresh).0, Code::ConvErr);
        for first in ["use_first_pass", "try_first_pass"] {
            let lines =
                format!("auth required pam_unix.so nodelay\nauth required pam_totp.so {first}\n{watcher}");
            lab.service("door", &lines);
            let report = enter("alice").password(PASSWORD).run();
            assert_eq!(report.verdict(), Code::Success, "{first}");
            assert_eq!(std::fs::read("/run/authtok").unwrap().trim_ascii_end(), PASSWORD.as_bytes());
        }
    });
}

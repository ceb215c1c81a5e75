//! What has to be the same.

use std::fs;
use std::os::unix::process::CommandExt;
use std::process::Command;

use acceptance::pam::{Call, Code, Login, Report, Waiting};
use acceptance::sandbox;

use crate::{
    CODE_PROMPT, REMEMBERED, SETTINGS, begin_session, door, enter, is_remembered, let_in, only, remember,
};

#[test]
fn the_second_login_in_a_session_calls_no_conversation_and_touches_neither_ledger_nor_time() {
    sandbox::within(|lab| {
        begin_session();
        door(lab, "");
        remember(lab, "15m");
        let alice = lab.enroll("alice");
        assert!(!is_remembered(&enter("alice")));
        let_in(enter("alice"), alice.phone.code(0));
        let (before, status) = (only(lab, "alice"), lab.status("alice"));
        for _ in 0..3 {
            lab.syslog.clear();
            assert!(is_remembered(&enter("alice")));
            let line = lab.decision();
            assert!(
                line.contains(": no code asked; user=alice ") && line.contains(" method=none "),
                "{line}"
            );
            let end = "verdict=exempt reason=\"remembered\" rule=\"1 at line 4 says require\"";
            assert!(line.ends_with(end), "{line}");
        }
        assert_eq!((only(lab, "alice"), lab.status("alice")), (before, status));
        // What another sees who was not remembered.
        let report = Login::new("door", "bob").code("123456").run();
        assert_eq!((report.verdict(), report.texts()), (Code::AuthErr, vec![CODE_PROMPT]));
    });
}

#[test]
fn without_the_key_nothing_is_remembered() {
    sandbox::within(|lab| {
        begin_session();
        door(lab, "");
        let alice = lab.enroll("alice");
        lab.settings(&format!("{SETTINGS}[[rule]]\nthen = \"require\"\n"));
        let_in(enter("alice"), alice.phone.code(0));
        assert!(!is_remembered(&enter("alice")));
        assert!(!std::path::Path::new("/run/pam_totp").exists());
    });
}

#[test]
fn nothing_else_is_served_by_it() {
    sandbox::within(|lab| {
        begin_session();
        door(lab, "");
        lab.service("gate", "auth required pam_totp.so\nauth required pam_permit.so\n");
        remember(lab, "15m");
        let alice = lab.enroll_slow("alice");
        lab.enroll("bob");
        let first = || enter("alice").on("/dev/pts/7").from("192.0.2.7");
        let_in(first(), alice.phone.code(0));
        assert!(is_remembered(&first()));
        let at =
            |service: &str| Login::new(service, "alice").asked_by("alice").on("/dev/pts/7").from("192.0.2.7");
        assert!(is_remembered(&at("door")) && !is_remembered(&at("gate")));
        for (what, other) in [
            ("another person", enter("bob").asked_by("alice").on("/dev/pts/7").from("192.0.2.7")),
            ("another address", enter("alice").on("/dev/pts/7").from("192.0.2.8")),
            ("no address", enter("alice").on("/dev/pts/7")),
            ("an empty address", enter("alice").on("/dev/pts/7").from("")),
            ("another terminal", enter("alice").on("/dev/pts/8").from("192.0.2.7")),
            ("the terminal by another name", enter("alice").on("pts/7").from("192.0.2.7")),
            ("no terminal", enter("alice").from("192.0.2.7")),
            ("another caller", first().asked_by("bob")),
            ("root calls", first().asked_by("root")),
            (
                "an address that goes on in the terminal's name",
                enter("alice").on("7/dev/pts/7").from("192.0.2."),
            ),
        ] {
            assert!(!is_remembered(&other), "{what}");
        }
        assert!(is_remembered(&first()));
    });
}

#[test]
fn nobody_without_an_account_is_remembered() {
    sandbox::within(|lab| {
        begin_session();
        door(lab, "");
        remember(lab, "15m");
        let alice = lab.enroll("alice");
        let vera = lab.enroll_with("vera", &["--no-account"]);
        let enter = |user: &str| {
            Login::new("door", user).asked_by("alice").calling(&[Call::Authenticate, Call::Setcred])
        };
        let_in(enter("alice"), &alice.backup_codes[0]);
        let_in(enter("vera"), &vera.backup_codes[0]);
        assert!(is_remembered(&enter("alice")) && !is_remembered(&enter("vera")));
        assert_eq!(fs::read_dir(REMEMBERED).unwrap().count(), 1);
        let explained = |words: &[&str]| lab.totpctl(["explain", "--service", "door"].iter().chain(words));
        assert!(explained(&["alice"]).contains("asked for none in that session for 15m"));
        let page = explained(&["vera", "--no-account"]);
        assert!(page.contains("asked for a code") && !page.contains("that session"), "{page}");
        assert!(explained(&["vera", "--no-account", "--json"]).contains("\"remember\":null"));
        assert_eq!(lab.totpctl(["forget", "VERA"]), "vera: no login was remembered\n");
        assert!(is_remembered(&enter("alice")));
    });
}

#[test]
fn another_session_is_asked_with_and_without_its_leader() {
    sandbox::within(|lab| {
        door(lab, "");
        remember(lab, "15m");
        let alice = lab.enroll_slow("alice");
        // The leader of this one is out of sight, so nobody knows when it was started.
        let_in(enter("alice"), alice.phone.code(0));
        assert!(!is_remembered(&enter("alice")));
        assert!(!std::path::Path::new("/run/pam_totp").exists());
        begin_session();
        let_in(enter("alice"), &alice.backup_codes[0]);
        assert!(is_remembered(&enter("alice")));
        let login = enter("alice").mute();
        let mut other = Command::new("setsid");
        other.arg("--wait").arg(login.command().get_program()).arg(login.as_argument());
        assert_eq!(Report::of(other.output().unwrap()).verdict(), Code::ConvErr);
        assert!(is_remembered(&enter("alice")));
    });
}

#[test]
fn it_is_the_real_uid_that_calls_a_program_whoever_it_says_is_calling() {
    sandbox::within(|lab| {
        begin_session();
        door(lab, "");
        remember(lab, "15m");
        let alice = lab.enroll_slow("alice");
        // A set-uid program that is called by this uid.
        let as_uid = |login: Login, uid: u32| {
            let mut command = login.command();
            // SAFETY: setresuid(2) takes numbers, and is safe between fork and exec.
            unsafe {
                command.pre_exec(move || match libc::setresuid(uid, 0, 0) {
                    0 => Ok(()),
                    _ => Err(std::io::Error::last_os_error()),
                });
            }
            Report::of(command.output().unwrap()).verdict()
        };
        let (alices, bobs) = (lab.uid("alice"), lab.uid("bob"));
        assert_eq!(as_uid(enter("alice").code(alice.phone.code(0)), alices), Code::Success);
        assert_eq!(as_uid(enter("alice").mute(), alices), Code::Success);
        assert_eq!(as_uid(enter("alice").mute(), bobs), Code::ConvErr);
        assert!(!is_remembered(&enter("alice")), "root calls");
        assert_eq!(as_uid(enter("alice").mute(), alices), Code::Success);
    });
}

#[test]
fn a_service_of_everybodys_is_remembered_by_an_address_alone() {
    sandbox::within(|lab| {
        begin_session();
        door(lab, "");
        remember(lab, "15m");
        let alice = lab.enroll_slow("alice");
        let at = |service: &str| Login::new(service, "alice").calling(&[Call::Authenticate, Call::Setcred]);
        let nameless = || at("door");
        lab.service("web", "auth required pam_totp.so\nauth required pam_permit.so\n");
        let mut codes = alice.backup_codes.iter().cloned().chain([0, 1].map(|steps| alice.phone.code(steps)));
        for (login, remembered) in [
            (nameless(), false),
            (nameless().on("web"), false),
            (nameless().from("localhost"), false),
            (nameless().from("127.0.0.1"), false),
            (nameless().from("::1"), false),
            (nameless().from("fe80::1%eth0"), false),
            (nameless().from("proxy.example.org"), false),
            (nameless().from("UNKNOWN"), false),
            (nameless().from(""), false),
            (enter("alice").from("localhost"), false),
            (at("web").asked_by("alice").on("web"), false),
            (at("web").from("192.0.2.7"), true),
        ] {
            let_in(login.clone(), codes.next().unwrap());
            assert_eq!(is_remembered(&login), remembered, "{login:?}");
        }
    });
}

#[test]
fn who_is_not_root_is_always_asked() {
    sandbox::within(|lab| {
        begin_session();
        door(lab, "");
        remember(lab, "15m");
        let alice = lab.enroll("alice");
        let_in(enter("alice"), alice.phone.code(0));
        let uid = lab.uid("alice");
        let mut command = enter("alice").mute().command();
        command.uid(uid).gid(uid);
        assert_eq!(Report::of(command.output().unwrap()).verdict(), Code::ConvErr);
        assert!(is_remembered(&enter("alice")));
    });
}

#[test]
fn of_two_logins_at_once_both_are_asked_and_either_is_remembered_afterwards() {
    sandbox::within(|lab| {
        begin_session();
        door(lab, "");
        remember(lab, "15m");
        let gated = |code: &str| Waiting::start(enter("alice").code(code).behind_gate().command());
        for first_ends_first in [true, false] {
            for (of_first, of_second) in [(true, true), (true, false), (false, true)] {
                let alice = lab.enroll_with("alice", &["--replace", "--yes"]);
                let code = |good: bool, at: usize| {
                    if good { alice.backup_codes[at].clone() } else { alice.phone.wrong() }
                };
                let (first, second) = (gated(&code(of_first, 0)), gated(&code(of_second, 1)));
                let (a, b) = if first_ends_first {
                    let a = first.finish();
                    (a, second.finish())
                } else {
                    let b = second.finish();
                    (first.finish(), b)
                };
                let verdict = |good| if good { Code::Success } else { Code::AuthErr };
                assert_eq!(
                    (a.verdict(), b.verdict()),
                    (verdict(of_first), verdict(of_second)),
                    "{}",
                    alice.name
                );
                assert!(is_remembered(&enter("alice")), "{first_ends_first} {of_first} {of_second}");
            }
        }
    });
}

//! Key fobs with a button, at the module's own prompt.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use acceptance::codes::Fob;
use acceptance::lab::{Lab, STORE, run};
use acceptance::pam::{Code, Login};
use acceptance::sandbox;
use acceptance::terminal::Terminal;
use std::process::Command;

fn door(lab: &Lab, code: &str) -> Code {
    lab.door("");
    Login::new("door", "alice").code(code).run().verdict()
}

#[test]
fn a_fob_that_was_enrolled_at_a_terminal_opens_with_each_code_once_and_its_counter_never_goes_back() {
    sandbox::within(|lab| {
        let mut command = lab.totpctl_command();
        command.args(["enroll", "alice", "--hotp"]).env("TERM", "xterm-256color").env("LC_ALL", "C.UTF-8");
        let mut terminal = Terminal::start(command);
        terminal.expect("Code that the app shows");
        let screen = terminal.screen();
        assert!(screen.contains("otpauth://hotp/") && screen.contains("&counter=0"), "{screen}");
        let (_, uri) = screen.split_once("?secret=").unwrap();
        let fob = Fob::new(uri.split_once('&').unwrap().0);
        terminal.say(&fob.code(0));
        assert!(terminal.finish().0.success());

        for counter in 1..=3 {
            assert_eq!(door(lab, &fob.code(counter)), Code::Success);
            assert_eq!(door(lab, &fob.code(counter)), Code::AuthErr);
        }
        assert_eq!(door(lab, &fob.code(14)), Code::Success, "ten were pressed for nothing");
        for passed in [0, 3, 4, 13, 14] {
            assert_eq!(door(lab, &fob.code(passed)), Code::AuthErr, "counter {passed}");
        }
        assert_eq!(door(lab, &fob.code(15)), Code::Success);
    });
}

#[test]
fn a_fob_that_ran_far_ahead_is_found_by_two_codes() {
    sandbox::within(|lab| {
        lab.settings("[login]\nfail_delay = \"0s\"\n[accept]\nresync = 50\n");
        let fob = Fob::new(&lab.enroll_with("alice", &["--hotp"]).secret);
        assert_eq!(door(lab, &fob.code(40)), Code::AuthErr, "one code tells nothing");
        assert_eq!(door(lab, &fob.pair(51)), Code::AuthErr, "beyond the reach");
        assert_eq!(door(lab, &fob.pair(40)), Code::Success);
        for spent in [fob.pair(40), fob.code(41), fob.pair(20)] {
            assert_eq!(door(lab, &spent), Code::AuthErr);
        }
        assert_eq!(door(lab, &fob.code(42)), Code::Success);
    });
}

/// Copies the store aside, or back.
fn copy(from: &str, to: &str) {
    let _ = std::fs::remove_dir_all(to);
    run(Command::new("cp").args(["-a", from, to]));
}

#[test]
fn a_fob_of_a_backup_that_was_put_back_opens_by_two_codes_beyond_those_passed_over_and_then_by_one() {
    sandbox::within(|lab| {
        let fob = Fob::new(&lab.enroll_with("alice", &["--hotp"]).secret);
        assert_eq!(door(lab, &fob.code(1)), Code::Success);
        copy(STORE, "/var/lib/backup");
        for used_since in 2..6 {
            assert_eq!(door(lab, &fob.code(used_since)), Code::Success);
        }
        copy("/var/lib/backup", STORE);
        let said = lab.totpctl(["restored", "--all", "--yes"]);
        assert!(said.contains("token phone counts: it opens by two successive codes"), "{said}");
        let page = lab.totpctl(["status", "alice"]);
        assert!(page.contains("warning: token phone: needs two successive codes in one answer"), "{page}");
        for seen in [fob.pair(2), fob.pair(4), fob.code(5), fob.pair(10), fob.code(11), fob.code(12)] {
            assert_eq!(door(lab, &seen), Code::AuthErr, "{seen}");
        }
        let line = lab.syslog.module().last().unwrap().clone();
        let reason =
            "verdict=two-codes-needed reason=\"needs two successive codes in one answer, since a restore\"";
        assert!(line.contains("refused; ") && line.contains("token=phone"), "{line}");
        assert!(line.ends_with(reason), "{line}");
        let heard = |hints: bool, code: &str| {
            lab.settings(&format!("[login]\nfail_delay = \"0s\"\nhints = {hints}\n"));
            lab.door("");
            Login::new("door", "alice").code(code).run().texts().join("|")
        };
        let hint = "Two codes are needed: type this one and the next in one answer.";
        assert_eq!(heard(true, &fob.code(12)), format!("Verification code: |{hint}"));
        assert_eq!(heard(true, "000000"), "Verification code: ");
        assert_eq!(heard(false, &fob.code(12)), "Verification code: ");
        assert_eq!(door(lab, &fob.pair(12)), Code::Success);
        assert_eq!(door(lab, &fob.pair(12)), Code::AuthErr);
        assert_eq!(door(lab, &fob.code(14)), Code::Success);
        assert!(!lab.totpctl(["status", "alice"]).contains("needs two"));
    });
}

#[test]
fn how_far_one_code_of_a_fob_reaches_is_a_setting() {
    sandbox::within(|lab| {
        let fob = Fob::new(&lab.enroll_with("alice", &["--hotp"]).secret);
        let reach = |ahead: u32| {
            lab.settings(&format!("[login]\nfail_delay = \"0s\"\n[accept]\nlook_ahead = {ahead}\n"))
        };
        assert_eq!(door(lab, &fob.code(11)), Code::AuthErr, "ten, as it comes");
        reach(3);
        assert_eq!(door(lab, &fob.code(4)), Code::AuthErr);
        assert_eq!(door(lab, &fob.code(3)), Code::Success);
        reach(0);
        assert_eq!(door(lab, &fob.code(5)), Code::AuthErr);
        assert_eq!(door(lab, &fob.code(4)), Code::Success);
        reach(20);
        assert_eq!(door(lab, &fob.code(25)), Code::Success);
        for passed in [0, 3, 4, 5, 24, 25] {
            assert_eq!(door(lab, &fob.code(passed)), Code::AuthErr, "never back: counter {passed}");
        }
    });
}

#[test]
fn a_fob_beside_a_phone_keeps_both_good() {
    sandbox::within(|lab| {
        let alice = lab.enroll("alice");
        let fob = Fob::new(&lab.enroll_with("alice", &["--add", "--token", "fob", "--hotp"]).secret);
        assert_eq!(door(lab, &fob.code(0)), Code::Success);
        assert_eq!(door(lab, &alice.phone.code(0)), Code::Success);
        assert_eq!(door(lab, &fob.code(1)), Code::Success);
        let status = lab.status("alice");
        let kinds = [0, 1].map(|n| status["tokens"][n]["kind"].clone());
        assert_eq!(kinds, ["totp", "hotp"]);
        assert!((0..2).all(|n| status["tokens"][n]["last_used"].is_string()), "{status}");
    });
}

#[test]
fn nobody_but_root_enrolls_a_fob_and_that_is_said() {
    sandbox::within(|lab| {
        lab.totpctl(["invite", "alice"]);
        let program = lab.program("totpctl");
        let mut command = lab.as_user("alice", &[program.to_str().unwrap(), "enroll", "--hotp"]);
        let output = command.output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.starts_with("totpctl: only root enrolls a token that counts\nhint: "), "{said}");
    });
}

//! The rig itself, tried on modules that are known to be good.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use acceptance::codes::Phone;
use acceptance::faults::{fail_at, kill_at, stop_clock, system_calls};
use acceptance::lab::{PASSWORD, run, write};
use acceptance::pam::{Call, Code, Login, Reply, Style};
use acceptance::sandbox;
use acceptance::sshd::{INTERACTIVE, Sshd};
use acceptance::terminal::Terminal;

#[test]
fn a_scripted_person_logs_in_with_a_password() {
    sandbox::bare(|lab| {
        lab.service("door", "auth required pam_unix.so nodelay");
        let right = Login::new("door", "alice").password("correct horse").run();
        assert_eq!(right.verdict(), Code::Success);
        let wrong = Login::new("door", "alice").password("wrong").run();
        assert_eq!(wrong.verdict(), Code::AuthErr);
        assert!(lab.syslog.raw().iter().any(|line| line.contains("pam_unix(door:auth)")));
    });
}

#[test]
fn a_machine_outside_the_sandbox_is_left_as_it_was() {
    let before = std::fs::read_to_string("/etc/passwd").unwrap();
    sandbox::bare(|lab| {
        lab.add_account("mallory", 2099);
        assert!(std::fs::write("/usr/canary", "").is_err());
        std::fs::write("/tmp/acceptance-canary", "").unwrap();
    });
    assert_eq!(std::fs::read_to_string("/etc/passwd").unwrap(), before);
    assert!(!std::path::Path::new("/tmp/acceptance-canary").exists());
}

#[test]
fn every_reply_that_a_conversation_can_give_reaches_the_module() {
    sandbox::bare(|lab| {
        lab.service("door", "auth required pam_unix.so nodelay");
        for reply in [Reply::Null, Reply::NoArray, Reply::Fail(19), Reply::Bytes(vec![0xff, 0, 1])] {
            let login = Login::new("door", "alice").asked(Style::EchoOff, "Password: ", reply);
            assert_ne!(login.run().verdict(), Code::Success);
        }
        let calls = [Call::Setcred, Call::AcctMgmt, Call::OpenSession, Call::CloseSession];
        let report = Login::new("door", "alice").calling(&calls).mute().run();
        assert_eq!(report.answer(Call::AcctMgmt), Code::Success);
    });
}

#[test]
#[should_panic(expected = "failed in its sandbox")]
fn a_test_that_fails_in_its_sandbox_fails() {
    sandbox::bare(|lab| {
        lab.service("door", "auth required pam_permit.so");
        let _ = Login::new("door", "alice").password("never asked").run();
    });
}

/// A person behind a module that is not ours, to prove the prompts, the phone and the server.
fn alice_has_another_module(lab: &acceptance::lab::Lab) -> Phone {
    let line = "auth required pam_unix.so nodelay\n\
                auth required pam_google_authenticator.so secret=/home/${USER}/ga\n";
    for service in ["sshd", "sudo-lab", "su"] {
        lab.service(service, line);
    }
    write("/home/alice/ga", "JVQWWZJANFXHMZLOORSWIIDTMVRXEZLU\n\" TOTP_AUTH\n\" DISALLOW_REUSE\n");
    std::os::unix::fs::chown("/home/alice/ga", Some(2001), Some(2001)).unwrap();
    std::fs::set_permissions("/home/alice/ga", std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    Phone::new("JVQWWZJANFXHMZLOORSWIIDTMVRXEZLU")
}

#[test]
fn a_real_sshd_asks_for_password_and_code() {
    sandbox::bare(|lab| {
        let phone = alice_has_another_module(lab);
        let sshd = Sshd::start(lab, INTERACTIVE);
        let code = phone.code(0);
        let answers = [("Password: ", PASSWORD), ("Verification code: ", code.as_str())];
        assert!(sshd.log_in("alice", &answers).entered);
        assert!(!sshd.log_in("alice", &answers).entered);
        let key = sshd.key_of("alice");
        let options: Vec<&str> = key.iter().map(String::as_str).collect();
        assert!(sshd.log_in_with("alice", &options, &[]).entered);
    });
}

#[test]
fn sudo_and_su_ask_at_a_terminal() {
    sandbox::bare(|lab| {
        let phone = alice_has_another_module(lab);
        lab.sudoers("alice ALL=(ALL) ALL\nDefaults pam_service=sudo-lab\n");
        let mut terminal = Terminal::start(lab.as_user("alice", &["sudo", "id", "-un"]));
        terminal.expect("password for alice: ");
        terminal.say(PASSWORD);
        terminal.expect("Verification code: ");
        terminal.say(&phone.code(0));
        let (status, screen) = terminal.finish();
        assert!(status.success() && screen.trim_end().ends_with("root"), "{screen}");
        let mut terminal = Terminal::start(lab.as_user("bob", &["su", "alice", "-c", "id -un"]));
        terminal.expect("Password: ");
        terminal.say(PASSWORD);
        terminal.expect("Verification code: ");
        terminal.say(&phone.code(1));
        let (status, screen) = terminal.finish();
        assert!(status.success() && screen.trim_end().ends_with("alice"), "{screen}");
    });
}

#[test]
fn a_process_is_killed_at_the_system_call_that_was_named() {
    sandbox::bare(|lab| {
        lab.service("door", "auth required pam_unix.so nodelay");
        let login = Login::new("door", "alice").password("correct horse");
        let calls = system_calls(&login.command());
        let shadow = calls.iter().find(|call| call.shown.contains("/etc/shadow")).unwrap();
        assert_eq!(kill_at(&login.command(), shadow).status.code(), None);
        assert!(fail_at(&login.command(), &shadow.call, shadow.number, "EIO").status.success());
    });
}

#[test]
fn a_phone_shows_the_published_codes() {
    let phone = Phone::new("JVQWWZJANFXHMZLOORSWIIDTMVRXEZLU");
    assert_eq!(phone.at(1_800_000_000), "592691");
    assert_eq!(phone.series(1_799_999_940, 3), ["996205", "316541", "592691"]);
    assert_eq!(phone.with_period(60).at(1_800_000_000), "509478");
}

#[test]
fn a_process_has_the_clock_that_a_test_gives_it() {
    let mut command = std::process::Command::new("date");
    stop_clock(command.arg("+%s"), 1_800_000_000);
    assert_eq!(String::from_utf8(run(&mut command).stdout).unwrap().trim(), "1800000000");
}

#[test]
fn a_name_service_maps_spellings_to_one_account_or_is_down() {
    sandbox::bare(|lab| {
        lab.name_service("DOM\\alice alice 2001 2001\n");
        lab.service("door", "auth required pam_unix.so nodelay");
        assert_eq!(lab.uid("DOM\\alice"), 2001);
        lab.name_service("unavailable 5\n");
        assert!(nix_user("DOM\\alice").is_err());
        assert_eq!(lab.uid("alice"), 2001);
    });
}

fn nix_user(name: &str) -> Result<(), String> {
    let output = std::process::Command::new("id").arg(name).output().unwrap();
    output.status.success().then_some(()).ok_or_else(|| format!("{output:?}"))
}

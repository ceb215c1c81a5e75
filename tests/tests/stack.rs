//! The module in stacks as people write them, and its hooks where they are named by mistake.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::process::Stdio;

use acceptance::lab::{Lab, SETTINGS_PATH, write};
use acceptance::pam::{Call, Code, Login, Report};
use acceptance::sandbox;

#[test]
fn every_control_word_lets_a_right_code_in_and_a_wrong_one_out() {
    sandbox::within(|lab| {
        let people = [lab.enroll("alice"), lab.enroll("bob"), lab.enroll("carol")];
        let stacks = [
            "auth required pam_totp.so\nauth required pam_permit.so\n",
            "auth requisite pam_totp.so\nauth required pam_permit.so\n",
            "auth [success=1 default=ignore] pam_totp.so\nauth requisite pam_deny.so\nauth required pam_permit.so\n",
        ];
        for (stack, person) in stacks.into_iter().zip(&people) {
            lab.service("door", stack);
            let login = || Login::new("door", &person.name).calling(&[Call::Authenticate, Call::Setcred]);
            assert_eq!(login().code(person.phone.wrong()).run().verdict(), Code::AuthErr, "{stack}");
            let report = login().code(person.phone.code(0)).run();
            assert_eq!(report.verdict(), Code::Success, "{stack}");
            assert_eq!(report.answer(Call::Setcred), Code::Success, "{stack}");
        }
    });
}

#[test]
fn a_jump_over_a_denial_is_not_taken_by_an_exemption() {
    sandbox::within(|lab| {
        lab.service(
            "door",
            "auth [success=1 default=ignore] pam_totp.so nullok\nauth requisite pam_deny.so\n\
             auth required pam_permit.so\n",
        );
        assert_eq!(Login::new("door", "bob").run().verdict(), Code::AuthErr);
    });
}

#[test]
fn credentials_are_set_without_authentication() {
    sandbox::within(|lab| {
        lab.enroll("alice");
        for line in ["required pam_totp.so", "[success=ok default=bad] pam_totp.so", "requisite pam_totp.so"]
        {
            lab.service("door", &format!("auth {line}\n"));
            let report = Login::new("door", "alice").calling(&[Call::Setcred]).mute().run();
            assert_eq!(report.answer(Call::Setcred), Code::Success, "{line}");
        }
    });
}

#[test]
fn cron_sets_credentials_and_checks_the_account_with_our_line_in_its_stack() {
    sandbox::within(|lab| {
        lab.enroll("alice");
        lab.service(
            "cron",
            "auth required pam_unix.so\nauth required pam_totp.so\naccount required pam_unix.so\n",
        );
        let calls = [Call::AcctMgmt, Call::Setcred, Call::OpenSession, Call::CloseSession];
        let report = Login::new("cron", "alice").calling(&calls).mute().run();
        assert!(report.answers.iter().all(|(_, code)| *code == Code::Success), "{:?}", report.answers);
        assert_eq!(report.conversations, 0);
    });
}

#[test]
fn named_under_account_session_or_password_the_module_steps_aside() {
    sandbox::within(|lab| {
        lab.enroll("alice");
        let calls = [Call::AcctMgmt, Call::OpenSession, Call::CloseSession, Call::Chauthtok];
        let kinds = ["account", "session", "password"];
        let beside: String = kinds
            .map(|kind| format!("{kind} required pam_totp.so\n{kind} required pam_permit.so\n"))
            .concat();
        lab.service("door", &beside);
        let report = Login::new("door", "alice").calling(&calls).run();
        assert!(report.answers.iter().all(|(_, code)| *code == Code::Success), "{:?}", report.answers);
        assert_eq!(report.conversations, 0);
        // Alone it opens nothing: "ignore" is no yes.
        lab.service("door", &kinds.map(|kind| format!("{kind} required pam_totp.so\n")).concat());
        let report = Login::new("door", "alice").calling(&calls).run();
        assert!(report.answers.iter().all(|(_, code)| *code != Code::Success), "{:?}", report.answers);
    });
}

/// Plays logins at once, because a refusal takes its time; all must end like this, unasked.
fn all_are_misconfigured(lab: &Lab, doors: &[(String, &str)]) -> Vec<String> {
    lab.syslog.clear();
    let spawned = doors.iter().map(|(door, user)| {
        let mut command = Login::new(door, user).command();
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    });
    for host in spawned.collect::<Vec<_>>() {
        let report = Report::of(host.wait_with_output().unwrap()).followed();
        assert_eq!((report.verdict(), report.conversations), (Code::ServiceErr, 0));
    }
    let lines = lab.syslog.module();
    assert_eq!(lines.len(), doors.len(), "{lines:#?}");
    lines
}

#[test]
fn an_argument_that_nobody_knows_denies_every_time_and_is_named() {
    sandbox::within(|lab| {
        lab.enroll("alice");
        let arguments = ["nulok", "config", "prompt", "nullok=yes", "debugging", "user=root"];
        let mut doors = Vec::new();
        for (number, argument) in arguments.iter().enumerate() {
            let door = format!("door{number}");
            lab.service(
                &door,
                &format!("auth required pam_totp.so nullok {argument}\nauth required pam_permit.so\n"),
            );
            doors.extend(["alice", "bob", "bob", "nobody-here"].map(|user| (door.clone(), user)));
        }
        let lines = all_are_misconfigured(lab, &doors);
        for (number, argument) in arguments.iter().enumerate() {
            let mut of_door = lines.iter().filter(|line| line.contains(&format!("service=door{number}")));
            assert!(of_door.all(|line| line.contains(argument)), "{lines:#?}");
        }
    });
}

#[test]
fn a_setting_that_nobody_knows_denies_every_time_and_is_named_with_its_place() {
    sandbox::within(|lab| {
        lab.enroll("alice");
        let mistakes = [
            ("[login]\nfail_dellay = \"0s\"\n", 2),
            ("[accept]\n\nwindow = 99\n", 3),
            ("issuer = \n", 1),
            ("issuer = \"\u{0}\"\n", 1),
            ("[login]\nunenrolled = \"allow\"\n", 2),
            ("[[rule]]\nuser = [\"git\"]\n", 1),
        ];
        let mut doors = Vec::new();
        for (number, (text, _)) in mistakes.iter().enumerate() {
            let (door, path) = (format!("door{number}"), format!("/etc/security/wrong{number}.toml"));
            write(&path, text);
            lab.service(
                &door,
                &format!("auth required pam_totp.so nullok config={path}\nauth required pam_permit.so\n"),
            );
            doors.extend(["alice", "bob", "bob"].map(|user| (door.clone(), user)));
        }
        let lines = all_are_misconfigured(lab, &doors);
        for (number, (text, place)) in mistakes.iter().enumerate() {
            let mut of_door = lines.iter().filter(|line| line.contains(&format!("service=door{number}")));
            let named = format!("wrong{number}.toml:{place}:");
            assert!(of_door.all(|line| line.contains(&named)), "{text:?}: {lines:#?}");
        }
    });
}

#[test]
fn a_settings_file_that_the_line_names_must_be_there() {
    sandbox::within(|lab| {
        let alice = lab.enroll("alice");
        lab.door("nullok config=/etc/security/elsewhere.toml");
        assert_eq!(Login::new("door", "bob").run().verdict(), Code::ServiceErr);
        write("/etc/security/elsewhere.toml", "[login]\nprompt = \"Code: \"\nfail_delay = \"0s\"\n");
        let code = acceptance::pam::Reply::Bytes(alice.phone.code(0).into());
        let login = Login::new("door", "alice").asked(acceptance::pam::Style::EchoOff, "Code: ", code);
        assert_eq!(login.run().verdict(), Code::Success);
    });
}

#[test]
fn a_default_settings_file_that_is_missing_means_the_defaults() {
    sandbox::within(|lab| {
        let alice = lab.enroll("alice");
        std::fs::remove_file(SETTINGS_PATH).unwrap();
        lab.door("");
        assert_eq!(Login::new("door", "alice").code(alice.phone.code(0)).run().verdict(), Code::Success);
    });
}

#[test]
fn a_refusal_takes_about_as_long_as_the_settings_say() {
    sandbox::within(|lab| {
        let alice = lab.enroll("alice");
        lab.settings("[login]\nfail_delay = \"1s\"\n");
        lab.door("");
        let timed = |user: &str, code: &str| {
            let begun = std::time::Instant::now();
            let verdict = Login::new("door", user).code(code).run().verdict();
            (verdict, begun.elapsed().as_millis())
        };
        let wrong = alice.phone.wrong();
        for user in ["alice", "bob", "nobody-here"] {
            let (verdict, took) = timed(user, &wrong);
            // libpam varies the delay by up to half.
            assert_eq!(verdict, Code::AuthErr);
            assert!((450..4000).contains(&took), "{user}: {took} ms");
        }
        let (verdict, _) = timed("alice", &alice.phone.code(0));
        assert_eq!(verdict, Code::Success);
    });
}

#[test]
fn settings_behind_a_dangling_link_exempt_nobody() {
    sandbox::within(|lab| {
        lab.door("nullok");
        let settings = std::fs::read_to_string(SETTINGS_PATH).unwrap();
        let elsewhere = "[store]\ndirectory = \"/var/lib/elsewhere\"\n";
        lab.settings(&format!("{settings}{elsewhere}"));
        lab.totpctl(["init"]);
        lab.enroll("alice");
        // The settings lie on a file system of their own, which is not mounted today.
        std::fs::remove_file(SETTINGS_PATH).unwrap();
        std::os::unix::fs::symlink("/srv/settings/pam_totp.toml", SETTINGS_PATH).unwrap();
        let report = Login::new("door", "alice").run();
        assert_eq!(report.verdict(), Code::ServiceErr);
        assert!(lab.decision().contains("no such file"));
    });
}

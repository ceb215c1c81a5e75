//! The module in stacks as people write them, and its hooks where they are named by mistake.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use acceptance::pam::{Call, Code, Login};
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

#[test]
fn an_argument_that_nobody_knows_denies_every_time_and_is_named() {
    sandbox::within(|lab| {
        lab.enroll("alice");
        for argument in ["nulok", "config", "prompt", "nullok=yes", "debugging"] {
            lab.door(&format!("nullok {argument}"));
            for user in ["alice", "bob", "nobody-here"] {
                for _ in 0..2 {
                    lab.syslog.clear();
                    let report = Login::new("door", user).run();
                    assert_eq!((report.verdict(), report.conversations), (Code::ServiceErr, 0), "{argument}");
                    assert!(lab.decision().contains(argument), "{argument}");
                }
            }
        }
    });
}

#[test]
fn a_setting_that_nobody_knows_denies_every_time_and_is_named_with_its_place() {
    sandbox::within(|lab| {
        lab.enroll("alice");
        lab.door("nullok");
        for (text, place) in [
            ("[login]\nfail_dellay = \"0s\"\n", "pam_totp.toml:2"),
            ("[accept]\n\nwindow = 99\n", "pam_totp.toml:3"),
            ("issuer = \n", "pam_totp.toml:1"),
            ("\u{0}\n", "pam_totp.toml:1"),
        ] {
            lab.settings(text);
            for user in ["alice", "bob"] {
                lab.syslog.clear();
                assert_eq!(Login::new("door", user).run().verdict(), Code::ServiceErr, "{text:?}");
                let line = lab.decision();
                assert!(line.contains(place), "{line}");
            }
        }
    });
}

#[test]
fn a_settings_file_that_the_line_names_must_be_there() {
    sandbox::within(|lab| {
        let alice = lab.enroll("alice");
        lab.door("nullok config=/etc/security/elsewhere.toml");
        assert_eq!(Login::new("door", "bob").run().verdict(), Code::ServiceErr);
        acceptance::lab::write(
            "/etc/security/elsewhere.toml",
            "[login]\nprompt = \"Code: \"\nfail_delay = \"0s\"\n",
        );
        let code = acceptance::pam::Reply::Bytes(alice.phone.code(0).into());
        let login = Login::new("door", "alice").asked(acceptance::pam::Style::EchoOff, "Code: ", code);
        assert_eq!(login.run().verdict(), Code::Success);
    });
}

#[test]
fn a_default_settings_file_that_is_missing_means_the_defaults() {
    sandbox::within(|lab| {
        let alice = lab.enroll("alice");
        std::fs::remove_file(acceptance::lab::SETTINGS_PATH).unwrap();
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

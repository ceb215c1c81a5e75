//! The host process is left as it was found.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::time::Duration;

use acceptance::host::{self, Loaded, State};
use acceptance::lab::{Lab, PASSWORD, STORE};
use acceptance::pam::{Code, Login, Reply, Style};
use acceptance::people::Person;
use acceptance::sandbox;

/// Every way in which a login can end, with the code that it ends with.
fn every_ending(lab: &Lab, alice: &Person) -> Vec<(Login, Code)> {
    lab.door("");
    lab.service("lax", "auth required pam_totp.so nullok debug\n");
    lab.service("both", "auth required pam_totp.so forward_pass nullok\nauth required pam_unix.so nodelay\n");
    lab.service("wrong-line", "auth required pam_totp.so nonsense\n");
    lab.service("wrong-store", "auth required pam_totp.so config=/etc/security/elsewhere.toml\n");
    let elsewhere = "[login]\nfail_delay = \"0s\"\n[store]\ndirectory = \"/nowhere\"\n";
    acceptance::lab::write("/etc/security/elsewhere.toml", elsewhere);
    let ruled = "[login]\nfail_delay = \"0s\"\n[[rule]]\ngroup = \"bob\"\nthen = \"skip\"\n[[rule]]\nuser = \"carol\"\n\
                 then = \"deny\"\n[[rule]]\ngroup = \"no-such-group\"\nthen = \"skip\"\n";
    acceptance::lab::write("/etc/security/ruled.toml", ruled);
    lab.service("ruled", "auth required pam_totp.so config=/etc/security/ruled.toml\n");
    let door = |user: &str| Login::new("door", user);
    let both = |user: &str, code: &str| {
        let answer = Reply::Bytes(format!("{PASSWORD}{code}").into());
        Login::new("both", user).asked(Style::EchoOff, "Password & verification code: ", answer)
    };
    vec![
        (both("alice", &alice.backup_codes[1]), Code::Success),
        (both("alice", &alice.phone.wrong()), Code::AuthErr),
        (both("bob", ""), Code::Success),
        (door("alice").code(alice.phone.code(0)), Code::Success),
        (door("alice").code(&alice.backup_codes[0]), Code::Success),
        (door("alice").code(alice.phone.code(0)), Code::AuthErr),
        (door("alice").code(alice.phone.wrong()), Code::AuthErr),
        (door("alice").code("nonsense"), Code::AuthErr),
        (door("alice").reply(Reply::Fail(19)), Code::ConvErr),
        (door("nobody-here").code("123456"), Code::AuthErr),
        (Login::new("lax", "bob"), Code::PermDenied),
        (Login::new("wrong-store", "alice").code("123456"), Code::AuthErr),
        (Login::new("wrong-line", "alice"), Code::ServiceErr),
        (Login::new("ruled", "bob"), Code::PermDenied),
        (Login::new("ruled", "carol").code("123456"), Code::AuthErr),
        (Login::new("ruled", "dave").code("123456").from("192.0.2.7"), Code::AuthErr),
    ]
}

#[test]
fn however_a_login_ends_the_process_is_as_it_was() {
    sandbox::within(|lab| {
        let alice = lab.enroll("alice");
        let endings = every_ending(lab, &alice);
        host::set_locale(c"C.UTF-8");
        host::open_log();
        let before = State::now();
        for (login, expected) in endings {
            let report = login.play().followed();
            assert_eq!(report.verdict(), expected, "{login:?}");
            assert_eq!(report.environment, [""; 0]);
            assert_eq!(before.changes(), [""; 0], "{login:?}");
        }
    });
}

#[test]
fn a_hundred_logins_in_one_process_take_no_more_than_one() {
    sandbox::within(|lab| {
        lab.enroll("alice");
        lab.door("");
        let login = Login::new("door", "alice").code("nonsense");
        let playing =
            |times: usize| (0..times).for_each(|_| assert_eq!(login.play().verdict(), Code::AuthErr));
        playing(20);
        let (state, memory) = (State::now(), host::memory());
        playing(100);
        assert_eq!(state.changes(), [""; 0]);
        assert!(host::memory() <= memory + (1 << 20), "{} after {memory}", host::memory());
    });
}

#[test]
fn the_module_is_loaded_and_unloaded_over_and_over_from_threads_that_end() {
    sandbox::within(|lab| {
        let alice = lab.enroll("alice");
        lab.door("");
        let login = Login::new("door", "alice").code(alice.phone.wrong());
        lab.settings("[login]\nfail_delay = \"0s\"\n[throttle]\nfree_failures = 100\nyearly_risk = 0.01\n");
        host::open_log();
        let before = State::now();
        for _ in 0..24 {
            std::thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| {
                        let loaded = Loaded::open(&lab.module());
                        assert!(loaded.has(c"pam_sm_authenticate"));
                        assert_eq!(login.play().verdict(), Code::AuthErr);
                        drop(loaded);
                    });
                }
            });
        }
        assert_eq!(before.changes(), [""; 0]);
        let code = Login::new("door", "alice").code(alice.phone.code(0));
        assert_eq!(code.play().verdict(), Code::Success);
        assert!(lab.syslog.module().iter().all(|line| !line.contains("unavailable")));
    });
}

#[test]
fn a_forked_copy_of_a_threaded_process_logs_in() {
    sandbox::within(|lab| {
        let alice = lab.enroll("alice");
        lab.door("");
        let warm = Login::new("door", "alice").code("nonsense");
        assert_eq!(warm.play().verdict(), Code::AuthErr);
        let code = Login::new("door", "alice").code(alice.phone.code(0));
        let opened = || i32::from(code.play().verdict() == Code::Success);
        assert_eq!(host::wait_for(host::in_fork(opened)), Some(1));
        assert_eq!(host::wait_for(host::in_fork(opened)), Some(0));
    });
}

#[test]
fn a_child_forked_amid_a_login_keeps_no_lock() {
    sandbox::within(|lab| {
        let alice = lab.enroll("alice");
        lab.door("");
        lab.settings("[login]\nfail_delay = \"0s\"\n[throttle]\nfree_failures = 100\nyearly_risk = 0.01\n");
        let login = Login::new("door", "alice").code(alice.phone.wrong());
        let children = std::thread::scope(|scope| {
            let logins = scope.spawn(|| {
                for _ in 0..90 {
                    assert_eq!(login.play().verdict(), Code::AuthErr);
                }
            });
            let mut children = Vec::new();
            while !logins.is_finished() {
                children.push(host::in_fork(|| {
                    std::thread::sleep(Duration::from_secs(4));
                    0
                }));
                std::thread::sleep(Duration::from_millis(1));
            }
            children
        });
        assert!(children.len() > 20, "{}", children.len());
        let lines = lab.syslog.module();
        assert_eq!(lines.iter().filter(|line| line.contains("verdict=wrong")).count(), 90, "{lines:#?}");
        for child in children {
            assert_eq!(host::wait_for(child), Some(0));
        }
    });
}

#[test]
fn a_host_without_standard_streams_gets_none_from_us() {
    sandbox::within(|lab| {
        let alice = lab.enroll("alice");
        lab.door("");
        let login = Login::new("door", "alice").code(alice.phone.code(0));
        host::open_log();
        let child = host::in_fork(|| {
            host::close_standard_streams();
            let opened = login.play().verdict() == Code::Success;
            i32::from(opened) + 2 * i32::from(host::are_standard_streams_closed())
        });
        assert_eq!(host::wait_for(child), Some(3));
    });
}

#[test]
fn a_host_with_a_bad_environment_is_not_misled() {
    sandbox::within(|lab| {
        let alice = lab.enroll("alice");
        lab.door("");
        let mut command = Login::new("door", "alice").code(alice.phone.wrong()).command();
        for name in ["SSH_CONNECTION", "TZ", "HOME", "TMPDIR", "RUST_LOG", "PAM_TOTP_CONFIG", "USER"] {
            command.env(name, "/home/alice/\u{fffd}%s%n");
        }
        command.env("RUST_BACKTRACE", "full").env("RUST_MIN_STACK", "nonsense");
        let report = acceptance::pam::Report::of(command.output().unwrap());
        assert_eq!(report.verdict(), Code::AuthErr);
        assert!(std::fs::read_dir(STORE).unwrap().count() > 0);
    });
}

#[test]
fn no_code_secret_or_password_reaches_the_log() {
    sandbox::within(|lab| {
        let alice = lab.enroll("alice");
        for (login, _) in every_ending(lab, &alice) {
            let _ = login.run();
        }
        let log = lab.syslog.raw().join("\n");
        let [first, second, ..] = &alice.backup_codes[..] else { panic!("ten codes") };
        let codes = [alice.phone.code(0), alice.phone.wrong(), first.clone(), second.clone()];
        let secrets = codes.into_iter().chain([alice.secret, PASSWORD.to_owned()]);
        for secret in secrets {
            assert!(!log.contains(&secret), "{secret} in\n{log}");
        }
    });
}

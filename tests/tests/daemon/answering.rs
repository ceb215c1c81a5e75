//! Programs that may not read the store, and what they are told.

use acceptance::daemon::Daemon;
use acceptance::host;
use acceptance::lab::STORE;
use acceptance::pam::{Code, Login, Report};
use acceptance::sandbox;
use acceptance::terminal::Terminal;

use crate::{ALICE, BOB, as_alice, decisions, door, unprivileged};

const MERCILESS: &str = "[login]\nfail_delay = \"0s\"\n[throttle]\nfree_failures = 1\n";

#[test]
fn a_program_without_privilege_takes_a_code_once() {
    sandbox::within(|lab| {
        lab.door("");
        let alice = lab.enroll("alice");
        let _daemon = Daemon::start(lab);
        let pamtester = |code: &str| {
            let words = ["pamtester", "door", "alice", "authenticate", "setcred", "acct_mgmt"];
            let mut terminal = Terminal::start(lab.as_user("alice", &words));
            terminal.expect("Verification code: ");
            terminal.say(code);
            terminal.finish().0.success()
        };
        assert!(pamtester(&alice.phone.code(0)));
        assert!(lab.syslog.module().iter().any(|line| line.contains("pam_totp(door:auth): accepted")));
        let lines = decisions(lab);
        assert_eq!(lines.len(), 1, "{lines:#?}");
        let accepted = "accepted; user=alice rhost= tty= service=door uid=2001 pid=";
        assert!(lines[0].starts_with(accepted), "{lines:#?}");
        assert!(lines[0].ends_with("asked=Check method=code token=phone verdict=accepted"), "{lines:#?}");
        assert!(!pamtester(&alice.phone.code(0)));
        assert!(decisions(lab)[0].contains("verdict=replayed"));
        assert!(pamtester(&alice.backup_codes[0]));
        assert!(!pamtester(&alice.backup_codes[0]));
        assert_eq!(lab.status("alice")["backup_codes_left"], 9);
    });
}

#[test]
fn a_wrong_code_counts_at_the_console_whatever_the_program_says_of_a_remote_host() {
    sandbox::within(|lab| {
        lab.settings(MERCILESS);
        let alice = lab.enroll("alice");
        let _daemon = Daemon::start(lab);
        let wrong = door(lab).code(alice.phone.wrong()).from("203.0.113.5").on("a\nb c");
        assert_eq!(as_alice(&wrong), Code::AuthErr);
        let lines = decisions(lab);
        let expected =
            "authentication failure; user=alice rhost=203.0.113.5 tty=a\\u{a}b\\u{20}c service=door";
        assert!(lines[0].starts_with(expected), "{lines:#?}");
        assert_eq!(lab.status("alice")["throttled"][0]["lane"], "console");
        assert_eq!(as_alice(&door(lab).code(alice.phone.code(0))), Code::AuthErr);
        assert!(decisions(lab)[0].contains("verdict=throttled"));
        // Strangers' lane is as open as it was.
        let from_afar = door(lab).code(alice.phone.code(0)).from("203.0.113.5").run();
        assert_eq!(from_afar.verdict(), Code::Success);
        assert_eq!(as_alice(&door(lab).code(&alice.backup_codes[0])), Code::Success);
    });
}

#[test]
fn who_is_not_enrolled_is_exempt_under_nullok_only_on_the_daemons_word() {
    sandbox::within(|lab| {
        lab.service("door", "auth required pam_totp.so nullok\nauth required pam_permit.so\n");
        let asked = Login::new("door", "alice").code("123456");
        let not_asked = Login::new("door", "alice");
        assert_eq!(as_alice(&asked), Code::AuthErr, "without a daemon nothing is established");
        let daemon = Daemon::start(lab);
        assert_eq!(as_alice(&not_asked), Code::Success);
        std::fs::rename(format!("{STORE}/FORMAT"), format!("{STORE}/AWAY")).unwrap();
        assert_eq!(as_alice(&asked), Code::AuthErr, "without a store nothing is established");
        std::fs::rename(format!("{STORE}/AWAY"), format!("{STORE}/FORMAT")).unwrap();
        assert_eq!(as_alice(&not_asked), Code::Success);
        let bob = Report::of(unprivileged(&asked, BOB).output().unwrap()).followed();
        assert_eq!(bob.verdict(), Code::AuthErr, "another account's standing is not told");
        let alice = lab.enroll("alice");
        assert_eq!(as_alice(&Login::new("door", "alice").code(alice.phone.code(0))), Code::Success);
        daemon.kill();
        assert_eq!(as_alice(&asked), Code::AuthErr);
    });
}

#[test]
fn a_forked_copy_of_a_threaded_program_without_privilege_is_answered() {
    sandbox::within(|lab| {
        let alice = lab.enroll_slow("alice");
        let _daemon = Daemon::start(lab);
        let warm = door(lab).code("nonsense");
        assert_eq!(warm.play().verdict(), Code::AuthErr);
        let code = door(lab).code(alice.phone.code(0));
        let busy = std::sync::atomic::AtomicBool::new(true);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    while busy.load(std::sync::atomic::Ordering::Relaxed) {
                        drop(vec![0_u8; 4096]);
                    }
                });
            }
            let opened = || {
                // SAFETY: system calls of one thread, in a child that has no other.
                assert!(unsafe { libc::setgid(ALICE) == 0 && libc::setuid(ALICE) == 0 });
                let before = host::State::now();
                let opened = code.play().verdict() == Code::Success;
                let changed = !before.changes().is_empty();
                // Nothing of ours ever stands where the program's output goes.
                host::close_standard_streams();
                let again = code.play().verdict() == Code::Success;
                let kept = host::are_standard_streams_closed();
                i32::from(opened) + 2 * i32::from(changed) + 4 * i32::from(again) + 8 * i32::from(!kept)
            };
            assert_eq!(host::wait_for(host::in_fork(opened)), Some(1));
            assert_eq!(host::wait_for(host::in_fork(opened)), Some(0));
            busy.store(false, std::sync::atomic::Ordering::Relaxed);
        });
    });
}

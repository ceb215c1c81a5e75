//! Another account of this machine that stops its own su at the worst instant.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::fs::File;
use std::time::Duration;

use acceptance::host::{State, in_fork, open_log, wait_for};
use acceptance::lab::{Lab, STORE};
use acceptance::pam::{Code, Login};
use acceptance::sandbox;
use acceptance::terminal::Terminal;
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, Uid, setresuid, setuid};

const CODE_PROMPT: &str = "Verification code: ";

fn is_locked(folder: &File) -> bool {
    let locked = folder.try_lock().is_err();
    let _ = folder.unlock();
    locked
}

/// Bob stops and continues his su over and over, as finely as he can, until it stands with the lock in its
/// hand. su runs as root, but its real uid is his, and so he may send it signals (kill(2)).
fn stop_with_the_lock(lab: &Lab, su: u32) -> bool {
    let su = Pid::from_raw(i32::try_from(su).unwrap());
    let folder = File::open(format!("{STORE}/users/{}", lab.uid("alice"))).unwrap();
    let bob = Uid::from_raw(lab.uid("bob"));
    let child = in_fork(|| {
        setuid(bob).unwrap();
        for _ in 0..4_000 {
            if kill(su, Signal::SIGSTOP).is_err() {
                std::thread::yield_now();
                continue;
            }
            std::thread::sleep(Duration::from_micros(20));
            if is_locked(&folder) {
                std::thread::sleep(Duration::from_millis(20));
                if is_locked(&folder) {
                    return 1;
                }
            }
            let _ = kill(su, Signal::SIGCONT);
        }
        0
    });
    wait_for(child) == Some(1)
}

#[test]
fn who_stops_su_at_the_worst_instant_locks_nobody_out() {
    sandbox::within(|lab| {
        lab.door("");
        lab.service("su", "auth required pam_unix.so nodelay\nauth required pam_totp.so\n");
        let alice = lab.enroll_slow("alice");
        for round in 0..8 {
            let mut terminal = Terminal::start(lab.as_user("bob", &["su", "alice", "-c", "true"]));
            terminal.expect("Password: ");
            terminal.say("bob does not know it");
            terminal.expect(CODE_PROMPT);
            terminal.say("no code either");
            if stop_with_the_lock(lab, terminal.id()) {
                let report = Login::new("door", "alice").code(&alice.backup_codes[0]).run();
                assert_eq!(report.verdict(), Code::Success, "round {round}: {:#?}", lab.syslog.module());
            }
            terminal.kill();
        }
    });
}

#[test]
fn a_set_uid_program_has_its_real_uid_back() {
    sandbox::within(|lab| {
        lab.door("");
        let alice = lab.enroll("alice");
        let (bob, root) = (Uid::from_raw(lab.uid("bob")), Uid::from_raw(0));
        let login = |typed: &str| Login::new("door", "alice").code(typed);
        let logins = [login("nonsense"), login(&alice.phone.wrong()), login(&alice.phone.code(0))];
        open_log();
        let child = in_fork(|| {
            setresuid(bob, root, root).unwrap();
            let before = State::now();
            let verdicts: Vec<_> = logins.iter().map(|login| login.play().verdict()).collect();
            assert_eq!(before.changes(), [""; 0]);
            i32::from(verdicts == [Code::AuthErr, Code::AuthErr, Code::Success])
        });
        assert_eq!(wait_for(child), Some(1));
    });
}

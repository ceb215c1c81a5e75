//! Under systemd as process 1, by the units of packaging/systemd as they are.
//!
//! Where there are no control groups to be had, and so no systemd, the same is tried with a socket that the
//! test hands over, and that is said.

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use acceptance::booted::{PROGRAM, program_of, within};
use acceptance::daemon::{SOCKET, call, memory};
use acceptance::keeper::Keeper;
use acceptance::lab::Lab;
use acceptance::pam::Code;
use acceptance::sandbox;
use otp::{Typed, Verdict};
use serde_json::json;
use verifier::wire::Claims;
use verifier::{Account, Origin, Outcome, Remote, Verifier};

use crate::{ALICE, as_alice, decisions, door};

/// What the daemon may have in memory when it has nothing to do, in kB.
const IDLE: u64 = 6 * 1024;

fn answered() {
    let answer = call(ALICE, "Status", &json!({ "user": "alice" }));
    assert_eq!(answer["parameters"]["uid"], ALICE, "{answer}");
}

#[test]
fn the_first_request_starts_it_and_it_ends_when_nobody_asks() {
    sandbox::within(|lab| {
        let alice = lab.enroll_slow("alice");
        let system = Keeper::start(lab);
        assert_eq!(system.daemon(), None);
        system.idle_exit(1);
        for code in [alice.phone.code(0), alice.phone.code(1)] {
            let start = Instant::now();
            assert_eq!(as_alice(&door(lab).code(code)), Code::Success);
            println!("started and answered within {:?}", start.elapsed());
            assert!(system.daemon().is_some());
            assert!(within(Duration::from_secs(5), || system.daemon(), Option::is_none).is_some());
            assert!(start.elapsed() > Duration::from_secs(1), "{:?}", start.elapsed());
            assert!(system.ended_well());
        }
        assert_eq!(decisions(lab).len(), 2);
    });
}

#[test]
fn it_takes_little_memory_when_it_has_nothing_to_do() {
    sandbox::within(|lab| {
        let alice = lab.enroll_slow("alice");
        let system = Keeper::start(lab);
        for _ in 0..50 {
            call(ALICE, "Check", &json!({ "user": "alice", "code": alice.phone.wrong() }));
            answered();
        }
        let (idle, most) = memory(system.daemon().unwrap());
        println!("{idle} kB after 100 requests, {most} kB at most");
        assert!(idle <= IDLE, "{idle} kB");
    });
}

/// Puts another file where the daemon's program was, as a package does.
fn upgrade(lab: &Lab) {
    let new = format!("{PROGRAM}.new");
    std::fs::copy(lab.program("enrolld"), &new).unwrap();
    std::fs::rename(new, PROGRAM).unwrap();
}

/// Asks as the module does, over and over, and counts the answers.
fn ask_until(end: &AtomicBool, answers: &AtomicUsize, typed: &Typed) {
    while !end.load(Ordering::Relaxed) {
        checked("alice", typed);
        answers.fetch_add(1, Ordering::Relaxed);
    }
}

/// The verdict; there is one.
fn checked(user: &str, typed: &Typed) -> Verdict {
    let client = Remote::new(SOCKET.as_ref(), Claims::default());
    let uid = ALICE + u32::from(user != "alice");
    match client.check(&Account::local(user, uid), typed, Origin::Console) {
        Outcome::Judged(verdict) => verdict,
        Outcome::NotEnrolled => panic!("{user} is enrolled"),
        Outcome::Suspended(_) => panic!("{user} is not suspended"),
        Outcome::Unavailable(error) => panic!("a client got no answer: {error}"),
    }
}

#[test]
fn every_client_is_answered_while_it_is_restarted_and_replaced() {
    sandbox::within(|lab| {
        let alice = lab.enroll_slow("alice");
        let bob = lab.enroll_slow("bob");
        let system = Keeper::start(lab);
        let wrong = Typed::parse(alice.phone.wrong().as_bytes());
        let (end, answers) = (AtomicBool::new(false), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            let clients: Vec<_> = (0..4).map(|_| scope.spawn(|| ask_until(&end, &answers, &wrong))).collect();
            for code in &bob.backup_codes {
                let former = within(Duration::from_secs(5), || system.daemon(), Option::is_some).unwrap();
                let file = program_of(former.unwrap());
                upgrade(lab);
                let restart = scope.spawn(|| system.restart());
                let typed = Typed::parse(code.as_bytes());
                let by_the_module = as_alice(&door(lab).code(alice.phone.wrong()));
                assert_eq!(by_the_module, Code::AuthErr);
                let verdicts = [checked("bob", &typed), checked("bob", &typed)];
                let accepted = |verdict: &&Verdict| matches!(verdict, Verdict::Accepted { .. });
                assert_eq!(verdicts.iter().filter(accepted).count(), 1, "{verdicts:?}");
                restart.join().unwrap();
                assert_ne!(program_of(system.daemon().unwrap()), file, "it is the new one");
            }
            end.store(true, Ordering::Relaxed);
            clients.into_iter().for_each(|client| client.join().unwrap());
        });
        let lines = lab.syslog.module();
        assert!(lines.len() == 10 && !lines.iter().any(|line| line.contains("unavailable")), "{lines:#?}");
        println!("{} answers over {} restarts", answers.into_inner(), bob.backup_codes.len());
        assert_eq!(lab.status("bob")["backup_codes_left"], 0);
    });
}

/// kill -9 at the entrance of a system call of the running daemon, once something makes that call.
fn killed_at(system: &Keeper, call: &str, number: u32, request: impl FnOnce()) {
    let daemon = system.daemon().unwrap();
    let mut command = Command::new("strace");
    let inject = format!("inject={call}:signal=KILL:when={number}");
    command.args(["-f", "-o", "/dev/null", "-e", &format!("trace={call}"), "-e", &inject]);
    let mut tracer = command.args(["-p", &daemon.to_string()]).stderr(Stdio::null()).spawn().unwrap();
    let traced = || std::fs::read_to_string(format!("/proc/{daemon}/status")).unwrap();
    assert!(within(Duration::from_secs(5), traced, |text| !text.contains("TracerPid:\t0")).is_some());
    request();
    tracer.wait().unwrap();
    let gone = within(Duration::from_secs(5), || system.daemon(), |now| *now != Some(daemon));
    assert!(gone.is_some(), "it was killed");
}

#[test]
fn killed_amid_a_check_it_answers_the_next_request_and_the_code_counts_once_at_most() {
    sandbox::within(|lab| {
        let alice = lab.enroll_slow("alice");
        let system = Keeper::start(lab);
        answered();
        let unanswered = |code: &str| {
            lab.syslog.clear();
            assert_eq!(as_alice(&door(lab).code(code)), Code::AuthErr);
            let line = lab.decision();
            assert!(line.contains("hung up before it had answered"), "{line}");
        };
        let next = |code: &str, expected: Code| {
            let start = Instant::now();
            assert_eq!(as_alice(&door(lab).code(code)), expected);
            println!("answered within {:?} after a kill", start.elapsed());
        };
        // More often than systemd starts a service anew by its defaults.
        for backup in &alice.backup_codes[..6] {
            // Before the record nothing is spent.
            killed_at(&system, "pwrite64", 1, || unanswered(backup));
            next(backup, Code::Success);
        }
        // Behind it, when the lock is given back, it is, answered or not.
        let code = alice.phone.code(0);
        killed_at(&system, "flock", 2, || unanswered(&code));
        next(&code, Code::AuthErr);
        next(&alice.phone.code(1), Code::Success);
        assert_eq!(lab.status("alice")["backup_codes_left"], 4);
    });
}

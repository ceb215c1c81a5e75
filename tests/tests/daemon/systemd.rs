//! Under systemd as process 1, by the units of packaging/systemd as they are.
//!
//! Where there are no control groups to be had, and so no systemd, the same is tried with a socket that the
//! test hands over, and that is said.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use acceptance::booted::within;
use acceptance::daemon::{call, memory};
use acceptance::keeper::Keeper;
use acceptance::pam::Code;
use acceptance::sandbox;
use serde_json::json;

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

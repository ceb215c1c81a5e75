//! Programs without privilege, which ask the daemon: faults in the program, and faults and kills in the daemon.

use std::collections::BTreeSet;
use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use acceptance::daemon::{Daemon, SOCKET};
use acceptance::faults::{Point, Snapshot, plausible};
use acceptance::lab::{Lab, STORE};
use acceptance::mounts::LAB;
use acceptance::pam::Code;
use acceptance::sandbox;

use crate::{Trial, door, is_answered, lax_door, precious, types, verdict, withstands};

/// The same as alice. It becomes her by another program, which a tracer of the two sees through.
fn as_alice(code: &str) -> Command {
    let login = types("alice", code);
    let mut command = Command::new("setpriv");
    command.args(["--reuid=2001", "--regid=2001", "--clear-groups"]);
    command.arg(login.get_program()).args(login.get_args()).stdin(Stdio::null());
    command
}

#[test]
#[ignore = "minutes: run by tests/faults"]
fn every_fault_of_a_program_that_asks_with_a_right_code() {
    sandbox::within(|lab| {
        lax_door(lab);
        let alice = lab.enroll_slow("alice");
        let _daemon = Daemon::start(lab);
        let (login, later) = (as_alice(&alice.phone.code(0)), Some(as_alice(&alice.phone.code(1))));
        withstands(lab, "a code, asked about", Trial { login, is_right: true, later });
    });
}

#[test]
#[ignore = "minutes: run by tests/faults"]
fn every_fault_of_a_program_that_asks_with_a_wrong_code() {
    sandbox::within(|lab| {
        lax_door(lab);
        let alice = lab.enroll_slow("alice");
        let _daemon = Daemon::start(lab);
        let (login, later) = (as_alice(&alice.phone.wrong()), Some(as_alice(&alice.phone.code(0))));
        withstands(lab, "a wrong code, asked about", Trial { login, is_right: false, later });
    });
}

/// enrolld under strace(1): its threads are followed, and each counts its own calls.
struct Traced(Child);

impl Traced {
    /// Whether it came as far as to listen is for the caller to find out.
    fn start(lab: &Lab, options: &[&str]) -> Self {
        let _ = fs::remove_file(SOCKET);
        let mut strace = Command::new("strace");
        strace.args(["-f", "-qq"]).args(options).arg(lab.program("enrolld")).args(["--socket", SOCKET]);
        let mut child = strace.stdin(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let deadline = Instant::now() + Duration::from_secs(5);
        let unix = || fs::read_to_string("/proc/net/unix").unwrap();
        // With the flag of a socket that listens, and not only has its name.
        let listens = || unix().lines().any(|line| line.ends_with(SOCKET) && line.contains(" 00010000 "));
        while !listens() && child.try_wait().unwrap().is_none() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(2));
        }
        Self(child)
    }
}

impl Drop for Traced {
    /// A daemon outlives its tracer.
    fn drop(&mut self) {
        let tracer = self.0.id();
        let children =
            fs::read_to_string(format!("/proc/{tracer}/task/{tracer}/children")).unwrap_or_default();
        for child in children.split_whitespace() {
            let _ = Command::new("kill").args(["-9", child]).output();
        }
        let _ = self.0.wait();
    }
}

/// The daemon's system calls while it starts and answers one check, each once.
fn calls(lab: &Lab, login: &mut Command) -> Vec<Point> {
    let list = format!("{LAB}/daemons-trace");
    let daemon = Traced::start(lab, &["-o", &list]);
    assert_eq!(verdict(login), Code::Success);
    drop(daemon);
    let mut counts = std::collections::HashMap::new();
    let mut points = BTreeSet::new();
    for line in fs::read_to_string(list).unwrap().lines() {
        let Some((thread, shown)) = line.split_once(' ') else { continue };
        let Some((call, _)) = shown.trim_start().split_once('(') else { continue };
        let number = counts.entry((thread.to_owned(), call.to_owned())).or_insert(0);
        *number += 1;
        points.insert((call.to_owned(), *number));
    }
    points
        .into_iter()
        .filter(|(call, _)| call.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'))
        .map(|(call, number)| Point { shown: format!("{call} in enrolld"), call, number })
        .collect()
}

/// Every one of these faults at every call of the daemon, while alice types `code`.
fn daemon_meets(lab: &Lab, faults: fn(&str) -> &'static [&'static str], typed: Typed) {
    lax_door(lab);
    let alice = lab.enroll_slow("alice");
    let (right, next) = (alice.phone.code(0), alice.phone.code(1));
    let code = if typed == Typed::Right { right.clone() } else { alice.phone.wrong() };
    let before = Snapshot::of(STORE);
    let points = calls(lab, &mut as_alice(&right));
    assert!(points.iter().any(|point| point.call.starts_with("pwrite")), "{points:#?}");
    let kept = precious(std::path::Path::new(STORE));
    let (mut runs, mut opened) = (0, 0);
    for point in &points {
        for fault in faults(&point.call) {
            before.restore();
            door(lab, if is_answered(point, fault) { "" } else { "nullok" });
            let at = format!("{fault} at {point:?}");
            let inject = format!("inject={}:{fault}:when={}", point.call, point.number);
            let trace = format!("trace={}", point.call);
            let daemon = Traced::start(lab, &["-o", "/dev/null", "-e", &trace, "-e", &inject]);
            let answer = verdict(&mut as_alice(&code));
            drop(daemon);
            runs += 1;
            let _restarted = Daemon::start(lab);
            if answer == Code::Success {
                assert!(typed == Typed::Right, "it opened: {at}");
                opened += 1;
                assert_ne!(verdict(&mut as_alice(&code)), Code::Success, "unrecorded: {at}");
            }
            assert_eq!(precious(std::path::Path::new(STORE)), kept, "{at}");
            assert_eq!(verdict(&mut as_alice(&next)), Code::Success, "shut out: {at}");
        }
    }
    let what = if faults("read") == [KILL] { "killed in" } else { "in" };
    println!(
        "faults: {what} the daemon, {typed:?} code | {} calls, {runs} runs, {opened} opened and recorded",
        points.len()
    );
}

const KILL: &str = "signal=KILL";

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Typed {
    Right,
    Wrong,
}

fn grave(call: &str) -> &'static [&'static str] {
    let all = plausible(call);
    &all[..all.len().min(3)]
}

#[test]
#[ignore = "minutes: run by tests/faults"]
fn every_fault_of_the_daemon_while_it_checks_a_right_code() {
    sandbox::within(|lab| daemon_meets(lab, grave, Typed::Right));
}

#[test]
#[ignore = "minutes: run by tests/faults"]
fn every_fault_of_the_daemon_while_it_checks_a_wrong_code() {
    sandbox::within(|lab| daemon_meets(lab, grave, Typed::Wrong));
}

#[test]
#[ignore = "minutes: run by tests/faults"]
fn the_daemon_is_killed_at_every_system_call_of_a_check() {
    sandbox::within(|lab| daemon_meets(lab, |_| &[KILL], Typed::Right));
}

//! One login, timed: in this process, or in one of its own, as sshd and sudo have it.

use crate::contenders::Contender;
use acceptance::pam::{Code, Login, Reply, Style};
use nix::sys::resource::{UsageWho, getrusage};
use std::fs;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// What one login took.
#[derive(Default)]
pub(crate) struct Taken {
    pub(crate) nanoseconds: u64,
    pub(crate) faults: u64,
    /// The most memory that the process ever had, in KiB.
    pub(crate) peak: u64,
    /// Bytes handed to write(2) and its like.
    pub(crate) written: u64,
    /// Bytes of pages and metadata that it made dirty on the disk.
    pub(crate) dirtied: u64,
}

/// Says when a login begins and ends to whoever traces the system calls: nobody else asks about this group.
pub(crate) const MARK: i32 = i32::MAX - 1;

fn mark() {
    // SAFETY: getpgid(2) takes a number; this process does not exist.
    unsafe { libc::getpgid(MARK) };
}

/// What somebody types at a prompt of this text, if there is one.
fn login(service: &str, user: &str, prompt: Option<(&str, &str)>) -> Login {
    let login = Login::new(service, user);
    match prompt {
        Some((prompt, code)) => login.asked(Style::EchoOff, prompt, Reply::Bytes(code.into())),
        None => login,
    }
}

/// How long it takes, in nanoseconds, and whether it opened.
pub(crate) fn timed(service: &str, user: &str, prompt: Option<(&str, &str)>) -> (u64, bool) {
    let login = login(service, user, prompt);
    let start = Instant::now();
    mark();
    let report = login.play();
    mark();
    let taken = start.elapsed();
    (taken.as_nanos() as u64, report.verdict() == Code::Success)
}

/// A login of `contender` that must open, in this process, `pause` after its code was made fresh.
pub(crate) fn here(contender: &mut Contender, pause: Duration) -> u64 {
    let try_ = contender.prepare();
    sleep(pause);
    let (taken, opened) = timed(&contender.service, &try_.user, try_.prompt());
    assert!(opened, "{} refused {}", contender.service, try_.user);
    taken
}

/// The same in a process of its own.
pub(crate) fn fresh(contender: &mut Contender, pause: Duration) -> Taken {
    let try_ = contender.prepare();
    sleep(pause);
    let output = command(&contender.service, &try_.user, try_.prompt()).output().expect("this program runs");
    assert!(output.status.success(), "{}: {}", contender.service, String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("numbers");
    let mut numbers = text.split_whitespace().map(|number| number.parse().expect("a number"));
    let mut next = || numbers.next().expect("five numbers");
    Taken { nanoseconds: next(), faults: next(), peak: next(), written: next(), dirtied: next() }
}

/// The process that makes one login.
pub(crate) fn command(service: &str, user: &str, prompt: Option<(&str, &str)>) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.args(["once", service, user]);
    if let Some((prompt, code)) = prompt {
        command.args([prompt, code]);
    }
    command
}

/// Such a process. With a lone prompt it makes no login: what it costs to be there.
pub(crate) fn child(service: &str, user: &str, prompt: &[&str]) {
    let prompt = match *prompt {
        [] => None,
        [prompt, code] => Some((prompt, code)),
        _ => return,
    };
    let before = counted();
    let (nanoseconds, opened) = timed(service, user, prompt);
    let after = counted();
    assert!(opened, "{service} refused {user}");
    println!(
        "{nanoseconds} {} {} {} {}",
        after.faults - before.faults,
        after.peak,
        after.written - before.written,
        after.dirtied - before.dirtied
    );
}

/// The most memory that a process had so far, in KiB. What getrusage(2) says is at least what its parent had.
pub(crate) fn peak(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|value| value.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}

fn counted() -> Taken {
    let usage = getrusage(UsageWho::RUSAGE_SELF).expect("of this process");
    // proc(5): absent from kernels built without it, and then there is nothing to say.
    let io = fs::read_to_string("/proc/self/io").unwrap_or_default();
    let field = |name: &str| {
        let line = io.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|value| value.trim().parse().ok()).unwrap_or(0)
    };
    Taken {
        nanoseconds: 0,
        faults: usage.minor_page_faults() as u64,
        peak: peak(std::process::id()),
        written: field("wchar:"),
        dirtied: field("write_bytes:"),
    }
}

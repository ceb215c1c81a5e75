//! What repeats whatever else the machine does: system calls, and instructions outside of the kernel.

use crate::contenders::{Contender, Try};
use crate::once::{MARK, command};
use crate::raw::Raw;
use std::ffi::OsStr;
use std::process::Command;

pub(crate) fn run(raw: &mut Raw, contender: &mut Contender, users: usize) {
    if let Some(calls) = system_calls(contender) {
        raw.put("login", contender.name, users, "fresh", "system calls", calls);
    }
    if let Some(instructions) = instructions(contender) {
        raw.put("login", contender.name, users, "fresh", "instructions", instructions);
    }
}

/// Runs the login below another program.
fn below(tracer: &mut Command, login: &Command) -> Option<String> {
    let output = tracer.arg(login.get_program()).args(login.get_args()).output().ok()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8_lossy(&output.stderr).into_owned())
}

fn system_calls(contender: &mut Contender) -> Option<usize> {
    let try_ = contender.prepare();
    let login = command(&contender.service, &try_.user, try_.prompt());
    let trace = below(Command::new("strace").args(["-f", "-qq"]), &login)?;
    let mark = format!("getpgid({MARK})");
    // The two further marks are those of the rig.
    let lines = trace.lines().skip_while(|line| !line.contains(&mark)).skip(1);
    Some(lines.take_while(|line| !line.contains(&mark)).filter(|line| !line.contains("---")).count() - 2)
}

fn instructions(contender: &mut Contender) -> Option<u64> {
    let none = Command::new(std::env::current_exe().expect("this program"));
    let mut idle = none;
    idle.args(["once", &contender.service, "nobody", "no prompt"]);
    let without = counted(&idle)?;
    let try_: Try = contender.prepare();
    let with = counted(&command(&contender.service, &try_.user, try_.prompt()))?;
    Some(with - without)
}

fn counted(login: &Command) -> Option<u64> {
    let arguments = ["--tool=callgrind", "--callgrind-out-file=/dev/null"].map(OsStr::new);
    let said = below(Command::new("valgrind").args(arguments), login)?;
    let line = said.lines().find_map(|line| line.split_once("Collected : "));
    line?.1.trim().parse().ok()
}

//! enrolld: programs that may not read the store, and whoever else knocks.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod allowed;
mod answering;
mod crowd;
mod ending;
mod impostors;
mod locker;
mod memory;
mod racing;
mod systemd;
mod tails;

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};

use acceptance::lab::Lab;
use acceptance::pam::{Code, Login, Report};
use serde_json::Value;

const ALICE: u32 = 2001;
const BOB: u32 = 2002;

/// A login of a program that runs as this uid.
fn unprivileged(login: &Login, uid: u32) -> Command {
    let mut command = login.command();
    command.uid(uid).gid(uid);
    command
}

fn as_alice(login: &Login) -> Code {
    Report::of(unprivileged(login, ALICE).output().unwrap()).followed().verdict()
}

fn door(lab: &Lab) -> Login {
    lab.door("");
    Login::new("door", "alice")
}

/// The daemon's lines since the last call.
fn decisions(lab: &Lab) -> Vec<String> {
    let raw = lab.syslog.raw();
    lab.syslog.clear();
    let lines = raw.iter().filter(|line| line.contains("enrolld["));
    lines.map(|line| line.split_once("]: ").unwrap().1.to_owned()).collect()
}

fn wait_for_it(child: &mut Child) {
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "here\n");
}

fn error(answer: &Value) -> &str {
    answer["error"].as_str().unwrap_or_default()
}

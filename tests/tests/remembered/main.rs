//! `remember` of a rule: who was let in by a code is not asked again in the same session, and everybody else
//! is, whatever is missing, forged or changed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod bound;
mod faults;
mod files;
mod programs;
mod written;

use std::fs;
use std::path::{Path, PathBuf};

use acceptance::lab::Lab;
use acceptance::pam::{Call, Code, Login};

const CODE_PROMPT: &str = "Verification code: ";
/// The doors of these tests are programs of this machine.
const SETTINGS: &str =
    "[login]\nfail_delay = \"0s\"\nlocal_services = [\"door\", \"gate\", \"sudo\", \"su\"]\n";
/// Where logins are remembered.
const REMEMBERED: &str = "/run/pam_totp/remembered";

/// A rule that remembers, at every service.
fn remember(lab: &Lab, time: &str) {
    lab.settings(&format!("{SETTINGS}[[rule]]\nthen = \"require\"\nremember = \"{time}\"\n"));
}

/// A door that says yes where the module says nothing.
fn door(lab: &Lab, arguments: &str) {
    lab.service("door", &format!("auth required pam_totp.so {arguments}\nauth required pam_permit.so\n"));
}

/// Makes this process, and all that it starts, a session of its own: that of the sandbox has its leader
/// outside of it.
fn begin_session() {
    nix::unistd::setsid().unwrap();
}

/// Somebody at this machine enters the door by a program that sets credentials when all have said yes.
fn enter(user: &str) -> Login {
    Login::new("door", user).asked_by(user).calling(&[Call::Authenticate, Call::Setcred])
}

/// Whether nothing is asked.
fn is_remembered(login: &Login) -> bool {
    let report = login.clone().mute().run();
    assert_eq!(report.conversations, 0);
    match report.verdict() {
        Code::Success => true,
        Code::ConvErr => false,
        other => panic!("{other:?}"),
    }
}

/// A login by this code is let in.
fn let_in(login: Login, code: impl AsRef<[u8]>) {
    let report = login.code(code).run();
    assert!(report.answers.iter().all(|(_, code)| *code == Code::Success), "{:?}", report.answers);
}

/// What is kept of somebody: files and their texts.
fn kept(lab: &Lab, user: &str) -> Vec<(PathBuf, String)> {
    let folder = Path::new(REMEMBERED).join(lab.uid(user).to_string());
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut found: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    found.sort();
    found.into_iter().map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect()
}

/// The one file that is kept of somebody.
fn only(lab: &Lab, user: &str) -> (PathBuf, String) {
    let mut all = kept(lab, user);
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

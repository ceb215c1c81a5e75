//! Which files a process opened, locked, made, renamed and removed, as strace saw it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use acceptance::codes::Phone;
use acceptance::daemon::{Daemon, SOCKET, call};
use acceptance::lab::{Lab, run};
use acceptance::pam::{Call, Code, Login, Report};
use serde_json::{Value, json};

/// What was done to a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Deed {
    Read,
    Write,
    /// By opening, binding or renaming.
    Make,
    /// By removing or renaming.
    Remove,
    OpenFolder,
    MakeFolder,
    LockFolder,
    Connect,
}

/// A deed, and the path that it was done to.
pub(crate) type Access = (Deed, String);

const FOLDER: &str = "/var/tmp/traces";
const CALLS: &str = "trace=%file,bind,connect,flock,execve";
const KEY: &str = "JVQWWZJANFXHMZLOORSWIIDTMVRXEZLU";

/// A file for each thread, so that no line is broken by another; of successful calls, with the paths of handles.
fn strace() -> Command {
    let _ = fs::remove_dir_all(FOLDER);
    fs::create_dir(FOLDER).unwrap();
    let mut command = Command::new("strace");
    command.args(["-ff", "-y", "-z", "-qq", "-s", "4096", "-e", CALLS, "-o", "/var/tmp/traces/of"]);
    command.stdin(Stdio::null());
    command
}

/// What a program of root's does that judges logins by the module, from the files.
pub(crate) fn logins(lab: &Lab) -> BTreeSet<Access> {
    lab.door("");
    let alice = lab.enroll_slow("alice");
    let codes = [alice.phone.wrong(), alice.phone.code(0), alice.backup_codes[0].clone()];
    let mut all = BTreeSet::new();
    for (code, verdict) in codes.iter().zip([Code::AuthErr, Code::Success, Code::Success]) {
        let login = Login::new("door", "alice").code(code).command();
        let output = run(strace().arg(login.get_program()).args(login.get_args()));
        assert_eq!(Report::of(output).followed().verdict(), verdict);
        all.append(&mut accesses());
    }
    all.append(&mut remembered(lab, &alice.phone.code(1)));
    all
}

/// The same where a rule remembers: a login, the next one, which is asked for nothing, and one while all are paused.
fn remembered(lab: &Lab, code: &str) -> BTreeSet<Access> {
    lab.settings("[[rule]]\nthen = \"require\"\nremember = \"15m\"\n");
    lab.service("gate", "auth required pam_totp.so\nauth required pam_permit.so\n");
    // The leader of this session is outside of the sandbox.
    nix::unistd::setsid().unwrap();
    let login = Login::new("gate", "alice").from("192.0.2.7").calling(&[Call::Authenticate, Call::Setcred]);
    let mut all = BTreeSet::new();
    for (login, asked) in [(login.clone().code(code), 1), (login.clone().mute(), 0), (login.mute(), 0)] {
        let login = login.command();
        let report = Report::of(run(strace().arg(login.get_program()).args(login.get_args()))).followed();
        assert_eq!((report.verdict(), report.conversations), (Code::Success, asked));
        all.append(&mut accesses());
        lab.totpctl(["pause", "--until", "1h", "--reason", "an outage", "--yes"]);
    }
    lab.totpctl(["pause", "--end"]);
    lab.settings("");
    all
}

/// What the daemon does that judges, tells, enrolls and takes a token away.
pub(crate) fn daemon(lab: &Lab) -> BTreeSet<Access> {
    let bob = lab.enroll_slow("bob");
    let invited: Value = serde_json::from_str(&lab.totpctl(["invite", "carol", "--json"])).unwrap();
    let daemon = Daemon::run(strace().arg(lab.program("enrolld")).args(["--socket", SOCKET]));
    let checked =
        |code: &str| call(2002, "Check", &json!({ "user": "bob", "code": code }))["parameters"].clone();
    assert_eq!(checked(&bob.phone.code(0))["verdict"], "accepted");
    assert_eq!(checked(&bob.phone.wrong())["verdict"], "wrong");
    let status = call(2003, "Status", &json!({ "user": "carol" }));
    let token = json!({ "name": "mine", "secret": KEY, "algorithm": "sha1", "digits": 6, "period": 30 });
    let enrolled = call(
        2003,
        "Enroll",
        &json!({ "user": "carol", "from": status["parameters"]["record"]["id"], "how": "first", "token": token,
            "confirm": Phone::new(KEY).code(0), "backup_codes": [], "authority": invited[0]["invitation"] }),
    );
    assert_eq!(enrolled["parameters"]["by"], "invitation", "{enrolled}");
    drop(daemon);
    accesses()
}

fn accesses() -> BTreeSet<Access> {
    let files = fs::read_dir(FOLDER).unwrap().map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap());
    let text: Vec<String> = files.collect();
    let found: BTreeSet<_> = text.iter().flat_map(|text| text.lines()).flat_map(deeds).collect();
    assert!(!found.is_empty());
    found
}

/// `openat2(5</a>, "b", {flags=O_RDWR|…}, 24) = 6</a/b>`, and the like.
fn deeds(line: &str) -> Vec<Access> {
    let Some((name, rest)) = line.split_once('(') else { return Vec::new() };
    let Some((arguments, result)) = rest.rsplit_once(" = ") else { return Vec::new() };
    let named = named(arguments);
    match name {
        "open" | "openat" | "openat2" | "creat" => {
            let path = result.split_once('<').unwrap().1.trim_end_matches('>').to_owned();
            vec![(opening(arguments), path)]
        }
        "mkdir" | "mkdirat" => vec![(Deed::MakeFolder, named[0].clone())],
        "unlink" | "unlinkat" => vec![(Deed::Remove, named[0].clone())],
        "rename" | "renameat" | "renameat2" => {
            vec![(Deed::Remove, named[0].clone()), (Deed::Make, named[1].clone())]
        }
        "flock" => vec![(Deed::LockFolder, handle(arguments).to_owned())],
        "bind" => socket(arguments).map(|path| (Deed::Make, path)).into_iter().collect(),
        "connect" => socket(arguments).map(|path| (Deed::Connect, path)).into_iter().collect(),
        _ => Vec::new(),
    }
}

fn opening(arguments: &str) -> Deed {
    match arguments {
        flags if flags.contains("O_DIRECTORY") => Deed::OpenFolder,
        flags if flags.contains("O_CREAT") => Deed::Make,
        flags if flags.contains("O_RDWR") || flags.contains("O_WRONLY") => Deed::Write,
        _ => Deed::Read,
    }
}

/// The quoted names among the arguments, each below the handle before it.
fn named(arguments: &str) -> Vec<String> {
    let parts: Vec<_> = arguments.split('"').collect();
    let pairs = parts.chunks_exact(2).map(|pair| Path::new(handle(pair[0])).join(pair[1]));
    pairs.map(|path| path.to_str().unwrap().to_owned()).collect()
}

fn handle(text: &str) -> &str {
    text.split_once('<').map_or("", |(_, rest)| rest.split('>').next().unwrap())
}

fn socket(arguments: &str) -> Option<String> {
    let (_, path) = arguments.split_once("sun_path=\"")?;
    path.split('"').next().map(str::to_owned)
}

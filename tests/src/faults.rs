//! What can go wrong around a process: limits, a false clock, a kill at any system call.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, Output};

use nix::sys::resource::{Resource, setrlimit};

use crate::lab::run;
use crate::mounts::LAB;

/// Gives the process a limit of its caller's, as `ulimit` does.
pub fn limit(command: &mut Command, resource: Resource, value: u64) {
    // SAFETY: setrlimit(2) is a system call, safe between fork and exec.
    unsafe {
        command.pre_exec(move || setrlimit(resource, value, value).map_err(io::Error::from));
    }
}

/// Stops the process's clock at a Unix time, by libfaketime.
pub fn stop_clock(command: &mut Command, unix: u64) {
    let folders = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64"];
    let libraries = folders.map(|folder| Path::new(folder).join("faketime/libfaketime.so.1"));
    let library = libraries.into_iter().find(|path| path.exists()).expect("faketime is installed");
    command
        .env("LD_PRELOAD", library)
        .env("FAKETIME", unix.to_string())
        .env("FAKETIME_FMT", "%s")
        .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
        .env("TZ", "UTC");
}

/// One system call of a process: its name, and which of the calls of this name it is, from 1 on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Point {
    /// As strace(1) names it.
    pub call: String,
    /// From 1 on.
    pub number: usize,
    /// As strace shows it, for the person who reads a failure.
    pub shown: String,
}

/// The system calls of a process that ran to its end: of `pamhost`, those of the transaction alone.
pub fn system_calls(command: &Command) -> Vec<Point> {
    let list = format!("{LAB}/trace");
    run(&mut under_strace(command, &["-o", &list]));
    let text = fs::read_to_string(&list).expect("strace wrote its list");
    let mut counts = HashMap::<&str, usize>::new();
    let mut points = Vec::new();
    let mut marks = Vec::new();
    for line in text.lines() {
        let Some((call, _)) = line.split_once('(') else { continue };
        let number = counts.entry(call).or_default();
        *number += 1;
        if line.starts_with("getpgid(2147483647)") {
            marks.push(points.len());
        }
        points.push(Point { call: call.to_owned(), number: *number, shown: line.to_owned() });
    }
    match marks[..] {
        [begin, end] => points[begin + 1..end].to_vec(),
        _ => points,
    }
}

/// Runs the process with a kill -9 at the entrance of one system call.
pub fn kill_at(command: &Command, point: &Point) -> Output {
    let inject = format!("inject={}:signal=KILL:when={}", point.call, point.number);
    let trace = format!("trace={}", point.call);
    under_strace(command, &["-o", "/dev/null", "-e", &trace, "-e", &inject])
        .output()
        .expect("strace is installed")
}

/// Runs the process with a fault at one system call, as strace(1) spells it: `error=EIO`, `retval=0`.
///
/// # Panics
/// When it has not ended after half a minute: nothing that fails may make a login hang.
pub fn meets(command: &Command, point: &Point, fault: &str) -> Output {
    let inject = format!("inject={}:{fault}:when={}", point.call, point.number);
    let trace = format!("trace={}", point.call);
    let strace = under_strace(command, &["-o", "/dev/null", "-e", &trace, "-e", &inject]);
    let mut bounded = Command::new("timeout");
    bounded.args(["--foreground", "--signal=KILL", "30"]);
    bounded.arg(strace.get_program()).args(strace.get_args()).stdin(std::process::Stdio::null());
    bounded.envs(strace.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = bounded.output().expect("timeout and strace are installed");
    // As timeout(1) ends when it had to kill.
    assert_ne!(output.status.signal(), Some(libc::SIGKILL), "{fault} at {point:?}: it hangs");
    output
}

/// The faults that a system call of a login may have, each with what it means for the caller.
pub fn plausible(call: &str) -> &'static [&'static str] {
    match call {
        "open" | "openat" | "openat2" => &[
            "error=EACCES",
            "error=ENOENT",
            "error=EMFILE",
            "error=ELOOP",
            "error=EIO",
            "error=EINTR",
            "error=ENOMEM",
            "error=EROFS",
            "error=ENXIO",
            "error=ENOTDIR",
        ],
        "read" | "pread64" | "recvfrom" | "recvmsg" => {
            &["error=EIO", "error=EINTR", "error=EAGAIN", "error=ECONNRESET", "error=ENOMEM", "retval=0"]
        }
        "write" | "pwrite64" | "pwritev2" | "sendto" | "sendmsg" => &[
            "error=EIO",
            "error=ENOSPC",
            "error=EDQUOT",
            "error=EFBIG",
            "error=EINTR",
            "error=EPIPE",
            "error=EAGAIN",
            "retval=0",
            "retval=80",
        ],
        "flock" => &["error=EAGAIN", "error=EINTR", "error=ENOLCK", "error=EBADF", "error=EIO"],
        "fsync" | "fdatasync" | "syncfs" => &["error=EIO", "error=ENOSPC", "error=EDQUOT", "error=EINTR"],
        "socket" | "connect" | "accept4" => &[
            "error=ECONNREFUSED",
            "error=ENOENT",
            "error=EACCES",
            "error=EAGAIN",
            "error=EINTR",
            "error=EMFILE",
            "error=ETIMEDOUT",
            "error=ENOBUFS",
        ],
        "mmap" | "brk" | "mprotect" => &["error=ENOMEM"],
        "fstat" | "newfstatat" | "statx" | "lstat" | "stat" => {
            &["error=EACCES", "error=ENOENT", "error=EIO", "error=ENOMEM", "error=EOVERFLOW"]
        }
        "poll" | "ppoll" | "epoll_wait" | "futex" | "clock_nanosleep" => {
            &["error=EINTR", "error=ENOMEM", "error=EINVAL", "retval=0"]
        }
        "getrandom" => &["error=ENOSYS", "error=EINTR", "error=EAGAIN", "retval=0"],
        _ => &["error=EIO", "error=EINTR", "error=EPERM", "error=ENOMEM", "error=ENOSYS", "error=EINVAL"],
    }
}

/// Runs the process with an error at one system call.
pub fn fail_at(command: &Command, call: &str, number: usize, error: &str) -> Output {
    let inject = format!("inject={call}:error={error}:when={number}");
    let trace = format!("trace={call}");
    under_strace(command, &["-o", "/dev/null", "-e", &trace, "-e", &inject])
        .output()
        .expect("strace is installed")
}

fn under_strace(command: &Command, options: &[&str]) -> Command {
    let mut strace = Command::new("strace");
    strace.arg("-qq").args(options).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => strace.env(name, value),
            None => strace.env_remove(name),
        };
    }
    strace.stdin(std::process::Stdio::null());
    strace
}

/// A copy of a folder, to begin again from.
pub struct Snapshot {
    folder: &'static str,
    copy: String,
}

impl Snapshot {
    /// Copies `folder` aside.
    pub fn of(folder: &'static str) -> Self {
        let copy = format!("{LAB}/snapshot{}", folder.replace('/', "-"));
        let _ = fs::remove_dir_all(&copy);
        run(Command::new("cp").args(["-a", folder, &copy]));
        Self { folder, copy }
    }

    /// Where the copy is.
    pub fn path(&self) -> &str {
        &self.copy
    }

    /// Brings the folder back to what it was.
    pub fn restore(&self) {
        // Whatever a test has put in its place: `rm` follows no symbolic link.
        run(Command::new("rm").args(["-rf", self.folder]));
        run(Command::new("cp").args(["-a", &self.copy, self.folder]));
    }
}

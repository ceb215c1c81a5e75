//! enrolld in the sandbox, and peers that are not our client.

use std::fs;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::lab::Lab;
use crate::mounts::LAB;
use crate::sanitizers;

/// Where the daemon answers.
pub const SOCKET: &str = "/run/enrolld/socket";
/// The interface of this version.
pub const INTERFACE: &str = "org.pamtotp.enrolld1";

/// A daemon that ends with this value.
pub struct Daemon {
    child: Child,
}

impl Daemon {
    /// Starts the daemon under test, as root starts it by hand.
    pub fn start(lab: &Lab) -> Self {
        Self::run(&mut Self::command(lab))
    }

    /// The daemon as a command.
    pub fn command(lab: &Lab) -> Command {
        let mut command = Command::new(lab.program("enrolld"));
        command.args(["--socket", SOCKET]).stdin(Stdio::null());
        command
    }

    /// Starts it, and returns when it answers.
    ///
    /// # Panics
    /// When it does not within ten seconds.
    pub fn run(command: &mut Command) -> Self {
        let child = command.spawn().expect("enrolld is in the lab");
        let deadline = Instant::now() + Duration::from_secs(10);
        while UnixStream::connect(SOCKET).is_err() {
            assert!(Instant::now() < deadline, "enrolld does not listen");
            std::thread::sleep(Duration::from_millis(5));
        }
        Self { child }
    }

    /// Its process, or that of who traces it.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Its resident memory and the most that it ever was, in kB.
    pub fn memory(&self) -> (u64, u64) {
        memory(self.id())
    }

    /// kill -9.
    pub fn kill(mut self) {
        self.child.kill().expect("it is our child");
        self.child.wait().expect("it is our child");
    }

    /// SIGTERM, and its exit status.
    pub fn terminate(mut self) -> Option<i32> {
        // SAFETY: kill(2) with the id of a child that was not waited for.
        unsafe { libc::kill(self.child.id().cast_signed(), libc::SIGTERM) };
        self.child.wait().expect("it is our child").code()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Leaks are looked for at the end of a process that ends by itself.
        if sanitizers::are_on() {
            // SAFETY: as above.
            unsafe { libc::kill(self.id().cast_signed(), libc::SIGTERM) };
            let _ = self.child.wait();
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The resident memory of a process and the most that it ever was, in kB.
pub fn memory(pid: u32) -> (u64, u64) {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let of = |key: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(key)).expect("proc(5) has it");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    };
    (of("VmRSS:"), of("VmHWM:"))
}

/// `peer`, the rig's own program, as this uid.
pub fn peer(uid: u32, words: &[&str]) -> Command {
    let mut command = Command::new(format!("{LAB}/peer"));
    command.args(words).uid(uid).gid(uid).stdin(Stdio::piped()).stdout(Stdio::piped());
    command
}

/// What the daemon answers to these bytes of a peer of this uid; empty where it hangs up.
pub fn said_to(uid: u32, bytes: &[u8]) -> String {
    let mut child = peer(uid, &["ask", SOCKET]).spawn().expect("peer is in the lab");
    // A peer that was hung up on does not read to the end.
    let _ = child.stdin.take().expect("piped").write_all(bytes);
    let output = child.wait_with_output().expect("our child");
    String::from_utf8(output.stdout).expect("JSON is text")
}

/// The answer to a call of one of our methods; null where the daemon hangs up.
pub fn call(uid: u32, method: &str, parameters: &Value) -> Value {
    let message = json!({ "method": format!("{INTERFACE}.{method}"), "parameters": parameters });
    let answer = said_to(uid, format!("{message}\0").as_bytes());
    serde_json::from_str(&answer).unwrap_or(Value::Null)
}

//! Somebody at a terminal: reads what is on the screen, types when asked.

use crate::bench::{Bench, forget_clock};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::pty::{Winsize, openpty};
use nix::sys::signal::{Signal, kill};
use nix::sys::termios::{LocalFlags, tcgetattr};
use nix::unistd::Pid;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// How long what should come is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) const CTRL_C: &str = "\x03";
pub(crate) const CTRL_D: &str = "\x04";
/// What `enroll` asks for.
pub(crate) const CODE: &str = "Code that the app shows (empty to abort): ";

pub(crate) struct Session {
    child: Child,
    terminal: File,
    /// Kept open, so that what is left on the screen can be read when the program has ended.
    _other_side: File,
    screen: String,
    /// How much of it was read.
    read: usize,
}

impl Bench {
    /// Runs `totpctl` at a terminal of 80 x 24.
    pub(crate) fn session<S: AsRef<str>>(&self, arguments: impl IntoIterator<Item = S>) -> Session {
        self.session_of(arguments, (80, 24), None)
    }

    /// At a terminal of other columns and rows, or with standard output elsewhere.
    pub(crate) fn session_of<S: AsRef<str>>(
        &self,
        arguments: impl IntoIterator<Item = S>,
        (columns, rows): (u16, u16),
        out: Option<File>,
    ) -> Session {
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        let pair = openpty(Some(&size), None).unwrap();
        let side = || Stdio::from(pair.slave.try_clone().unwrap());
        // setsid -c makes standard input the controlling terminal.
        let mut command = self.program(&["setsid", "-c"], arguments);
        command.stdin(side()).stdout(out.map_or_else(side, Stdio::from)).stderr(side());
        let child = command.spawn().unwrap();
        Session {
            child,
            terminal: File::from(pair.master),
            _other_side: File::from(pair.slave),
            screen: String::new(),
            read: 0,
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        forget_clock(self.child.id());
    }
}

impl Session {
    /// Waits until `text` stands on the screen behind all that was read before, and gives what stands between.
    pub(crate) fn expect(&mut self, text: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(at) = self.screen[self.read..].find(text) {
                let before = self.screen[self.read..self.read + at].to_owned();
                self.read += at + text.len();
                return before;
            }
            assert!(Instant::now() < deadline, "{text:?} did not come:\n{}", self.screen);
            self.more();
        }
    }

    /// Types a line.
    pub(crate) fn say(&mut self, line: &str) {
        self.press(&format!("{line}\n"));
    }

    /// Presses keys.
    pub(crate) fn press(&mut self, keys: &str) {
        self.terminal.write_all(keys.as_bytes()).unwrap();
    }

    /// The secret in the URI on the screen.
    pub(crate) fn secret(&mut self) -> String {
        self.expect("?secret=");
        self.expect("&issuer")
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(i32::try_from(self.child.id()).unwrap()), signal).unwrap();
    }

    /// Whether what is typed is shown.
    pub(crate) fn echoes(&self) -> bool {
        tcgetattr(&self.terminal).unwrap().local_flags.contains(LocalFlags::ECHO)
    }

    /// Waits until what is typed is not shown.
    pub(crate) fn wait_hidden(&self) {
        let deadline = Instant::now() + PATIENCE;
        while self.echoes() {
            assert!(Instant::now() < deadline, "the terminal still shows what is typed");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits for the end: exit status, and all that was on the screen.
    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            self.more();
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < deadline, "it does not end:\n{}", self.screen);
        };
        while self.more() {}
        assert!(self.echoes(), "the terminal was left silent");
        (status.code(), std::mem::take(&mut self.screen))
    }

    /// Reads what has come within a moment; whether anything had.
    fn more(&mut self) -> bool {
        let mut ready = [PollFd::new(self.terminal.as_fd(), PollFlags::POLLIN)];
        if poll(&mut ready, PollTimeout::from(20u8)).unwrap() == 0 {
            return false;
        }
        let mut buffer = [0; 4096];
        let count = self.terminal.read(&mut buffer).unwrap_or(0);
        // A letter cut in two at the end of a read only concerns drawings, which are not looked at here.
        self.screen.push_str(&String::from_utf8_lossy(&buffer[..count]).replace('\r', ""));
        count > 0
    }
}

//! A person at a terminal: reads what is on the screen, types when asked.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::pty::{Winsize, openpty};

/// How long a person waits for what should come.
const PATIENCE: Duration = Duration::from_secs(30);

/// A program on a terminal of 80 x 24.
pub struct Terminal {
    child: Child,
    keyboard: File,
    screen: Vec<u8>,
    read: usize,
}

impl Terminal {
    /// Starts a program with a terminal of its own as its controlling terminal.
    pub fn start(mut command: Command) -> Self {
        let size = Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
        let pair = openpty(Some(&size), None).expect("the sandbox has terminals");
        let side = || pair.slave.try_clone().expect("a descriptor");
        command.stdin(side()).stdout(side()).stderr(side());
        // SAFETY: setsid(2) and ioctl(2) are safe between fork and exec; standard input is the terminal.
        unsafe {
            command.pre_exec(|| {
                libc::setsid();
                libc::ioctl(0, libc::TIOCSCTTY, 0);
                Ok(())
            });
        }
        let child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        Self { child, keyboard: File::from(pair.master), screen: Vec::new(), read: 0 }
    }

    /// Reads until `text` stands on the screen, behind all that was read before.
    pub fn expect(&mut self, text: &str) {
        self.expect_any(&[text]);
    }

    /// Reads until one of `texts` stands on the screen, and returns which.
    pub fn expect_any(&mut self, texts: &[&str]) -> usize {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let unread = String::from_utf8_lossy(&self.screen[self.read..]).into_owned();
            let found = texts
                .iter()
                .enumerate()
                .filter_map(|(index, text)| unread.find(text).map(|place| (place + text.len(), index)));
            if let Some((end, index)) = found.min() {
                self.read += end;
                return index;
            }
            assert!(self.more(deadline), "{texts:?} did not come; the screen shows:\n{}", self.screen());
        }
    }

    /// Types a line.
    pub fn say(&mut self, line: &str) {
        self.keyboard.write_all(format!("{line}\n").as_bytes()).expect("the terminal is open");
    }

    /// Presses keys.
    pub fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).expect("the terminal is open");
    }

    /// The program's process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends the program by SIGKILL.
    pub fn kill(mut self) {
        self.child.kill().expect("our child");
        self.child.wait().expect("our child");
    }

    /// Everything that has been shown so far.
    pub fn screen(&self) -> String {
        String::from_utf8_lossy(&self.screen).into_owned()
    }

    /// Reads to the end of the program; its status and all that was shown.
    pub fn finish(mut self) -> (ExitStatus, String) {
        let deadline = Instant::now() + PATIENCE;
        while self.more(deadline) {}
        if self.child.try_wait().expect("our child").is_none() && Instant::now() >= deadline {
            self.child.kill().expect("our child");
        }
        let status = self.child.wait().expect("our child");
        (status, self.screen())
    }

    /// Closes the window: whatever runs in it loses its terminal.
    pub fn hang_up(self) {
        let Self { mut child, keyboard, .. } = self;
        drop(keyboard);
        child.wait().expect("our child");
    }

    /// Reads more of the screen; whether there was any before the deadline and before the program's end.
    fn more(&mut self, deadline: Instant) -> bool {
        let rest = deadline.saturating_duration_since(Instant::now());
        let timeout = PollTimeout::try_from(rest).expect("a short time");
        let mut ready = [PollFd::new(self.keyboard.as_fd(), PollFlags::POLLIN)];
        if poll(&mut ready, timeout).expect("poll") == 0 {
            return false;
        }
        let mut buffer = [0; 4096];
        // A terminal whose other side is closed answers EIO.
        let count = self.keyboard.read(&mut buffer).unwrap_or(0);
        self.screen.extend_from_slice(&buffer[..count]);
        count > 0
    }
}

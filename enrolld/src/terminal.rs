//! The person at the terminal: what they are asked, and what they answer.
//!
//! Interaction goes to the terminal itself and not to the standard streams, so that it neither lands in a
//! file nor is answered by one. A signal that would end the process is noticed at the next question instead:
//! no change is cut in half, and the terminal never stays without echo.

use crate::failure::Failure;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::termios::{LocalFlags, SetArg, SpecialCharacterIndices, Termios, tcgetattr, tcsetattr};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use std::fs::File;
use std::io::{ErrorKind, IsTerminal, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use zeroize::Zeroizing;

/// Longest answer that is kept, in bytes; of a longer one the rest is dropped.
const LONGEST: usize = 512;

/// The terminal of this process.
pub(crate) struct Terminal {
    tty: File,
    signals: UnixStream,
}

impl AsFd for Terminal {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.tty.as_fd()
    }
}

/// What came of a question.
pub(crate) enum Reply {
    /// A line, without its end.
    Line(Zeroizing<Vec<u8>>),
    /// The end of input, or a signal such as Ctrl-C sends.
    Aborted,
}

impl Terminal {
    /// The controlling terminal, or standard input where that is one; `None` without either.
    pub(crate) fn open() -> Result<Option<Self>, Failure> {
        let tty = match File::options().read(true).write(true).open("/dev/tty") {
            Ok(tty) => tty,
            Err(_) if std::io::stdin().is_terminal() => {
                File::from(std::io::stdin().as_fd().try_clone_to_owned().map_err(|e| failed(&e))?)
            }
            Err(_) => return Ok(None),
        };
        let (signals, sender) = UnixStream::pair().map_err(|error| failed(&error))?;
        for signal in [SIGINT, SIGTERM, SIGHUP, SIGQUIT] {
            let sender = sender.try_clone().map_err(|error| failed(&error))?;
            signal_hook::low_level::pipe::register(signal, sender).map_err(|error| failed(&error))?;
        }
        Ok(Some(Self { tty, signals }))
    }

    /// The terminal, for a verb that cannot do without.
    pub(crate) fn required(why: &str, hint: &str) -> Result<Self, Failure> {
        Self::open()?.ok_or_else(|| missing(why, hint))
    }

    /// Shows `text`.
    pub(crate) fn say(&self, text: &str) -> Result<(), Failure> {
        (&self.tty).write_all(text.as_bytes()).map_err(|error| failed(&error))
    }

    /// Asks, and shows what is typed.
    pub(crate) fn ask(&self, prompt: &str) -> Result<Reply, Failure> {
        self.say(prompt)?;
        let reply = self.line()?;
        if matches!(reply, Reply::Aborted) {
            self.say("\n")?;
        }
        Ok(reply)
    }

    /// Asks, and does not show what is typed.
    pub(crate) fn ask_hidden(&self, prompt: &str) -> Result<Reply, Failure> {
        let hidden = Hidden::new(&self.tty)?;
        self.say(prompt)?;
        let reply = self.line();
        drop(hidden);
        self.say("\n")?;
        reply
    }

    /// Asks whether to go on: only "y" and "yes" are a yes.
    pub(crate) fn confirm(&self, question: &str) -> Result<bool, Failure> {
        let Reply::Line(line) = self.ask(&format!("{question} [y/N] "))? else { return Ok(false) };
        let answer = line.trim_ascii();
        Ok(answer.eq_ignore_ascii_case(b"y") || answer.eq_ignore_ascii_case(b"yes"))
    }

    fn line(&self) -> Result<Reply, Failure> {
        let mut line = Zeroizing::new(Vec::with_capacity(LONGEST));
        let mut chunk = Zeroizing::new([0u8; 1024]);
        while self.is_readable()? {
            let count = match (&self.tty).read(chunk.as_mut_slice()) {
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(failed(&error)),
            };
            let read = chunk.get(..count).unwrap_or_default();
            let (text, ended) = match read.iter().position(|&byte| byte == b'\n') {
                Some(end) => (read.get(..end).unwrap_or_default(), true),
                None => (read, count == 0),
            };
            let room = LONGEST - line.len();
            line.extend(text.iter().take(room));
            if count == 0 && line.is_empty() {
                return Ok(Reply::Aborted);
            }
            if ended {
                return Ok(Reply::Line(line));
            }
        }
        Ok(Reply::Aborted)
    }

    /// Waits for input; `false` if a signal came first.
    fn is_readable(&self) -> Result<bool, Failure> {
        loop {
            let mut fds = [
                PollFd::new(self.signals.as_fd(), PollFlags::POLLIN),
                PollFd::new(self.tty.as_fd(), PollFlags::POLLIN),
            ];
            match poll(&mut fds, PollTimeout::NONE) {
                Ok(_) => return Ok(fds.first().is_some_and(|signals| signals.any() != Some(true))),
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(failed(&errno.into())),
            }
        }
    }
}

/// While this lives, the terminal shows nothing of what is typed.
struct Hidden<'a> {
    tty: &'a File,
    before: Termios,
}

impl<'a> Hidden<'a> {
    fn new(tty: &'a File) -> Result<Self, Failure> {
        let before = tcgetattr(tty).map_err(|errno| failed(&errno.into()))?;
        let mut hidden = before.clone();
        hidden.local_flags.remove(LocalFlags::ECHO);
        // Ctrl-Z would hand a silent terminal to the shell.
        if let Some(suspend) = hidden.control_chars.get_mut(SpecialCharacterIndices::VSUSP as usize) {
            *suspend = libc::_POSIX_VDISABLE;
        }
        tcsetattr(tty, SetArg::TCSANOW, &hidden).map_err(|errno| failed(&errno.into()))?;
        Ok(Self { tty, before })
    }
}

impl Drop for Hidden<'_> {
    fn drop(&mut self) {
        let _ = tcsetattr(self.tty, SetArg::TCSANOW, &self.before);
    }
}

/// The first line of standard input, for scripts.
pub(crate) fn line_of_stdin() -> Result<Zeroizing<Vec<u8>>, Failure> {
    let failed = |error: &std::io::Error| Failure::new(format!("standard input: {error}"));
    // Not through std's buffer, which would keep a copy.
    let owned = std::io::stdin().as_fd().try_clone_to_owned().map_err(|error| failed(&error))?;
    let mut line = Zeroizing::new(Vec::with_capacity(LONGEST + 1));
    File::from(owned).take(LONGEST as u64).read_to_end(&mut line).map_err(|error| failed(&error))?;
    if let Some(end) = line.iter().position(|&byte| byte == b'\n') {
        line.truncate(end);
    }
    Ok(line)
}

/// What is said where there is no terminal to ask at.
pub(crate) fn missing(why: &str, hint: &str) -> Failure {
    Failure::new(format!("{why}, and there is no terminal")).hint(hint)
}

fn failed(error: &std::io::Error) -> Failure {
    Failure::new(format!("the terminal: {error}"))
}

//! Varlink's framing: one message, one NUL. Every wait has a deadline, every length a bound, and no write
//! raises SIGPIPE in the program that this runs in.

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{MsgFlags, recv, send};
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// Why there is no message.
#[derive(Debug)]
pub enum FrameError {
    /// The peer closed, between two messages.
    End,
    /// The peer closed in the middle of a message.
    Cut,
    /// No NUL within the longest message.
    TooLong,
    /// The deadline passed.
    Late,
    /// The system refused.
    Io(io::Error),
}

/// What one peer sends: it never holds more than one message of the longest kind.
pub struct Receiver {
    buffer: Zeroizing<Vec<u8>>,
    filled: usize,
}

impl Receiver {
    /// For messages of at most `longest` bytes, the NUL included.
    #[must_use]
    pub fn new(longest: usize) -> Self {
        Self { buffer: Zeroizing::new(vec![0; longest]), filled: 0 }
    }

    /// The next message, without its NUL.
    ///
    /// # Errors
    /// [`FrameError`]: nothing more can be read from this peer then.
    pub fn next(&mut self, socket: impl AsFd, deadline: Instant) -> Result<Zeroizing<Vec<u8>>, FrameError> {
        let socket = socket.as_fd();
        let mut searched = 0;
        loop {
            let new = self.buffer.get(searched..self.filled).unwrap_or_default();
            if let Some(end) = new.iter().position(|&byte| byte == 0) {
                return Ok(self.take(searched + end));
            }
            searched = self.filled;
            let room = self.buffer.get_mut(self.filled..).unwrap_or_default();
            if room.is_empty() {
                return Err(FrameError::TooLong);
            }
            match recv(socket.as_raw_fd(), room, MsgFlags::MSG_DONTWAIT) {
                // ECONNRESET: it closed, and had not read all that was said to it.
                Ok(0) | Err(Errno::ECONNRESET) if self.filled == 0 => return Err(FrameError::End),
                Ok(0) | Err(Errno::ECONNRESET) => return Err(FrameError::Cut),
                Ok(length) => self.filled += length,
                Err(Errno::EAGAIN) => wait(socket, PollFlags::POLLIN, deadline)?,
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(FrameError::Io(errno.into())),
            }
            // A peer that always has one more byte is late too.
            remaining(deadline)?;
        }
    }

    /// Whether nothing has come beyond the messages that were taken.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.filled == 0
    }

    fn take(&mut self, end: usize) -> Zeroizing<Vec<u8>> {
        let message = Zeroizing::new(self.buffer.get(..end).unwrap_or_default().to_vec());
        self.buffer.copy_within(end + 1..self.filled, 0);
        let rest = self.filled - end - 1;
        if let Some(former) = self.buffer.get_mut(rest..self.filled) {
            former.fill(0);
        }
        self.filled = rest;
        message
    }
}

/// Sends one message and its NUL.
///
/// # Errors
/// [`FrameError`], never [`FrameError::TooLong`].
pub fn transmit(socket: impl AsFd, message: &str, deadline: Instant) -> Result<(), FrameError> {
    let socket = socket.as_fd();
    let mut framed = Zeroizing::new(Vec::with_capacity(message.len() + 1));
    framed.extend_from_slice(message.as_bytes());
    framed.push(0);
    let mut rest = framed.as_slice();
    while !rest.is_empty() {
        match send(socket.as_raw_fd(), rest, MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL) {
            Ok(length) => rest = rest.get(length..).unwrap_or_default(),
            Err(Errno::EAGAIN) => wait(socket, PollFlags::POLLOUT, deadline)?,
            Err(Errno::EINTR) => {}
            Err(Errno::EPIPE | Errno::ECONNRESET) => return Err(FrameError::Cut),
            Err(errno) => return Err(FrameError::Io(errno.into())),
        }
        remaining(deadline)?;
    }
    Ok(())
}

fn remaining(deadline: Instant) -> Result<Duration, FrameError> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(FrameError::Late) } else { Ok(left) }
}

fn wait(socket: impl AsFd, flags: PollFlags, deadline: Instant) -> Result<(), FrameError> {
    // Rounded up: a wait of less than a millisecond must not become a spin.
    let left = remaining(deadline)?.as_millis().saturating_add(1);
    let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
    match poll(&mut [PollFd::new(socket.as_fd(), flags)], timeout) {
        // The system call that comes next says what it is, or that there is nothing yet.
        Ok(_) | Err(Errno::EINTR) => Ok(()),
        Err(errno) => Err(FrameError::Io(errno.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::unix::net::UnixStream;

    fn soon() -> Instant {
        Instant::now() + Duration::from_millis(200)
    }

    #[test]
    fn messages_are_taken_one_by_one_however_they_are_cut() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let mut receiver = Receiver::new(16);
        theirs.write_all(b"one\0two\0thr").unwrap();
        assert_eq!(*receiver.next(&ours, soon()).unwrap(), b"one");
        assert_eq!(*receiver.next(&ours, soon()).unwrap(), b"two");
        assert!(!receiver.is_empty());
        theirs.write_all(b"ee\0\0").unwrap();
        assert_eq!(*receiver.next(&ours, soon()).unwrap(), b"three");
        assert_eq!(*receiver.next(&ours, soon()).unwrap(), b"");
        assert!(receiver.is_empty());
        drop(theirs);
        assert!(matches!(receiver.next(&ours, soon()), Err(FrameError::End)));
    }

    #[test]
    fn a_message_without_end_is_refused_at_the_bound() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        theirs.write_all(&[b'x'; 15]).unwrap();
        theirs.write_all(b"\0").unwrap();
        assert_eq!(Receiver::new(16).next(&ours, soon()).unwrap().len(), 15);
        theirs.write_all(&[b'x'; 16]).unwrap();
        assert!(matches!(Receiver::new(16).next(&ours, soon()), Err(FrameError::TooLong)));
    }

    #[test]
    fn a_peer_that_stops_or_leaves_amid_a_message_is_late_or_cut() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        theirs.write_all(b"half").unwrap();
        let mut receiver = Receiver::new(16);
        assert!(matches!(receiver.next(&ours, soon()), Err(FrameError::Late)));
        drop(theirs);
        assert!(matches!(receiver.next(&ours, soon()), Err(FrameError::Cut)));
        assert!(matches!(transmit(&ours, "x", soon()), Err(FrameError::Cut)));
    }

    #[test]
    fn a_peer_that_never_reads_is_given_up() {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let long = "x".repeat(4 << 20);
        assert!(matches!(transmit(&ours, &long, soon()), Err(FrameError::Late)));
    }

    #[test]
    fn nothing_of_a_message_that_was_taken_stays_in_the_buffer() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        theirs.write_all(b"592691\0x\0").unwrap();
        let mut receiver = Receiver::new(16);
        receiver.next(&ours, soon()).unwrap();
        receiver.next(&ours, soon()).unwrap();
        assert_eq!(*receiver.buffer, [0; 16]);
    }
}

//! Framing, beside the three lines that say what it is.

use crate::{FrameError, Receiver};
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// Bytes of the longest message, its NUL included: few, so that it is often reached.
const LONGEST: usize = 24;
/// Never reached: all is there.
const SOON: Duration = Duration::from_secs(5);
/// More than the socket's buffer takes would wait for a reader.
const MOST: usize = 4096;

/// However `bytes` are cut on their way, the messages are what stands between the NULs, up to the first that
/// is too long. The first byte says how they are cut.
pub fn frame(bytes: &[u8]) {
    let Some((cut, bytes)) = bytes.split_first() else { return };
    let bytes = &bytes[..bytes.len().min(MOST)];
    let (ours, mut theirs) = UnixStream::pair().expect("a socket");
    let mut receiver = Receiver::new(LONGEST);
    let mut next = |patience| receiver.next(&ours, Instant::now() + patience);
    let (mut sent, mut pending) = (0, Vec::new());
    while sent < bytes.len() {
        let end = bytes.len().min(sent + 1 + usize::from(*cut));
        theirs.write_all(&bytes[sent..end]).expect("it has room");
        pending.extend_from_slice(&bytes[sent..end]);
        sent = end;
        while let Some(end) = pending.iter().position(|&byte| byte == 0).filter(|&end| end < LONGEST) {
            let message = next(SOON).expect("a whole message has come");
            assert_eq!(*message, pending[..end]);
            pending.drain(..=end);
        }
        if pending.len() >= LONGEST {
            return assert!(matches!(next(SOON), Err(FrameError::TooLong)));
        }
        // What has come of the next one is taken in, as by a receiver that waits.
        assert!(matches!(next(Duration::ZERO), Err(FrameError::Late)));
    }
    drop(theirs);
    match next(SOON) {
        Err(FrameError::End) => assert!(pending.is_empty()),
        Err(FrameError::Cut) => assert!(!pending.is_empty()),
        other => panic!("{other:?}"),
    }
}

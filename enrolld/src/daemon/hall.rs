//! The peers and their threads: each is answered one request at a time, each step by its deadline.

use crate::daemon::crowd::{Crowd, Seated, Who};
use crate::daemon::desk::{Desk, Peer};
use crate::daemon::pace::Pace;
use crate::daemon::subordinate::is_subordinate;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{setsockopt, sockopt::SndBuf};
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use verifier::wire::LONGEST_REQUEST;
use verifier::{Receiver, below, transmit, wipe_stack};

/// How long a peer may take to say a whole request.
const REQUEST: Duration = Duration::from_secs(5);
/// How long a peer may take to hear the reply.
const REPLY: Duration = Duration::from_secs(1);
/// How long a newcomer waits for those who were sent away to be gone, where there are too many of them.
const EXIT: Duration = Duration::from_millis(200);
/// How long a peer that has connected may still take to ask when the daemon ends: the module asks at once, and
/// would take a connection that is closed for a daemon that is broken.
const LAST_ORDERS: Duration = Duration::from_millis(500);
/// A thread's stack: name services bring code of their own.
const STACK: usize = 512 * 1024;

/// Where peers sit.
#[derive(Default)]
pub(crate) struct Hall {
    crowd: Mutex<Crowd<Arc<UnixStream>>>,
    left: Condvar,
    pace: Mutex<Pace>,
}

/// A peer's seat; whatever ends its thread gives it back.
struct Chair {
    hall: Arc<Hall>,
    number: u64,
}

impl Hall {
    /// Gives a peer a seat and a thread, or hangs up.
    pub(crate) fn seat(self: &Arc<Self>, stream: UnixStream, peer: Peer, desk: &Arc<Desk>) {
        // Replies that nobody reads are the daemon's memory, even after it has hung up: the least that socket(7)
        // allows. A longer one is sent as it is read.
        let _ = setsockopt(&stream, SndBuf, &0);
        let who = Who { uid: peer.uid, subordinate: is_subordinate(peer.uid) };
        let waited = self.left.wait_timeout_while(self.crowd(), EXIT, |crowd| crowd.crowds_out(who));
        let mut crowd = waited.unwrap_or_else(PoisonError::into_inner).0;
        let stream = Arc::new(stream);
        let seated = crowd.admit(who, Arc::clone(&stream));
        drop(crowd);
        let Some(Seated { number, evicted }) = seated else { return };
        if let Some(evicted) = evicted {
            // A peer that is gone already cannot be sent away.
            let _ = evicted.shutdown(Shutdown::Both);
        }
        let chair = Chair { hall: Arc::clone(self), number };
        let desk = Arc::clone(desk);
        let builder = std::thread::Builder::new().stack_size(STACK);
        // Where no thread can be had the closure is dropped, and the chair with it.
        let _ = builder.spawn(move || chair.answer(&stream, &peer, &desk));
    }

    /// Whether nobody is here.
    pub(crate) fn is_empty(&self) -> bool {
        self.crowd().is_empty()
    }

    /// Answers who has connected and not been answered yet, sends the others away, and waits for all of them.
    pub(crate) fn close(&self, longest: Duration) {
        let mut crowd = self.crowd();
        crowd.call_last_orders().for_each(send_away);
        let waited = self.left.wait_timeout_while(crowd, LAST_ORDERS, |crowd| crowd.awaits_orders());
        crowd = waited.unwrap_or_else(PoisonError::into_inner).0;
        crowd.close().for_each(send_away);
        let _ = self.left.wait_timeout_while(crowd, longest, |crowd| !crowd.is_empty());
    }

    fn pace(&self) -> MutexGuard<'_, Pace> {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn crowd(&self) -> MutexGuard<'_, Crowd<Arc<UnixStream>>> {
        // Nothing panics under this lock; and if it did, the seats would still be seats.
        self.crowd.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn send_away(stream: &Arc<UnixStream>) {
    // A reply that is on its way still arrives.
    let _ = stream.shutdown(Shutdown::Read);
}

impl Chair {
    fn answer(self, stream: &UnixStream, peer: &Peer, desk: &Desk) {
        if !desk.knows(peer) {
            return;
        }
        let mut receiver = Receiver::new(LONGEST_REQUEST);
        while let Ok(request) = receiver.next(stream, Instant::now() + REQUEST) {
            let pause = self.hall.pace().turn(peer.uid, Instant::now());
            if !pause.is_zero() && !desk.is_everybodys(peer) {
                std::thread::sleep(pause);
            }
            // Whoever gave up waiting was denied, and a code that is used now would be lost to them.
            if is_gone(stream) || !self.hall.crowd().begin(self.number) {
                return;
            }
            let reply = below(|| desk.answer(peer, &request));
            drop(request);
            wipe_stack();
            let goes_on = self.hall.crowd().end(self.number);
            // Whoever closes the hall waits for this.
            self.hall.left.notify_all();
            let Some(reply) = reply else { return };
            let sent = transmit(stream, &reply, Instant::now() + REPLY);
            if sent.is_err() || !goes_on || !was_read(stream) {
                return;
            }
        }
    }
}

/// Whether the peer has closed; one that only says no more still hears.
fn is_gone(stream: &UnixStream) -> bool {
    let mut hung_up = [PollFd::new(stream.as_fd(), PollFlags::empty())];
    matches!(poll(&mut hung_up, PollTimeout::ZERO), Ok(1..))
}

/// Whether so much of the reply was read that the socket's small buffer has room again: a peer that does not
/// listen is not answered another time.
fn was_read(stream: &UnixStream) -> bool {
    let mut writable = [PollFd::new(stream.as_fd(), PollFlags::POLLOUT)];
    let timeout = PollTimeout::try_from(REPLY).unwrap_or(PollTimeout::MAX);
    matches!(poll(&mut writable, timeout), Ok(1..))
}

impl Drop for Chair {
    fn drop(&mut self) {
        self.hall.crowd().leave(self.number);
        self.hall.left.notify_all();
    }
}

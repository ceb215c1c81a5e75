//! The peers and their threads: each is answered one request at a time, each step by its deadline.

use crate::daemon::crowd::{Crowd, Seated};
use crate::daemon::desk::{Desk, Peer};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use verifier::wire::LONGEST_REQUEST;
use verifier::{Receiver, below, transmit, wipe_stack};

/// How long a peer may take to say a whole request.
const REQUEST: Duration = Duration::from_secs(5);
/// How long a peer may take to hear the reply, which fits into the socket's buffer.
const REPLY: Duration = Duration::from_secs(1);
/// How long a newcomer waits for those who were sent away to be gone, where there are too many of them.
const EXIT: Duration = Duration::from_millis(200);
/// A thread's stack: name services bring code of their own.
const STACK: usize = 512 * 1024;

/// Where peers sit.
#[derive(Default)]
pub(crate) struct Hall {
    crowd: Mutex<Crowd<Arc<UnixStream>>>,
    left: Condvar,
}

/// A peer's seat; whatever ends its thread gives it back.
struct Chair {
    hall: Arc<Hall>,
    number: u64,
}

impl Hall {
    /// Gives a peer a seat and a thread, or hangs up.
    pub(crate) fn seat(self: &Arc<Self>, stream: UnixStream, peer: Peer, desk: &Arc<Desk>) {
        let stream = Arc::new(stream);
        let mut crowd = self.crowd();
        if peer.uid != 0 && crowd.is_at_its_limit() {
            let waited = self.left.wait_timeout_while(crowd, EXIT, |crowd| crowd.is_at_its_limit());
            crowd = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        let seated = crowd.admit(peer.uid, Arc::clone(&stream));
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

    /// Sends everybody away whose request is not being answered, and waits for the others.
    pub(crate) fn close(&self, longest: Duration) {
        let mut crowd = self.crowd();
        for waiting in crowd.close() {
            // A reply that is on its way still arrives.
            let _ = waiting.shutdown(Shutdown::Read);
        }
        let _ = self.left.wait_timeout_while(crowd, longest, |crowd| !crowd.is_empty());
    }

    fn crowd(&self) -> MutexGuard<'_, Crowd<Arc<UnixStream>>> {
        // Nothing panics under this lock; and if it did, the seats would still be seats.
        self.crowd.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Chair {
    fn answer(self, stream: &UnixStream, peer: &Peer, desk: &Desk) {
        if !desk.knows(peer) {
            return;
        }
        let mut receiver = Receiver::new(LONGEST_REQUEST);
        while let Ok(request) = receiver.next(stream, Instant::now() + REQUEST) {
            if !self.hall.crowd().begin(self.number) {
                return;
            }
            let reply = below(|| desk.answer(peer, &request));
            drop(request);
            wipe_stack();
            self.hall.crowd().end(self.number);
            let Some(reply) = reply else { return };
            if transmit(stream, &reply, Instant::now() + REPLY).is_err() {
                return;
            }
        }
    }
}

impl Drop for Chair {
    fn drop(&mut self) {
        self.hall.crowd().leave(self.number);
        self.hall.left.notify_all();
    }
}

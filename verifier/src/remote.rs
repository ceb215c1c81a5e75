//! [`Verifier`] by asking enrolld: for programs that may not read the store.
//!
//! This runs inside screen lockers, often in a forked copy of a threaded program: no thread, no lock, nothing
//! that is left behind. Whatever is not a well-formed answer of root's daemon, in time, is "unavailable".

use crate::frame::{FrameError, Receiver, transmit};
use crate::wire::{self, Claims, Denial, Reply, Sent};
use crate::{
    Account, Authority, By, BypassStatus, Holder, Id, Import, Imported, InvitationStatus, Issued, Made,
    NewBypass, NewInvitation, NewSuspension, NewToken, Origin, Outcome, Owner, Refusal, Standing, Status,
    StoreError,
};
use crate::{Trouble, Verifier};
use nix::errno::Errno;
use nix::sys::socket::sockopt::PeerCredentials;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, getsockopt, socket};
use otp::{BackupCode, Tail, Token, TokenName, Typed, Verdict};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// How long a connection is waited for.
const CONNECT: Duration = Duration::from_secs(1);
/// How long all of it may take: with what a login does around it, five seconds.
const EXCHANGE: Duration = Duration::from_millis(4500);
/// How often a daemon that has no room is asked again.
const PAUSE: Duration = Duration::from_millis(10);

/// A verifier that asks the daemon at a socket, about the caller's own account.
pub struct Remote {
    socket: PathBuf,
    claims: Claims,
}

impl Remote {
    /// Asks at `socket`; `claims` are for the daemon's log.
    #[must_use]
    pub fn new(socket: &Path, claims: Claims) -> Self {
        Self { socket: socket.into(), claims }
    }

    fn ask<T>(&self, call: &str, read: impl FnOnce(&[u8]) -> Option<Reply<T>>) -> Result<T, StoreError> {
        let answer = self.exchange(call).and_then(|reply| read(&reply).ok_or(Trouble::Nonsense));
        let trouble = match answer {
            Ok(Reply::Result(result)) => return Ok(result),
            Ok(Reply::Denied(Denial::NotAllowed)) => Trouble::NotAllowed,
            Ok(Reply::Denied(Denial::Unavailable)) => Trouble::Unavailable,
            Err(trouble) => trouble,
        };
        Err(self.trouble(trouble))
    }

    fn exchange(&self, call: &str) -> Result<Zeroizing<Vec<u8>>, Trouble> {
        let start = Instant::now();
        let deadline = start + EXCHANGE;
        let socket = connected(&self.socket, start + CONNECT)?;
        transmit(&socket, call, deadline)?;
        let mut receiver = Receiver::new(wire::LONGEST_REPLY);
        let reply = receiver.next(&socket, deadline)?;
        // One question has one answer.
        if receiver.is_empty() { Ok(reply) } else { Err(Trouble::Nonsense) }
    }

    fn trouble(&self, trouble: Trouble) -> StoreError {
        StoreError::Daemon { socket: self.socket.clone(), trouble }
    }

    fn sent<'a>(&'a self, name: Option<&'a TokenName>) -> Sent<'a> {
        Sent { name, unconfirmed: Verdict::Wrong { counted: false }, socket: &self.socket }
    }

    /// About a name that no account has the daemon says no more than that it does not answer: it is nobody's, or
    /// none of the caller's business.
    fn unanswered(account: &Account, error: StoreError) -> Outcome {
        match (account.uid(), error) {
            (None, StoreError::Daemon { trouble: Trouble::NotAllowed, .. }) => Outcome::NotEnrolled,
            (_, error) => Outcome::Unavailable(error),
        }
    }

    fn roots(&self) -> StoreError {
        self.trouble(Trouble::RootOnly)
    }
}

/// A connection to a daemon of root's.
fn connected(path: &Path, deadline: Instant) -> Result<OwnedFd, Trouble> {
    let failed = |errno: Errno| Trouble::Absent(errno.into());
    let address = UnixAddr::new(path).map_err(failed)?;
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let socket = socket(AddressFamily::Unix, SockType::Stream, flags, None).map_err(failed)?;
    let socket = crate::disk::above_stdio(socket).map_err(failed)?;
    loop {
        match connect(socket.as_raw_fd(), &address) {
            Ok(()) => break,
            // unix(7) has no EINPROGRESS: EAGAIN is a queue that is full, and poll(2) cannot wait for it.
            Err(Errno::EAGAIN | Errno::EINTR) if Instant::now() < deadline => std::thread::sleep(PAUSE),
            Err(Errno::EAGAIN | Errno::EINTR) => return Err(Trouble::Slow),
            Err(errno) => return Err(failed(errno)),
        }
    }
    // Whoever could put another socket in this place would otherwise be told a code, and say yes to any.
    match getsockopt(&socket, PeerCredentials) {
        Ok(peer) if peer.uid() == 0 => Ok(socket),
        Ok(peer) => Err(Trouble::NotRoot(peer.uid())),
        Err(errno) => Err(failed(errno)),
    }
}

impl From<FrameError> for Trouble {
    fn from(error: FrameError) -> Self {
        match error {
            FrameError::End | FrameError::Cut => Self::Closed,
            FrameError::TooLong => Self::Nonsense,
            FrameError::Late => Self::Slow,
            FrameError::Io(error) => Self::Absent(error),
        }
    }
}

impl Verifier for Remote {
    /// The daemon judges by what it knows of the caller; `origin` is believed from root alone.
    fn check(&self, account: &Account, typed: &Typed, origin: Origin) -> Outcome {
        if let Typed::Malformed(why) = typed {
            return Outcome::Judged(Verdict::Malformed(*why));
        }
        let Some(call) = wire::check(&account.name, typed, &self.claims, origin) else {
            return Outcome::Unavailable(self.trouble(Trouble::Nonsense));
        };
        self.ask(&call, |reply| wire::read_checked(reply, &account.owner))
            .unwrap_or_else(|error| Self::unanswered(account, error))
    }

    /// Of the password no more is said than what may be a code, and nothing where there is no such.
    fn check_tail(&self, account: &Account, tail: &Tail, origin: Origin) -> (Outcome, Option<usize>) {
        if let Some(why) = tail.missing() {
            return (Outcome::Judged(Verdict::Malformed(why)), None);
        }
        let nonsense = || Outcome::Unavailable(self.trouble(Trouble::Nonsense));
        let Some(call) = wire::check_tail(&account.name, tail, &self.claims, origin) else {
            return (nonsense(), None);
        };
        let read = |reply: &[u8]| wire::read_split(reply, &account.owner);
        let (outcome, code) = match self.ask(&call, read) {
            Ok(split) => split,
            Err(error) => return (Self::unanswered(account, error), None),
        };
        match (&outcome, code) {
            (_, Some(length)) if length <= tail.text().len() => (outcome, code),
            // Whoever calls it good says what is.
            (Outcome::Judged(Verdict::Accepted { .. }), _) | (_, Some(_)) => (nonsense(), None),
            (_, None) => (outcome, None),
        }
    }

    fn standing(&self, account: &Account) -> Result<Standing, StoreError> {
        self.ask(&wire::status(&account.name), |reply| wire::read_standing(reply, &account.owner))
    }

    fn is_suspended(&self, account: &Account) -> Result<bool, StoreError> {
        Ok(self.standing(account)? == Standing::Suspended)
    }

    fn status(&self, account: &Account) -> Result<Option<Status>, StoreError> {
        self.ask(&wire::status(&account.name), |reply| wire::read_status(reply, &account.owner))
    }

    fn tokens(&self, _: &Account) -> Result<Vec<(Token, u64)>, StoreError> {
        Err(self.roots())
    }

    fn people(&self) -> Result<Vec<Owner>, StoreError> {
        Err(self.roots())
    }

    fn holder(&self, _: &Owner) -> Result<Option<Holder>, StoreError> {
        Err(self.roots())
    }

    fn enroll(&self, account: &Account, new: &NewToken) -> Result<Made, Refusal> {
        if let Some(Typed::Malformed(why)) = new.confirm {
            return Err(Refusal::NotConfirmed(Verdict::Malformed(*why)));
        }
        let call = wire::enroll(&account.name, new, &self.claims).ok_or_else(|| self.roots())?;
        let sent = self.sent(Some(&new.token.name));
        self.ask(&call, |reply| wire::read_made(reply, &account.owner, sent))?
    }

    fn import(&self, _: &Account, _: &Import) -> Result<Imported, Refusal> {
        Err(self.roots().into())
    }

    fn remove_token(
        &self,
        account: &Account,
        from: Id,
        name: &TokenName,
        authority: Authority<'_>,
    ) -> Result<By, Refusal> {
        let call = wire::remove_token(&account.name, from, name, authority, &self.claims);
        self.ask(&call, |reply| wire::read_removed(reply, &account.owner, self.sent(Some(name))))?
    }

    fn rename_token(&self, _: &Account, _: Id, _: &TokenName, _: &TokenName) -> Result<(), Refusal> {
        Err(self.roots().into())
    }

    fn backup_codes(
        &self,
        account: &Account,
        from: Id,
        codes: &[BackupCode],
        authority: Authority<'_>,
    ) -> Result<Made, Refusal> {
        let call = wire::new_codes(&account.name, from, codes, authority, &self.claims);
        self.ask(&call, |reply| wire::read_made(reply, &account.owner, self.sent(None)))?
    }

    fn invite(&self, _: &Account, _: Option<Id>, _: &NewInvitation) -> Result<InvitationStatus, Refusal> {
        Err(self.roots().into())
    }

    fn revoke(&self, _: &Account, _: Id) -> Result<(), Refusal> {
        Err(self.roots().into())
    }

    fn unlock(&self, _: &Account, _: bool) -> Result<bool, Refusal> {
        Err(self.roots().into())
    }

    fn prune(&self, _: u32, _: Option<Id>) -> Result<(), Refusal> {
        Err(self.roots().into())
    }

    fn restored(&self, _: &Account, _: u64) -> Result<(), Refusal> {
        Err(self.roots().into())
    }

    fn suspend(&self, _: &Account, _: Option<Id>, _: &NewSuspension) -> Result<(), Refusal> {
        Err(self.roots().into())
    }

    fn resume(&self, _: &Account, _: Id) -> Result<(), Refusal> {
        Err(self.roots().into())
    }

    fn adopt(&self, _: &Account, _: Id) -> Result<(), Refusal> {
        Err(self.roots().into())
    }

    fn take_over(&self, _: &Account, _: Id) -> Result<(), Refusal> {
        Err(self.roots().into())
    }

    fn bypass(&self, _: &Account, _: Id, _: &NewBypass) -> Result<Issued, Refusal> {
        Err(self.roots().into())
    }

    fn revoke_bypasses(&self, _: &Account, _: Id) -> Result<Vec<BypassStatus>, Refusal> {
        Err(self.roots().into())
    }
}

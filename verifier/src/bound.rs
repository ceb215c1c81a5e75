//! What a remembered login is bound to, and the name that this has.

use crate::Session;
use crate::id::hex;
use crate::remembered::TITLE;
use otp::Network;
use sha2::{Digest, Sha256};

/// What a login is remembered for. Where any of it is another, a code is asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Bound {
    /// Who logs in.
    pub uid: u32,
    /// `PAM_SERVICE`.
    pub service: Vec<u8>,
    /// `PAM_RHOST` as given.
    pub rhost: Option<Vec<u8>>,
    /// `PAM_TTY` as given.
    pub tty: Option<Vec<u8>>,
    /// `PAM_RUSER` as given: sudo has become root before it asks, and says here who called it.
    pub ruser: Option<Vec<u8>>,
    /// The real uid of the program that asks: of a set-uid program its caller's. Two people may be in one
    /// session, one by su from the other.
    pub caller: u32,
    /// Where it runs.
    pub session: Session,
}

impl Bound {
    /// Whether this tells a login from somebody else's. `is_local`: the service is known to ask at this machine
    /// where it names no remote host. `is_own`: it names its caller, who is root or whose account this is.
    ///
    /// A service that runs as root may have one session for everybody whom it serves. Then the remote host must
    /// say where the login comes from, by an address that is one network's: a name or the loopback of a proxy
    /// is everybody's. A program that is called is in its caller's session: but that may be a server, which calls
    /// su or sudo for everybody.
    #[must_use]
    pub fn tells_apart(&self, is_local: bool, is_own: bool) -> bool {
        match &self.rhost {
            Some(rhost) => std::str::from_utf8(rhost).ok().and_then(Network::of_rhost).is_some(),
            None if self.caller != 0 && self.caller == self.uid => true,
            None => is_local && (self.session.terminal != 0 || is_own),
        }
    }

    /// The file's name. What came from outside is in it as a hash alone.
    pub(crate) fn name(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(TITLE);
        hash.update([0]);
        let session = &self.session;
        hash.update(self.uid.to_le_bytes());
        hash.update(self.caller.to_le_bytes());
        hash.update(session.namespace.to_le_bytes());
        hash.update(session.id.to_le_bytes());
        hash.update(session.started.to_le_bytes());
        hash.update(session.terminal.to_le_bytes());
        let texts = [Some(session.boot.as_bytes()), Some(self.service.as_slice())];
        let items = [&self.rhost, &self.tty, &self.ruser].map(|item| item.as_deref());
        for text in texts.into_iter().chain(items) {
            // Its length first, so that no two of them can be cut in two ways; an empty one is not a missing one.
            hash.update(text.map_or(u64::MAX, |text| text.len() as u64).to_le_bytes());
            hash.update(text.unwrap_or_default());
        }
        hex(&hash.finalize())
    }
}

#[cfg(test)]
pub(crate) mod examples {
    use super::*;

    pub(crate) fn session() -> Session {
        let boot = "6d1f0a3c-1111-2222-3333-444455556666".to_owned();
        Session { boot, namespace: 4_026_531_836, id: 4711, started: 987_654, terminal: 34_817 }
    }

    pub(crate) fn bound() -> Bound {
        let text = |text: &str| Some(text.as_bytes().to_vec());
        let service = b"sudo".to_vec();
        let (rhost, tty, ruser) = (None, text("/dev/pts/1"), text("alice"));
        Bound { uid: 1000, service, rhost, tty, ruser, caller: 0, session: session() }
    }

    /// Logins that differ in one thing each.
    pub(crate) fn others() -> Vec<Bound> {
        let text = |text: &str| Some(text.as_bytes().to_vec());
        let of = |session: Session| Bound { session, ..bound() };
        vec![
            Bound { uid: 1001, ..bound() },
            Bound { caller: 1000, ..bound() },
            // The same bytes, swapped, missing, or cut elsewhere.
            Bound { uid: 0, caller: 1000, ..bound() },
            Bound { service: b"sudo-i".to_vec(), ..bound() },
            Bound { service: b"sudo/dev/pts/1".to_vec(), tty: None, ..bound() },
            Bound { rhost: text("/dev/pts/1"), tty: None, ..bound() },
            Bound { rhost: text(""), ..bound() },
            Bound { rhost: text("192.0.2.7"), ..bound() },
            Bound { tty: text("/dev/pts/1a"), ruser: text("lice"), ..bound() },
            Bound { tty: text(""), ..bound() },
            Bound { tty: None, ..bound() },
            Bound { ruser: text("Alice"), ..bound() },
            Bound { ruser: None, ..bound() },
            of(Session { boot: "6d1f0a3c-1111-2222-3333-444455556667".into(), ..session() }),
            of(Session { namespace: 4_026_531_837, ..session() }),
            of(Session { id: 4712, ..session() }),
            // The number given anew.
            of(Session { started: 987_655, ..session() }),
            of(Session { terminal: 34_818, ..session() }),
            of(Session { terminal: 0, ..session() }),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::examples::{bound, others, session};
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn whatever_is_another_has_another_name() {
        let all = others().into_iter().chain([bound()]);
        let names: BTreeSet<_> = all.map(|bound| bound.name()).collect();
        assert_eq!(names.len(), others().len() + 1);
    }

    #[test]
    fn a_login_that_nothing_tells_from_anothers_is_not_remembered() {
        let text = |text: &str| Some(text.as_bytes().to_vec());
        let of = |caller, ruser: Option<&str>, terminal, rhost: Option<&str>| {
            let session = Session { terminal, ..session() };
            Bound { caller, session, ruser: ruser.and_then(text), rhost: rhost.and_then(text), ..bound() }
        };
        let (alice, terminal) = (Some("alice"), 34_817);
        let all = |bound: &Bound| {
            [(false, false), (false, true), (true, false), (true, true)]
                .map(|(is_local, is_own)| bound.tells_apart(is_local, is_own))
        };
        for (bound, tells) in [
            // The account's own set-uid program.
            (of(1000, None, 0, None), [true; 4]),
            // su and sudo, of which somebody else's without a terminal may be a web server's.
            (of(33, Some("www-data"), 0, None), [false, false, false, true]),
            (of(0, alice, 0, None), [false, false, false, true]),
            (of(33, None, terminal, None), [false, false, true, true]),
            (of(0, alice, terminal, None), [false, false, true, true]),
        ] {
            assert_eq!(all(&bound), tells, "{bound:?}");
        }
        for (rhost, tells) in [
            ("192.0.2.7", true),
            ("2001:db8::7", true),
            ("127.0.0.1", false),
            ("::1", false),
            ("localhost", false),
            ("proxy.example.org", false),
            ("UNKNOWN", false),
            ("", false),
        ] {
            for bound in [of(0, None, 0, Some(rhost)), of(1000, alice, terminal, Some(rhost))] {
                assert_eq!(all(&bound), [tells; 4], "{rhost}");
            }
        }
    }
}

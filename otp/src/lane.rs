//! Lanes: whose failures count against whom.
//!
//! A throttle that one can trigger for somebody else is a way to lock them out. So every person has one
//! lane for the console, one for other local accounts, one for services that ask about everybody, one for
//! each network they are known from, and one for the rest of the world; what happens in one makes nobody wait
//! in another. What may be guessed in a year is bounded for several of them together: all known networks, and
//! other accounts with those services.

use crate::{Ledger, NetworkKey};
use std::fmt;

/// Where an attempt comes from, as far as it is established.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Origin {
    /// Proven local: no remote host, a local service, and root calls: somebody stands at this machine and logs
    /// in.
    Console,
    /// Proven local likewise, and the account itself calls, as su to oneself, sudo and a screen locker do. Who
    /// that is may be any program in the owner's session.
    Owner,
    /// Another account of this machine (say, by su).
    Others,
    /// A network that can be learned.
    Network(NetworkKey),
    /// A service without privilege that may ask about everybody, for whomever it serves.
    Service,
    /// All else.
    Stranger,
}

/// A lane of one person's throttle.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Lane {
    /// The owner at this machine, or root.
    Console,
    /// Other accounts of this machine.
    Others,
    /// A network from which this person has succeeded before: its place in the ledger.
    Known(usize),
    /// Services that ask about everybody.
    Services,
    /// Everybody else.
    Strangers,
}

impl Lane {
    /// The lane in which an attempt from `origin` is judged.
    #[must_use]
    pub fn of(origin: Origin, ledger: &Ledger) -> Self {
        match origin {
            Origin::Console | Origin::Owner => Self::Console,
            Origin::Others => Self::Others,
            Origin::Service => Self::Services,
            Origin::Stranger => Self::Strangers,
            Origin::Network(key) => ledger
                .known
                .iter()
                .position(|known| known.network == key)
                .map_or(Self::Strangers, Self::Known),
        }
    }

    /// `console`, `others`, `known network`, `services` or `strangers`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Console => "console",
            Self::Others => "others",
            Self::Known(_) => "known network",
            Self::Services => "services",
            Self::Strangers => "strangers",
        }
    }
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

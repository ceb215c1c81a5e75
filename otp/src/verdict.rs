//! What is answered to an attempt, and what has to be recorded first.

use crate::{Lane, Ledger, Malformed, Notice, Time, TokenName};

/// What is to be answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// A fresh code, a fresh pair, an unspent backup or scratch code, or a bypass.
    Accepted {
        /// What opened.
        method: Method,
        /// How many backup codes are left.
        backup_left: usize,
        /// The changes that are told, oldest first; one that this login acknowledges is among them.
        announced: Vec<Notice>,
    },
    /// Shaped like a code, and none of ours. For codes short enough to guess, the only verdict that counts.
    Wrong {
        /// Whether it was counted. A wrong backup code is not: 2^-60 is no guess, but a password poured into
        /// the prompt may look like one.
        counted: bool,
    },
    /// Not shaped like a code: costs nothing.
    Malformed(Malformed),
    /// A step, counter, backup code or bypass that was used before, or that is older than one that was.
    Replayed {
        /// The token; `None` for a backup code, a scratch code or a bypass.
        token: Option<TokenName>,
        /// How many seconds ahead of this clock the token was last used, if that is more than the window.
        ahead: Option<u64>,
    },
    /// A code of an event token that opens by two successive ones alone, as it does after a restore: neither
    /// spent nor counted.
    PairNeeded {
        /// The token.
        token: TokenName,
    },
    /// A bypass that is past its time.
    Expired {
        /// Its number.
        number: u32,
        /// Since when.
        since: Time,
    },
    /// This lane has to wait.
    Throttled {
        /// Which lane.
        lane: Lane,
        /// Until when.
        until: Time,
    },
    /// This machine's clock cannot be right, so no code can be judged.
    ClockBehind {
        /// By how many seconds it lies behind what has surely passed.
        seconds: u64,
    },
}

/// What opened the door.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Method {
    /// One code of this token.
    Code(TokenName),
    /// Two successive codes of this token.
    Pair(TokenName),
    /// A backup code.
    Backup,
    /// A scratch code of an earlier module.
    Scratch {
        /// How many are left.
        left: usize,
    },
    /// A bypass.
    Bypass {
        /// Its number.
        number: u32,
        /// How many more logins it opens.
        left: u8,
    },
}

/// A verdict, and the ledger that has to be recorded before it is answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Judgement {
    /// What is to be answered.
    pub verdict: Verdict,
    /// The ledger that carries it; `None` if nothing changes.
    pub next: Option<Ledger>,
}

impl From<Verdict> for Judgement {
    fn from(verdict: Verdict) -> Self {
        Self { verdict, next: None }
    }
}

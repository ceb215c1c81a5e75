//! What an administrator decides about judging codes.

use crate::{Chance, Time};

/// The rules that [`crate::judge`] applies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Policy {
    /// Time steps accepted before and after the present one (RFC 6238, section 5.2), 0 to 10.
    pub window: u8,
    /// Counters tried beyond the next one (RFC 4226, section 7.4), 0 to 100. The wider, the more each failure
    /// is charged; where one guess would be worth more than nine tenths of half of
    /// [`Throttle::yearly_risk`], only pairs and backup codes open, and [`crate::Ledger::waits`] of a new
    /// ledger says so.
    pub look_ahead: u8,
    /// How far a time-based token's clock may be off, in steps either way, 0 to 20: two successive codes within
    /// this reach open, and its clock is known from then on (RFC 6238, section 6). 0 learns nothing.
    pub drift: u8,
    /// How many counters two successive codes may lie beyond the next one (RFC 4226, section 7.4).
    pub resync: u16,
    /// How guessing is bounded.
    pub throttle: Throttle,
    /// An instant that has surely passed (the release of this software): a clock more than a day before
    /// it is wrong.
    pub not_before: Time,
}

/// How guessing is bounded: a delay after consecutive failures, and a yearly budget of chance.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Throttle {
    /// Consecutive failures in a lane before the first delay.
    pub free_failures: u32,
    /// The first delay, in seconds; it doubles with every further failure.
    pub first_delay: u64,
    /// The longest delay, in seconds.
    pub longest_delay: u64,
    /// The chance of a right guess that one class of lanes may give away in a year.
    pub yearly_risk: Chance,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            window: 1,
            look_ahead: 10,
            drift: 10,
            resync: 100,
            throttle: Throttle::default(),
            not_before: Time(0),
        }
    }
}

impl Default for Throttle {
    fn default() -> Self {
        Self {
            free_failures: 5,
            first_delay: 30,
            longest_delay: 900,
            yearly_risk: Chance::from_ratio(1, 1000),
        }
    }
}

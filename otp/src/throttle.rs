//! Delays and budgets: how the chance of guessing is bounded without locking the owner out.

use crate::{Delay, Lane, Ledger, Policy, Throttle, Time};

/// A probability, in units of 10^-18.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Chance(pub u64);

/// 10^18: certainty.
const ONE: u64 = 1_000_000_000_000_000_000;
/// A year of 365.25 days, in seconds.
const YEAR: u64 = 31_557_600;

impl Chance {
    /// `numerator / denominator`, at most 1. A denominator of 0 counts as certainty.
    #[must_use]
    pub fn from_ratio(numerator: u64, denominator: u64) -> Self {
        let scaled = (u128::from(numerator) * u128::from(ONE)).checked_div(u128::from(denominator));
        Self(scaled.and_then(|s| u64::try_from(s).ok()).unwrap_or(ONE).min(ONE))
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0).min(ONE))
    }
}

/// A leaking bucket of chance: each failure adds its own, time drains it evenly.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Bucket {
    /// What is in it.
    pub spent: Chance,
    /// As of when.
    pub at: Time,
}

/// What a guess is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Guess {
    /// One code.
    Single,
    /// Two successive codes: they may use the last tenth of a budget, which single codes never touch, so
    /// that an attacker's single codes do not close this way in.
    Pair,
}

// In any year a bucket gives away at most its depth and what drains in that year. Half of the yearly risk
// each, so that the sum keeps the promise, also in the first year.
fn depth(throttle: &Throttle, guess: Guess) -> u64 {
    let whole = throttle.yearly_risk.0 / 2;
    match guess {
        Guess::Single => whole / 10 * 9,
        Guess::Pair => whole,
    }
}

impl Bucket {
    /// One bucket for what was charged to two. How much has drained since the elder charge only a policy tells,
    /// so nothing has.
    #[must_use]
    pub fn joined(self, other: Self) -> Self {
        Self { spent: self.spent.plus(other.spent), at: self.at.max(other.at) }
    }

    /// What has drained by `now`. Time that runs backwards drains nothing.
    fn drained(self, throttle: &Throttle, now: Time) -> u64 {
        let rate = u128::from(throttle.yearly_risk.0 / 2);
        let drained = rate * u128::from(now.since(self.at)) / u128::from(YEAR);
        u64::try_from(drained).unwrap_or(u64::MAX)
    }

    pub(crate) fn charge(&mut self, chance: Chance, throttle: &Throttle, now: Time) {
        let left = Chance(self.spent.0.saturating_sub(self.drained(throttle, now)));
        *self = Self { spent: left.plus(chance), at: now };
    }

    /// When a guess of this chance may be judged; `None` for now, the end of time for one that is worth more
    /// than the whole budget: five event tokens with a look-ahead of 100 are, and only open by pairs.
    fn wait(self, chance: Chance, guess: Guess, throttle: &Throttle, now: Time) -> Option<Time> {
        let depth = depth(throttle, guess);
        if chance.0 > depth {
            return Some(Time(u64::MAX));
        }
        let room = depth.saturating_add(self.drained(throttle, now));
        let over = self.spent.plus(chance).0.checked_sub(room).filter(|&over| over > 0)?;
        let seconds =
            (u128::from(over) * u128::from(YEAR)).div_ceil(u128::from((throttle.yearly_risk.0 / 2).max(1)));
        Some(now.after(u64::try_from(seconds).unwrap_or(u64::MAX)))
    }
}

impl Delay {
    pub(crate) fn seconds(self, throttle: &Throttle) -> u64 {
        match self.failures.checked_sub(throttle.free_failures) {
            None => 0,
            Some(doublings) => throttle
                .first_delay
                .checked_shl(doublings.min(40))
                .filter(|&delay| delay >> doublings.min(40) == throttle.first_delay)
                .unwrap_or(u64::MAX)
                .min(throttle.longest_delay),
        }
    }

    /// Until when this lane waits; `None` if it is open. A failure that lies ahead of `now` (the clock was
    /// set back) counts as if it were now, so no wait is ever longer than the longest delay.
    #[must_use]
    pub fn until(self, throttle: &Throttle, now: Time) -> Option<Time> {
        let until = self.last_failure.min(now).after(self.seconds(throttle));
        (until > now).then_some(until)
    }

    pub(crate) fn lies_ahead(self, now: Time) -> bool {
        self.failures > 0 && self.last_failure > now
    }

    pub(crate) fn failed(self, now: Time) -> Self {
        Self { failures: self.failures.saturating_add(1), last_failure: now }
    }
}

/// Until when a guess of this chance has to wait in `lane`; `None` if it is judged now.
pub(crate) fn wait(
    ledger: &Ledger,
    lane: Lane,
    chance: Chance,
    guess: Guess,
    policy: &Policy,
    now: Time,
) -> Option<Time> {
    let throttle = &policy.throttle;
    let spent = ledger.bucket(lane).wait(chance, guess, throttle, now);
    match guess {
        Guess::Single => ledger.delay(lane).until(throttle, now).max(spent),
        Guess::Pair => spent,
    }
}

impl Ledger {
    /// The lanes in which a single code has to wait at `now`, each with the end of the wait.
    #[must_use]
    pub fn waits(&self, chance: Chance, policy: &Policy, now: Time) -> Vec<(Lane, Time)> {
        let known = (0..self.known.len()).map(Lane::Known);
        [Lane::Console, Lane::Others, Lane::Services, Lane::Strangers]
            .into_iter()
            .chain(known)
            .filter_map(|lane| {
                let until = wait(self, lane, chance, Guess::Single, policy, now)?;
                Some((lane, until))
            })
            .collect()
    }
}

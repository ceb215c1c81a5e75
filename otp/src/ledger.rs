//! What was spent: the part of a person's state that every login writes.

use crate::{Bucket, Enrollment, Kind, Lane, MAX_BYPASSES, NetworkKey, Origin, Time};

/// How many spent steps a token's ledger remembers, to call a late repetition by its name.
pub const MAX_SPENT: usize = 16;
/// How many networks a person is known from.
pub const MAX_NETWORKS: usize = 8;

/// What a person has used up, and how their lanes stand.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Ledger {
    /// The latest instant at which anything was recorded.
    pub latest: Time,
    /// One entry for each token of the enrollment, in its order.
    pub tokens: Vec<TokenState>,
    /// One bit for each backup code: set once it is spent.
    pub spent_backup: u128,
    /// One bit for each scratch code: set once it is spent.
    pub spent_scratch: u128,
    /// For each bypass of the enrollment, in its order, how many logins it has opened.
    pub bypass_uses: [u8; MAX_BYPASSES],
    /// One bit for each announcement of the enrollment, in its order: set once it is acknowledged.
    pub acknowledged: u8,
    /// The console's delay.
    pub console: Delay,
    /// The delay of other local accounts.
    pub others: Delay,
    /// The strangers' delay.
    pub strangers: Delay,
    /// The delay of services that ask about everybody.
    pub services: Delay,
    /// Networks from which this person succeeded, most recent first, at most [`MAX_NETWORKS`].
    pub known: Vec<Known>,
    /// The console's budget.
    pub console_budget: Bucket,
    /// The budget of other local accounts, which services that ask about everybody are too: an attacker who
    /// is everywhere at once must find four budgets and no more.
    pub others_budget: Bucket,
    /// The strangers' budget.
    pub strangers_budget: Bucket,
    /// The budget of all known networks together.
    pub known_budget: Bucket,
}

/// What is spent of one token.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct TokenState {
    /// The least time step or counter that may still be accepted. It only grows.
    pub next: u64,
    /// The highest steps or counters ever accepted, in ascending order, at most [`MAX_SPENT`]. Some may lie
    /// beyond `next` after an administrator has put a clock right.
    pub spent: Vec<u64>,
    /// When the token was last accepted.
    pub last_used: Option<Time>,
    /// The offset of the token's clock in steps, once it is learned.
    pub drift: i32,
    /// Whether nothing but two successive codes in one answer opens, until two did: how far an event token has
    /// counted is not known. Never of one that follows the time.
    pub pairs_only: bool,
}

/// Consecutive failures in one lane.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Delay {
    /// How many there were since the last success.
    pub failures: u32,
    /// When the last one was.
    pub last_failure: Time,
}

/// A network from which this person has succeeded.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Known {
    /// Its hash.
    pub network: NetworkKey,
    /// Its delay.
    pub delay: Delay,
}

impl TokenState {
    /// Whether no counter is left: nobody knows any more which were used, or (in 2^64 logins) all were.
    #[must_use]
    pub fn is_used_up(&self) -> bool {
        self.next == u64::MAX
    }

    /// Marks `factor` as used at `now`: nothing at or below it is accepted again.
    ///
    /// What is forgotten is the least of the remembered ones, never the oldest: after a clock was put right,
    /// old ones may lie ahead, where `next` does not guard them yet.
    pub fn spend(&mut self, factor: u64, now: Time) {
        self.next = self.next.max(factor.saturating_add(1));
        if let Err(place) = self.spent.binary_search(&factor) {
            self.spent.insert(place, factor);
        }
        if self.spent.len() > MAX_SPENT {
            self.spent.remove(0);
        }
        self.last_used = Some(now);
    }

    /// What either knows to be used is used; the offset of the clock is the one known here. The same as it was
    /// where `other` knows of nothing that may still be accepted.
    #[must_use]
    pub fn joined(&self, other: &Self) -> Self {
        if *self == Self::default() {
            return other.clone();
        }
        let knows_more = other.spent.iter().any(|&factor| self.is_fresh(factor));
        if other.next <= self.next && !knows_more && other.pairs_only <= self.pairs_only {
            return self.clone();
        }
        let mut spent: Vec<_> = self.spent.iter().chain(&other.spent).copied().collect();
        spent.sort_unstable();
        spent.dedup();
        let forgotten = spent.len().saturating_sub(MAX_SPENT);
        // They may lie ahead, where nothing but this memory guards them.
        let guarded = spent.drain(..forgotten).max().map_or(0, |factor| factor.saturating_add(1));
        Self {
            next: self.next.max(other.next).max(guarded),
            spent,
            last_used: self.last_used.max(other.last_used),
            drift: self.drift,
            pairs_only: self.pairs_only || other.pairs_only,
        }
    }

    /// An event token of which any number of codes may have been used since: the next `skip` are good no more,
    /// and beyond them one code is no proof, as it may be one that was used and seen (RFC 4226, section 7.4).
    fn doubted(&self, skip: u64) -> Self {
        let pairs_only = !self.is_used_up();
        Self { next: self.next.saturating_add(skip), pairs_only, ..self.clone() }
    }

    /// The same, with nothing below `floor` good any more.
    #[must_use]
    pub fn raised_to(&self, floor: u64) -> Self {
        Self { next: self.next.max(floor), ..self.clone() }
    }

    /// Lets the token go on from `floor` if `next` lies beyond it, as far as nothing that was spent is
    /// accepted again. A full memory may have forgotten steps below its least one: that one is the limit.
    fn lower(&mut self, floor: u64) {
        let forgotten = self.spent.first().filter(|_| self.spent.len() >= MAX_SPENT);
        self.next = self.next.min(floor.max(forgotten.copied().unwrap_or(0)));
    }

    /// How far the token's clock is off, in steps, as far as the policy believes it.
    #[must_use]
    pub fn known_drift(&self, policy: &crate::Policy) -> i64 {
        let most = i64::from(policy.drift);
        i64::from(self.drift).clamp(-most, most)
    }

    /// Whether `factor` may still be accepted.
    #[must_use]
    pub fn is_fresh(&self, factor: u64) -> bool {
        factor >= self.next && !self.spent.contains(&factor)
    }
}

impl Ledger {
    /// The ledger of a new enrollment: nothing spent.
    #[must_use]
    pub fn new(enrollment: &Enrollment) -> Self {
        Self { tokens: vec![TokenState::default(); enrollment.tokens().len()], ..Self::default() }
    }

    /// The ledger for `next`, carrying over from `self` (the ledger of `previous`) what survives: the steps
    /// of tokens whose key is kept, the lanes and budgets, the spent codes of sets that are kept, the uses
    /// of bypasses that are kept, and which of the announcements that are kept were acknowledged.
    #[must_use]
    pub fn carried(&self, previous: &Enrollment, next: &Enrollment) -> Self {
        let tokens = next.tokens().iter().map(|token| {
            let kept = previous.tokens().iter().zip(&self.tokens).filter(|(old, _)| old.has_same_key(token));
            // Nothing forbids two names for one key; the one further on guards both.
            kept.map(|(_, state)| state)
                .max_by_key(|state| (state.next, state.pairs_only))
                .cloned()
                .unwrap_or_default()
        });
        let same_set = previous.backup().is_some() && previous.backup() == next.backup();
        let same_scratch = previous.scratch().is_some() && previous.scratch() == next.scratch();
        Self {
            tokens: tokens.collect(),
            spent_backup: if same_set { self.spent_backup } else { 0 },
            spent_scratch: if same_scratch { self.spent_scratch } else { 0 },
            bypass_uses: self.carried_bypass_uses(previous, next),
            acknowledged: self.carried_acknowledged(previous, next),
            ..self.clone()
        }
    }

    /// The ledger of somebody whose tokens were taken away: the lanes stay.
    #[must_use]
    pub fn without_tokens(&self) -> Self {
        Self {
            tokens: Vec::new(),
            spent_backup: 0,
            spent_scratch: 0,
            bypass_uses: [0; MAX_BYPASSES],
            acknowledged: 0,
            ..self.clone()
        }
    }

    /// How many backup codes of `enrollment` are left.
    #[must_use]
    pub fn backup_left(&self, enrollment: &Enrollment) -> usize {
        let count = enrollment.backup().map_or(0, |set| set.hashes.len());
        (0..count).filter(|&index| !self.is_backup_spent(index)).count()
    }

    pub(crate) fn is_backup_spent(&self, index: usize) -> bool {
        bit(index).is_none_or(|bit| self.spent_backup & bit == bit)
    }

    pub(crate) fn spend_backup(&mut self, index: usize) {
        self.spent_backup |= bit(index).unwrap_or_default();
    }

    /// How many scratch codes of `enrollment` are left.
    #[must_use]
    pub fn scratch_left(&self, enrollment: &Enrollment) -> usize {
        let count = enrollment.scratch().map_or(0, |set| set.hashes.len());
        (0..count).filter(|&index| !self.is_scratch_spent(index)).count()
    }

    pub(crate) fn is_scratch_spent(&self, index: usize) -> bool {
        bit(index).is_none_or(|bit| self.spent_scratch & bit == bit)
    }

    /// Marks the scratch code at this place as used.
    pub fn spend_scratch(&mut self, index: usize) {
        self.spent_scratch |= bit(index).unwrap_or_default();
    }

    /// The same, with what is spent in `other`, and nothing that whoever spent it has earned.
    pub(crate) fn with_spent(&self, other: &Self) -> Self {
        let kept = |(own, other): (&TokenState, &TokenState)| {
            let pairs_only = own.pairs_only || other.pairs_only;
            TokenState { pairs_only, ..other.clone() }
        };
        Self {
            latest: other.latest,
            tokens: self.tokens.iter().zip(&other.tokens).map(kept).collect(),
            spent_backup: other.spent_backup,
            spent_scratch: other.spent_scratch,
            bypass_uses: other.bypass_uses,
            ..self.clone()
        }
    }

    pub(crate) fn delay(&self, lane: Lane) -> Delay {
        match lane {
            Lane::Console => self.console,
            Lane::Others => self.others,
            Lane::Strangers => self.strangers,
            Lane::Services => self.services,
            Lane::Known(index) => self.known.get(index).map_or(Delay::default(), |known| known.delay),
        }
    }

    pub(crate) fn set_delay(&mut self, lane: Lane, delay: Delay) {
        match lane {
            Lane::Console => self.console = delay,
            Lane::Others => self.others = delay,
            Lane::Strangers => self.strangers = delay,
            Lane::Services => self.services = delay,
            Lane::Known(index) => {
                if let Some(known) = self.known.get_mut(index) {
                    known.delay = delay;
                }
            }
        }
    }

    /// Whether a failure or a charge of this lane lies ahead of `now`: the clock was put back since.
    pub(crate) fn lies_ahead(&self, lane: Lane, now: Time) -> bool {
        self.delay(lane).lies_ahead(now) || self.bucket(lane).at > now
    }

    /// Brings a failure or a charge that lies ahead back to `now`. Otherwise the wait would grow as long as
    /// the clock takes to get there.
    pub(crate) fn restamp(&mut self, lane: Lane, now: Time) {
        let delay = self.delay(lane);
        self.set_delay(lane, Delay { last_failure: delay.last_failure.min(now), ..delay });
        let bucket = self.bucket_mut(lane);
        bucket.at = bucket.at.min(now);
    }

    pub(crate) fn bucket(&self, lane: Lane) -> Bucket {
        match lane {
            Lane::Console => self.console_budget,
            Lane::Others | Lane::Services => self.others_budget,
            Lane::Strangers => self.strangers_budget,
            Lane::Known(_) => self.known_budget,
        }
    }

    pub(crate) fn bucket_mut(&mut self, lane: Lane) -> &mut Bucket {
        match lane {
            Lane::Console => &mut self.console_budget,
            Lane::Others | Lane::Services => &mut self.others_budget,
            Lane::Strangers => &mut self.strangers_budget,
            Lane::Known(_) => &mut self.known_budget,
        }
    }

    /// Remembers the network of a success as the most recent one; the ninth is forgotten.
    pub(crate) fn learn(&mut self, origin: Origin) {
        if let Origin::Network(network) = origin {
            self.known.retain(|known| known.network != network);
            self.known.insert(0, Known { network, delay: Delay::default() });
            self.known.truncate(MAX_NETWORKS);
        }
    }

    /// What an administrator's `unlock` does: every lane is open again, every budget whole.
    #[must_use]
    pub fn unlocked(&self) -> Self {
        let known = self.known.iter().map(|k| Known { delay: Delay::default(), ..*k }).collect();
        Self {
            console: Delay::default(),
            others: Delay::default(),
            strangers: Delay::default(),
            services: Delay::default(),
            known,
            console_budget: Bucket::default(),
            others_budget: Bucket::default(),
            strangers_budget: Bucket::default(),
            known_budget: Bucket::default(),
            ..self.clone()
        }
    }

    /// The ledger of an enrollment whose own is lost altogether: time has told which steps may have been used,
    /// but nothing tells a counter, so no code of an event token is good again until it is enrolled anew.
    #[must_use]
    pub fn rebuilt(enrollment: &Enrollment, policy: &crate::Policy, now: Time) -> Self {
        let mut rebuilt = Self::new(enrollment);
        // Where the lost record knew a token's clock to be is lost too: perhaps as far ahead as may be learned.
        rebuilt.tokens.iter_mut().for_each(|state| state.drift = policy.drift.into());
        let mut rebuilt = rebuilt.raised(enrollment, policy, now);
        for (state, token) in rebuilt.tokens.iter_mut().zip(enrollment.tokens()) {
            state.drift = 0;
            if token.kind == Kind::Hotp {
                // All that there are, the last one too.
                state.next = u64::MAX;
                state.spent = vec![u64::MAX];
            }
        }
        rebuilt
    }

    /// The ledger of an enrollment that was put back from a backup, or runs on a second machine: what was used
    /// since it was written is known here as little as of a lost one, so of a time-based token the same codes are
    /// refused. An event token goes on by two successive codes, beyond the next `skip` counters. The lanes stay,
    /// and how far the clock of a token is off.
    #[must_use]
    pub fn restored(&self, enrollment: &Enrollment, policy: &crate::Policy, now: Time, skip: u64) -> Self {
        let mut restored = self.clone();
        let floors = Self::rebuilt(enrollment, policy, now);
        let tokens = enrollment.tokens().iter().zip(&floors.tokens);
        for (state, (token, floor)) in restored.tokens.iter_mut().zip(tokens) {
            *state = match token.kind {
                Kind::Hotp => state.doubted(skip),
                Kind::Totp { .. } => state.joined(floor),
            };
        }
        restored.latest = restored.latest.max(now);
        restored
    }

    /// What is done where the ledger's newest record is lost: every step is raised beyond what could have
    /// been used until `now`, so that nothing which the lost record spent works again.
    #[must_use]
    pub fn raised(&self, enrollment: &Enrollment, policy: &crate::Policy, now: Time) -> Self {
        let mut raised = self.clone();
        for (state, token) in raised.tokens.iter_mut().zip(enrollment.tokens()) {
            let floor = match token.step_at(now) {
                // The window lies around the token's own clock, and may have reached as far as this.
                Some(step) => step
                    .saturating_add_signed(i64::from(state.drift.max(0)))
                    .saturating_add(u64::from(policy.window))
                    .saturating_add(1),
                None => raised_counter(state, policy),
            };
            state.next = state.next.max(floor);
        }
        raised.latest = raised.latest.max(now);
        raised
    }

    /// Whether a login that made `next` of this recorded something that [`Self::raised`] would not bring back,
    /// should the slot rot that tells it: which backup and scratch codes are spent and how often bypasses were
    /// used, which have no order, and how far two successive codes moved a token.
    #[must_use]
    pub fn cannot_be_raised_to(&self, next: &Self, enrollment: &Enrollment, policy: &crate::Policy) -> bool {
        let unordered = |ledger: &Self| (ledger.spent_backup, ledger.spent_scratch, ledger.bypass_uses);
        let states = self.tokens.iter().zip(&next.tokens);
        let moved = enrollment.tokens().iter().zip(states).any(|(token, (old, new))| {
            let is_far = token.kind == Kind::Hotp && new.next > raised_counter(old, policy);
            is_far || old.drift != new.drift
        });
        unordered(self) != unordered(next) || moved
    }

    /// What `unlock --clock` does after this machine's clock ran ahead and was put right: each time-based
    /// token goes on from just beyond the present window; spent steps that lie ahead stay spent. Where more
    /// of them were spent than a ledger remembers, a token waits for the least one that is remembered. A
    /// bypass that had expired by the wrong clock, or was issued by it, is void; how far a token's clock was
    /// off from it tells nothing any more.
    #[must_use]
    pub fn with_clock_corrected(&self, enrollment: &Enrollment, policy: &crate::Policy, now: Time) -> Self {
        let mut corrected = self.clone();
        for (state, token) in corrected.tokens.iter_mut().zip(enrollment.tokens()) {
            if let Some(step) = token.step_at(now) {
                let floor = step.saturating_add(u64::from(policy.window)).saturating_add(1);
                state.lower(floor);
                state.drift = 0;
            }
        }
        corrected.void_bypasses_ahead(enrollment, now);
        corrected.latest = corrected.latest.min(now);
        for bucket in [
            &mut corrected.console_budget,
            &mut corrected.others_budget,
            &mut corrected.strangers_budget,
            &mut corrected.known_budget,
        ] {
            bucket.at = bucket.at.min(now);
        }
        corrected
    }
}

/// The bit of the code at this place; `None` beyond what a ledger has bits for, where every code counts as spent.
fn bit(place: usize) -> Option<u128> {
    1u128.checked_shl(u32::try_from(place).ok()?)
}

/// The second code of a pair may lie one beyond the look-ahead.
fn raised_counter(state: &TokenState, policy: &crate::Policy) -> u64 {
    state.next.saturating_add(u64::from(policy.look_ahead)).saturating_add(2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Algorithm, Attempt, Digits, Kind, Period, Policy, Secret, Token, TokenName, Typed, Verdict};

    #[test]
    fn nothing_that_a_lost_record_may_have_spent_is_good_after_raising() {
        let (policy, now) = (Policy::default(), Time(1_800_000_000));
        for kind in [Kind::Totp { period: Period::THIRTY }, Kind::Hotp] {
            let token = Token {
                name: TokenName::new("phone").unwrap(),
                kind,
                algorithm: Algorithm::Sha1,
                digits: Digits::SIX,
                secret: Secret::from_base32("JVQWWZJANFXHMZLOORSWIIDTMVRXEZLU").unwrap(),
            };
            let enrollment = Enrollment::new(vec![token.clone()], None).unwrap();
            let opened = |ledger: &Ledger, typed: &Typed| {
                let attempt = Attempt { typed: typed.clone(), origin: Origin::Console };
                let judged = crate::judge(&enrollment, ledger, &attempt, now, &policy);
                judged.next.filter(|_| matches!(judged.verdict, Verdict::Accepted { .. }))
            };
            for drift in [-30, -10, -2, -1, 0, 1, 2, 10, 30] {
                let mut ledger = Ledger::new(&enrollment);
                ledger.tokens[0].drift = drift;
                let raised = ledger.raised(&enrollment, &policy, now);
                let first = token.step_at(now).map_or(0, |step| step - 15);
                let (mut once, mut twice) = (0, 0);
                for factor in first..first + 150 {
                    let (one, two) = (token.code(factor), token.code(factor + 1));
                    for typed in [Typed::Code(one.clone()), Typed::Pair(one, two)] {
                        let Some(next) = opened(&ledger, &typed) else { continue };
                        if ledger.cannot_be_raised_to(&next, &enrollment, &policy) {
                            // Both slots tell it.
                            twice += 1;
                            continue;
                        }
                        once += 1;
                        assert!(
                            opened(&raised, &typed).is_none(),
                            "{kind:?}, drift {drift}, factor {factor}"
                        );
                    }
                }
                // A window at the end of the reach goes a step beyond it.
                let steps = if drift.abs() < 10 { 21 } else { 22 };
                let pairs = if kind == Kind::Hotp { (11 + 11, 90) } else { (3 + 3, steps - 3) };
                assert_eq!((once, twice), pairs, "{kind:?}, drift {drift}");
            }
        }
    }
}

//! Is this code good? A pure function, so that every promise about it can be tested without a clock.

mod split;

pub use split::{Split, split, split_throttled};

use crate::throttle::{Guess, wait};
use crate::verdict::{Judgement, Method, Verdict};
use crate::{
    Announcement, Attempt, BackupCode, Bypass, Chance, Code, Delay, Digits, Enrollment, Kind, Lane, Ledger,
    MAX_SPENT,
};
use crate::{Malformed, Origin, Policy, ScratchSet, Time, Token, TokenName, TokenState, Typed};
use std::ops::RangeInclusive;

/// A clock may lie this far (in seconds) behind what is known to have passed before it is called wrong.
const CLOCK_TOLERANCE: u64 = 86_400;

/// Judges `attempt` at `now`.
#[must_use]
pub fn judge(
    enrollment: &Enrollment,
    ledger: &Ledger,
    attempt: &Attempt,
    now: Time,
    policy: &Policy,
) -> Judgement {
    let case = Case { enrollment, ledger, attempt, now, policy, lane: Lane::of(attempt.origin, ledger) };
    match &attempt.typed {
        Typed::Malformed(why) => Verdict::Malformed(*why).into(),
        Typed::Backup(code) => case.backup(code),
        Typed::Code(code) => case.reply(Reply { first: code, second: None }),
        Typed::Pair(first, second) => case.reply(Reply { first, second: Some(second) }),
    }
}

/// The verdict of a lane that has to wait, found without judging the code and without anything to record:
/// such an attempt is answered from a read without lock. `None` if the attempt is to be judged.
#[must_use]
pub fn throttled(
    enrollment: &Enrollment,
    ledger: &Ledger,
    attempt: &Attempt,
    now: Time,
    policy: &Policy,
) -> Option<Verdict> {
    let case = Case { enrollment, ledger, attempt, now, policy, lane: Lane::of(attempt.origin, ledger) };
    let refusal = match &attempt.typed {
        Typed::Code(code) => case.admitted(code.digits(), Guess::Single).err()?,
        Typed::Pair(code, _) => case.admitted(code.digits(), Guess::Pair).err()?,
        Typed::Backup(_) | Typed::Malformed(_) => return None,
    };
    let waits = matches!(refusal, Verdict::Throttled { .. }) && !ledger.lies_ahead(case.lane, now);
    waits.then_some(refusal)
}

/// What was typed: one code, or two of successive factors.
#[derive(Clone, Copy)]
struct Reply<'a> {
    first: &'a Code,
    second: Option<&'a Code>,
}

impl Reply<'_> {
    fn guess(self) -> Guess {
        if self.second.is_some() { Guess::Pair } else { Guess::Single }
    }

    /// Whether `token` shows this reply from `factor` on.
    fn is_shown(self, token: &Token, factor: u64) -> bool {
        let first = token.shows(factor, self.first);
        let second =
            self.second.is_none_or(|code| factor.checked_add(1).is_some_and(|f| token.shows(f, code)));
        first & second
    }
}

struct Case<'a> {
    enrollment: &'a Enrollment,
    ledger: &'a Ledger,
    attempt: &'a Attempt,
    now: Time,
    policy: &'a Policy,
    lane: Lane,
}

impl Case<'_> {
    fn backup(&self, code: &BackupCode) -> Judgement {
        let place = self.enrollment.backup().and_then(|set| set.position(code));
        // Every hash is compared, whatever another one says.
        let bypasses = self.enrollment.bypasses().iter().enumerate();
        let bypass = bypasses.fold(
            None,
            |found, (place, bypass)| {
                if bypass.is(code) { Some((place, bypass)) } else { found }
            },
        );
        match (place, bypass) {
            (None, None) => Verdict::Wrong { counted: false }.into(),
            (Some(place), _) if self.ledger.is_backup_spent(place) => {
                Verdict::Replayed { token: None, ahead: None }.into()
            }
            (Some(place), _) => self.accepted(Method::Backup, |next| next.spend_backup(place)),
            (None, Some((place, bypass))) => self.bypass(place, bypass),
        }
    }

    fn bypass(&self, place: usize, bypass: &Bypass) -> Judgement {
        match self.ledger.bypass_unused(bypass, place).checked_sub(1) {
            None => Verdict::Replayed { token: None, ahead: None }.into(),
            Some(_) if self.ledger.has_expired(bypass, self.now) => {
                // Recorded, so that a clock that is put back later does not make it good again.
                let mut next = self.ledger.clone();
                next.void_bypass(place);
                let verdict = Verdict::Expired { number: bypass.number, since: bypass.life.expires };
                Judgement { verdict, next: Some(next) }
            }
            Some(left) => {
                let method = Method::Bypass { number: bypass.number, left };
                self.accepted(method, |next| next.use_bypass(place))
            }
        }
    }

    fn reply(&self, reply: Reply<'_>) -> Judgement {
        let chance = match self.admitted(reply.first.digits(), reply.guess()) {
            Ok(chance) => chance,
            Err(refusal) => return self.refused(refusal),
        };
        let scratch = self.scratch(reply);
        if scratch.is_some_and(|place| self.ledger.is_scratch_spent(place)) {
            return Verdict::Replayed { token: None, ahead: None }.into();
        }
        // Asked first: where a later step, or another token, happens to show a text that was accepted just
        // before, it is refused. Once in a million logins that costs the owner one more code. Looking at
        // all that is remembered here would cost every login as many HMACs.
        let just_spent = |_: &Token, state: &TokenState| state.spent.iter().rev().take(3).copied().collect();
        if let Some(replayed) = self.replayed(reply, just_spent) {
            return replayed.into();
        }
        // Every token that shows this code is moved on, and each to the newest step that shows it: equal
        // codes of two tokens, or of two steps, must not make one typed text good twice.
        let matches: Vec<_> = self
            .tokens_with(reply.first.digits())
            .filter(|(_, _, state)| reply.guess() == Guess::Pair || !state.pairs_only)
            .filter_map(|(place, token, state)| {
                let fresh = self.fresh(token, state, reply.guess());
                let newest = fresh.filter(|&f| reply.is_shown(token, f)).max()?;
                Some((place, token, newest))
            })
            .collect();
        if let Some((_, token, _)) = matches.first() {
            let name = token.name.clone();
            let method = if reply.second.is_some() { Method::Pair(name) } else { Method::Code(name) };
            return self.accepted(method, |next| {
                for (place, token, factor) in &matches {
                    spend(next, *place, *factor, reply.guess(), self.now);
                    next.acknowledge(self.enrollment, &token.name, self.attempt.origin);
                    if reply.guess() == Guess::Pair {
                        self.learn_drift(next, *place, token, factor.saturating_add(1));
                    }
                }
                // Whatever else this text would open, or it would be good twice.
                scratch.into_iter().for_each(|place| next.spend_scratch(place));
            });
        }
        if let Some(place) = scratch {
            let left = self.ledger.scratch_left(self.enrollment).saturating_sub(1);
            return self.accepted(Method::Scratch { left }, |next| next.spend_scratch(place));
        }
        let refusal = self
            .pair_needed(reply)
            .or_else(|| self.replayed(reply, |token, state| self.past(token, state, reply.guess())));
        match refusal {
            Some(refusal) => refusal.into(),
            None => self.wrong(chance.plus(self.other_half(reply))),
        }
    }

    /// The verdict on one code of a token that takes two. Where it is looked for, a guess is charged for it as if
    /// it opened, so whoever finds one by this has paid for it; that just before it nothing opens either, but the
    /// owner may have passed over less than was skipped.
    fn pair_needed(&self, reply: Reply<'_>) -> Option<Verdict> {
        let takes_two = |state: &TokenState| state.pairs_only && reply.second.is_none();
        let shows = |token: &Token, state: &TokenState| {
            let before = state.next.saturating_sub(MAX_SPENT as u64);
            let mut near = before..=*self.window(token, state).end();
            near.any(|factor| !state.spent.contains(&factor) && reply.is_shown(token, factor))
        };
        let mut tokens = self.tokens_with(reply.first.digits());
        let found = tokens.find(|(_, token, state)| takes_two(state) && shows(token, state));
        found.map(|(_, token, _)| Verdict::PairNeeded { token: token.name.clone() })
    }

    /// What a wrong pair was worth to somebody who holds one code of a token that takes two, as may be after a
    /// restore: they have but the other to guess. This is not asked for beforehand, so a budget may be overdrawn
    /// by one such guess.
    fn other_half(&self, reply: Reply<'_>) -> Chance {
        let Some(second) = reply.second else { return Chance::default() };
        let tokens = self.tokens_with(reply.first.digits()).filter(|(_, _, state)| state.pairs_only);
        let halves = tokens.map(|(_, token, state)| {
            let is_half = |&f: &u64| token.shows(f, reply.first) != token.shows(f.saturating_add(1), second);
            self.fresh(token, state, Guess::Pair).filter(is_half).count() as u64
        });
        Chance::from_ratio(halves.sum(), 10u64.pow(reply.first.digits().count().into()))
    }

    /// The chance of a guess that may be judged now, or why none may be.
    fn admitted(&self, digits: Digits, guess: Guess) -> Result<Chance, Verdict> {
        if self.tokens_with(digits).next().is_none() && !self.may_be_scratch(digits, guess) {
            return Err(Verdict::Malformed(Malformed::WrongLength));
        }
        if let Some(verdict) = self.clock_behind() {
            return Err(verdict);
        }
        let chance = self.chance(digits, guess);
        match wait(self.ledger, self.lane, chance, guess, self.policy, self.now) {
            Some(until) => Err(Verdict::Throttled { lane: self.lane, until }),
            None => Ok(chance),
        }
    }

    /// The place of the scratch code that was typed.
    fn scratch(&self, reply: Reply<'_>) -> Option<usize> {
        let single = reply.second.is_none().then_some(reply.first)?;
        self.enrollment.scratch()?.position(single)
    }

    /// Whether what was typed has the form of a scratch code, and there are any. There are no pairs of them.
    fn may_be_scratch(&self, digits: Digits, guess: Guess) -> bool {
        self.enrollment.scratch().is_some() && digits == ScratchSet::DIGITS && guess == Guess::Single
    }

    /// Tokens with codes of this length, with their place and state.
    fn tokens_with(&self, digits: Digits) -> impl Iterator<Item = (usize, &Token, &TokenState)> {
        let tokens = self.enrollment.tokens().iter().zip(&self.ledger.tokens).enumerate();
        tokens.filter(move |(_, (token, _))| token.digits == digits).map(|(place, (t, s))| (place, t, s))
    }

    /// Steps around now, or counters from the next one on.
    fn window(&self, token: &Token, state: &TokenState) -> RangeInclusive<u64> {
        match token.step_at(self.now) {
            Some(step) => {
                let center = step.saturating_add_signed(state.known_drift(self.policy));
                let reach = u64::from(self.policy.window);
                center.saturating_sub(reach)..=center.saturating_add(reach)
            }
            None => state.next..=state.next.saturating_add(u64::from(self.policy.look_ahead)),
        }
    }

    /// First factors of what is looked for. Of a time-based pair the later one lies in the window, or where a
    /// clock that is off may have it: reading two codes takes a period, and typing them may take the rest of
    /// one. Of an event-based pair it is the earlier one, which may lie far ahead: RFC 4226, section 7.4,
    /// synchronises by a pair.
    fn factors(&self, token: &Token, state: &TokenState, guess: Guess) -> RangeInclusive<u64> {
        let window = self.window(token, state);
        match (guess, token.step_at(self.now)) {
            (Guess::Single, _) => window,
            (Guess::Pair, Some(step)) => {
                let reach = u64::from(self.policy.drift);
                let start = step.saturating_sub(reach).min(*window.start());
                match step.saturating_add(reach).max(*window.end()).checked_sub(1) {
                    Some(last) => start.saturating_sub(1)..=last,
                    None => RangeInclusive::new(1, 0),
                }
            }
            (Guess::Pair, None) => {
                let reach = self.policy.resync.max(self.policy.look_ahead.into());
                state.next..=state.next.saturating_add(u64::from(reach))
            }
        }
    }

    /// Those of [`Self::factors`] that may still be accepted.
    fn fresh<'b>(
        &self,
        token: &Token,
        state: &'b TokenState,
        guess: Guess,
    ) -> impl Iterator<Item = u64> + use<'b> {
        let next_too = move |f: u64| f.checked_add(1).is_some_and(|next| state.is_fresh(next));
        let fresh = move |f: &u64| state.is_fresh(*f) && (guess == Guess::Single || next_too(*f));
        self.factors(token, state, guess).filter(fresh)
    }

    /// The chance that a random reply with codes of `digits` digits is accepted now.
    fn chance(&self, digits: Digits, guess: Guess) -> Chance {
        let length = match guess {
            Guess::Single => u32::from(digits.count()),
            Guess::Pair => 2 * u32::from(digits.count()),
        };
        let acceptable = self.tokens_with(digits).map(|(_, t, s)| self.fresh(t, s, guess).count() as u64);
        let scratch = match self.may_be_scratch(digits, guess) {
            true => ScratchSet::chance(self.ledger.scratch_left(self.enrollment)),
            false => Chance::default(),
        };
        Chance::from_ratio(acceptable.sum(), 10u64.pow(length)).plus(scratch)
    }

    /// Two successive codes outside the window tell how far the token's clock is off. One code never does: who
    /// types the last one late would lead it astray.
    fn learn_drift(&self, next: &mut Ledger, place: usize, token: &Token, shown: u64) {
        let (Some(step), Some(state)) = (token.step_at(self.now), next.tokens.get_mut(place)) else { return };
        if !self.window(token, state).contains(&shown) {
            let off = i128::from(shown) - i128::from(step);
            let most = i128::from(self.policy.drift);
            state.drift = i32::try_from(off.clamp(-most, most)).unwrap_or_default();
        }
    }

    /// A wait in a lane whose failure or charge lies ahead of a clock that was put back is restamped, or it
    /// would never end.
    fn refused(&self, verdict: Verdict) -> Judgement {
        let waits = matches!(verdict, Verdict::Throttled { .. });
        let next = (waits && self.ledger.lies_ahead(self.lane, self.now)).then(|| {
            let mut next = self.ledger.clone();
            next.restamp(self.lane, self.now);
            next
        });
        Judgement { verdict, next }
    }

    /// The verdict on a reply that a token shows for one of `factors`, all of them used or passed over.
    fn replayed(
        &self,
        reply: Reply<'_>,
        factors: impl Fn(&Token, &TokenState) -> Vec<u64>,
    ) -> Option<Verdict> {
        for (_, token, state) in self.tokens_with(reply.first.digits()) {
            if factors(token, state).into_iter().any(|factor| reply.is_shown(token, factor)) {
                let ahead = seconds_ahead(token, state, self.now, self.policy);
                return Some(Verdict::Replayed { token: Some(token.name.clone()), ahead });
            }
        }
        None
    }

    /// Where a reply is looked for that is fresh no more: what is remembered as spent, and the window or the
    /// counters just before the next.
    fn past(&self, token: &Token, state: &TokenState, guess: Guess) -> Vec<u64> {
        let passed = match token.kind {
            Kind::Totp { .. } => self.factors(token, state, guess),
            Kind::Hotp => state.next.saturating_sub(MAX_SPENT as u64)..=state.next.saturating_sub(1),
        };
        state.spent.iter().copied().chain(passed).collect()
    }

    fn clock_behind(&self) -> Option<Verdict> {
        let passed = self.ledger.latest.max(self.policy.not_before);
        let seconds = passed.since(self.now);
        (seconds > CLOCK_TOLERANCE).then_some(Verdict::ClockBehind { seconds })
    }

    fn accepted(&self, method: Method, spend: impl FnOnce(&mut Ledger)) -> Judgement {
        let mut next = self.ledger.clone();
        spend(&mut next);
        next.set_delay(self.lane, Delay::default());
        next.learn(self.attempt.origin);
        next.latest = next.latest.max(self.now);
        let backup_left = next.backup_left(self.enrollment);
        let announced = self.ledger.announced(self.enrollment, self.now).map(Announcement::notice).collect();
        Judgement { verdict: Verdict::Accepted { method, backup_left, announced }, next: Some(next) }
    }

    fn wrong(&self, chance: Chance) -> Judgement {
        let mut next = self.ledger.clone();
        next.set_delay(self.lane, self.ledger.delay(self.lane).failed(self.now));
        next.bucket_mut(self.lane).charge(chance, &self.policy.throttle, self.now);
        next.latest = next.latest.max(self.now);
        Judgement { verdict: Verdict::Wrong { counted: true }, next: Some(next) }
    }
}

/// By how many seconds the last use of a time-based token lies ahead of where the token's own clock is `now`,
/// if by more than the window: this machine's clock ran ahead and was put right, or was set back.
pub(crate) fn seconds_ahead(token: &Token, state: &TokenState, now: Time, policy: &Policy) -> Option<u64> {
    let Kind::Totp { period } = token.kind else { return None };
    let step = token.step_at(now)?.saturating_add_signed(state.known_drift(policy));
    let last = state.spent.iter().copied().max()?;
    let beyond = last > step.saturating_add(u64::from(policy.window)) && state.next > step;
    beyond
        .then(|| last.saturating_mul(period.seconds()).saturating_sub(step.saturating_mul(period.seconds())))
}

fn spend(ledger: &mut Ledger, place: usize, factor: u64, guess: Guess, now: Time) {
    if let Some(state) = ledger.tokens.get_mut(place) {
        state.spend(factor, now);
        if guess == Guess::Pair {
            state.spend(factor.saturating_add(1), now);
            state.pairs_only = false;
        }
    }
}

impl Enrollment {
    /// The chance that one random code would be accepted now, of the length for which it is greatest.
    #[must_use]
    pub fn chance(&self, ledger: &Ledger, now: Time, policy: &Policy) -> Chance {
        let attempt = Attempt { typed: Typed::Malformed(Malformed::Empty), origin: Origin::Console };
        let case = Case { enrollment: self, ledger, attempt: &attempt, now, policy, lane: Lane::Console };
        let lengths = self.tokens().iter().map(|token| token.digits).chain([ScratchSet::DIGITS]);
        let chances = lengths.map(|digits| case.chance(digits, Guess::Single));
        chances.max().unwrap_or_default()
    }

    /// For each token that was last used ahead of this clock: its name and by how many seconds.
    #[must_use]
    pub fn ahead(&self, ledger: &Ledger, now: Time, policy: &Policy) -> Vec<(TokenName, u64)> {
        let pairs = self.tokens().iter().zip(&ledger.tokens);
        pairs
            .filter_map(|(token, state)| {
                Some((token.name.clone(), seconds_ahead(token, state, now, policy)?))
            })
            .collect()
    }
}

//! Is this code good? A pure function, so that every promise about it can be tested without a clock.

use crate::throttle::{Guess, wait};
use crate::{Attempt, BackupCode, Chance, Code, Enrollment, Lane, Ledger, Malformed, Policy};
use crate::{Time, Token, TokenName, TokenState, Typed};
use std::ops::RangeInclusive;
use subtle::ConstantTimeEq;

/// A clock may lie this far (in seconds) behind what is known to have passed before it is called wrong.
const CLOCK_TOLERANCE: u64 = 86_400;

/// What is to be answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// A fresh code, a fresh pair or an unspent backup code.
    Accepted {
        /// What opened.
        method: Method,
        /// How many backup codes are left.
        backup_left: usize,
    },
    /// Shaped like a code, and none of ours. For codes short enough to guess, the only verdict that counts.
    Wrong {
        /// Whether it was counted. A wrong backup code is not: 2^-60 is no guess, but a password poured into
        /// the prompt may look like one.
        counted: bool,
    },
    /// Not shaped like a code: costs nothing.
    Malformed(Malformed),
    /// A step, counter or backup code that was used before, or that is older than one that was.
    Replayed {
        /// The token; `None` for a backup code.
        token: Option<TokenName>,
        /// How many seconds ahead of this clock the token was last used, if that is more than the window.
        ahead: Option<u64>,
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
        Typed::Code(code) => case.code(code),
        Typed::Pair(first, second) => case.pair(first, second),
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
    let Typed::Code(code) = &attempt.typed else { return None };
    if case.clock_behind().is_some() || ledger.delay(case.lane).lies_ahead(now) {
        return None;
    }
    case.waiting(case.chance(code), Guess::Single)
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
        match self.enrollment.backup().and_then(|set| set.position(code)) {
            None => Verdict::Wrong { counted: false }.into(),
            Some(place) if self.ledger.is_backup_spent(place) => {
                Verdict::Replayed { token: None, ahead: None }.into()
            }
            Some(place) => self.accepted(Method::Backup, |next| next.spend_backup(place)),
        }
    }

    fn code(&self, code: &Code) -> Judgement {
        if !self.tokens_like(code).any(|_| true) {
            return Verdict::Malformed(Malformed::WrongLength).into();
        }
        if let Some(verdict) = self.clock_behind() {
            return verdict.into();
        }
        let chance = self.chance(code);
        if let Some(verdict) = self.waiting(chance, Guess::Single) {
            return self.restamped(verdict);
        }
        // Every token that shows this code is moved on, and each to the newest step that shows it: equal
        // codes of two tokens, or of two steps, must not make one typed text good twice.
        let matches: Vec<_> = self
            .tokens_like(code)
            .filter_map(|(place, token, state)| {
                let fresh = self.window(token, state).filter(|&f| state.is_fresh(f));
                let newest = fresh.filter(|&f| shows(token, f, code)).max()?;
                Some((place, token, newest))
            })
            .collect();
        if let Some((_, token, _)) = matches.first() {
            return self.accepted(Method::Code(token.name.clone()), |next| {
                for (place, _, factor) in &matches {
                    spend(next, *place, &[*factor], self.now);
                }
            });
        }
        let spent = |token: &Token, state: &TokenState| {
            self.window(token, state).any(|f| shows(token, f, code))
                || state.spent.iter().any(|&f| shows(token, f, code))
        };
        self.replayed_or_wrong(code, chance, spent)
    }

    fn pair(&self, first: &Code, second: &Code) -> Judgement {
        if !self.tokens_like(first).any(|_| true) {
            return Verdict::Malformed(Malformed::WrongLength).into();
        }
        if let Some(verdict) = self.clock_behind() {
            return verdict.into();
        }
        let chance = self.chance_of_pair(first);
        if let Some(verdict) = self.waiting(chance, Guess::Pair) {
            return verdict.into();
        }
        let both = |token: &Token, f: u64| shows(token, f, first) & shows(token, f + 1, second);
        let matches: Vec<_> = self
            .tokens_like(first)
            .filter_map(|(place, token, state)| {
                let fresh = self.pairs(token, state).filter(|&f| state.is_fresh(f) && state.is_fresh(f + 1));
                let newest = fresh.filter(|&f| both(token, f)).max()?;
                Some((place, token, newest))
            })
            .collect();
        if let Some((_, token, _)) = matches.first() {
            return self.accepted(Method::Pair(token.name.clone()), |next| {
                for (place, _, factor) in &matches {
                    spend(next, *place, &[*factor, *factor + 1], self.now);
                }
            });
        }
        let spent = |token: &Token, state: &TokenState| {
            self.pairs(token, state).any(|f| both(token, f)) || state.spent.iter().any(|&f| both(token, f))
        };
        self.replayed_or_wrong(first, chance, spent)
    }

    /// Tokens whose codes are as long as this one, with their place and state.
    fn tokens_like<'b>(
        &'b self,
        code: &Code,
    ) -> impl Iterator<Item = (usize, &'b Token, &'b TokenState)> + use<'b> {
        let digits = code.digits();
        let tokens = self.enrollment.tokens().iter().zip(&self.ledger.tokens).enumerate();
        tokens.filter(move |(_, (token, _))| token.digits == digits).map(|(place, (t, s))| (place, t, s))
    }

    /// Steps around now, or counters from the next one on.
    fn window(&self, token: &Token, state: &TokenState) -> RangeInclusive<u64> {
        match token.step_at(self.now) {
            Some(step) => {
                let center = step.saturating_add_signed(i64::from(state.drift));
                let reach = u64::from(self.policy.window);
                center.saturating_sub(reach)..=center.saturating_add(reach)
            }
            None => state.next..=state.next.saturating_add(u64::from(self.policy.look_ahead)),
        }
    }

    /// First factors of two successive ones. Of a time-based pair the later one lies in the window: reading
    /// two codes takes a period, and typing them may take the rest of one.
    fn pairs(&self, token: &Token, state: &TokenState) -> RangeInclusive<u64> {
        let window = self.window(token, state);
        let last = window.end().saturating_sub(1);
        match token.step_at(self.now) {
            Some(_) => window.start().saturating_sub(1)..=last,
            None => *window.start()..=last,
        }
    }

    fn chance(&self, code: &Code) -> Chance {
        let all = 10u64.pow(u32::from(code.digits().count()));
        let fresh =
            |token, state: &TokenState| self.window(token, state).filter(|&f| state.is_fresh(f)).count();
        let acceptable = self.tokens_like(code).map(|(_, t, s)| fresh(t, s) as u64).sum();
        Chance::from_ratio(acceptable, all)
    }

    fn chance_of_pair(&self, code: &Code) -> Chance {
        let all = 10u64.pow(2 * u32::from(code.digits().count()));
        let fresh = |token, state: &TokenState| {
            self.pairs(token, state).filter(|&f| state.is_fresh(f) && state.is_fresh(f + 1)).count()
        };
        let acceptable = self.tokens_like(code).map(|(_, t, s)| fresh(t, s) as u64).sum();
        Chance::from_ratio(acceptable, all)
    }

    fn waiting(&self, chance: Chance, guess: Guess) -> Option<Verdict> {
        let until = wait(self.ledger, self.lane, chance, guess, self.policy, self.now)?;
        Some(Verdict::Throttled { lane: self.lane, until })
    }

    /// A failure that lies ahead of a clock that was put back is restamped, or its wait would never end.
    fn restamped(&self, verdict: Verdict) -> Judgement {
        let delay = self.ledger.delay(self.lane);
        if !delay.lies_ahead(self.now) {
            return verdict.into();
        }
        let mut next = self.ledger.clone();
        next.set_delay(self.lane, crate::Delay { last_failure: self.now, ..delay });
        Judgement { verdict, next: Some(next) }
    }

    fn clock_behind(&self) -> Option<Verdict> {
        let passed = self.ledger.latest.max(self.policy.not_before);
        let seconds = passed.since(self.now);
        (seconds > CLOCK_TOLERANCE).then_some(Verdict::ClockBehind { seconds })
    }

    fn accepted(&self, method: Method, spend: impl FnOnce(&mut Ledger)) -> Judgement {
        let mut next = self.ledger.clone();
        spend(&mut next);
        next.set_delay(self.lane, crate::Delay::default());
        next.learn(self.attempt.origin);
        next.latest = next.latest.max(self.now);
        let backup_left = next.backup_left(self.enrollment);
        Judgement { verdict: Verdict::Accepted { method, backup_left }, next: Some(next) }
    }

    fn replayed_or_wrong(
        &self,
        code: &Code,
        chance: Chance,
        is_spent: impl Fn(&Token, &TokenState) -> bool,
    ) -> Judgement {
        for (_, token, state) in self.tokens_like(code) {
            if is_spent(token, state) {
                let ahead = self.ahead(token, state);
                return Verdict::Replayed { token: Some(token.name.clone()), ahead }.into();
            }
        }
        let mut next = self.ledger.clone();
        next.set_delay(self.lane, self.ledger.delay(self.lane).failed(self.now));
        next.bucket_mut(self.lane).charge(chance, &self.policy.throttle, self.now);
        next.latest = next.latest.max(self.now);
        Judgement { verdict: Verdict::Wrong { counted: true }, next: Some(next) }
    }

    fn ahead(&self, token: &Token, state: &TokenState) -> Option<u64> {
        seconds_ahead(token, state, self.now, self.policy)
    }
}

/// By how many seconds the last use of a time-based token lies ahead of `now`, if by more than the window:
/// the clock ran ahead and was put right, or was set back.
pub(crate) fn seconds_ahead(token: &Token, state: &TokenState, now: Time, policy: &Policy) -> Option<u64> {
    let crate::Kind::Totp { period } = token.kind else { return None };
    let step = token.step_at(now)?;
    let last = state.spent.iter().copied().max()?;
    let beyond = last > step.saturating_add(u64::from(policy.window)) && state.next > step;
    beyond.then(|| last.saturating_mul(period.seconds()).saturating_sub(step * period.seconds()))
}

fn shows(token: &Token, factor: u64, code: &Code) -> bool {
    bool::from(token.code(factor).ct_eq(code))
}

fn spend(ledger: &mut Ledger, place: usize, factors: &[u64], now: Time) {
    if let Some(state) = ledger.tokens.get_mut(place) {
        for &factor in factors {
            state.spend(factor, now);
        }
    }
}

impl Enrollment {
    /// The chance that one random code of `digits` digits would be accepted now.
    #[must_use]
    pub fn chance(&self, ledger: &Ledger, now: Time, policy: &Policy) -> Chance {
        let mut least = Chance::default();
        for token in self.tokens() {
            let attempt = Attempt { typed: Typed::Code(token.code(0)), origin: crate::Origin::Console };
            let case = Case { enrollment: self, ledger, attempt: &attempt, now, policy, lane: Lane::Console };
            least = least.max(case.chance(&token.code(0)));
        }
        least
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

//! What holds for every verdict, whatever people type, wherever from, and whatever their clock does.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod common;

use common::{NOW, named, network, numbered_secret, totp, typed_from};
use otp::{
    Algorithm, Attempt, Chance, Enrollment, Judgement, Kind, Lane, Ledger, Malformed, Method, Origin, Policy,
    Throttle, Time, Token, TokenState, Typed, Verdict, judge, throttled,
};
use proptest::prelude::*;
use std::collections::{BTreeSet, HashSet};
use std::ops::RangeInclusive;

/// What happens next.
#[derive(Clone, Debug)]
enum Event {
    /// Time goes on, by seconds.
    Wait(u64),
    /// The clock is set back or forth, by seconds.
    Jump(i64),
    /// Somebody types the code of a token, so many factors from the present one; a second one, if a pair.
    Type { token: usize, offset: i64, pair: bool, spelling: u8, from: u8 },
    /// Somebody types once more what was accepted before.
    Repeat { which: usize, spelling: u8, from: u8 },
    /// Somebody types digits.
    Guess { text: String, from: u8 },
    /// An administrator puts a clock right.
    CorrectClock,
    /// An administrator opens the lanes.
    Unlock,
}

fn event() -> impl Strategy<Value = Event> {
    let typing = (0..8usize, -10..=16i64, prop::bool::weighted(0.3), any::<u8>(), 0..6u8).prop_map(
        |(token, offset, pair, spelling, from)| Event::Type { token, offset, pair, spelling, from },
    );
    let repeating = (any::<usize>(), any::<u8>(), 0..6u8).prop_map(|(which, spelling, from)| Event::Repeat {
        which,
        spelling,
        from,
    });
    let guessing = ("[0-9]{6,8}|[0-9]{12}|[0-9]{16}|[0-9a-z -]{0,14}", 0..6u8)
        .prop_map(|(text, from)| Event::Guess { text, from });
    prop_oneof![
        4 => (0..120u64).prop_map(Event::Wait),
        1 => (0..100_000u64).prop_map(Event::Wait),
        1 => (-4000..4000i64).prop_map(Event::Jump),
        1 => (-300_000..300_000i64).prop_map(Event::Jump),
        12 => typing,
        6 => repeating,
        3 => guessing,
        1 => Just(Event::CorrectClock),
        1 => Just(Event::Unlock),
    ]
}

fn token(place: usize, kind: u8, digits: u8, algorithm: usize, key: u64) -> Token {
    // What one key makes of a counter and of a step, or of steps of two lengths, is one code for each place where
    // 1970 is near, as it never is where a clock behind the release is refused.
    let secret = numbered_secret(key * 4 + u64::from(kind));
    let kind = match kind {
        0 => totp(30),
        1 => totp(60),
        2 => totp(15),
        _ => Kind::Hotp,
    };
    let token = named(&format!("token{place}"), kind, digits, secret);
    Token { algorithm: Algorithm::ALL[algorithm], ..token }
}

fn tokens() -> impl Strategy<Value = Vec<Token>> {
    // Few keys, so that one key now and then stands under two names.
    let token_parts = (0..4u8, prop_oneof![4 => Just(6u8), 1 => 6..=8u8], 0..3usize, 0..4u64);
    prop::collection::vec(token_parts, 1..=8).prop_map(|parts| {
        let numbered = parts.into_iter().enumerate();
        numbered.map(|(place, (kind, digits, hash, key))| token(place, kind, digits, hash, key)).collect()
    })
}

fn policy() -> impl Strategy<Value = Policy> {
    let throttle = (1..8u32, 1..60u64, 60..2000u64, prop_oneof![Just(1000), Just(10), Just(20_000)]);
    let pairs = (prop_oneof![1 => Just(0u8), 3 => 0..8u8], 0..30u16);
    (0..4u8, 0..14u8, pairs, throttle).prop_map(
        |(window, look_ahead, (drift, resync), (free_failures, first_delay, longest_delay, risk))| {
            let yearly_risk = Chance::from_ratio(1, risk);
            let throttle = Throttle { free_failures, first_delay, longest_delay, yearly_risk };
            Policy { window, look_ahead, drift, resync, throttle, not_before: Time(0) }
        },
    )
}

fn origin(from: u8) -> Origin {
    match from {
        0 => Origin::Console,
        1 => Origin::Others,
        2 => Origin::Stranger,
        3 => Origin::Service,
        number => Origin::Network(network(&format!("192.0.{number}.1"))),
    }
}

/// One text, many spellings.
fn spelled(text: &str, spelling: u8) -> String {
    let middle = text.len() / 2;
    match spelling % 6 {
        0 => text.to_owned(),
        1 => format!("{text}\r"),
        2 => format!("{} {}", &text[..middle], &text[middle..]),
        3 => format!(" {}-{}\r\n", &text[..3], &text[3..]),
        4 => text.chars().flat_map(|letter| [letter, ' ']).collect(),
        _ => format!("-{text}-"),
    }
}

/// Somebody's state, and beside it what has happened, kept in another way.
struct World {
    enrollment: Enrollment,
    ledger: Ledger,
    policy: Policy,
    now: Time,
    /// Of each token, all that was ever accepted.
    used: Vec<BTreeSet<u64>>,
    /// Of each token, what nothing accepted later may lie below.
    floor: Vec<u64>,
    /// Every text that was ever accepted, in its barest spelling.
    accepted: Vec<String>,
}

impl World {
    fn new(tokens: Vec<Token>, policy: Policy, now: Time, counter: u64) -> Self {
        let enrollment = Enrollment::new(tokens, None).unwrap();
        let mut ledger = Ledger::new(&enrollment);
        for (state, token) in ledger.tokens.iter_mut().zip(enrollment.tokens()) {
            if token.kind == Kind::Hotp {
                state.next = counter;
            }
        }
        let count = ledger.tokens.len();
        let floor = ledger.tokens.iter().map(|state| state.next).collect();
        Self {
            enrollment,
            ledger,
            policy,
            now,
            used: vec![BTreeSet::new(); count],
            floor,
            accepted: Vec::new(),
        }
    }

    fn happens(&mut self, event: &Event) {
        match event {
            Event::Wait(seconds) => self.now = self.now.after(*seconds),
            Event::Jump(seconds) => self.now = Time(self.now.0.saturating_add_signed(*seconds)),
            Event::CorrectClock => {
                self.ledger = self.ledger.with_clock_corrected(&self.enrollment, &self.policy, self.now);
                self.floor = self.ledger.tokens.iter().map(|state| state.next).collect();
            }
            Event::Unlock => self.ledger = self.ledger.unlocked(),
            Event::Type { token, offset, pair, spelling, from } => {
                let text = self.text_of(*token, *offset, *pair);
                self.is_typed(&spelled(&text, *spelling), origin(*from));
            }
            Event::Repeat { which, spelling, from } => {
                if !self.accepted.is_empty() {
                    let text = &self.accepted[which % self.accepted.len()];
                    self.is_typed(&spelled(text, *spelling), origin(*from));
                }
            }
            Event::Guess { text, from } => self.is_typed(text, origin(*from)),
        }
    }

    fn text_of(&self, token: usize, offset: i64, pair: bool) -> String {
        let place = token % self.ledger.tokens.len();
        let token = &self.enrollment.tokens()[place];
        let present = token.step_at(self.now).unwrap_or(self.ledger.tokens[place].next);
        let factor = present.saturating_add_signed(offset);
        let second =
            if pair { token.code(factor.saturating_add(1)).expose().to_owned() } else { String::new() };
        format!("{}{second}", token.code(factor).expose())
    }

    fn is_typed(&mut self, text: &str, origin: Origin) {
        let attempt = typed_from(origin, text);
        let before = self.ledger.clone();
        let judgement = judge(&self.enrollment, &before, &attempt, self.now, &self.policy);
        self.agrees_with_throttled(&attempt, &judgement);
        let Judgement { verdict, next } = judgement;
        match (&verdict, next) {
            (Verdict::Accepted { method, .. }, Some(next)) => self.was_accepted(&attempt, method, next),
            (Verdict::Wrong { counted: true }, Some(next)) => self.was_counted(&attempt, next),
            (Verdict::Throttled { lane, until }, next) => {
                assert!(*until > self.now || self.now == Time(u64::MAX));
                if let Some(next) = next {
                    self.was_restamped(*lane, next);
                }
            }
            (Verdict::Malformed(why), None) => self.was_malformed(&attempt, *why),
            (Verdict::Replayed { token: Some(_), .. }, None) => self.was_no_fresh_code(&attempt, true),
            (Verdict::ClockBehind { seconds }, None) => {
                assert!(*seconds > 86_400);
                assert_eq!(*seconds, self.ledger.latest.since(self.now));
            }
            (Verdict::Wrong { counted: false }, None) => assert!(matches!(attempt.typed, Typed::Backup(_))),
            (verdict, next) => panic!("{verdict:?} with {next:?}"),
        }
    }

    fn agrees_with_throttled(&self, attempt: &Attempt, judgement: &Judgement) {
        let early = throttled(&self.enrollment, &self.ledger, attempt, self.now, &self.policy);
        let waits = matches!(judgement.verdict, Verdict::Throttled { .. }) && judgement.next.is_none();
        assert_eq!(early, waits.then(|| judgement.verdict.clone()));
    }

    /// The codes that were typed, one or two.
    fn codes(attempt: &Attempt) -> Vec<String> {
        match &attempt.typed {
            Typed::Code(code) => vec![code.expose().to_owned()],
            Typed::Pair(first, second) => vec![first.expose().to_owned(), second.expose().to_owned()],
            other => panic!("{other:?} is no code"),
        }
    }

    fn was_accepted(&mut self, attempt: &Attempt, method: &Method, next: Ledger) {
        let codes = Self::codes(attempt);
        let text = codes.concat();
        assert!(!self.accepted.contains(&text), "{text} was accepted twice");
        let mut moved = HashSet::new();
        for (place, token) in self.enrollment.tokens().iter().enumerate() {
            let (old, new) = (&self.ledger.tokens[place], &next.tokens[place]);
            if old == new {
                continue;
            }
            moved.insert(token.name.clone());
            let factors = spent_between(old, new, codes.len());
            let shown: Vec<_> = factors.iter().map(|&f| token.code(f).expose().to_owned()).collect();
            assert_eq!(shown, codes, "{}: factors {factors:?}", token.name);
            for &factor in &factors {
                assert!(self.used[place].insert(factor), "{}: {factor} was spent twice", token.name);
                assert!(factor >= self.floor[place], "{}: {factor} after a newer one", token.name);
                self.floor[place] = factor.saturating_add(1);
            }
            self.lies_in_reach(token, old, &factors);
            self.learned_from_a_pair_alone(token, old, new, &factors);
            assert!(new.next >= old.next && new.next >= self.floor[place]);
        }
        let (Method::Code(name) | Method::Pair(name)) = method else { panic!("{method:?}") };
        assert!(moved.contains(name), "{name} opened and was not moved on");
        assert_eq!(matches!(method, Method::Pair(_)), codes.len() == 2);
        assert_eq!(next.latest, self.ledger.latest.max(self.now));
        self.accepted.push(text);
        self.ledger = next;
        let again = judge(&self.enrollment, &self.ledger, attempt, self.now, &self.policy).verdict;
        assert!(!matches!(again, Verdict::Accepted { .. }), "accepted again at once");
    }

    /// The last steps that may open now, or the first counters: one code in the window around the token's own
    /// clock, two where a clock may be.
    fn reach(&self, token: &Token, state: &TokenState, codes: usize) -> RangeInclusive<u64> {
        let policy = &self.policy;
        let Kind::Totp { period } = token.kind else {
            let most = if codes == 2 {
                policy.resync.max(policy.look_ahead.into())
            } else {
                policy.look_ahead.into()
            };
            return state.next..=state.next.saturating_add(most.into());
        };
        let (step, most) = (i128::from(self.now.0 / period.seconds()), i128::from(policy.drift));
        let center = (step + i128::from(state.drift).clamp(-most, most)).clamp(0, u64::MAX.into());
        let window = (center - i128::from(policy.window), center + i128::from(policy.window));
        let (first, last) = match codes {
            2 => (window.0.min(step - most), window.1.max(step + most)),
            _ => window,
        };
        first.max(0) as u64..=last.min(u64::MAX.into()) as u64
    }

    fn lies_in_reach(&self, token: &Token, state: &TokenState, factors: &[u64]) {
        let told = if token.kind == Kind::Hotp { factors.first() } else { factors.last() };
        let (told, reach) = (*told.unwrap(), self.reach(token, state, factors.len()));
        assert!(reach.contains(&told), "{told} in {reach:?}");
    }

    /// Two codes outside the window tell the clock, whatever it was taken for before; nothing else does.
    fn learned_from_a_pair_alone(&self, token: &Token, old: &TokenState, new: &TokenState, factors: &[u64]) {
        let told = factors.len() == 2 && !self.reach(token, old, 1).contains(&factors[1]);
        match token.kind {
            Kind::Totp { period } if told => {
                let off = i128::from(factors[1]) - i128::from(self.now.0 / period.seconds());
                assert_eq!(i128::from(new.drift), off);
                assert!(new.drift.unsigned_abs() <= u32::from(self.policy.drift));
            }
            _ => assert_eq!(new.drift, old.drift),
        }
    }

    /// A wrong code moves the delay and the budget of its own lane, and nothing else.
    fn was_counted(&mut self, attempt: &Attempt, next: Ledger) {
        self.was_no_fresh_code(attempt, false);
        let lane = Lane::of(attempt.origin, &self.ledger);
        let mut rest = next.clone();
        let old = &self.ledger;
        let (delay, was) = match lane {
            Lane::Console => (std::mem::replace(&mut rest.console, old.console), old.console),
            Lane::Others => (std::mem::replace(&mut rest.others, old.others), old.others),
            Lane::Strangers => (std::mem::replace(&mut rest.strangers, old.strangers), old.strangers),
            Lane::Services => (std::mem::replace(&mut rest.services, old.services), old.services),
            Lane::Known(n) => {
                (std::mem::replace(&mut rest.known[n].delay, old.known[n].delay), old.known[n].delay)
            }
        };
        match lane {
            Lane::Console => rest.console_budget = old.console_budget,
            Lane::Others | Lane::Services => rest.others_budget = old.others_budget,
            Lane::Strangers => rest.strangers_budget = old.strangers_budget,
            Lane::Known(_) => rest.known_budget = old.known_budget,
        }
        rest.latest = old.latest;
        assert_eq!(rest, *old);
        assert_eq!((delay.failures, delay.last_failure), (was.failures + 1, self.now));
        assert_eq!(next.latest, old.latest.max(self.now));
        self.ledger = next;
    }

    fn was_restamped(&mut self, lane: Lane, next: Ledger) {
        assert_eq!(next.tokens, self.ledger.tokens);
        assert_eq!(next.latest, self.ledger.latest);
        assert_ne!(next, self.ledger, "written for nothing in {lane}");
        self.ledger = next;
    }

    fn was_malformed(&self, attempt: &Attempt, why: Malformed) {
        let digits = match &attempt.typed {
            Typed::Malformed(typed) => return assert_eq!(*typed, why),
            Typed::Code(code) | Typed::Pair(code, _) => code.digits(),
            Typed::Backup(_) => panic!("{why}"),
        };
        assert_eq!(why, Malformed::WrongLength);
        assert!(self.enrollment.tokens().iter().all(|token| token.digits != digits));
    }

    /// What is refused as wrong is no fresh code of any token; what is refused as replayed may be one only
    /// if the same text was accepted before, or of a pair the first code alone.
    fn was_no_fresh_code(&self, attempt: &Attempt, replayed: bool) {
        let codes = Self::codes(attempt);
        if replayed && self.accepted.iter().any(|text| text.contains(&codes[0])) {
            return;
        }
        for (place, token) in self.enrollment.tokens().iter().enumerate() {
            let count = codes.len() as u64;
            let reach = self.reach(token, &self.ledger.tokens[place], codes.len());
            for told in reach {
                let first = if token.kind == Kind::Hotp { Some(told) } else { told.checked_sub(count - 1) };
                let Some((factor, end)) = first.and_then(|f| Some((f, f.checked_add(count - 1)?))) else {
                    continue;
                };
                let all: Vec<_> = (factor..=end).collect();
                let fresh = all.iter().all(|&f| self.ledger.tokens[place].is_fresh(f));
                let shown = all.iter().zip(&codes).all(|(&f, code)| token.code(f).expose() == code);
                assert!(!(fresh && shown), "{} at {factor} was refused", token.name);
            }
        }
    }
}

/// What became spent from `old` to `new`: `count` successive factors.
fn spent_between(old: &TokenState, new: &TokenState, count: usize) -> Vec<u64> {
    let added: Vec<_> = new.spent.iter().copied().filter(|f| !old.spent.contains(f)).collect();
    if added.len() == count {
        return added;
    }
    // A memory full of steps that lie ahead keeps those; what lies behind `next` needs no remembering.
    assert_eq!(new.spent.len(), otp::MAX_SPENT);
    (0..count as u64).rev().map(|back| new.next - 1 - back).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn every_promise_holds_whatever_happens(
        tokens in tokens(),
        policy in policy(),
        start in prop_oneof![6 => Just(NOW.0), 1 => 0..1000u64, 1 => (u64::MAX - 400_000)..=u64::MAX],
        counter in prop_oneof![4 => Just(0), 1 => any::<u64>(), 1 => (u64::MAX - 40)..=u64::MAX],
        events in prop::collection::vec(event(), 1..80),
    ) {
        let mut world = World::new(tokens, policy, Time(start), counter);
        for event in &events {
            world.happens(event);
        }
    }

    #[test]
    fn a_code_in_the_window_opens_an_untouched_lane(tokens in tokens(), place in 0..8usize, offset in -1..=1i64) {
        let world = World::new(tokens, Policy::default(), NOW, 5);
        let place = place % world.enrollment.tokens().len();
        let offset = if world.enrollment.tokens()[place].kind == Kind::Hotp { offset + 1 } else { offset };
        let attempt = typed_from(Origin::Stranger, &world.text_of(place, offset, false));
        let verdict = judge(&world.enrollment, &world.ledger, &attempt, NOW, &world.policy).verdict;
        let opened = matches!(verdict, Verdict::Accepted { .. });
        prop_assert!(opened, "{:?}", verdict);
    }

    #[test]
    fn a_factor_once_spent_is_never_fresh_again(
        factors in prop::collection::vec(0..400u64, 1..60),
        corrections in prop::collection::vec(0..400u64, 60),
        window in 0..3u8,
    ) {
        let (enrollment, mut ledger) = common::enrolled(vec![token(0, 0, 6, 0, 1)]);
        let policy = Policy { window, ..Policy::default() };
        let mut used = BTreeSet::new();
        for (factor, correction) in factors.into_iter().zip(corrections) {
            if ledger.tokens[0].is_fresh(factor) {
                assert!(used.insert(factor), "{factor} twice");
                ledger.tokens[0].spend(factor, Time(factor * 30));
            }
            if correction % 3 == 0 {
                ledger = ledger.with_clock_corrected(&enrollment, &policy, Time(correction * 30));
            }
            assert!(used.iter().all(|&f| !ledger.tokens[0].is_fresh(f)));
            assert!(ledger.tokens[0].spent.len() <= otp::MAX_SPENT);
        }
    }
}

//! One person, those who guess at their codes as soon as each lane lets them, and the owner, who logs in among
//! them every day.

use crate::common::{NOW, judged, network, pair_of, typed_from};
use otp::{
    Code, Enrollment, Kind, Lane, Ledger, Origin, Policy, ScratchSet, Time, Token, TokenState, Typed,
    Verdict, throttled,
};

pub(crate) const YEAR: u64 = 31_557_600;
pub(crate) const DAY: u64 = 86_400;
/// What has a budget of its own.
pub(crate) const CLASSES: [&str; 4] = ["console", "others and services", "known networks", "strangers"];
/// Where the owner logs in on each day.
pub(crate) const DOORS: [&str; 3] = ["a new network", "the locker", "the console"];

/// Numbers that look random and are the same at every run (splitmix64).
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    At(Origin),
    /// In the network from which the owner came so many networks ago.
    Behind(usize),
}

#[derive(Clone, Copy)]
pub(crate) struct Attacker {
    pub(crate) place: Place,
    digits: u8,
    next: Time,
}

/// A guess that was judged.
pub(crate) struct Given {
    pub(crate) class: &'static str,
    at: Time,
    /// In units of 10^-18.
    pub(crate) chance: u128,
}

pub(crate) struct Siege {
    pub(crate) enrollment: Enrollment,
    pub(crate) ledger: Ledger,
    pub(crate) policy: Policy,
    pub(crate) attackers: Vec<Attacker>,
    /// Whether they type two codes in each answer.
    pairs: bool,
    pub(crate) dice: Dice,
    pub(crate) given: Vec<Given>,
    /// At each of the doors, on how many days it took the owner two codes.
    pub(crate) took_two: [usize; 3],
    /// How often a guess was good.
    pub(crate) got_in: usize,
}

fn class(lane: Lane) -> &'static str {
    match lane {
        Lane::Console => CLASSES[0],
        Lane::Others | Lane::Services => CLASSES[1],
        Lane::Known(_) => CLASSES[2],
        Lane::Strangers => CLASSES[3],
    }
}

fn home(number: u64) -> Origin {
    Origin::Network(network(&format!("10.{}.{}.1", number / 256, number % 256)))
}

/// How many numbers of 31 bits (RFC 4226, section 5.3) are at most one code: 10^digits does not divide 2^31, so
/// the codes below the rest are likelier than the others, and whoever knows that guesses at no others.
fn likelier(digits: u8) -> (u64, u64) {
    let codes = 10u64.pow(digits.into());
    ((1u64 << 31).div_ceil(codes), (1u64 << 31) % codes)
}

impl Siege {
    /// The owner is known from eight networks. Attackers sit in all of these and everywhere else, and guess at
    /// codes of each length.
    pub(crate) fn of(tokens: Vec<Token>, scratch: u64, policy: Policy, pairs: bool) -> Self {
        let mut lengths: Vec<u8> = tokens.iter().map(|token| token.digits.count()).collect();
        lengths.extend((scratch > 0).then_some(ScratchSet::DIGITS.count()));
        lengths.sort_unstable();
        lengths.dedup();
        let sheet: Vec<_> = (0..scratch)
            .map(|n| Code::new(format!("{}", 12_345_678 + 700 * n).as_bytes()).unwrap())
            .collect();
        let sheet = (scratch > 0).then(|| ScratchSet::new([3; 16], &sheet));
        let enrollment = Enrollment::new(tokens, None).unwrap().with_scratch(sheet);
        let ledger = Ledger::new(&enrollment);
        let elsewhere = [Origin::Console, Origin::Others, Origin::Service, Origin::Stranger].map(Place::At);
        let places = elsewhere.into_iter().chain((0..8).map(Place::Behind));
        let attackers = places.flat_map(|place| {
            lengths.clone().into_iter().map(move |digits| Attacker { place, digits, next: NOW.after(DAY) })
        });
        let attackers = attackers.collect();
        let (dice, given, took_two, got_in) = (Dice(1), Vec::new(), [0; 3], 0);
        let mut siege = Self { enrollment, ledger, policy, attackers, pairs, dice, given, took_two, got_in };
        for number in 0..8 {
            siege.owner_logs_in(home(number), NOW.after(number * 600));
        }
        assert_eq!(siege.ledger.known.len(), 8);
        siege
    }

    /// So many days. On each the owner comes in from a network that was never seen, at the locker of the screen,
    /// and at the console.
    pub(crate) fn lasts(mut self, days: u64) -> Self {
        for day in 1..=days {
            let doors = [home(8 + day), Origin::Owner, Origin::Console];
            for (door, origin) in doors.into_iter().enumerate() {
                let login = NOW.after(day * DAY + door as u64 * DAY / 3 + self.dice.roll(DAY / 3 - 600));
                self.goes_on_until(login);
                let (took_two, end) = self.owner_logs_in(origin, login);
                self.took_two[door] += usize::from(took_two);
                // A success opens the lane: everybody tries at once.
                self.attackers.iter_mut().for_each(|attacker| attacker.next = end);
            }
        }
        self
    }

    pub(crate) fn goes_on_until(&mut self, end: Time) {
        loop {
            let first = (0..self.attackers.len()).min_by_key(|&n| self.attackers[n].next).unwrap();
            if self.attackers[first].next >= end {
                return;
            }
            self.attackers[first].next = self.is_attacked_by(self.attackers[first]);
        }
    }

    /// One guess, or the instant until which it has to wait.
    fn is_attacked_by(&mut self, attacker: Attacker) -> Time {
        let Attacker { place, digits, next: now } = attacker;
        let origin = match place {
            Place::At(origin) => origin,
            Place::Behind(index) => Origin::Network(self.ledger.known[index].network),
        };
        let text = self.guess(digits);
        let attempt = typed_from(origin, &text);
        assert_eq!(matches!(attempt.typed, Typed::Pair(..)), self.pairs);
        match throttled(&self.enrollment, &self.ledger, &attempt, now, &self.policy) {
            Some(Verdict::Throttled { until, .. }) => {
                assert!(until > now);
                return until;
            }
            Some(other) => panic!("{other:?}"),
            None => {}
        }
        let class = class(Lane::of(origin, &self.ledger));
        let chance = self.chance(digits, now);
        let verdict = judged(&self.enrollment, &mut self.ledger, &attempt, now, &self.policy);
        self.got_in += usize::from(matches!(verdict, Verdict::Accepted { .. }));
        match verdict {
            Verdict::Wrong { counted: true } | Verdict::Accepted { .. } => {
                self.given.push(Given { class, at: now, chance })
            }
            // Once in some ten thousand guesses, and charged nothing: no more than that is added to the sum.
            Verdict::Replayed { .. } => {}
            other => panic!("{other:?}"),
        }
        if self.pairs { now.after(1) } else { now }
    }

    fn guess(&mut self, digits: u8) -> String {
        let width = usize::from(digits);
        let (_, likely) = likelier(digits);
        let least = if self.enrollment.scratch().is_some() && digits == 8 { 10_000_000 } else { 0 };
        let mut code = || format!("{:0width$}", least + self.dice.roll(likely - least));
        if self.pairs { format!("{} {}", code(), code()) } else { code() }
    }

    /// What the best guess of this length is worth now: counted here, not by the code under test.
    fn chance(&self, digits: u8, now: Time) -> u128 {
        let fresh = |state: &TokenState, factor: u64| factor >= state.next && !state.spent.contains(&factor);
        let count = |(token, state): (&Token, &TokenState)| {
            let factors = match token.kind {
                Kind::Totp { period } => {
                    let (step, window) = (now.0 / period.seconds(), u64::from(self.policy.window));
                    let center = step.saturating_add_signed(state.drift.into());
                    let reach = u64::from(self.policy.drift);
                    if self.pairs {
                        let first = (center - window).min(step - reach);
                        first - 1..=(center + window).max(step + reach) - 1
                    } else {
                        center - window..=center + window
                    }
                }
                Kind::Hotp if self.pairs => state.next..=state.next + u64::from(self.policy.resync),
                Kind::Hotp => state.next..=state.next + u64::from(self.policy.look_ahead),
            };
            factors.filter(|&f| fresh(state, f) && (!self.pairs || fresh(state, f + 1))).count() as u128
        };
        let tokens = self.enrollment.tokens().iter().zip(&self.ledger.tokens);
        let acceptable: u128 = tokens.filter(|(token, _)| token.digits.count() == digits).map(count).sum();
        let (most, codes) = (u128::from(likelier(digits).0), if self.pairs { 2 } else { 1 });
        let scratch = if digits == 8 { self.ledger.scratch_left(&self.enrollment) as u128 } else { 0 };
        let sheet = scratch * 10u128.pow(18) / 90_000_000;
        acceptable * most.pow(codes) * 10u128.pow(18) / (1 << (31 * codes)) + sheet
    }

    /// With one code, and where the attackers have closed that way with two. Whether it took two, and when the
    /// owner was in.
    fn owner_logs_in(&mut self, origin: Origin, mut now: Time) -> (bool, Time) {
        let place = self.dice.roll(self.enrollment.tokens().len() as u64) as usize;
        let token = self.enrollment.tokens()[place].clone();
        // Once in a million logins a code is one that was accepted just before, and whoever got in by a guess has
        // used one: the next is good.
        for _ in 0..5 {
            let state = &self.ledger.tokens[place];
            // What the token shows: its clock may be off.
            let shown = token.step_at(now).map(|step| step.saturating_add_signed(state.drift.into()));
            let factor = shown.unwrap_or(state.next);
            match self.owner_types(origin, token.code(factor).expose(), now) {
                Verdict::Accepted { .. } => return (false, now),
                Verdict::Throttled { .. } => {
                    now = now.after(30);
                    match self.owner_types(origin, &pair_of(&token, factor), now) {
                        Verdict::Accepted { .. } => return (true, now),
                        Verdict::Replayed { .. } => now = now.after(30),
                        other => panic!("the owner is locked out: {other:?}"),
                    }
                }
                Verdict::Replayed { .. } => now = now.after(30),
                other => panic!("{other:?}"),
            }
        }
        panic!("the owner is locked out")
    }

    fn owner_types(&mut self, origin: Origin, text: &str, now: Time) -> Verdict {
        judged(&self.enrollment, &mut self.ledger, &typed_from(origin, text), now, &self.policy)
    }

    /// The most that was given away within any year, by one class or by all.
    pub(crate) fn worst_year(&self, class: Option<&str>) -> u128 {
        let guesses: Vec<_> =
            self.given.iter().filter(|given| class.is_none_or(|name| name == given.class)).collect();
        let (mut sum, mut worst, mut first) = (0, 0, 0);
        for given in &guesses {
            sum += given.chance;
            while guesses[first].at.after(YEAR) <= given.at {
                sum -= guesses[first].chance;
                first += 1;
            }
            worst = worst.max(sum);
        }
        worst
    }

    /// Every class stays under its bound, and comes near enough to it that the attackers were no straw men.
    pub(crate) fn stays_under_the_bound(&self, spent_at_least: u128) {
        let bound = u128::from(self.policy.throttle.yearly_risk.0);
        for class in CLASSES {
            let worst = self.worst_year(Some(class));
            assert!(worst <= bound, "{class}: {worst} of {bound}");
            assert!(worst >= bound / 100 * spent_at_least, "{class}: only {worst} of {bound}");
        }
        let all = self.worst_year(None);
        assert!(all <= 4 * bound, "all: {all} of four times {bound}");
    }
}

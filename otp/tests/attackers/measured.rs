//! How often attackers get in: counted at many owners, beside what it is on paper.

use crate::siege::{DOORS, Dice, Place, Siege};
use crate::{keys, phones};
use otp::{Chance, Origin, Policy, Token};
use std::ops::AddAssign;

const DAYS: u64 = 365;

/// What came of a year at some owners.
#[derive(Clone, Copy, Default)]
struct Tally {
    owners: u64,
    hit: u64,
    guesses: usize,
    /// How many would be hit by the chances that all guesses had which were judged.
    paper: f64,
    took_two: [usize; 3],
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.owners += other.owners;
        self.hit += other.hit;
        self.guesses += other.guesses;
        self.paper += other.paper;
        self.took_two.iter_mut().zip(other.took_two).for_each(|(sum, days)| *sum += days);
    }
}

/// Owners of one kind, and whoever guesses at them.
#[derive(Clone, Copy)]
struct Kind {
    name: &'static str,
    owners: u64,
    /// Those of the owner of this number.
    tokens: fn(u64) -> Vec<Token>,
    scratch: u64,
    policy: Policy,
    /// By how many steps the clocks of the tokens are off.
    drifts: &'static [i32],
    /// Where the attackers are.
    from: fn(Place) -> bool,
}

impl Kind {
    fn year(&self, owner: u64) -> Tally {
        let mut siege = Siege::of((self.tokens)(owner), self.scratch, self.policy, false);
        siege.dice = Dice(owner << 32);
        siege.ledger.tokens.iter_mut().zip(self.drifts).for_each(|(state, &drift)| state.drift = drift);
        siege.attackers.retain(|attacker| (self.from)(attacker.place));
        let siege = siege.lasts(DAYS);
        let spared = siege.given.iter().map(|given| 1.0 - given.chance as f64 / 1e18).product::<f64>();
        let hit = u64::from(siege.got_in > 0);
        let (guesses, took_two) = (siege.given.len(), siege.took_two);
        Tally { owners: 1, hit, guesses, paper: 1.0 - spared, took_two }
    }

    /// Half of the owners on each of two processors.
    fn all(&self) -> Tally {
        let half = |first: u64| {
            let mut sum = Tally::default();
            (first..self.owners).step_by(2).for_each(|owner| sum += self.year(owner));
            sum
        };
        std::thread::scope(|scope| {
            let other = scope.spawn(|| half(1));
            let mut sum = half(0);
            sum += other.join().unwrap();
            sum
        })
    }

    /// What four budgets give together.
    fn promised(&self) -> f64 {
        4.0 * self.policy.throttle.yearly_risk.0 as f64 / 1e18
    }

    fn is_measured(&self) -> Tally {
        let tally = self.all();
        tally.is_told(self.name, self.promised());
        let days = (tally.owners * DAYS) as f64;
        let doors = DOORS.iter().zip(tally.took_two);
        let doors = doors.map(|(door, took_two)| format!("{door} {:.1} %", 100.0 * took_two as f64 / days));
        println!(
            "faults: their owners, {} | in on every day from a new network, at the locker and at the console; two \
             codes took {}",
            self.name,
            doors.collect::<Vec<_>>().join(", ")
        );
        tally
    }
}

impl Tally {
    fn is_told(&self, name: &str, promised: f64) {
        let percent = |part: f64| part * 100.0;
        let (least, most) = self.interval();
        println!(
            "faults: {} owners guessed at for a year, {name} | {} hit: {:.3} % (95 %: {:.3} to {:.3}), on paper \
             {:.3} %, promised less than {:.1} %; {} guesses",
            self.owners,
            self.hit,
            percent(self.hit as f64 / self.owners as f64),
            percent(least),
            percent(most),
            percent(self.paper / self.owners as f64),
            percent(promised),
            self.guesses
        );
        assert!(self.paper < promised * self.owners as f64, "{name}: {}", self.paper);
        // Five standard deviations of what is on paper: the numbers are the same at each run.
        let off = (self.hit as f64 - self.paper).abs();
        assert!(off < 5.0 * self.paper.sqrt(), "{name}: {} hit, {} on paper", self.hit, self.paper);
    }

    /// Between which rates 19 of 20 such counts lie (Wilson's score interval).
    fn interval(&self) -> (f64, f64) {
        let (n, z) = (self.owners as f64, 1.96);
        let p = self.hit as f64 / n;
        let center = p + z * z / (2.0 * n);
        let reach = z * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
        let whole = 1.0 + z * z / n;
        (((center - reach) / whole).max(0.0), (center + reach) / whole)
    }
}

/// As shipped, everywhere at once; and at the greatest risk that the settings take, a hundred times as many
/// guesses, where it does not take millions of owners to see whether as many are hit as on paper.
#[test]
#[ignore = "minutes: run by tests/faults"]
fn thousands_of_owners_are_guessed_at_for_a_year_and_as_few_are_hit_as_on_paper() {
    let shipped = Policy::default();
    let kind = |name, owners, tokens| Kind {
        name,
        owners,
        tokens,
        scratch: 0,
        policy: shipped,
        drifts: &[],
        from: |_| true,
    };
    let one = kind("one phone, from everywhere", 3000, |owner| phones(owner, 1, 6));
    let off = kind("two phones with clocks off, from everywhere", 1000, |owner| phones(owner, 2, 6));
    let eight = kind("eight event tokens, from everywhere", 60, |owner| keys(owner, 8, 6));
    let mixed =
        kind("a phone, event tokens of 6 and 8 digits, scratch codes, from everywhere", 150, |owner| {
            [phones(owner, 1, 6), keys(owner, 1, 6), keys(owner, 1, 8)].concat()
        });
    let everywhere = [
        one,
        kind("eight phones, from everywhere", 300, |owner| phones(owner, 8, 6)),
        eight,
        Kind { drifts: &[-9, 7], ..off },
        Kind { scratch: 10, ..mixed },
    ];
    let mut all = Tally::default();
    for kind in everywhere {
        all += kind.is_measured();
    }
    all.is_told("all of these", one.promised());

    let remote = |place| matches!(place, Place::Behind(_) | Place::At(Origin::Stranger));
    Kind { name: "one phone, over networks alone", owners: 300, from: remote, ..one }.is_measured();

    let mut risky = shipped;
    risky.throttle.yearly_risk = Chance::from_ratio(1, 10);
    let wide = Policy { window: 10, look_ahead: 100, ..risky };
    let bold = kind("wide windows, a hundred times the risk", 150, |owner| {
        [phones(owner, 1, 6), keys(owner, 1, 6)].concat()
    });
    Kind { policy: wide, ..bold }.is_measured();
    Kind { name: "one phone, a hundred times the risk", owners: 40, policy: risky, ..one }.is_measured();
    Kind { name: "eight event tokens, a hundred times the risk", policy: risky, ..eight }.is_measured();
}

//! A phone whose clock is off, a counter that ran ahead: two successive codes tell, and nothing else does.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod common;

use common::{K1, NOW, enrolled, judged, pair_of, phone, typed};
use otp::{Enrollment, Kind, Ledger, Method, Policy, Time, Token, Verdict};

/// Step 60000000 of 30 seconds.
const STEP: u64 = NOW.0 / 30;

struct Person {
    token: Token,
    enrollment: Enrollment,
    ledger: Ledger,
    policy: Policy,
}

impl Person {
    fn with(token: Token) -> Self {
        let (enrollment, ledger) = enrolled(vec![token.clone()]);
        Self { token, enrollment, ledger, policy: Policy::default() }
    }

    fn types(&mut self, text: &str, now: Time) -> Verdict {
        judged(&self.enrollment, &mut self.ledger, &typed(text), now, &self.policy)
    }

    /// Types the code of `factor`.
    fn opens(&mut self, factor: u64, now: Time) -> bool {
        let code = self.token.code(factor).expose().to_owned();
        matches!(self.types(&code, now), Verdict::Accepted { .. })
    }

    /// Types the codes of `factor` and the next in one answer.
    fn opens_with_two(&mut self, factor: u64, now: Time) -> bool {
        let verdict = self.types(&pair_of(&self.token.clone(), factor), now);
        matches!(verdict, Verdict::Accepted { method: Method::Pair(_), .. })
    }

    fn drift(&self) -> i32 {
        self.ledger.tokens[0].drift
    }

    /// Which single codes would open now, as offsets from the present step.
    fn window(&self, now: Time) -> Vec<i64> {
        let opens = |offset: &i64| {
            let mut person = Self { ledger: self.ledger.clone(), ..Self::with(self.token.clone()) };
            person.policy = self.policy;
            person.opens((now.0 / 30).checked_add_signed(*offset).unwrap(), now)
        };
        (-25..=25).filter(opens).collect()
    }
}

fn later(steps: u64) -> Time {
    NOW.after(30 * steps)
}

#[test]
fn two_successive_codes_teach_how_far_the_clock_is_off_and_single_codes_pass_from_then_on() {
    for off in [-10i64, -7, -2, 2, 7, 10] {
        let mut person = Person::with(phone(K1));
        let shown = |now: Time| (now.0 / 30).checked_add_signed(off).unwrap();
        assert!(!person.opens(shown(NOW), NOW), "{off}: not known yet");
        assert!(person.opens_with_two(shown(NOW) - 1, NOW), "{off}");
        assert_eq!(i64::from(person.drift()), off);
        for steps in [2, 40, 2880] {
            assert!(person.opens(shown(later(steps)), later(steps)), "{off}: {steps} steps later");
        }
        let now = later(3000);
        assert_eq!(person.window(now), [off - 1, off, off + 1], "the window lies around that clock");
    }
}

#[test]
fn single_codes_and_pairs_in_the_window_teach_nothing() {
    let mut person = Person::with(phone(K1));
    // Each as late, then as early, as it may be.
    for (steps, offset) in [(0u64, -1i64), (10, -1), (20, -1), (30, 1), (40, 1), (50, 1)] {
        let step = (STEP + steps).checked_add_signed(offset).unwrap();
        assert!(person.opens(step, later(steps)));
        assert_eq!(person.drift(), 0, "{steps}");
    }
    for (steps, first) in [(100u64, -2i64), (110, -1), (120, 0)] {
        assert!(person.opens_with_two((STEP + steps).checked_add_signed(first).unwrap(), later(steps)));
        assert_eq!(person.drift(), 0, "{steps}");
    }
}

#[test]
fn a_clock_that_was_put_right_is_learned_anew() {
    let mut person = Person::with(phone(K1));
    assert!(person.opens_with_two(STEP - 9, NOW));
    assert_eq!(person.drift(), -8);
    let now = later(100);
    assert!(!person.opens(STEP + 100, now), "one code at the right time is none of that clock");
    assert!(person.opens_with_two(STEP + 99, now));
    assert_eq!((person.drift(), person.window(later(200))), (0, vec![-1, 0, 1]));
}

#[test]
fn two_codes_that_do_not_follow_each_other_or_lie_beyond_the_reach_teach_nothing() {
    for first in [-12i64, 10, 2000] {
        let mut person = Person::with(phone(K1));
        let before = person.ledger.tokens.clone();
        assert!(!person.opens_with_two(STEP.checked_add_signed(first).unwrap(), NOW), "{first}");
        assert_eq!(person.ledger.tokens, before);
    }
    let mut person = Person::with(phone(K1));
    let code = |step| phone(K1).code(step).expose().to_owned();
    for (one, two) in [(STEP - 8, STEP - 6), (STEP - 6, STEP - 7), (STEP - 6, STEP - 6)] {
        assert_eq!(
            person.types(&format!("{} {}", code(one), code(two)), NOW),
            Verdict::Wrong { counted: true }
        );
    }
    assert_eq!(person.drift(), 0);
}

#[test]
fn used_codes_open_nothing_and_teach_nothing_soon_or_hours_later() {
    // What the incumbent learns from: three used codes in a row, typed once more. There they open hours later,
    // and the owner's codes are refused from then on.
    for used_as_pairs in [false, true] {
        let mut person = Person::with(phone(K1));
        for step in [STEP, STEP + 1, STEP + 2] {
            let now = Time(step * 30);
            if used_as_pairs && step == STEP {
                assert!(person.opens_with_two(step, now));
            } else if !used_as_pairs || step == STEP + 2 {
                assert!(person.opens(step, now));
            }
        }
        for steps in [3, 5, 8, 10, 12, 120, 480, 2880] {
            let (now, before) = (later(steps), person.ledger.tokens.clone());
            for step in [STEP, STEP + 1, STEP + 2] {
                assert!(!person.opens(step, now), "{steps} steps later");
            }
            assert!(!person.opens_with_two(STEP, now) && !person.opens_with_two(STEP + 1, now));
            // One that was used and one that was not are no two fresh codes either.
            assert!(!person.opens_with_two(STEP + 2, now), "{steps} steps later");
            assert_eq!(person.ledger.tokens, before, "{steps} steps later");
            person.ledger = person.ledger.unlocked();
        }
        assert!(person.opens(STEP + 5000, later(5000)), "the owner's codes are good as ever");
    }
}

#[test]
fn what_was_passed_over_is_never_learned_from() {
    let mut person = Person::with(phone(K1));
    assert!(person.opens(STEP, NOW));
    for first in STEP - 11..STEP {
        assert!(!person.opens_with_two(first, later(1)), "step {first} is older than one that was used");
    }
    assert_eq!(person.drift(), 0);
}

#[test]
fn without_drift_nothing_is_learned_and_nothing_learned_counts() {
    let mut person = Person::with(phone(K1));
    person.policy.drift = 0;
    for first in (-12..=-3).chain(1..=12) {
        assert!(!person.opens_with_two(STEP.checked_add_signed(first).unwrap(), NOW), "{first}");
    }
    person.ledger = person.ledger.unlocked();
    assert_eq!(person.drift(), 0);
    person.ledger.tokens[0].drift = 7;
    assert_eq!(person.window(NOW), [-1, 0, 1]);
}

#[test]
fn a_setting_that_is_lowered_later_bounds_what_was_learned() {
    let mut person = Person::with(phone(K1));
    person.policy.drift = 20;
    assert!(person.opens_with_two(STEP + 18, NOW));
    assert_eq!((person.drift(), person.window(later(50))), (19, vec![18, 19, 20]));
    person.policy.drift = 3;
    assert_eq!(person.window(later(50)), [2, 3, 4]);
    for (wild, window) in [(i32::MAX, [2, 3, 4]), (i32::MIN, [-4, -3, -2])] {
        person.ledger.tokens[0].drift = wild;
        assert_eq!(person.window(later(50)), window);
    }
}

#[test]
fn a_phone_that_is_ahead_is_not_called_a_clock_that_was_set_back() {
    let mut person = Person::with(phone(K1));
    assert!(person.opens_with_two(STEP + 8, NOW));
    assert_eq!(person.enrollment.ahead(&person.ledger, NOW, &person.policy), []);
    let again = person.types(&pair_of(&phone(K1), STEP + 8), NOW);
    assert!(matches!(again, Verdict::Replayed { ahead: None, .. }), "{again:?}");
    let back = Time(NOW.0 - 600);
    let ahead = person.enrollment.ahead(&person.ledger, back, &person.policy);
    assert_eq!(ahead.into_iter().map(|(_, seconds)| seconds).collect::<Vec<_>>(), [600]);
}

#[test]
fn what_a_wrong_clock_taught_is_forgotten_when_it_is_put_right_and_nothing_comes_back() {
    let mut person = Person::with(phone(K1));
    // This machine is five minutes behind, so a phone that is right looks ahead.
    assert!(person.opens_with_two(STEP + 9, NOW));
    assert!(person.opens(STEP + 12, later(2)));
    let now = later(13);
    person.ledger = person.ledger.with_clock_corrected(&person.enrollment, &person.policy, now);
    assert_eq!(person.drift(), 0);
    for spent in [STEP + 9, STEP + 10, STEP + 12] {
        assert!(!person.opens(spent, now) && !person.opens_with_two(spent, now), "{spent}");
    }
    assert!(person.opens(STEP + 15, later(15)));
}

#[test]
fn a_pair_with_one_code_that_was_used_while_the_clock_ran_ahead_teaches_nothing() {
    for first in [STEP + 5, STEP + 6] {
        let mut person = Person::with(phone(K1));
        assert!(person.opens(STEP + 6, later(6)));
        person.ledger = person.ledger.with_clock_corrected(&person.enrollment, &person.policy, NOW);
        assert!(!person.opens_with_two(first, NOW), "{first}");
        assert_eq!(person.drift(), 0);
        assert!(person.opens_with_two(STEP + 4, NOW), "neither was used");
    }
}

#[test]
fn where_every_record_is_lost_no_code_of_a_phone_that_was_ahead_comes_back() {
    let mut person = Person::with(phone(K1));
    assert!(person.opens_with_two(STEP + 8, NOW));
    assert!(person.opens(STEP + 10, NOW));
    person.ledger = Ledger::rebuilt(&person.enrollment, &person.policy, NOW);
    assert_eq!(person.drift(), 0, "nobody knows it any more");
    for steps in 0..15 {
        for spent in STEP..=STEP + 10 {
            assert!(!person.opens(spent, later(steps)), "{spent}, {steps} steps later");
            assert!(!person.opens_with_two(spent, later(steps)), "{spent}, {steps} steps later");
        }
        person.ledger = person.ledger.unlocked();
    }
    assert!(person.opens(STEP + 15, later(15)));
}

fn key() -> Token {
    Token { kind: Kind::Hotp, ..phone(K1) }
}

#[test]
fn one_code_reaches_ten_counters_ahead_and_two_reach_a_hundred() {
    for (counter, opens) in [(0, true), (10, true), (11, false), (100, false)] {
        assert_eq!(Person::with(key()).opens(counter, NOW), opens, "counter {counter}");
    }
    for (counter, opens) in [(0, true), (10, true), (11, true), (100, true), (101, false), (500, false)] {
        let mut person = Person::with(key());
        assert_eq!(person.opens_with_two(counter, NOW), opens, "from counter {counter} on");
        let next = if opens { counter + 2 } else { 0 };
        assert_eq!(person.ledger.tokens[0].next, next);
        assert_eq!(person.drift(), 0);
    }
}

#[test]
fn after_two_codes_far_ahead_the_counter_goes_on_from_there_and_never_back() {
    let mut person = Person::with(key());
    assert!(person.opens(0, NOW));
    assert!(person.opens_with_two(73, NOW));
    for counter in 0..=74 {
        assert!(!person.opens(counter, NOW), "counter {counter}");
        assert!(!person.opens_with_two(counter, NOW), "from counter {counter} on");
        person.ledger = person.ledger.unlocked();
    }
    assert!(person.opens(75, NOW));
    assert_eq!(person.ledger.tokens[0].next, 76);
}

#[test]
fn a_resync_that_is_set_narrower_than_the_look_ahead_takes_nothing_from_it() {
    let mut person = Person::with(key());
    (person.policy.look_ahead, person.policy.resync) = (20, 0);
    assert!(person.opens_with_two(20, NOW));
}

//! A bypass opens so many logins, until its time, and nothing else bends it.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod common;

use common::{K1, K2, NOW, code_unlike, judged, phone, typed};
use otp::{
    BackupCode, BackupSet, Bypass, Enrollment, EnrollmentError, Judgement, Ledger, Life, MAX_BYPASSES,
    Method, Policy, Reason, Time, Token, TokenName, Uses, Verdict, judge,
};
use proptest::prelude::*;

fn code(number: u32) -> BackupCode {
    BackupCode::from_random([number as u8, 31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 11]).unwrap()
}

fn bypass(number: u32, uses: u8, issued: Time, lasts: u64) -> Bypass {
    let salt = [number as u8; 16];
    Bypass {
        number,
        life: Life::new(issued, Time(0), lasts),
        uses: Uses::new(uses).unwrap(),
        reason: Reason::new("the phone is lost").unwrap(),
        salt,
        hash: Bypass::hash(&salt, &code(number)),
    }
}

fn holding(bypasses: Vec<Bypass>) -> (Enrollment, Ledger) {
    let set = BackupSet::new(1, NOW, [9; 16], &[code(20), code(21)]);
    let enrollment = Enrollment::new(vec![phone(K1)], Some(set)).unwrap();
    let enrollment = enrollment.with_bypasses(bypasses).unwrap();
    let ledger = Ledger::new(&enrollment);
    (enrollment, ledger)
}

fn types(enrollment: &Enrollment, ledger: &mut Ledger, number: u32, now: Time) -> Verdict {
    judged(enrollment, ledger, &typed(&code(number).expose()), now, &Policy::default())
}

fn opened(number: u32, left: u8) -> Verdict {
    Verdict::Accepted { method: Method::Bypass { number, left }, backup_left: 2, announced: Vec::new() }
}

const USED_UP: Verdict = Verdict::Replayed { token: None, ahead: None };

#[test]
fn a_bypass_opens_as_often_as_it_says_and_then_is_used_up() {
    let (enrollment, mut ledger) = holding(vec![bypass(1, 3, NOW, 3600)]);
    for left in [2, 1, 0] {
        assert_eq!(types(&enrollment, &mut ledger, 1, NOW), opened(1, left));
    }
    let spent = ledger.clone();
    assert_eq!(types(&enrollment, &mut ledger, 1, NOW), USED_UP);
    assert_eq!(ledger, spent, "a replay costs nothing");
}

#[test]
fn what_is_left_of_a_bypass_is_none_once_it_is_over() {
    let (enrollment, mut ledger) = holding(vec![bypass(1, 3, NOW, 3600)]);
    types(&enrollment, &mut ledger, 1, NOW);
    assert_eq!(ledger.bypass_left(&enrollment, 0, NOW.after(3599)), 2);
    assert_eq!(ledger.bypass_left(&enrollment, 0, NOW.after(3600)), 0);
    assert_eq!(ledger.bypass_left(&enrollment, 1, NOW), 0, "there is no second one");
}

#[test]
fn the_second_of_its_end_is_too_late() {
    let (enrollment, mut ledger) = holding(vec![bypass(1, 2, NOW, 3600)]);
    assert_eq!(types(&enrollment, &mut ledger, 1, NOW.after(3599)), opened(1, 1));
    let expired = Verdict::Expired { number: 1, since: NOW.after(3600) };
    assert_eq!(types(&enrollment, &mut ledger, 1, NOW.after(3600)), expired);
}

#[test]
fn what_was_seen_to_have_expired_stays_so_when_the_clock_is_put_back() {
    let (enrollment, ledger) = holding(vec![bypass(1, 2, NOW, 3600)]);
    let mut seen = ledger.clone();
    assert!(matches!(types(&enrollment, &mut seen, 1, NOW.after(4000)), Verdict::Expired { .. }));
    assert_eq!(types(&enrollment, &mut seen, 1, NOW), USED_UP);
    let mut passed = ledger;
    let later = NOW.after(4000);
    let login = typed(phone(K1).code(later.0 / 30).expose());
    let verdict = judged(&enrollment, &mut passed, &login, later, &Policy::default());
    assert!(matches!(verdict, Verdict::Accepted { .. }));
    assert!(matches!(types(&enrollment, &mut passed.clone(), 1, NOW), Verdict::Expired { .. }));
    let mut corrected = passed.with_clock_corrected(&enrollment, &Policy::default(), NOW);
    assert_eq!(types(&enrollment, &mut corrected, 1, NOW), USED_UP, "brought back by unlock --clock");
}

#[test]
fn what_was_issued_by_a_clock_that_ran_ahead_is_void_once_that_is_put_right() {
    let (enrollment, ledger) = holding(vec![bypass(1, 2, NOW.after(365 * 86_400), 3600)]);
    let mut corrected = ledger.with_clock_corrected(&enrollment, &Policy::default(), NOW);
    assert_eq!(types(&enrollment, &mut corrected, 1, NOW), USED_UP);
}

#[test]
fn a_clock_that_is_behind_judges_no_code_and_takes_a_bypass() {
    let (enrollment, mut ledger) = holding(vec![bypass(1, 1, NOW, 3600)]);
    ledger.latest = NOW;
    assert_eq!(types(&enrollment, &mut ledger, 1, Time(0)), opened(1, 0));
    assert_eq!(ledger.latest, NOW);
}

#[test]
fn a_clock_that_ran_ahead_before_neither_ends_a_bypass_nor_prolongs_it() {
    let year = 365 * 86_400;
    let (mut enrollment, mut ledger) = holding(Vec::new());
    ledger.latest = NOW.after(year);
    let late = Bypass { life: Life::new(NOW, ledger.latest, 3600), ..bypass(1, 9, NOW, 3600) };
    enrollment = enrollment.with_bypasses(vec![late]).unwrap();
    assert_eq!(types(&enrollment, &mut ledger, 1, NOW.after(3599)), opened(1, 8));
    let mut corrected = ledger.with_clock_corrected(&enrollment, &Policy::default(), NOW.after(3000));
    assert_eq!(types(&enrollment, &mut corrected, 1, NOW.after(3599)), opened(1, 7));
    for ledger in [&mut ledger, &mut corrected] {
        let verdict = types(&enrollment, ledger, 1, NOW.after(3600));
        assert_eq!(verdict, Verdict::Expired { number: 1, since: NOW.after(3600) });
    }
}

#[test]
fn one_issued_by_a_clock_that_is_behind_lasts_its_time_there_and_is_over_once_that_is_right() {
    let behind = Time(1_000_000_000);
    let (mut enrollment, mut ledger) = holding(Vec::new());
    ledger.latest = NOW;
    let early = Bypass { life: Life::new(behind, NOW, 3600), ..bypass(1, 9, behind, 3600) };
    enrollment = enrollment.with_bypasses(vec![early]).unwrap();
    assert_eq!(types(&enrollment, &mut ledger, 1, behind.after(3599)), opened(1, 8));
    for over in [behind.after(3600), NOW] {
        let verdict = types(&enrollment, &mut ledger.clone(), 1, over);
        assert!(matches!(verdict, Verdict::Expired { .. }), "{verdict:?}");
    }
}

#[test]
fn no_more_fit_than_the_ledger_counts() {
    let many = (1..=9).map(|number| bypass(number, 1, NOW, 60)).collect();
    let (enrollment, _) = holding(Vec::new());
    assert_eq!(enrollment.with_bypasses(many), Err(EnrollmentError::Bypasses(MAX_BYPASSES + 1)));
}

#[test]
fn a_number_of_uses_and_a_reason_have_bounds() {
    let uses = [0, 1, 100, 101].map(|count| Uses::new(count).is_some());
    assert_eq!(uses, [false, true, true, false]);
    for wrong in ["", " ", "two\nlines", "\u{1b}[2J", &"x".repeat(201)] {
        assert_eq!(Reason::new(wrong), None, "{wrong:?}");
    }
    assert_eq!(Reason::new(" lost, ticket \"12\" ").unwrap().as_str(), "lost, ticket \"12\"");
}

/// What happens next.
#[derive(Clone, Debug)]
enum Event {
    /// The clock goes on or is set, by seconds.
    Jump(i64),
    /// One of the bypasses is typed.
    Bypass(u32),
    /// A backup code is typed: a good one, or one of nobody.
    Backup(u32),
    /// A guess, which may make the lane wait.
    Guess,
    /// The app's code.
    Code,
    /// An administrator puts a clock right, opens the lanes.
    CorrectClock,
    Unlock,
    /// Another token joins, or goes; the bypasses come to stand in another order.
    Change,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        3 => (0..400i64).prop_map(Event::Jump),
        2 => (-4000..4000i64).prop_map(Event::Jump),
        1 => (-200_000..200_000i64).prop_map(Event::Jump),
        8 => (1..=4u32).prop_map(Event::Bypass),
        2 => (20..24u32).prop_map(Event::Backup),
        3 => Just(Event::Guess),
        2 => Just(Event::Code),
        1 => Just(Event::CorrectClock),
        1 => Just(Event::Unlock),
        1 => Just(Event::Change),
    ]
}

/// A bypass as an administrator thinks of it.
struct Held {
    bypass: Bypass,
    opened: u8,
    over: bool,
}

struct World {
    enrollment: Enrollment,
    ledger: Ledger,
    now: Time,
    held: Vec<Held>,
}

impl World {
    fn new(bypasses: Vec<Bypass>) -> Self {
        let (enrollment, ledger) = holding(bypasses.clone());
        let held = bypasses.into_iter().map(|bypass| Held { bypass, opened: 0, over: false });
        Self { enrollment, ledger, now: NOW, held: held.collect() }
    }

    fn happens(&mut self, event: &Event) {
        let policy = Policy::default();
        match event {
            Event::Jump(seconds) => self.now = Time(self.now.0.saturating_add_signed(*seconds)),
            Event::Bypass(number) => self.is_typed(*number),
            Event::Backup(number) => {
                let judgement = self.judged(&code(*number).expose());
                if *number > 21 {
                    let wrong = Judgement { verdict: Verdict::Wrong { counted: false }, next: None };
                    assert_eq!(judgement, wrong, "of nobody");
                }
                self.keep(judgement);
            }
            Event::Guess => {
                let good: Vec<_> = (0..=8).map(|near| phone(K1).code(self.now.0 / 30 + near)).collect();
                let guess = code_unlike(6, |text| good.iter().any(|code| code.expose() == text));
                let judgement = self.judged(guess.expose());
                self.keep(judgement);
            }
            Event::Code => {
                let judgement = self.judged(phone(K1).code(self.now.0 / 30).expose());
                self.keep(judgement);
            }
            Event::CorrectClock => {
                let passed = self.now.max(self.ledger.latest);
                for held in &mut self.held {
                    held.over |= passed >= held.bypass.life.expires || held.bypass.life.issued > self.now;
                }
                self.ledger = self.ledger.with_clock_corrected(&self.enrollment, &policy, self.now);
            }
            Event::Unlock => self.ledger = self.ledger.unlocked(),
            Event::Change => self.is_changed(),
        }
    }

    fn judged(&self, text: &str) -> Judgement {
        judge(&self.enrollment, &self.ledger, &typed(text), self.now, &Policy::default())
    }

    /// What no bypass had a part in moves none.
    fn keep(&mut self, judgement: Judgement) {
        if let Some(next) = judgement.next {
            assert_eq!(next.bypass_uses, self.ledger.bypass_uses);
            self.ledger = next;
        }
    }

    fn is_typed(&mut self, number: u32) {
        let Judgement { verdict, next } = self.judged(&code(number).expose());
        let passed = self.now.max(self.ledger.latest);
        let Some(held) = self.held.iter_mut().find(|held| held.bypass.number == number) else {
            assert_eq!((verdict, next), (Verdict::Wrong { counted: false }, None));
            return;
        };
        let left = held.bypass.uses.count() - held.opened;
        let expected = if left == 0 || held.over {
            USED_UP
        } else if passed >= held.bypass.life.expires {
            held.over = true;
            Verdict::Expired { number, since: held.bypass.life.expires }
        } else {
            held.opened += 1;
            let backup_left = self.ledger.backup_left(&self.enrollment);
            Verdict::Accepted {
                method: Method::Bypass { number, left: left - 1 },
                backup_left,
                announced: Vec::new(),
            }
        };
        assert_eq!(verdict, expected);
        assert_eq!(next.is_some(), expected != USED_UP, "recorded, unless it was before");
        if let Some(next) = next {
            assert_eq!(next.strangers_budget, self.ledger.strangers_budget, "never charged, never forgiven");
            self.ledger = next;
        }
    }

    fn is_changed(&mut self) {
        let second = Token { name: TokenName::new("second").unwrap(), ..phone(K2) };
        let tokens = match self.enrollment.tokens().len() {
            1 => vec![second, phone(K1)],
            _ => vec![phone(K1)],
        };
        let mut bypasses = self.enrollment.bypasses().to_vec();
        bypasses.reverse();
        let next = Enrollment::new(tokens, self.enrollment.backup().cloned()).unwrap();
        let next = next.with_bypasses(bypasses).unwrap();
        self.ledger = self.ledger.carried(&self.enrollment, &next);
        self.enrollment = next;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn a_bypass_opens_while_it_lasts_whatever_happens_and_never_after(
        kinds in prop::collection::vec((1..=4u8, prop_oneof![60..900u64, 900..90_000u64]), 0..=3),
        events in prop::collection::vec(event(), 1..120),
    ) {
        let numbered = (1..).zip(kinds);
        let mut world =
            World::new(numbered.map(|(number, (uses, lasts))| bypass(number, uses, NOW, lasts)).collect());
        for event in &events {
            world.happens(event);
        }
    }
}

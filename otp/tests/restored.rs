//! An event token after a restore: nothing tells how far it has counted since, so only two successive codes open,
//! beyond as many as an administrator says may have been used.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod common;

use common::{K1, K2, NOW, enrolled, judged, named, pair_of, phone, typed};
use otp::{
    Chance, Enrollment, Kind, Ledger, Method, Origin, Policy, Secret, Tail, Time, Token, TokenName,
    TokenState, Verdict, judge, split,
};

const SKIP: u64 = 10;

fn fob(name: &str) -> Token {
    named(name, Kind::Hotp, 6, Secret::from_base32(K1).unwrap())
}

fn single(factor: u64) -> String {
    fob("fob").code(factor).expose().to_string()
}

fn pair(factor: u64) -> String {
    pair_of(&fob("fob"), factor)
}

/// One person with a fob, of whom a backup was put back that knows the counters below 5.
struct Restored {
    enrollment: Enrollment,
    ledger: Ledger,
    policy: Policy,
    now: Time,
}

impl Restored {
    const KNOWN: u64 = 5;

    fn new() -> Self {
        let (enrollment, mut ledger) = enrolled(vec![fob("fob")]);
        let policy = Policy::default();
        for factor in 0..Self::KNOWN {
            judged(&enrollment, &mut ledger, &typed(&single(factor)), NOW, &policy);
        }
        assert_eq!(ledger.tokens[0].next, Self::KNOWN);
        let ledger = ledger.restored(&enrollment, &policy, NOW, SKIP);
        Self { enrollment, ledger, policy, now: NOW }
    }

    fn types(&mut self, text: &str) -> Verdict {
        judged(&self.enrollment, &mut self.ledger, &typed(text), self.now, &self.policy)
    }

    /// The same, and nothing of it is kept.
    fn would(&self, text: &str) -> Verdict {
        judge(&self.enrollment, &self.ledger, &typed(text), self.now, &self.policy).verdict
    }

    fn opens(&self, text: &str) -> bool {
        matches!(self.would(text), Verdict::Accepted { .. })
    }
}

fn needed() -> Verdict {
    Verdict::PairNeeded { token: TokenName::new("fob").unwrap() }
}

#[test]
fn two_successive_codes_open_beyond_what_is_passed_over_and_one_never_does() {
    let person = Restored::new();
    let floor = Restored::KNOWN + SKIP;
    for factor in 0..floor + 200 {
        assert!(!person.opens(&single(factor)), "{factor}");
        let within = (floor..=floor + u64::from(person.policy.resync)).contains(&factor);
        assert_eq!(person.opens(&pair(factor)), within, "{factor}");
    }
    // In the wrong order, or with one between them, they are not successive.
    assert!(!person.opens(&format!("{} {}", single(floor + 1), single(floor))));
    assert!(!person.opens(&format!("{} {}", single(floor), single(floor + 2))));
}

#[test]
fn after_the_first_pair_it_is_a_token_as_any_other() {
    let mut person = Restored::new();
    let Verdict::Accepted { method: Method::Pair(name), .. } = person.types(&pair(20)) else { panic!() };
    assert_eq!(name.as_str(), "fob");
    for passed in [single(15), single(20), single(21), pair(15), pair(20), pair(21)] {
        assert!(!matches!(person.would(&passed), Verdict::Accepted { .. } | Verdict::PairNeeded { .. }));
    }
    assert!(matches!(person.types(&single(22)), Verdict::Accepted { method: Method::Code(_), .. }));
    assert!(matches!(person.types(&single(30)), Verdict::Accepted { method: Method::Code(_), .. }));
}

#[test]
fn of_what_was_used_since_the_backup_only_what_lies_beyond_the_margin_may_be_replayed_until_the_owner_comes()
{
    for used in [0, 1, 2, SKIP, SKIP + 1, SKIP + 2, SKIP + 30] {
        let mut person = Restored::new();
        let all = (Restored::KNOWN..Restored::KNOWN + used).collect::<Vec<_>>();
        let replayed = all.windows(2).filter(|two| person.opens(&pair(two[0]))).count() as u64;
        assert_eq!(replayed, used.saturating_sub(SKIP + 1), "{used}");
        assert!(!all.iter().any(|&factor| person.opens(&single(factor))));
        // The owner goes on where the fob is, pressing it on to the margin if it is not there yet.
        let next = Restored::KNOWN + used.max(SKIP);
        assert!(matches!(person.types(&pair(next)), Verdict::Accepted { .. }), "{used}");
        assert!(!all.iter().any(|&factor| person.opens(&single(factor)) || person.opens(&pair(factor))));
    }
}

#[test]
fn one_right_code_is_told_apart_and_neither_spent_nor_counted() {
    let mut person = Restored::new();
    let before = person.ledger.clone();
    // Also where the owner has used less than was passed over, but not what is known to be used.
    for factor in [Restored::KNOWN, 14, 15, 25] {
        assert_eq!(person.types(&single(factor)), needed(), "{factor}");
    }
    assert!(matches!(person.types(&single(4)), Verdict::Replayed { .. }));
    assert_eq!(person.ledger, before);
    assert!(
        matches!(person.types(&pair(15)), Verdict::Accepted { .. }),
        "the first of them was typed before"
    );
}

#[test]
fn a_wrong_code_is_charged_as_if_one_could_open_and_makes_the_lane_wait() {
    let (enrollment, ordinary) = enrolled(vec![fob("fob")]);
    let mut person = Restored::new();
    let chance = enrollment.chance(&ordinary, NOW, &person.policy);
    assert_eq!(chance, Chance::from_ratio(11, 1_000_000));
    for _ in 0..5 {
        assert_eq!(person.types("000000"), Verdict::Wrong { counted: true });
    }
    assert_eq!(person.ledger.strangers_budget.spent, Chance(5 * chance.0));
    assert!(matches!(person.types(&single(15)), Verdict::Throttled { .. }), "nor is a right one told then");
    assert!(matches!(person.types(&pair(15)), Verdict::Accepted { .. }));
}

#[test]
fn whoever_holds_one_code_pays_for_each_guess_at_the_other() {
    let mut person = Restored::new();
    assert_eq!(person.types("000000 111111"), Verdict::Wrong { counted: true });
    let blind = person.ledger.strangers_budget.spent;
    assert_eq!(blind, Chance::from_ratio(101, 1_000_000_000_000));
    let mut guesses = 0_u64;
    // A used code that was seen, and a millionth for what came after it.
    while person.types(&format!("{} {:06}", single(40), 123_000 + guesses))
        == (Verdict::Wrong { counted: true })
    {
        guesses += 1;
        assert!(guesses < 1000, "nothing bounds this");
    }
    assert!((450..=500).contains(&guesses), "{guesses}");
    assert!(matches!(person.would(&format!("{:06} {}", 123_000, single(40))), Verdict::Throttled { .. }));
    // And so behind a password, where single codes have to wait.
    let mut person = Restored::new();
    (0..5).for_each(|_| drop(person.types("000000")));
    let before = person.ledger.strangers_budget.spent;
    let tail = Tail::of(format!("secret123456{}", single(40)).as_bytes());
    let split = split(&person.enrollment, &person.ledger, &tail, Origin::Stranger, NOW, &person.policy);
    assert!(matches!(split.judgement.verdict, Verdict::Throttled { .. }));
    let charged = split.judgement.next.unwrap().strangers_budget.spent.0 - before.0;
    assert!(charged >= Chance::from_ratio(1, 1_000_000).0, "{charged}");
}

#[test]
fn behind_a_password_one_code_is_no_part_of_it_and_two_open() {
    let person = Restored::new();
    let split = |text: String| {
        let tail = Tail::of(text.as_bytes());
        split(&person.enrollment, &person.ledger, &tail, Origin::Stranger, NOW, &person.policy)
    };
    let one = split(format!("secret{}", single(20)));
    assert_eq!((one.judgement.verdict, one.code), (needed(), Some(6)));
    // It may stand behind a guess, which is paid for.
    assert!(one.judgement.next.unwrap().strangers.failures == 1);
    let twisted = split(format!("secret{}{}", single(21), single(20)));
    assert_eq!((twisted.judgement.verdict, twisted.code), (needed(), Some(12)));
    let two = split(format!("secret{}{}", single(20), single(21)));
    assert!(matches!(two.judgement.verdict, Verdict::Accepted { method: Method::Pair(_), .. }));
    assert_eq!(two.code, Some(12));
}

#[test]
fn where_guesses_cost_nothing_two_codes_are_spent_and_prove_nothing() {
    let person = Restored::new();
    let tail = |text: String| Tail::of(text.as_bytes()).optional();
    let split = |text: String| {
        split(&person.enrollment, &person.ledger, &tail(text), Origin::Console, NOW, &person.policy)
    };
    let one = split(format!("secret{}", single(20)));
    assert_eq!(
        (one.judgement.verdict, one.code),
        (Verdict::Wrong { counted: false }, None),
        "nothing tells it"
    );
    assert_eq!(one.judgement.next, None);
    let two = split(format!("secret{}{}", single(20), single(21)));
    assert_eq!(two.code, Some(12));
    let after = two.judgement.next.unwrap();
    assert_eq!((after.tokens[0].next, after.tokens[0].pairs_only), (22, true));
}

#[test]
fn another_token_opens_by_one_code_as_before() {
    let (enrollment, ledger) = enrolled(vec![phone(K2), fob("fob")]);
    let policy = Policy::default();
    let mut ledger = ledger.restored(&enrollment, &policy, NOW, SKIP);
    let later = Time(NOW.0 + 900);
    let token = phone(K2);
    let code = token.code(token.step_at(later).unwrap());
    let verdict = judged(&enrollment, &mut ledger, &typed(code.expose()), later, &policy);
    assert!(matches!(verdict, Verdict::Accepted { method: Method::Code(_), .. }), "{verdict:?}");
    assert!(ledger.tokens[1].pairs_only && !ledger.tokens[0].pairs_only);
}

#[test]
fn no_change_and_no_repair_makes_one_code_good_again() {
    let person = Restored::new();
    let (more, _) = enrolled(vec![fob("renamed"), phone(K2), fob("again")]);
    let carried = person.ledger.carried(&person.enrollment, &more);
    assert!(carried.tokens[0].pairs_only && carried.tokens[2].pairs_only && !carried.tokens[1].pairs_only);
    let raised = person.ledger.raised(&person.enrollment, &person.policy, NOW);
    assert!(raised.tokens[0].pairs_only && raised.tokens[0].next > person.ledger.tokens[0].next);
    // What an earlier module knows of its counter is no proof of what was used here.
    let brought = TokenState { next: 70, ..TokenState::default() };
    for joined in [person.ledger.tokens[0].joined(&brought), brought.joined(&person.ledger.tokens[0])] {
        assert!(joined.pairs_only && joined.next == 70, "{joined:?}");
    }
    assert!(person.ledger.unlocked().tokens[0].pairs_only);
    let corrected = person.ledger.with_clock_corrected(&person.enrollment, &person.policy, NOW);
    assert!(corrected.tokens[0].pairs_only);
}

#[test]
fn a_second_restore_passes_over_as_many_more_and_what_was_lost_altogether_stays_so() {
    let person = Restored::new();
    let again = person.ledger.restored(&person.enrollment, &person.policy, NOW, 3);
    assert_eq!((again.tokens[0].next, again.tokens[0].pairs_only), (Restored::KNOWN + SKIP + 3, true));
    let lost = Ledger::rebuilt(&person.enrollment, &person.policy, NOW);
    assert_eq!(lost.restored(&person.enrollment, &person.policy, NOW, SKIP).tokens, lost.tokens);
}

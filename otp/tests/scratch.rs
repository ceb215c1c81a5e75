//! Scratch codes of an earlier module: each opens once, and guessing at them costs what it is worth.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod common;

use common::{K1, NOW, judged, named, phone, totp, typed, typed_from};
use otp::{
    BackupSet, Chance, Code, Enrollment, Kind, Ledger, Malformed, Method, Origin, Policy, ScratchSet, Secret,
    Time, Token, Verdict,
};

fn codes(numbers: impl IntoIterator<Item = u32>) -> Vec<Code> {
    numbers.into_iter().map(|number| Code::new(number.to_string().as_bytes()).unwrap()).collect()
}

/// Somebody with these tokens and the scratch codes 10000000, 10000001, …
fn with_scratch(tokens: Vec<Token>, count: u32) -> (Enrollment, Ledger) {
    let set = ScratchSet::new([3; 16], &codes(10_000_000..10_000_000 + count));
    let enrollment = Enrollment::new(tokens, None).unwrap().with_scratch(Some(set));
    let ledger = Ledger::new(&enrollment);
    (enrollment, ledger)
}

const REPLAYED: Verdict = Verdict::Replayed { token: None, ahead: None };

fn accepted(left: usize) -> Verdict {
    Verdict::Accepted { method: Method::Scratch { left }, backup_left: 0, announced: Vec::new() }
}

#[test]
fn a_scratch_code_opens_once_and_is_refused_the_second_time() {
    let (enrollment, mut ledger) = with_scratch(vec![phone(K1)], 128);
    let policy = Policy::default();
    for number in 0..128 {
        let attempt = typed(&format!("{}", 10_000_000 + number));
        let left = usize::try_from(127 - number).unwrap();
        assert_eq!(judged(&enrollment, &mut ledger, &attempt, NOW, &policy), accepted(left));
        assert_eq!(judged(&enrollment, &mut ledger, &attempt, NOW, &policy), REPLAYED);
        let spaced = typed(&format!("1000 {:04}", number));
        assert_eq!(judged(&enrollment, &mut ledger, &spaced, NOW, &policy), REPLAYED);
    }
    assert_eq!(ledger.spent_scratch, u128::MAX);
    assert_eq!(ledger.strangers_budget.spent, Chance(0), "what opened costs nothing");
}

#[test]
fn a_guess_at_scratch_codes_is_counted_and_charged_by_how_many_are_left() {
    let (enrollment, mut ledger) = with_scratch(vec![phone(K1)], 10);
    let policy = Policy::default();
    judged(&enrollment, &mut ledger, &typed("10000009"), NOW, &policy);
    let wrong = judged(&enrollment, &mut ledger, &typed("99999999"), NOW, &policy);
    assert_eq!(wrong, Verdict::Wrong { counted: true });
    assert_eq!(ledger.strangers.failures, 1);
    assert_eq!(ledger.strangers_budget.spent, Chance::from_ratio(9, 90_000_000));
    let most = enrollment.chance(&ledger, NOW, &policy);
    assert_eq!(most, Chance::from_ratio(3, 1_000_000), "the phone's six digits are the better guess");
}

#[test]
fn beside_a_token_of_eight_digits_a_guess_is_charged_for_both() {
    let token = named("phone", totp(30), 8, Secret::from_base32(K1).unwrap());
    let (enrollment, mut ledger) = with_scratch(vec![token], 100);
    let policy = Policy::default();
    judged(&enrollment, &mut ledger, &typed("99999999"), NOW, &policy);
    let both = Chance(Chance::from_ratio(3, 100_000_000).0 + Chance::from_ratio(100, 90_000_000).0);
    assert_eq!(ledger.strangers_budget.spent, both);
    assert_eq!(enrollment.chance(&ledger, NOW, &policy), both);
}

#[test]
fn a_lane_that_has_to_wait_takes_no_scratch_code() {
    let (enrollment, mut ledger) = with_scratch(vec![phone(K1)], 5);
    let policy = Policy::default();
    for guess in 20_000_000..20_000_005 {
        judged(&enrollment, &mut ledger, &typed(&guess.to_string()), NOW, &policy);
    }
    let right = typed("10000000");
    let refused = judged(&enrollment, &mut ledger, &right, NOW, &policy);
    assert!(matches!(refused, Verdict::Throttled { .. }), "{refused:?}");
    assert!(otp::throttled(&enrollment, &ledger, &right, NOW, &policy).is_some());
    assert_eq!(judged(&enrollment, &mut ledger, &right, NOW.after(30), &policy), accepted(4));
}

#[test]
fn eight_digits_are_malformed_where_there_are_no_scratch_codes_and_no_pair_of_them_is_one() {
    let (enrollment, mut ledger) = with_scratch(vec![phone(K1)], 5);
    let policy = Policy::default();
    let malformed = Verdict::Malformed(Malformed::WrongLength);
    let pair = typed("10000000 10000001");
    assert_eq!(judged(&enrollment, &mut ledger, &pair, NOW, &policy), malformed);
    let bare = enrollment.with_scratch(None);
    assert_eq!(judged(&bare, &mut ledger, &typed("10000000"), NOW, &policy), malformed);
}

#[test]
fn a_wrong_clock_keeps_scratch_codes_shut_as_it_does_codes() {
    let (enrollment, mut ledger) = with_scratch(vec![phone(K1)], 5);
    let policy = Policy { not_before: NOW, ..Policy::default() };
    let refused = judged(&enrollment, &mut ledger, &typed("10000000"), Time(NOW.0 - 90_000), &policy);
    assert!(matches!(refused, Verdict::ClockBehind { .. }), "{refused:?}");
}

#[test]
fn a_text_that_is_both_a_code_and_a_scratch_code_is_spent_as_both() {
    let token = named("fob", Kind::Hotp, 8, Secret::from_base32(K1).unwrap());
    let text = token.code(4).expose().to_owned();
    let set = ScratchSet::new([3; 16], &[Code::new(text.as_bytes()).unwrap()]);
    let enrollment = Enrollment::new(vec![token], None).unwrap().with_scratch(Some(set));
    let (mut ledger, policy) = (Ledger::new(&enrollment), Policy::default());
    let attempt = typed_from(Origin::Console, &text);
    let first = judged(&enrollment, &mut ledger, &attempt, NOW, &policy);
    assert!(matches!(first, Verdict::Accepted { method: Method::Code(_), .. }), "{first:?}");
    assert_eq!((ledger.tokens[0].next, ledger.spent_scratch), (5, 1));
    assert_eq!(judged(&enrollment, &mut ledger, &attempt, NOW, &policy), REPLAYED);
}

#[test]
fn what_is_spent_of_a_set_is_kept_with_the_set_and_with_no_other() {
    let (enrollment, mut ledger) = with_scratch(vec![phone(K1)], 5);
    judged(&enrollment, &mut ledger, &typed("10000002"), NOW, &Policy::default());
    let renewed = enrollment.clone().with_backup(Some(BackupSet::new(1, NOW, [1; 16], &[])));
    assert_eq!(ledger.carried(&enrollment, &renewed).spent_scratch, 4);
    let other = ScratchSet::new([4; 16], &codes(10_000_000..10_000_005));
    let other = enrollment.clone().with_scratch(Some(other));
    assert_eq!(ledger.carried(&enrollment, &other).spent_scratch, 0);
    assert_eq!(ledger.without_tokens().spent_scratch, 0);
}

#[test]
fn codes_that_are_no_scratch_codes_are_not_taken() {
    let six = Code::new(b"123456").unwrap();
    let set = ScratchSet::new([3; 16], &[codes([10_000_000]), vec![six.clone()]].concat());
    assert_eq!((set.hashes.len(), set.position(&six)), (1, None));
    assert_eq!(ScratchSet::new([3; 16], &codes(10_000_000..10_000_200)).hashes.len(), 128);
}

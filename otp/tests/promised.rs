//! The numbers that SECURITY.md promises, from the code that keeps them.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod common;

use common::{K1, NOW, phone, typed_from};
use otp::{Enrollment, Ledger, Origin, Policy, Time, Verdict, judge};

/// Guesses of strangers, each as soon as it is let: the instants at which they were judged.
fn guesses(days: u64) -> Vec<Time> {
    let enrollment = Enrollment::new(vec![phone(K1)], None).unwrap();
    let (policy, end) = (Policy::default(), NOW.after(days * 86_400));
    let (mut ledger, mut now, mut judged) = (Ledger::new(&enrollment), NOW, Vec::new());
    let mut number = 0u32;
    while now < end {
        number += 1;
        let attempt = typed_from(Origin::Stranger, &format!("{:06}", number % 1_000_000));
        let judgement = judge(&enrollment, &ledger, &attempt, now, &policy);
        match judgement.verdict {
            Verdict::Wrong { counted: true } => judged.push(now),
            Verdict::Throttled { until, .. } => {
                now = until;
                continue;
            }
            // A lucky one: another number takes its place.
            Verdict::Accepted { .. } => continue,
            other => panic!("{other:?}"),
        }
        ledger = judgement.next.unwrap();
    }
    judged
}

#[test]
fn a_hundred_and_fifty_guesses_take_35_hours_and_then_one_comes_every_52() {
    let judged = guesses(30);
    let hours = |from: usize, to: usize| judged[to].since(judged[from]) / 3600;
    // 30 s doubling to 15 min, and 15 min from there on.
    assert_eq!(judged[149].since(judged[0]), 30 + 60 + 120 + 240 + 480 + 140 * 900);
    assert_eq!(hours(0, 149), 35);
    // What they were worth has drained in part meanwhile.
    assert_eq!(hours(0, 150), 52);
    assert!((151..judged.len()).all(|number| hours(number - 1, number) == 52));
}

#[test]
fn a_year_gives_strangers_316_guesses_and_less_than_a_chance_in_a_thousand() {
    let judged = guesses(365).len();
    assert_eq!(judged, 316);
    // Three steps of a million codes are acceptable at any moment.
    assert!(judged * 3 < 1_000);
}

//! A clock that is wrong, was wrong or is put right never makes a code good twice.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod common;

use common::{K1, NOW, enrolled, judged, pair_of, phone, typed, typed_from};
use otp::{
    Attempt, BackupCode, BackupSet, Delay, Enrollment, Judgement, Kind, Ledger, MAX_SPENT, Origin, Policy,
    Time, Token, TokenName, Typed, Verdict, judge, throttled,
};

const DAY: u64 = 86_400;

fn before(seconds: u64) -> Time {
    Time(NOW.0 - seconds)
}

fn is_accepted(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Accepted { .. })
}

fn code_at(now: Time) -> String {
    phone(K1).code(now.0 / 30).expose().to_owned()
}

/// Somebody who has logged in with the phone at these instants.
fn used_at(instants: impl IntoIterator<Item = Time>) -> (Enrollment, Ledger, Policy) {
    let (enrollment, mut ledger) = enrolled(vec![phone(K1)]);
    let policy = Policy::default();
    for now in instants {
        let verdict = judged(&enrollment, &mut ledger, &typed(&code_at(now)), now, &policy);
        assert!(is_accepted(&verdict), "{now:?}: {verdict:?}");
    }
    (enrollment, ledger, policy)
}

#[test]
fn a_clock_set_back_denies_and_says_how_far_ahead() {
    let (enrollment, mut ledger, policy) = used_at([NOW]);
    let phone = Some(TokenName::new("phone").unwrap());
    let replayed = Verdict::Replayed { token: phone, ahead: Some(60) };
    for code in ["592691", "996205", "316541"] {
        assert_eq!(judged(&enrollment, &mut ledger, &typed(code), before(60), &policy), replayed, "{code}");
    }
    assert_eq!(enrollment.ahead(&ledger, before(60), &policy), [(TokenName::new("phone").unwrap(), 60)]);
    // Waiting does not help that code, and the next one is good.
    for later in 0..120 {
        let verdict = judged(&enrollment, &mut ledger, &typed("592691"), before(60).after(later), &policy);
        assert!(matches!(verdict, Verdict::Replayed { .. }), "{later}: {verdict:?}");
    }
    assert!(is_accepted(&judged(&enrollment, &mut ledger, &typed("606107"), NOW, &policy)));
}

#[test]
fn within_the_window_nothing_is_said_about_the_clock() {
    let (enrollment, ledger, policy) = used_at([NOW]);
    for now in [NOW, before(1), before(30), NOW.after(3600)] {
        let verdict = judge(&enrollment, &ledger, &typed("592691"), now, &policy).verdict;
        assert!(matches!(verdict, Verdict::Replayed { ahead: None, .. }), "{now:?}: {verdict:?}");
        assert_eq!(enrollment.ahead(&ledger, now, &policy), []);
    }
}

/// Codes and pairs at a clock that lies behind `policy` or `ledger` by a day and one second; a backup code.
fn refuses_all_but_backup_codes(ledger: &Ledger, policy: &Policy, now: Time, seconds: u64) {
    let backup = BackupCode::parse("abcd-efgh-jkmn").unwrap();
    let set = BackupSet::new(1, NOW, [1; 16], std::slice::from_ref(&backup));
    let enrollment = Enrollment::new(vec![phone(K1)], Some(set)).unwrap();
    let step = now.0 / 30;
    for text in [code_at(now), pair_of(&phone(K1), step), "000000".to_owned(), "000000 000000".to_owned()] {
        let judgement = judge(&enrollment, ledger, &typed(&text), now, policy);
        assert_eq!(judgement, Judgement { verdict: Verdict::ClockBehind { seconds }, next: None }, "{text}");
        assert_eq!(throttled(&enrollment, ledger, &typed(&text), now, policy), None, "{text}");
    }
    let attempt = Attempt { typed: Typed::Backup(backup), origin: Origin::Stranger };
    let judgement = judge(&enrollment, ledger, &attempt, now, policy);
    assert!(is_accepted(&judgement.verdict), "{judgement:?}");
    assert_eq!(judgement.next.unwrap().latest, ledger.latest.max(now));
}

#[test]
fn more_than_a_day_behind_the_ledger_no_code_is_judged() {
    let (_, fresh) = enrolled(vec![phone(K1)]);
    let ledger = Ledger { latest: NOW, ..fresh };
    refuses_all_but_backup_codes(&ledger, &Policy::default(), before(DAY + 1), DAY + 1);
    refuses_all_but_backup_codes(&ledger, &Policy::default(), Time(0), NOW.0);
}

#[test]
fn more_than_a_day_behind_the_release_no_code_is_judged() {
    let (_, ledger) = enrolled(vec![phone(K1)]);
    let policy = Policy { not_before: NOW, ..Policy::default() };
    refuses_all_but_backup_codes(&ledger, &policy, before(DAY + 1), DAY + 1);
}

#[test]
fn a_day_behind_is_still_judged() {
    let (enrollment, fresh) = enrolled(vec![phone(K1)]);
    let mut ledger = Ledger { latest: NOW, ..fresh };
    let policy = Policy { not_before: NOW, ..Policy::default() };
    let now = before(DAY);
    assert!(is_accepted(&judged(&enrollment, &mut ledger, &typed(&code_at(now)), now, &policy)));
    assert_eq!(ledger.latest, NOW, "the latest time seen never goes back");
}

#[test]
fn after_a_clock_was_put_right_codes_are_good_again_but_none_twice() {
    // The clock ran two hours ahead for a while.
    let ahead: Vec<_> = (0..5).map(|n| NOW.after(7200 + 60 * n)).collect();
    let (enrollment, ledger, policy) = used_at(ahead.clone());
    let refused = judge(&enrollment, &ledger, &typed("592691"), NOW, &policy).verdict;
    assert!(matches!(refused, Verdict::Replayed { ahead: Some(7440), .. }), "{refused:?}");

    let mut ledger = ledger.with_clock_corrected(&enrollment, &policy, NOW);
    assert_eq!(ledger.tokens[0].next, 60_000_002, "now and the window");
    assert_eq!(ledger.latest, NOW);
    for code in ["316541", "592691", "606107"] {
        assert!(!is_accepted(&judged(&enrollment, &mut ledger, &typed(code), NOW, &policy)), "{code}");
    }
    assert!(is_accepted(&judged(&enrollment, &mut ledger, &typed("923361"), NOW.after(60), &policy)));
    // When their time comes, the codes spent ahead are spent; those between them are not.
    for (place, now) in ahead.into_iter().enumerate() {
        let spent = judged(&enrollment, &mut ledger, &typed(&code_at(now)), now, &policy);
        assert!(matches!(spent, Verdict::Replayed { .. }), "{place}: {spent:?}");
        let between = now.after(30);
        let fresh = judged(&enrollment, &mut ledger, &typed(&code_at(between)), between, &policy);
        assert!(is_accepted(&fresh), "{place}: {fresh:?}");
    }
}

#[test]
fn nothing_is_said_about_a_clock_any_more_once_it_has_come_to_where_codes_are_good() {
    let (enrollment, ledger, policy) = used_at([NOW.after(7200)]);
    let ledger = ledger.with_clock_corrected(&enrollment, &policy, NOW);
    assert_eq!(enrollment.ahead(&ledger, NOW.after(59), &policy).len(), 1);
    assert_eq!(enrollment.ahead(&ledger, NOW.after(60), &policy), []);
}

#[test]
fn a_delay_that_lies_ahead_of_a_clock_that_was_put_right_ends() {
    let (enrollment, ledger, policy) = waiting_since(NOW, 20);
    let now = before(3600);
    let mut ledger = ledger.with_clock_corrected(&enrollment, &policy, now);
    assert_eq!((ledger.strangers_budget.at, ledger.strangers.last_failure), (now, NOW));
    assert!(matches!(
        judged(&enrollment, &mut ledger, &typed("000000"), now, &policy),
        Verdict::Throttled { .. }
    ));
    let later = now.after(900);
    assert!(is_accepted(&judged(&enrollment, &mut ledger, &typed(&code_at(later)), later, &policy)));
}

#[test]
fn logins_after_the_correction_do_not_push_out_what_lies_ahead() {
    let ahead = NOW.after(DAY);
    let (enrollment, ledger, policy) = used_at([ahead]);
    let mut ledger = ledger.with_clock_corrected(&enrollment, &policy, NOW);
    for n in 0..3 * MAX_SPENT as u64 {
        let now = NOW.after(600 * (n + 1));
        assert!(is_accepted(&judged(&enrollment, &mut ledger, &typed(&code_at(now)), now, &policy)), "{n}");
    }
    let spent = judged(&enrollment, &mut ledger, &typed(&code_at(ahead)), ahead, &policy);
    assert!(matches!(spent, Verdict::Replayed { .. }), "{spent:?}");
}

#[test]
fn more_logins_ahead_than_a_ledger_remembers_are_all_spent() {
    let ahead: Vec<_> = (0..MAX_SPENT as u64 + 4).map(|n| NOW.after(7200 + 30 * n)).collect();
    let (enrollment, ledger, policy) = used_at(ahead.clone());
    let mut ledger = ledger.with_clock_corrected(&enrollment, &policy, NOW);
    for now in ahead {
        let spent = judged(&enrollment, &mut ledger, &typed(&code_at(now)), now, &policy);
        assert!(!is_accepted(&spent), "{now:?}");
    }
    let next = NOW.after(7200 + 30 * (MAX_SPENT as u64 + 4));
    assert!(is_accepted(&judged(&enrollment, &mut ledger, &typed(&code_at(next)), next, &policy)));
}

#[test]
fn correcting_a_right_clock_only_opens_what_was_open() {
    let (enrollment, ledger, policy) = used_at([NOW]);
    assert_eq!(ledger.with_clock_corrected(&enrollment, &policy, NOW), ledger);
    let event = Token { kind: Kind::Hotp, ..phone(K1) };
    let (enrollment, mut ledger) = enrolled(vec![event]);
    ledger.tokens[0].next = 1000;
    assert_eq!(ledger.with_clock_corrected(&enrollment, &policy, NOW).tokens, ledger.tokens);
}

/// A ledger whose strangers have failed until they have to wait, at `then`.
fn waiting_since(then: Time, guesses: u32) -> (Enrollment, Ledger, Policy) {
    let (enrollment, mut ledger) = enrolled(vec![phone(K1)]);
    let policy = Policy::default();
    for n in 0..guesses {
        // Each guess as late as the delays ask for, the last one at `then`.
        let now = Time(then.0 - u64::from(guesses - 1 - n) * 900);
        let verdict = judged(&enrollment, &mut ledger, &typed("000000"), now, &policy);
        assert_eq!(verdict, Verdict::Wrong { counted: true }, "{n}");
    }
    (enrollment, ledger, policy)
}

#[test]
fn a_delay_that_lies_ahead_is_clamped_and_restamped() {
    let (enrollment, mut ledger, policy) = waiting_since(NOW, 20);
    let now = before(3600);
    let attempt = typed("000000");
    assert_eq!(throttled(&enrollment, &ledger, &attempt, now, &policy), None, "it has to be recorded");
    let verdict = judged(&enrollment, &mut ledger, &attempt, now, &policy);
    assert!(matches!(verdict, Verdict::Throttled { until, .. } if until == now.after(900)), "{verdict:?}");
    assert_eq!((ledger.strangers.last_failure, ledger.strangers.failures), (now, 20));
    // From now on, this very second too, it is an ordinary wait, and it ends.
    for later in [now, now.after(899)] {
        assert_eq!(judge(&enrollment, &ledger, &attempt, later, &policy).next, None);
        assert!(throttled(&enrollment, &ledger, &attempt, later, &policy).is_some());
    }
    let code = typed(&code_at(now.after(900)));
    assert!(is_accepted(&judge(&enrollment, &ledger, &code, now.after(900), &policy).verdict));
}

#[test]
fn a_lane_without_failures_has_none_that_lies_ahead() {
    let (enrollment, mut ledger, policy) = waiting_since(NOW, 150);
    ledger.strangers = Delay { failures: 0, last_failure: NOW.after(3600) };
    let attempt = typed("000000");
    let refusal = throttled(&enrollment, &ledger, &attempt, NOW, &policy);
    assert!(matches!(refusal, Some(Verdict::Throttled { .. })), "{refusal:?}: the budget alone waits");
}

#[test]
fn a_budget_that_was_charged_ahead_is_restamped_and_drains() {
    let (enrollment, mut ledger, policy) = waiting_since(NOW, 150);
    let now = before(DAY / 2);
    let attempt = typed("000000");
    let until = |verdict: &Verdict| match verdict {
        Verdict::Throttled { until, .. } => *until,
        other => panic!("{other:?}"),
    };
    let first = until(&judged(&enrollment, &mut ledger, &attempt, now, &policy));
    assert_eq!(ledger.strangers_budget.at, now);
    assert!(first > now.after(DAY / 2), "the budget is what waits: {first:?}");
    assert_eq!(until(&judge(&enrollment, &ledger, &attempt, now.after(DAY / 4), &policy).verdict), first);
    let code = typed(&code_at(first));
    assert!(is_accepted(&judge(&enrollment, &ledger, &code, first, &policy).verdict));
}

#[test]
fn the_ends_of_time_are_no_trouble() {
    let event = Token { kind: Kind::Hotp, name: TokenName::new("key").unwrap(), ..phone(K1) };
    let (enrollment, fresh) = enrolled(vec![phone(K1), event]);
    for now in [0, 1, 29, 30, 59, u64::MAX - 1, u64::MAX].map(Time) {
        for latest in [0, u64::MAX].map(Time) {
            for next in [0, u64::MAX - 1, u64::MAX] {
                let mut ledger = Ledger { latest, ..fresh.clone() };
                ledger.strangers.last_failure = latest;
                ledger.strangers.failures = u32::MAX;
                ledger.strangers_budget.at = latest;
                for state in &mut ledger.tokens {
                    state.next = next;
                    state.spent = vec![0, u64::MAX - 1, u64::MAX];
                    state.drift = if next == 0 { i32::MIN } else { i32::MAX };
                }
                for text in ["000000", "000000 000000", &code_at(now), &pair_of(&phone(K1), now.0 / 30)] {
                    for origin in [Origin::Stranger, Origin::Console] {
                        let attempt = typed_from(origin, text);
                        for policy in
                            [Policy::default(), Policy { window: 255, look_ahead: 255, ..Policy::default() }]
                        {
                            let _ = judge(&enrollment, &ledger, &attempt, now, &policy);
                            let _ = throttled(&enrollment, &ledger, &attempt, now, &policy);
                            let _ = ledger.raised(&enrollment, &policy, now);
                            let _ = ledger.with_clock_corrected(&enrollment, &policy, now);
                            let _ = enrollment.ahead(&ledger, now, &policy);
                            let _ = ledger.waits(enrollment.chance(&ledger, now, &policy), &policy, now);
                        }
                    }
                }
            }
        }
    }
}

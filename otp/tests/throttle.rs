//! Guessing is bounded, and nobody is locked out by it but the one who guesses.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod common;

use common::{K1, NOW, enrolled, judged, named, network, numbered_secret, pair_of, phone, typed, typed_from};
use otp::{
    BackupCode, BackupSet, Bucket, Chance, Delay, Enrollment, Kind, Known, Lane, Ledger, Malformed, Origin,
    Policy, Time, Token, Verdict, judge, throttled,
};

/// The owner, known from home, console and elsewhere, with one backup code.
struct Owner {
    enrollment: Enrollment,
    ledger: Ledger,
    policy: Policy,
}

const BACKUP: &str = "abcd-efgh-jkmn";

impl Owner {
    fn new() -> Self {
        let set = BackupSet::new(1, NOW, [1; 16], &[BackupCode::parse(BACKUP).unwrap()]);
        let enrollment = Enrollment::new(vec![phone(K1)], Some(set)).unwrap();
        let known = ["192.0.2.1", "2001:db8::1"]
            .map(|rhost| Known { network: network(rhost), delay: Delay::default() })
            .to_vec();
        let ledger = Ledger { known, ..Ledger::new(&enrollment) };
        Self { enrollment, ledger, policy: Policy::default() }
    }

    fn types(&mut self, origin: Origin, text: &str, now: Time) -> Verdict {
        judged(&self.enrollment, &mut self.ledger, &typed_from(origin, text), now, &self.policy)
    }

    fn wait(&self, origin: Origin, now: Time) -> Option<Time> {
        let attempt = typed_from(origin, "000000");
        match throttled(&self.enrollment, &self.ledger, &attempt, now, &self.policy) {
            None => None,
            Some(Verdict::Throttled { until, .. }) => Some(until),
            Some(other) => panic!("{other:?}"),
        }
    }

    /// Wrong codes from `origin`, each as soon as it is let, until `count` were judged. When that was.
    fn is_attacked(&mut self, origin: Origin, count: usize, start: Time) -> Time {
        let mut now = start;
        for n in 0..count {
            now = self.wait(origin, now).unwrap_or(now);
            assert_eq!(self.types(origin, "000000", now), Verdict::Wrong { counted: true }, "guess {n}");
        }
        now
    }
}

fn home() -> Origin {
    Origin::Network(network("192.0.2.9"))
}

fn code_at(now: Time) -> String {
    phone(K1).code(now.0 / 30).expose().to_owned()
}

fn is_accepted(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Accepted { .. })
}

#[test]
fn a_thousand_failures_of_strangers_touch_no_other_lane() {
    let mut owner = Owner::new();
    let before = owner.ledger.clone();
    let strangers = [Origin::Stranger, Origin::Network(network("198.51.100.7"))];
    let mut now = NOW;
    for n in 0..1000 {
        let origin = strangers[n % 2];
        now = owner.wait(origin, now).unwrap_or(now);
        assert_eq!(owner.types(origin, "000000", now), Verdict::Wrong { counted: true }, "guess {n}");
    }
    // Between its guesses it hammers at the door.
    for _ in 0..1000 {
        let verdict = owner.types(Origin::Stranger, "000000", now);
        assert!(matches!(verdict, Verdict::Throttled { lane: Lane::Strangers, .. }), "{verdict:?}");
    }
    let strangers_alone = Ledger {
        latest: owner.ledger.latest,
        strangers: owner.ledger.strangers,
        strangers_budget: owner.ledger.strangers_budget,
        ..before
    };
    assert_eq!(owner.ledger, strangers_alone);
    for origin in [home(), Origin::Console, Origin::Others, Origin::Service] {
        assert_eq!(owner.wait(origin, now), None);
        let code = typed_from(origin, &code_at(now));
        let verdict = judge(&owner.enrollment, &owner.ledger, &code, now, &owner.policy).verdict;
        assert!(is_accepted(&verdict), "{origin:?}: {verdict:?}");
    }
    assert!(!is_accepted(&owner.types(Origin::Stranger, &code_at(now), now)));
}

#[test]
fn a_failure_stays_in_its_lane() {
    let networks = [home(), Origin::Network(network("2001:db8::2"))];
    let elsewhere = [Origin::Console, Origin::Others, Origin::Service, Origin::Stranger];
    let origins = [&networks[..], &elsewhere].concat();
    for &guilty in &origins {
        let mut owner = Owner::new();
        let now = owner.is_attacked(guilty, 5, NOW);
        for &other in &origins {
            let waits = owner.wait(other, now).is_some();
            assert_eq!(waits, other == guilty, "{guilty:?} failed, {other:?}");
        }
    }
}

#[test]
fn services_that_ask_about_everybody_spend_what_other_accounts_may_and_make_none_of_these_wait() {
    for (guilty, other) in [(Origin::Service, Origin::Others), (Origin::Others, Origin::Service)] {
        let mut owner = Owner::new();
        let now = owner.is_attacked(guilty, 5, NOW);
        assert!(owner.wait(guilty, now).is_some());
        assert_eq!(owner.wait(other, now), None, "{guilty:?} failed five times");
        let now = owner.is_attacked(guilty, 195, now);
        assert!(owner.wait(other, now).unwrap().since(now) > 900, "{guilty:?} has spent the budget of both");
        assert!(is_accepted(&owner.types(other, &pair_of(&phone(K1), now.0 / 30 - 1), now)));
        for origin in [home(), Origin::Console, Origin::Stranger] {
            assert_eq!(owner.wait(origin, now), None, "{guilty:?}, {origin:?}");
        }
    }
}

#[test]
fn delays_double_from_half_a_minute_to_a_quarter_of_an_hour() {
    let mut owner = Owner::new();
    let mut now = NOW;
    for wanted in [0, 0, 0, 0, 30, 60, 120, 240, 480, 900, 900, 900] {
        assert_eq!(owner.types(Origin::Stranger, "000000", now), Verdict::Wrong { counted: true });
        let until = owner.wait(Origin::Stranger, now).unwrap_or(now);
        assert_eq!(until.since(now), wanted);
        if wanted > 0 {
            assert_eq!(owner.wait(Origin::Stranger, Time(until.0 - 1)), Some(until));
        }
        now = until;
    }
}

#[test]
fn the_longest_delay_is_kept_after_any_number_of_failures() {
    let mut owner = Owner::new();
    for failures in [10, 40, 64, 69, 70, 1000, u32::MAX] {
        owner.ledger.strangers = Delay { failures, last_failure: NOW };
        assert_eq!(owner.wait(Origin::Stranger, NOW), Some(NOW.after(900)), "{failures}");
    }
    owner.types(Origin::Stranger, "000000", NOW.after(900));
    assert_eq!(owner.ledger.strangers.failures, u32::MAX);
}

#[test]
fn a_throttled_attempt_changes_nothing() {
    let mut owner = Owner::new();
    let now = owner.is_attacked(Origin::Stranger, 5, NOW);
    for text in ["000000", "592691", &code_at(now)] {
        let judgement = judge(&owner.enrollment, &owner.ledger, &typed(text), now.after(29), &owner.policy);
        let waits = Verdict::Throttled { lane: Lane::Strangers, until: now.after(30) };
        assert_eq!((judgement.verdict, judgement.next), (waits, None), "{text}");
    }
    let same_second = judge(&owner.enrollment, &owner.ledger, &typed("000000"), now, &owner.policy);
    assert!(matches!(same_second.verdict, Verdict::Throttled { .. }) && same_second.next.is_none());
    assert!(is_accepted(&owner.types(Origin::Stranger, &code_at(now.after(30)), now.after(30))));
}

#[test]
fn what_costs_nothing_is_not_asked_to_wait() {
    let mut owner = Owner::new();
    let now = owner.is_attacked(Origin::Stranger, 5, NOW);
    for (text, wanted) in
        [("hunter2", Malformed::NotACode), ("", Malformed::Empty), ("1234567", Malformed::WrongLength)]
    {
        assert_eq!(
            throttled(&owner.enrollment, &owner.ledger, &typed(text), now, &owner.policy),
            None,
            "{text}"
        );
        assert_eq!(owner.types(Origin::Stranger, text, now), Verdict::Malformed(wanted), "{text}");
    }
    assert_eq!(owner.types(Origin::Stranger, "nmkj-hgfe-dcba", now), Verdict::Wrong { counted: false });
}

#[test]
fn a_success_resets_the_delay_and_never_the_charge() {
    let mut owner = Owner::new();
    let now = owner.is_attacked(Origin::Stranger, 7, NOW).after(900);
    let charge = owner.ledger.strangers_budget;
    assert_ne!(charge.spent, Chance::default());
    assert!(is_accepted(&owner.types(Origin::Stranger, &code_at(now), now)));
    assert_eq!(owner.ledger.strangers, Delay::default());
    assert_eq!(owner.ledger.strangers_budget, charge);
}

#[test]
fn each_failure_is_charged_its_own_chance() {
    let million = |acceptable| Chance::from_ratio(acceptable, 1_000_000);
    let mut owner = Owner::new();
    owner.policy.drift = 0;
    owner.types(Origin::Stranger, "000000", NOW);
    assert_eq!(owner.ledger.strangers_budget.spent, million(3), "three steps in the window");
    owner.types(Origin::Console, "592691", NOW);
    owner.types(Origin::Others, "000000", NOW);
    assert_eq!(owner.ledger.others_budget.spent, million(1), "two steps are spent");
    owner.types(home(), "000000 000000", NOW);
    let one_pair_is_left = Chance::from_ratio(0, 1);
    assert_eq!(owner.ledger.known_budget.spent, one_pair_is_left, "a pair needs two fresh steps");
    owner.types(home(), "000000 000000", NOW.after(30));
    assert_eq!(owner.ledger.known_budget.spent, Chance::from_ratio(1, 1_000_000_000_000));
}

#[test]
fn a_guess_at_a_pair_is_charged_all_that_it_could_hit() {
    let charged = |token: Token, policy: &Policy| {
        let (enrollment, mut ledger) = enrolled(vec![token]);
        judged(&enrollment, &mut ledger, &typed("000000 000000"), NOW, policy);
        ledger.strangers_budget.spent
    };
    let of = |factors| Chance::from_ratio(factors, 1_000_000_000_000);
    let key = || Token { kind: Kind::Hotp, ..phone(K1) };
    let policy = Policy::default();
    assert_eq!(charged(phone(K1), &policy), of(21), "ten steps either way");
    assert_eq!(charged(key(), &policy), of(101), "a hundred counters ahead");
    let narrow = Policy { drift: 0, resync: 0, ..policy };
    assert_eq!(charged(phone(K1), &narrow), of(3));
    assert_eq!(charged(key(), &narrow), of(11));
}

#[test]
fn only_tokens_with_codes_of_that_length_are_charged() {
    let tokens = vec![
        phone(K1),
        named("long", common::totp(60), 8, numbered_secret(1)),
        named("key", Kind::Hotp, 6, numbered_secret(2)),
    ];
    let (enrollment, mut ledger) = enrolled(tokens);
    let policy = Policy::default();
    judged(&enrollment, &mut ledger, &typed("000000"), NOW, &policy);
    assert_eq!(ledger.strangers_budget.spent, Chance::from_ratio(3 + 11, 1_000_000));
    judged(&enrollment, &mut ledger, &typed_from(Origin::Console, "00000000"), NOW, &policy);
    assert_eq!(ledger.console_budget.spent, Chance::from_ratio(3, 100_000_000));
    assert_eq!(enrollment.chance(&ledger, NOW, &policy), Chance::from_ratio(14, 1_000_000));
}

#[test]
fn a_spent_lane_refuses_single_codes_and_still_takes_a_pair_and_a_backup_code() {
    for origin in [Origin::Stranger, home(), Origin::Console, Origin::Others, Origin::Service] {
        let mut owner = Owner::new();
        let now = owner.is_attacked(origin, 200, NOW);
        let until = owner.wait(origin, now).unwrap();
        assert!(until.since(now) > 900, "{origin:?}: the budget is what waits");
        let single = owner.types(origin, &code_at(now), now);
        assert!(matches!(single, Verdict::Throttled { .. }), "{single:?}");
        for text in [BACKUP.to_owned(), pair_of(&phone(K1), now.0 / 30 - 1)] {
            assert!(is_accepted(&owner.types(origin, &text, now)), "{origin:?}: {text}");
            assert!(!is_accepted(&owner.types(origin, &text, now)), "{origin:?}: {text} again");
        }
    }
}

#[test]
fn a_delayed_lane_still_takes_a_pair_and_spends_both_steps() {
    let mut owner = Owner::new();
    let now = owner.is_attacked(Origin::Stranger, 5, NOW);
    assert!(owner.wait(Origin::Stranger, now).is_some());
    assert!(is_accepted(&owner.types(Origin::Stranger, "592691 606107", now)));
    assert_eq!(owner.ledger.tokens[0].spent, [60_000_000, 60_000_001]);
    for text in ["592691", "606107", "592691 606107"] {
        let verdict = owner.types(Origin::Stranger, text, now);
        assert!(matches!(verdict, Verdict::Replayed { .. }), "{text}: {verdict:?}");
    }
}

#[test]
fn single_codes_cannot_spend_what_pairs_need() {
    let mut owner = Owner::new();
    let now = owner.is_attacked(Origin::Stranger, 500, NOW);
    let tenth = owner.policy.throttle.yearly_risk.0 / 20;
    let most = owner.policy.throttle.yearly_risk.0 / 2 - tenth;
    assert!(owner.ledger.strangers_budget.spent.0 <= most);
    for n in 0..10_000 {
        assert_eq!(
            owner.types(Origin::Stranger, "000000 000000", now),
            Verdict::Wrong { counted: true },
            "{n}"
        );
    }
    assert!(is_accepted(&owner.types(Origin::Stranger, &pair_of(&phone(K1), now.0 / 30), now)));
}

#[test]
fn a_guess_worth_more_than_the_budget_is_never_judged_and_pairs_still_open() {
    let policy = Policy { look_ahead: 100, ..Policy::default() };
    for (count, opens) in [(1, true), (4, true), (5, false), (8, false)] {
        let tokens: Vec<Token> =
            (0..count).map(|n| named(&format!("key{n}"), Kind::Hotp, 6, numbered_secret(n))).collect();
        let (enrollment, mut ledger) = enrolled(tokens.clone());
        let waits = ledger.waits(enrollment.chance(&ledger, NOW, &policy), &policy, NOW);
        assert_eq!(waits.is_empty(), opens, "{count} tokens: {waits:?}");
        let single = judge(&enrollment, &ledger, &typed(tokens[0].code(100).expose()), NOW, &policy).verdict;
        assert_eq!(is_accepted(&single), opens, "{count} tokens: {single:?}");
        let pair = typed(&pair_of(&tokens[0], 99));
        assert!(is_accepted(&judged(&enrollment, &mut ledger, &pair, NOW, &policy)), "{count} tokens");
    }
}

#[test]
fn a_guess_worth_the_whole_budget_is_judged_once() {
    let mut owner = Owner::new();
    // Nine steps of 10^-6, and a budget of nine tenths of half of 2 * 10^-5.
    owner.policy.window = 4;
    owner.policy.throttle.yearly_risk = Chance::from_ratio(2, 100_000);
    assert_eq!(owner.types(Origin::Stranger, "000000", NOW), Verdict::Wrong { counted: true });
    assert!(matches!(owner.types(Origin::Stranger, "000000", NOW), Verdict::Throttled { .. }));
}

#[test]
fn a_budget_that_was_charged_ahead_from_another_network_is_restamped() {
    let mut owner = Owner::new();
    owner.is_attacked(home(), 150, NOW);
    owner.ledger.latest = NOW;
    let ahead = owner.ledger.known_budget.at;
    let other = Origin::Network(network("2001:db8::9"));
    assert!(ahead > NOW.after(86_400));
    assert!(matches!(owner.types(other, "000000", NOW), Verdict::Throttled { .. }));
    assert_eq!(owner.ledger.known_budget.at, NOW);
}

#[test]
fn the_ninth_network_is_forgotten_and_the_oldest_goes_first() {
    let mut owner = Owner::new();
    owner.ledger.known.clear();
    let networks: Vec<_> = (0..9).map(|n| network(&format!("198.51.{n}.1"))).collect();
    for (n, &key) in networks.iter().enumerate() {
        let now = NOW.after(60 * n as u64);
        assert!(is_accepted(&owner.types(Origin::Network(key), &code_at(now), now)), "{n}");
    }
    let known: Vec<_> = owner.ledger.known.iter().map(|known| known.network).collect();
    let newest_first: Vec<_> = networks.iter().rev().take(8).copied().collect();
    assert_eq!(known, newest_first);
    let now = NOW.after(3600);
    owner.types(Origin::Network(networks[1]), &code_at(now), now);
    assert_eq!(owner.ledger.known[0].network, networks[1]);
    assert_eq!(owner.ledger.known.len(), 8);
}

#[test]
fn what_does_not_succeed_is_not_learned() {
    let mut owner = Owner::new();
    let known = owner.ledger.known.clone();
    owner.types(Origin::Network(network("198.51.100.1")), "000000", NOW);
    assert_eq!(owner.ledger.known, known);
    assert!(is_accepted(&owner.types(Origin::Stranger, "592691", NOW)));
    assert_eq!(owner.ledger.known, known, "a stranger without a network has none to learn");
}

#[test]
fn unlock_opens_every_lane_and_gives_back_nothing_that_was_spent() {
    let mut owner = Owner::new();
    owner.types(Origin::Console, "592691", NOW);
    let mut now = NOW;
    for origin in [Origin::Stranger, home(), Origin::Console, Origin::Others, Origin::Service] {
        now = owner.is_attacked(origin, 30, NOW);
    }
    let chance = owner.enrollment.chance(&owner.ledger, now, &owner.policy);
    assert_eq!(owner.ledger.waits(chance, &owner.policy, now).len(), 5);
    let before = owner.ledger.clone();
    owner.ledger = owner.ledger.unlocked();
    assert_eq!(owner.ledger.waits(chance, &owner.policy, now), []);
    assert_eq!(owner.ledger.tokens, before.tokens);
    assert_eq!(owner.ledger.latest, before.latest);
    for budget in [
        owner.ledger.console_budget,
        owner.ledger.others_budget,
        owner.ledger.strangers_budget,
        owner.ledger.known_budget,
    ] {
        assert_eq!(budget, Bucket::default());
    }
    assert!(!is_accepted(&owner.types(Origin::Console, "592691", NOW)));
}

#[test]
fn one_budget_for_two_holds_what_both_did_as_of_the_later_charge() {
    let earlier = Bucket { spent: Chance(3), at: NOW };
    let later = Bucket { spent: Chance(5), at: NOW.after(60) };
    let both = Bucket { spent: Chance(8), at: NOW.after(60) };
    assert_eq!((earlier.joined(later), later.joined(earlier)), (both, both));
}

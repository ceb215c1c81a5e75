//! Where the code begins behind a password, and that an answer is one guess however it may be read.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod common;

use common::{K1, K2, NOW, enrolled, named, network, pair_of, phone, totp};
use otp::{
    Announced, Announcement, BackupCode, BackupSet, Bucket, Chance, Enrollment, Ledger, Malformed, Method,
    Origin, Policy, Secret, Split, Tail, Throttle, Time, Token, Typed, Verdict, split, split_throttled,
};
use proptest::prelude::*;

const STEP: u64 = 60_000_000;

fn fob() -> Token {
    named("fob", totp(30), 8, Secret::from_base32(K2).unwrap())
}

/// Judges and keeps what has to be recorded.
fn judged(enrollment: &Enrollment, ledger: &mut Ledger, answer: &[u8]) -> (Verdict, Option<usize>) {
    judged_tail(enrollment, ledger, &Tail::of(answer), &Policy::default())
}

fn judged_tail(
    enrollment: &Enrollment,
    ledger: &mut Ledger,
    tail: &Tail,
    policy: &Policy,
) -> (Verdict, Option<usize>) {
    let Split { judgement, code } = split(enrollment, ledger, tail, Origin::Stranger, NOW, policy);
    if let Some(next) = judgement.next {
        *ledger = next;
    }
    (judgement.verdict, code)
}

fn accepted(found: &(Verdict, Option<usize>)) -> Option<(&str, usize)> {
    match found {
        (Verdict::Accepted { method: Method::Code(name) | Method::Pair(name), .. }, Some(length)) => {
            Some((name.as_str(), *length))
        }
        _ => None,
    }
}

fn with_backup(tokens: Vec<Token>, code: &str) -> (Enrollment, Ledger) {
    let code = BackupCode::parse(code).unwrap();
    let set = BackupSet::new(1, NOW, [7; 16], &[code]);
    let enrollment = Enrollment::new(tokens, Some(set)).unwrap();
    let ledger = Ledger::new(&enrollment);
    (enrollment, ledger)
}

/// The readings of an answer: what each takes for the code.
fn readings(answer: &[u8]) -> Vec<String> {
    let tail = Tail::of(answer);
    let shown = |typed: &Typed| match typed {
        Typed::Code(code) => code.expose().to_owned(),
        Typed::Pair(one, two) => format!("{} {}", one.expose(), two.expose()),
        Typed::Backup(code) => code.expose().to_string(),
        Typed::Malformed(why) => panic!("{why}"),
    };
    tail.readings().iter().map(|reading| format!("{}:{}", reading.length, shown(&reading.typed))).collect()
}

#[test]
fn every_end_has_these_readings() {
    let table: &[(&[u8], &[&str])] = &[
        (b"", &[]),
        (b"correct horse", &[]),
        (b"hunter!12345", &[]),
        (b"123456", &["6:123456"]),
        (b"hunter!123456", &["6:123456"]),
        (b"hunter!123 456\r\n", &["9:123456"]),
        (b"hunter!-123456", &["6:123456"]),
        (b"hunter! 123456", &["6:123456"]),
        (b"hunter!1  23456", &[]),
        (b"hunter!9123456", &["6:123456", "7:9123456"]),
        (b"hunter!98 123456", &["6:123456", "8:8123456", "9:98123456"]),
        (b"p!123456 654321", &["13:123456 654321", "6:654321", "8:6654321", "9:56654321"]),
        (b"p!abcd-efgh-jkmn", &["14:abcd-efgh-jkmn"]),
        (b"p!ABCDEFGHJKMN\r", &["13:abcd-efgh-jkmn"]),
        (b"p!abcd-efghjkmn", &[]),
        (b"horsehorse123456", &["12:eh0r-se12-3456", "6:123456"]),
        // Bytes that are no text before it, and in it.
        (b"\xff\xfe123456", &["6:123456"]),
        (b"12\xc33456", &[]),
        ("p!\u{661}\u{662}\u{663}\u{664}\u{665}\u{666}".as_bytes(), &[]),
        (b"\x08\n\r\x7fINCORRECT\x08\n\r\x7fINCORRECT", &[]),
        (b"123456          ", &[]),
    ];
    for (answer, wanted) in table {
        assert_eq!(readings(answer), *wanted, "{:?}", String::from_utf8_lossy(answer));
    }
}

#[test]
fn why_there_is_none_is_said() {
    let missing = |answer: &[u8]| Tail::of(answer).missing();
    assert_eq!(missing(b""), Some(Malformed::Empty));
    assert_eq!(missing(b"\x08\n\r\x7fINCORRECT"), Some(Malformed::SshdPlaceholder));
    assert_eq!(missing(b"correct horse"), Some(Malformed::NoCodeAtEnd));
    assert_eq!(missing(b"123456"), None);
}

#[test]
fn the_code_is_found_behind_any_password_whatever_the_lengths() {
    let password: [&[u8]; 8] =
        [b"", b"correct horse", b"hunter2", b"p 12", b"1234567890", b"\xff\xfe\x80", b"x-", b"trailing "];
    for password in password {
        for (token, length) in [(phone(K1), 6), (fob(), 8)] {
            let (enrollment, mut ledger) = enrolled(vec![phone(K1), fob()]);
            let answer = [password, token.code(STEP).expose().as_bytes()].concat();
            let found = judged(&enrollment, &mut ledger, &answer);
            assert_eq!(accepted(&found), Some((token.name.as_str(), length)), "{password:?}");
            let again = judged(&enrollment, &mut ledger, &answer);
            assert!(matches!(again, (Verdict::Replayed { .. }, Some(found)) if found == length), "{again:?}");
            let pair = [password, pair_of(&token, STEP).as_bytes()].concat();
            let (enrollment, mut ledger) = enrolled(vec![fob(), phone(K1)]);
            let found = judged(&enrollment, &mut ledger, &pair);
            assert_eq!(accepted(&found), Some((token.name.as_str(), 2 * length + 1)), "{password:?}");
        }
    }
}

#[test]
fn an_answer_is_one_failure_and_is_charged_the_sum_of_its_readings() {
    let (enrollment, ledger) = enrolled(vec![phone(K1), fob()]);
    let charged = |answer: &[u8]| {
        let mut next = ledger.clone();
        let found = judged(&enrollment, &mut next, answer);
        assert_eq!(found, (Verdict::Wrong { counted: true }, None), "{answer:?}");
        assert_eq!(next.strangers.failures, 1);
        next.strangers_budget.spent
    };
    let chance = |digits: u32| Chance::from_ratio(3, 10u64.pow(digits)).0;
    assert_eq!(charged(b"p!000000").0, chance(6));
    assert_eq!(charged(b"p!10000000").0, chance(6) + chance(8));
    // Two codes tell how far a clock is off: there are more of them within its reach.
    let pair = Policy::default().drift;
    let pairs = Chance::from_ratio(2 * u64::from(pair) + 1, 1_000_000_000_000).0;
    assert_eq!(charged(b"p!110000000000").0, chance(6) + chance(8) + pairs);
}

#[test]
fn a_guess_counts_where_no_code_is_fresh_any_more() {
    let (enrollment, mut ledger) = enrolled(vec![phone(K1)]);
    judged(&enrollment, &mut ledger, format!("p!{}", phone(K1).code(STEP + 1).expose()).as_bytes());
    let found = judged(&enrollment, &mut ledger, b"p!000000");
    assert_eq!((found.0, ledger.strangers.failures), (Verdict::Wrong { counted: true }, 1));
}

#[test]
fn what_is_no_code_behind_a_password_is_not_counted() {
    let (enrollment, ledger) = enrolled(vec![phone(K1)]);
    let policy = Policy::default();
    for (answer, why) in [
        (&b""[..], Malformed::Empty),
        (b"correct horse", Malformed::NoCodeAtEnd),
        (b"hunter12", Malformed::NoCodeAtEnd),
        (b"\x08\n\r\x7fINC", Malformed::SshdPlaceholder),
    ] {
        let found = split(&enrollment, &ledger, &Tail::of(answer), Origin::Stranger, NOW, &policy);
        assert_eq!((found.judgement.verdict, found.judgement.next), (Verdict::Malformed(why), None));
    }
    let (eights, ledger) = enrolled(vec![fob()]);
    let found = split(&eights, &ledger, &Tail::of(b"p!123456"), Origin::Stranger, NOW, &policy);
    assert_eq!(found.judgement.verdict, Verdict::Malformed(Malformed::WrongLength));
}

#[test]
fn a_password_that_looks_like_a_backup_code_is_neither_spent_nor_counted() {
    let (enrollment, mut ledger) = with_backup(vec![phone(K1)], "abcd-efgh-jkmn");
    let before = ledger.clone();
    for answer in [&b"correcthorse"[..], b"mycorrecthorse", b"x-corr-ecth-orse"] {
        let found = judged(&enrollment, &mut ledger, answer);
        assert_eq!(found, (Verdict::Wrong { counted: false }, None));
        assert_eq!(ledger, before);
    }
    // Its last letters and the code have the shape of a backup code: it is the code that counts.
    let answer = format!("correcthorse{}", phone(K1).code(STEP).expose());
    assert_eq!(accepted(&judged(&enrollment, &mut ledger, answer.as_bytes())), Some(("phone", 6)));
    assert_eq!(ledger.backup_left(&enrollment), 1);
    for (answer, length) in [(&b"secret\xffABCD-EFGH-JKMN"[..], 14), (b"secretabcdefghjkmn", 12)] {
        let mut fresh = Ledger::new(&enrollment);
        let found = judged(&enrollment, &mut fresh, answer);
        assert!(matches!(found, (Verdict::Accepted { method: Method::Backup, .. }, Some(l)) if l == length));
        let again = judged(&enrollment, &mut fresh, answer);
        assert!(matches!(again, (Verdict::Replayed { token: None, .. }, Some(l)) if l == length));
    }
}

/// A lane that has to wait, with five failures in a row.
fn waiting(enrollment: &Enrollment) -> Ledger {
    let mut ledger = Ledger::new(enrollment);
    for _ in 0..5 {
        judged(enrollment, &mut ledger, b"p!000000");
    }
    ledger
}

#[test]
fn a_lane_that_waits_takes_two_codes_and_a_backup_code_behind_a_password() {
    let (enrollment, _) = with_backup(vec![phone(K1)], "abcd-efgh-jkmn");
    let token = phone(K1);
    let ledger = waiting(&enrollment);
    let with = |code: &str| {
        let mut ledger = ledger.clone();
        judged(&enrollment, &mut ledger, format!("hunter2{code}").as_bytes()).0
    };
    let code = token.code(STEP).expose().to_owned();
    assert!(matches!(with(&code), Verdict::Throttled { .. }));
    assert!(matches!(with(&pair_of(&token, STEP)), Verdict::Accepted { .. }));
    assert!(matches!(with("abcd-efgh-jkmn"), Verdict::Accepted { .. }));
    assert!(matches!(with("abcd-efgh-jkmp"), Verdict::Wrong { counted: false }));
}

#[test]
fn a_lane_that_waits_answers_a_right_and_a_wrong_code_alike_without_a_lock() {
    let (enrollment, _) = enrolled(vec![phone(K1), fob()]);
    let ledger = waiting(&enrollment);
    let policy = Policy::default();
    for code in [phone(K1).code(STEP).expose(), "000000", "00000000"] {
        let tail = Tail::of(format!("correcthorse{code}").as_bytes());
        let early = split_throttled(&enrollment, &ledger, &tail, Origin::Stranger, NOW, &policy);
        assert!(matches!(early, Some(Verdict::Throttled { .. })), "{early:?}");
        let late = split(&enrollment, &ledger, &tail, Origin::Stranger, NOW, &policy);
        assert_eq!((Some(late.judgement.verdict), late.judgement.next, late.code), (early, None, None));
    }
    let open = Ledger::new(&enrollment);
    let tail = Tail::of(b"p!000000");
    assert_eq!(split_throttled(&enrollment, &open, &tail, Origin::Stranger, NOW, &policy), None);
}

#[test]
fn a_password_that_ends_in_digits_makes_a_waiting_lane_wait_no_longer() {
    let (enrollment, _) = enrolled(vec![phone(K1)]);
    let mut ledger = waiting(&enrollment);
    let (failures, spent) = (ledger.strangers.failures, ledger.strangers_budget.spent);
    let answer = format!("hunter111111{}", phone(K1).code(STEP).expose());
    let (verdict, code) = judged(&enrollment, &mut ledger, answer.as_bytes());
    assert!(matches!(verdict, Verdict::Throttled { .. }) && code.is_none());
    assert_eq!(ledger.strangers.failures, failures);
    // But two codes may have been guessed.
    assert!(ledger.strangers_budget.spent > spent);
}

#[test]
fn a_wait_that_lies_ahead_of_the_clock_ends_also_behind_a_password_that_ends_in_digits() {
    let (enrollment, _) = enrolled(vec![phone(K1)]);
    let mut ledger = waiting(&enrollment);
    ledger.strangers.last_failure = NOW.after(40_000);
    let answer = format!("hunter111111{}", phone(K1).code(STEP).expose());
    let (verdict, _) = judged(&enrollment, &mut ledger, answer.as_bytes());
    assert!(matches!(verdict, Verdict::Throttled { .. }), "{verdict:?}");
    let later = NOW.after(60);
    let answer = format!("hunter111111{}", phone(K1).code(STEP + 2).expose());
    let found = split(
        &enrollment,
        &ledger,
        &Tail::of(answer.as_bytes()),
        Origin::Stranger,
        later,
        &Policy::default(),
    );
    assert!(matches!(found.judgement.verdict, Verdict::Accepted { .. }), "{found:?}");
}

#[test]
fn readings_are_refused_where_together_they_guess_more_than_is_left() {
    let (enrollment, mut ledger) = enrolled(vec![phone(K1), fob()]);
    let policy =
        Policy { throttle: Throttle { free_failures: 100, ..Throttle::default() }, ..Policy::default() };
    let depth = policy.throttle.yearly_risk.0 / 2 / 10 * 9;
    let six = Chance::from_ratio(3, 1_000_000).0;
    // Room for a code of six digits, and not for one of eight beside it.
    ledger.strangers_budget = Bucket { spent: Chance(depth - six), at: NOW };
    let mut short = ledger.clone();
    let found = judged_tail(&enrollment, &mut short, &Tail::of(b"p!000000"), &policy);
    assert_eq!(found.0, Verdict::Wrong { counted: true });
    let found = judged_tail(&enrollment, &mut ledger, &Tail::of(b"p!10000000"), &policy);
    assert!(matches!(found.0, Verdict::Throttled { .. }), "{found:?}");
}

#[test]
fn a_spent_code_at_the_end_makes_no_guess_free() {
    // Of one key: its code of eight digits ends in that of six.
    let twin = named("twin", totp(30), 8, Secret::from_base32(K1).unwrap());
    let answer = format!("p!{}", twin.code(STEP).expose());
    let (enrollment, ledger) = enrolled(vec![phone(K1), twin]);
    let mut spent = ledger.clone();
    judged(&enrollment, &mut spent, format!("p!{}", phone(K1).code(STEP).expose()).as_bytes());
    let found = judged(&enrollment, &mut spent, answer.as_bytes());
    assert!(matches!(found, (Verdict::Replayed { .. }, Some(6))), "{found:?}");
    let found = judged(&enrollment, &mut ledger.clone(), answer.as_bytes());
    assert!(matches!(found.0, Verdict::Accepted { .. }), "{found:?}");
}

/// Whoever has seen a code that is spent could try another before it in each answer, for free: where it ends
/// up says whether it is good.
#[test]
fn a_code_that_is_found_before_a_spent_one_is_spent_too() {
    let code = |step| phone(K1).code(step).expose().to_owned();
    for optional in [false, true] {
        let (enrollment, mut ledger) = enrolled(vec![phone(K1)]);
        judged(&enrollment, &mut ledger, format!("p!{}", code(STEP)).as_bytes());
        ledger.strangers.failures = 3;
        let before = ledger.clone();
        let tail = Tail::of(format!("p!{}{}", code(STEP + 1), code(STEP)).as_bytes());
        let tail = if optional { tail.optional() } else { tail };
        let found = judged_tail(&enrollment, &mut ledger, &tail, &Policy::default());
        assert!(matches!(found, (Verdict::Replayed { .. }, Some(12))), "{found:?}");
        // And that is all: nobody was let in.
        assert_eq!(ledger, Ledger { tokens: ledger.tokens.clone(), ..before });
        let again = judged(&enrollment, &mut ledger, format!("p!{}", code(STEP + 1)).as_bytes());
        assert!(matches!(again.0, Verdict::Replayed { .. }), "{again:?}");
    }
}

#[test]
fn where_no_code_is_needed_a_good_one_is_spent_and_all_else_costs_nothing() {
    let (enrollment, mut ledger) = with_backup(vec![phone(K1)], "abcd-efgh-jkmn");
    let before = ledger.clone();
    let policy = Policy::default();
    let code = phone(K1).code(STEP).expose().to_owned();
    let with = |ledger: &mut Ledger, answer: &str| {
        judged_tail(&enrollment, ledger, &Tail::of(answer.as_bytes()).optional(), &policy)
    };
    for _ in 0..50 {
        for answer in ["p!000000", "p!000000111111", "correct horse", "correcthorse", ""] {
            let (verdict, length) = with(&mut ledger, answer);
            assert!(!matches!(verdict, Verdict::Accepted { .. }) && length.is_none());
            assert_eq!(ledger, before, "{answer}");
        }
    }
    assert_eq!(accepted(&with(&mut ledger, &format!("p!{code}"))), Some(("phone", 6)));
    assert!(matches!(with(&mut ledger, &format!("p!{code}")), (Verdict::Replayed { .. }, Some(6))));
    let mut waits = waiting(&enrollment);
    let kept = waits.clone();
    assert!(matches!(with(&mut waits, &format!("p!{code}")), (Verdict::Throttled { .. }, None)));
    assert!(matches!(with(&mut waits, "p!000000111111"), (Verdict::Throttled { .. }, None)));
    assert_eq!(waits, kept);
}

#[test]
fn a_clock_that_is_behind_judges_no_code_and_takes_a_backup_code() {
    let (enrollment, mut ledger) = with_backup(vec![phone(K1)], "abcd-efgh-jkmn");
    ledger.latest = Time(NOW.0 + 200_000);
    let code = phone(K1).code(STEP).expose().to_owned();
    let mut with = |answer: String| judged(&enrollment, &mut ledger, answer.as_bytes()).0;
    assert!(matches!(with(format!("p!{code}")), Verdict::ClockBehind { .. }));
    assert!(matches!(with("p!abcd-efgh-jkmn".into()), Verdict::Accepted { .. }));
}

#[test]
fn debug_shows_nothing_of_a_password() {
    let shown = format!("{:?}", Tail::of(b"secretsecret592691"));
    assert!(!shown.contains("592691") && !shown.contains("secret") && !shown.contains("101"), "{shown}");
    assert!(shown.starts_with("Tail {") && shown.contains("Code(6 digits)"), "{shown}");
}

#[test]
fn a_code_that_is_typed_twice_or_two_in_the_wrong_order_are_no_end_of_a_password() {
    let code = |step| phone(K1).code(step).expose().to_owned();
    let (one, two) = (code(STEP), code(STEP + 1));
    for (typed, length) in [
        (format!("{one}{one}"), 12),
        (format!("{one} {one}"), 13),
        (format!("{two}{one}"), 12),
        (format!("{one}{two}"), 12),
        (format!("{one}000000"), 0),
        (format!("000000{one}"), 6),
    ] {
        let (enrollment, mut ledger) = enrolled(vec![phone(K1), fob()]);
        let found = judged(&enrollment, &mut ledger, format!("p!{typed}").as_bytes());
        assert_eq!(found.1.unwrap_or(0), length, "{typed}: {found:?}");
        let again = judged(&enrollment, &mut ledger, format!("p!{typed}").as_bytes());
        assert!(!matches!(again.0, Verdict::Accepted { .. }), "{typed}");
    }
}

/// There a guess is free, so a hit must be worth nothing.
#[test]
fn where_no_code_is_needed_a_code_earns_nothing() {
    let (enrollment, ledger) = enrolled(vec![phone(K1)]);
    let told = Announcement::new(Announced::BackupCodes, false, NOW, NOW);
    let enrollment = enrollment.announcing([told], None, NOW);
    let mut ledger = ledger;
    ledger.strangers.failures = 3;
    let origin = Origin::Network(network("192.0.2.7"));
    let tail = Tail::of(format!("p!{}", phone(K1).code(STEP).expose()).as_bytes());
    let with = |tail: &Tail| split(&enrollment, &ledger, tail, origin, NOW, &Policy::default()).judgement;
    let needed = with(&tail).next.unwrap();
    assert_eq!((needed.known.len(), needed.strangers.failures, needed.acknowledged), (1, 0, 1));
    let found = with(&tail.optional());
    assert!(matches!(found.verdict, Verdict::Accepted { .. }), "{found:?}");
    let tokens = needed.tokens;
    assert_eq!(found.next.unwrap(), Ledger { tokens, latest: NOW, ..ledger.clone() });
}

#[test]
fn of_a_password_no_more_is_cut_off_than_may_be_codes() {
    for (answer, rest) in [
        ("hunter", "hunter"),
        ("hunter592691", "hunter"),
        ("hunter592691 606107", "hunter"),
        ("p!abcd-efgh-jkmn592691\n", "p!"),
        ("592691", ""),
        ("", ""),
    ] {
        assert_eq!(Tail::cut_off(answer.as_bytes()), rest.as_bytes(), "{answer}");
    }
}

#[test]
fn a_code_from_a_network_makes_it_known() {
    let (enrollment, ledger) = enrolled(vec![phone(K1)]);
    let origin = Origin::Network(network("192.0.2.7"));
    let tail = Tail::of(format!("p!{}", phone(K1).code(STEP).expose()).as_bytes());
    let found = split(&enrollment, &ledger, &tail, origin, NOW, &Policy::default());
    assert_eq!(found.judgement.next.unwrap().known.len(), 1);
}

proptest! {
    /// What is handed on where nothing is established has no end that may be a code; and the longest reading
    /// says all that the others say, so that a daemon which reads no more reads the same.
    #[test]
    fn nothing_is_left_that_may_be_a_code(
        password in prop::collection::vec(any::<u8>(), 0..20),
        end in "[0-9a-z -]{0,40}",
    ) {
        let answer = [&password[..], end.as_bytes()].concat();
        let rest = Tail::cut_off(&answer);
        prop_assert!(answer.starts_with(rest));
        prop_assert!(!readings(&answer).is_empty() || rest == answer);
        prop_assert_eq!(readings(rest), Vec::<String>::new());
        let tail = Tail::of(&answer);
        prop_assert!(tail.text().is_ascii() && tail.text().len() <= 48);
        prop_assert_eq!(readings(tail.text()), readings(&answer));
    }

    /// Whatever is typed behind whatever passwords: nothing opens twice, an answer is one failure at most, and
    /// what is charged is not more than what could have been guessed.
    #[test]
    fn no_code_opens_twice_and_no_answer_is_two_guesses(
        answers in prop::collection::vec(
            ("[a-z]{0,6}[0-9]{0,8}", 0..4usize, 0..4u64, 0..5u8, prop::bool::ANY), 1..30,
        ),
    ) {
        let tokens: Vec<_> = [(6, 1), (8, 2), (7, 3), (8, 1)]
            .into_iter()
            .enumerate()
            .map(|(n, (digits, key))| named(&format!("t{n}"), totp(30), digits, common::numbered_secret(key)))
            .collect();
        let (enrollment, mut ledger) = enrolled(tokens.clone());
        let mut opened = std::collections::HashSet::new();
        for (password, token, step, shape, optional) in answers {
            let code = |step: u64| tokens[token].code(STEP - 1 + step).expose().to_owned();
            let end = match shape {
                0 | 1 => code(step),
                2 => format!("{} {}", code(step), code(step + 1)),
                3 => format!("{}{}", code(step + 1), code(step)),
                _ => "000000".to_owned(),
            };
            let answer = format!("{password}{end}");
            let tail = if optional { Tail::of(answer.as_bytes()).optional() } else { Tail::of(answer.as_bytes()) };
            let before = ledger.clone();
            let (verdict, length) = judged_tail(&enrollment, &mut ledger, &tail, &Policy::default());
            let spent: u64 = ledger.strangers_budget.spent.0 - before.strangers_budget.spent.0;
            prop_assert!(spent <= 3 * Chance::from_ratio(6, 1_000_000).0, "{}", spent);
            if let Verdict::Accepted { .. } = verdict {
                prop_assert!(opened.insert(answer.clone()), "{} opened twice", answer);
                let failures = if optional { before.strangers.failures } else { 0 };
                prop_assert_eq!(ledger.strangers.failures, failures);
                let moved = ledger.tokens.iter().zip(&before.tokens).filter(|(new, old)| new.next > old.next);
                prop_assert!(moved.count() >= 1);
                let rest = &answer[..answer.len() - length.unwrap()];
                prop_assert!(rest.starts_with(&password[..password.len().min(rest.len())]));
            } else {
                prop_assert!(ledger.strangers.failures <= before.strangers.failures + 1);
                // A code before one that was spent is spent, too.
                let is_replay = matches!(verdict, Verdict::Replayed { .. });
                prop_assert!(is_replay || ledger.tokens == before.tokens);
                let kept = Ledger { tokens: before.tokens.clone(), ..ledger.clone() };
                prop_assert!(!(optional || is_replay) || kept == before);
            }
        }
    }

    /// Each reading is what its bytes say alone.
    #[test]
    fn a_reading_is_what_its_own_bytes_say(answer in "[a-z0-9 !-]{0,40}") {
        for reading in Tail::of(answer.as_bytes()).readings() {
            let text = &answer.as_bytes()[answer.len() - reading.length..];
            let shape = |typed: &Typed| match typed {
                Typed::Code(code) => code.expose().to_owned(),
                Typed::Pair(one, two) => format!("{}{}", one.expose(), two.expose()),
                Typed::Backup(code) => code.expose().to_string(),
                Typed::Malformed(why) => why.to_string(),
            };
            prop_assert_eq!(shape(&Typed::parse(text)), shape(&reading.typed));
        }
    }
}

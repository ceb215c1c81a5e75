//! The line in the log: what each outcome is called, and that nothing from outside ends a field or the line.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use otp::{Lane, Malformed, Method, Time, TokenName, Typed, Verdict};
use std::path::PathBuf;
use verifier::log_line::{LogLine, Loudness, reason, word, words};
use verifier::{Outcome, StoreError};

fn phone() -> TokenName {
    TokenName::new("phone").unwrap()
}

fn accepted(method: Method) -> Verdict {
    Verdict::Accepted { method, backup_left: 3, announced: Vec::new() }
}

/// The whole line of an outcome, with how loud it is.
fn line(outcome: &Outcome, typed: Option<&Typed>) -> (Loudness, String) {
    let (loudness, first, verdict) = words(outcome);
    let mut line = LogLine::new(first);
    line.verdict(Some(outcome), typed, verdict, &reason(outcome));
    (loudness, line.finish())
}

#[test]
fn each_verdict_is_called_by_its_name_with_its_reason() {
    use Loudness::{Error, Info, Notice};
    let replayed = |token, ahead| Verdict::Replayed { token, ahead };
    let rows = [
        (accepted(Method::Code(phone())), Info, "accepted; method=code token=phone verdict=accepted"),
        (accepted(Method::Pair(phone())), Info, "accepted; method=two-codes token=phone verdict=accepted"),
        (
            accepted(Method::Backup),
            Info,
            "accepted; method=backup-code verdict=accepted reason=\"3 backup codes left\"",
        ),
        (
            accepted(Method::Scratch { left: 4 }),
            Info,
            "accepted; method=scratch-code verdict=accepted reason=\"4 scratch codes left\"",
        ),
        (
            accepted(Method::Bypass { number: 2, left: 5 }),
            Info,
            "accepted; method=bypass verdict=accepted reason=\"bypass 2, 5 uses left\"",
        ),
        (
            Verdict::Wrong { counted: true },
            Notice,
            "authentication failure; method=none verdict=wrong reason=\"no token shows this code\"",
        ),
        (
            Verdict::Wrong { counted: false },
            Notice,
            "refused; method=none verdict=wrong \
             reason=\"no backup code of the present set, and no bypass; not counted\"",
        ),
        (
            Verdict::Malformed(Malformed::TooLong),
            Notice,
            "refused; method=none verdict=malformed reason=\"longer than any code; not counted\"",
        ),
        (
            replayed(Some(phone()), None),
            Notice,
            "refused; method=none token=phone verdict=replayed \
             reason=\"already used, or older than the last one used\"",
        ),
        (
            replayed(Some(phone()), Some(119)),
            Notice,
            "refused; method=none token=phone verdict=replayed reason=\"last used 119 s ahead of this clock\"",
        ),
        (
            replayed(None, None),
            Notice,
            "refused; method=none verdict=replayed \
             reason=\"backup or scratch code already used, or bypass used up\"",
        ),
        (
            Verdict::PairNeeded { token: phone() },
            Notice,
            "refused; method=none token=phone verdict=two-codes-needed \
             reason=\"needs two successive codes in one answer, since a restore\"",
        ),
        (
            Verdict::Expired { number: 2, since: Time(5) },
            Notice,
            "refused; method=bypass verdict=expired \
             reason=\"bypass 2 expired at 5 (unix time); not counted\"",
        ),
        (
            Verdict::Throttled { lane: Lane::Strangers, until: Time(5) },
            Notice,
            "refused; method=none verdict=throttled reason=\"lane strangers waits until 5 (unix time)\"",
        ),
        (
            Verdict::ClockBehind { seconds: 120 },
            Error,
            "refused; method=none verdict=unavailable reason=\"this clock is 2 minutes behind\"",
        ),
    ];
    for (verdict, loudness, text) in rows {
        assert_eq!(line(&Outcome::Judged(verdict), None), (loudness, text.to_owned()));
    }
}

#[test]
fn where_nothing_was_judged_the_line_says_why() {
    let not_enrolled = "refused; method=none verdict=not-enrolled";
    assert_eq!(line(&Outcome::NotEnrolled, None), (Loudness::Notice, not_enrolled.into()));
    let suspended = "refused; method=none verdict=suspended \
                     reason=\"suspended since 1970-01-01T00:00:05Z; nothing is spent or counted\"";
    assert_eq!(line(&Outcome::Suspended(Time(5)), None), (Loudness::Notice, suspended.into()));
    let unavailable = |error| line(&Outcome::Unavailable(error), None);
    let (loudness, text) = unavailable(StoreError::NotAStore(PathBuf::from("/x")));
    assert_eq!(loudness, Loudness::Error);
    assert!(text.starts_with("refused; method=none verdict=unavailable reason=\""), "{text}");
    assert!(text.ends_with(" (mount the store, or create it once with: totpctl init)\""), "{text}");
    let (_, text) = unavailable(StoreError::LedgerRepaired(PathBuf::from("/x")));
    assert!(text.contains("/x") && !text.contains('('), "no hint: {text}");
}

#[test]
fn what_was_typed_is_called_by_its_kind_and_never_shown() {
    for (typed, method) in [
        ("135790", "code"),
        ("135790 246801", "two-codes"),
        ("abcd-efgh-jkmn", "backup-code"),
        ("swordfish", "none"),
    ] {
        let typed = Typed::parse(typed.as_bytes());
        let (_, line) = line(&Outcome::NotEnrolled, Some(&typed));
        assert_eq!(line, format!("refused; method={method} verdict=not-enrolled"));
    }
}

#[test]
fn nothing_from_outside_ends_a_field_or_a_line() {
    let hostile = "a b\"\\\n\u{202e}~";
    let mut line = LogLine::new("refused");
    line.field("user", hostile);
    line.quoted("reason", "");
    assert_eq!(
        LogLine::resume(line.finish()).and_quoted("rule", hostile),
        "refused; user=a\\u{20}b\\\"\\\\\\u{a}\\u{202e}~ rule=\"a b\\\"\\\\\\u{a}\\u{202e}~\""
    );
    assert_eq!(word("a b\n"), "a\\u{20}b\\u{a}");
    assert_eq!(word(&"x".repeat(300)), "x".repeat(300));
    assert_eq!(word(&"x".repeat(301)), "x".repeat(300) + "...");
}

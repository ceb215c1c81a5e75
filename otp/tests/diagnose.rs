//! Why a code was wrong, for the person who is just enrolling.

#![allow(clippy::unwrap_used, clippy::panic)]
mod common;

use common::{K1, K2, NOW, enrolled, phone, totp, typed};
use otp::{Algorithm, Code, Diagnosis, Digits, Kind, Malformed, Period, Policy, Time, Token, Verdict};
use otp::{diagnose, judge};

fn code(text: &str) -> Code {
    Code::new(text.as_bytes()).unwrap()
}

/// What is said about the code that `token` shows `seconds` before now.
fn said_about(token: &Token, seconds: i64) -> Option<Diagnosis> {
    let then = Time(NOW.0.checked_add_signed(-seconds).unwrap());
    let late = token.code(token.step_at(then).unwrap());
    diagnose(token, &[], &late, NOW)
}

#[test]
fn a_clock_that_is_off_is_measured_up_to_a_day() {
    for seconds in [60, 90, 300, 1800, 3600, 7200, 5 * 3600 + 1800, 12 * 3600, 23 * 3600, 86_400] {
        for behind in [seconds, -seconds] {
            assert_eq!(said_about(&phone(K1), behind), Some(Diagnosis::Clock { behind }), "{behind}");
        }
    }
}

#[test]
fn a_clock_is_measured_to_the_step() {
    assert_eq!(said_about(&phone(K1), 88), Some(Diagnosis::Clock { behind: 90 }));
    assert_eq!(said_about(&phone(K1), -89), Some(Diagnosis::Clock { behind: -60 }));
    let slow = Token { kind: totp(300), ..phone(K1) };
    assert_eq!(said_about(&slow, 3600), Some(Diagnosis::Clock { behind: 3600 }));
}

#[test]
fn more_than_a_day_is_no_diagnosis() {
    for behind in [86_430, -86_430, 30 * 86_400] {
        assert_eq!(said_about(&phone(K1), behind), None, "{behind}");
    }
}

#[test]
fn an_ignored_period_is_named_and_not_the_clock() {
    let token = Token { kind: totp(60), ..phone(K1) };
    let named =
        Diagnosis::Ignored { algorithm: Algorithm::Sha1, period: Period::THIRTY, digits: Digits::SIX };
    assert_eq!(diagnose(&token, &[], &code("592691"), NOW), Some(named));
    let (enrollment, ledger) = enrolled(vec![token]);
    let judgement = judge(&enrollment, &ledger, &typed("592691"), NOW, &Policy::default());
    assert_eq!(judgement.verdict, Verdict::Wrong { counted: true });
}

#[test]
fn ignored_digits_are_named_and_the_tail_is_never_accepted() {
    let token = Token { digits: Digits::new(8).unwrap(), ..phone(K1) };
    let named =
        Diagnosis::Ignored { algorithm: Algorithm::Sha1, period: Period::THIRTY, digits: Digits::SIX };
    assert_eq!(diagnose(&token, &[], &code("592691"), NOW), Some(named));
    let (enrollment, ledger) = enrolled(vec![token]);
    let judgement = judge(&enrollment, &ledger, &typed("592691"), NOW, &Policy::default());
    assert_eq!(judgement.verdict, Verdict::Malformed(Malformed::WrongLength));
}

#[test]
fn whatever_an_app_ignores_is_found() {
    let asked =
        Token { kind: totp(60), algorithm: Algorithm::Sha512, digits: Digits::new(8).unwrap(), ..phone(K1) };
    for period in [60, 30] {
        for algorithm in [Algorithm::Sha512, Algorithm::Sha1] {
            for digits in [8, 6].map(|digits| Digits::new(digits).unwrap()) {
                let app = Token { kind: totp(period), algorithm, digits, ..asked.clone() };
                let period = Period::new(period).unwrap();
                let named = Diagnosis::Ignored { algorithm, period, digits };
                let said = diagnose(&asked, &[], &app.code(app.step_at(NOW).unwrap()), NOW);
                assert_eq!(said, (app != asked).then_some(named), "{app:?}");
            }
        }
    }
}

#[test]
fn a_code_of_the_replaced_entry_is_called_that() {
    let old = phone(K2);
    for step in 59_999_998..=60_000_002 {
        assert_eq!(
            diagnose(&phone(K1), std::slice::from_ref(&old), &old.code(step), NOW),
            Some(Diagnosis::Replaced)
        );
    }
    assert_eq!(diagnose(&phone(K1), &[], &code("957261"), NOW), None);
}

#[test]
fn what_cannot_be_explained_is_not() {
    assert_eq!(diagnose(&phone(K1), &[phone(K2)], &code("000000"), NOW), None);
    let event = Token { kind: Kind::Hotp, ..phone(K1) };
    assert_eq!(diagnose(&event, std::slice::from_ref(&event), &code("000000"), NOW), None);
}

#[test]
fn the_ends_of_time_are_no_trouble() {
    for now in [0, 1, 29, 86_399, u64::MAX - 1, u64::MAX] {
        let token = Token { kind: totp(15), ..phone(K1) };
        assert_eq!(diagnose(&token, &[phone(K2)], &code("000000"), Time(now)), None, "{now}");
    }
}

//! Verdicts and times in the words of the person at the terminal.

use otp::{Diagnosis, Kind, Malformed, Time, Token};

/// `2026-11-25T10:03:22Z` (RFC 3339, in UTC).
pub(crate) fn rfc3339(time: Time) -> String {
    let (hours, minutes, seconds) = clock_of(time);
    format!("{}T{hours:02}:{minutes:02}:{seconds:02}Z", date(time))
}

/// `2026-11-25 10:03:22 UTC`.
pub(crate) fn instant(time: Time) -> String {
    let (hours, minutes, seconds) = clock_of(time);
    format!("{} {hours:02}:{minutes:02}:{seconds:02} UTC", date(time))
}

/// `2026-11-25`, the day in UTC.
pub(crate) fn date(time: Time) -> String {
    // Howard Hinnant, "chrono-compatible low-level date algorithms": days since 0000-03-01, in eras of 400
    // years, so that the leap day is the last of a year.
    let days = time.0 / 86_400 + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

fn clock_of(time: Time) -> (u64, u64, u64) {
    (time.0 / 3_600 % 24, time.0 / 60 % 60, time.0 % 60)
}

/// `1 login`, `3 logins`.
pub(crate) fn logins(count: u8) -> String {
    if count == 1 { "1 login".to_owned() } else { format!("{count} logins") }
}

/// What something turned out to be, and what helps.
pub(crate) struct Words {
    pub(crate) what: String,
    pub(crate) hints: Vec<String>,
}

impl Words {
    fn new(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { what: what.into(), hints: vec![hint.into()] }
    }
}

/// Why a wrong code of `token` is wrong. `synchronized` is what the kernel says of this machine's clock.
pub(crate) fn diagnosis(diagnosis: &Diagnosis, token: &Token, synchronized: Option<bool>) -> Words {
    match diagnosis {
        Diagnosis::Clock { behind } => clocks(*behind, token, synchronized),
        Diagnosis::Ignored { algorithm, period, digits } => {
            let own = match token.kind {
                Kind::Totp { period } => Some(period),
                Kind::Hotp => None,
            };
            let ignored = [
                (Some(*period) != own).then_some("the period"),
                (*algorithm != token.algorithm).then_some("the algorithm"),
                (*digits != token.digits).then_some("the digits"),
            ];
            let ignored: Vec<_> = ignored.into_iter().flatten().collect();
            Words::new(
                format!(
                    "your app ignored {} and shows a {} s {} {}-digit code",
                    ignored.join(" and "),
                    period.seconds(),
                    algorithm_name(*algorithm),
                    digits.count()
                ),
                "enroll with the defaults, or use another app",
            )
        }
        Diagnosis::Replaced => {
            Words::new("this code belongs to the entry that was replaced", "delete it in the app")
        }
    }
}

fn algorithm_name(algorithm: otp::Algorithm) -> String {
    algorithm.uri_name().replace("SHA", "SHA-")
}

fn clocks(behind: i64, token: &Token, synchronized: Option<bool>) -> Words {
    let seconds = behind.unsigned_abs();
    let mut words = if synchronized == Some(false) {
        Words::new(
            format!("the clocks are {seconds} s apart; this machine's clock is not synchronized"),
            "set this machine's clock first (timedatectl, chronyc tracking)",
        )
    } else {
        let side = if behind > 0 { "behind" } else { "ahead" };
        Words::new(
            format!("your phone's clock is {seconds} s {side}"),
            "let the phone set its date and time by itself, then try again",
        )
    };
    if let Some(hours) = whole_hours(seconds, token) {
        words.hints.insert(0, format!("{hours} h looks like a time-zone mistake, on the phone or here"));
    }
    words
}

/// Whole hours, to the step.
fn whole_hours(seconds: u64, token: &Token) -> Option<u64> {
    let Kind::Totp { period } = token.kind else { return None };
    let hours = (seconds + 1_800) / 3_600;
    (hours > 0 && seconds.abs_diff(hours * 3_600) <= period.seconds()).then_some(hours)
}

/// Why what was typed can be no code.
pub(crate) fn malformed(why: Malformed, digits: &[u8]) -> Words {
    let expected = match digits {
        [one] => format!("a code has {one} digits"),
        _ => "type the digits that the app shows".to_owned(),
    };
    match why {
        // An accented letter of a terminal that is not UTF-8 is no text, and a letter all the same.
        Malformed::NotACode | Malformed::NotText => {
            Words::new("letters where digits were expected: keyboard layout?", expected)
        }
        Malformed::WrongLength => Words::new(
            "digits, but not as many as a code has",
            format!("{expected}; a leading zero belongs to it"),
        ),
        Malformed::Empty | Malformed::TooLong | Malformed::SshdPlaceholder => {
            Words::new(why.to_string(), expected)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use otp::{Algorithm, Digits, Period, Secret, TokenName};

    fn token() -> Token {
        Token {
            name: TokenName::new("phone").unwrap(),
            kind: Kind::Totp { period: Period::THIRTY },
            algorithm: Algorithm::Sha1,
            digits: Digits::SIX,
            secret: Secret::new(&[7; 20]).unwrap(),
        }
    }

    #[test]
    fn instants_are_written_as_rfc_3339_has_them() {
        let cases = [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_799, "2000-02-29T23:59:59Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (1_800_000_000, "2027-01-15T08:00:00Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
        ];
        for (seconds, text) in cases {
            assert_eq!(rfc3339(Time(seconds)), text);
        }
    }

    #[test]
    fn a_machine_whose_clock_runs_free_does_not_blame_the_phone() {
        let clock = Diagnosis::Clock { behind: -90 };
        let words = |synchronized| diagnosis(&clock, &token(), synchronized);
        assert!(
            words(Some(false)).what.ends_with("90 s apart; this machine's clock is not synchronized"),
            "{}",
            words(Some(false)).what
        );
        assert_eq!(words(Some(true)).what, "your phone's clock is 90 s ahead");
        assert_eq!(words(None).what, "your phone's clock is 90 s ahead");
    }

    #[test]
    fn whole_hours_are_called_a_time_zone_mistake() {
        let hinted = |behind| diagnosis(&Diagnosis::Clock { behind }, &token(), Some(true)).hints.join(" ");
        for behind in [3_600, -7_200, 3_630, 86_370] {
            assert!(hinted(behind).contains("time-zone"), "{behind}");
        }
        for behind in [90, -30, 3_690, 1_800] {
            assert!(!hinted(behind).contains("time-zone"), "{behind}");
        }
    }

    #[test]
    fn what_an_app_ignored_is_named() {
        let token = Token { digits: Digits::new(8).unwrap(), algorithm: Algorithm::Sha512, ..token() };
        let ignored = Diagnosis::Ignored {
            algorithm: Algorithm::Sha1,
            period: Period::THIRTY,
            digits: Digits::new(8).unwrap(),
        };
        assert_eq!(
            diagnosis(&ignored, &token, None).what,
            "your app ignored the algorithm and shows a 30 s SHA-1 8-digit code"
        );
    }
}

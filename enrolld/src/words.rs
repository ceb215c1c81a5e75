//! Verdicts and times in the words of the person at the terminal.

pub(crate) use otp::calendar::{date, instant, rfc3339};
use otp::{Diagnosis, Kind, Malformed, Token};

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

/// What helps as well where only the phone's clock is off, and by no more than may be learned.
pub(crate) fn learning(
    diagnosis: &Diagnosis,
    token: &Token,
    drift: u8,
    synchronized: Option<bool>,
) -> Option<String> {
    let (Diagnosis::Clock { behind }, Kind::Totp { period }) = (diagnosis, token.kind) else { return None };
    let is_near = behind.unsigned_abs() <= u64::from(drift) * period.seconds();
    (is_near && synchronized != Some(false)).then(|| {
        "or type two successive codes in one line (123456 654321): that phone's clock is known from then on"
            .to_owned()
    })
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
        Malformed::NotACode | Malformed::NotText | Malformed::NoCodeAtEnd => {
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
    fn two_codes_are_suggested_only_where_they_would_be_accepted_and_the_phone_is_to_blame() {
        let suggested = |behind, drift, synchronized| {
            learning(&Diagnosis::Clock { behind }, &token(), drift, synchronized).is_some()
        };
        for behind in [60, -60, 300, -300] {
            assert!(suggested(behind, 10, Some(true)) && suggested(behind, 10, None), "{behind}");
            assert!(!suggested(behind, 10, Some(false)), "{behind}: this machine's clock runs free");
            assert!(!suggested(behind, 0, Some(true)), "{behind}: nothing is learned");
        }
        assert!(!suggested(330, 10, Some(true)) && !suggested(-3600, 20, None));
        assert!(learning(&Diagnosis::Replaced, &token(), 10, None).is_none());
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

//! Values with a meaning of their own: durations, dates, numbers within bounds.

use otp::{Algorithm, Digits, Period, Time};
use serde::{Deserialize, Deserializer, de::Error};

/// Reads `"30s"`, `"15m"`, `"72h"`, `"7d"`.
pub(crate) fn seconds<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    let text = String::deserialize(from)?;
    parse_seconds(&text).ok_or_else(|| {
        D::Error::custom(format!(
            "{text:?} is no duration, expected a number and s, m, h or d, such as \"30s\""
        ))
    })
}

fn parse_seconds(text: &str) -> Option<u64> {
    let unit = text.chars().last()?;
    let number: u64 = text.strip_suffix(unit)?.parse().ok()?;
    let factor = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return None,
    };
    number.checked_mul(factor).filter(|&seconds| seconds <= 366 * 86_400)
}

/// Reads a number that must lie in `least..=most`.
pub(crate) fn bounded<'de, D: Deserializer<'de>>(from: D, least: i64, most: i64) -> Result<i64, D::Error> {
    let number = i64::deserialize(from)?;
    if (least..=most).contains(&number) {
        return Ok(number);
    }
    Err(D::Error::custom(format!("{number} is out of bounds, expected {least} to {most}")))
}

pub(crate) fn digits<'de, D: Deserializer<'de>>(from: D) -> Result<Digits, D::Error> {
    let number = bounded(from, 6, 8)?;
    u8::try_from(number).ok().and_then(Digits::new).ok_or_else(|| D::Error::custom("expected 6, 7 or 8"))
}

pub(crate) fn period<'de, D: Deserializer<'de>>(from: D) -> Result<Period, D::Error> {
    let seconds = seconds(from)?;
    Period::new(seconds).ok_or_else(|| {
        D::Error::custom(format!("a period of {seconds} s is out of bounds, expected \"15s\" to \"300s\""))
    })
}

pub(crate) fn algorithm<'de, D: Deserializer<'de>>(from: D) -> Result<Algorithm, D::Error> {
    let text = String::deserialize(from)?;
    Algorithm::parse(&text).ok_or_else(|| {
        D::Error::custom(format!("{text:?} is no algorithm, expected \"sha1\", \"sha256\" or \"sha512\""))
    })
}

/// Reads a TOML date (`2027-01-31`, its first instant in UTC) or date and time (`2027-01-31T18:00:00Z`).
pub(crate) fn instant<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Time>, D::Error> {
    let value = toml::value::Datetime::deserialize(from)?;
    to_unix(&value).map(Some).ok_or_else(|| {
        D::Error::custom("expected a date such as 2027-01-31, or a time such as 2027-01-31T18:00:00Z")
    })
}

fn to_unix(value: &toml::value::Datetime) -> Option<Time> {
    let date = value.date?;
    let days = days_since_1970(i64::from(date.year), i64::from(date.month), i64::from(date.day));
    let of_day = match (value.time, value.offset) {
        (None, None) => 0,
        (Some(time), Some(offset)) => {
            let minutes = match offset {
                toml::value::Offset::Z => 0,
                toml::value::Offset::Custom { minutes } => i64::from(minutes),
            };
            let second = i64::from(time.second.unwrap_or(0));
            i64::from(time.hour) * 3_600 + i64::from(time.minute) * 60 + second - minutes * 60
        }
        // A time of day without an offset means another instant on every machine.
        _ => return None,
    };
    u64::try_from(days * 86_400 + of_day).ok().map(Time)
}

/// The proleptic Gregorian calendar, counted in years that begin in March.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_unit() {
        assert_eq!(parse_seconds("30s"), Some(30));
        assert_eq!(parse_seconds("15m"), Some(900));
        assert_eq!(parse_seconds("2d"), Some(172_800));
        for wrong in ["", "s", "30", "-1s", "1.5h", "30 s", "99999999999999999999s", "400d", "3é"] {
            assert_eq!(parse_seconds(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn dates_are_instants() {
        let unix = |text: &str| to_unix(&text.parse().unwrap()).map(|time| time.0);
        assert_eq!(unix("1970-01-01"), Some(0));
        assert_eq!(unix("2027-01-15T08:00:00Z"), Some(1_800_000_000));
        assert_eq!(unix("2027-01-15T09:00:00+01:00"), Some(1_800_000_000));
        assert_eq!(unix("2024-02-29"), Some(1_709_164_800));
        assert_eq!(unix("2027-01-15T08:00:00"), None);
        assert_eq!(unix("08:00:00"), None);
        assert_eq!(unix("1969-12-31"), None);
    }
}

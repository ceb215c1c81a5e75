//! Values with a meaning of their own: durations, dates, numbers within bounds.

use crate::table::{expected, number, text};
use otp::{Algorithm, Chance, Digits, Period, Time};
use std::path::{Component, PathBuf};
use toml::de::DeValue;

/// Reads `"30s"`, `"15m"`, `"72h"`, `"7d"`.
pub(crate) fn seconds(value: &DeValue<'_>) -> Result<u64, String> {
    let text = text(value)?;
    parse_seconds(text).ok_or_else(|| {
        format!("{text:?} is no duration, expected a number and s, m, h or d, such as \"30s\"")
    })
}

/// Reads a number that must lie in `least..=most`.
pub(crate) fn bounded<T: TryFrom<i64>>(least: i64, most: i64) -> impl Fn(&DeValue<'_>) -> Result<T, String> {
    move |value| {
        let number: i64 = number(value)?;
        let within = Some(number).filter(|number| (least..=most).contains(number));
        within
            .and_then(|number| T::try_from(number).ok())
            .ok_or_else(|| format!("{number} is out of bounds, expected {least} to {most}"))
    }
}

pub(crate) fn digits(value: &DeValue<'_>) -> Result<Digits, String> {
    Digits::new(bounded(6, 8)(value)?).ok_or_else(|| "expected 6, 7 or 8".to_owned())
}

pub(crate) fn period(value: &DeValue<'_>) -> Result<Period, String> {
    let seconds = seconds(value)?;
    Period::new(seconds)
        .ok_or_else(|| format!("a period of {seconds} s is out of bounds, expected \"15s\" to \"300s\""))
}

pub(crate) fn algorithm(value: &DeValue<'_>) -> Result<Algorithm, String> {
    let text = text(value)?;
    Algorithm::parse(text)
        .ok_or_else(|| format!("{text:?} is no algorithm, expected \"sha1\", \"sha256\" or \"sha512\""))
}

/// Reads a TOML date (`2027-01-31`, its first instant in UTC) or date and time (`2027-01-31T18:00:00Z`).
pub(crate) fn instant(value: &DeValue<'_>) -> Result<Time, String> {
    let datetime = value.as_datetime().ok_or_else(|| expected("a date such as 2027-01-31", value))?;
    to_unix(datetime).ok_or_else(|| {
        "expected a date such as 2027-01-31, or a time such as 2027-01-31T18:00:00Z".to_owned()
    })
}

pub(crate) fn absolute(value: &DeValue<'_>) -> Result<PathBuf, String> {
    let path = PathBuf::from(text(value)?);
    let plain = path.components().all(|part| part != Component::ParentDir);
    if path.is_absolute() && plain && path.components().count() > 1 {
        return Ok(path);
    }
    Err("expected an absolute path without \"..\"".to_owned())
}

/// unix(7): an address has 108 bytes, of which the last is NUL.
pub(crate) fn socket(value: &DeValue<'_>) -> Result<PathBuf, String> {
    let path = absolute(value)?;
    if path.as_os_str().len() < 108 {
        return Ok(path);
    }
    Err("expected a path of at most 107 bytes".to_owned())
}

pub(crate) fn store_id(value: &DeValue<'_>) -> Result<String, String> {
    let id = text(value)?;
    if id.len() == 32 && id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
        return Ok(id.to_owned());
    }
    Err("expected the id in the store's FORMAT file: 32 hexadecimal digits in lower case".to_owned())
}

pub(crate) fn fail_delay(value: &DeValue<'_>) -> Result<u64, String> {
    match seconds(value)? {
        seconds @ 0..=30 => Ok(seconds),
        seconds => Err(format!("{seconds} s is out of bounds, expected \"0s\" to \"30s\"")),
    }
}

/// Reads a probability, in steps of 10^-12.
pub(crate) fn risk(value: &DeValue<'_>) -> Result<Chance, String> {
    let number = value.as_float().ok_or_else(|| expected("a number such as 0.001", value))?;
    match number.as_str().parse::<f64>() {
        Ok(number) if (0.000_1..=0.1).contains(&number) => {
            Ok(Chance::from_ratio((number * 1e12).round() as u64, 1_000_000_000_000))
        }
        _ => Err(format!("{} is out of bounds, expected 0.0001 to 0.1", number.as_str())),
    }
}

/// A prompt goes through PAM messages of at most 512 bytes and onto terminals: printable text of one line.
pub(crate) fn prompt(value: &DeValue<'_>) -> Result<String, String> {
    let text = text(value)?;
    if is_prompt(text) {
        return Ok(text.to_owned());
    }
    Err(PROMPT.to_owned())
}

/// What a prompt has to be.
pub const PROMPT: &str = "expected 1 to 200 bytes without control characters";

/// Whether `text` can stand as a prompt: 1 to 200 bytes without control characters.
#[must_use]
pub fn is_prompt(text: &str) -> bool {
    (1..=200).contains(&text.len()) && !text.chars().any(char::is_control)
}

/// Reads a duration of at most 366 days, as the settings write it: `30s`, `15m`, `72h`, `7d`.
#[must_use]
pub fn parse_seconds(text: &str) -> Option<u64> {
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

fn to_unix(value: &toml_datetime::Datetime) -> Option<Time> {
    let date = value.date?;
    let days = days_since_1970(i64::from(date.year), i64::from(date.month), i64::from(date.day));
    let of_day = match (value.time, value.offset) {
        (None, None) => 0,
        (Some(time), Some(offset)) => {
            let minutes = match offset {
                toml_datetime::Offset::Z => 0,
                toml_datetime::Offset::Custom { minutes } => i64::from(minutes),
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

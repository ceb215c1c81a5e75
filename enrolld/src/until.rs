//! Until when: a duration, or what a clock on the wall here will show.

use crate::import::oath::Civil;
use crate::local_time;
use otp::{Time, calendar};

/// As it was written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Until {
    /// For so many seconds.
    For(u64),
    /// Until this time of day comes next: hour, minute, second.
    OfDay([i32; 3]),
    /// Until this day and time.
    At(Civil),
}

impl Until {
    /// `2h`, `18:00` or `2026-11-27T08:00`, of which the blank may be one of the shell's.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if let Some(seconds) = config::parse_seconds(text) {
            return (seconds > 0).then_some(Self::For(seconds));
        }
        match text.split_once(['T', ' ']) {
            None => of_day(text).map(Self::OfDay),
            Some((date, time)) => {
                let ([year, month, day], [hour, minute, second]) = (numbers(date, '-')?, of_day(time)?);
                let fits = (1970..=9999).contains(&year)
                    && (1..=12).contains(&month)
                    && (1..=days(year, month)).contains(&day);
                fits.then_some(Self::At(Civil { year, month, day, hour, minute, second }))
            }
        }
    }

    /// The first such instant after `now`; `None` where there is none.
    pub(crate) fn after(self, now: Time) -> Option<Time> {
        let candidates = match self {
            Self::For(seconds) => return Some(now.after(seconds)),
            Self::At(civil) => local_time::instants(civil),
            Self::OfDay([hour, minute, second]) => {
                // The day here is that of UTC, or one beside it.
                let days = [0, 1, 2]
                    .map(|days| calendar::date(Time((now.0 + days * 86_400).saturating_sub(86_400))));
                let days = days.iter().filter_map(|date| numbers(date, '-'));
                let civil = |[year, month, day]: [i32; 3]| Civil { year, month, day, hour, minute, second };
                days.flat_map(|date| local_time::instants(civil(date))).collect()
            }
        };
        candidates.into_iter().filter(|instant| *instant > now).min()
    }
}

/// `18:00` or `18:00:30`.
fn of_day(text: &str) -> Option<[i32; 3]> {
    let whole = if text.matches(':').count() == 1 { format!("{text}:0") } else { text.to_owned() };
    let time @ [hour, minute, second] = numbers(&whole, ':')?;
    let fits = (0..=23).contains(&hour) && (0..=59).contains(&minute) && (0..=59).contains(&second);
    fits.then_some(time)
}

fn numbers(text: &str, separator: char) -> Option<[i32; 3]> {
    let is_number = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let mut parts = text.split(separator).map(|part| Some(part).filter(is_number)?.parse().ok());
    let numbers = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(numbers)
}

fn days(year: i32, month: i32) -> i32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_no_time_is_none() {
        for text in [
            "",
            "0s",
            "2",
            "h",
            "-1h",
            "24:00",
            "18:60",
            "18",
            "1:2:3:4",
            "18:",
            "+8:00",
            "2026-11-27",
            "2026-02-29T08:00",
            "2026-13-01T08:00",
            "2026-11-27T",
            "T08:00",
            "2026-11-27T08:00Z",
            "tomorrow",
        ] {
            assert_eq!(Until::parse(text), None, "{text}");
        }
        let civil = Civil { year: 2028, month: 2, day: 29, hour: 8, minute: 5, second: 0 };
        for text in ["2028-02-29T08:05", "2028-02-29 08:05:00", "2028-2-29 8:5"] {
            assert_eq!(Until::parse(text), Some(Until::At(civil)), "{text}");
        }
    }

    #[test]
    fn the_next_time_that_fits_is_meant() {
        let now = Time(1_800_000_000);
        let after = |text: &str| Until::parse(text).unwrap().after(now).unwrap().0 - now.0;
        assert_eq!(after("2h"), 7200);
        // Whatever the zone is: this second was yesterday's, or the next one.
        let seconds: Vec<_> = (0..24).map(|hour| after(&format!("{hour}:00"))).collect();
        assert!(seconds.iter().all(|seconds| (1..=90_000).contains(seconds)), "{seconds:?}");
        assert!(seconds.iter().max() >= Some(&82_800) && seconds.iter().min() <= Some(&3_600), "{seconds:?}");
        assert_eq!(Until::parse("2020-01-01T00:00").unwrap().after(now), None);
    }
}

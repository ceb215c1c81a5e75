//! Instants as people read them, in UTC.

use crate::Time;

/// `2026-11-25T10:03:22Z` (RFC 3339, in UTC).
#[must_use]
pub fn rfc3339(time: Time) -> String {
    let (hours, minutes, seconds) = clock_of(time);
    format!("{}T{hours:02}:{minutes:02}:{seconds:02}Z", date(time))
}

/// `2026-11-25 10:03:22 UTC`.
#[must_use]
pub fn instant(time: Time) -> String {
    let (hours, minutes, seconds) = clock_of(time);
    format!("{} {hours:02}:{minutes:02}:{seconds:02} UTC", date(time))
}

/// `2026-11-25 10:03 UTC`.
#[must_use]
pub fn minute(time: Time) -> String {
    let (hours, minutes, _) = clock_of(time);
    format!("{} {hours:02}:{minutes:02} UTC", date(time))
}

/// `2026-11-25`, the day in UTC.
#[must_use]
pub fn date(time: Time) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

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
    fn people_read_the_same_instant_to_the_second_or_to_the_minute() {
        assert_eq!(instant(Time(951_868_799)), "2000-02-29 23:59:59 UTC");
        assert_eq!(minute(Time(951_868_799)), "2000-02-29 23:59 UTC");
    }
}

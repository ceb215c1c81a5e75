//! Which instants a wall clock here may have meant: pam_oath notes the local time.
#![allow(unsafe_code)]

use crate::import::oath::Civil;
use otp::Time;

/// None for a time that cannot be; two where the clock was set back and showed it twice.
pub(crate) fn instants(civil: Civil) -> Vec<Time> {
    let meant = [0, 1].into_iter().filter_map(|summer| instant(civil, summer));
    let mut meant: Vec<_> = meant.collect();
    meant.sort_unstable();
    meant.dedup();
    meant
}

fn instant(civil: Civil, summer: libc::c_int) -> Option<Time> {
    // SAFETY: tm is a struct of integers and one pointer, for which all zeroes is a value; mktime(3) reads
    // none of what is not set here.
    let mut tm: libc::tm = unsafe { std::mem::zeroed() };
    (tm.tm_year, tm.tm_mon, tm.tm_mday) = (civil.year - 1900, civil.month - 1, civil.day);
    (tm.tm_hour, tm.tm_min, tm.tm_sec) = (civil.hour, civil.minute, civil.second);
    tm.tm_isdst = summer;
    // SAFETY: `tm` is ours for the call, and no other thread of this program changes the environment.
    let seconds = unsafe { libc::mktime(&raw mut tm) };
    // Where the clock never shows it under this rule, mktime has taken the other one and moved the hour.
    (tm.tm_isdst == summer).then(|| u64::try_from(seconds).ok().map(Time))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_an_instant_and_never_more_than_two() {
        let civil = Civil { year: 2026, month: 11, day: 25, hour: 10, minute: 3, second: 22 };
        let meant = instants(civil);
        // 14 hours either way of UTC, whatever the zone is.
        let utc = 1_795_601_002;
        assert!(meant.len() == 1 && meant[0].0.abs_diff(utc) <= 14 * 3600, "{meant:?}");
    }
}

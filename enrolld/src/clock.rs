//! The one place of the command line that reads the clock.

use otp::Time;
use std::time::{SystemTime, UNIX_EPOCH};

/// The present instant. A clock before 1970 reads as 1970, which is refused as far behind.
#[allow(clippy::disallowed_methods, reason = "this is the edge at which the command line reads the clock")]
pub(crate) fn now() -> Time {
    Time(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()))
}

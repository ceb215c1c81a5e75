//! How long a code lasts that ends by itself, where the clock cannot be trusted.

use crate::Time;

/// From when to when a bypass is good.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Life {
    /// When it was issued, by the clock of that moment.
    pub issued: Time,
    /// The latest time on record at that moment. It lies ahead where the clock is behind, or ran ahead before.
    pub recorded: Time,
    /// From when on it is over.
    pub expires: Time,
}

impl Life {
    /// From `now` on for so many seconds, where `latest` is on record.
    #[must_use]
    pub fn new(now: Time, latest: Time, lasts: u64) -> Self {
        Self { issued: now, recorded: latest, expires: now.after(lasts) }
    }

    /// Whether it is over: by this clock, or by the latest time on record, which remembers what a clock that
    /// was put back does not. What was on record ahead of the clock when it was issued takes nothing from it.
    #[must_use]
    pub fn is_over(self, latest: Time, now: Time) -> bool {
        let on_record = self.recorded.max(self.issued).after(self.expires.since(self.issued));
        now >= self.expires || latest >= on_record
    }
}

//! How often each uid is answered: at most as often as the log can bear.
//!
//! Every answer costs a line, and a service that floods the log loses lines (journald.conf(5),
//! RateLimitBurst=): other people's. Whoever is too fast waits, and is not refused.

use std::time::{Duration, Instant};

/// From one answer to the next.
const INTERVAL: Duration = Duration::from_millis(20);
/// How far ahead of that a uid may be that has not asked for a while: twenty answers.
const BURST: Duration = Duration::from_millis(400);

/// Longest that one waits.
const LONGEST: Duration = Duration::from_millis(500);

/// When each uid is due; of those alone that asked a moment ago.
#[derive(Default)]
pub(crate) struct Pace(Vec<(u32, Instant)>);

impl Pace {
    /// How long a question of this uid has to wait that has come `now`.
    pub(crate) fn turn(&mut self, uid: u32, now: Instant) -> Duration {
        self.0.retain(|(_, due)| *due > now);
        let former = self.0.iter().position(|(of, _)| *of == uid).map(|place| self.0.swap_remove(place).1);
        let due = (former.unwrap_or(now) + INTERVAL).min(now + BURST + LONGEST);
        self.0.push((uid, due));
        due.saturating_duration_since(now + BURST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_without_end_is_answered_fifty_times_a_second() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        let mut now = start;
        for _ in 0..520 {
            now += pace.turn(2001, now);
        }
        assert_eq!(now - start, Duration::from_secs(10));
        assert_eq!(pace.turn(2002, now), Duration::ZERO, "nobody waits for another one's questions");
        assert_eq!(pace.turn(2001, now + BURST), Duration::ZERO);
    }

    #[test]
    fn nobody_waits_long_however_much_was_asked() {
        let (mut pace, now) = (Pace::default(), Instant::now());
        assert_eq!((0..1000).map(|_| pace.turn(2001, now)).max(), Some(LONGEST));
    }

    #[test]
    fn nothing_is_kept_of_who_has_not_asked_for_a_moment() {
        let (mut pace, now) = (Pace::default(), Instant::now());
        (0..1000).for_each(|uid| assert_eq!(pace.turn(uid, now), Duration::ZERO));
        pace.turn(1, now + Duration::from_secs(1));
        assert_eq!(pace.0.len(), 1);
    }
}

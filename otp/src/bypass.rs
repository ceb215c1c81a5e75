//! Bypasses: codes that an administrator issues to somebody whose phone is lost. Shaped and hashed like backup
//! codes, but they end by themselves: after some logins, or at a time.

use crate::backup::hash;
use crate::{BackupCode, Enrollment, Ledger, Life, Time};
use std::fmt;
use subtle::ConstantTimeEq;

/// Most bypasses that one person may hold at a time: the ledger has a byte for each.
pub const MAX_BYPASSES: usize = 8;

/// One bypass: what is stored of a code that was read out over the phone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Bypass {
    /// Which bypass of this person this is, from 1: it stands in the log.
    pub number: u32,
    /// When it was issued, and from when on it opens nothing.
    pub life: Life,
    /// How many logins it opens.
    pub uses: Uses,
    /// Why it was issued, in the administrator's words.
    pub reason: Reason,
    /// Its salt.
    pub salt: [u8; 16],
    /// HMAC-SHA-256 of the code's twelve letters, keyed with the salt.
    pub hash: [u8; 32],
}

impl Bypass {
    /// Shortest life, in seconds.
    pub const SHORTEST: u64 = 60;
    /// Longest life, in seconds: a second factor that is off for longer is not one.
    pub const LONGEST: u64 = 7 * 86_400;

    /// The stored form of `code`'s letters under `salt`.
    #[must_use]
    pub fn hash(salt: &[u8; 16], code: &BackupCode) -> [u8; 32] {
        hash(salt, code)
    }

    /// Whether `code` is this bypass's, in constant time.
    pub(crate) fn is(&self, code: &BackupCode) -> bool {
        bool::from(self.hash.ct_eq(&hash(&self.salt, code)))
    }
}

/// How many logins a bypass opens: 1 to 100.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Uses(u8);

impl Uses {
    /// Once.
    pub const ONE: Self = Self(1);
    /// Most.
    pub const MOST: u8 = 100;

    /// Fails outside 1 to 100.
    #[must_use]
    pub fn new(count: u8) -> Option<Self> {
        (1..=Self::MOST).contains(&count).then_some(Self(count))
    }

    /// The number.
    #[must_use]
    pub fn count(self) -> u8 {
        self.0
    }
}

/// Why a bypass was issued: 1 to 200 bytes of one line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reason(String);

impl Reason {
    /// Fails for nothing but blanks, for more than 200 bytes, and for control characters.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        let fits = (1..=200).contains(&text.len()) && !text.chars().any(char::is_control);
        fits.then(|| Self(text.to_owned()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Ledger {
    /// Whether `bypass` is past its time, by this clock or by the latest time on record.
    #[must_use]
    pub fn has_expired(&self, bypass: &Bypass, now: Time) -> bool {
        bypass.life.is_over(self.latest, now)
    }

    /// How many more logins the bypass at `place` of `enrollment` opens at `now`.
    #[must_use]
    pub fn bypass_left(&self, enrollment: &Enrollment, place: usize, now: Time) -> u8 {
        match enrollment.bypasses().get(place) {
            Some(bypass) if !self.has_expired(bypass, now) => self.bypass_unused(bypass, place),
            _ => 0,
        }
    }

    /// How many uses of `bypass`, which stands at `place`, are not spent, expired or not.
    #[must_use]
    pub fn bypass_unused(&self, bypass: &Bypass, place: usize) -> u8 {
        let used = self.bypass_uses.get(place).copied().unwrap_or(u8::MAX);
        bypass.uses.count().saturating_sub(used)
    }

    pub(crate) fn use_bypass(&mut self, place: usize) {
        if let Some(used) = self.bypass_uses.get_mut(place) {
            *used = used.saturating_add(1);
        }
    }

    /// Spends all that is left of the bypass at `place`.
    pub(crate) fn void_bypass(&mut self, place: usize) {
        if let Some(used) = self.bypass_uses.get_mut(place) {
            *used = u8::MAX;
        }
    }

    /// Before `latest` is brought back: what had expired by it stays so, and what was issued by a clock that
    /// ran ahead would expire too late.
    pub(crate) fn void_bypasses_ahead(&mut self, enrollment: &Enrollment, now: Time) {
        for (place, bypass) in enrollment.bypasses().iter().enumerate() {
            if self.has_expired(bypass, now) || bypass.life.issued > now {
                self.void_bypass(place);
            }
        }
    }

    /// The uses spent of each bypass of `next`, as far as it is one of `previous` too.
    pub(crate) fn carried_bypass_uses(&self, previous: &Enrollment, next: &Enrollment) -> [u8; MAX_BYPASSES] {
        let mut uses = [0; MAX_BYPASSES];
        for (to, bypass) in uses.iter_mut().zip(next.bypasses()) {
            let mut kept = previous.bypasses().iter().zip(self.bypass_uses);
            *to = kept.find(|(old, _)| *old == bypass).map_or(0, |(_, used)| used);
        }
        uses
    }
}

//! Invitations: codes that root hands out, with which people enroll by themselves.
//!
//! Without one, whatever runs in somebody's session could enroll its own token before the person does.

use crate::backup::hash;
use crate::{BackupCode, Life, Time};
use subtle::ConstantTimeEq;

/// One invitation: what is stored of the code. Shaped and hashed like a backup code.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Invitation {
    /// When it was issued, and from when on it is good for nothing.
    pub life: Life,
    /// Its salt.
    pub salt: [u8; 16],
    /// HMAC-SHA-256 of the code's twelve letters, keyed with the salt.
    pub hash: [u8; 32],
}

impl Invitation {
    /// Shortest life, in seconds.
    pub const SHORTEST: u64 = 60;
    /// Longest life, in seconds.
    pub const LONGEST: u64 = 30 * 86_400;

    /// An invitation by this code.
    #[must_use]
    pub fn new(life: Life, salt: [u8; 16], code: &BackupCode) -> Self {
        Self { life, salt, hash: hash(&salt, code) }
    }

    /// Whether `code` is this invitation's, in constant time.
    #[must_use]
    pub fn is(&self, code: &BackupCode) -> bool {
        bool::from(self.hash.ct_eq(&hash(&self.salt, code)))
    }

    /// Whether it is past its time, by this clock or by the latest time on record.
    #[must_use]
    pub fn has_expired(&self, latest: Time, now: Time) -> bool {
        self.life.is_over(latest, now)
    }
}

//! Scratch codes: the eight digits that an earlier module gave its people, imported so that the sheet in
//! somebody's drawer still opens.
//!
//! They are short enough to be guessed, and so they are judged, throttled and charged like codes. Their hashes
//! hide them from a glance, not from whoever reads the store, where the tokens' keys stand too.

use crate::backup::keyed_hash;
use crate::{Chance, Code, Digits};
use subtle::ConstantTimeEq;

/// How many numbers a scratch code may be: 10000000 to 99999999. A guesser leaves out the others.
const NUMBERS: u64 = 90_000_000;

/// A set of hashed scratch codes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ScratchSet {
    /// The salt of this set.
    pub salt: [u8; 16],
    /// HMAC-SHA-256 of each code's eight digits, keyed with the salt.
    pub hashes: Vec<[u8; 32]>,
}

impl ScratchSet {
    /// Most codes in a set: the ledger's bits for them.
    pub const MAX_CODES: usize = 128;
    /// How long they are.
    pub const DIGITS: Digits = Digits::EIGHT;

    /// Hashes `codes` under `salt`; of other lengths and beyond [`Self::MAX_CODES`] none is taken.
    #[must_use]
    pub fn new(salt: [u8; 16], codes: &[Code]) -> Self {
        let ours = codes.iter().filter(|code| code.digits() == Self::DIGITS).take(Self::MAX_CODES);
        Self { salt, hashes: ours.map(|code| hash(&salt, code)).collect() }
    }

    /// The place of `code` in this set. Every hash is compared, each in constant time.
    #[must_use]
    pub fn position(&self, code: &Code) -> Option<usize> {
        if code.digits() != Self::DIGITS {
            return None;
        }
        let wanted = hash(&self.salt, code);
        let places = self.hashes.iter().enumerate();
        places.fold(
            None,
            |found, (place, stored)| {
                if bool::from(stored.ct_eq(&wanted)) { Some(place) } else { found }
            },
        )
    }

    /// The chance that a guess is one of so many.
    pub(crate) fn chance(unspent: usize) -> Chance {
        Chance::from_ratio(unspent as u64, NUMBERS)
    }
}

fn hash(salt: &[u8; 16], code: &Code) -> [u8; 32] {
    keyed_hash(salt, code.expose().as_bytes())
}

//! Backup codes: sixty random bits each, shown once, stored hashed under one salt, each spent once.
//!
//! With sixty bits a slow hash would buy nothing: 2^60 HMACs are out of reach, and a memory-hard hash would
//! give whoever reaches the prompt 19 MiB and 20 ms of a root process.

use crate::Time;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Crockford's base32 in lower case: no `i`, `l`, `o`, `u`.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const LETTERS: usize = 12;

/// A backup code in clear: twelve letters of Crockford's base32, wiped on drop.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct BackupCode([u8; LETTERS]);

impl BackupCode {
    /// A code from sixty random bits (the low five of each byte). `None` for one of digits alone: it would
    /// read like two one-time codes in a row, so the caller draws again.
    #[must_use]
    pub fn from_random(random: [u8; LETTERS]) -> Option<Self> {
        let letters = random.map(|byte| letter(byte & 31));
        letters.iter().any(u8::is_ascii_alphabetic).then_some(Self(letters))
    }

    /// Reads a code as typed: any case, hyphens and spaces anywhere, `o` for `0`, `i` and `l` for `1`.
    #[must_use]
    pub fn parse(typed: &str) -> Option<Self> {
        let mut letters = Zeroizing::new([0u8; LETTERS]);
        let mut places = letters.iter_mut();
        for byte in typed.bytes().filter(|byte| !matches!(byte, b' ' | b'-')) {
            *places.next()? = fold(byte)?;
        }
        if places.next().is_some() || letters.iter().all(u8::is_ascii_digit) {
            return None;
        }
        Some(Self(*letters))
    }

    /// `xxxx-xxxx-xxxx`, for the one screen that shows it.
    #[must_use]
    pub fn expose(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(LETTERS + 2));
        for (index, &letter) in self.0.iter().enumerate() {
            if index > 0 && index % 4 == 0 {
                text.push('-');
            }
            text.push(char::from(letter));
        }
        text
    }
}

fn letter(value: u8) -> u8 {
    ALPHABET.get(usize::from(value)).copied().unwrap_or(b'0')
}

fn fold(byte: u8) -> Option<u8> {
    let folded = match byte.to_ascii_lowercase() {
        b'o' => b'0',
        b'i' | b'l' => b'1',
        other => other,
    };
    ALPHABET.contains(&folded).then_some(folded)
}

impl fmt::Debug for BackupCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BackupCode(..)")
    }
}

/// A set of hashed backup codes: what is stored of the sheet in somebody's drawer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BackupSet {
    /// Which set this is, from 1: it stands on the sheet too.
    pub number: u32,
    /// When it was made: it stands on the sheet too.
    pub created: Time,
    /// The salt of this set.
    pub salt: [u8; 16],
    /// HMAC-SHA-256 of each code's twelve letters, keyed with the salt.
    pub hashes: Vec<[u8; 32]>,
}

impl BackupSet {
    /// Most codes in a set: the ledger's bits for them.
    pub const MAX_CODES: usize = 100;

    /// Hashes `codes` under `salt`. Codes beyond [`Self::MAX_CODES`] are not taken.
    #[must_use]
    pub fn new(number: u32, created: Time, salt: [u8; 16], codes: &[BackupCode]) -> Self {
        let hashes = codes.iter().take(Self::MAX_CODES).map(|code| hash(&salt, code)).collect();
        Self { number, created, salt, hashes }
    }

    /// The place of `code` in this set. Every hash is compared, each in constant time.
    #[must_use]
    pub fn position(&self, code: &BackupCode) -> Option<usize> {
        let wanted = hash(&self.salt, code);
        let mut found = None;
        for (index, stored) in self.hashes.iter().enumerate() {
            if bool::from(stored.ct_eq(&wanted)) {
                found = Some(index);
            }
        }
        found
    }
}

pub(crate) fn hash(salt: &[u8; 16], code: &BackupCode) -> [u8; 32] {
    keyed_hash(salt, &code.0)
}

pub(crate) fn keyed_hash(salt: &[u8; 16], text: &[u8]) -> [u8; 32] {
    // HMAC takes a key of any length; the other arm only satisfies the signature.
    match Hmac::<Sha256>::new_from_slice(salt) {
        Ok(mut mac) => {
            mac.update(text);
            mac.finalize().into_bytes().into()
        }
        Err(_) => [0; 32],
    }
}

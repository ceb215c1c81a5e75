//! The shared secret of a token, and the base32 (RFC 4648, section 6) in which people and apps see it.

use std::fmt;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// A token's key: 80 to 512 bits, wiped on drop, never shown by `Debug`.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Secret(Box<[u8]>);

/// Why bytes or text are no [`Secret`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SecretError {
    /// Nothing was there.
    Empty,
    /// A character outside base32 (A-Z, 2-7), with its place, counted in characters from 1.
    Character {
        /// The place, from 1.
        position: usize,
        /// The character.
        found: char,
    },
    /// A letter behind the padding. It may be one of the secret's, so it is not told.
    Padding {
        /// Its place, from 1.
        position: usize,
    },
    /// A number of characters that no whole number of bytes encodes to (1, 3 or 6 modulo 8).
    Length {
        /// How many base32 characters there were.
        characters: usize,
    },
    /// A key of a size outside 80 to 512 bits.
    Size {
        /// The size found, in bits.
        bits: usize,
    },
}

impl Secret {
    /// Fewest bytes accepted (80 bits: what old enrollments have).
    pub const MIN_BYTES: usize = 10;
    /// Most bytes accepted (512 bits: a block of SHA-1 and SHA-256).
    pub const MAX_BYTES: usize = 64;
    /// Bytes of a new secret (RFC 4226, section 4, R6: 160 bits recommended).
    pub const NEW_BYTES: usize = 20;

    /// A secret of these bytes; fails outside 80 to 512 bits.
    pub fn new(bytes: &[u8]) -> Result<Self, SecretError> {
        match bytes.len() {
            0 => Err(SecretError::Empty),
            Self::MIN_BYTES..=Self::MAX_BYTES => Ok(Self(bytes.into())),
            other => Err(SecretError::Size { bits: other * 8 }),
        }
    }

    /// Reads base32 as people type it: any case, spaces, hyphens, padding. Nothing is dropped in
    /// silence and nothing is mapped: `0`, `1`, `8` and `9` are errors with their place.
    pub fn from_base32(text: &str) -> Result<Self, SecretError> {
        let mut bytes = Zeroizing::new([0; Self::MAX_BYTES]);
        let mut places = bytes.iter_mut();
        let (mut buffer, mut bits, mut characters, mut padded) = (0u32, 0u32, 0usize, false);
        for (index, found) in text.chars().enumerate() {
            let error = SecretError::Character { position: index + 1, found };
            match found {
                ' ' | '\t' | '-' => continue,
                '=' if characters > 0 => {
                    padded = true;
                    continue;
                }
                _ => {}
            }
            let value = value_of(found).ok_or(error)?;
            if padded {
                return Err(SecretError::Padding { position: index + 1 });
            }
            characters += 1;
            buffer = (buffer << 5) + value;
            bits += 5;
            if bits >= 8 {
                bits -= 8;
                // What is too long is only counted.
                if let Some(place) = places.next() {
                    *place = (buffer >> bits) as u8;
                }
                buffer &= (1 << bits) - 1;
            }
        }
        if matches!(characters % 8, 1 | 3 | 6) {
            return Err(SecretError::Length { characters });
        }
        let size = characters * 5 / 8;
        bytes.get(..size).map_or(Err(SecretError::Size { bits: size * 8 }), Self::new)
    }

    /// Base32 in upper case, without padding: the only form every app reads.
    #[must_use]
    pub fn to_base32(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(self.0.len() * 8 / 5 + 8));
        let (mut buffer, mut bits) = (0u32, 0u32);
        for &byte in &self.0 {
            buffer = (buffer << 8) + u32::from(byte);
            bits += 8;
            while bits >= 5 {
                bits -= 5;
                text.push(letter(buffer >> bits));
                buffer &= (1 << bits) - 1;
            }
        }
        if bits > 0 {
            text.push(letter(buffer << (5 - bits)));
        }
        text
    }

    /// Base32 in groups of four, as one reads it aloud or types it.
    #[must_use]
    pub fn to_groups(&self) -> Zeroizing<String> {
        let base32 = self.to_base32();
        let mut text = Zeroizing::new(String::with_capacity(base32.len() * 5 / 4 + 1));
        for (index, letter) in base32.chars().enumerate() {
            if index > 0 && index % 4 == 0 {
                text.push(' ');
            }
            text.push(letter);
        }
        text
    }

    /// The key's size in bits.
    #[must_use]
    pub fn bits(&self) -> usize {
        self.0.len() * 8
    }

    /// The key itself: for the HMAC and for nothing that is shown.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

fn value_of(character: char) -> Option<u32> {
    match character.to_ascii_uppercase() {
        upper @ 'A'..='Z' => Some(upper as u32 - 'A' as u32),
        digit @ '2'..='7' => Some(digit as u32 - '2' as u32 + 26),
        _ => None,
    }
}

fn letter(value: u32) -> char {
    ALPHABET.get((value & 31) as usize).map_or('A', |&byte| char::from(byte))
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({} bits)", self.bits())
    }
}

impl fmt::Display for SecretError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(f, "the secret is empty"),
            Self::Character { position, found } => {
                write!(f, "character {position} of the secret is {found:?}, expected base32 (A-Z and 2-7)")
            }
            Self::Padding { position } => {
                write!(f, "character {position} of the secret stands behind its padding")
            }
            Self::Length { characters } => write!(
                f,
                "{characters} base32 characters do not make whole bytes: a character is missing or too many"
            ),
            Self::Size { bits: bits @ ..80 } => {
                write!(f, "the secret has {bits} bits, at least 80 are needed")
            }
            Self::Size { bits } => write!(f, "the secret has {bits} bits, at most 512 are read"),
        }
    }
}

impl std::error::Error for SecretError {}

//! A token: what a phone or a key fob computes codes with (RFC 4226, RFC 6238).

use crate::{Secret, Time};
use std::fmt;
use subtle::{Choice, ConstantTimeEq};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// The hash under the HMAC (RFC 6238, section 1.2).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Algorithm {
    /// HMAC-SHA-1, the one that every app computes.
    #[default]
    Sha1,
    /// HMAC-SHA-256.
    Sha256,
    /// HMAC-SHA-512.
    Sha512,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Sha1, Self::Sha256, Self::Sha512];

    /// Reads `sha1`, `SHA256`, `HmacSHA512`, `SHA-1`: any spelling in use.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let lower = text.to_ascii_lowercase().replace(['-', '_'], "");
        match lower.strip_prefix("hmac").unwrap_or(&lower) {
            "sha1" => Some(Self::Sha1),
            "sha256" => Some(Self::Sha256),
            "sha512" => Some(Self::Sha512),
            _ => None,
        }
    }

    /// `SHA1`, `SHA256`, `SHA512`: as URIs spell it. Apps compare in upper case.
    #[must_use]
    pub fn uri_name(self) -> &'static str {
        match self {
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
            Self::Sha512 => "SHA512",
        }
    }

    /// `sha1`, `sha256`, `sha512`: as our files and command line spell it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }
}

/// How many digits a code has: 6, 7 or 8 (RFC 4226, section 5.3).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Digits(u8);

impl Digits {
    /// What every app shows.
    pub const SIX: Self = Self(6);
    /// Most.
    pub const EIGHT: Self = Self(8);

    /// Only 6, 7 and 8 pass.
    #[must_use]
    pub fn new(digits: u8) -> Option<Self> {
        (6..=8).contains(&digits).then_some(Self(digits))
    }

    /// The number itself.
    #[must_use]
    pub fn count(self) -> u8 {
        self.0
    }
}

/// The time step of a TOTP token in seconds (X in RFC 6238): 15 to 300.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Period(u16);

impl Period {
    /// What every app uses.
    pub const THIRTY: Self = Self(30);

    /// Only 15 to 300 seconds pass.
    #[must_use]
    pub fn new(seconds: u64) -> Option<Self> {
        u16::try_from(seconds).ok().filter(|s| (15..=300).contains(s)).map(Self)
    }

    /// The number of seconds.
    #[must_use]
    pub fn seconds(self) -> u64 {
        u64::from(self.0)
    }
}

/// What moves a token on from one code to the next.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Kind {
    /// Time (RFC 6238).
    Totp {
        /// The time step.
        period: Period,
    },
    /// A counter (RFC 4226).
    Hotp,
}

impl Kind {
    /// `totp` or `hotp`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Totp { .. } => "totp",
            Self::Hotp => "hotp",
        }
    }
}

/// A short name that tells one token of a person from another: 1 to 32 of `A-Z a-z 0-9 . _ -`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TokenName(String);

impl TokenName {
    /// `None` for anything but 1 to 32 characters of the set.
    #[must_use]
    pub fn new(name: &str) -> Option<Self> {
        let fits = (1..=32).contains(&name.len())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
        fits.then(|| Self(name.to_owned()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TokenName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One enrolled token.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Token {
    /// Its name, unique within the enrollment.
    pub name: TokenName,
    /// Time or counter.
    pub kind: Kind,
    /// The hash.
    pub algorithm: Algorithm,
    /// Length of its codes.
    pub digits: Digits,
    /// The key.
    pub secret: Secret,
}

impl Token {
    /// The code for a moving factor: a time step (TOTP) or a counter (HOTP).
    #[must_use]
    pub fn code(&self, factor: u64) -> Code {
        // With a period of one second the "time" that totp-rs divides is the moving factor itself, so one
        // call serves both RFCs. `build` would refuse old 80-bit secrets; everything that
        // `build_noncompliant` leaves unchecked was checked by our own types.
        let totp = totp_rs::Builder::new()
            .with_algorithm(match self.algorithm {
                Algorithm::Sha1 => totp_rs::Algorithm::SHA1,
                Algorithm::Sha256 => totp_rs::Algorithm::SHA256,
                Algorithm::Sha512 => totp_rs::Algorithm::SHA512,
            })
            .with_digits(self.digits.count())
            .with_skew(0)
            .with_step_duration(1)
            .with_secret(self.secret.expose())
            .build_noncompliant();
        Code::render(&totp.generate(factor), self.digits)
    }

    /// Whether this is the code for a moving factor, compared in constant time.
    pub(crate) fn shows(&self, factor: u64, code: &Code) -> bool {
        bool::from(self.code(factor).ct_eq(code))
    }

    /// Whether the two are one to whoever holds the key: what one has spent, the other has.
    #[must_use]
    pub fn has_same_key(&self, other: &Self) -> bool {
        self.secret == other.secret && self.kind == other.kind
    }

    /// The time step that `now` falls into; `None` for an event token.
    #[must_use]
    pub fn step_at(&self, now: Time) -> Option<u64> {
        match self.kind {
            Kind::Totp { period } => Some(now.0 / period.seconds()),
            Kind::Hotp => None,
        }
    }
}

/// A code of 6 to 8 decimal digits, wiped on drop, compared in constant time, never shown by `Debug`.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Code {
    ascii: [u8; 8],
    #[zeroize(skip)]
    len: u8,
}

impl Code {
    /// A code of these ASCII digits; `None` for another length or other bytes.
    #[must_use]
    pub fn new(ascii: &[u8]) -> Option<Self> {
        let digits = Digits::new(u8::try_from(ascii.len()).ok()?)?;
        let mut code = Self { ascii: [0; 8], len: digits.count() };
        for (to, &from) in code.ascii.iter_mut().zip(ascii) {
            if !from.is_ascii_digit() {
                return None;
            }
            *to = from;
        }
        Some(code)
    }

    fn render(token: &totp_rs::Token, digits: Digits) -> Self {
        use std::io::Write;
        let mut code = Self { ascii: [0; 8], len: digits.count() };
        // Eight bytes hold any code of at most eight digits, so this cannot fail.
        let _ = write!(code.ascii.as_mut_slice(), "{token}");
        code
    }

    /// How many digits it has.
    #[must_use]
    pub fn digits(&self) -> Digits {
        Digits(self.len)
    }

    /// The digits as text: for a screen that was asked to show a code, never for a log.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.ascii.get(..usize::from(self.len)).and_then(|d| std::str::from_utf8(d).ok()).unwrap_or("")
    }
}

impl ConstantTimeEq for Code {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.ascii.ct_eq(&other.ascii) & self.len.ct_eq(&other.len)
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Code({} digits)", self.len)
    }
}

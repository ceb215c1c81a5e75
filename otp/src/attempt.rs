//! What was typed at the prompt, read without mercy and without a guess being spent on nonsense.

use crate::{BackupCode, Code, Origin};
use std::fmt;
use zeroize::Zeroizing;

/// Longest reply that is looked at, in bytes; a longer one is no code.
const MAX_REPLY: usize = 128;

/// One answer to the prompt, and where it came from.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// What was typed.
    pub typed: Typed,
    /// Who typed it, as far as it is established.
    pub origin: Origin,
}

/// A reply, by its shape.
#[derive(Clone, Debug)]
pub enum Typed {
    /// Six to eight digits.
    Code(Code),
    /// Two codes of equal length in one reply: what always opens, even a throttled lane.
    Pair(Code, Code),
    /// Shaped like a backup code.
    Backup(BackupCode),
    /// Nothing that could be a code.
    Malformed(Malformed),
}

/// Why a reply cannot be a code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Malformed {
    /// Nothing was typed, or the conversation gave no reply.
    Empty,
    /// More bytes than any code has.
    TooLong,
    /// Bytes that are not UTF-8.
    NotText,
    /// sshd's placeholder: it has refused this login by itself and only plays the conversation to its end.
    SshdPlaceholder,
    /// Digits, but no token has codes of this length.
    WrongLength,
    /// Letters or signs where digits were expected.
    NotACode,
    /// Nothing that could be a code behind the password.
    NoCodeAtEnd,
}

impl Typed {
    /// Reads a reply. Spaces and hyphens may stand anywhere, a trailing CR or LF is dropped.
    #[must_use]
    pub fn parse(reply: &[u8]) -> Self {
        Self::read(reply).unwrap_or_else(Self::Malformed)
    }

    fn read(reply: &[u8]) -> Result<Self, Malformed> {
        if is_sshd_placeholder(reply) {
            return Err(Malformed::SshdPlaceholder);
        }
        if reply.len() > MAX_REPLY {
            return Err(Malformed::TooLong);
        }
        let text = std::str::from_utf8(reply).map_err(|_| Malformed::NotText)?;
        let text = text.trim_matches([' ', '\t', '\r', '\n']);
        let mut digits = Zeroizing::new(Vec::with_capacity(MAX_REPLY));
        digits.extend(text.bytes().filter(|byte| !matches!(byte, b' ' | b'-')));
        if digits.is_empty() {
            return Err(Malformed::Empty);
        }
        if digits.iter().all(u8::is_ascii_digit) {
            return Self::of_digits(&digits);
        }
        BackupCode::parse(text).map(Self::Backup).ok_or(Malformed::NotACode)
    }

    fn of_digits(digits: &[u8]) -> Result<Self, Malformed> {
        if let Some(code) = Code::new(digits) {
            return Ok(Self::Code(code));
        }
        let (first, second) = digits.split_at(digits.len() / 2);
        match (Code::new(first), Code::new(second)) {
            (Some(a), Some(b)) if a.digits() == b.digits() => Ok(Self::Pair(a, b)),
            _ => Err(Malformed::WrongLength),
        }
    }
}

/// auth-pam.c, `fake_password`: a login that sshd has already refused is played on with this text, repeated
/// or cut until it is as long as what was really typed.
pub(crate) fn is_sshd_placeholder(reply: &[u8]) -> bool {
    let junk = b"\x08\n\r\x7fINCORRECT".iter().cycle();
    !reply.is_empty() && reply.iter().zip(junk).all(|(byte, junk)| byte == junk)
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "nothing was typed",
            Self::TooLong => "longer than any code",
            Self::NotText => "bytes that are not text",
            Self::SshdPlaceholder => "sshd refuses this login by itself",
            Self::WrongLength => "no token has codes of this length",
            Self::NotACode => "letters where digits were expected",
            Self::NoCodeAtEnd => "no code behind the password",
        })
    }
}

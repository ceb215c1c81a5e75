//! What earlier modules and apps wrote: read without files, clocks or accounts, each field mapped or reported.
//!
//! A key that is read wrong never matches, and its owner is locked out; so nothing is guessed and nothing is
//! dropped in silence. No mistake quotes a secret.

mod encoding;
pub(crate) mod google_authenticator;
mod migration;
pub(crate) mod oath;
#[cfg(any(test, fuzzing))]
pub(crate) mod properties;
pub(crate) mod uri;

use otp::{Code, Kind, Policy, Time, TokenName};
use std::fmt;
use verifier::Brought;

/// Offsets of a token's clock that are carried over, in steps either way: five minutes of the usual ones.
const MOST_DRIFT: i64 = 10;

/// What is known on this side.
#[derive(Clone, Copy)]
pub(crate) struct Here {
    pub(crate) now: Time,
    pub(crate) policy: Policy,
}

/// What one person brings along.
#[derive(Debug, Default)]
pub(crate) struct Luggage {
    pub(crate) tokens: Vec<Brought>,
    /// `None` where the source has no scratch codes at all.
    pub(crate) scratch: Option<Vec<Code>>,
    pub(crate) notes: Vec<Note>,
    /// Which parts of an export are not there, in words.
    pub(crate) missing: Vec<String>,
}

impl Luggage {
    /// Gives each token a name of its own.
    pub(crate) fn name_apart(&mut self) {
        for place in 1..self.tokens.len() {
            let (before, rest) = self.tokens.split_at_mut(place);
            let Some(token) = rest.first_mut().map(|brought| &mut brought.token) else { return };
            let is_free = |name: &TokenName| !before.iter().any(|other| other.token.name == *name);
            let stem = token.name.as_str();
            let more = (2..).map_while(|number: u32| TokenName::new(&format!("{stem}-{number}")));
            let name = std::iter::once(token.name.clone()).chain(more).find(is_free);
            token.name = name.unwrap_or_else(|| token.name.clone());
        }
    }
}

/// What becomes of a field that is not kept as it was.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Note {
    /// The field, as its format names it.
    pub(crate) field: &'static str,
    /// What becomes of it.
    pub(crate) says: String,
}

impl Note {
    fn new(field: &'static str, says: impl Into<String>) -> Self {
        Self { field, says: says.into() }
    }
}

/// Why something cannot be imported, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Mistake {
    /// The line, from 1; 0 for the whole.
    pub(crate) line: usize,
    /// What is wrong: never a secret.
    pub(crate) what: String,
}

impl Mistake {
    pub(crate) fn new(line: usize, what: impl Into<String>) -> Self {
        Self { line, what: what.into() }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => f.write_str(&self.what),
            line => write!(f, "line {line}: {}", self.what),
        }
    }
}

/// A token as it is called here: `phone` or `fob`, as most are.
fn name_of(kind: Kind) -> Option<TokenName> {
    TokenName::new(match kind {
        Kind::Totp { .. } => "phone",
        Kind::Hotp => "fob",
    })
}

#[cfg(test)]
mod samples {
    //! The keys and the instant that the tests of the readers share.

    use super::Here;
    use otp::{Policy, Time};

    pub(super) const K1: &str = "JVQWWZJANFXHMZLOORSWIIDTMVRXEZLU";
    pub(super) const K2: &str = "ONUG64TUEB2GK43UEBZWKY3SMU";
    pub(super) const K3: &str = "MFRGGZDFMZTWQ2LK";
    /// Step 60000000 of 30 s begins.
    pub(super) const NOW: u64 = 1_800_000_000;
    pub(super) const STEP: u64 = NOW / 30;

    pub(super) fn here() -> Here {
        Here { now: Time(NOW), policy: Policy::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::samples::{K1, K2, here};
    use super::{google_authenticator, oath, uri};

    /// Every text with a byte replaced, left out or doubled, at each place: nothing panics, and a message holds
    /// no run of the secret.
    #[test]
    fn a_file_that_was_damaged_anywhere_is_read_or_refused_and_its_secret_is_not_told() {
        let google = format!("{K1}\n\" TOTP_AUTH\n\" DISALLOW_REUSE 60000000\n\" TIME_SKEW -3\n26404933\n");
        let oath = "HOTP/T30 alice - 4d616b6520696e76656e74656420736563726574 7 123456 2027-01-15T08:00:00L";
        let uris = format!("otpauth://totp/A%3Ab?secret={K2}&issuer=A&digits=6&period=30&algorithm=SHA1");
        let silent = |said: String| {
            assert!(!["JVQWWZJA", "ONUG64TU", "4d616b65"].iter().any(|key| said.contains(key)), "{said}")
        };
        for (which, text) in [google.as_bytes(), oath.as_bytes(), uris.as_bytes()].into_iter().enumerate() {
            for place in 0..text.len() {
                for with in
                    [&b""[..], b"\0", b"\n", b"\"", b"9", b"%", b"\xff", b"99999999999999999999", b"\xc3\xa9"]
                {
                    let damaged = [&text[..place], with, &text[place + 1..]].concat();
                    match (which, std::str::from_utf8(&damaged)) {
                        (0, _) => drop(
                            google_authenticator::parse(&damaged, &here()).map_err(|m| silent(m.to_string())),
                        ),
                        (1, Ok(text)) => {
                            let read = oath::row(text, 1, &here(), |_| vec![here().now]);
                            drop(read.map_err(|mistake| silent(mistake.to_string())));
                        }
                        (_, Ok(text)) => {
                            uri::parse(text, &here()).mistakes.iter().for_each(|m| silent(m.to_string()))
                        }
                        (_, Err(_)) => {}
                    }
                }
            }
        }
    }
}

//! `enrollment.toml`: the text of a [`Record`].
//!
//! Errors name a line and quote nothing, since the text holds secrets; buffers that held it are wiped.

use crate::id::{hex, unhex};
use crate::{Holder, Id, Record, State};
use otp::{Algorithm, BackupSet, Digits, Enrollment, Kind, Period, Secret, Time, Token, TokenName};
use serde::de::{Deserialize, Deserializer, Error, Visitor};
use std::fmt::{self, Write};
use zeroize::Zeroizing;

/// The format that this version writes, and the only one it reads.
const FORMAT: u32 = 1;

/// Parses the text; the error is the line (from 1) where it went wrong, 0 where none can be named.
pub(crate) fn parse(text: &str) -> Result<Record, usize> {
    let line = |error: toml::de::Error| {
        let before = error.span().and_then(|span| text.get(..span.start));
        before.map_or(0, |before| before.matches('\n').count() + 1)
    };
    let file: File = toml::Deserializer::parse(text).and_then(File::deserialize).map_err(line)?;
    file.into_record().ok_or(0)
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: u32,
    id: Hex<16>,
    uid: u32,
    account: String,
    written: u64,
    sets: u32,
    revoked: Option<u64>,
    #[serde(default)]
    token: Vec<TokenText>,
    backup: Option<BackupText>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenText {
    name: String,
    kind: String,
    secret: SecretText,
    algorithm: String,
    digits: u8,
    period: Option<u64>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct BackupText {
    set: u32,
    created: u64,
    salt: Hex<16>,
    hashes: Vec<Hex<32>>,
}

impl File {
    fn into_record(self) -> Option<Record> {
        if self.format != FORMAT {
            return None;
        }
        let state = match self.revoked {
            Some(at) if self.token.is_empty() && self.backup.is_none() => State::Revoked(Time(at)),
            Some(_) => return None,
            None => {
                let tokens = self.token.into_iter().map(TokenText::into_token).collect::<Option<_>>()?;
                let backup = match self.backup {
                    Some(text) => Some(text.into_set()?),
                    None => None,
                };
                State::Enrolled(Enrollment::new(tokens, backup).ok()?)
            }
        };
        let holder = Holder { uid: self.uid, account: self.account };
        Some(Record { id: Id(self.id.0), holder, written: Time(self.written), sets: self.sets, state })
    }
}

impl TokenText {
    fn into_token(self) -> Option<Token> {
        let kind = match (self.kind.as_str(), self.period) {
            ("totp", Some(period)) => Kind::Totp { period: Period::new(period)? },
            ("hotp", None) => Kind::Hotp,
            _ => return None,
        };
        Some(Token {
            name: TokenName::new(&self.name)?,
            kind,
            algorithm: Algorithm::ALL.into_iter().find(|algorithm| algorithm.name() == self.algorithm)?,
            digits: Digits::new(self.digits)?,
            secret: self.secret.0,
        })
    }
}

impl BackupText {
    fn into_set(self) -> Option<BackupSet> {
        if self.hashes.len() > BackupSet::MAX_CODES {
            return None;
        }
        Some(BackupSet {
            number: self.set,
            created: Time(self.created),
            salt: self.salt.0,
            hashes: self.hashes.into_iter().map(|hash| hash.0).collect(),
        })
    }
}

struct Hex<const N: usize>([u8; N]);

impl<'de, const N: usize> Deserialize<'de> for Hex<N> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_str(Text(|text| unhex(text).map(Self), "hexadecimal digits"))
    }
}

/// Read from the borrowed text, so that no copy of a secret stays behind in freed memory.
struct SecretText(Secret);

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_str(Text(|text| Secret::from_base32(text).ok().map(Self), "a base32 secret"))
    }
}

struct Text<T>(fn(&str) -> Option<T>, &'static str);

impl<T> Visitor<'_> for Text<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.1)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        (self.0)(text).ok_or_else(|| E::custom(format_args!("expected {}", self.1)))
    }
}

/// The text of `record`, wiped on drop.
pub(crate) fn render(record: &Record) -> Zeroizing<String> {
    // Large enough for the largest record, so that it never moves and leaves a copy behind.
    let mut text = Zeroizing::new(String::with_capacity(16 * 1024));
    // Writing to a String cannot fail.
    let _ = write_record(&mut text, record);
    text
}

fn write_record(text: &mut String, record: &Record) -> fmt::Result {
    writeln!(text, "# Written by totpctl and read at every login: change it with totpctl only.")?;
    writeln!(text, "format = {FORMAT}")?;
    writeln!(text, "id = \"{}\"", record.id)?;
    writeln!(text, "uid = {}", record.holder.uid)?;
    writeln!(text, "account = {}", quoted(&record.holder.account))?;
    writeln!(text, "written = {}", record.written.0)?;
    writeln!(text, "sets = {}", record.sets)?;
    let enrollment = match &record.state {
        State::Revoked(at) => return writeln!(text, "revoked = {}", at.0),
        State::Enrolled(enrollment) => enrollment,
    };
    for token in enrollment.tokens() {
        writeln!(text, "\n[[token]]")?;
        writeln!(text, "name = \"{}\"", token.name)?;
        writeln!(text, "kind = \"{}\"", token.kind.name())?;
        writeln!(text, "secret = \"{}\"", *token.secret.to_base32())?;
        writeln!(text, "algorithm = \"{}\"", token.algorithm.name())?;
        writeln!(text, "digits = {}", token.digits.count())?;
        if let Kind::Totp { period } = token.kind {
            writeln!(text, "period = {}", period.seconds())?;
        }
    }
    if let Some(set) = enrollment.backup() {
        writeln!(text, "\n[backup]\nset = {}", set.number)?;
        writeln!(text, "created = {}", set.created.0)?;
        writeln!(text, "salt = \"{}\"", hex(&set.salt))?;
        writeln!(text, "hashes = [")?;
        for hash in &set.hashes {
            writeln!(text, "    \"{}\",", hex(hash))?;
        }
        writeln!(text, "]")?;
    }
    Ok(())
}

/// A TOML basic string: account names come from the name service, which may hold anything.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            c if c.is_control() => quoted.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        let token = |name: &str, kind| Token {
            name: TokenName::new(name).unwrap(),
            kind,
            algorithm: Algorithm::Sha256,
            digits: Digits::new(8).unwrap(),
            secret: Secret::from_base32("JVQWWZJANFXHMZLOORSWIIDTMVRXEZLU").unwrap(),
        };
        let tokens = vec![
            token("phone", Kind::Totp { period: Period::new(60).unwrap() }),
            token("yubikey", Kind::Hotp),
        ];
        let backup = BackupSet { number: 2, created: Time(5), salt: [7; 16], hashes: vec![[1; 32], [2; 32]] };
        Record {
            id: Id([0xab; 16]),
            holder: Holder { uid: 1000, account: "al\"i\\ce\u{7}é".into() },
            written: Time(1_800_000_000),
            sets: 2,
            state: State::Enrolled(Enrollment::new(tokens, Some(backup)).unwrap()),
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let enrolled = record();
        assert_eq!(parse(&render(&enrolled)).unwrap(), enrolled);
        let revoked = Record { state: State::Revoked(Time(9)), ..enrolled };
        assert_eq!(parse(&render(&revoked)).unwrap(), revoked);
    }

    #[test]
    fn the_largest_record_fits_the_buffer() {
        let token = |n: usize| Token {
            name: TokenName::new(&format!("{n}-a-name-of-thirty-two-letters-")).unwrap(),
            kind: Kind::Totp { period: Period::THIRTY },
            algorithm: Algorithm::Sha512,
            digits: Digits::SIX,
            secret: Secret::new(&[0xff; 64]).unwrap(),
        };
        let backup = BackupSet {
            number: u32::MAX,
            created: Time(u64::MAX >> 1),
            salt: [7; 16],
            hashes: vec![[1; 32]; 100],
        };
        let enrollment = Enrollment::new((0..8).map(token).collect(), Some(backup)).unwrap();
        let account = "\u{7}".repeat(255);
        let record = Record {
            holder: Holder { uid: u32::MAX, account },
            state: State::Enrolled(enrollment),
            ..record()
        };
        let text = render(&record);
        assert!(text.len() < 16 * 1024 && text.capacity() == 16 * 1024, "{}", text.len());
        assert_eq!(parse(&text).unwrap(), record);
    }

    #[test]
    fn a_mistake_is_named_by_its_line_alone() {
        let text = render(&record());
        let broken = text.replacen("JVQWWZJA", "JVQWWZJ0", 1);
        assert_eq!(parse(&broken), Err(12));
        for (from, to) in [
            ("format = 1", "format = 2"),
            ("digits = 8", "digits = 9"),
            ("period = 60", "period = 0"),
            ("kind = \"totp\"", "kind = \"hotp\""),
            ("name = \"yubikey\"", "name = \"phone\""),
            ("sets = 2", "sets = 2\nrevoked = 1"),
            ("sets = 2", "sets = 2\nmore = 1"),
            ("sha256", "SHA256"),
        ] {
            let broken = text.replacen(from, to, 1);
            assert_ne!(broken, *text, "{from}");
            assert!(parse(&broken).is_err(), "{to}");
        }
    }
}

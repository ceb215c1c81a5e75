//! Google Authenticator's export: `otpauth-migration://offline?data=` and a protocol buffer in base64, in as
//! many parts as it takes. Only the few wire types that it has are read (protobuf.dev, "Encoding").

use super::encoding::{base64_decoded, percent_decoded};
use super::name_of;
use super::uri::{Found, named};
use otp::{Algorithm, Digits, Kind, Period, Secret, Token};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::hash::{BuildHasher, RandomState};

/// One code of several that belong together.
struct Part {
    batch: u64,
    size: u64,
    index: u64,
    /// Of its bytes: apps that are not Google's give every export the same numbers.
    hash: u64,
    found: Vec<Result<Found, String>>,
}

/// The parts seen so far, which come in any order, and twice.
#[derive(Default)]
pub(super) struct Batches {
    sizes: BTreeMap<u64, (u64, BTreeSet<u64>)>,
    read: HashSet<(u64, u64, u64)>,
    hasher: RandomState,
}

impl Batches {
    /// Reads a part, the text behind the scheme; an empty list if it was there already.
    pub(super) fn read(&mut self, rest: &str) -> Result<Vec<Result<Found, String>>, String> {
        let part = part(rest, &self.hasher)?;
        let (size, seen) = self.sizes.entry(part.batch).or_default();
        *size = part.size.max(*size);
        seen.insert(part.index);
        let is_new = self.read.insert((part.batch, part.index, part.hash));
        Ok(if is_new { part.found } else { Vec::new() })
    }

    /// Which parts of which batch are not there, in words.
    pub(super) fn missing(&self) -> Vec<String> {
        // No export has so many; a number from outside must not make a list without end.
        const MOST: u64 = 100;
        let lacking = self.sizes.values().filter_map(|(size, seen)| {
            let absent = (0..(*size).min(MOST)).filter(|index| !seen.contains(index));
            let numbers: Vec<_> = absent.map(|index| (index + 1).to_string()).collect();
            (!numbers.is_empty()).then(|| format!("part {} of {size} is missing", numbers.join(", ")))
        });
        lacking.collect()
    }
}

/// `offline?data=…`, behind the scheme.
fn part(rest: &str, hasher: &RandomState) -> Result<Part, String> {
    let (_, query) = rest.split_once('?').ok_or("there is no data")?;
    let data = query.split('&').find_map(|pair| pair.strip_prefix("data=")).ok_or("there is no data")?;
    let data = percent_decoded(data).map_err(|what| format!("data: {what}"))?;
    let bytes = base64_decoded(&data).ok_or("data is not base64")?;
    let broken = || "data is cut short or damaged".to_owned();
    let hash = hasher.hash_one(&*bytes);
    let mut part = Part { batch: 0, size: 0, index: 0, hash, found: Vec::new() };
    let mut message = Message(&bytes);
    while !message.0.is_empty() {
        match message.field().ok_or_else(broken)? {
            (1, Value::Bytes(bytes)) => {
                let number = part.found.len() + 1;
                let found = parameters(bytes).ok_or_else(broken)?;
                part.found.push(found.map_err(|what| format!("entry {number}: {what}")));
            }
            (3, Value::Number(size)) => part.size = size,
            (4, Value::Number(index)) => part.index = index,
            (5, Value::Number(batch)) => part.batch = batch,
            _ => {}
        }
    }
    Ok(part)
}

/// One entry; `None` where the bytes are none.
fn parameters(bytes: &[u8]) -> Option<Result<Found, String>> {
    let (mut secret, mut name, mut issuer): (&[u8], &[u8], &[u8]) = (&[], &[], &[]);
    let (mut algorithm, mut digits, mut kind, mut counter) = (0, 0, 0, 0);
    let mut message = Message(bytes);
    while !message.0.is_empty() {
        match message.field()? {
            (1, Value::Bytes(bytes)) => secret = bytes,
            (2, Value::Bytes(bytes)) => name = bytes,
            (3, Value::Bytes(bytes)) => issuer = bytes,
            (4, Value::Number(number)) => algorithm = number,
            (5, Value::Number(number)) => digits = number,
            (6, Value::Number(number)) => kind = number,
            (7, Value::Number(number)) => counter = number,
            _ => {}
        }
    }
    let (name, issuer) = (String::from_utf8_lossy(name), String::from_utf8_lossy(issuer));
    // The name often begins with the issuer.
    let account = name.strip_prefix(&*issuer).and_then(|rest| rest.strip_prefix(':')).unwrap_or(&name);
    let label = named(&issuer, account);
    Some(token(secret, algorithm, digits, kind).map(|token| {
        // Taken for a step, the counter of a time-based entry would keep its owner out until that step comes.
        let counter = if token.kind == Kind::Hotp { counter } else { 0 };
        Found { token, counter, label }
    }))
}

fn token(secret: &[u8], algorithm: u64, digits: u64, kind: u64) -> Result<Token, String> {
    let kind = match kind {
        0 | 2 => Kind::Totp { period: Period::THIRTY },
        1 => Kind::Hotp,
        _ => return Err("its type is not known here".to_owned()),
    };
    let algorithm = match algorithm {
        0 | 1 => Algorithm::Sha1,
        2 => Algorithm::Sha256,
        3 => Algorithm::Sha512,
        4 => return Err("algorithm: MD5 is not known here".to_owned()),
        _ => return Err("its algorithm is not known here".to_owned()),
    };
    let digits = match digits {
        0 | 1 => Some(Digits::SIX),
        2 => Some(Digits::EIGHT),
        3 => Digits::new(7),
        _ => None,
    };
    Ok(Token {
        name: name_of(kind).ok_or("the token has no name")?,
        kind,
        algorithm,
        digits: digits.ok_or("its number of digits is not known here")?,
        secret: Secret::new(secret).map_err(|error| format!("secret: {error}"))?,
    })
}

/// Bytes of a protocol buffer that are still to be read.
struct Message<'a>(&'a [u8]);

enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    Other,
}

impl<'a> Message<'a> {
    /// The next field's number and value.
    fn field(&mut self) -> Option<(u64, Value<'a>)> {
        let tag = self.varint()?;
        let value = match tag & 7 {
            0 => Value::Number(self.varint()?),
            1 => self.take(8).map(|_| Value::Other)?,
            2 => {
                let length = usize::try_from(self.varint()?).ok()?;
                Value::Bytes(self.take(length)?)
            }
            5 => self.take(4).map(|_| Value::Other)?,
            _ => return None,
        };
        Some((tag >> 3, value))
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = *self.take(1)?.first()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }
}

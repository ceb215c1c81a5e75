//! `otpauth://` URIs as apps write them, a line each, and Google's `otpauth-migration://` export of several.
//!
//! Names are only names: a prefix that is not the issuer, or none, is no reason to refuse a key. Everything
//! that changes a code is read strictly.

use super::encoding::percent_decoded;
use super::migration::Batches;
use super::{Here, Luggage, Mistake, Note, name_of};
use otp::{Algorithm, Digits, Kind, Period, Secret, Token, TokenState};
use verifier::Brought;
use zeroize::Zeroizing;

/// What the lines came to: what was read, and every line that could not be.
#[derive(Debug, Default)]
pub(crate) struct Read {
    pub(crate) luggage: Luggage,
    pub(crate) mistakes: Vec<Mistake>,
}

/// A token with what an app showed beside it.
pub(super) struct Found {
    pub(super) token: Token,
    /// The next counter of an event token.
    pub(super) counter: u64,
    pub(super) label: String,
}

/// Reads all lines. One that is refused stops no other.
pub(crate) fn parse(text: &str, here: &Here) -> Read {
    let mut read = Read::default();
    let mut batches = Batches::default();
    for (line, number) in text.lines().zip(1..) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let found = match scheme(line) {
            Some(("otpauth", rest)) => vec![token(rest)],
            Some(("otpauth-migration", rest)) => batches.read(rest).unwrap_or_else(|what| vec![Err(what)]),
            _ => vec![Err("this is no otpauth:// or otpauth-migration:// URI".to_owned())],
        };
        for found in found {
            match found {
                Ok(found) => read.luggage.take(found, here),
                Err(what) => read.mistakes.push(Mistake::new(number, what)),
            }
        }
    }
    read.luggage.missing = batches.missing();
    read
}

impl Luggage {
    /// What was used elsewhere a URI does not tell, so what may have been so far is taken for used.
    fn take(&mut self, Found { token, counter, label }: Found, here: &Here) {
        let reach = u64::from(here.policy.window) + 1;
        let floor = token.step_at(here.now).map_or(0, |step| step.saturating_add(reach));
        let state = TokenState { next: counter, ..TokenState::default() };
        if let Kind::Totp { period } = token.kind {
            let wait = floor.saturating_mul(period.seconds()).saturating_sub(here.now.0);
            let says = format!("{label}: codes pass in {wait} s, since what was used so far is not known");
            self.notes.push(Note::new("token", says));
        }
        self.tokens.push(Brought { token, state, floor });
    }
}

fn scheme(line: &str) -> Option<(&'static str, &str)> {
    let (scheme, rest) = line.split_once("://")?;
    let known = ["otpauth", "otpauth-migration"].into_iter().find(|known| scheme.eq_ignore_ascii_case(known));
    known.map(|known| (known, rest))
}

/// `totp/Issuer:account?secret=…`, behind the scheme.
fn token(rest: &str) -> Result<Found, String> {
    let (path, query) = rest.split_once('?').ok_or("there are no parameters")?;
    let (kind, label) = path.split_once('/').unwrap_or((path, ""));
    let parameters = Parameters::read(query)?;
    let kind = match kind.to_ascii_lowercase().as_str() {
        "totp" => Kind::Totp { period: parameters.number("period", 30, Period::new, "15 to 300")? },
        "hotp" => Kind::Hotp,
        _ => return Err("the type is neither totp nor hotp".to_owned()),
    };
    let digits = |count: u64| u8::try_from(count).ok().and_then(Digits::new);
    let secret = parameters.value("secret").ok_or("secret is missing")?;
    let algorithm = match parameters.value("algorithm") {
        None => Algorithm::Sha1,
        Some(name) => {
            Algorithm::parse(name).ok_or_else(|| format!("algorithm: {name:?} is not known here"))?
        }
    };
    let counter = match (kind, parameters.value("counter")) {
        (Kind::Totp { .. }, _) => 0,
        (Kind::Hotp, None) => return Err("counter is missing: which codes were used is not known".to_owned()),
        (Kind::Hotp, Some(_)) => parameters.number("counter", 0, Some, "a number")?,
    };
    let token = Token {
        name: name_of(kind).ok_or("the token has no name")?,
        kind,
        algorithm,
        digits: parameters.number("digits", 6, digits, "6, 7 or 8")?,
        secret: Secret::from_base32(secret).map_err(|error| format!("secret: {error}"))?,
    };
    Ok(Found { token, counter, label: label_of(label, parameters.value("issuer"))? })
}

/// What is shown of it: the issuer, of two the parameter, and the account.
fn label_of(path: &str, issuer: Option<&str>) -> Result<String, String> {
    let label = percent_decoded(path).map_err(|what| format!("label: {what}"))?;
    let (prefix, account) = label.split_once(':').unwrap_or(("", &label));
    Ok(named(issuer.unwrap_or(prefix), account))
}

/// `Issuer: account`, as text of one line.
pub(super) fn named(issuer: &str, account: &str) -> String {
    let text = match (issuer.trim(), account.trim()) {
        ("", account) => account.to_owned(),
        (issuer, account) => format!("{issuer}: {account}"),
    };
    text.chars().map(|letter| if letter.is_control() { '?' } else { letter }).take(200).collect()
}

/// The parameters that change a code, and the issuer; apps add others of their own.
const NAMES: [&str; 6] = ["secret", "issuer", "algorithm", "digits", "period", "counter"];

struct Parameters(Vec<(&'static str, Zeroizing<String>)>);

impl Parameters {
    fn read(query: &str) -> Result<Self, String> {
        let mut read = Self(Vec::with_capacity(NAMES.len()));
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let known = NAMES.into_iter().find(|known| name.eq_ignore_ascii_case(known));
            let Some(name) = known else { continue };
            if read.value(name).is_some() {
                return Err(format!("{name} stands twice"));
            }
            read.0.push((name, percent_decoded(value).map_err(|what| format!("{name}: {what}"))?));
        }
        Ok(read)
    }

    fn value(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }

    fn number<T>(
        &self,
        name: &str,
        default: u64,
        make: impl Fn(u64) -> Option<T>,
        expected: &str,
    ) -> Result<T, String> {
        let number = match self.value(name) {
            None => Some(default),
            Some(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok(),
            Some(_) => None,
        };
        number.and_then(make).ok_or_else(|| format!("{name}: expected {expected}"))
    }
}

#[cfg(test)]
#[path = "uri_tests.rs"]
mod tests;

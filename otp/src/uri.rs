//! The provisioning URI: what a phone makes of it decides whether people get in.
//!
//! Apps disagree about everything that is not written in the one way they all read: unreserved characters
//! bare and all others encoded once, a space as `%20`, the issuer as prefix and as parameter, the
//! algorithm in upper case, no padding, and no parameter that has its default.

use crate::{Algorithm, Digits, Kind, Period, Token};
use zeroize::Zeroizing;

/// What an app shows beside the code.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Label {
    issuer: String,
    account: String,
}

impl Label {
    /// A label of these names. A colon separates them in the URI and apps split at the first one, encoded
    /// or not, so colons are replaced by `-`; [`Self::differs`] tells.
    #[must_use]
    pub fn new(issuer: &str, account: &str) -> Self {
        let clean = |text: &str| text.replace(':', "-");
        Self { issuer: clean(issuer), account: clean(account) }
    }

    /// Whether a colon had to be replaced in these names.
    #[must_use]
    pub fn differs(&self, issuer: &str, account: &str) -> bool {
        self.issuer != issuer || self.account != account
    }

    /// Who issued the token.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Whose it is.
    #[must_use]
    pub fn account(&self) -> &str {
        &self.account
    }
}

/// `otpauth://totp/…`: holds the secret, so it is wiped on drop. `counter` is the next counter of an event
/// token (which apps require there).
#[must_use]
pub fn provisioning_uri(token: &Token, label: &Label, counter: u64) -> Zeroizing<String> {
    let (secret, issuer, account) =
        (token.secret.to_base32(), encoded(&label.issuer), encoded(&label.account));
    let (prefix, parameters) = match label.issuer.is_empty() {
        true => (String::new(), parameters(token, counter)),
        false => (format!("{issuer}:"), format!("&issuer={issuer}{}", parameters(token, counter))),
    };
    // In one piece: a string that grows leaves a copy behind, unwiped.
    let parts = ["otpauth://", token.kind.name(), "/", &prefix, &account, "?secret=", &secret, &parameters];
    Zeroizing::new(parts.concat())
}

/// What is not as apps take it to be where nothing is said.
fn parameters(token: &Token, counter: u64) -> String {
    let mut text = String::new();
    if token.algorithm != Algorithm::Sha1 {
        text.push_str("&algorithm=");
        text.push_str(token.algorithm.uri_name());
    }
    if token.digits != Digits::SIX {
        text.push_str(&format!("&digits={}", token.digits.count()));
    }
    match token.kind {
        Kind::Totp { period } if period != Period::THIRTY => {
            text.push_str(&format!("&period={}", period.seconds()));
        }
        Kind::Totp { .. } => {}
        Kind::Hotp => text.push_str(&format!("&counter={counter}")),
    }
    text
}

/// RFC 3986, section 2.3: letters, digits, `-`, `.`, `_`, `~` stand for themselves; every other byte of the
/// UTF-8 text is encoded, once.
fn encoded(text: &str) -> String {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut to = String::with_capacity(text.len());
    let hex = |nibble: u8| HEX.get(usize::from(nibble)).map_or('0', |&b| char::from(b));
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            to.push(char::from(byte));
        } else {
            to.push('%');
            to.push(hex(byte >> 4));
            to.push(hex(byte & 15));
        }
    }
    to
}

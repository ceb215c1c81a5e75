//! One `[[rule]]`, as it is written.

use super::cidr::Cidr;
use crate::table::{Table, Wrong, text, texts};
use crate::values::seconds;
use std::fmt;
use toml::de::DeValue;

/// A rule: it fits a login if every key does, and a key does if any of its values does. A key that was left
/// out fits every login.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rule {
    /// Names of accounts.
    pub users: Option<Vec<String>>,
    /// Names of groups, primary or supplementary.
    pub groups: Option<Vec<String>>,
    /// Names of PAM services.
    pub services: Option<Vec<String>>,
    /// Where logins come from.
    pub from: Option<Vec<Source>>,
    /// What happens to a login that it fits.
    pub then: Then,
    /// For how long, in seconds, who was let in by a code is not asked again in the same session.
    pub remember: Option<u64>,
    /// The line at which it begins, from 1.
    pub line: usize,
}

/// Where a login comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Source {
    /// This machine, as far as that is proven.
    Local,
    /// A network.
    Network(Cidr),
}

/// What happens to a login.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Then {
    /// A code is asked for.
    Require,
    /// No code is asked for.
    Skip,
    /// A code is asked for, and none is right.
    Deny,
}

impl Rule {
    /// Reads an entry of the settings, which begins at this line.
    pub(crate) fn read(mut table: Table<'_>, line: usize) -> Result<Self, Wrong> {
        let rule = Self {
            users: table.take("user", |value| texts(value, name))?,
            groups: table.take("group", |value| texts(value, name))?,
            services: table.take("service", |value| texts(value, service))?,
            from: table.take("from", |value| texts(value, from))?,
            then: table.need("then", then)?,
            remember: None,
            line,
        };
        let remember = table.take("remember", |value| remember(value, rule.then))?;
        table.finish()?;
        Ok(Self { remember, ..rule })
    }
}

/// A directory's names may hold blanks and backslashes, and end in `$` or `@domain`.
fn name(text: &str) -> Result<String, String> {
    let plain = !text.chars().any(|letter| letter.is_control() || letter == '/');
    if plain && (1..=255).contains(&text.len()) {
        return no_pattern(text);
    }
    Err(format!("{text:?} is no name: expected 1 to 255 bytes without \"/\" and control characters"))
}

fn service(text: &str) -> Result<String, String> {
    let plain = |byte: u8| byte.is_ascii_graphic() && byte != b'/';
    if (1..=255).contains(&text.len()) && text.bytes().all(plain) {
        return no_pattern(text);
    }
    Err(format!("{text:?} is no service, expected the name of a file in pam.d"))
}

/// As in sudoers and pam_access. A list with an exception in it is how a rule comes to fit nobody.
fn no_pattern(name: &str) -> Result<String, String> {
    if name.starts_with(['!', '%', '@', '*', '-', '+']) {
        return Err(format!("{name:?} is no name: for an exception put a rule of its own before this one"));
    }
    Ok(name.to_owned())
}

fn from(text: &str) -> Result<Source, String> {
    if text == "local" { Ok(Source::Local) } else { Cidr::parse(text).map(Source::Network) }
}

fn then(value: &DeValue<'_>) -> Result<Then, String> {
    match text(value)? {
        "require" => Ok(Then::Require),
        "skip" => Ok(Then::Skip),
        "deny" => Ok(Then::Deny),
        other => Err(format!("{other:?} is unknown, expected \"require\", \"skip\" or \"deny\"")),
    }
}

/// The longest that is remembered, in seconds.
const LONGEST: u64 = 24 * 3_600;

/// Where no code is asked for, and where none is right, there is nothing to remember.
fn remember(value: &DeValue<'_>, then: Then) -> Result<u64, String> {
    if then != Then::Require {
        return Err("a code is remembered only beside then = \"require\"".to_owned());
    }
    match seconds(value)? {
        seconds @ 1..=LONGEST => Ok(seconds),
        seconds => Err(format!("{seconds} s is out of bounds, expected \"1s\" to \"24h\"")),
    }
}

impl Then {
    /// `require`, `skip` or `deny`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Require => "require",
            Self::Skip => "skip",
            Self::Deny => "deny",
        }
    }
}

impl fmt::Display for Then {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

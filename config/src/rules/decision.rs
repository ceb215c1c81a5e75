//! The first rule that fits decides.

use super::place::Place;
use super::rule::{Rule, Source, Then};
use std::fmt;

/// What the rules go by. An error says why something cannot be established.
pub trait Facts {
    /// Whether the account goes by this name.
    fn is_user(&self, name: &str) -> Result<bool, String>;
    /// Whether the account is in this group, primary or supplementary.
    fn is_member(&self, group: &str) -> Result<bool, String>;
    /// Whether such a login may be exempt at all: not where no account stands behind the name.
    fn may_skip(&self) -> bool {
        true
    }
    /// The PAM service; `None` if it is not known.
    fn service(&self) -> Option<&str>;
    /// Where the login comes from.
    fn place(&self) -> &Place;
}

/// A key of a rule.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum Key {
    User,
    Group,
    Service,
    From,
}

/// How a rule stands to a login.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fit {
    /// Every key fits.
    Fits,
    /// This key does not.
    Differs(Key),
    /// This key cannot be evaluated, for this reason, and no other one says that the rule does not fit.
    Unknown(Key, String),
}

/// What is to happen to a login, and why.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Decision {
    /// What.
    pub then: Then,
    /// For how long, in seconds, a code that is required is remembered. Never where a rule was reached that
    /// cannot be evaluated.
    pub remember: Option<u64>,
    /// Why.
    pub ground: Ground,
}

/// Why something is to happen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Ground {
    /// No rule fits.
    NoRule,
    /// This rule fits.
    Rule {
        /// Which, from 1.
        number: usize,
        /// Its line.
        line: usize,
    },
    /// This rule fits and says skip, and such a login may not be exempt.
    Unheeded {
        /// Which, from 1.
        number: usize,
        /// Its line.
        line: usize,
    },
    /// This rule was reached and cannot be evaluated.
    Unknown {
        /// Which, from 1.
        number: usize,
        /// Its line.
        line: usize,
        /// The key that cannot be evaluated.
        key: Key,
        /// Why not.
        why: String,
    },
}

/// Searches `rules` in order.
#[must_use]
pub fn decide(rules: &[Rule], facts: &dyn Facts) -> Decision {
    for (rule, number) in rules.iter().zip(1..) {
        let line = rule.line;
        match fit(rule, facts) {
            Fit::Differs(_) => {}
            Fit::Fits if rule.then == Then::Skip && !facts.may_skip() => {
                let ground = Ground::Unheeded { number, line };
                return Decision { then: Then::Require, remember: None, ground };
            }
            Fit::Fits => {
                let remember = rule.remember.filter(|_| facts.may_skip());
                return Decision { then: rule.then, remember, ground: Ground::Rule { number, line } };
            }
            Fit::Unknown(key, why) => {
                let then = if rule.then == Then::Deny { Then::Deny } else { Then::Require };
                return Decision { then, remember: None, ground: Ground::Unknown { number, line, key, why } };
            }
        }
    }
    Decision { then: Then::Require, remember: None, ground: Ground::NoRule }
}

/// Whether a rule that says deny decides, or would if what cannot be evaluated turned out so.
#[must_use]
pub fn may_deny(rules: &[Rule], facts: &dyn Facts) -> bool {
    for rule in rules {
        match (fit(rule, facts), rule.then) {
            (Fit::Differs(_), _) | (Fit::Unknown(..), Then::Require | Then::Skip) => {}
            (Fit::Fits | Fit::Unknown(..), Then::Deny) => return true,
            (Fit::Fits, Then::Require | Then::Skip) => return false,
        }
    }
    false
}

/// Whether `rule` fits. Names of accounts and groups, which a name service has to be asked about, are looked
/// at last.
#[must_use]
pub fn fit(rule: &Rule, facts: &dyn Facts) -> Fit {
    let mut unknown = None;
    for key in [Key::Service, Key::From, Key::User, Key::Group] {
        match fits(key, rule, facts) {
            Ok(true) => {}
            // Whatever the others are, this rule is none for this login.
            Ok(false) => return Fit::Differs(key),
            Err(why) => unknown = unknown.or(Some(Fit::Unknown(key, why))),
        }
    }
    unknown.unwrap_or(Fit::Fits)
}

fn fits(key: Key, rule: &Rule, facts: &dyn Facts) -> Result<bool, String> {
    match key {
        Key::Service => any(&rule.services, |name| is_service(facts.service(), name)),
        Key::From => any(&rule.from, |from| comes_from(facts.place(), from)),
        Key::User => any(&rule.users, |name| facts.is_user(name)),
        Key::Group => any(&rule.groups, |name| facts.is_member(name)),
    }
}

/// Whether one of `values` is it, all of them where the key was left out. One that is outweighs one that
/// cannot be evaluated.
fn any<T>(values: &Option<Vec<T>>, is: impl Fn(&T) -> Result<bool, String>) -> Result<bool, String> {
    let Some(values) = values else { return Ok(true) };
    let mut answer = Ok(false);
    for value in values {
        match is(value) {
            Ok(true) => return Ok(true),
            Ok(false) => {}
            Err(why) => answer = answer.and(Err(why)),
        }
    }
    answer
}

/// libpam makes names of services lower case.
fn is_service(service: Option<&str>, name: &str) -> Result<bool, String> {
    match service {
        Some(service) => Ok(service.eq_ignore_ascii_case(name)),
        None => Err("the service is not known".to_owned()),
    }
}

fn comes_from(place: &Place, from: &Source) -> Result<bool, String> {
    match (place, from) {
        (Place::Unknown(why), _) | (Place::Remote(why), Source::Network(_)) => Err((*why).to_owned()),
        (Place::Local, Source::Local) => Ok(true),
        (Place::Address(address), Source::Network(network)) => Ok(network.contains(*address)),
        (Place::Local | Place::OtherAccount, Source::Network(_))
        | (Place::OtherAccount | Place::Address(_) | Place::Remote(_), Source::Local) => Ok(false),
    }
}

impl Decision {
    /// Whether `nullok` is heeded: not where a rule was reached that cannot be evaluated, for then nobody
    /// knows what the rules would have said.
    #[must_use]
    pub fn heeds_nullok(&self) -> bool {
        self.then == Then::Require && !matches!(self.ground, Ground::Unknown { .. })
    }

    /// `2 at line 14 says skip`; `None` where no rule fits.
    #[must_use]
    pub fn words(&self) -> Option<String> {
        match &self.ground {
            Ground::NoRule => None,
            Ground::Rule { number, line } => Some(format!("{number} at line {line} says {}", self.then)),
            Ground::Unheeded { number, line } => {
                Some(format!("{number} at line {line} says skip, which is for accounts alone"))
            }
            Ground::Unknown { number, line, key, why } => {
                Some(format!("{number} at line {line} cannot be evaluated by {key}, so {}: {why}", self.then))
            }
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::User => "user",
            Self::Group => "group",
            Self::Service => "service",
            Self::From => "from",
        })
    }
}

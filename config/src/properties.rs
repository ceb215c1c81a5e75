//! What holds for any text of the settings.
//!
//! `tests/fuzz` looks for bytes that break it; what it has found worth keeping is in its corpus, and is tried
//! again by the test below. Nothing of this is in a shipped build.
#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "each function is a property, and says so by a panic"
)]

use crate::rules::{Decision, Facts, Fit, Ground, Key, Place, Rule, Source, Then, decide, fit, may_deny};
use crate::{ConfigError, Settings, is_prompt, parse};
use std::path::{Component, Path};

/// What is taken for settings is within all bounds, and says the same to a parser that reads the comments too; its
/// rules exempt nobody of whom nothing is known. What is not is refused at a place that is there, in words that
/// fit into a line of the log.
pub fn settings(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let with_comments = Settings::read(text);
    match parse(Path::new("settings"), text) {
        Ok(settings) => {
            let same = with_comments.expect("what comments say is no setting");
            assert_eq!(format!("{settings:?}"), format!("{same:?}"));
            are_within_bounds(&settings);
            settings.rules.iter().for_each(|rule| is_one_of(rule, text));
            are_searched_in_order(&settings.rules);
        }
        Err(ConfigError::Text { line, column, message, .. }) => {
            assert!(with_comments.is_err());
            let length = text.split('\n').nth(line - 1).expect("a line that is there").chars().count();
            assert!((1..=length + 1).contains(&column), "{line}:{column}");
            assert!(!message.is_empty() && !message.contains(char::is_control), "{message:?}");
        }
        Err(other) => panic!("{other}"),
    }
}

/// As `pam_totp.toml.5.md` has them.
fn are_within_bounds(settings: &Settings) {
    let Settings { store, new_tokens, accept, throttle, login, backup_codes, daemon, .. } = settings;
    assert!((6..=8).contains(&new_tokens.digits.count()));
    assert!((15..=300).contains(&new_tokens.period.seconds()));
    assert!(accept.window <= 10 && accept.look_ahead <= 100 && accept.drift <= 20 && accept.resync <= 1000);
    assert!((1..=100).contains(&throttle.free_failures));
    let policy = settings.policy().throttle;
    assert!(policy.first_delay <= policy.longest_delay && policy.longest_delay <= 366 * 86_400);
    assert!(login.fail_delay <= 30 && is_prompt(&login.prompt));
    assert!(backup_codes.count <= 100);
    for path in [&store.directory, &daemon.socket] {
        assert!(path.is_absolute() && path.components().all(|part| part != Component::ParentDir));
    }
    assert!(daemon.socket.as_os_str().len() < 108);
    for (place, checker) in daemon.checkers.iter().enumerate() {
        assert!(![0, 65_534, u32::MAX].contains(&checker.uid));
        assert!(daemon.checkers[..place].iter().all(|other| other.uid != checker.uid));
    }
}

fn is_one_of(rule: &Rule, text: &str) {
    assert!(text.split('\n').nth(rule.line - 1).is_some(), "line {}", rule.line);
    for names in [&rule.users, &rule.groups, &rule.services].into_iter().flatten() {
        assert!(!names.is_empty() && names.iter().all(|name| (1..=255).contains(&name.len())));
        assert!(!names.iter().any(|name| name.contains('/') || name.contains(char::is_control)));
    }
    assert!(rule.from.as_ref().is_none_or(|from| !from.is_empty()));
    assert!(
        rule.remember.is_none_or(|seconds| (1..=86_400).contains(&seconds) && rule.then == Then::Require)
    );
}

/// Somebody of whom nothing is known but what is said here.
struct Somebody<'a> {
    known: Option<&'a Rule>,
    is: bool,
    place: Place,
    may_skip: bool,
}

impl<'a> Somebody<'a> {
    /// Whom this rule is written for, or is not.
    fn of(rule: &'a Rule, is: bool) -> Self {
        let place = match rule.from.as_ref().and_then(|from| from.first()) {
            Some(Source::Network(network)) => {
                let (address, _) = network
                    .to_string()
                    .rsplit_once('/')
                    .map(|(a, b)| (a.to_owned(), b.to_owned()))
                    .expect("a network");
                Place::Address(address.parse().expect("an address"))
            }
            _ => Place::Local,
        };
        Self { known: Some(rule), is, place, may_skip: true }
    }

    fn unknown() -> Self {
        Self { known: None, is: false, place: Place::Unknown("not known"), may_skip: true }
    }

    fn is(&self, names: impl Fn(&Rule) -> &Option<Vec<String>>, name: &str) -> Result<bool, String> {
        let rule = self.known.ok_or("not known")?;
        Ok(self.is && names(rule).iter().flatten().any(|known| known == name))
    }
}

impl Facts for Somebody<'_> {
    fn is_user(&self, name: &str) -> Result<bool, String> {
        self.is(|rule| &rule.users, name)
    }

    fn is_member(&self, group: &str) -> Result<bool, String> {
        self.is(|rule| &rule.groups, group)
    }

    fn may_skip(&self) -> bool {
        self.may_skip
    }

    fn service(&self) -> Option<&str> {
        self.known?.services.as_ref()?.first().map(String::as_str)
    }

    fn place(&self) -> &Place {
        &self.place
    }
}

fn are_searched_in_order(rules: &[Rule]) {
    let everybody = |rule: &Rule| {
        rule.users.is_none() && rule.groups.is_none() && rule.services.is_none() && rule.from.is_none()
    };
    let unknown = decide(rules, &Somebody::unknown());
    assert!(unknown.then != Then::Skip || rules.first().is_some_and(everybody), "{unknown:?}");
    for rule in rules {
        let theirs = Somebody::of(rule, true);
        assert_eq!(fit(rule, &theirs), Fit::Fits, "{rule:?}");
        let somebody_else = Somebody::of(rule, false);
        if rule.users.is_some() || rule.groups.is_some() {
            assert!(matches!(fit(rule, &somebody_else), Fit::Differs(Key::User | Key::Group)));
        }
        for facts in [theirs, somebody_else] {
            is_by_the_first_that_fits(rules, &facts);
            let nobody = decide(rules, &Somebody { may_skip: false, ..facts });
            assert!(nobody.then != Then::Skip && nobody.remember.is_none(), "{nobody:?}");
        }
    }
}

fn is_by_the_first_that_fits(rules: &[Rule], facts: &Somebody<'_>) {
    let decision = decide(rules, facts);
    let first = rules.iter().position(|rule| !matches!(fit(rule, facts), Fit::Differs(_)));
    match (&decision, first) {
        (Decision { then: Then::Require, remember: None, ground: Ground::NoRule }, None) => {}
        (Decision { then, remember, ground: Ground::Rule { number, line } }, Some(place)) => {
            let rule = &rules[place];
            assert!((*number, *line, *then) == (place + 1, rule.line, rule.then));
            assert!(remember.is_none() || *remember == rule.remember);
        }
        (Decision { then, remember: None, ground: Ground::Unknown { number, .. } }, Some(place)) => {
            assert!(*number == place + 1 && *then != Then::Skip);
        }
        other => panic!("{other:?}"),
    }
    assert!(decision.then != Then::Deny || may_deny(rules, facts));
}

#[cfg(test)]
#[path = "../../tests/fuzz/replay.rs"]
mod replay;

#[cfg(test)]
mod tests {
    #[test]
    fn settings_that_are_taken_are_within_bounds_and_others_are_refused_at_their_place() {
        super::replay::holds_for("settings", super::settings);
    }
}

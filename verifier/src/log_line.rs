//! The line that the log gets for each decision: module and daemon say the same in the same words.
//!
//! The words "authentication failure" stand in refusals that count as a guess, and in no others: log readers
//! ban by them.

use crate::{Outcome, StoreError};
use otp::calendar::rfc3339;
use otp::{Method, Typed, Verdict};
use std::fmt::Write;

/// How loud the log is about a decision, as syslog(3) names it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Loudness {
    /// As it should be.
    Info,
    /// A refusal.
    Notice,
    /// Trouble that somebody should look into.
    Error,
}

/// The first words of a line, and the verdict in it.
#[must_use]
pub fn words(outcome: &Outcome) -> (Loudness, &'static str, &'static str) {
    use Loudness::{Error, Info, Notice};
    match outcome {
        Outcome::Judged(verdict) => match verdict {
            Verdict::Accepted { .. } => (Info, "accepted", "accepted"),
            Verdict::Wrong { counted: true } => (Notice, "authentication failure", "wrong"),
            Verdict::Wrong { counted: false } => (Notice, "refused", "wrong"),
            Verdict::Malformed(_) => (Notice, "refused", "malformed"),
            Verdict::Replayed { .. } => (Notice, "refused", "replayed"),
            Verdict::PairNeeded { .. } => (Notice, "refused", "two-codes-needed"),
            Verdict::Expired { .. } => (Notice, "refused", "expired"),
            Verdict::Throttled { .. } => (Notice, "refused", "throttled"),
            Verdict::ClockBehind { .. } => (Error, "refused", "unavailable"),
        },
        Outcome::NotEnrolled => (Notice, "refused", "not-enrolled"),
        Outcome::Suspended(_) => (Notice, "refused", "suspended"),
        Outcome::Unavailable(_) => (Error, "refused", "unavailable"),
    }
}

/// What was typed or, where it was accepted, what it was taken for.
fn method(outcome: Option<&Outcome>, typed: Option<&Typed>) -> &'static str {
    if let Some(Outcome::Judged(Verdict::Accepted { method, .. })) = outcome {
        return match method {
            Method::Code(_) => "code",
            Method::Pair(_) => "two-codes",
            Method::Backup => "backup-code",
            Method::Scratch { .. } => "scratch-code",
            Method::Bypass { .. } => "bypass",
        };
    }
    if let Some(Outcome::Judged(Verdict::Expired { .. })) = outcome {
        return "bypass";
    }
    match typed {
        Some(Typed::Code(_)) => "code",
        Some(Typed::Pair(..)) => "two-codes",
        Some(Typed::Backup(_)) => "backup-code",
        Some(Typed::Malformed(_)) | None => "none",
    }
}

/// The token that was recognized.
fn token(outcome: &Outcome) -> Option<&str> {
    let Outcome::Judged(verdict) = outcome else { return None };
    match verdict {
        Verdict::Accepted { method: Method::Code(name) | Method::Pair(name), .. } => Some(name.as_str()),
        Verdict::Replayed { token: Some(name), .. } | Verdict::PairNeeded { token: name } => {
            Some(name.as_str())
        }
        _ => None,
    }
}

/// Why; empty where there is nothing to say.
#[must_use]
pub fn reason(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Judged(verdict) => match verdict {
            Verdict::Accepted { method: Method::Backup, backup_left, .. } => {
                format!("{backup_left} backup codes left")
            }
            Verdict::Accepted { method: Method::Scratch { left }, .. } => {
                format!("{left} scratch codes left")
            }
            Verdict::Accepted { method: Method::Bypass { number, left }, .. } => {
                format!("bypass {number}, {left} uses left")
            }
            Verdict::Accepted { .. } => String::new(),
            Verdict::Wrong { counted: true } => "no token shows this code".into(),
            Verdict::Wrong { counted: false } => {
                "no backup code of the present set, and no bypass; not counted".into()
            }
            Verdict::Malformed(why) => format!("{why}; not counted"),
            Verdict::Replayed { ahead: Some(seconds), .. } => {
                format!("last used {} ahead of this clock", span(*seconds))
            }
            Verdict::Replayed { token: None, .. } => {
                "backup or scratch code already used, or bypass used up".into()
            }
            Verdict::Replayed { .. } => "already used, or older than the last one used".into(),
            Verdict::PairNeeded { .. } => "needs two successive codes in one answer, since a restore".into(),
            Verdict::Expired { number, since } => {
                format!("bypass {number} expired at {} (unix time); not counted", since.0)
            }
            Verdict::Throttled { lane, until } => format!("lane {lane} waits until {} (unix time)", until.0),
            Verdict::ClockBehind { seconds } => format!("this clock is {} behind", span(*seconds)),
        },
        Outcome::Unavailable(error) => with_hint(error),
        Outcome::NotEnrolled => String::new(),
        Outcome::Suspended(since) => {
            format!("suspended since {}; nothing is spent or counted", rfc3339(*since))
        }
    }
}

fn with_hint(error: &StoreError) -> String {
    match error.hint("USER") {
        Some(hint) => format!("{error} ({hint})"),
        None => error.to_string(),
    }
}

fn span(seconds: u64) -> String {
    if seconds < 120 { format!("{seconds} s") } else { format!("{} minutes", seconds / 60) }
}

/// `word; key=value key=value`, in which nothing from outside ends a field or the line.
pub struct LogLine(String);

impl LogLine {
    /// A line that begins with these words.
    #[must_use]
    pub fn new(words: &'static str) -> Self {
        let mut line = String::with_capacity(256);
        line.push_str(words);
        line.push(';');
        Self(line)
    }

    /// A line that was finished, to be added to.
    #[must_use]
    pub fn resume(line: String) -> Self {
        Self(line)
    }

    /// The line with ` key="value"` at its end.
    #[must_use]
    pub fn and_quoted(mut self, key: &str, value: &str) -> String {
        self.quoted(key, value);
        self.finish()
    }

    /// Adds ` key=value`.
    pub fn field(&mut self, key: &str, value: &str) {
        let _ = write!(self.0, " {key}=");
        escaped(&mut self.0, value, false);
    }

    /// Adds ` key="value"`, unless there is nothing to say.
    pub fn quoted(&mut self, key: &str, value: &str) {
        if value.is_empty() {
            return;
        }
        let _ = write!(self.0, " {key}=\"");
        escaped(&mut self.0, value, true);
        self.0.push('"');
    }

    /// Adds what came of it: the method, the token if one was recognized, the verdict and the reason.
    pub fn verdict(&mut self, outcome: Option<&Outcome>, typed: Option<&Typed>, verdict: &str, reason: &str) {
        self.field("method", method(outcome, typed));
        if let Some(token) = outcome.and_then(token) {
            self.field("token", token);
        }
        self.field("verdict", verdict);
        self.quoted("reason", reason);
    }

    /// The line.
    #[must_use]
    pub fn finish(self) -> String {
        self.0
    }
}

/// `value` as one field of a line.
#[must_use]
pub fn word(value: &str) -> String {
    let mut word = String::with_capacity(value.len());
    escaped(&mut word, value, false);
    word
}

/// Longest value in a log line, in characters.
const LONGEST: usize = 300;

/// Printable ASCII stands for itself; all else is escaped, so that no name can forge a line, a field or a
/// direction of writing.
fn escaped(line: &mut String, value: &str, spaces: bool) {
    for character in value.chars().take(LONGEST) {
        match character {
            '"' | '\\' => line.extend(['\\', character]),
            ' ' if spaces => line.push(' '),
            '!'..='~' => line.push(character),
            other => {
                let _ = write!(line, "\\u{{{:x}}}", u32::from(other));
            }
        }
    }
    if value.chars().nth(LONGEST).is_some() {
        line.push_str("...");
    }
}

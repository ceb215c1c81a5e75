//! What a login comes to: one table from outcomes to PAM codes, and one log line for each decision.
//!
//! Every denial has the same code: su and greeters print its text, and stacks in the wild ignore
//! `user_unknown` and `authinfo_unavail`. The reason is in the log. The words "authentication failure"
//! stand in refusals that count as a guess, and in no others: log readers ban by them.

use crate::context::Context;
use otp::{Method, Typed, Verdict};
use pam::constants::PamResultCode;
use std::fmt::Write;
use verifier::{Outcome, StoreError};

/// How a login ended.
pub(crate) enum Ending {
    /// A code was judged, or could not be.
    Answered(Outcome),
    /// No such account, or a name that is none.
    UnknownAccount,
    /// No code was asked for, for this reason.
    Exempt(&'static str),
    /// The settings or the module's line are wrong.
    Misconfigured(String),
    /// The conversation failed, or was aborted.
    Cancelled(&'static str),
}

/// What is answered, and how loud the log is about it (syslog(3)).
pub(crate) struct Report {
    pub(crate) code: PamResultCode,
    pub(crate) priority: libc::c_int,
    pub(crate) line: String,
}

impl Report {
    /// The report of `ending`. `user` is named only if it is an account that the system knows.
    pub(crate) fn new(ending: &Ending, user: Option<&str>, typed: Option<&Typed>, context: &Context) -> Self {
        let (code, priority, word, verdict) = row(ending);
        let mut line = String::with_capacity(256);
        line.push_str(word);
        line.push(';');
        field(&mut line, "user", user.unwrap_or("?"));
        field(&mut line, "rhost", context.rhost.as_deref().unwrap_or(""));
        field(&mut line, "tty", context.tty.as_deref().unwrap_or(""));
        field(&mut line, "service", &context.service);
        if let Some(ruser) = &context.ruser {
            field(&mut line, "ruser", ruser);
        }
        field(&mut line, "method", method(ending, typed));
        if let Some(token) = token(ending) {
            field(&mut line, "token", token);
        }
        field(&mut line, "verdict", verdict);
        let reason = reason(ending);
        if !reason.is_empty() {
            quoted(&mut line, "reason", &reason);
        }
        Self { code, priority, line }
    }
}

fn row(ending: &Ending) -> (PamResultCode, libc::c_int, &'static str, &'static str) {
    use PamResultCode::{PAM_AUTH_ERR, PAM_CONV_ERR, PAM_IGNORE, PAM_SERVICE_ERR, PAM_SUCCESS};
    use libc::{LOG_ERR, LOG_INFO, LOG_NOTICE};
    match ending {
        Ending::Answered(Outcome::Judged(verdict)) => match verdict {
            Verdict::Accepted { .. } => (PAM_SUCCESS, LOG_INFO, "accepted", "accepted"),
            Verdict::Wrong { counted: true } => (PAM_AUTH_ERR, LOG_NOTICE, "authentication failure", "wrong"),
            Verdict::Wrong { counted: false } => (PAM_AUTH_ERR, LOG_NOTICE, "refused", "wrong"),
            Verdict::Malformed(_) => (PAM_AUTH_ERR, LOG_NOTICE, "refused", "malformed"),
            Verdict::Replayed { .. } => (PAM_AUTH_ERR, LOG_NOTICE, "refused", "replayed"),
            Verdict::Throttled { .. } => (PAM_AUTH_ERR, LOG_NOTICE, "refused", "throttled"),
            Verdict::ClockBehind { .. } => (PAM_AUTH_ERR, LOG_ERR, "refused", "unavailable"),
        },
        Ending::Answered(Outcome::NotEnrolled) => (PAM_AUTH_ERR, LOG_NOTICE, "refused", "not-enrolled"),
        Ending::Answered(Outcome::Unavailable(_)) => (PAM_AUTH_ERR, LOG_ERR, "refused", "unavailable"),
        Ending::UnknownAccount => (PAM_AUTH_ERR, LOG_NOTICE, "refused", "unknown-account"),
        Ending::Exempt(_) => (PAM_IGNORE, LOG_INFO, "no code asked", "exempt"),
        Ending::Misconfigured(_) => (PAM_SERVICE_ERR, LOG_ERR, "refused", "misconfigured"),
        Ending::Cancelled(_) => (PAM_CONV_ERR, LOG_NOTICE, "refused", "cancelled"),
    }
}

fn method(ending: &Ending, typed: Option<&Typed>) -> &'static str {
    if let Ending::Answered(Outcome::Judged(Verdict::Accepted { method, .. })) = ending {
        return match method {
            Method::Code(_) => "code",
            Method::Pair(_) => "two-codes",
            Method::Backup => "backup-code",
        };
    }
    match typed {
        Some(Typed::Code(_)) => "code",
        Some(Typed::Pair(..)) => "two-codes",
        Some(Typed::Backup(_)) => "backup-code",
        Some(Typed::Malformed(_)) | None => "none",
    }
}

fn token(ending: &Ending) -> Option<&str> {
    let Ending::Answered(Outcome::Judged(verdict)) = ending else { return None };
    match verdict {
        Verdict::Accepted { method: Method::Code(name) | Method::Pair(name), .. } => Some(name.as_str()),
        Verdict::Replayed { token: Some(name), .. } => Some(name.as_str()),
        _ => None,
    }
}

fn reason(ending: &Ending) -> String {
    match ending {
        Ending::Answered(Outcome::Judged(verdict)) => match verdict {
            Verdict::Accepted { method: Method::Backup, backup_left } => {
                format!("{backup_left} backup codes left")
            }
            Verdict::Accepted { .. } => String::new(),
            Verdict::Wrong { counted: true } => "no token shows this code".into(),
            Verdict::Wrong { counted: false } => "no backup code of the present set; not counted".into(),
            Verdict::Malformed(why) => format!("{why}; not counted"),
            Verdict::Replayed { ahead: Some(seconds), .. } => {
                format!("last used {} ahead of this clock", span(*seconds))
            }
            Verdict::Replayed { token: None, .. } => "backup code already used".into(),
            Verdict::Replayed { .. } => "already used, or older than the last one used".into(),
            Verdict::Throttled { lane, until } => format!("lane {lane} waits until {} (unix time)", until.0),
            Verdict::ClockBehind { seconds } => format!("this clock is {} behind", span(*seconds)),
        },
        Ending::Answered(Outcome::Unavailable(error)) => with_hint(error),
        Ending::Answered(Outcome::NotEnrolled) | Ending::UnknownAccount => String::new(),
        Ending::Exempt(why) | Ending::Cancelled(why) => (*why).to_owned(),
        Ending::Misconfigured(error) => error.clone(),
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

/// ` key=value`, where nothing in the value can end the field or the line.
fn field(line: &mut String, key: &str, value: &str) {
    let _ = write!(line, " {key}=");
    escaped(line, value, false);
}

fn quoted(line: &mut String, key: &str, value: &str) {
    let _ = write!(line, " {key}=\"");
    escaped(line, value, true);
    line.push('"');
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

#[cfg(test)]
mod tests {
    use super::*;
    use otp::{Lane, Malformed, Time, TokenName};

    fn context(rhost: &str) -> Context {
        Context { service: "sshd".into(), rhost: Some(rhost.into()), tty: Some("ssh".into()), ruser: None }
    }

    fn report(verdict: Verdict) -> Report {
        let ending = Ending::Answered(Outcome::Judged(verdict));
        Report::new(&ending, Some("alice"), None, &context("192.0.2.7"))
    }

    #[test]
    fn only_an_accepted_verdict_is_a_success_and_only_an_exemption_is_ignored() {
        let name = TokenName::new("phone").unwrap();
        let verdicts = [
            Verdict::Wrong { counted: true },
            Verdict::Wrong { counted: false },
            Verdict::Malformed(Malformed::Empty),
            Verdict::Replayed { token: Some(name.clone()), ahead: None },
            Verdict::Throttled { lane: Lane::Strangers, until: Time(5) },
            Verdict::ClockBehind { seconds: 100_000 },
        ];
        for verdict in verdicts {
            assert_eq!(report(verdict).code, PamResultCode::PAM_AUTH_ERR);
        }
        let accepted = Verdict::Accepted { method: Method::Code(name), backup_left: 3 };
        assert_eq!(report(accepted).code, PamResultCode::PAM_SUCCESS);
        let of = |ending| Report::new(&ending, None, None, &context("")).code;
        assert_eq!(of(Ending::Exempt("x")), PamResultCode::PAM_IGNORE);
        assert_eq!(of(Ending::UnknownAccount), PamResultCode::PAM_AUTH_ERR);
        assert_eq!(of(Ending::Answered(Outcome::NotEnrolled)), PamResultCode::PAM_AUTH_ERR);
        assert_eq!(
            of(Ending::Answered(Outcome::Unavailable(StoreError::Changed))),
            PamResultCode::PAM_AUTH_ERR
        );
        assert_eq!(of(Ending::Misconfigured(String::new())), PamResultCode::PAM_SERVICE_ERR);
        assert_eq!(of(Ending::Cancelled("x")), PamResultCode::PAM_CONV_ERR);
    }

    #[test]
    fn only_a_guess_is_called_an_authentication_failure() {
        let wrong = report(Verdict::Wrong { counted: true });
        assert_eq!(
            wrong.line,
            "authentication failure; user=alice rhost=192.0.2.7 tty=ssh service=sshd method=none \
             verdict=wrong reason=\"no token shows this code\""
        );
        for verdict in [Verdict::Wrong { counted: false }, Verdict::Replayed { token: None, ahead: None }] {
            assert!(!report(verdict).line.contains("authentication failure"));
        }
    }

    #[test]
    fn nothing_from_outside_ends_a_field_or_a_line() {
        let hostile = "a b\n2026 sshd: accepted; user=root\"\\\u{202e}é\u{1b}[2J";
        let ending = Ending::Answered(Outcome::NotEnrolled);
        let line = Report::new(&ending, Some(hostile), None, &context(hostile)).line;
        assert!(line.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{line}");
        assert_eq!(line.matches(' ').count(), 6, "{line}");
        let long = Report::new(&ending, None, None, &context(&"x".repeat(5000))).line;
        assert!(long.len() < 500, "{}", long.len());
    }
}

//! What a login comes to: one table from outcomes to PAM codes, and one log line for each decision.
//!
//! Every denial has the same code: su and greeters print its text, and stacks in the wild ignore
//! `user_unknown` and `authinfo_unavail`. The reason is in the log, in the words of `verifier::log_line`.

use crate::context::Context;
use otp::{Method, Notice, Typed, Verdict};
use pam::constants::PamResultCode;
use verifier::Outcome;
use verifier::log_line::{self, LogLine, Loudness};

/// How a login ended.
pub(crate) enum Ending {
    /// A code was judged, or could not be.
    Answered(Outcome),
    /// No such account, or a name that is none.
    UnknownAccount,
    /// No code was asked for, for this reason; empty where a rule says so.
    Exempt(&'static str),
    /// No code was asked for, because an administrator paused that: until when, who, and why.
    Paused(String),
    /// A rule of the settings refuses this login, whatever was typed.
    Denied,
    /// The settings or the module's line are wrong.
    Misconfigured(String),
    /// The conversation failed, or was aborted.
    Cancelled(&'static str),
}

impl Ending {
    /// Whether the login needs no code.
    pub(crate) fn is_exempt(&self) -> bool {
        matches!(self, Self::Exempt(_) | Self::Paused(_))
    }
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
        let mut line = LogLine::new(word);
        line.field("user", user.unwrap_or("?"));
        line.field("rhost", context.rhost.as_deref().unwrap_or(""));
        line.field("tty", context.tty.as_deref().unwrap_or(""));
        line.field("service", &context.service);
        if let Some(ruser) = &context.ruser {
            line.field("ruser", ruser);
        }
        line.verdict(outcome(ending), typed, verdict, &reason(ending));
        let line = line.finish();
        Self { code, priority, line }
    }

    /// Names the rule that decided, or that could not be evaluated.
    pub(crate) fn ruled(mut self, rule: Option<&str>) -> Self {
        if let Some(rule) = rule {
            self.line = LogLine::resume(self.line).and_quoted("rule", rule);
        }
        self
    }

    /// Says why what lies there is no pause.
    pub(crate) fn without_pause(mut self, why: Option<&str>) -> Self {
        if let Some(why) = why {
            self.line = LogLine::resume(self.line).and_quoted("no_pause", why);
        }
        self
    }
}

fn row(ending: &Ending) -> (PamResultCode, libc::c_int, &'static str, &'static str) {
    use PamResultCode::{PAM_AUTH_ERR, PAM_CONV_ERR, PAM_IGNORE, PAM_SERVICE_ERR, PAM_SUCCESS};
    use libc::{LOG_ERR, LOG_INFO, LOG_NOTICE, LOG_WARNING};
    match ending {
        Ending::Answered(outcome) => {
            let code = match outcome {
                Outcome::Judged(Verdict::Accepted { .. }) => PAM_SUCCESS,
                Outcome::Judged(_)
                | Outcome::NotEnrolled
                | Outcome::Suspended(_)
                | Outcome::Unavailable(_) => PAM_AUTH_ERR,
            };
            let (loudness, word, verdict) = log_line::words(outcome);
            (code, priority(loudness), word, verdict)
        }
        Ending::UnknownAccount => (PAM_AUTH_ERR, LOG_NOTICE, "refused", "unknown-account"),
        Ending::Exempt(_) => (PAM_IGNORE, LOG_INFO, "no code asked", "exempt"),
        Ending::Paused(_) => (PAM_IGNORE, LOG_WARNING, "no code asked", "exempt"),
        Ending::Denied => (PAM_AUTH_ERR, LOG_NOTICE, "refused", "denied"),
        Ending::Misconfigured(_) => (PAM_SERVICE_ERR, LOG_ERR, "refused", "misconfigured"),
        Ending::Cancelled(_) => (PAM_CONV_ERR, LOG_NOTICE, "refused", "cancelled"),
    }
}

fn priority(loudness: Loudness) -> libc::c_int {
    match loudness {
        Loudness::Info => libc::LOG_INFO,
        Loudness::Notice => libc::LOG_NOTICE,
        Loudness::Error => libc::LOG_ERR,
    }
}

fn outcome(ending: &Ending) -> Option<&Outcome> {
    match ending {
        Ending::Answered(outcome) => Some(outcome),
        _ => None,
    }
}

fn reason(ending: &Ending) -> String {
    match ending {
        Ending::Answered(outcome) => log_line::reason(outcome),
        Ending::UnknownAccount | Ending::Denied => String::new(),
        Ending::Exempt(why) | Ending::Cancelled(why) => (*why).to_owned(),
        Ending::Misconfigured(words) | Ending::Paused(words) => words.clone(),
    }
}

/// What somebody is told, a message each. Whoever was let in: what was changed of their tokens lately, and
/// advice. It stands in the manual too: not every application shows it. With `hints` also why a code was refused,
/// and that few backup codes are left.
pub(crate) fn told(ending: &Ending, hints: bool) -> Vec<String> {
    if let Some(hint) = hint(ending).filter(|_| hints) {
        return vec![hint.to_owned()];
    }
    let Ending::Answered(Outcome::Judged(Verdict::Accepted { method, backup_left, announced })) = ending
    else {
        return Vec::new();
    };
    let few = match (method, backup_left) {
        (Method::Backup, 1) if hints => Some("1 backup code left.".to_owned()),
        (Method::Backup, 2) if hints => Some("2 backup codes left.".to_owned()),
        _ => None,
    };
    announced.iter().map(warning).chain(advice(method, *backup_left)).chain(few).collect()
}

/// Why a code that is right was refused. Nothing is said of one that is not, nor of whom it is of.
pub(crate) fn hint(ending: &Ending) -> Option<&'static str> {
    let Ending::Answered(Outcome::Judged(verdict)) = ending else { return None };
    match verdict {
        Verdict::Replayed { token: Some(_), ahead: None } => Some("Already used: wait for the next code."),
        Verdict::Replayed { token: None, ahead: None } => Some("Already used: take another backup code."),
        Verdict::PairNeeded { .. } => Some("Two codes are needed: type this one and the next in one answer."),
        _ => None,
    }
}

/// What is told of a change: nobody's malware enrolls a token unseen.
fn warning(notice: &Notice) -> String {
    match notice.by_root {
        true => format!("{notice} If you did not ask for that, tell them."),
        false => format!("{notice} If that was not you, tell an administrator."),
    }
}

/// For whoever came in without their token and may not be able to once more.
fn advice(method: &Method, backup_left: usize) -> Option<String> {
    let came_by = match (method, backup_left) {
        (Method::Bypass { left: 1.., .. }, _) => {
            return Some(
                "This was a bypass, and it is good for more.\n\
                 Enroll a new phone with it now: totpctl enroll --replace"
                    .to_owned(),
            );
        }
        (Method::Bypass { .. }, _) => "This was a bypass. It will not open again.",
        (Method::Backup, 0) => "This was your last backup code.",
        (Method::Scratch { left: 0 }, 0) => "This was your last scratch code.",
        _ => return None,
    };
    Some(format!(
        "{came_by}\nAn administrator enrolls a new phone: totpctl enroll USER --replace\n\
         and makes new backup codes: totpctl backup-codes USER"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use otp::{Announced, Lane, Malformed, Time, TokenName};
    use verifier::StoreError;

    fn context(rhost: &str) -> Context {
        let (service, tty) = ("sshd".into(), Some("ssh".into()));
        Context { service, rhost: Some(rhost.into()), tty, ruser: None, connection: None }
    }

    fn report(verdict: Verdict) -> Report {
        let ending = Ending::Answered(Outcome::Judged(verdict));
        Report::new(&ending, Some("alice"), None, &context("192.0.2.7"))
    }

    fn accepted(method: Method) -> Verdict {
        Verdict::Accepted { method, backup_left: 3, announced: Vec::new() }
    }

    #[test]
    fn only_an_accepted_verdict_is_a_success_and_only_an_exemption_is_ignored() {
        let name = TokenName::new("phone").unwrap();
        let verdicts = [
            Verdict::Wrong { counted: true },
            Verdict::Wrong { counted: false },
            Verdict::Malformed(Malformed::Empty),
            Verdict::Replayed { token: Some(name.clone()), ahead: None },
            Verdict::PairNeeded { token: name.clone() },
            Verdict::Throttled { lane: Lane::Strangers, until: Time(5) },
            Verdict::ClockBehind { seconds: 100_000 },
            Verdict::Expired { number: 2, since: Time(5) },
        ];
        for verdict in verdicts {
            assert_eq!(report(verdict).code, PamResultCode::PAM_AUTH_ERR);
        }
        for method in [Method::Code(name), Method::Backup, Method::Bypass { number: 1, left: 0 }] {
            assert_eq!(report(accepted(method)).code, PamResultCode::PAM_SUCCESS);
        }
        let of = |ending| Report::new(&ending, None, None, &context("")).code;
        assert_eq!(of(Ending::Exempt("x")), PamResultCode::PAM_IGNORE);
        assert_eq!(of(Ending::Paused(String::new())), PamResultCode::PAM_IGNORE);
        assert_eq!(of(Ending::Denied), PamResultCode::PAM_AUTH_ERR);
        let suspended = Outcome::Suspended(Time(5));
        assert_eq!(of(Ending::Answered(suspended)), PamResultCode::PAM_AUTH_ERR);
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
    fn each_ending_is_as_loud_as_it_deserves_and_says_why() {
        let unavailable = |error| Ending::Answered(Outcome::Unavailable(error));
        let judged = |verdict| Ending::Answered(Outcome::Judged(verdict));
        let rows = [
            (judged(accepted(Method::Backup)), libc::LOG_INFO, "3 backup codes left"),
            (judged(Verdict::Wrong { counted: true }), libc::LOG_NOTICE, "no token shows this code"),
            (unavailable(StoreError::Changed), libc::LOG_ERR, "look at the present state and try again"),
            (Ending::UnknownAccount, libc::LOG_NOTICE, "unknown-account"),
            (Ending::Exempt("not enrolled"), libc::LOG_INFO, "exempt reason=\"not enrolled\""),
            (Ending::Paused("until noon".into()), libc::LOG_WARNING, "exempt reason=\"until noon\""),
            (Ending::Denied, libc::LOG_NOTICE, "verdict=denied"),
            (Ending::Misconfigured("x:3".into()), libc::LOG_ERR, "misconfigured reason=\"x:3\""),
            (Ending::Cancelled("no answer"), libc::LOG_NOTICE, "cancelled reason=\"no answer\""),
        ];
        for (ending, priority, words) in rows {
            let Report { priority: found, line, .. } = Report::new(&ending, None, None, &context(""));
            assert_eq!(found, priority, "{line}");
            assert!(line.contains(words), "{line}");
            let exempt = matches!(ending, Ending::Exempt(_) | Ending::Paused(_));
            assert_eq!(ending.is_exempt(), exempt, "{line}");
        }
    }

    #[test]
    fn a_line_names_who_asks_the_token_the_rule_and_what_is_no_pause() {
        let asked = Context { ruser: Some("bob".into()), ..context("") };
        let name = TokenName::new("phone").unwrap();
        let ending = Ending::Answered(Outcome::Judged(accepted(Method::Code(name))));
        let report = || Report::new(&ending, Some("alice"), None, &asked);
        let line = "accepted; user=alice rhost= tty=ssh service=sshd ruser=bob method=code token=phone \
                    verdict=accepted";
        assert_eq!(report().ruled(None).without_pause(None).line, line);
        let more = report().ruled(Some("1 at line 4")).without_pause(Some("a link")).line;
        assert_eq!(more, format!("{line} rule=\"1 at line 4\" no_pause=\"a link\""));
    }

    #[test]
    fn only_a_guess_is_called_an_authentication_failure() {
        let wrong = report(Verdict::Wrong { counted: true });
        assert_eq!(
            wrong.line,
            "authentication failure; user=alice rhost=192.0.2.7 tty=ssh service=sshd method=none \
             verdict=wrong reason=\"no token shows this code\""
        );
        let denied = Report::new(&Ending::Denied, Some("alice"), None, &context("192.0.2.7"));
        let line = denied.ruled(Some("2 at line 14 says deny")).line;
        assert!(
            line.starts_with("refused; ") && line.ends_with("verdict=denied rule=\"2 at line 14 says deny\"")
        );
        for verdict in [Verdict::Wrong { counted: false }, Verdict::Replayed { token: None, ahead: None }] {
            assert!(!report(verdict).line.contains("authentication failure"));
        }
    }

    #[test]
    fn a_bypass_is_named_by_its_number_with_what_is_left_of_it() {
        let method = Method::Bypass { number: 2, left: 4 };
        let line = report(accepted(method)).line;
        assert!(line.ends_with("method=bypass verdict=accepted reason=\"bypass 2, 4 uses left\""), "{line}");
        let line = report(Verdict::Expired { number: 2, since: Time(5) }).line;
        assert!(line.starts_with("refused; ") && line.contains("method=bypass verdict=expired"), "{line}");
    }

    #[test]
    fn each_change_is_told_in_a_message_of_its_own_before_the_advice() {
        let longest = TokenName::new(&"x".repeat(32)).unwrap();
        let notice = |by_root| Notice {
            change: Announced::Replaced { token: longest.clone() },
            at: Time(1_800_000_000),
            by_root,
        };
        let announced = vec![notice(false), notice(true)];
        let verdict = Verdict::Accepted { method: Method::Backup, backup_left: 0, announced };
        let texts = told(&Ending::Answered(Outcome::Judged(verdict)), true);
        assert!(texts[0].ends_with(" 2027-01-15 08:00 UTC. If that was not you, tell an administrator."));
        assert!(texts[1].ends_with(" by an administrator. If you did not ask for that, tell them."));
        assert!(texts[2].starts_with("This was your last backup code."));
        assert!(texts.len() == 3 && texts.iter().all(|text| text.len() < 512), "PAM_MAX_MSG_SIZE");
        assert!(told(&Ending::Answered(Outcome::NotEnrolled), true).is_empty());
    }

    #[test]
    fn whoever_came_in_without_their_token_is_told_how_to_get_a_new_one() {
        let texts = |method, left| {
            let verdict = Verdict::Accepted { method, backup_left: left, announced: Vec::new() };
            told(&Ending::Answered(Outcome::Judged(verdict)), false)
        };
        let more = texts(Method::Bypass { number: 1, left: 1 }, 0);
        assert!(more[0].ends_with("Enroll a new phone with it now: totpctl enroll --replace"), "{more:?}");
        for (method, words) in [
            (Method::Bypass { number: 1, left: 0 }, "This was a bypass. It will not open again.\nAn "),
            (Method::Backup, "This was your last backup code.\nAn administrator enrolls a new phone: "),
            (Method::Scratch { left: 0 }, "This was your last scratch code.\nAn administrator enrolls "),
        ] {
            let texts = texts(method, 0);
            assert!(texts.len() == 1 && texts[0].starts_with(words), "{texts:?}");
        }
        for method in [Method::Scratch { left: 1 }, Method::Code(TokenName::new("phone").unwrap())] {
            assert_eq!(texts(method, 0), [""; 0]);
        }
        assert_eq!(texts(Method::Scratch { left: 0 }, 1), [""; 0], "a backup code is left");
    }

    #[test]
    fn reasons_are_told_of_right_codes_alone_and_where_the_settings_say_so() {
        let texts = |verdict: Verdict, hints| told(&Ending::Answered(Outcome::Judged(verdict)), hints);
        let token = TokenName::new("phone");
        let replayed = |token: &Option<TokenName>, ahead| Verdict::Replayed { token: token.clone(), ahead };
        assert_eq!(texts(replayed(&token, None), true), ["Already used: wait for the next code."]);
        assert_eq!(texts(replayed(&None, None), true), ["Already used: take another backup code."]);
        let needed = Verdict::PairNeeded { token: TokenName::new("fob").unwrap() };
        let said = "Two codes are needed: type this one and the next in one answer.";
        assert_eq!(texts(needed.clone(), true), [said]);
        assert_eq!(texts(needed, false), [""; 0]);
        let backup =
            |left| Verdict::Accepted { method: Method::Backup, backup_left: left, announced: Vec::new() };
        assert_eq!(texts(backup(2), true), ["2 backup codes left."]);
        assert_eq!(texts(backup(1), true), ["1 backup code left."]);
        assert_eq!(texts(backup(0), true), texts(backup(0), false));
        let silent = [
            // The next code will not do either.
            replayed(&token, Some(4000)),
            backup(3),
            Verdict::Wrong { counted: true },
            Verdict::Wrong { counted: false },
            Verdict::Malformed(Malformed::NoCodeAtEnd),
            Verdict::Throttled { lane: Lane::Strangers, until: Time(5) },
            Verdict::ClockBehind { seconds: 100_000 },
            Verdict::Expired { number: 2, since: Time(5) },
        ];
        for verdict in silent {
            assert_eq!(texts(verdict.clone(), true), [""; 0], "{verdict:?}");
        }
        for verdict in [replayed(&token, None), replayed(&None, None), backup(1), backup(2)] {
            assert_eq!(texts(verdict.clone(), false), [""; 0], "{verdict:?}");
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

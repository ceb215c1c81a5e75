//! `explain`: which rule a login would meet, and what it would say, by the code that decides it at the login.

use crate::cli::Explain;
use crate::failure::Failure;
use crate::paused::{self, PauseReport};
use crate::{output, people};
use config::Settings;
use config::rules::{Decision, Facts, Fit, Ground, Place, Then, decide, fit, may_deny};
use serde::Serialize;
use std::fmt::Write;
use std::path::Path;
use verifier::{Account, Circumstances, Pause};

/// Whoever it is that polkit's helper authenticates, where systemd starts it anybody may have called it.
const POLKIT: &str = "polkit-1";

pub(crate) fn run(settings: &Settings, config: Option<&Path>, args: &Explain) -> Result<(), Failure> {
    let account = match args.no_account {
        true => people::unaccounted(&args.user)?,
        false => people::to_explain(&args.user)?,
    };
    // As libpam does.
    let service = args.service.to_ascii_lowercase();
    let place = match place(settings, &service, args.from.as_deref()) {
        // Nobody calls as somebody who is no account.
        Place::Local if account.uid().is_none() => Place::OtherAccount,
        place => place,
    };
    let facts = Circumstances::new(&account, Some(&service), place);
    let decision = decide(&settings.rules, &facts);
    let file = config.unwrap_or(Path::new(config::DEFAULT_PATH)).display().to_string();
    // As a login does: no pause opens what a rule may deny, or lets anybody in who has no account.
    let is_passed = account.uid().is_some() && !may_deny(&settings.rules, &facts);
    let pause = paused::current().ok().flatten().filter(|_| is_passed);
    let case =
        Case { settings, account: &account, args, service: &service, facts: &facts, file: &file, pause };
    if args.json {
        return output::put_json(&case.json(&decision));
    }
    output::put(&case.page(&decision))
}

/// Where such a login comes from. Without a remote host: called by the account itself, or by root.
fn place(settings: &Settings, service: &str, from: Option<&str>) -> Place {
    match Place::named(from, None) {
        Some(place) => place,
        None if service == POLKIT => Place::Unknown("who called the service is not established"),
        None if settings.login.is_local(service) => Place::Local,
        None => Place::Unknown("the service names no remote host, and is not known to be local"),
    }
}

struct Case<'a> {
    settings: &'a Settings,
    account: &'a Account,
    args: &'a Explain,
    service: &'a str,
    facts: &'a Circumstances<'a>,
    file: &'a str,
    pause: Option<Pause>,
}

/// The JSON of `explain`, which scripts rely on. Keys are added and never changed.
#[derive(Serialize)]
struct Json<'a> {
    user: &'a str,
    service: &'a str,
    from: Option<&'a str>,
    tty: Option<&'a str>,
    place: &'static str,
    then: &'static str,
    rule: Option<JsonRule<'a>>,
    nullok: bool,
    remember: Option<u64>,
    paused: Option<PauseReport>,
}

#[derive(Serialize)]
struct JsonRule<'a> {
    number: usize,
    file: &'a str,
    line: usize,
    unknown: Option<String>,
}

impl Case<'_> {
    fn json(&self, decision: &Decision) -> Json<'_> {
        let rule = |number, line, unknown| Some(JsonRule { number, file: self.file, line, unknown });
        Json {
            user: &self.account.name,
            service: self.service,
            from: self.args.from.as_deref(),
            tty: self.args.tty.as_deref(),
            place: match *self.facts.place() {
                Place::Local => "local",
                Place::OtherAccount => "other-account",
                Place::Address(_) => "address",
                Place::Remote(_) => "remote",
                Place::Unknown(_) => "unknown",
            },
            then: decision.then.name(),
            rule: match &decision.ground {
                Ground::NoRule => None,
                Ground::Rule { number, line } => rule(*number, *line, None),
                Ground::Unheeded { number, line } => {
                    rule(*number, *line, Some("skip is for accounts alone".to_owned()))
                }
                Ground::Unknown { number, line, key, why } => {
                    rule(*number, *line, Some(format!("{key}: {why}")))
                }
            },
            nullok: self.account.uid().is_some() && decision.heeds_nullok(),
            remember: self.remember(decision),
            paused: self.pause.as_ref().map(PauseReport::from),
        }
    }

    fn page(&self, decision: &Decision) -> String {
        let mut page = format!("{} at {}", self.account.name, self.service);
        // Writing to a String cannot fail.
        let _ = match (self.facts.place(), &self.args.from) {
            (Place::OtherAccount, _) => write!(page, ", called here"),
            (Place::Local, _) => write!(page, ", called here by {} or root", self.account.name),
            (_, Some(from)) => write!(page, " from {}", from.escape_debug()),
            (_, None) => write!(page, " from an unknown place"),
        };
        if let Some(tty) = &self.args.tty {
            let _ = write!(page, " on {}", tty.escape_debug());
        }
        let _ = match &self.pause {
            None => writeln!(page, ": {}", outcome(decision.then)),
            Some(pause) => {
                let then = outcome(decision.then);
                writeln!(page, ": asked for no code\n{}\nafter it: {then}", paused::words(pause))
            }
        };
        self.passed_over(&mut page, decision);
        let _ = writeln!(page, "{}", self.ground(decision));
        if let Some(words) = self.nullok(decision) {
            let _ = writeln!(page, "{words}");
        }
        if let Some(seconds) = self.remember(decision) {
            let _ = writeln!(page, "{}", self.remembered(seconds));
        }
        page
    }

    /// The rules before the one that decided.
    fn passed_over(&self, page: &mut String, decision: &Decision) {
        let decisive = match decision.ground {
            Ground::NoRule => usize::MAX,
            Ground::Rule { number, .. }
            | Ground::Unheeded { number, .. }
            | Ground::Unknown { number, .. } => number,
        };
        for (rule, number) in self.settings.rules.iter().zip(1..decisive) {
            if let Fit::Differs(key) = fit(rule, self.facts) {
                let _ = writeln!(page, "rule {number} ({}:{}) does not fit: {key}", self.file, rule.line);
            }
        }
    }

    fn ground(&self, decision: &Decision) -> String {
        let file = self.file;
        match &decision.ground {
            Ground::NoRule => "no rule fits, and so a code is required".to_owned(),
            Ground::Rule { number, line } => {
                format!("rule {number} ({file}:{line}) fits and says {}", decision.then)
            }
            Ground::Unheeded { number, line } => {
                format!("rule {number} ({file}:{line}) fits and says skip, which is for accounts alone")
            }
            Ground::Unknown { number, line, key, why } => format!(
                "rule {number} ({file}:{line}) cannot be evaluated by {key}, so {}: {why}",
                decision.then
            ),
        }
    }

    /// Nobody without an account is remembered.
    fn remember(&self, decision: &Decision) -> Option<u64> {
        decision.remember.filter(|_| self.account.uid().is_some())
    }

    /// Whether such a login is remembered now hangs on the session, the caller and the program, which are not
    /// those of this one.
    fn remembered(&self, seconds: u64) -> String {
        if self.service == "sshd" {
            return "and: not remembered, for each connection of sshd is a session of its own".to_owned();
        }
        format!("and: who was let in by a code is asked for none in that session for {}", duration(seconds))
    }

    /// What happens to who is not enrolled stands in pam.d, which is not read here.
    fn nullok(&self, decision: &Decision) -> Option<String> {
        // Nobody without an account is exempt by it.
        self.account.uid()?;
        let set = self.settings.login.unenrolled == config::Unenrolled::Skip;
        match (decision.then, decision.heeds_nullok()) {
            (Then::Require, true) => Some(format!(
                "{} who is not enrolled is asked nothing {}",
                if set { "but:" } else { "or:" },
                if set { "by [login] unenrolled" } else { "where the service's line in pam.d says nullok" }
            )),
            (Then::Require, false) => Some("also who is not enrolled: nullok is not heeded then".to_owned()),
            (Then::Skip | Then::Deny, _) => None,
        }
    }
}

/// As the settings write a duration.
fn duration(seconds: u64) -> String {
    let (count, unit) = match seconds {
        _ if seconds.is_multiple_of(3_600) => (seconds / 3_600, "h"),
        _ if seconds.is_multiple_of(60) => (seconds / 60, "m"),
        _ => (seconds, "s"),
    };
    format!("{count}{unit}")
}

fn outcome(then: Then) -> &'static str {
    match then {
        Then::Require => "asked for a code",
        Then::Skip => "asked for no code",
        Then::Deny => "asked for a code, and refused whatever it is",
    }
}

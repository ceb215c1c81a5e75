//! Where a request is answered: who asks, about whom, may they, and what the store says.

use crate::daemon::table::{Caller, Method};
use crate::{clock, journal, people, random};
use config::Settings;
use otp::{Tail, Typed};
use std::path::PathBuf;
use verifier::log_line::{self, LogLine, Loudness};
use verifier::wire::{self, Claims, Denial, Need, Request};
use verifier::{
    Account, FileStore, Local, Origin, Outcome, StoreError, UserName, Verifier, lookup_uid, whose,
};
use zeroize::Zeroizing;

/// Who is at the other end, as the kernel knows it (SO_PEERCRED).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer {
    pub(crate) uid: u32,
    /// For the log alone: a pid may be another process by now.
    pub(crate) pid: i32,
}

/// Answers requests.
pub(crate) struct Desk {
    config: Option<PathBuf>,
    overflow_uid: u32,
}

/// One question about one account.
pub(super) struct Question<'a> {
    pub(super) peer: &'a Peer,
    pub(super) method: Method,
    pub(super) claims: Claims,
    pub(super) typed: Option<&'a Typed>,
}

type Reply = Option<Zeroizing<String>>;

impl Desk {
    pub(crate) fn new(config: Option<PathBuf>) -> Self {
        // proc(5): the uid under which the kernel shows uids that have no mapping.
        let overflow = std::fs::read_to_string("/proc/sys/kernel/overflowuid").ok();
        let overflow_uid = overflow.and_then(|text| text.trim().parse().ok()).unwrap_or(65_534);
        Self { config, overflow_uid }
    }

    pub(crate) fn overflow_uid(&self) -> u32 {
        self.overflow_uid
    }

    /// Whether the peer's uid is an account's: a container's or a subordinate uid is nobody's.
    pub(crate) fn knows(&self, peer: &Peer) -> bool {
        peer.uid == 0 || matches!(lookup_uid(peer.uid), Ok(Some(_)))
    }

    /// Whether it is root, or a service that asks about everybody: many people's questions come from its uid.
    pub(crate) fn is_everybodys(&self, peer: &Peer) -> bool {
        let named = |settings: Settings| settings.daemon.checkers.iter().any(|c| c.uid == peer.uid);
        peer.uid == 0 || config::load(self.config.as_deref()).is_ok_and(named)
    }

    /// The reply; `None` hangs up.
    pub(crate) fn answer(&self, peer: &Peer, message: &[u8]) -> Reply {
        match Request::parse(message) {
            Err(mistake) => wire::mistaken(&mistake),
            Ok(Request::GetInfo) => Some(wire::info()),
            Ok(Request::GetInterfaceDescription { interface }) => {
                wire::description(&interface).map_or_else(|mistake| wire::mistaken(&mistake), Some)
            }
            Ok(Request::Check { user, typed, claims, origin, tail }) => {
                let tail = tail.map(|need| (Tail::of(typed.as_bytes()), need));
                let typed = match &tail {
                    Some((tail, _)) => tail.likeliest(),
                    None => Typed::parse(typed.as_bytes()),
                };
                let question = Question { peer, method: Method::Check, claims, typed: Some(&typed) };
                Some(self.check(question, &user, &typed, tail, origin).unwrap_or_else(wire::denied))
            }
            Ok(Request::Change(wanted)) => Some(self.change(peer, &wanted).unwrap_or_else(wire::denied)),
            Ok(Request::Status { user }) => {
                let claims = Claims::default();
                let question = Question { peer, method: Method::Status, claims, typed: None };
                Some(self.status(question, &user).unwrap_or_else(wire::denied))
            }
        }
    }

    fn check(
        &self,
        mut question: Question<'_>,
        user: &str,
        typed: &Typed,
        tail: Option<(Tail, Need)>,
        claimed: Option<Origin>,
    ) -> Result<Zeroizing<String>, Denial> {
        let settings = self.settings(&question)?;
        let (account, caller) = question.account(user, &settings)?;
        let origin = caller.origin(claimed);
        let (outcome, code) = match (verifier(&settings), tail) {
            (Ok(verifier), None) => (verifier.check(&account, typed, origin), None),
            // Whom a checker asks for needs a code: it has no rules of ours.
            (Ok(verifier), Some((tail, Need::Optional))) if caller != Caller::Checker => {
                verifier.check_tail(&account, &tail.optional(), origin)
            }
            (Ok(verifier), Some((tail, _))) => verifier.check_tail(&account, &tail, origin),
            (Err(error), _) => (Outcome::Unavailable(error), None),
        };
        let is_somebody =
            account.uid().is_some() || matches!(outcome, Outcome::Judged(_) | Outcome::Suspended(_));
        if !is_somebody && matches!(outcome, Outcome::NotEnrolled) {
            return Err(question.unknown());
        }
        // A name that may be nobody's stands in no log: a password may have been typed in its place.
        question.log(is_somebody.then_some(account.name.as_str()), &outcome);
        if caller == Caller::Checker && matches!(outcome, Outcome::NotEnrolled) {
            // As for a name that is nobody's.
            return Err(Denial::NotAllowed);
        }
        wire::split(&account.owner, &outcome, code).ok_or(Denial::Unavailable)
    }

    fn status(&self, mut question: Question<'_>, user: &str) -> Result<Zeroizing<String>, Denial> {
        let settings = self.settings(&question)?;
        let (account, _) = question.account(user, &settings)?;
        let status = verifier(&settings).and_then(|verifier| {
            let status = verifier.status(&account)?;
            if let Some(enrolled) = status.as_ref().filter(|status| status.enrolled) {
                // It may be that of whoever had the uid before.
                people::vet(enrolled, &account)?;
            } else {
                verifier.standing(&account)?;
            }
            Ok(status)
        });
        match status {
            Ok(status) => Ok(wire::known(&account.owner, status.as_ref())),
            Err(error) => {
                question.log(Some(&account.name), &Outcome::Unavailable(error));
                Err(Denial::Unavailable)
            }
        }
    }

    /// Settings and store are opened anew for each request, as for each login: what was changed, mounted or
    /// unmounted meanwhile counts at once.
    pub(super) fn settings(&self, question: &Question<'_>) -> Result<Settings, Denial> {
        config::load(self.config.as_deref()).map_err(|error| {
            let verdict = ("refused", "misconfigured");
            question.write(Loudness::Error, None, verdict, None, &error.to_string());
            Denial::Unavailable
        })
    }
}

pub(super) fn verifier(settings: &Settings) -> Result<Local<FileStore>, StoreError> {
    let store = FileStore::open(&settings.store)?;
    Ok(Local::new(store, settings.policy(), clock::now, random::fill))
}

impl Question<'_> {
    /// The account that was asked about, if this peer may ask this about it. The answer is the same for an
    /// account that is somebody else's and for a name that is nobody's.
    pub(super) fn account(&mut self, user: &str, settings: &Settings) -> Result<(Account, Caller), Denial> {
        let account = match UserName::new(user).map_or(Ok(None), |name| whose(&name)) {
            Ok(account) => account,
            Err(error) => {
                self.log(None, &Outcome::Unavailable(error));
                return Err(Denial::Unavailable);
            }
        };
        let checkers = &settings.daemon.checkers;
        let caller = Caller::of(self.peer.uid, account.as_ref(), checkers);
        if caller == Caller::Checker {
            // The administrator's name for it, and not what it says of itself.
            let checker = checkers.iter().find(|checker| checker.uid == self.peer.uid);
            self.claims.service = checker.map_or(String::new(), |checker| checker.service.clone());
        }
        let allowed = caller.may(self.method);
        match account {
            Some(account) if allowed => Ok((account, caller)),
            None if allowed => Err(self.unknown()),
            account => {
                let known = account.as_ref().filter(|account| account.uid().is_some());
                let name = known.map(|account| account.name.as_str());
                self.write(Loudness::Notice, name, ("refused", "not-allowed"), None, "");
                Err(Denial::NotAllowed)
            }
        }
    }

    /// What is answered where nobody has this name.
    fn unknown(&self) -> Denial {
        self.write(Loudness::Notice, None, ("refused", "unknown-account"), None, "");
        Denial::NotAllowed
    }

    pub(super) fn log(&self, user: Option<&str>, outcome: &Outcome) {
        let (loudness, words, verdict) = log_line::words(outcome);
        self.write(loudness, user, (words, verdict), Some(outcome), &log_line::reason(outcome));
    }

    fn write(
        &self,
        loudness: Loudness,
        user: Option<&str>,
        (words, verdict): (&'static str, &str),
        outcome: Option<&Outcome>,
        reason: &str,
    ) {
        let mut line = self.line(words, user);
        line.verdict(outcome, self.typed, verdict, reason);
        journal::decided(loudness, &line.finish());
    }

    /// A line that says who asked what about whom.
    pub(super) fn line(&self, words: &'static str, user: Option<&str>) -> LogLine {
        let mut line = LogLine::new(words);
        line.field("user", user.unwrap_or("?"));
        line.field("rhost", self.claims.rhost.as_deref().unwrap_or(""));
        line.field("tty", self.claims.tty.as_deref().unwrap_or(""));
        line.field("service", &self.claims.service);
        line.field("uid", &self.peer.uid.to_string());
        line.field("pid", &self.peer.pid.to_string());
        line.field("asked", self.method.name());
        line
    }
}

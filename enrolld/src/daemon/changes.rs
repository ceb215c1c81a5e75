//! Where people change what is their own: enroll, take a token away, make new backup codes.

use crate::daemon::desk::{Desk, Peer, Question, verifier};
use crate::daemon::table::Method;
use crate::journal;
use config::{SelfEnroll, Settings};
use otp::Typed;
use verifier::log_line::Loudness;
use verifier::wire::{self, Change, Denial, Wanted};
use verifier::{
    Account, Authority, By, Enrolled, FileStore, Local, NewToken, Objection, Outcome, Refusal, Verifier,
};
use zeroize::Zeroizing;

impl Desk {
    /// Makes a change, if the peer may ask for it and the code that it gave authorises it.
    pub(super) fn change(&self, peer: &Peer, wanted: &Wanted) -> Result<Zeroizing<String>, Denial> {
        let method = method(&wanted.change);
        let mut question = Question { peer, method, claims: wanted.claims.clone(), typed: None };
        let settings = self.settings(&question)?;
        let (account, _) = question.account(&wanted.user, &settings)?;
        let verifier = verifier(&settings).map_err(|error| {
            question.log(Some(&account.name), &Outcome::Unavailable(error));
            Denial::Unavailable
        })?;
        let made = authority(&settings, wanted).and_then(|given| made(&verifier, &account, wanted, given));
        Ok(question.tell(&account, wanted, made))
    }
}

fn method(change: &Change) -> Method {
    match change {
        Change::Enroll { .. } => Method::Enroll,
        Change::RemoveToken { .. } => Method::RemoveToken,
        Change::BackupCodes { .. } => Method::BackupCodes,
    }
}

/// On whose word: a code's, wherever one was given.
fn authority<'a>(settings: &Settings, wanted: &'a Wanted) -> Result<Authority<'a>, Refusal> {
    let is_first = matches!(wanted.change, Change::Enroll { how: Enrolled::First, .. });
    match (settings.daemon.self_enroll, &wanted.authority) {
        (SelfEnroll::Never, _) => Err(Refusal::RootEnrolls),
        (SelfEnroll::Invited | SelfEnroll::Open, Some(code)) => Ok(Authority::Code(code)),
        (SelfEnroll::Open, None) if is_first => Ok(Authority::Open),
        (SelfEnroll::Invited | SelfEnroll::Open, None) => Err(Objection::Missing.into()),
    }
}

/// Makes it; gives the reply and what it was made with.
fn made(
    verifier: &Local<FileStore>,
    account: &Account,
    wanted: &Wanted,
    authority: Authority<'_>,
) -> Result<(Zeroizing<String>, By), Refusal> {
    let owner = &account.owner;
    match &wanted.change {
        Change::Enroll { from, how, token, confirm, backup } => {
            let confirm = confirm.as_ref().map(|typed| Typed::parse(typed.as_bytes()));
            let (from, how, confirm) = (*from, *how, confirm.as_ref());
            let made =
                verifier.enroll(account, &NewToken { from, how, token, confirm, authority, backup })?;
            Ok((wire::made(owner, &made), made.by))
        }
        Change::RemoveToken { from, name } => {
            let by = verifier.remove_token(account, *from, name, authority)?;
            Ok((wire::removed(owner, by), by))
        }
        Change::BackupCodes { from, codes } => {
            let made = verifier.backup_codes(account, *from, codes, authority)?;
            Ok((wire::made(owner, &made), made.by))
        }
    }
}

impl Question<'_> {
    /// Logs what came of it, and gives the reply.
    fn tell(
        &self,
        account: &Account,
        wanted: &Wanted,
        made: Result<(Zeroizing<String>, By), Refusal>,
    ) -> Zeroizing<String> {
        let refusal = match made {
            Ok((reply, by)) => {
                let mut line = self.line("changed", Some(&account.name));
                describe(&mut line, &wanted.change);
                line.field("by", by.name());
                if let By::Bypass(number) = by {
                    line.field("number", &number.to_string());
                }
                journal::decided(Loudness::Notice, &line.finish());
                return reply;
            }
            Err(refusal) => refusal,
        };
        if let (Refusal::NotConfirmed(_), true) = (&refusal, wanted.is_rehearsal()) {
            // Nothing was tried yet, so nothing was decided.
            return wire::refused(&refusal).unwrap_or_else(|| wire::denied(Denial::Unavailable));
        }
        let Some((why, reply)) = wire::why(&refusal).zip(wire::refused(&refusal)) else {
            let Refusal::Store(error) = refusal else { return wire::denied(Denial::Unavailable) };
            self.log(Some(&account.name), &Outcome::Unavailable(error));
            return wire::denied(Denial::Unavailable);
        };
        let mut line = self.line("refused", Some(&account.name));
        describe(&mut line, &wanted.change);
        line.field("verdict", why);
        line.quoted("reason", &refusal.to_string());
        journal::decided(Loudness::Notice, &line.finish());
        reply
    }
}

fn describe(line: &mut verifier::log_line::LogLine, change: &Change) {
    match change {
        Change::Enroll { token, backup, .. } => {
            line.field("how", change.how());
            line.field("token", token.name.as_str());
            line.field("backup_codes", &backup.len().to_string());
        }
        Change::RemoveToken { name, .. } => line.field("token", name.as_str()),
        Change::BackupCodes { codes, .. } => line.field("backup_codes", &codes.len().to_string()),
    }
}

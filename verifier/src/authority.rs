//! On whose word something is changed: root's or, with a code that is spent by it, the person's own.
//!
//! A one-time code buys a login and nothing more, since malware that phished one must not be able to make
//! itself at home with it.

use crate::person::{Current, Person};
use crate::{Account, Local, Origin, Refusal, State, Store, StoreError, Verifier};
use otp::{Attempt, BackupCode, Method, Typed, Verdict};
use std::borrow::Cow;
use std::fmt;

/// On whose word a change is made.
#[derive(Clone, Copy, Debug)]
pub enum Authority<'a> {
    /// Root's, or that of whoever may write the store.
    Root,
    /// The person's own, where the settings let people enroll of whom nothing is kept.
    Open,
    /// The person's own, with this code: an invitation where nobody is enrolled, or else a backup code or a
    /// bypass. The change spends it.
    Code(&'a BackupCode),
}

/// What a change was made with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum By {
    /// Root's word.
    Root,
    /// Nothing: it was open to everybody.
    Open,
    /// The invitation.
    Invitation,
    /// A backup code.
    Backup,
    /// The bypass of this number.
    Bypass(u32),
}

/// Why a code does not authorise a change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Objection {
    /// There is none, and one is needed.
    Missing,
    /// It is none of those that would do.
    Wrong,
    /// It was used before.
    Spent,
    /// It is past its time.
    Expired,
}

impl Authority<'_> {
    pub(crate) fn is_root(self) -> bool {
        matches!(self, Self::Root)
    }
}

impl By {
    /// `root`, `nothing`, `invitation`, `backup-code` or `bypass`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Open => "nothing",
            Self::Invitation => "invitation",
            Self::Backup => "backup-code",
            Self::Bypass(_) => "bypass",
        }
    }
}

impl fmt::Display for Objection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "this needs an invitation, a backup code or a bypass",
            Self::Wrong => "that is no invitation, backup code or bypass that stands",
            Self::Spent => "that code was used before",
            Self::Expired => "that code is past its time",
        })
    }
}

impl<S: Store> Local<S> {
    /// What came of a change. That its bypass had expired is recorded as by a login, so that a clock which is put
    /// back later does not make it good again.
    pub(crate) fn recording<T>(
        &self,
        account: &Account,
        authority: Authority<'_>,
        made: Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        if let (Authority::Code(code), Err(Refusal::Unauthorised(Objection::Expired))) = (authority, &made) {
            self.check(account, &Typed::Backup(code.clone()), Origin::Owner);
        }
        made
    }

    /// What there is of a person, with the code spent that authorises a change to it.
    pub(crate) fn authorised<'p>(
        &self,
        person: Option<&'p Person>,
        authority: Authority<'_>,
    ) -> Result<(Option<Cow<'p, Person>>, By), Refusal> {
        // No code is accepted of who is suspended, and nothing else of theirs either.
        if !authority.is_root() && person.is_some_and(|person| person.record.suspended.is_some()) {
            return Err(Refusal::Suspended);
        }
        let code = match (authority, person) {
            (Authority::Root, _) => return Ok((person.map(Cow::Borrowed), By::Root)),
            (Authority::Open, None) => return Ok((None, By::Open)),
            // A tombstone too: who was revoked is let in by root alone.
            (Authority::Open, Some(_)) => return Err(Objection::Missing.into()),
            (Authority::Code(code), _) => code,
        };
        let person = person.ok_or(Objection::Wrong)?;
        match &person.record.state {
            State::Revoked(_) => Err(Objection::Wrong.into()),
            State::Invited(invitation) => {
                let latest = match &person.ledger {
                    Current::Whole(ledger) | Current::Half(ledger) => ledger.latest,
                    Current::Lost => return Err(StoreError::LedgerDamaged("ledger".into()).into()),
                };
                match (invitation.is(code), invitation.has_expired(latest, self.now())) {
                    (false, _) => Err(Objection::Wrong.into()),
                    (true, true) => Err(Objection::Expired.into()),
                    (true, false) => Ok((Some(Cow::Borrowed(person)), By::Invitation)),
                }
            }
            State::Enrolled(enrollment) => {
                let ledger = self.safe_ledger(enrollment, &person.ledger)?;
                let attempt = Attempt { typed: Typed::Backup(code.clone()), origin: otp::Origin::Console };
                let judged = otp::judge(enrollment, &ledger, &attempt, self.now(), &self.policy);
                let by = match judged.verdict {
                    Verdict::Accepted { method: Method::Backup, .. } => By::Backup,
                    Verdict::Accepted { method: Method::Bypass { number, .. }, .. } => By::Bypass(number),
                    Verdict::Replayed { .. } => return Err(Objection::Spent.into()),
                    Verdict::Expired { .. } => return Err(Objection::Expired.into()),
                    _ => return Err(Objection::Wrong.into()),
                };
                let ledger = Current::Whole(judged.next.unwrap_or(ledger));
                Ok((Some(Cow::Owned(Person { record: person.record.clone(), ledger })), by))
            }
        }
    }
}

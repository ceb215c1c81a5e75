//! What is enrolled for one person, and under which account.

use crate::{Account, Id, Owner, Suspension};
use otp::{BackupCode, Enrollment, Invitation, Time};

/// A person's `enrollment.toml`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    /// Its random id: every change makes a new one, and names the one that it started from.
    pub id: Id,
    /// Whose it is.
    pub holder: Holder,
    /// When it was written.
    pub written: Time,
    /// How many sets of backup codes were ever made for this person.
    pub sets: u32,
    /// How many bypasses were ever issued to this person.
    pub bypasses: u32,
    /// What is enrolled.
    pub state: State,
    /// Whether none of it is accepted for a while.
    pub suspended: Option<Suspension>,
}

/// Who was enrolled.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Holder {
    /// Whose folder it is.
    pub owner: Owner,
    /// The account's name at that time: if it no longer resolves to the uid, somebody else may have the uid now.
    /// Without an account, the name.
    pub account: String,
}

/// Whether somebody is enrolled.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum State {
    /// With these tokens.
    Enrolled(Enrollment),
    /// Nobody yet: this lets them enroll by themselves.
    Invited(Invitation),
    /// No longer, since this instant: the tombstone that a change which began before it finds.
    Revoked(Time),
}

impl Record {
    /// The enrollment, if there is one.
    #[must_use]
    pub fn enrollment(&self) -> Option<&Enrollment> {
        match &self.state {
            State::Enrolled(enrollment) => Some(enrollment),
            State::Invited(_) | State::Revoked(_) => None,
        }
    }

    /// The invitation that waits to be used.
    #[must_use]
    pub fn invitation(&self) -> Option<&Invitation> {
        match &self.state {
            State::Invited(invitation) => Some(invitation),
            State::Enrolled(_) | State::Revoked(_) => None,
        }
    }

    /// Whether `code` is one that stands in it, used or not.
    pub(crate) fn knows(&self, code: &BackupCode) -> bool {
        match &self.state {
            State::Enrolled(enrollment) => enrollment.knows(code),
            State::Invited(invitation) => invitation.is(code),
            State::Revoked(_) => false,
        }
    }

    /// The file name of its ledger.
    #[must_use]
    pub fn ledger_name(&self) -> String {
        format!("ledger.{}", self.id)
    }
}

impl From<&Account> for Holder {
    fn from(account: &Account) -> Self {
        Self { owner: account.owner.clone(), account: account.name.clone() }
    }
}

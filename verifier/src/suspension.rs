//! Suspensions of [`Local`]: somebody gets in no more for a while, and nothing that they hold is lost.

use crate::person::{Change, Current, Person};
use crate::{Account, Id, Local, Record, Refusal, State, Store, StoreError};
use otp::{Ledger, Reason, Time};

/// Since when nothing that somebody holds is accepted, why, and on whose word.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Suspension {
    /// Since when.
    pub since: Time,
    /// Why, in the administrator's words.
    pub reason: Reason,
    /// The login uid of who said so; `None` where nobody had logged in.
    pub by: Option<u32>,
}

/// A suspension to be made.
pub struct NewSuspension<'a> {
    /// Why.
    pub reason: &'a Reason,
    /// The login uid of who says so.
    pub by: Option<u32>,
}

/// What is known of a suspension. Who it is about is not told why.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SuspensionStatus {
    /// Since when.
    pub since: Time,
    /// Why, and on whose word, for whoever may read the store.
    pub told: Option<(Reason, Option<u32>)>,
}

impl From<&Suspension> for SuspensionStatus {
    fn from(suspension: &Suspension) -> Self {
        Self { since: suspension.since, told: Some((suspension.reason.clone(), suspension.by)) }
    }
}

impl<S: Store> Local<S> {
    /// Of somebody of whom nothing is kept a tombstone says it: under `nullok` they would get in else.
    pub(crate) fn put_suspension(
        &self,
        account: &Account,
        from: Option<Id>,
        new: &NewSuspension,
    ) -> Result<(), Refusal> {
        self.store.change(&account.owner, from, |person| {
            let since = self.now();
            let (record, ledger) = match person {
                Some(person) if person.record.suspended.is_some() => return Err(Refusal::Suspended),
                Some(person) => (self.keeping(&person.record, account)?, self.as_it_is(person)?),
                None => (self.renewed(None, account, State::Revoked(since))?, Ledger::default()),
            };
            let suspended = Some(Suspension { since, reason: new.reason.clone(), by: new.by });
            Ok((Change { record: Record { suspended, ..record }, ledger }, ()))
        })
    }

    /// Everything stands again as it stood.
    pub(crate) fn end_suspension(&self, account: &Account, from: Id) -> Result<(), Refusal> {
        self.store.change(&account.owner, Some(from), |person| {
            let person = person.filter(|person| person.record.suspended.is_some());
            let person = person.ok_or(Refusal::NotSuspended)?;
            let record = Record { suspended: None, ..self.keeping(&person.record, account)? };
            Ok((Change { record, ledger: self.as_it_is(person)? }, ()))
        })
    }

    /// The ledger as far as it can be read, in the shape that the record's state has.
    fn as_it_is(&self, person: &Person) -> Result<Ledger, Refusal> {
        match (person.record.enrollment(), &person.ledger) {
            (Some(enrollment), ledger) => Ok(self.safe_ledger(enrollment, ledger)?),
            (None, Current::Whole(ledger) | Current::Half(ledger)) => Ok(ledger.without_tokens()),
            // By it an invitation ends too.
            (None, Current::Lost) if person.record.invitation().is_some() => {
                Err(StoreError::LedgerDamaged("ledger".into()).into())
            }
            (None, Current::Lost) => Ok(Ledger::default()),
        }
    }
}

//! What [`Local`] does after a restore or a clone: the ledger no longer tells what was used.

use crate::person::{Change, Current, Person};
use crate::{Account, Local, Record, Refusal, State, Store};
use otp::{Enrollment, EnrollmentError, Ledger};

impl<S: Store> Local<S> {
    pub(crate) fn put_restored(&self, account: &Account, skip: u64) -> Result<(), Refusal> {
        let from = self.store.read(&account.owner)?.ok_or(Refusal::NotEnrolled)?.record.id;
        self.store.change(&account.owner, Some(from), |person| {
            let person = person.ok_or(Refusal::NotEnrolled)?;
            let renewed = self.keeping(&person.record, account)?;
            match &person.record.state {
                State::Enrolled(enrollment) => self.restored_enrollment((person, enrollment), renewed, skip),
                // It may have been used, by whoever is enrolled no more after the restore.
                State::Invited(_) => {
                    let record = Record { state: State::Revoked(self.now()), ..renewed };
                    Ok((Change { record, ledger: lanes_of(&person.ledger) }, ()))
                }
                State::Revoked(_) => Err(Refusal::NotEnrolled),
            }
        })
    }

    fn restored_enrollment(
        &self,
        (person, former): (&Person, &Enrollment),
        renewed: Record,
        skip: u64,
    ) -> Result<(Change, ()), Refusal> {
        let kept = only_tokens(former).map_err(Refusal::Tokens)?;
        let ledger = match &person.ledger {
            Current::Lost => Ledger::rebuilt(&kept, &self.policy, self.now()),
            // Of a half one, what the lost record may have used is passed over first.
            current => self.safe_ledger(former, current)?.carried(former, &kept).restored(
                &kept,
                &self.policy,
                self.now(),
                skip,
            ),
        };
        Ok((Change { record: Record { state: State::Enrolled(kept), ..renewed }, ledger }, ()))
    }
}

/// Without what has no order to be raised in: backup and scratch codes and bypasses.
pub(crate) fn only_tokens(enrollment: &Enrollment) -> Result<Enrollment, EnrollmentError> {
    Enrollment::new(enrollment.tokens().to_vec(), None)
        .and_then(|made| made.with_announcements(enrollment.announcements().to_vec()))
}

fn lanes_of(ledger: &Current) -> Ledger {
    match ledger {
        Current::Whole(ledger) | Current::Half(ledger) => ledger.without_tokens(),
        Current::Lost => Ledger::default(),
    }
}

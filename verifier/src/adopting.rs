//! What was enrolled without an account becomes the account's that was made later under the same name.

use crate::person::{Change, Person};
use crate::{
    Account, FoldedName, Id, Local, Owner, Record, Refusal, State, Store, StoreError, Suspension, UserName,
};
use otp::{Ledger, Reason};

/// Why nothing of a name's is accepted while an account takes it over.
const SET_ASIDE: &str = "taken over by an account";

/// Whoever may have been enrolled without an account by the name of `account`.
#[must_use]
pub fn before_account(account: &Account) -> Option<Account> {
    account.uid()?;
    let name = UserName::new(&account.name).ok()?;
    FoldedName::of(&name).map(Account::by_name)
}

impl<S: Store> Local<S> {
    /// Takes over what `from` is the enrollment of, with all that it has spent, and leaves a tombstone.
    ///
    /// Both folders are locked meanwhile, so that no login spends anything in the one that the other does not
    /// know. What is cut short after the account's was written leaves two of them: the name's must accept nothing
    /// by then, for the account may go again, or be none in the name's spelling. The tombstone is made when this
    /// is repeated.
    pub(crate) fn put_over(&self, account: &Account, from: Id) -> Result<(), Refusal> {
        let owner = before_account(account).ok_or(Refusal::NotEnrolled)?.owner;
        let present = self.store.read(&account.owner)?;
        let from = self.set_aside(&owner, from)?;
        self.store.change(&owner, Some(from), |person| {
            let person = person.ok_or(Refusal::NotEnrolled)?;
            let Some(enrollment) = person.record.enrollment() else { return Err(Refusal::NotEnrolled) };
            let ledger = self.safe_ledger(enrollment, &person.ledger)?;
            if present.as_ref().is_none_or(|present| present.record.enrollment().is_none()) {
                self.put_under(account, present.as_ref(), person, &ledger)?;
            }
            let record = self.entombed(person, &owner)?;
            Ok((Change { record, ledger: ledger.without_tokens() }, ()))
        })
    }

    /// Nothing of the name's is accepted any more from here on.
    fn set_aside(&self, owner: &Owner, from: Id) -> Result<Id, Refusal> {
        let is_barred = |person: &Person| person.record.id == from && person.record.suspended.is_some();
        if self.store.read(owner)?.as_ref().is_some_and(is_barred) {
            return Ok(from);
        }
        self.store.change(owner, Some(from), |person| {
            let person = person.ok_or(Refusal::NotEnrolled)?;
            let Some(enrollment) = person.record.enrollment() else { return Err(Refusal::NotEnrolled) };
            let ledger = self.safe_ledger(enrollment, &person.ledger)?;
            let reason = Reason::new(SET_ASIDE).ok_or(StoreError::Changed)?;
            let suspended = Some(Suspension { since: self.now(), reason, by: None });
            let record = Record { suspended, ..self.keeping(&person.record, &of(owner))? };
            let id = record.id;
            Ok((Change { record, ledger }, id))
        })
    }

    fn put_under(
        &self,
        account: &Account,
        present: Option<&Person>,
        person: &Person,
        ledger: &Ledger,
    ) -> Result<(), Refusal> {
        let from = present.map(|present| present.record.id);
        self.store.change(&account.owner, from, |present| {
            let mut record = self.renewed(Some(&person.record), account, person.record.state.clone())?;
            record.suspended = record.suspended.filter(|suspended| suspended.reason.as_str() != SET_ASIDE);
            if let Some(Person { record: present, .. }) = present {
                // The account may be suspended, whoever was enrolled before it.
                record.suspended = present.suspended.clone().or(record.suspended);
                record.sets = record.sets.max(present.sets);
                record.bypasses = record.bypasses.max(present.bypasses);
            }
            Ok((Change { record, ledger: ledger.clone() }, ()))
        })
    }

    fn entombed(&self, person: &Person, owner: &Owner) -> Result<Record, Refusal> {
        let record = self.renewed(Some(&person.record), &of(owner), State::Revoked(self.now()))?;
        // A suspension goes along with what was enrolled.
        Ok(Record { suspended: None, ..record })
    }
}

fn of(owner: &Owner) -> Account {
    Account { name: owner.to_string(), owner: owner.clone() }
}

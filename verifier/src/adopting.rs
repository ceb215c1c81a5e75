//! What was enrolled without an account becomes the account's that was made later under the same name.

use crate::person::{Change, Person};
use crate::{Account, FoldedName, Id, Local, Owner, Refusal, State, Store, UserName};
use otp::Ledger;

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
    /// know. The account's is written first: what is cut short after that leaves two of them, of which the
    /// account's counts, and the tombstone is made when this is repeated.
    pub(crate) fn put_over(&self, account: &Account, from: Id) -> Result<(), Refusal> {
        let owner = before_account(account).ok_or(Refusal::NotEnrolled)?.owner;
        let present = self.store.read(&account.owner)?;
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
            if let Some(Person { record: present, .. }) = present {
                // The account may be suspended, whoever was enrolled before it.
                record.suspended = present.suspended.clone().or(record.suspended);
                record.sets = record.sets.max(present.sets);
                record.bypasses = record.bypasses.max(present.bypasses);
            }
            Ok((Change { record, ledger: ledger.clone() }, ()))
        })
    }

    fn entombed(&self, person: &Person, owner: &Owner) -> Result<crate::Record, Refusal> {
        let account = Account { name: owner.to_string(), owner: owner.clone() };
        Ok(self.renewed(Some(&person.record), &account, State::Revoked(self.now()))?)
    }
}

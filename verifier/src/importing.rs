//! What [`Local`] does for people who come from an earlier module: enrolled with what they had, and nothing
//! that they used there works again.

use crate::adopting::before_account;
use crate::local::vet;
use crate::person::{Change, Current, Person};
use crate::{
    Account, Brought, Import, Imported, Local, NEWCOMERS, Record, Refusal, State, Store, StoreError,
};
use std::collections::HashMap;

use otp::{Announced, Announcement, Enrollment, Kind, Ledger, ScratchSet, Token, TokenName, TokenState};

/// What an import comes to.
struct Joined {
    state: State,
    ledger: Ledger,
    imported: Imported,
}

impl<S: Store> Local<S> {
    /// Enrolls what somebody brings along. A second time it changes nothing, unless the earlier module has
    /// gone on being used: then that is carried over too, and never a step back.
    pub(crate) fn put_import(&self, account: &Account, new: &Import) -> Result<Imported, Refusal> {
        let present = self.store.read(&account.owner)?;
        if let Some(person) = present.as_ref().filter(|person| person.record.enrollment().is_some()) {
            vet(&person.record.holder, account)?;
        } else {
            self.vet_name(account)?;
        }
        let imported = self.joined(account, present.as_ref(), new)?.imported;
        if new.rehearse || imported == Imported::Already {
            return Ok(imported);
        }
        let from = present.map(|person| person.record.id);
        self.store.change(&account.owner, from, |person| {
            let Joined { state, ledger, imported } = self.joined(account, person, new)?;
            let former = person.map(|person| &person.record);
            let kept = former.filter(|record| record.enrollment().is_some());
            let record = match kept {
                Some(former) => Record { state, ..self.keeping(former, account)? },
                None => self.renewed(former, account, state)?,
            };
            Ok((Change { record, ledger }, imported))
        })
    }

    /// The same of many: those of whom nothing is kept yet together, and the others one by one.
    pub(crate) fn put_imports(&self, people: &[(&Account, Import<'_>)]) -> Vec<Result<Imported, Refusal>> {
        let mut together: Vec<_> = people.iter().enumerate().collect();
        together.retain(|(_, (account, new))| {
            !new.rehearse && self.vet_name(account).is_ok() && self.joined(account, None, new).is_ok()
        });
        together.sort_by(|(_, (one, _)), (_, (other, _))| one.owner.cmp(&other.owner));
        together.dedup_by(|(_, (one, _)), (_, (other, _))| one.owner == other.owner);
        let mut made = HashMap::new();
        for some in together.chunks(NEWCOMERS) {
            let owners: Vec<_> = some.iter().map(|(_, (account, _))| account.owner.clone()).collect();
            let results = self.store.enroll_all(&owners, |place| {
                let (_, (account, new)) = some.get(place).ok_or(StoreError::Changed)?;
                let Joined { state, ledger, imported } = self.joined(account, None, new)?;
                Ok((Change { record: self.renewed(None, account, state)?, ledger }, imported))
            });
            let places = some.iter().map(|(place, _)| *place);
            made.extend(places.zip(results).filter_map(|(place, result)| Some((place, result?))));
        }
        let all = people.iter().enumerate();
        all.map(|(place, (account, new))| {
            made.remove(&place).unwrap_or_else(|| self.put_import(account, new))
        })
        .collect()
    }

    fn joined(&self, account: &Account, person: Option<&Person>, new: &Import) -> Result<Joined, Refusal> {
        let Some(present) = person.and_then(|person| person.record.enrollment()) else {
            return self.brought_in(account, person, new);
        };
        let is_here = |token: &Token| present.tokens().iter().any(|old| old.has_same_key(token));
        let (kept, more): (Vec<_>, Vec<_>) = new.tokens.iter().partition(|brought| is_here(&brought.token));
        if !more.is_empty() && !new.add {
            return Err(Refusal::AlreadyEnrolled);
        }
        let mut tokens = present.tokens().to_vec();
        more.iter().for_each(|brought| push(&mut tokens, &brought.token));
        let added = tokens.len() - present.tokens().len();
        let mut enrollment = present.clone().with_tokens(tokens).map_err(Refusal::Tokens)?;
        let before = self.ledger_for(person, &enrollment, true)?;
        let mut ledger = before.clone();
        spend(&enrollment, &mut ledger, &kept, |brought| brought.state.clone());
        spend(&enrollment, &mut ledger, &more, |brought| brought.state.raised_to(brought.floor));
        spend_missing(&enrollment, &mut ledger, new);
        let names: Vec<_> = enrollment.tokens().iter().map(|token| token.name.clone()).collect();
        for token in names.into_iter().skip(present.tokens().len()) {
            let (previous, now) = (enrollment.clone(), self.now());
            let told = Announcement::new(Announced::Added { token }, true, now, ledger.latest);
            enrollment = enrollment.announcing([told], Some((&previous, &ledger)), now);
            ledger = ledger.carried(&previous, &enrollment);
        }
        let imported = match added {
            0 if ledger == before => Imported::Already,
            0 => Imported::Advanced,
            tokens => Imported::Added { tokens },
        };
        Ok(Joined { state: State::Enrolled(enrollment), ledger, imported })
    }

    /// Where nobody is enrolled.
    fn brought_in(
        &self,
        account: &Account,
        person: Option<&Person>,
        new: &Import,
    ) -> Result<Joined, Refusal> {
        // What was revoked before there was the account may have been of the same keys.
        let had_another = self.has_tombstone_before(account)?;
        let is_revoked = person.is_some_and(|person| matches!(person.record.state, State::Revoked(_)));
        let is_revoked = is_revoked || had_another;
        if is_revoked && !new.revive {
            return Err(Refusal::Revoked);
        }
        // What was taken away took along what it had used. Time tells which steps that may have been; nothing
        // tells a counter or a scratch code.
        let had_more = had_another || person.is_some_and(has_history);
        if had_more && new.tokens.iter().any(|brought| brought.token.kind == Kind::Hotp) {
            return Err(Refusal::CounterLost);
        }
        let scratch = new.scratch.filter(|codes| !had_more && !codes.is_empty());
        let scratch = scratch.map(|codes| Ok(ScratchSet::new(self.random()?, codes)));
        let scratch = scratch.transpose().map_err(Refusal::Store)?;
        let kept = scratch.as_ref().map_or(0, |set| set.hashes.len());
        let mut tokens = Vec::with_capacity(new.tokens.len());
        new.tokens.iter().for_each(|brought| push(&mut tokens, &brought.token));
        let enrollment = Enrollment::new(tokens, None).map_err(Refusal::Tokens)?.with_scratch(scratch);
        let mut ledger = self.ledger_for(person, &enrollment, false)?;
        let all: Vec<_> = new.tokens.iter().collect();
        spend(&enrollment, &mut ledger, &all, |brought| brought.state.raised_to(brought.floor));
        if had_more {
            ledger = ledger.raised(&enrollment, &self.policy, self.now());
        }
        Ok(Joined {
            state: State::Enrolled(enrollment),
            ledger,
            imported: Imported::Enrolled { scratch: kept },
        })
    }

    fn has_tombstone_before(&self, account: &Account) -> Result<bool, StoreError> {
        let Some(before) = before_account(account) else { return Ok(false) };
        let record = self.store.record(&before.owner)?;
        Ok(record.is_some_and(|record| matches!(record.state, State::Revoked(_))))
    }
}

/// Whether something was enrolled here before.
fn has_history(person: &Person) -> bool {
    let record = &person.record;
    let used = match &person.ledger {
        Current::Whole(ledger) | Current::Half(ledger) => ledger.latest.0 > 0,
        Current::Lost => true,
    };
    used || matches!(record.state, State::Revoked(_)) || record.sets > 0 || record.bypasses > 0
}

/// A token more, unless its key is there, and under a name that no other has.
fn push(tokens: &mut Vec<Token>, token: &Token) {
    if tokens.iter().any(|other| other.has_same_key(token)) {
        return;
    }
    let is_free = |name: &TokenName| !tokens.iter().any(|other| other.name == *name);
    let stem: String = token.name.as_str().chars().take(28).collect();
    let others = (2..).map_while(|number: u32| TokenName::new(&format!("{stem}-{number}")));
    let name = std::iter::once(token.name.clone()).chain(others).find(is_free);
    tokens.push(Token { name: name.unwrap_or_else(|| token.name.clone()), ..token.clone() });
}

fn spend(
    enrollment: &Enrollment,
    ledger: &mut Ledger,
    brought: &[&Brought],
    used: impl Fn(&Brought) -> TokenState,
) {
    for (token, state) in enrollment.tokens().iter().zip(&mut ledger.tokens) {
        for brought in brought.iter().filter(|brought| brought.token.has_same_key(token)) {
            *state = state.joined(&used(brought));
        }
    }
}

/// The earlier module strikes a scratch code out when it is used: what is gone from its list was used there.
fn spend_missing(enrollment: &Enrollment, ledger: &mut Ledger, new: &Import) {
    let (Some(set), Some(codes)) = (enrollment.scratch(), new.scratch) else { return };
    let left: Vec<_> = codes.iter().filter_map(|code| set.position(code)).collect();
    let gone = (0..set.hashes.len()).filter(|place| !left.contains(place));
    gone.for_each(|place| ledger.spend_scratch(place));
}

//! What [`Local`] does to tokens and backup codes: enrolled, confirmed, replaced.

use crate::local::sheet_of;
use crate::person::{Change, Current, Person};
use crate::{
    Account, Authority, By, Enrolled, Id, Local, Made, NewToken, Objection, Record, Refusal, State, Store,
    StoreError, Verifier,
};
use otp::{
    Announced, Attempt, BackupCode, BackupSet, Enrollment, Ledger, Malformed, Time, Token, TokenName,
    TokenState, Typed, Verdict,
};
use std::iter;

impl<S: Store> Local<S> {
    /// A token more, the first, or one in place of all.
    pub(crate) fn put_token(&self, account: &Account, new: &NewToken) -> Result<Made, Refusal> {
        let now = self.now();
        let is_roots = new.authority.is_root();
        if new.how != Enrolled::Add {
            // Where nothing is enrolled, nothing may have been before there was an account.
            self.standing(account)?;
        }
        if new.how == Enrolled::Add || !is_roots {
            self.vet_present(account, new.from)?;
        }
        if !is_roots {
            self.rehearse(account, new)?;
        }
        if let Some(typed) = new.confirm {
            // Once before the store is touched, and once on the ledger that its key may have already.
            self.confirmed(new.token, typed, TokenState::default(), now)?;
        }
        self.store.change(&account.owner, new.from, |person| {
            let former = person.map(|person| &person.record);
            let present = former.and_then(Record::enrollment);
            if new.how == Enrolled::First && present.is_some() {
                return Err(Refusal::AlreadyEnrolled);
            }
            let kept = present.filter(|_| new.how == Enrolled::Add);
            if new.how == Enrolled::Add && kept.is_none() {
                return Err(Refusal::NotEnrolled);
            }
            let mut record = self.renewed(former, account, State::Revoked(self.now()))?;
            let set = self.new_set(former.filter(|_| !is_roots), &mut record, new.backup)?;
            let mut tokens = kept.map_or(Vec::new(), |kept| kept.tokens().to_vec());
            tokens.push(new.token.clone());
            let sheet = set.as_ref().map(sheet_of);
            let made = match kept {
                Some(kept) => kept.clone().with_tokens(tokens),
                None => Enrollment::new(tokens, None),
            };
            let made = made.map_err(Refusal::Tokens)?;
            let enrollment = if set.is_some() { with_sheet(made, set) } else { made };
            // A set that comes with a further token takes the place of one that may be on somebody's sheet, and
            // outlasts the token.
            let codes = sheet.filter(|_| kept.is_some()).map(|_| Announced::BackupCodes);
            let changes = iter::once(change_of(new)).chain(codes);
            let enrollment = self.announcing(enrollment, person, changes, is_roots);
            let (spent, by) = self.authorised(person, new.authority)?;
            let mut ledger = self.ledger_for(spent.as_deref(), &enrollment, kept.is_some())?;
            self.confirm((new, now), &enrollment, &mut ledger)?;
            record.state = State::Enrolled(enrollment);
            Ok((Change { record, ledger }, Made { sheet, by }))
        })
    }

    /// Whether a person's own change would be authorised, before anything is written: what is wrong with the
    /// code is to be heard before a token was scanned, and a change without a code of the new token is none.
    fn rehearse(&self, account: &Account, new: &NewToken) -> Result<(), Refusal> {
        let person = self.store.read(&account.owner)?;
        if new.how == Enrolled::First && person.as_ref().is_some_and(|p| p.record.enrollment().is_some()) {
            return Err(Refusal::AlreadyEnrolled);
        }
        let is_another = person.as_ref().map(|person| person.record.id) != new.from;
        if is_another && matches!(new.authority, Authority::Code(_)) {
            // Whose it is was not looked into: a former owner's code is neither right nor wrong.
            return Err(StoreError::Changed.into());
        }
        self.authorised(person.as_ref(), new.authority)?;
        match new.confirm {
            Some(_) => Ok(()),
            None => Err(Refusal::NotConfirmed(Verdict::Malformed(Malformed::Empty))),
        }
    }

    /// A token less.
    pub(crate) fn take_token(
        &self,
        account: &Account,
        from: Id,
        name: &TokenName,
        authority: Authority<'_>,
    ) -> Result<By, Refusal> {
        self.vet_present(account, Some(from))?;
        let is_roots = authority.is_root();
        let removed = self.rewrite_by(account, from, authority, |person, present, ledger| {
            let (kept, taken): (Vec<_>, Vec<_>) =
                present.tokens().iter().cloned().partition(|token| token.name != *name);
            match (kept.is_empty(), taken.is_empty()) {
                (_, true) => return Err(Refusal::NoToken),
                (true, false) => return Err(Refusal::LastToken),
                (false, false) => {}
            }
            let mut record = self.keeping(&person.record, account)?;
            let enrollment = present.clone().with_tokens(kept).map_err(Refusal::Tokens)?;
            let change = Announced::Removed { token: name.clone() };
            let enrollment = self.announcing(enrollment, Some(person), [change], is_roots);
            let ledger = ledger.carried(present, &enrollment);
            record.state = State::Enrolled(enrollment);
            Ok((record, ledger, ()))
        });
        removed.map(|((), by)| by)
    }

    /// A token by another name. Nothing that opens changes, so the ledger stands as it is.
    pub(crate) fn name_token(
        &self,
        account: &Account,
        from: Id,
        old: &TokenName,
        new: &TokenName,
    ) -> Result<(), Refusal> {
        self.vet_present(account, Some(from))?;
        self.rewrite(account, from, |person, present, ledger| {
            present.token(old).ok_or(Refusal::NoToken)?;
            let mut record = self.keeping(&person.record, account)?;
            let enrollment = present.clone().with_name(old, new).map_err(Refusal::Tokens)?;
            record.state = State::Enrolled(enrollment);
            Ok((record, ledger.clone(), ()))
        })
    }

    /// Another set of backup codes, or none. The scratch codes of an earlier module are void.
    pub(crate) fn put_backup_codes(
        &self,
        account: &Account,
        from: Id,
        codes: &[BackupCode],
        authority: Authority<'_>,
    ) -> Result<Made, Refusal> {
        self.vet_present(account, Some(from))?;
        let is_roots = authority.is_root();
        let made = self.rewrite_by(account, from, authority, |person, present, ledger| {
            let mut record = self.keeping(&person.record, account)?;
            let own = Some(&person.record).filter(|_| !is_roots);
            let set = self.new_set(own, &mut record, codes)?;
            let sheet = set.as_ref().map(sheet_of);
            let enrollment = with_sheet(present.clone(), set);
            let enrollment = self.announcing(enrollment, Some(person), [Announced::BackupCodes], is_roots);
            let ledger = ledger.carried(present, &enrollment);
            record.state = State::Enrolled(enrollment);
            Ok((record, ledger, sheet))
        });
        made.map(|(sheet, by)| Made { sheet, by })
    }

    /// A new set of backup codes under the next number; none of no codes. They are drawn where they are shown:
    /// on a person's own word a code may be among them that stands in what is `theirs`, or stood and was spent.
    /// It would open once more, and one that was to end by itself would not.
    fn new_set(
        &self,
        theirs: Option<&Record>,
        record: &mut Record,
        codes: &[BackupCode],
    ) -> Result<Option<BackupSet>, Refusal> {
        if codes.is_empty() {
            return Ok(None);
        }
        if theirs.is_some_and(|record| codes.iter().any(|code| record.knows(code))) {
            return Err(Objection::Spent.into());
        }
        record.sets = record.sets.saturating_add(1);
        Ok(Some(BackupSet::new(record.sets, self.now(), self.random()?, codes)))
    }

    /// The state of `token` after confirming it with a code, which is spent in it. The throttle of the present
    /// enrollment has no say, since whoever confirms holds the new secret.
    fn confirmed(
        &self,
        token: &Token,
        typed: &Typed,
        state: TokenState,
        now: Time,
    ) -> Result<TokenState, Refusal> {
        let alone = Enrollment::new(vec![token.clone()], None).map_err(Refusal::Tokens)?;
        let ledger = Ledger { tokens: vec![state], ..Ledger::default() };
        let attempt = Attempt { typed: typed.clone(), origin: otp::Origin::Console };
        let judged = otp::judge(&alone, &ledger, &attempt, now, &self.policy);
        match (judged.verdict, judged.next.and_then(|next| next.tokens.into_iter().next())) {
            (Verdict::Accepted { .. }, Some(state)) => Ok(state),
            (verdict, _) => Err(Refusal::NotConfirmed(verdict)),
        }
    }

    /// Spends the confirming code in `ledger`, for every token that has the same key: it may be one that was
    /// enrolled before, and its code one that has opened a login.
    fn confirm(
        &self,
        (new, now): (&NewToken, Time),
        enrollment: &Enrollment,
        ledger: &mut Ledger,
    ) -> Result<(), Refusal> {
        let (Some(typed), Some(last)) = (new.confirm, ledger.tokens.last()) else { return Ok(()) };
        let confirmed = self.confirmed(new.token, typed, last.clone(), now)?;
        for (token, state) in enrollment.tokens().iter().zip(&mut ledger.tokens) {
            if token.has_same_key(new.token) {
                state.clone_from(&confirmed);
            }
        }
        Ok(())
    }

    /// The ledger of a new enrollment: what survives of the former one. Where that is lost, a replacement
    /// still goes through (its tokens are new), but an addition does not.
    pub(crate) fn ledger_for(
        &self,
        person: Option<&Person>,
        next: &Enrollment,
        adding: bool,
    ) -> Result<Ledger, StoreError> {
        let Some(person) = person else { return Ok(Ledger::new(next)) };
        let Some(former) = person.record.enrollment() else {
            return Ok(match &person.ledger {
                Current::Whole(ledger) | Current::Half(ledger) => {
                    Ledger { tokens: vec![TokenState::default(); next.tokens().len()], ..ledger.clone() }
                }
                Current::Lost => Ledger::new(next),
            });
        };
        match self.safe_ledger(former, &person.ledger) {
            Ok(ledger) => Ok(ledger.carried(former, next)),
            Err(error) if adding => Err(error),
            Err(_) => {
                let is_kept = |token: &Token| former.tokens().iter().any(|old| old.has_same_key(token));
                // What a key that comes back has spent was in the ledger that is lost.
                let raise = next.tokens().iter().any(is_kept);
                Ok(if raise { Ledger::rebuilt(next, &self.policy, self.now()) } else { Ledger::new(next) })
            }
        }
    }
}

fn change_of(new: &NewToken) -> Announced {
    let token = new.token.name.clone();
    match new.how {
        Enrolled::First => Announced::Enrolled { token },
        Enrolled::Replace => Announced::Replaced { token },
        Enrolled::Add => Announced::Added { token },
    }
}

/// With this set of backup codes, or none. A new sheet is the only one: the scratch codes of an earlier module
/// are void.
fn with_sheet(enrollment: Enrollment, set: Option<BackupSet>) -> Enrollment {
    enrollment.with_backup(set).with_scratch(None)
}

//! [`Verifier`] in this process, over a [`Store`].

use crate::adopting::before_account;
use crate::announcement::announcements_of;
use crate::bypass::bypasses_of;
use crate::invitation::invitation_status;
use crate::person::{Change, Current, Judge, Person};
use crate::restoring::only_tokens;
use crate::{
    Account, Authority, BackupSheet, By, BypassStatus, Holder, Id, Import, Imported, InvitationStatus,
    Issued, Made, NewBypass, NewInvitation, NewSuspension, NewToken, Origin, Outcome, Owner, Record, Refusal,
};
use crate::{
    Standing, State, Status, Store, StoreError, SuspensionStatus, TokenStatus, UserName, Verifier, Waiting,
    lookup, lookup_uid,
};
use otp::{
    Attempt, BackupCode, BackupSet, Enrollment, Kind, Ledger, Policy, Tail, Time, Token, TokenName,
    TokenState, Typed,
};

/// Where the time comes from: read under the lock, since waiting for it may have taken a while.
pub type Clock = fn() -> Time;
/// Where randomness comes from.
pub type Random = fn(&mut [u8]) -> std::io::Result<()>;

/// A verifier that works on its own store.
pub struct Local<S> {
    pub(crate) store: S,
    pub(crate) policy: Policy,
    clock: Clock,
    random: Random,
}

impl<S: Store> Local<S> {
    /// A verifier over `store`.
    pub fn new(store: S, policy: Policy, clock: Clock, random: Random) -> Self {
        Self { store, policy, clock, random }
    }

    /// The store.
    pub fn store(&self) -> &S {
        &self.store
    }

    pub(crate) fn now(&self) -> Time {
        (self.clock)()
    }

    pub(crate) fn random<const N: usize>(&self) -> Result<[u8; N], StoreError> {
        let mut bytes = [0; N];
        (self.random)(&mut bytes).map_err(StoreError::Random)?;
        Ok(bytes)
    }

    fn origin(&self, account: &Account, origin: Origin) -> otp::Origin {
        match origin {
            // Nobody stands at the console, or is their own caller, who is no account of this machine.
            Origin::Console | Origin::Owner if account.uid().is_none() => otp::Origin::Others,
            Origin::Console => otp::Origin::Console,
            Origin::Owner => otp::Origin::Owner,
            Origin::Others => otp::Origin::Others,
            Origin::Network(network) => otp::Origin::Network(network.key(self.store.network_key())),
            Origin::Service => otp::Origin::Service,
            Origin::Stranger => otp::Origin::Stranger,
        }
    }

    /// A changed record under a new id.
    pub(crate) fn renewed(
        &self,
        former: Option<&Record>,
        account: &Account,
        state: State,
    ) -> Result<Record, StoreError> {
        Ok(Record {
            id: Id(self.random()?),
            holder: Holder::from(account),
            written: self.now(),
            sets: former.map_or(0, |record| record.sets),
            bypasses: former.map_or(0, |record| record.bypasses),
            state,
            // No change but revoke and resume ends it.
            suspended: former.and_then(|record| record.suspended.clone()),
        })
    }

    /// The same record under a new id, still that of the account that was enrolled.
    pub(crate) fn keeping(&self, former: &Record, account: &Account) -> Result<Record, StoreError> {
        let renewed = self.renewed(Some(former), account, former.state.clone())?;
        Ok(Record { holder: former.holder.clone(), ..renewed })
    }

    /// A change of root's to what is enrolled, on the ledger as far as it can be read.
    pub(crate) fn rewrite<T>(
        &self,
        account: &Account,
        from: Id,
        make: impl FnOnce(&Person, &Enrollment, &Ledger) -> Result<(Record, Ledger, T), Refusal>,
    ) -> Result<T, Refusal> {
        self.rewrite_by(account, from, Authority::Root, make).map(|(result, _)| result)
    }

    /// The same on another's word.
    pub(crate) fn rewrite_by<T>(
        &self,
        account: &Account,
        from: Id,
        authority: Authority<'_>,
        make: impl FnOnce(&Person, &Enrollment, &Ledger) -> Result<(Record, Ledger, T), Refusal>,
    ) -> Result<(T, By), Refusal> {
        self.store.change(&account.owner, Some(from), |person| {
            if person.is_none_or(|person| person.record.enrollment().is_none()) {
                return Err(Refusal::NotEnrolled);
            }
            let (person, by) = self.authorised(person, authority)?;
            let person = person.ok_or(Refusal::NotEnrolled)?;
            let enrollment = person.record.enrollment().ok_or(Refusal::NotEnrolled)?;
            let ledger = self.safe_ledger(enrollment, &person.ledger)?;
            let (record, ledger, result) = make(&person, enrollment, &ledger)?;
            Ok((Change { record, ledger }, (result, by)))
        })
    }

    /// The ledger to carry over: raised where its newest record is lost, an error where nothing is left.
    pub(crate) fn safe_ledger(
        &self,
        enrollment: &Enrollment,
        current: &Current,
    ) -> Result<Ledger, StoreError> {
        match current {
            Current::Whole(ledger) => Ok(ledger.clone()),
            Current::Half(ledger) => Ok(ledger.raised(enrollment, &self.policy, self.now())),
            Current::Lost => Err(StoreError::LedgerDamaged("ledger".into())),
        }
    }
}

/// Judges one attempt for the store's login.
struct Login<'a, S> {
    verifier: &'a Local<S>,
    account: &'a Account,
    attempt: Attempt,
}

impl<S: Store> Judge for Login<'_, S> {
    type Answer = Outcome;

    fn vet(&self, record: &Record) -> Result<(), StoreError> {
        vet(&record.holder, self.account)
    }

    fn barred(&self, record: &Record) -> Option<Outcome> {
        record.suspended.as_ref().map(|suspension| Outcome::Suspended(suspension.since))
    }

    fn early(&self, enrollment: &Enrollment, ledger: &Ledger) -> Option<Outcome> {
        let (now, policy) = (self.verifier.now(), &self.verifier.policy);
        otp::throttled(enrollment, ledger, &self.attempt, now, policy).map(Outcome::Judged)
    }

    fn decide(&self, enrollment: &Enrollment, ledger: &Ledger) -> (Outcome, Option<Ledger>) {
        let now = self.verifier.now();
        let judged = otp::judge(enrollment, ledger, &self.attempt, now, &self.verifier.policy);
        (Outcome::Judged(judged.verdict), judged.next)
    }

    fn is_beyond_raising(&self, enrollment: &Enrollment, before: &Ledger, after: &Ledger) -> bool {
        before.cannot_be_raised_to(after, enrollment, &self.verifier.policy)
    }

    fn raise(&self, enrollment: &Enrollment, ledger: &Ledger) -> Ledger {
        ledger.raised(enrollment, &self.verifier.policy, self.verifier.now())
    }
}

/// Judges the end of a password.
struct TailLogin<'a, S> {
    verifier: &'a Local<S>,
    account: &'a Account,
    tail: &'a Tail,
    origin: otp::Origin,
}

impl<S: Store> Judge for TailLogin<'_, S> {
    type Answer = (Outcome, Option<usize>);

    fn vet(&self, record: &Record) -> Result<(), StoreError> {
        vet(&record.holder, self.account)
    }

    fn barred(&self, record: &Record) -> Option<Self::Answer> {
        record.suspended.as_ref().map(|suspension| (Outcome::Suspended(suspension.since), None))
    }

    fn early(&self, enrollment: &Enrollment, ledger: &Ledger) -> Option<Self::Answer> {
        let (now, policy) = (self.verifier.now(), &self.verifier.policy);
        let waits = otp::split_throttled(enrollment, ledger, self.tail, self.origin, now, policy);
        waits.map(|verdict| (Outcome::Judged(verdict), None))
    }

    fn decide(&self, enrollment: &Enrollment, ledger: &Ledger) -> (Self::Answer, Option<Ledger>) {
        let (now, policy) = (self.verifier.now(), &self.verifier.policy);
        let split = otp::split(enrollment, ledger, self.tail, self.origin, now, policy);
        ((Outcome::Judged(split.judgement.verdict), split.code), split.judgement.next)
    }

    fn is_beyond_raising(&self, enrollment: &Enrollment, before: &Ledger, after: &Ledger) -> bool {
        before.cannot_be_raised_to(after, enrollment, &self.verifier.policy)
    }

    fn raise(&self, enrollment: &Enrollment, ledger: &Ledger) -> Ledger {
        ledger.raised(enrollment, &self.verifier.policy, self.verifier.now())
    }
}

/// The account that was enrolled must still be the account of this uid: a uid given anew to somebody else
/// must not inherit. Another name of the same uid is the same person.
///
/// # Errors
/// [`StoreError::Renamed`], and [`StoreError::NameService`] where that cannot be established.
pub fn vet(holder: &Holder, account: &Account) -> Result<(), StoreError> {
    // A name is given to nobody anew: where it is an account's by now, that one's own folder counts.
    let Owner::Uid(uid) = holder.owner else { return Ok(()) };
    let renamed = || StoreError::Renamed { account: holder.account.clone(), uid };
    if holder.account == account.name {
        return Ok(());
    }
    let name = UserName::new(&holder.account).map_err(|_| renamed())?;
    match lookup(&name)? {
        Some(found) if found.owner == holder.owner => Ok(()),
        _ => Err(renamed()),
    }
}

/// Opens every lane.
struct Unlock<'a, S> {
    verifier: &'a Local<S>,
    clock: bool,
}

impl<S: Store> Judge for Unlock<'_, S> {
    type Answer = ();

    fn vet(&self, _: &Record) -> Result<(), StoreError> {
        Ok(())
    }

    fn barred(&self, _: &Record) -> Option<()> {
        None
    }

    fn early(&self, _: &Enrollment, _: &Ledger) -> Option<()> {
        None
    }

    fn decide(&self, enrollment: &Enrollment, ledger: &Ledger) -> ((), Option<Ledger>) {
        let unlocked = ledger.unlocked();
        let (policy, now) = (&self.verifier.policy, self.verifier.now());
        ((), Some(if self.clock { unlocked.with_clock_corrected(enrollment, policy, now) } else { unlocked }))
    }

    fn is_beyond_raising(&self, _: &Enrollment, _: &Ledger, _: &Ledger) -> bool {
        false
    }

    fn raise(&self, enrollment: &Enrollment, ledger: &Ledger) -> Ledger {
        ledger.raised(enrollment, &self.verifier.policy, self.verifier.now()).unlocked()
    }
}

impl<S: Store> Verifier for Local<S> {
    fn check(&self, account: &Account, typed: &Typed, origin: Origin) -> Outcome {
        let attempt = Attempt { typed: typed.clone(), origin: self.origin(account, origin) };
        match self.store.login(&account.owner, &Login { verifier: self, account, attempt }) {
            Ok(Some(outcome)) => outcome,
            Ok(None) => self.not_enrolled(account),
            Err(error) => Outcome::Unavailable(error),
        }
    }

    fn check_tail(&self, account: &Account, tail: &Tail, origin: Origin) -> (Outcome, Option<usize>) {
        let login = TailLogin { verifier: self, account, tail, origin: self.origin(account, origin) };
        match self.store.login(&account.owner, &login) {
            Ok(Some(answer)) => answer,
            Ok(None) => (self.not_enrolled(account), None),
            Err(error) => (Outcome::Unavailable(error), None),
        }
    }

    fn standing(&self, account: &Account) -> Result<Standing, StoreError> {
        Ok(match self.store.read(&account.owner)? {
            Some(person) if person.record.suspended.is_some() => Standing::Suspended,
            Some(person) if person.record.enrollment().is_some() => Standing::Enrolled,
            _ => {
                self.vet_name(account)?;
                Standing::NotEnrolled
            }
        })
    }

    fn is_suspended(&self, account: &Account) -> Result<bool, StoreError> {
        let record = self.store.record(&account.owner)?;
        if record.as_ref().is_some_and(|record| record.suspended.is_some() || record.enrollment().is_some()) {
            return Ok(record.is_some_and(|record| record.suspended.is_some()));
        }
        // It may be the same person who was suspended before there was the account.
        let Some(before) = before_account(account) else { return Ok(false) };
        Ok(self.store.record(&before.owner)?.is_some_and(|record| record.suspended.is_some()))
    }

    fn status(&self, account: &Account) -> Result<Option<Status>, StoreError> {
        let Some(Person { record, ledger: current }) = self.store.read(&account.owner)? else {
            return Ok(None);
        };
        let mut warnings = Vec::new();
        if let Err(error) = vet(&record.holder, account) {
            let hint = error.hint(&account.name).map_or(String::new(), |hint| format!("; {hint}"));
            warnings.push(format!("{error}{hint}"));
        }
        let now = self.now();
        let (mut tokens, mut backup, mut throttled) = (Vec::new(), None, Vec::new());
        let (mut bypasses, mut scratch_left, mut announcements) = (Vec::new(), None, Vec::new());
        let invitation = record.invitation().map(|invitation| match &current {
            Current::Whole(ledger) | Current::Half(ledger) => {
                invitation_status(invitation, ledger.latest, now)
            }
            Current::Lost => {
                warnings.push(format!("the ledger is missing or damaged: totpctl invite {}", account.name));
                invitation_status(invitation, Time(0), now)
            }
        });
        if let Some(enrollment) = record.enrollment() {
            let ledger = match current {
                Current::Whole(ledger) => ledger,
                Current::Half(ledger) => {
                    warnings.push(
                        "half of the ledger is damaged: the next login repairs it and is refused".into(),
                    );
                    ledger
                }
                Current::Lost => {
                    let name = &account.name;
                    warnings.push(format!("the ledger is missing or damaged: totpctl unlock {name}"));
                    Ledger::new(enrollment)
                }
            };
            tokens = enrollment.tokens().iter().zip(&ledger.tokens).map(token_status).collect();
            warnings.extend(self.warnings(enrollment, &ledger, now));
            backup = enrollment.backup().map(|set| (sheet_of(set), ledger.backup_left(enrollment)));
            bypasses = bypasses_of(enrollment, &ledger, now);
            scratch_left = enrollment.scratch().map(|_| ledger.scratch_left(enrollment));
            announcements = announcements_of(enrollment, &ledger, now);
            let chance = enrollment.chance(&ledger, now, &self.policy);
            let waits = ledger.waits(chance, &self.policy, now);
            throttled = waits.into_iter().map(|(lane, until)| Waiting { lane, until }).collect();
        }
        Ok(Some(Status {
            id: record.id,
            enrolled: record.enrollment().is_some(),
            suspended: record.suspended.as_ref().map(SuspensionStatus::from),
            account: record.holder.account,
            owner: record.holder.owner,
            changed: record.written,
            tokens,
            backup,
            scratch_left,
            invitation,
            bypasses,
            announcements,
            throttled,
            warnings,
        }))
    }

    fn tokens(&self, account: &Account) -> Result<Vec<(Token, u64)>, StoreError> {
        let Some(person) = self.store.read(&account.owner)? else { return Ok(Vec::new()) };
        let Some(enrollment) = person.record.enrollment() else { return Ok(Vec::new()) };
        // As they will stand once what is damaged is repaired: a counter that may be used must not be shown.
        let ledger = self
            .safe_ledger(enrollment, &person.ledger)
            .unwrap_or_else(|_| Ledger::rebuilt(enrollment, &self.policy, self.now()));
        let next = ledger.tokens.iter().map(|state| state.next);
        Ok(enrollment.tokens().iter().cloned().zip(next).collect())
    }

    fn people(&self) -> Result<Vec<Owner>, StoreError> {
        self.store.people()
    }

    fn holder(&self, owner: &Owner) -> Result<Option<Holder>, StoreError> {
        Ok(self.store.record(owner)?.map(|record| record.holder))
    }

    fn enroll(&self, account: &Account, new: &NewToken) -> Result<Made, Refusal> {
        self.recording(account, new.authority, self.put_token(account, new))
    }

    fn import(&self, account: &Account, new: &Import) -> Result<Imported, Refusal> {
        self.put_import(account, new)
    }

    fn import_all(&self, people: &[(&Account, Import<'_>)]) -> Vec<Result<Imported, Refusal>> {
        self.put_imports(people)
    }

    fn remove_token(
        &self,
        account: &Account,
        from: Id,
        name: &TokenName,
        authority: Authority<'_>,
    ) -> Result<By, Refusal> {
        self.recording(account, authority, self.take_token(account, from, name, authority))
    }

    fn rename_token(
        &self,
        account: &Account,
        from: Id,
        old: &TokenName,
        new: &TokenName,
    ) -> Result<(), Refusal> {
        self.name_token(account, from, old, new)
    }

    fn backup_codes(
        &self,
        account: &Account,
        from: Id,
        codes: &[BackupCode],
        authority: Authority<'_>,
    ) -> Result<Made, Refusal> {
        self.recording(account, authority, self.put_backup_codes(account, from, codes, authority))
    }

    fn invite(
        &self,
        account: &Account,
        from: Option<Id>,
        new: &NewInvitation,
    ) -> Result<InvitationStatus, Refusal> {
        self.put_invitation(account, from, new)
    }

    fn bypass(&self, account: &Account, from: Id, new: &NewBypass) -> Result<Issued, Refusal> {
        self.vet_present(account, Some(from))?;
        self.issue(account, from, new)
    }

    fn revoke_bypasses(&self, account: &Account, from: Id) -> Result<Vec<BypassStatus>, Refusal> {
        self.withdraw(account, from)
    }

    fn revoke(&self, account: &Account, from: Id) -> Result<(), Refusal> {
        self.store.change(&account.owner, Some(from), |person| {
            let person = person.ok_or(Refusal::NotEnrolled)?;
            if let State::Revoked(_) = person.record.state {
                return Err(Refusal::NotEnrolled);
            }
            let record = self.renewed(Some(&person.record), account, State::Revoked(self.now()))?;
            let record = Record { suspended: None, ..record };
            let ledger = match &person.ledger {
                Current::Whole(ledger) | Current::Half(ledger) => ledger.without_tokens(),
                Current::Lost => Ledger::default(),
            };
            Ok((Change { record, ledger }, ()))
        })
    }

    fn unlock(&self, account: &Account, clock: bool) -> Result<bool, Refusal> {
        let person = self.store.read(&account.owner)?.ok_or(Refusal::NotEnrolled)?;
        let enrollment = person.record.enrollment().ok_or(Refusal::NotEnrolled)?;
        if person.ledger != Current::Lost {
            return match self.store.login(&account.owner, &Unlock { verifier: self, clock }) {
                Ok(Some(())) => Ok(false),
                Ok(None) => Err(Refusal::NotEnrolled),
                Err(StoreError::LedgerRepaired(_)) => Ok(true),
                Err(error) => Err(error.into()),
            };
        }
        // What the lost ledger had spent nobody knows: steps are raised beyond now; counters, backup and scratch
        // codes and bypasses, which have no order to be raised in, are void.
        let rebuilt = only_tokens(enrollment).map_err(Refusal::Tokens)?;
        let ledger = Ledger::rebuilt(&rebuilt, &self.policy, self.now());
        self.store.change(&account.owner, Some(person.record.id), |_| {
            let mut record = self.keeping(&person.record, account)?;
            record.state = State::Enrolled(rebuilt);
            Ok::<_, Refusal>((Change { record, ledger }, true))
        })
    }

    fn prune(&self, uid: u32, from: Option<Id>) -> Result<(), Refusal> {
        // The name service may have answered otherwise when this was asked for.
        match lookup_uid(uid)? {
            Some(_) => Err(StoreError::Changed.into()),
            None => Ok(self.store.remove(&Owner::Uid(uid), from)?),
        }
    }

    fn restored(&self, account: &Account, skip: u64) -> Result<(), Refusal> {
        self.put_restored(account, skip)
    }

    fn suspend(&self, account: &Account, from: Option<Id>, new: &NewSuspension) -> Result<(), Refusal> {
        self.put_suspension(account, from, new)
    }

    fn resume(&self, account: &Account, from: Id) -> Result<(), Refusal> {
        self.end_suspension(account, from)
    }

    fn adopt(&self, account: &Account, from: Id) -> Result<(), Refusal> {
        self.rewrite(account, from, |person, present, ledger| {
            let state = State::Enrolled(present.clone());
            Ok((self.renewed(Some(&person.record), account, state)?, ledger.clone(), ()))
        })
    }

    fn take_over(&self, account: &Account, from: Id) -> Result<(), Refusal> {
        self.put_over(account, from)
    }
}

impl<S: Store> Local<S> {
    /// Before the lock, that a change which keeps tokens, or is made on somebody's own word, gives nobody what
    /// belongs to a former owner of the uid.
    pub(crate) fn vet_present(&self, account: &Account, from: Option<crate::Id>) -> Result<(), StoreError> {
        match self.store.read(&account.owner)? {
            Some(person) if Some(person.record.id) == from => vet(&person.record.holder, account),
            _ => Ok(()),
        }
    }

    /// That nobody was enrolled under the name of `account` before there was an account: they would have needed a
    /// code, and it may be the same person.
    pub(crate) fn vet_name(&self, account: &Account) -> Result<(), StoreError> {
        let Some((uid, before)) = account.uid().zip(before_account(account)) else { return Ok(()) };
        match self.store.read(&before.owner)? {
            Some(person) if person.record.enrollment().is_some() => {
                Err(StoreError::BeforeAccount { name: person.record.holder.account, uid })
            }
            _ => Ok(()),
        }
    }

    fn not_enrolled(&self, account: &Account) -> Outcome {
        self.vet_name(account).map_or_else(Outcome::Unavailable, |()| Outcome::NotEnrolled)
    }

    fn warnings(&self, enrollment: &Enrollment, ledger: &Ledger, now: Time) -> Vec<String> {
        let short = enrollment.tokens().iter().filter_map(short_key);
        let off = enrollment.tokens().iter().zip(&ledger.tokens).filter_map(|(token, state)| {
            let Kind::Totp { period } = token.kind else { return None };
            let drift = state.known_drift(&self.policy);
            let seconds = drift.unsigned_abs() * period.seconds();
            let side = if drift < 0 { "behind" } else { "ahead of" };
            (seconds > 0).then(|| format!("token {}: its clock is {seconds} s {side} this one", token.name))
        });
        let ahead = enrollment.ahead(ledger, now, &self.policy).into_iter().map(|(name, seconds)| {
            let minutes = seconds.div_ceil(60);
            format!("token {name}: last used {minutes} minutes ahead of this clock, so its codes are refused")
        });
        let states = enrollment.tokens().iter().zip(&ledger.tokens);
        let lost = states.filter(|(_, state)| state.is_used_up()).map(|(token, _)| {
            format!("token {}: which of its counters were used is lost; enroll it anew", token.name)
        });
        let states = enrollment.tokens().iter().zip(&ledger.tokens);
        let doubted = states.filter(|(_, state)| state.pairs_only).map(|(token, _)| {
            format!("token {}: needs two successive codes in one answer, since a restore", token.name)
        });
        short.chain(off).chain(ahead).chain(lost).chain(doubted).collect()
    }
}

/// What is said of a token whose key is shorter than apps like it.
#[must_use]
pub fn short_key(token: &Token) -> Option<String> {
    let bits = token.secret.bits();
    // Another algorithm would not help, and breaks apps.
    (bits < 128)
        .then(|| format!("token {}: {bits} bits, some apps warn; re-enroll when convenient", token.name))
}

pub(crate) fn sheet_of(set: &BackupSet) -> BackupSheet {
    BackupSheet { number: set.number, created: set.created }
}

fn token_status((token, state): (&Token, &TokenState)) -> TokenStatus {
    TokenStatus {
        name: token.name.clone(),
        kind: token.kind,
        algorithm: token.algorithm,
        digits: token.digits,
        bits: token.secret.bits(),
        last_used: state.last_used,
        pairs_only: state.pairs_only,
    }
}

//! What the processes of the model do: the verbs of [`verifier::Local`], over the model's file system.

use crate::calls::Replay;
use otp::{
    Algorithm, BackupCode, Digits, Kind, Period, Policy, Reason, Secret, Time, Token, TokenName, TokenState,
    Typed, Uses, Verdict,
};
use std::cell::Cell;
use verifier::{
    Account, Authority, Brought, Change, Current, Enrolled, Id, Import, Imported, Judge, Local, NewBypass,
    NewInvitation, NewToken, Origin, Outcome, Owner, Person, Record, Refusal, Store, StoreError, Verifier,
};

/// The instant at which everything happens, and the step it falls into.
const NOW: u64 = 1_800_000_000;
const STEP: u64 = NOW / 30;
/// Whose folder it is.
pub(crate) const UID: u32 = 1000;
const OWNER: Owner = Owner::Uid(UID);

/// The keys of the model: the enrolled one, a new one, and one more to repair with.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Key {
    K1,
    K2,
    K3,
}

/// What may be typed at a prompt.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Credential {
    /// The code of a key, so many steps after the present one.
    Code(Key, u64),
    /// The first code of the set of backup codes that the process with this seed makes.
    Backup(u8),
    /// The bypass, good once, that the process with this seed issues.
    Bypass(u8),
    /// The invitation that the process with this seed issues. It opens no login.
    Invitation(u8),
    /// A code of nothing.
    Wrong,
}

/// What a process does.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Deed {
    Login(Credential),
    /// `with` is what authorises it, where root does not.
    Enroll {
        key: Key,
        how: How,
        confirmed: bool,
        with: Option<Credential>,
    },
    Invite,
    /// An import of this key, as one of many.
    Import(Key),
    NewBackupCodes,
    Bypass,
    Revoke,
    Unlock,
    Status,
}

/// How a token joins.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum How {
    First,
    Replace,
    Add,
}

/// A process: what it does, when, and what it started from.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Job {
    pub(crate) deed: Deed,
    /// Its randomness. A record that it makes has an id of this number.
    pub(crate) seed: u8,
    /// The seed of the record that it saw before it began.
    pub(crate) from: Option<u8>,
    /// Seconds after [`NOW`].
    pub(crate) later: u64,
}

/// What it answered.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Answer {
    Accepted,
    Refused(&'static str),
    Unavailable(&'static str),
    NotEnrolled,
    Done,
    Unconfirmed,
    Seen(Option<Seen>),
}

/// What `read` gave.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Seen {
    /// The seed of the process that made the record.
    pub(crate) made_by: u8,
    pub(crate) enrolled: bool,
    pub(crate) ledger: &'static str,
    /// Failures in the console's lane since the last success.
    pub(crate) failures: u32,
    /// What is charged to the console's budget, in chances of one in a million.
    pub(crate) charged: u64,
}

impl Job {
    pub(crate) fn new(deed: Deed, seed: u8) -> Self {
        Self { deed, seed, from: None, later: 0 }
    }

    pub(crate) fn from(self, seed: u8) -> Self {
        Self { from: Some(seed), ..self }
    }

    pub(crate) fn later(self, later: u64) -> Self {
        Self { later, ..self }
    }

    /// Whether it puts another record in place.
    pub(crate) fn is_change(&self) -> bool {
        let Self { deed, .. } = self;
        matches!(
            deed,
            Deed::Enroll { .. }
                | Deed::Import(_)
                | Deed::Invite
                | Deed::NewBackupCodes
                | Deed::Bypass
                | Deed::Revoke
        )
    }
}

thread_local! {
    static CLOCK: Cell<u64> = const { Cell::new(NOW) };
    static DRAWN: Cell<u8> = const { Cell::new(0) };
}

fn clock() -> Time {
    Time(CLOCK.get())
}

fn random(bytes: &mut [u8]) -> std::io::Result<()> {
    bytes.fill(DRAWN.replace(DRAWN.get() + 1));
    Ok(())
}

fn id_of(seed: u8) -> Id {
    Id([seed << 4; 16])
}

pub(crate) fn token(key: Key) -> Token {
    let (name, secret) = match key {
        Key::K1 => ("phone", "JVQWWZJANFXHMZLOORSWIIDTMVRXEZLU"),
        Key::K2 => ("new", "ONUG64TUEB2GK43UEBZWKY3SMU"),
        Key::K3 => ("third", "MFRGGZDFMZTWQ2LK"),
    };
    Token {
        name: TokenName::new(name).unwrap(),
        kind: Kind::Totp { period: Period::THIRTY },
        algorithm: Algorithm::Sha1,
        digits: Digits::SIX,
        secret: Secret::from_base32(secret).unwrap(),
    }
}

fn backup_code(seed: u8) -> BackupCode {
    BackupCode::from_random([10 + seed; 12]).unwrap()
}

fn bypass_code(seed: u8) -> BackupCode {
    BackupCode::from_random([11, seed, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12]).unwrap()
}

fn invitation_code(seed: u8) -> BackupCode {
    BackupCode::from_random([12, seed, 13, 13, 13, 13, 13, 13, 13, 13, 13, 13]).unwrap()
}

fn typed(credential: Credential) -> Typed {
    match credential {
        Credential::Code(key, offset) => Typed::Code(token(key).code(STEP + offset)),
        Credential::Backup(seed) => Typed::Backup(backup_code(seed)),
        Credential::Bypass(seed) => Typed::Backup(bypass_code(seed)),
        Credential::Invitation(seed) => Typed::Backup(invitation_code(seed)),
        Credential::Wrong => Typed::parse(b"000000"),
    }
}

/// Runs a process as far as its disk lets it.
pub(crate) fn run(job: &Job, disk: &Replay) -> Answer {
    CLOCK.set(NOW + job.later);
    DRAWN.set(job.seed << 4);
    let local = Local::new(ModelStore(disk), Policy::default(), clock, random);
    let alice = Account::local("alice", UID);
    let from = job.from.map(id_of);
    let codes = [backup_code(job.seed)];
    match job.deed {
        Deed::Login(credential) => answered(local.check(&alice, &typed(credential), Origin::Console)),
        Deed::Enroll { key, how, confirmed, with } => {
            let confirm = confirmed.then(|| typed(Credential::Code(key, 0)));
            let how = match how {
                How::First => Enrolled::First,
                How::Replace => Enrolled::Replace,
                How::Add => Enrolled::Add,
            };
            let backup = if how == Enrolled::Add { &[][..] } else { &codes[..] };
            let token = token(key);
            let code = with.map(typed);
            let authority = match &code {
                Some(Typed::Backup(code)) => Authority::Code(code),
                _ => Authority::Root,
            };
            let new = NewToken { from, how, token: &token, confirm: confirm.as_ref(), authority, backup };
            changed(local.enroll(&alice, &new).map(|_| ()))
        }
        Deed::Invite => {
            let new = NewInvitation { code: &invitation_code(job.seed), lasts: 3600 };
            changed(local.invite(&alice, from, &new).map(|_| ()))
        }
        Deed::Import(key) => {
            let brought = [Brought { token: token(key), state: TokenState::default(), floor: 0 }];
            let new = Import { tokens: &brought, scratch: None, add: false, revive: false, rehearse: false };
            match local.import_all(&[(&alice, new)]).remove(0) {
                Ok(Imported::Already) => Answer::Refused("imported already"),
                result => changed(result.map(|_| ())),
            }
        }
        Deed::NewBackupCodes => {
            let from = from.expect("a record to start from");
            changed(local.backup_codes(&alice, from, &codes, Authority::Root).map(|_| ()))
        }
        Deed::Bypass => {
            let (code, reason) = (bypass_code(job.seed), Reason::new("lost").expect("a reason"));
            let new = NewBypass { code: &code, lasts: 3600, uses: Uses::ONE, reason: &reason };
            changed(local.bypass(&alice, from.expect("a record to start from"), &new).map(|_| ()))
        }
        Deed::Revoke => changed(local.revoke(&alice, from.expect("a record to start from"))),
        Deed::Unlock => changed(local.unlock(&alice, false).map(|_| ())),
        Deed::Status => match verifier::read(disk, &OWNER) {
            Ok(person) => Answer::Seen(person.map(|person| seen(&person))),
            Err(error) => Answer::Unavailable(trouble(&error)),
        },
    }
}

fn seen(person: &Person) -> Seen {
    let (ledger, failures, spent) = match &person.ledger {
        Current::Whole(ledger) => ("whole", ledger.console.failures, ledger.console_budget.spent.0),
        Current::Half(ledger) => ("half", ledger.console.failures, ledger.console_budget.spent.0),
        Current::Lost => ("lost", 0, 0),
    };
    let (made_by, enrolled) = (person.record.id.0[0] >> 4, person.record.enrollment().is_some());
    Seen { made_by, enrolled, ledger, failures, charged: spent / 1_000_000_000_000 }
}

fn answered(outcome: Outcome) -> Answer {
    match outcome {
        Outcome::Judged(Verdict::Accepted { .. }) => Answer::Accepted,
        Outcome::Judged(Verdict::Wrong { counted: true }) => Answer::Refused("wrong"),
        Outcome::Judged(Verdict::Wrong { counted: false }) => Answer::Refused("void"),
        Outcome::Judged(Verdict::Replayed { .. }) => Answer::Refused("replayed"),
        Outcome::Judged(other) => panic!("nothing in the model calls for {other:?}"),
        Outcome::NotEnrolled => Answer::NotEnrolled,
        Outcome::Suspended(_) => panic!("nobody in the model is suspended"),
        Outcome::Unavailable(error) => Answer::Unavailable(trouble(&error)),
    }
}

fn changed(result: Result<(), Refusal>) -> Answer {
    match result {
        Ok(()) => Answer::Done,
        Err(Refusal::Store(StoreError::Unconfirmed { .. })) => Answer::Unconfirmed,
        Err(Refusal::Store(error)) => Answer::Unavailable(trouble(&error)),
        Err(Refusal::AlreadyEnrolled) => Answer::Refused("already enrolled"),
        Err(Refusal::NotEnrolled) => Answer::Refused("not enrolled"),
        Err(Refusal::NotConfirmed(_)) => Answer::Refused("not confirmed"),
        Err(Refusal::NoBypass) => Answer::Refused("no bypass"),
        Err(Refusal::Tokens(_)) => Answer::Refused("tokens"),
        Err(Refusal::Unauthorised(_)) => Answer::Refused("unauthorised"),
        Err(refusal) => panic!("nothing in the model calls for {refusal}"),
    }
}

fn trouble(error: &StoreError) -> &'static str {
    match error {
        StoreError::Io { .. } => "io",
        StoreError::Busy(_) => "busy",
        StoreError::Changed => "changed",
        StoreError::Refused { .. } => "refused",
        StoreError::Damaged { .. } => "enrollment damaged",
        StoreError::LedgerMissing(_) => "ledger missing",
        StoreError::LedgerDamaged(_) => "ledger damaged",
        StoreError::LedgerRepaired(_) => "ledger repaired",
        other => panic!("nothing in the model calls for {other}"),
    }
}

/// The store's protocol on the model's disk.
struct ModelStore<'a, 'b>(&'a Replay<'b>);

impl Store for ModelStore<'_, '_> {
    fn network_key(&self) -> &[u8; 32] {
        &[0; 32]
    }

    fn read(&self, owner: &Owner) -> Result<Option<Person>, StoreError> {
        // The model has one folder: under a name nobody is enrolled.
        if *owner == OWNER { verifier::read(self.0, owner) } else { Ok(None) }
    }

    fn record(&self, owner: &Owner) -> Result<Option<Record>, StoreError> {
        if *owner == OWNER { verifier::record(self.0, owner) } else { Ok(None) }
    }

    fn login<J: Judge>(&self, owner: &Owner, judge: &J) -> Result<Option<J::Answer>, StoreError> {
        verifier::login(self.0, owner, judge)
    }

    fn change<T, E: From<StoreError>>(
        &self,
        owner: &Owner,
        from: Option<Id>,
        make: impl FnOnce(Option<&Person>) -> Result<(Change, T), E>,
    ) -> Result<T, E> {
        // Whoever comes this way after all draws an id once more: it is to be known by the same number.
        DRAWN.set(DRAWN.get() & 0xf0);
        verifier::change(self.0, owner, from, make)
    }

    fn enroll_all<T, E: From<StoreError>>(
        &self,
        owners: &[Owner],
        make: impl FnMut(usize) -> Result<(Change, T), E>,
    ) -> Vec<Option<Result<T, E>>> {
        verifier::enroll_all(self.0, owners, make)
    }

    fn remove(&self, owner: &Owner, from: Option<Id>) -> Result<(), StoreError> {
        verifier::remove(self.0, owner, from)
    }

    fn people(&self) -> Result<Vec<Owner>, StoreError> {
        Ok(vec![OWNER])
    }
}

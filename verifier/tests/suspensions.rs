//! Suspensions: what carries them, what they refuse, and that nothing is lost by them.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use config::StoreSettings;
use otp::{
    Algorithm, BackupCode, Digits, Enrollment, Kind, Ledger, Period, Policy, Reason, Secret, Time, Token,
    TokenName, TokenState, Typed, Verdict,
};
use std::fs;
use std::path::PathBuf;
use verifier::{
    Account, Authority, Brought, Enrolled, FileStore, FoldedName, Id, Import, Judge, Local, NewInvitation,
    NewSuspension, NewToken, Origin, Outcome, Record, Refusal, Standing, Status, Store, StoreError, UserName,
    Verifier, init,
};

const NOW: u64 = 1_800_000_000;
const K1: &str = "JVQWWZJANFXHMZLOORSWIIDTMVRXEZLU";
const K2: &str = "ONUG64TUEB2GK43UEBZWKY3SMU";
/// K1's code now.
const CODE: &str = "592691";

struct Place {
    folder: tempfile::TempDir,
    verifier: Local<FileStore>,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let directory = folder.path().canonicalize().unwrap().join("store");
        let settings = StoreSettings { directory, id: None };
        init(&settings, [7; 48]).unwrap();
        let store = FileStore::open(&settings).unwrap();
        Self { folder, verifier: Local::new(store, Policy::default(), || Time(NOW), random) }
    }

    fn status(&self) -> Option<Status> {
        self.verifier.status(&alice()).unwrap()
    }

    fn id(&self) -> Option<Id> {
        self.status().map(|status| status.id)
    }

    fn enroll(&self, name: &str, key: &str, how: Enrolled, authority: Authority<'_>) -> Result<(), Refusal> {
        let token = token(name, key);
        let new = NewToken { from: self.id(), how, token: &token, confirm: None, authority, backup: &[] };
        self.verifier.enroll(&alice(), &new).map(drop)
    }

    fn suspend(&self, from: Option<Id>) -> Result<(), Refusal> {
        let reason = Reason::new("leave").unwrap();
        self.verifier.suspend(&alice(), from, &NewSuspension { reason: &reason, by: Some(7) })
    }

    fn check(&self) -> Outcome {
        self.verifier.check(&alice(), &Typed::parse(CODE.as_bytes()), Origin::Console)
    }

    fn is_suspended(&self) -> bool {
        let suspended = matches!(self.check(), Outcome::Suspended(Time(NOW)));
        assert_eq!(self.verifier.is_suspended(&alice()).unwrap(), suspended);
        assert_eq!(self.verifier.standing(&alice()).unwrap() == Standing::Suspended, suspended);
        assert_eq!(self.status().unwrap().suspended.is_some(), suspended);
        suspended
    }

    fn ledger(&self) -> PathBuf {
        let id = self.id().unwrap();
        self.folder.path().join(format!("store/users/1000/ledger.{id}"))
    }
}

fn random(bytes: &mut [u8]) -> std::io::Result<()> {
    use std::sync::atomic::{AtomicU8, Ordering};
    static NEXT: AtomicU8 = AtomicU8::new(1);
    bytes.fill(NEXT.fetch_add(1, Ordering::Relaxed));
    Ok(())
}

fn token(name: &str, key: &str) -> Token {
    Token {
        name: TokenName::new(name).unwrap(),
        kind: Kind::Totp { period: Period::THIRTY },
        algorithm: Algorithm::Sha1,
        digits: Digits::SIX,
        secret: Secret::from_base32(key).unwrap(),
    }
}

fn alice() -> Account {
    Account::local("alice", 1000)
}

#[test]
fn every_change_of_roots_carries_it_and_a_code_stands_again_after_it() {
    let place = Place::new();
    place.enroll("phone", K1, Enrolled::First, Authority::Root).unwrap();
    place.suspend(place.id()).unwrap();
    assert!(place.is_suspended());
    assert!(matches!(place.suspend(place.id()), Err(Refusal::Suspended)));
    let brought = [Brought { token: token("old", K2), state: TokenState::default(), floor: 0 }];
    let import = Import { tokens: &brought, scratch: None, add: true, revive: false, rehearse: false };
    place.verifier.import(&alice(), &import).unwrap();
    assert!(place.is_suspended());
    let name = |name| TokenName::new(name).unwrap();
    place.verifier.rename_token(&alice(), place.id().unwrap(), &name("old"), &name("older")).unwrap();
    assert!(place.is_suspended());
    place.verifier.remove_token(&alice(), place.id().unwrap(), &name("older"), Authority::Root).unwrap();
    assert!(place.is_suspended());
    place.verifier.backup_codes(&alice(), place.id().unwrap(), &[], Authority::Root).unwrap();
    assert!(place.is_suspended());
    let alicia = Account::local("alicia", 1000);
    place.verifier.adopt(&alicia, place.id().unwrap()).unwrap();
    place.verifier.adopt(&alice(), place.id().unwrap()).unwrap();
    assert!(!place.verifier.unlock(&alice(), true).unwrap() && place.is_suspended());
    let before = fs::read(place.ledger()).unwrap();
    place.check();
    assert_eq!(fs::read(place.ledger()).unwrap(), before);
    place.verifier.resume(&alice(), place.id().unwrap()).unwrap();
    assert!(matches!(place.check(), Outcome::Judged(Verdict::Accepted { .. })));
    assert!(!place.is_suspended());
    let ended = place.verifier.resume(&alice(), place.id().unwrap());
    assert!(matches!(ended, Err(Refusal::NotSuspended)));
}

#[test]
fn nobody_who_is_not_enrolled_opens_a_door_to_themselves() {
    let place = Place::new();
    place.suspend(None).unwrap();
    assert!(place.is_suspended());
    let opened = place.enroll("phone", K1, Enrolled::First, Authority::Open);
    assert!(matches!(opened, Err(Refusal::Suspended)));
    place.enroll("phone", K1, Enrolled::First, Authority::Root).unwrap();
    assert!(place.is_suspended());
    place.verifier.revoke(&alice(), place.id().unwrap()).unwrap();
    assert!(!place.is_suspended());
}

#[test]
fn an_invitation_waits_and_no_other_is_issued() {
    let place = Place::new();
    let code = BackupCode::from_random([17; 12]).unwrap();
    let new = NewInvitation { code: &code, lasts: 3600 };
    place.verifier.invite(&alice(), None, &new).unwrap();
    place.suspend(place.id()).unwrap();
    assert!(matches!(place.verifier.invite(&alice(), place.id(), &new), Err(Refusal::Suspended)));
    let enroll = || place.enroll("phone", K1, Enrolled::First, Authority::Code(&code));
    assert!(matches!(enroll(), Err(Refusal::Suspended)));
    place.verifier.resume(&alice(), place.id().unwrap()).unwrap();
    // Without a code of the new token nothing is enrolled, but this one would be.
    assert!(matches!(enroll(), Err(Refusal::NotConfirmed(_))));
}

#[test]
fn it_starts_from_what_was_seen_and_repairs_nothing() {
    let place = Place::new();
    place.enroll("phone", K1, Enrolled::First, Authority::Root).unwrap();
    assert!(matches!(place.suspend(None), Err(Refusal::Store(StoreError::Changed))));
    fs::remove_file(place.ledger()).unwrap();
    let refused = place.suspend(place.id());
    assert!(matches!(refused, Err(Refusal::Store(StoreError::LedgerDamaged(_)))), "it is denied already");
    assert!(place.verifier.unlock(&alice(), false).unwrap());
    place.suspend(place.id()).unwrap();
    // Of whom the ledger is lost meanwhile it is still known.
    fs::remove_file(place.ledger()).unwrap();
    assert!(place.is_suspended());
    assert!(place.verifier.unlock(&alice(), false).unwrap() && place.is_suspended());
}

fn before() -> Account {
    Account::by_name(FoldedName::of(&UserName::new("alice").unwrap()).unwrap())
}

#[test]
fn an_account_that_is_suspended_stays_so_when_it_takes_over_what_was_enrolled_before_it() {
    let place = Place::new();
    let phone = token("phone", K1);
    let (how, authority) = (Enrolled::First, Authority::Root);
    let new = NewToken { from: None, how, token: &phone, confirm: None, authority, backup: &[] };
    place.verifier.enroll(&before(), &new).unwrap();
    place.suspend(None).unwrap();
    let from = place.verifier.status(&before()).unwrap().unwrap().id;
    place.verifier.take_over(&alice(), from).unwrap();
    assert!(place.is_suspended() && place.status().unwrap().enrolled);
    place.verifier.resume(&alice(), place.id().unwrap()).unwrap();
    assert!(matches!(place.check(), Outcome::Judged(Verdict::Accepted { .. })));
}

/// A login that is overtaken by the suspension once it has read what is enrolled.
struct Overtaken<'a>(&'a Place);

impl Judge for Overtaken<'_> {
    type Answer = &'static str;

    fn vet(&self, _: &Record) -> Result<(), StoreError> {
        self.0.suspend(self.0.id()).unwrap();
        Ok(())
    }

    fn barred(&self, record: &Record) -> Option<&'static str> {
        record.suspended.as_ref().map(|_| "barred")
    }

    fn early(&self, _: &Enrollment, _: &Ledger) -> Option<&'static str> {
        None
    }

    fn decide(&self, _: &Enrollment, _: &Ledger) -> (&'static str, Option<Ledger>) {
        ("judged", None)
    }

    fn is_beyond_raising(&self, _: &Enrollment, _: &Ledger, _: &Ledger) -> bool {
        false
    }

    fn raise(&self, _: &Enrollment, ledger: &Ledger) -> Ledger {
        ledger.clone()
    }
}

#[test]
fn a_login_that_had_begun_before_it_is_judged_by_it() {
    let place = Place::new();
    place.enroll("phone", K1, Enrolled::First, Authority::Root).unwrap();
    let answer = place.verifier.store().login(&alice().owner, &Overtaken(&place));
    assert_eq!(answer.unwrap(), Some("barred"));
}

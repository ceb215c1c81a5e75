//! Which changes of the store are announced, and what keeps, ends and forgets an announcement.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use config::StoreSettings;
use otp::{Announced, BackupCode, Policy, Reason, Secret, Time, Token, TokenName, Typed, Uses, Verdict};
use std::cell::Cell;
use std::path::PathBuf;
use verifier::{
    Account, AnnouncementStatus, Authority, Enrolled, FileStore, Id, Local, NewBypass, NewInvitation,
    NewToken, Origin, Outcome, SLOT_LEN, Verifier, init,
};

const NOW: u64 = 1_800_000_000;

thread_local! {
    static STEPS: Cell<u64> = const { Cell::new(0) };
    static DRAWN: Cell<u8> = const { Cell::new(0) };
}

fn clock() -> Time {
    Time(NOW + 30 * STEPS.get())
}

fn random(bytes: &mut [u8]) -> std::io::Result<()> {
    bytes.fill(DRAWN.replace(DRAWN.get() + 1));
    Ok(())
}

fn alice() -> Account {
    Account::local("alice", 1000)
}

fn token(name: &str) -> Token {
    Token {
        name: TokenName::new(name).unwrap(),
        kind: otp::Kind::Totp { period: otp::Period::THIRTY },
        algorithm: otp::Algorithm::Sha1,
        digits: otp::Digits::SIX,
        secret: Secret::new(&[name.as_bytes()[0]; 20]).unwrap(),
    }
}

fn backup(number: u8) -> BackupCode {
    BackupCode::from_random([number; 12]).unwrap()
}

struct Place {
    _temporary: tempfile::TempDir,
    settings: StoreSettings,
}

impl Place {
    /// Alice has a phone, and root has added a fob.
    fn new() -> Self {
        let place = Self::with_phone();
        place.enroll("fob", Enrolled::Add);
        place
    }

    fn with_phone() -> Self {
        let place = Self::empty();
        place.enroll("phone", Enrolled::First);
        place
    }

    fn empty() -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let directory = temporary.path().canonicalize().unwrap().join("store");
        let settings = StoreSettings { directory, id: None };
        init(&settings, [7; 48]).unwrap();
        Self { _temporary: temporary, settings }
    }

    fn verifier(&self) -> Local<FileStore> {
        Local::new(FileStore::open(&self.settings).unwrap(), Policy::default(), clock, random)
    }

    fn id(&self) -> Option<Id> {
        self.verifier().status(&alice()).unwrap().map(|status| status.id)
    }

    fn enroll(&self, name: &str, how: Enrolled) {
        let (token, from) = (token(name), self.id());
        let new =
            NewToken { from, how, token: &token, confirm: None, authority: Authority::Root, backup: &[] };
        self.verifier().enroll(&alice(), &new).unwrap();
    }

    fn backup_codes(&self) {
        self.verifier().backup_codes(&alice(), self.id().unwrap(), &[backup(10)], Authority::Root).unwrap();
    }

    /// What a login with a code of this token tells.
    fn login(&self, with: &str, origin: Origin) -> Vec<Announced> {
        STEPS.set(STEPS.get() + 1);
        let code = token(with).code(clock().0 / 30);
        match self.verifier().check(&alice(), &Typed::parse(code.expose().as_bytes()), origin) {
            Outcome::Judged(Verdict::Accepted { announced, .. }) => {
                announced.into_iter().map(|notice| notice.change).collect()
            }
            other => panic!("{other:?}"),
        }
    }

    fn standing(&self) -> Vec<AnnouncementStatus> {
        self.verifier().status(&alice()).unwrap().unwrap().announcements
    }

    /// What stands, by its words, and whether it is acknowledged.
    fn told(&self) -> Vec<(String, bool)> {
        let told = self.standing().into_iter();
        let words =
            |told: &AnnouncementStatus| told.notice.to_string().split(" on ").next().unwrap().to_owned();
        told.map(|told| (words(&told), told.acknowledged)).collect()
    }

    fn ledger(&self) -> PathBuf {
        let name = format!("users/1000/ledger.{}", self.id().unwrap());
        self.settings.directory.join(name)
    }

    fn rot(&self, slot: usize) {
        let mut bytes = std::fs::read(self.ledger()).unwrap();
        bytes[slot * SLOT_LEN + 100] ^= 1;
        std::fs::write(self.ledger(), bytes).unwrap();
    }
}

fn fob() -> Announced {
    Announced::Added { token: TokenName::new("fob").unwrap() }
}

const ADDED: &str = "Token fob was added";

#[test]
fn the_first_token_from_root_is_not_announced_and_everything_after_it_is() {
    let place = Place::with_phone();
    assert_eq!(place.told(), []);
    place.enroll("fob", Enrolled::Add);
    place.backup_codes();
    place.enroll("key", Enrolled::Replace);
    let words = [ADDED, "The backup codes were changed", "Token key replaced all that was enrolled"];
    assert_eq!(place.told(), words.map(|words| (words.to_owned(), false)));
    let standing = place.standing();
    assert!(standing.iter().all(|told| told.notice.by_root && told.notice.at == clock()));
    assert!(standing.iter().all(|told| told.until.since(clock()) == 7 * 86_400));
}

/// Enrolls by the person's own word, with a code of the new token and another backup code.
fn enroll_by(place: &Place, name: &str, how: Enrolled, authority: &BackupCode, backup: BackupCode) {
    let token = token(name);
    let typed = Typed::parse(token.code(clock().0 / 30).expose().as_bytes());
    let (from, authority) = (place.id(), Authority::Code(authority));
    let new = NewToken { from, how, token: &token, confirm: Some(&typed), authority, backup: &[backup] };
    place.verifier().enroll(&alice(), &new).unwrap();
}

#[test]
fn what_people_change_themselves_is_told_from_the_first_token_on() {
    let place = Place::empty();
    let verifier = place.verifier();
    let invitation = NewInvitation { code: &backup(20), lasts: 3600 };
    verifier.invite(&alice(), None, &invitation).unwrap();
    enroll_by(&place, "phone", Enrolled::First, &backup(20), backup(10));
    enroll_by(&place, "fob", Enrolled::Add, &backup(10), backup(12));
    let fob = TokenName::new("fob").unwrap();
    let (code, by) = (backup(12), backup(11));
    verifier
        .backup_codes(&alice(), place.id().unwrap(), std::slice::from_ref(&by), Authority::Code(&code))
        .unwrap();
    verifier.remove_token(&alice(), place.id().unwrap(), &fob, Authority::Code(&by)).unwrap();
    let codes = "The backup codes were changed";
    let words = ["Token phone was enrolled", ADDED, codes, codes, "Token fob was removed"];
    assert_eq!(place.told(), words.map(|words| (words.to_owned(), false)));
    assert!(place.standing().iter().all(|told| !told.notice.by_root));
    verifier.backup_codes(&alice(), place.id().unwrap(), &[], Authority::Root).unwrap();
    assert!(place.standing()[5].notice.by_root);
}

#[test]
fn backup_codes_that_come_with_a_further_token_are_told_as_well() {
    let place = Place::with_phone();
    place.backup_codes();
    place.login("phone", Origin::Console);
    enroll_by(&place, "fob", Enrolled::Add, &backup(10), backup(12));
    let words = [ADDED, "The backup codes were changed"];
    assert_eq!(place.told(), words.map(|words| (words.to_owned(), false)));
}

#[test]
fn other_changes_keep_it_with_its_acknowledgement() {
    for acknowledged in [false, true] {
        let place = Place::new();
        if acknowledged {
            place.login("fob", Origin::Console);
        }
        let verifier = place.verifier();
        let reason = Reason::new("lost").unwrap();
        let code = backup(20);
        let bypass = NewBypass { code: &code, lasts: 3600, uses: Uses::ONE, reason: &reason };
        verifier.bypass(&alice(), place.id().unwrap(), &bypass).unwrap();
        verifier.revoke_bypasses(&alice(), place.id().unwrap()).unwrap();
        verifier.adopt(&alice(), place.id().unwrap()).unwrap();
        verifier.unlock(&alice(), false).unwrap();
        verifier.unlock(&alice(), true).unwrap();
        assert_eq!(place.told(), [(ADDED.to_owned(), acknowledged)]);
    }
}

#[test]
fn a_change_clears_away_what_was_acknowledged_and_nothing_else() {
    let place = Place::new();
    place.enroll("key", Enrolled::Add);
    place.login("fob", Origin::Console);
    place.backup_codes();
    let left = ["Token key was added", "The backup codes were changed"];
    assert_eq!(place.told(), left.map(|words| (words.to_owned(), false)));
}

#[test]
fn the_owners_own_call_is_told_and_acknowledges_nothing() {
    let place = Place::new();
    assert_eq!(place.login("fob", Origin::Owner), [fob()]);
    assert_eq!(place.told(), [(ADDED.to_owned(), false)]);
    assert_eq!(place.login("fob", Origin::Console), [fob()]);
    assert_eq!(place.told(), [(ADDED.to_owned(), true)]);
    assert_eq!(place.login("fob", Origin::Console), []);
}

#[test]
fn a_revoked_enrollment_announces_nothing_and_neither_does_the_next_one() {
    let place = Place::new();
    place.verifier().revoke(&alice(), place.id().unwrap()).unwrap();
    assert_eq!(place.told(), []);
    place.enroll("phone", Enrolled::First);
    assert_eq!(place.told(), []);
}

#[test]
fn whatever_is_lost_of_the_ledger_it_is_told_again_rather_than_never() {
    for slot in [0, 1] {
        let place = Place::new();
        place.rot(slot);
        place.verifier().unlock(&alice(), false).unwrap();
        assert_eq!(place.told(), [(ADDED.to_owned(), false)], "slot {slot}");
    }
    let place = Place::new();
    place.login("fob", Origin::Console);
    place.rot(0);
    place.verifier().unlock(&alice(), false).unwrap();
    assert_eq!(place.told(), [(ADDED.to_owned(), false)], "the acknowledgement lay in the lost half");
    place.rot(0);
    place.rot(1);
    assert_eq!(place.told(), [(ADDED.to_owned(), false)]);
    place.verifier().unlock(&alice(), false).unwrap();
    STEPS.set(STEPS.get() + 15);
    assert_eq!(place.login("phone", Origin::Console), [fob()]);
}

#[test]
fn a_replacement_of_what_is_lost_forgets_nothing() {
    let place = Place::new();
    place.login("fob", Origin::Console);
    std::fs::remove_file(place.ledger()).unwrap();
    place.enroll("key", Enrolled::Replace);
    assert_eq!(place.told().len(), 2);
}

#[test]
fn a_renamed_token_still_acknowledges_what_is_told_of_it_and_no_other_does() {
    let place = Place::new();
    let name = |name| TokenName::new(name).unwrap();
    let rename = |old, new| {
        place.verifier().rename_token(&alice(), place.id().unwrap(), &name(old), &name(new)).unwrap();
    };
    rename("fob", "key");
    assert_eq!(place.told(), [("Token key was added".to_owned(), false)]);
    let key = Announced::Added { token: name("key") };
    for _ in 0..2 {
        let told = place.login("phone", Origin::Console);
        assert_eq!(told, std::slice::from_ref(&key), "another token acknowledges nothing");
    }
    // The name of this test's token says which secret it has.
    assert_eq!(place.login("fob", Origin::Console), [key]);
    assert_eq!(place.told(), [("Token key was added".to_owned(), true)]);
    rename("key", "fob");
    assert_eq!(place.told(), [(ADDED.to_owned(), true)], "what is acknowledged stays so");
    assert_eq!(place.login("phone", Origin::Console), []);
}

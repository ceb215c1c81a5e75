//! A store that a newer version has raised, and a program of this one that still runs.

#![allow(clippy::unwrap_used, clippy::panic)]

use config::StoreSettings;
use otp::{
    Algorithm, Digits, Kind, Period, Policy, Secret, Time, Token, TokenName, TokenState, Typed, Verdict,
};
use std::fs;
use verifier::{
    Account, Authority, Brought, Enrolled, FileStore, Import, Local, NewToken, Origin, Outcome, Refusal,
    StoreError, Verifier, init,
};

struct Place {
    _folder: tempfile::TempDir,
    settings: StoreSettings,
}

impl Place {
    /// A store in which alice is enrolled.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let directory = folder.path().canonicalize().unwrap().join("store");
        let settings = StoreSettings { directory, id: None };
        init(&settings, [7; 48]).unwrap();
        let place = Self { _folder: folder, settings };
        enroll(&place.verifier()).unwrap();
        place
    }

    fn verifier(&self) -> Local<FileStore> {
        let store = FileStore::open(&self.settings).unwrap();
        Local::new(store, Policy::default(), || Time(1_800_000_000), random)
    }

    fn edit(&self, name: &str, from: &str, to: &str) {
        let path = self.settings.directory.join(name);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{text}");
        fs::write(path, text.replacen(from, to, 1)).unwrap();
    }
}

fn random(bytes: &mut [u8]) -> std::io::Result<()> {
    bytes.fill(9);
    Ok(())
}

fn alice() -> Account {
    Account::local("alice", 1000)
}

fn token() -> Token {
    Token {
        name: TokenName::new("phone").unwrap(),
        kind: Kind::Totp { period: Period::THIRTY },
        algorithm: Algorithm::Sha1,
        digits: Digits::SIX,
        secret: Secret::from_base32("JVQWWZJANFXHMZLOORSWIIDTMVRXEZLU").unwrap(),
    }
}

fn enroll(verifier: &Local<FileStore>) -> Result<(), Refusal> {
    let from = verifier.status(&alice()).unwrap().map(|status| status.id);
    let how = if from.is_some() { Enrolled::Replace } else { Enrolled::First };
    let new = NewToken { from, how, token: &token(), confirm: None, authority: Authority::Root, backup: &[] };
    verifier.enroll(&alice(), &new).map(|_| ())
}

fn check(verifier: &Local<FileStore>) -> Outcome {
    verifier.check(&alice(), &Typed::parse(b"592691"), Origin::Console)
}

#[test]
fn a_code_opens_once_in_a_store_of_the_next_format() {
    let place = Place::new();
    place.edit("FORMAT", "format 1", "format 2");
    place.edit("users/1000/enrollment.toml", "format = 1", "format = 2");
    assert!(matches!(check(&place.verifier()), Outcome::Judged(Verdict::Accepted { .. })));
    assert!(matches!(check(&place.verifier()), Outcome::Judged(Verdict::Replayed { .. })));
}

#[test]
fn nothing_is_written_anew_in_a_store_of_the_next_format() {
    let place = Place::new();
    place.edit("FORMAT", "format 1", "format 2");
    let refused = enroll(&place.verifier()).unwrap_err();
    assert!(matches!(refused, Refusal::Store(StoreError::NextFormat { found: 2, .. })), "{refused}");
    let tokens = [Brought { token: token(), state: TokenState::default(), floor: 0 }];
    let new = Import { tokens: &tokens, scratch: None, add: false, revive: false, rehearse: false };
    let bob = Account::local("bob", 1001);
    let refused = place.verifier().import_all(&[(&bob, new)]);
    assert!(matches!(refused[..], [Err(Refusal::Store(StoreError::NextFormat { .. }))]), "{refused:?}");
    assert!(!place.settings.directory.join("users/1001").exists());
}

#[test]
fn a_store_beyond_the_next_format_is_refused_by_its_name() {
    let place = Place::new();
    place.edit("FORMAT", "format 1", "format 3");
    let error = FileStore::open(&place.settings).map(|_| ()).unwrap_err();
    assert!(
        error.to_string().ends_with("FORMAT: format 3 is too new: this version reads 1 and 2"),
        "{error}"
    );
    assert!(error.hint("alice").unwrap().contains("a newer version wrote it"));
}

#[test]
fn what_is_not_understood_of_the_next_format_denies_and_is_no_damage() {
    let place = Place::new();
    place.edit("users/1000/enrollment.toml", "format = 1", "format = 2\nmore = 1");
    let Outcome::Unavailable(error) = check(&place.verifier()) else { panic!("it was judged") };
    assert!(matches!(error, StoreError::OtherFormat { found: 2, .. }), "{error}");
}

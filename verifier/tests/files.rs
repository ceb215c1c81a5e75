//! The store in real files: what a login leaves behind, and what is refused.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod place;

use otp::{Algorithm, Digits, Kind, Period, Secret, Token, TokenName, Typed, Verdict};
use place::Place;
use verifier::{
    Account, Authority, Enrolled, FileStore, Local, NewToken, Origin, Outcome, Refusal, StoreError, Verifier,
};

const K1: &str = "JVQWWZJANFXHMZLOORSWIIDTMVRXEZLU";

fn token() -> Token {
    Token {
        name: TokenName::new("phone").unwrap(),
        kind: Kind::Totp { period: Period::THIRTY },
        algorithm: Algorithm::Sha1,
        digits: Digits::SIX,
        secret: Secret::from_base32(K1).unwrap(),
    }
}

fn alice() -> Account {
    Account::local("alice", 1000)
}

fn enroll(verifier: &Local<FileStore>) {
    let new = NewToken {
        from: None,
        how: Enrolled::First,
        token: &token(),
        confirm: None,
        authority: Authority::Root,
        backup: &[],
    };
    verifier.enroll(&alice(), &new).unwrap();
}

fn check(verifier: &Local<FileStore>, typed: &str) -> Verdict {
    match verifier.check(&alice(), &Typed::parse(typed.as_bytes()), Origin::Console) {
        Outcome::Judged(verdict) => verdict,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_code_is_accepted_once_and_its_neighbour_after_it() {
    let place = Place::new();
    let verifier = place.verifier();
    enroll(&verifier);
    assert!(matches!(check(&verifier, "592691"), Verdict::Accepted { .. }));
    assert!(matches!(check(&verifier, "592 691"), Verdict::Replayed { .. }));
    assert!(matches!(check(&verifier, "316541"), Verdict::Replayed { .. }), "older than the last");
    assert!(matches!(check(&verifier, "606107"), Verdict::Accepted { .. }));
    assert_eq!(check(&verifier, "000000"), Verdict::Wrong { counted: true });
}

#[test]
fn the_confirming_code_is_spent() {
    let place = Place::new();
    let verifier = place.verifier();
    let typed = Typed::parse(b"592691");
    let new = NewToken {
        from: None,
        how: Enrolled::First,
        token: &token(),
        confirm: Some(&typed),
        authority: Authority::Root,
        backup: &[],
    };
    verifier.enroll(&alice(), &new).unwrap();
    assert!(matches!(check(&verifier, "592691"), Verdict::Replayed { .. }));
}

#[test]
fn a_wrong_confirmation_stores_nothing() {
    let place = Place::new();
    let verifier = place.verifier();
    let typed = Typed::parse(b"592692");
    let new = NewToken {
        from: None,
        how: Enrolled::First,
        token: &token(),
        confirm: Some(&typed),
        authority: Authority::Root,
        backup: &[],
    };
    assert!(matches!(verifier.enroll(&alice(), &new), Err(Refusal::NotConfirmed(_))));
    assert!(!place.path(&format!("users/{}", 1000)).exists());
}

#[test]
fn a_folder_without_format_is_no_store() {
    let place = Place::new();
    std::fs::remove_file(place.settings.directory.join("FORMAT")).unwrap();
    let error = FileStore::open(&place.settings).map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("not our store, or not mounted"), "{error}");
}

#[test]
fn exactly_the_files_of_the_format_lie_on_disk() {
    let place = Place::new();
    let verifier = place.verifier();
    enroll(&verifier);
    let status = verifier.status(&alice()).unwrap().unwrap();
    let mut names: Vec<_> = std::fs::read_dir(place.path(&format!("users/{}", 1000)))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["enrollment.toml".to_owned(), format!("ledger.{}", status.id)]);
}

#[test]
fn who_has_a_uid_now_is_not_given_the_tokens_of_who_had_it() {
    let place = Place::new();
    let verifier = place.verifier();
    enroll(&verifier);
    let id = verifier.status(&alice()).unwrap().unwrap().id;
    let heir = Account::local("bob", 1000);
    let second = Token { name: TokenName::new("second").unwrap(), ..token() };
    let new = NewToken {
        from: Some(id),
        how: Enrolled::Add,
        token: &second,
        confirm: None,
        authority: Authority::Root,
        backup: &[],
    };
    let added = verifier.enroll(&heir, &new);
    assert!(matches!(added, Err(Refusal::Store(StoreError::Renamed { .. }))), "{added:?}");
    let codes = verifier.backup_codes(&heir, id, &[], Authority::Root);
    assert!(matches!(codes, Err(Refusal::Store(StoreError::Renamed { .. }))), "{codes:?}");
    let warnings = verifier.status(&heir).unwrap().unwrap().warnings;
    assert!(warnings.iter().any(|warning| warning.contains("totpctl adopt bob")), "{warnings:?}");
    verifier.adopt(&heir, id).unwrap();
    let id = verifier.status(&heir).unwrap().unwrap().id;
    verifier.enroll(&heir, &NewToken { from: Some(id), ..new }).unwrap();
}

#[test]
fn a_repair_brings_no_used_counter_back() {
    let place = Place::new();
    let verifier = place.verifier();
    let fob = Token { kind: Kind::Hotp, ..token() };
    let new = NewToken {
        from: None,
        how: Enrolled::First,
        token: &fob,
        confirm: None,
        authority: Authority::Root,
        backup: &[],
    };
    verifier.enroll(&alice(), &new).unwrap();
    for counter in 0..20 {
        assert!(matches!(check(&verifier, fob.code(counter).expose()), Verdict::Accepted { .. }));
    }
    let id = verifier.status(&alice()).unwrap().unwrap().id;
    std::fs::remove_file(place.path(&format!("users/{}", 1000)).join(format!("ledger.{id}"))).unwrap();
    assert!(verifier.unlock(&alice(), false).unwrap());
    for counter in 0..20 {
        let verdict = check(&verifier, fob.code(counter).expose());
        assert!(!matches!(verdict, Verdict::Accepted { .. }), "counter {counter} opened twice");
        verifier.unlock(&alice(), false).unwrap();
    }
    let warnings = verifier.status(&alice()).unwrap().unwrap().warnings;
    assert!(warnings.iter().any(|warning| warning.contains("counters")), "{warnings:?}");
}

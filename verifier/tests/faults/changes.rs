//! Changes that meet each other, their own remains, and what is not theirs.

use crate::place::{CODE, NEXT, NOW, Place, alice, backup_code, token};
use otp::Typed;
use std::fs;
use std::sync::Barrier;
use verifier::{Authority, Enrolled, FileStore, NewToken, Refusal, Store, StoreError, Verifier};

fn is_changed(result: Result<(), Refusal>) -> bool {
    matches!(result, Err(Refusal::Store(StoreError::Changed)))
}

#[test]
fn leftovers_are_swept_and_foreign_files_left_alone() {
    let place = Place::enrolled();
    let left = ["enrollment.new", "ledger.00112233445566778899aabbccddeeff"];
    let foreign = [
        "enrollment.toml.bak",
        "ledger.bak",
        "ledger.00112233445566778899aabbccddeeff.orig",
        "ledger.00112233445566778899AABBCCDDEEFF",
        "notes",
    ];
    for name in left.iter().chain(&foreign) {
        fs::write(place.folder().join(name), "x").unwrap();
    }
    fs::create_dir(place.folder().join("a folder")).unwrap();
    let id = place.id();
    assert!(place.accepts(CODE), "a login sweeps nothing and minds nothing");
    assert_eq!(place.names().len(), 2 + left.len() + foreign.len() + 1);
    place.verifier().backup_codes(&alice(), id, &[backup_code()], Authority::Root).unwrap();
    let mut expected: Vec<_> = foreign.iter().map(|name| (*name).to_owned()).collect();
    expected.extend(["a folder".into(), "enrollment.toml".into(), format!("ledger.{}", place.id())]);
    expected.sort();
    assert_eq!(place.names(), expected);
    assert!(!place.accepts(CODE) && place.accepts(NEXT), "the steps are carried over");
}

#[test]
fn a_change_that_started_from_what_is_no_longer_there_fails() {
    let place = Place::enrolled();
    let (verifier, first) = (place.verifier(), place.id());
    verifier.backup_codes(&alice(), first, &[backup_code()], Authority::Root).unwrap();
    let second = place.id();
    assert!(is_changed(verifier.backup_codes(&alice(), first, &[], Authority::Root).map(|_| ())));
    assert!(is_changed(verifier.revoke(&alice(), first)));
    assert!(is_changed(verifier.adopt(&alice(), first)));
    assert!(is_changed(place.enroll(&alice(), Some(first))));
    assert!(is_changed(place.enroll(&alice(), None)), "\"none\" counts as what it started from");
    assert_eq!((place.id(), place.names().len()), (second, 2));
}

#[test]
fn a_revocation_outlives_an_enrollment_that_began_before_it() {
    let place = Place::enrolled();
    let before = place.id();
    place.verifier().revoke(&alice(), before).unwrap();
    // Began when nobody was enrolled, or on the enrollment that is gone.
    assert!(is_changed(place.enroll(&alice(), None)));
    assert!(is_changed(place.enroll(&alice(), Some(before))));
    let status = place.verifier().status(&alice()).unwrap().unwrap();
    assert!(!status.enrolled);
    assert!(!place.accepts(CODE));
    // Whoever has seen the tombstone may enroll again.
    let (token, typed) = (token(), Typed::parse(CODE.as_bytes()));
    let (from, how) = (Some(status.id), Enrolled::First);
    let new =
        NewToken { from, how, token: &token, confirm: Some(&typed), authority: Authority::Root, backup: &[] };
    place.verifier().enroll(&alice(), &new).unwrap();
    assert!(!place.accepts(CODE) && place.accepts(NEXT));
}

#[test]
fn of_two_first_enrollments_at_once_exactly_one_is_made() {
    for _ in 0..20 {
        let place = Place::empty();
        let barrier = Barrier::new(3);
        let made = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..3)
                .map(|_| {
                    scope.spawn(|| {
                        barrier.wait();
                        match place.enroll(&alice(), None) {
                            Ok(()) => 1,
                            Err(Refusal::Store(StoreError::Changed)) => 0,
                            Err(error) => panic!("{error}"),
                        }
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum::<usize>()
        });
        assert_eq!((made, place.names().len()), (1, 2));
        assert!(place.accepts(CODE));
    }
}

#[test]
fn of_many_logins_with_one_code_at_once_exactly_one_is_accepted() {
    for typed in [CODE.to_owned(), backup_code().expose().to_string()] {
        for _ in 0..10 {
            let place = Place::enrolled();
            let barrier = Barrier::new(8);
            let accepted = std::thread::scope(|scope| {
                let login = || {
                    barrier.wait();
                    place.accepts(&typed)
                };
                let threads: Vec<_> = (0..8).map(|_| scope.spawn(login)).collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).filter(|&a| a).count()
            });
            assert_eq!(accepted, 1);
        }
    }
}

#[test]
fn a_confirming_code_that_has_opened_a_login_confirms_nothing() {
    let place = Place::enrolled();
    assert!(place.accepts(CODE));
    let (token, id) = (token(), place.id());
    let enroll = |typed: &str, how, token: &otp::Token| {
        let typed = Typed::parse(typed.as_bytes());
        let new = NewToken {
            from: Some(id),
            how,
            token,
            confirm: Some(&typed),
            authority: Authority::Root,
            backup: &[],
        };
        place.verifier().enroll(&alice(), &new).map(|_| ())
    };
    let refused = enroll(CODE, Enrolled::Replace, &token);
    assert!(matches!(refused, Err(Refusal::NotConfirmed(_))), "{refused:?}");
    // The same key under a second name: what confirms it is spent under both.
    let twin = otp::Token { name: otp::TokenName::new("tablet").unwrap(), ..token };
    assert!(enroll(CODE, Enrolled::Add, &twin).is_err());
    enroll(NEXT, Enrolled::Add, &twin).unwrap();
    assert!(!place.accepts(NEXT) && !place.accepts(CODE));
}

#[test]
fn a_renamed_token_keeps_everything_but_its_name() {
    let place = Place::enrolled();
    let ahead = |steps| token().code(NOW / 30 + steps).expose().to_owned();
    let pair = format!("{} {}", ahead(5), ahead(6));
    assert!(place.accepts(&pair) && place.accepts(&backup_code().expose()));
    let person =
        || FileStore::open(&place.settings).unwrap().read(&verifier::Owner::Uid(1000)).unwrap().unwrap();
    let before = person();
    let name = |name| otp::TokenName::new(name).unwrap();
    let rename = |from, old, new| place.verifier().rename_token(&alice(), from, &name(old), &name(new));
    rename(place.id(), "phone", "old.phone").unwrap();
    let after = person();
    assert_eq!(before.ledger, after.ledger, "steps, drift, lanes, spent codes");
    assert_ne!(before.record.id, after.record.id);
    let (old, new) = (before.record.enrollment().unwrap(), after.record.enrollment().unwrap());
    let renamed = old.clone().with_name(&name("phone"), &name("old.phone")).unwrap();
    assert_eq!((new, new.tokens()[0].name.as_str()), (&renamed, "old.phone"));
    for spent in [pair, ahead(5), ahead(6), backup_code().expose().to_string()] {
        assert!(!place.accepts(&spent));
    }
    assert!(place.accepts(&ahead(7)), "its clock is still known");

    let refused = rename(place.id(), "phone", "x");
    assert!(matches!(refused, Err(Refusal::NoToken)), "{refused:?}");
    let refused = rename(place.id(), "old.phone", "old.phone");
    assert!(matches!(refused, Err(Refusal::Tokens(_))), "{refused:?}");
    let refused = rename(before.record.id, "old.phone", "x");
    assert!(matches!(refused, Err(Refusal::Store(StoreError::Changed))), "{refused:?}");
}

//! The lock on a person's folder.

use crate::place::{CODE, NEXT, Place, alice};
use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::DirBuilderExt;
use std::time::{Duration, Instant};
use verifier::{Outcome, Refusal, Store, StoreError, Verifier};

#[test]
fn a_lock_that_somebody_keeps_is_waited_for_and_then_reported() {
    let place = Place::enrolled();
    let id = place.id();
    let held = File::open(place.folder()).unwrap();
    held.lock().unwrap();
    let start = Instant::now();
    let outcome = place.check(CODE);
    assert!(matches!(outcome, Outcome::Unavailable(StoreError::Busy(_))), "{outcome:?}");
    let revoked = place.verifier().revoke(&alice(), id);
    assert!(matches!(revoked, Err(Refusal::Store(StoreError::Busy(_)))), "{revoked:?}");
    let waited = start.elapsed();
    assert!(waited > Duration::from_secs(4) && waited < Duration::from_secs(8), "{waited:?}");
    assert!(place.verifier().status(&alice()).unwrap().is_some(), "reading needs no lock");
    held.unlock().unwrap();
    assert!(place.accepts(CODE));
}

#[test]
fn a_lock_that_is_given_back_in_time_is_taken() {
    let place = Place::enrolled();
    let held = File::open(place.folder()).unwrap();
    held.lock().unwrap();
    std::thread::scope(|scope| {
        let login = scope.spawn(|| place.accepts(CODE));
        std::thread::sleep(Duration::from_millis(300));
        assert!(!login.is_finished());
        held.unlock().unwrap();
        assert!(login.join().unwrap());
    });
}

#[test]
fn the_lock_of_a_folder_that_was_replaced_locks_nothing() {
    let place = Place::enrolled();
    let held = File::open(place.folder()).unwrap();
    held.lock().unwrap();
    std::thread::scope(|scope| {
        let login = scope.spawn(|| place.accepts(CODE));
        std::thread::sleep(Duration::from_millis(300));
        assert!(!login.is_finished());
        // While the login waits for the lock of the old folder, another takes its name and its files.
        let new = place.users().join("new");
        DirBuilder::new().mode(0o700).create(&new).unwrap();
        for name in place.names() {
            fs::rename(place.folder().join(&name), new.join(&name)).unwrap();
        }
        fs::remove_dir(place.folder()).unwrap();
        fs::rename(&new, place.folder()).unwrap();
        let guard = File::open(place.folder()).unwrap();
        guard.lock().unwrap();
        held.unlock().unwrap();
        std::thread::sleep(Duration::from_millis(300));
        assert!(!login.is_finished(), "it must wait for the lock of the new one");
        guard.unlock().unwrap();
        assert!(login.join().unwrap());
    });
    assert!(!place.accepts(CODE) && place.accepts(NEXT));
}

#[test]
fn an_enrollment_is_not_made_in_a_folder_that_is_gone() {
    let place = Place::empty();
    DirBuilder::new().mode(0o700).create(place.folder()).unwrap();
    let held = File::open(place.folder()).unwrap();
    held.lock().unwrap();
    std::thread::scope(|scope| {
        let enroll = scope.spawn(|| place.enroll(&alice(), None));
        std::thread::sleep(Duration::from_millis(300));
        assert!(!enroll.is_finished());
        fs::remove_dir(place.folder()).unwrap();
        held.unlock().unwrap();
        enroll.join().unwrap().unwrap();
    });
    assert!(place.accepts(CODE));
}

#[test]
fn no_lock_is_left_behind() {
    let place = Place::enrolled();
    let verifier = place.verifier();
    let typed = |code: &str| otp::Typed::parse(code.as_bytes());
    for code in [CODE, CODE, "000000", "nonsense"] {
        let _ = verifier.check(&alice(), &typed(code), verifier::Origin::Console);
        File::open(place.folder()).unwrap().try_lock().unwrap();
    }
    let _ = verifier.revoke(&alice(), verifier::Id([0; 16]));
    File::open(place.folder()).unwrap().try_lock().unwrap();
    verifier.revoke(&alice(), place.id()).unwrap();
    File::open(place.folder()).unwrap().try_lock().unwrap();
}

#[test]
fn who_waits_while_a_folder_is_removed_starts_over_and_finds_nobody() {
    let place = Place::enrolled();
    let id = place.id();
    let held = File::open(place.folder()).unwrap();
    held.lock().unwrap();
    std::thread::scope(|scope| {
        let removal = scope.spawn(|| place.verifier().store().remove(&alice().owner, Some(id)));
        std::thread::sleep(Duration::from_millis(100));
        let login = scope.spawn(|| place.check(CODE));
        let change = scope.spawn(|| place.verifier().revoke(&alice(), id));
        std::thread::sleep(Duration::from_millis(200));
        assert!(!removal.is_finished() && !login.is_finished() && !change.is_finished());
        held.unlock().unwrap();
        // Whoever comes first: a login passes before the removal, and a revocation lets it remove nothing.
        let (removed, outcome, changed) =
            (removal.join().unwrap(), login.join().unwrap(), change.join().unwrap());
        assert!(matches!(outcome, Outcome::NotEnrolled | Outcome::Judged(_)), "{outcome:?}");
        match removed {
            Ok(()) => {
                assert!(!place.folder().exists());
                assert!(matches!(changed, Err(Refusal::Store(StoreError::Changed))), "{changed:?}");
            }
            Err(error) => assert!(matches!(error, StoreError::Changed) && changed.is_ok(), "{error:?}"),
        }
    });
}

#[test]
fn a_folder_is_removed_only_while_it_holds_what_was_looked_at() {
    let place = Place::enrolled();
    let store = place.verifier();
    let store = store.store();
    for from in [None, Some(verifier::Id([9; 16]))] {
        assert!(matches!(store.remove(&alice().owner, from), Err(StoreError::Changed)));
        assert!(place.accepts(CODE) || place.accepts(NEXT));
    }
    store.remove(&alice().owner, Some(place.id())).unwrap();
    assert!(!place.folder().exists());
    assert!(matches!(place.check(NEXT), Outcome::NotEnrolled));
}

//! Ledgers that a device, a restored backup or a hand has damaged.

use crate::place::{CODE, LATE, LATER, LATER_AT, NEXT, NOW, Place, alice, backup_code, token};
use otp::{Kind, Token};
use std::fs;
use verifier::{Account, Authority, Outcome, SLOT_LEN, StoreError, Verifier};

/// Flips one bit in the middle of a slot's record.
fn rot(place: &Place, slot: usize) {
    let path = place.ledger();
    let mut bytes = fs::read(&path).unwrap();
    bytes[slot * SLOT_LEN + 100] ^= 1;
    fs::write(path, bytes).unwrap();
}

fn unavailable(place: &Place, typed: &str) -> StoreError {
    match place.check(typed) {
        Outcome::Unavailable(error) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_rotten_slot_costs_one_refusal_and_no_spent_code_comes_back() {
    // After one login the newest record lies in slot 0, so one of these loses it.
    for slot in [0, 1] {
        let place = Place::enrolled();
        assert!(place.accepts(CODE));
        rot(&place, slot);
        let warnings = place.verifier().status(&alice()).unwrap().unwrap().warnings;
        assert!(warnings.iter().any(|warning| warning.contains("half of the ledger")), "{warnings:?}");
        let error = unavailable(&place, NEXT);
        assert!(matches!(error, StoreError::LedgerRepaired(_)), "{error}");
        for spent in [CODE, NEXT] {
            assert!(!place.accepts(spent), "{spent} may have been spent in the lost record");
        }
        assert!(place.verifier().status(&alice()).unwrap().unwrap().warnings.is_empty());
        LATE.set(LATER_AT[0]);
        assert!(place.accepts(LATER[0]), "slot {slot}");
        LATE.set(0);
    }
}

#[test]
fn a_spent_backup_code_stays_spent_whichever_slot_rots() {
    for slot in [0, 1] {
        let place = Place::enrolled();
        let code = backup_code().expose();
        assert!(place.accepts(&code));
        rot(&place, slot);
        assert!(matches!(unavailable(&place, &code), StoreError::LedgerRepaired(_)));
        assert!(!place.accepts(&code), "slot {slot}");
    }
}

/// The codes of `factor` and the next in one answer.
fn pair(token: &Token, factor: u64) -> String {
    format!("{} {}", token.code(factor).expose(), token.code(factor + 1).expose())
}

#[test]
fn what_two_codes_of_a_phone_that_is_ahead_spent_stays_spent_whichever_slot_rots() {
    let (phone, step) = (token(), NOW / 30);
    for slot in [0, 1] {
        let place = Place::enrolled();
        assert!(place.accepts(&pair(&phone, step + 8)));
        rot(&place, slot);
        assert!(matches!(unavailable(&place, &pair(&phone, step + 8)), StoreError::LedgerRepaired(_)));
        // Its single codes are looked for eight steps early now, and later on as any other's.
        for late in (0..=12).map(|steps| 30 * steps) {
            LATE.set(late);
            for spent in [step + 8, step + 9] {
                assert!(!place.accepts(phone.code(spent).expose()), "slot {slot}, {spent}, {late} s later");
            }
            assert!(!place.accepts(&pair(&phone, step + 8)), "slot {slot}, {late} s later");
            place.verifier().unlock(&alice(), false).unwrap();
        }
        LATE.set(900);
        assert!(place.accepts(phone.code(step + 30 + 9).expose()), "slot {slot}: its clock is still known");
    }
    LATE.set(0);
}

#[test]
fn what_two_codes_of_a_counter_far_ahead_spent_stays_spent_whichever_slot_rots() {
    for slot in [0, 1] {
        let place = Place::empty();
        let key = Token { kind: Kind::Hotp, ..token() };
        place.enroll_token(&alice(), None, &key).unwrap();
        assert!(place.accepts(&pair(&key, 60)));
        rot(&place, slot);
        assert!(matches!(unavailable(&place, &pair(&key, 60)), StoreError::LedgerRepaired(_)));
        for counter in 0..=61 {
            assert!(!place.accepts(key.code(counter).expose()), "slot {slot}, counter {counter}");
            assert!(!place.accepts(&pair(&key, counter)), "slot {slot}, from counter {counter} on");
            place.verifier().unlock(&alice(), false).unwrap();
        }
        assert!(place.accepts(&pair(&key, 80)), "slot {slot}");
    }
}

/// A person with a counter that was put back from a backup which knows that its first code was used.
fn put_back(key: &Token) -> Place {
    let place = Place::empty();
    place.enroll_token(&alice(), None, key).unwrap();
    assert!(place.accepts(key.code(0).expose()));
    place.verifier().restored(&alice(), 10).unwrap();
    place
}

#[test]
fn one_code_of_a_counter_opens_nothing_after_a_restore_whichever_slot_rots() {
    let key = Token { kind: Kind::Hotp, ..token() };
    for slot in [0, 1] {
        let place = put_back(&key);
        rot(&place, slot);
        assert!(matches!(unavailable(&place, &pair(&key, 11)), StoreError::LedgerRepaired(_)));
        for counter in 0..=40 {
            assert!(!place.accepts(key.code(counter).expose()), "slot {slot}, counter {counter}");
            place.verifier().unlock(&alice(), false).unwrap();
        }
        assert!(place.accepts(&pair(&key, 30)));
        // Lost may be that two have opened since: then two are needed once more.
        rot(&place, slot);
        assert!(matches!(unavailable(&place, &pair(&key, 30)), StoreError::LedgerRepaired(_)));
        for counter in 0..=31 {
            assert!(!place.accepts(key.code(counter).expose()), "slot {slot}, counter {counter}");
            assert!(!place.accepts(&pair(&key, counter)), "slot {slot}, from counter {counter} on");
            place.verifier().unlock(&alice(), false).unwrap();
        }
        assert!(place.accepts(&pair(&key, 60)) && place.accepts(key.code(62).expose()), "slot {slot}");
    }
}

#[test]
fn of_half_a_ledger_that_was_put_back_the_lost_record_is_passed_over_before_the_margin() {
    let key = Token { kind: Kind::Hotp, ..token() };
    for slot in [0, 1] {
        let place = Place::empty();
        place.enroll_token(&alice(), None, &key).unwrap();
        assert!(place.accepts(key.code(0).expose()) && place.accepts(key.code(5).expose()));
        rot(&place, slot);
        place.verifier().restored(&alice(), 0).unwrap();
        for counter in 0..=5 {
            assert!(!place.accepts(&pair(&key, counter)), "slot {slot}, from counter {counter} on");
        }
        assert!(place.accepts(&pair(&key, 30)) && place.accepts(key.code(32).expose()), "slot {slot}");
    }
}

#[test]
fn unlock_repairs_a_rotten_slot_too() {
    let place = Place::enrolled();
    assert!(place.accepts(CODE));
    rot(&place, 0);
    assert!(place.verifier().unlock(&alice(), false).unwrap(), "it says that it repaired");
    assert!(!place.accepts(CODE));
    LATE.set(LATER_AT[1]);
    assert!(place.accepts(LATER[1]));
}

/// Denies, names the repair, and after it the steps are raised and the backup codes void.
fn is_repaired_by_unlock(place: &Place) {
    let former = place.id();
    assert!(!place.accepts(NEXT) && !place.accepts(&backup_code().expose()));
    let warnings = place.verifier().status(&alice()).unwrap().unwrap().warnings;
    assert!(warnings.iter().any(|warning| warning.contains("totpctl unlock alice")), "{warnings:?}");
    assert!(place.verifier().unlock(&alice(), false).unwrap(), "it says that it repaired");
    assert_ne!(place.id(), former);
    assert_eq!(place.names().len(), 2, "{:?}", place.names());
    for old in [CODE, NEXT, &backup_code().expose()] {
        assert!(!place.accepts(old), "{old}");
    }
    assert!(place.verifier().status(&alice()).unwrap().unwrap().backup.is_none());
    // The phone may have been ahead by as much as may be learned, and its codes used.
    LATE.set(LATER_AT[2]);
    assert!(!place.accepts(LATER[2]));
    LATE.set(LATER_AT[3]);
    assert!(place.accepts(LATER[3]));
    assert!(!place.verifier().unlock(&alice(), false).unwrap(), "nothing is left to repair");
    LATE.set(0);
}

#[test]
fn two_rotten_slots_deny_until_unlock() {
    let place = Place::enrolled();
    assert!(place.accepts(CODE));
    rot(&place, 0);
    rot(&place, 1);
    let error = unavailable(&place, NEXT);
    assert!(matches!(error, StoreError::LedgerDamaged(_)), "{error}");
    assert_eq!(error.hint("alice").unwrap(), "repair it with: totpctl unlock alice");
    is_repaired_by_unlock(&place);
}

#[test]
fn a_missing_ledger_denies_until_unlock() {
    let place = Place::enrolled();
    assert!(place.accepts(CODE));
    fs::remove_file(place.ledger()).unwrap();
    let error = unavailable(&place, NEXT);
    assert!(matches!(error, StoreError::LedgerMissing(_)), "{error}");
    assert_eq!(error.hint("alice").unwrap(), "repair it with: totpctl unlock alice");
    is_repaired_by_unlock(&place);
}

#[test]
fn a_ledger_that_was_cut_short_or_grew_denies_until_unlock() {
    for size in [0, 4096, 8193] {
        let place = Place::enrolled();
        assert!(place.accepts(CODE));
        fs::OpenOptions::new().write(true).open(place.ledger()).unwrap().set_len(size).unwrap();
        let error = unavailable(&place, NEXT);
        assert_eq!(error.hint("alice").unwrap(), "repair it with: totpctl unlock alice", "{error}");
        is_repaired_by_unlock(&place);
    }
}

#[test]
fn an_older_enrollments_ledger_in_the_place_of_the_new_one_is_refused() {
    // Case 56: ledger and enrollment restored from different days.
    let place = Place::enrolled();
    let old = fs::read(place.ledger()).unwrap();
    assert!(place.accepts(CODE));
    let (verifier, id) = (place.verifier(), place.id());
    verifier.backup_codes(&alice(), id, &[backup_code()], Authority::Root).unwrap();
    fs::write(place.ledger(), old).unwrap();
    let error = unavailable(&place, CODE);
    assert!(matches!(error, StoreError::LedgerDamaged(_)), "{error}");
    assert_eq!(error.hint("alice").unwrap(), "repair it with: totpctl unlock alice");
    is_repaired_by_unlock(&place);
}

#[test]
fn anothers_ledger_in_the_place_of_ones_own_is_refused() {
    let place = Place::enrolled();
    let bob = Account::local("bob", 1001);
    place.enroll(&bob, None).unwrap();
    let id = place.verifier().status(&bob).unwrap().unwrap().id;
    assert!(place.accepts(CODE));
    fs::rename(place.users().join(format!("1001/ledger.{id}")), place.ledger()).unwrap();
    assert!(matches!(unavailable(&place, CODE), StoreError::LedgerDamaged(_)));
}

#[test]
fn no_change_builds_on_a_ledger_that_is_lost() {
    let place = Place::enrolled();
    assert!(place.accepts(CODE));
    let (id, ledger) = (place.id(), place.ledger());
    fs::remove_file(ledger).unwrap();
    assert!(place.verifier().backup_codes(&alice(), id, &[backup_code()], Authority::Root).is_err());
    assert!(place.verifier().adopt(&alice(), id).is_err());
    // A replacement does not need it; but this one brings the same key back.
    place.enroll(&alice(), Some(id)).unwrap();
    assert!(!place.accepts(CODE) && !place.accepts(NEXT));
    LATE.set(LATER_AT[3]);
    assert!(place.accepts(LATER[3]));
}

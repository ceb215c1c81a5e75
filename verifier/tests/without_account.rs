//! People without an account, in real files: by their folded name, beside the accounts and apart from them.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod place;

use otp::{Algorithm, Digits, Kind, Lane, Period, Secret, Token, TokenName, TokenState, Typed, Verdict};
use place::Place;
use std::fs;
use std::path::Path;
use verifier::{
    Account, Authority, Brought, Enrolled, FileStore, FoldedName, Import, Imported, Local, NewToken, Origin,
    Outcome, Owner, Refusal, Standing, StoreError, UserName, Verifier,
};

const K1: &str = "JVQWWZJANFXHMZLOORSWIIDTMVRXEZLU";

fn named(name: &str) -> Account {
    Account::by_name(FoldedName::of(&UserName::new(name).unwrap()).unwrap())
}

fn token(kind: Kind) -> Token {
    Token {
        name: TokenName::new("phone").unwrap(),
        kind,
        algorithm: Algorithm::Sha1,
        digits: Digits::SIX,
        secret: Secret::from_base32(K1).unwrap(),
    }
}

fn enroll(verifier: &Local<FileStore>, account: &Account) -> Result<(), Refusal> {
    let token = token(Kind::Totp { period: Period::THIRTY });
    let (from, how, authority) = (None, Enrolled::First, Authority::Root);
    let new = NewToken { from, how, token: &token, confirm: None, authority, backup: &[] };
    verifier.enroll(account, &new).map(drop)
}

fn check(verifier: &Local<FileStore>, account: &Account, typed: &str, origin: Origin) -> Outcome {
    verifier.check(account, &Typed::parse(typed.as_bytes()), origin)
}

fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_code_works_once_over_all_spellings() {
    let place = Place::new();
    let verifier = place.verifier();
    enroll(&verifier, &named("Vera")).unwrap();
    assert_eq!(names_in(&place.path("names")), ["vera"]);
    let verdict = |name: &str| check(&verifier, &named(name), "592691", Origin::Stranger);
    assert!(matches!(verdict("VERA"), Outcome::Judged(Verdict::Accepted { .. })));
    for spelling in ["vera", "Vera", "vErA"] {
        assert!(matches!(verdict(spelling), Outcome::Judged(Verdict::Replayed { .. })), "{spelling}");
    }
    assert!(matches!(verdict("veraa"), Outcome::NotEnrolled));
}

#[test]
fn the_console_is_never_theirs() {
    let place = Place::new();
    let verifier = place.verifier();
    let vera = named("vera");
    enroll(&verifier, &vera).unwrap();
    for origin in [Origin::Console, Origin::Owner, Origin::Console, Origin::Owner, Origin::Console] {
        check(&verifier, &vera, "000000", origin);
    }
    let status = verifier.status(&vera).unwrap().unwrap();
    let lanes: Vec<_> = status.throttled.iter().map(|waiting| waiting.lane).collect();
    assert_eq!(lanes, [Lane::Others]);
}

#[test]
fn a_folder_for_names_is_made_with_the_first_and_its_want_is_nobody_enrolled() {
    let place = Place::new();
    let verifier = place.verifier();
    assert!(!place.path("names").exists());
    assert!(matches!(check(&verifier, &named("vera"), "592691", Origin::Stranger), Outcome::NotEnrolled));
    assert_eq!(verifier.people().unwrap(), []);
    enroll(&verifier, &Account::local("alice", 1000)).unwrap();
    enroll(&verifier, &named("Bäcker@vpn")).unwrap();
    assert_eq!(names_in(&place.path("names")), ["b%C3%A4cker%40vpn"]);
    // What nobody is called by is nobody's.
    for foreign in ["Alice", "%2E%2E", "lost+found", "x%2fy"] {
        fs::create_dir(place.path(&format!("names/{foreign}"))).unwrap();
    }
    assert_eq!(verifier.people().unwrap(), [Owner::Uid(1000), named("bäcker@VPN").owner]);
}

#[test]
fn a_folder_for_names_that_is_not_roots_alone_is_refused() {
    let place = Place::new();
    let verifier = place.verifier();
    enroll(&verifier, &named("vera")).unwrap();
    use std::os::unix::fs::{PermissionsExt, symlink};
    let names = place.path("names");
    fs::set_permissions(&names, fs::Permissions::from_mode(0o755)).unwrap();
    let refused = || check(&verifier, &named("vera"), "592691", Origin::Stranger);
    assert!(matches!(refused(), Outcome::Unavailable(StoreError::Refused { .. })));
    fs::set_permissions(&names, fs::Permissions::from_mode(0o700)).unwrap();
    fs::rename(&names, place.path("elsewhere")).unwrap();
    symlink("elsewhere", &names).unwrap();
    assert!(matches!(refused(), Outcome::Unavailable(StoreError::Refused { .. })));
}

#[test]
fn an_enrollment_that_was_copied_to_another_is_nobodys() {
    let place = Place::new();
    let verifier = place.verifier();
    let accounts = [Account::local("vera", 1000), named("vera"), named("bob")];
    accounts.iter().take(2).for_each(|account| enroll(&verifier, account).unwrap());
    fs::create_dir(place.path("names/bob")).unwrap();
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(place.path("names/bob"), fs::Permissions::from_mode(0o700)).unwrap();
    for (from, to, account) in [
        ("users/1000", "names/bob", &accounts[2]),
        ("names/vera", "names/bob", &accounts[2]),
        ("users/1000", "names/vera", &accounts[1]),
    ] {
        fs::copy(
            place.path(&format!("{from}/enrollment.toml")),
            place.path(&format!("{to}/enrollment.toml")),
        )
        .unwrap();
        let outcome = check(&verifier, account, "592691", Origin::Stranger);
        assert!(
            matches!(outcome, Outcome::Unavailable(StoreError::Damaged { .. })),
            "{from} {to}: {outcome:?}"
        );
    }
}

#[test]
fn an_account_that_came_later_is_neither_exempt_nor_enrolled_until_what_was_before_it_is_revoked() {
    let place = Place::new();
    let verifier = place.verifier();
    let (before, account) = (named("Vera"), Account::local("vera", 1000));
    enroll(&verifier, &before).unwrap();
    assert!(matches!(verifier.standing(&account), Err(StoreError::BeforeAccount { uid: 1000, .. })));
    let outcome = check(&verifier, &account, "592691", Origin::Console);
    assert!(matches!(outcome, Outcome::Unavailable(StoreError::BeforeAccount { .. })), "{outcome:?}");
    assert!(matches!(enroll(&verifier, &account), Err(Refusal::Store(StoreError::BeforeAccount { .. }))));
    let bob = Account::local("bob", 1001);
    assert_eq!(verifier.standing(&bob).unwrap(), Standing::NotEnrolled);
    let status = verifier.status(&before).unwrap().unwrap();
    verifier.revoke(&before, status.id).unwrap();
    assert_eq!(verifier.standing(&account).unwrap(), Standing::NotEnrolled);
    enroll(&verifier, &account).unwrap();
    assert!(matches!(
        check(&verifier, &account, "592691", Origin::Console),
        Outcome::Judged(Verdict::Accepted { .. })
    ));
}

#[test]
fn what_was_enrolled_before_the_account_and_cannot_be_read_exempts_nobody() {
    let place = Place::new();
    let verifier = place.verifier();
    enroll(&verifier, &named("vera")).unwrap();
    fs::write(place.path("names/vera/enrollment.toml"), "format = 1\n").unwrap();
    assert!(verifier.standing(&Account::local("vera", 1000)).is_err());
}

#[test]
fn what_is_taken_over_keeps_what_it_spent_and_one_that_was_cut_short_can_be_repeated() {
    let place = Place::new();
    let verifier = place.verifier();
    let (before, account) = (named("vera"), Account::local("vera", 1000));
    enroll(&verifier, &before).unwrap();
    let accepted = |account: &Account, code: &str| {
        matches!(check(&verifier, account, code, Origin::Stranger), Outcome::Judged(Verdict::Accepted { .. }))
    };
    assert!(accepted(&before, "592691"));
    let kept = fs::read_dir(place.path("names/vera")).unwrap().map(|entry| entry.unwrap().path());
    let kept: Vec<_> = kept.map(|path| (path.clone(), fs::read(path).unwrap())).collect();
    let id = verifier.status(&before).unwrap().unwrap().id;
    verifier.take_over(&account, id).unwrap();
    assert!(!accepted(&account, "592691") && accepted(&account, "606107"));
    assert!(!verifier.status(&before).unwrap().unwrap().enrolled);
    assert!(matches!(verifier.take_over(&account, id), Err(Refusal::Store(StoreError::Changed))));
    // Killed before the tombstone: the name's folder is as it was.
    for entry in fs::read_dir(place.path("names/vera")).unwrap() {
        fs::remove_file(entry.unwrap().path()).unwrap();
    }
    use std::os::unix::fs::PermissionsExt;
    for (path, bytes) in kept {
        fs::write(&path, bytes).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    assert!(!accepted(&account, "606107"), "the account's own counts");
    verifier.take_over(&account, id).unwrap();
    assert!(!accepted(&account, "606107"), "and is not written anew");
    assert!(!verifier.status(&before).unwrap().unwrap().enrolled);
}

#[test]
fn what_was_revoked_before_the_account_is_not_brought_back_to_it_by_an_import_with_its_codes_unused() {
    let place = Place::new();
    let verifier = place.verifier();
    let (before, account) = (named("vera"), Account::local("Vera", 1000));
    let brought = |kind| {
        let (token, state) = (token(kind), TokenState::default());
        [Brought { token, state, floor: 0 }]
    };
    let (phone, fob) = (brought(Kind::Totp { period: Period::THIRTY }), brought(Kind::Hotp));
    let import = |account: &Account, tokens: &[Brought], revive| {
        let new = |rehearse| Import { tokens, scratch: None, add: false, revive, rehearse };
        let rehearsed = verifier.import(account, &new(true));
        let made = verifier.import_all(&[(account, new(false))]).remove(0);
        assert_eq!(rehearsed.is_ok(), made.is_ok());
        made
    };
    let accepts = |account: &Account, code: &str| {
        matches!(check(&verifier, account, code, Origin::Stranger), Outcome::Judged(Verdict::Accepted { .. }))
    };
    import(&before, &phone, false).unwrap();
    assert!(accepts(&before, "592691"));
    verifier.revoke(&before, verifier.status(&before).unwrap().unwrap().id).unwrap();
    assert!(matches!(import(&account, &phone, false), Err(Refusal::Revoked)));
    assert!(matches!(import(&account, &fob, true), Err(Refusal::CounterLost)));
    assert_eq!(import(&account, &phone, true).unwrap(), Imported::Enrolled { scratch: 0 });
    assert!(!accepts(&account, "592691"), "it has opened once");
}

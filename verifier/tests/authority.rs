//! On whose word something is changed: what an invitation, a backup code and a bypass authorise, and once.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use config::StoreSettings;
use otp::{
    Algorithm, BackupCode, Digits, Kind, Period, Policy, Reason, Secret, Time, Token, TokenName, Typed, Uses,
    Verdict,
};
use std::cell::Cell;
use verifier::{
    Account, Authority, By, Enrolled, FileStore, Id, Local, NewBypass, NewInvitation, NewToken, Objection,
    Origin, Outcome, Refusal, StoreError, Verifier, init,
};

const NOW: u64 = 1_800_000_000;
const K1: &str = "JVQWWZJANFXHMZLOORSWIIDTMVRXEZLU";
const K2: &str = "ONUG64TUEB2GK43UEBZWKY3SMU";
/// K1's and K2's codes now.
const CODES: [&str; 2] = ["592691", "957261"];

thread_local! {
    static CLOCK: Cell<u64> = const { Cell::new(NOW) };
}

struct Place {
    _folder: tempfile::TempDir,
    verifier: Local<FileStore>,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let directory = folder.path().canonicalize().unwrap().join("store");
        let settings = StoreSettings { directory, id: None };
        init(&settings, [7; 48]).unwrap();
        let store = FileStore::open(&settings).unwrap();
        CLOCK.set(NOW);
        let verifier = Local::new(store, Policy::default(), || Time(CLOCK.get()), random);
        Self { _folder: folder, verifier }
    }

    fn id(&self) -> Option<Id> {
        self.verifier.status(&alice()).unwrap().map(|status| status.id)
    }

    fn invite(&self, lasts: u64) -> BackupCode {
        let code = drawn();
        self.verifier.invite(&alice(), self.id(), &NewInvitation { code: &code, lasts }).unwrap();
        code
    }

    fn bypass(&self) -> BackupCode {
        let (code, reason) = (drawn(), Reason::new("lost").unwrap());
        let new = NewBypass { code: &code, lasts: 3600, uses: Uses::new(2).unwrap(), reason: &reason };
        self.verifier.bypass(&alice(), self.id().unwrap(), &new).unwrap();
        code
    }

    /// Enrolls K1 as "phone" by root, with these backup codes.
    fn enrolled(&self, backup: &[BackupCode]) {
        self.put("phone", K1, Enrolled::First, None, Authority::Root, backup).unwrap();
    }

    fn put(
        &self,
        name: &str,
        key: &str,
        how: Enrolled,
        confirm: Option<&str>,
        authority: Authority<'_>,
        backup: &[BackupCode],
    ) -> Result<By, Refusal> {
        let confirm = confirm.map(|code| Typed::parse(code.as_bytes()));
        let (token, from, confirm) = (token(name, key), self.id(), confirm.as_ref());
        let new = NewToken { from, how, token: &token, confirm, authority, backup };
        self.verifier.enroll(&alice(), &new).map(|made| made.by)
    }

    fn check(&self, typed: &str) -> Outcome {
        self.verifier.check(&alice(), &Typed::parse(typed.as_bytes()), Origin::Console)
    }

    fn opens(&self, typed: &str) -> bool {
        matches!(self.check(typed), Outcome::Judged(Verdict::Accepted { .. }))
    }

    fn tokens(&self) -> Vec<String> {
        let status = self.verifier.status(&alice()).unwrap().unwrap();
        status.tokens.iter().map(|token| token.name.to_string()).collect()
    }
}

fn random(bytes: &mut [u8]) -> std::io::Result<()> {
    use std::sync::atomic::{AtomicU8, Ordering};
    static NEXT: AtomicU8 = AtomicU8::new(1);
    bytes.fill(NEXT.fetch_add(1, Ordering::Relaxed));
    Ok(())
}

fn drawn() -> BackupCode {
    let mut bytes = [0; 12];
    random(&mut bytes).unwrap();
    BackupCode::from_random(bytes.map(|byte| byte | 16)).unwrap()
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

#[track_caller]
fn objects(result: &Result<By, Refusal>, expected: Objection) {
    assert!(matches!(result, Err(Refusal::Unauthorised(found)) if *found == expected), "{result:?}");
}

#[test]
fn an_invitation_enrolls_once_and_opens_no_login() {
    let place = Place::new();
    let code = place.invite(3600);
    assert!(matches!(place.check(&code.expose()), Outcome::NotEnrolled));
    let first = |name, key, confirm| {
        place.put(name, key, Enrolled::First, Some(confirm), Authority::Code(&code), &[])
    };
    assert_eq!(first("phone", K1, CODES[0]).unwrap(), By::Invitation);
    assert!(matches!(first("other", K2, CODES[1]), Err(Refusal::AlreadyEnrolled)));
    objects(
        &place.put("other", K2, Enrolled::Add, Some(CODES[1]), Authority::Code(&code), &[]),
        Objection::Wrong,
    );
    assert!(!place.opens(&code.expose()) && !place.opens(CODES[0]), "and its code was spent by confirming");
}

#[test]
fn an_invitation_is_not_spent_by_a_wrong_code_of_the_token() {
    let place = Place::new();
    let code = place.invite(3600);
    for confirm in [Some("000000"), Some("letters"), None] {
        let put = place.put("phone", K1, Enrolled::First, confirm, Authority::Code(&code), &[]);
        assert!(matches!(put, Err(Refusal::NotConfirmed(_))), "{put:?}");
    }
    place.put("phone", K1, Enrolled::First, Some(CODES[0]), Authority::Code(&code), &[]).unwrap();
}

#[test]
fn nobody_enrolls_on_their_own_word_alone() {
    let place = Place::new();
    let first = |authority| place.put("phone", K1, Enrolled::First, Some(CODES[0]), authority, &[]);
    let other = drawn();
    objects(&first(Authority::Code(&other)), Objection::Wrong);
    place.invite(3600);
    objects(&first(Authority::Code(&other)), Objection::Wrong);
    objects(&first(Authority::Open), Objection::Missing);
}

#[test]
fn where_it_is_open_who_was_revoked_is_still_root_to_let_in() {
    let place = Place::new();
    let first = || place.put("phone", K1, Enrolled::First, Some(CODES[0]), Authority::Open, &[]);
    assert_eq!(first().unwrap(), By::Open);
    place.verifier.revoke(&alice(), place.id().unwrap()).unwrap();
    objects(&first(), Objection::Missing);
}

#[test]
fn an_invitation_is_void_after_another_one_and_after_a_revocation() {
    let place = Place::new();
    let first = |code| place.put("phone", K1, Enrolled::First, Some(CODES[0]), Authority::Code(code), &[]);
    let (one, two) = (place.invite(3600), place.invite(3600));
    objects(&first(&one), Objection::Wrong);
    place.verifier.revoke(&alice(), place.id().unwrap()).unwrap();
    objects(&first(&two), Objection::Wrong);
    let three = place.invite(3600);
    objects(&first(&two), Objection::Wrong);
    first(&three).unwrap();
}

#[test]
fn an_invitation_ends_at_its_time_by_the_clock_or_by_what_is_on_record() {
    let place = Place::new();
    let code = place.invite(3600);
    let first = || place.put("phone", K1, Enrolled::First, Some(CODES[0]), Authority::Code(&code), &[]);
    CLOCK.set(NOW + 3600);
    objects(&first(), Objection::Expired);
    CLOCK.set(NOW);
    first().unwrap();
    // Somebody who was enrolled until the day after, of which the ledger knows.
    CLOCK.set(NOW + 86_400);
    assert!(place.opens(token("phone", K1).code((NOW + 86_400) / 30).expose()));
    place.verifier.revoke(&alice(), place.id().unwrap()).unwrap();
    CLOCK.set(NOW);
    let code = place.invite(3600);
    let status = place.verifier.status(&alice()).unwrap().unwrap();
    assert!(!status.invitation.unwrap().expired, "a clock that was put right takes nothing from it");
    place.put("phone", K2, Enrolled::First, Some(CODES[1]), Authority::Code(&code), &[]).unwrap();
}

#[test]
fn an_invitation_is_nobodys_who_got_the_uid_afterwards() {
    let place = Place::new();
    let code = place.invite(3600);
    let heir = Account::local("bob", 1000);
    let (token, typed) = (token("phone", K1), Typed::parse(CODES[0].as_bytes()));
    let new = NewToken {
        from: place.id(),
        how: Enrolled::First,
        token: &token,
        confirm: Some(&typed),
        authority: Authority::Code(&code),
        backup: &[],
    };
    let put = place.verifier.enroll(&heir, &new);
    assert!(matches!(put, Err(Refusal::Store(StoreError::Renamed { .. }))), "{put:?}");
    let rehearsed = place.verifier.enroll(&heir, &NewToken { from: None, confirm: None, ..new });
    assert!(matches!(rehearsed, Err(Refusal::Store(StoreError::Changed))), "right or wrong: {rehearsed:?}");
}

#[test]
fn a_backup_code_authorises_one_change_or_one_login() {
    let place = Place::new();
    let codes = [drawn(), drawn()];
    place.enrolled(&codes);
    let add = |name, code| place.put(name, K2, Enrolled::Add, Some(CODES[1]), Authority::Code(code), &[]);
    assert_eq!(add("fob", &codes[0]).unwrap(), By::Backup);
    assert_eq!(place.tokens(), ["phone", "fob"]);
    assert!(!place.opens(&codes[0].expose()), "spent for logins too");
    assert!(place.opens(&codes[1].expose()));
    let from = place.id().unwrap();
    let remove = |code: &BackupCode| {
        place.verifier.remove_token(&alice(), from, &TokenName::new("fob").unwrap(), Authority::Code(code))
    };
    objects(&remove(&codes[0]), Objection::Spent);
    objects(&remove(&codes[1]), Objection::Spent);
    objects(&remove(&drawn()), Objection::Wrong);
    let bypass = place.bypass();
    let gone = place.verifier.remove_token(
        &alice(),
        place.id().unwrap(),
        &TokenName::new("fob").unwrap(),
        Authority::Code(&bypass),
    );
    assert_eq!(gone.unwrap(), By::Bypass(1));
    assert_eq!(place.tokens(), ["phone"]);
}

#[test]
fn a_refused_change_spends_nothing() {
    let place = Place::new();
    let codes = [drawn()];
    place.enrolled(&codes);
    let authority = Authority::Code(&codes[0]);
    let put = place.put("phone", K2, Enrolled::Add, Some(CODES[1]), authority, &[]);
    assert!(matches!(put, Err(Refusal::Tokens(_))), "the name is taken: {put:?}");
    let put = place.put("fob", K2, Enrolled::Add, Some("000000"), authority, &[]);
    assert!(matches!(put, Err(Refusal::NotConfirmed(_))), "{put:?}");
    let phone = TokenName::new("phone").unwrap();
    let gone = place.verifier.remove_token(&alice(), place.id().unwrap(), &phone, authority);
    assert!(matches!(gone, Err(Refusal::LastToken)), "{gone:?}");
    let fob = TokenName::new("fob").unwrap();
    let gone = place.verifier.remove_token(&alice(), place.id().unwrap(), &fob, authority);
    assert!(matches!(gone, Err(Refusal::NoToken)), "{gone:?}");
    assert!(place.opens(&codes[0].expose()));
}

#[test]
fn a_bypass_authorises_as_often_as_it_opens_and_not_past_its_time() {
    let place = Place::new();
    place.enrolled(&[]);
    let bypass = place.bypass();
    assert!(place.opens(&bypass.expose()));
    CLOCK.set(NOW + 3600);
    let replace = || {
        let confirm = token("new", K2).code(CLOCK.get() / 30).expose().to_owned();
        place.put("new", K2, Enrolled::Replace, Some(&confirm), Authority::Code(&bypass), &[])
    };
    objects(&replace(), Objection::Expired);
    let bypass = place.bypass();
    CLOCK.set(NOW + 3660);
    let confirm = token("new", K2).code(CLOCK.get() / 30).expose().to_owned();
    let replace = || place.put("new", K2, Enrolled::Replace, Some(&confirm), Authority::Code(&bypass), &[]);
    assert_eq!(replace().unwrap(), By::Bypass(2));
    assert_eq!(place.tokens(), ["new"]);
    objects(&replace(), Objection::Wrong);
}

#[test]
fn a_bypass_that_a_change_has_seen_expire_opens_nothing_when_the_clock_is_put_back() {
    let place = Place::new();
    place.enrolled(&[]);
    let bypass = place.bypass();
    CLOCK.set(NOW + 3600);
    let rehearsed = place.put("new", K2, Enrolled::Replace, None, Authority::Code(&bypass), &[]);
    objects(&rehearsed, Objection::Expired);
    CLOCK.set(NOW + 60);
    assert!(!place.opens(&bypass.expose()));

    let bypass = place.bypass();
    CLOCK.set(NOW + 3660);
    let codes = place.verifier.backup_codes(&alice(), place.id().unwrap(), &[], Authority::Code(&bypass));
    objects(&codes.map(|made| made.by), Objection::Expired);
    CLOCK.set(NOW + 120);
    assert!(!place.opens(&bypass.expose()));
}

#[test]
fn a_one_time_code_authorises_nothing() {
    // There is no way to say it: an authority is a backup code by its type. What looks like one is not enough.
    assert!(BackupCode::parse(CODES[0]).is_none() && BackupCode::parse("592691606107").is_none());
}

#[test]
fn new_backup_codes_on_ones_own_word_void_the_rest() {
    let place = Place::new();
    let old = [drawn(), drawn()];
    place.enrolled(&old);
    let new = [drawn()];
    let made = place.verifier.backup_codes(&alice(), place.id().unwrap(), &new, Authority::Code(&old[0]));
    let made = made.unwrap();
    assert_eq!((made.by, made.sheet.unwrap().number), (By::Backup, 2));
    assert!(!place.opens(&old[0].expose()) && !place.opens(&old[1].expose()));
    assert!(place.opens(&new[0].expose()));
}

#[test]
fn a_code_that_stands_is_not_made_good_again_in_a_new_set() {
    let place = Place::new();
    let old = [drawn(), drawn()];
    let invitation = place.invite(3600);
    let enroll = |backup: &[BackupCode]| {
        let authority = Authority::Code(&invitation);
        place.put("phone", K1, Enrolled::First, Some(CODES[0]), authority, backup)
    };
    objects(&enroll(&[drawn(), invitation.clone()]), Objection::Spent);
    assert_eq!(enroll(&old).unwrap(), By::Invitation);
    let bypass = place.bypass();
    assert!(place.opens(&old[1].expose()));
    for again in [&old[0], &old[1], &bypass] {
        let codes = [drawn(), again.clone()];
        let (from, authority) = (place.id().unwrap(), Authority::Code(&old[0]));
        let made = place.verifier.backup_codes(&alice(), from, &codes, authority);
        objects(&made.map(|made| made.by), Objection::Spent);
        let put = place.put("new", K2, Enrolled::Replace, Some(CODES[1]), authority, &codes);
        objects(&put, Objection::Spent);
    }
    assert!(place.opens(&old[0].expose()), "a refused change spends nothing");
}

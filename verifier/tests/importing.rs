//! People who come from an earlier module: enrolled with what they had, once, and nothing that was used there
//! works again.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use config::StoreSettings;
use otp::{
    Algorithm, BackupCode, Code, Digits, Kind, Period, Policy, Secret, Time, Token, TokenName, TokenState,
    Typed, Verdict,
};
use std::fs;
use verifier::{
    Account, Authority, Brought, Enrolled, FileStore, Import, Imported, Local, NewToken, Origin, Outcome,
    Refusal, SLOT_LEN, StoreError, Verifier, init,
};

const K1: &str = "JVQWWZJANFXHMZLOORSWIIDTMVRXEZLU";
const K2: &str = "ONUG64TUEB2GK43UEBZWKY3SMU";
const NOW: u64 = 1_800_000_000;
const STEP: u64 = NOW / 30;

struct Place {
    _folder: tempfile::TempDir,
    settings: StoreSettings,
}

fn random(bytes: &mut [u8]) -> std::io::Result<()> {
    use std::sync::atomic::{AtomicU8, Ordering};
    static NEXT: AtomicU8 = AtomicU8::new(1);
    bytes.fill(NEXT.fetch_add(1, Ordering::Relaxed));
    Ok(())
}

fn alice() -> Account {
    Account::local("alice", 1000)
}

fn token(name: &str, key: &str, kind: Kind) -> Token {
    Token {
        name: TokenName::new(name).unwrap(),
        kind,
        algorithm: Algorithm::Sha1,
        digits: Digits::SIX,
        secret: Secret::from_base32(key).unwrap(),
    }
}

fn phone(key: &str) -> Token {
    token("phone", key, Kind::Totp { period: Period::THIRTY })
}

fn brought(token: Token, used: &[u64]) -> Brought {
    let mut state = TokenState::default();
    used.iter().for_each(|&factor| state.spend(factor, Time(NOW - 5)));
    Brought { token, state, floor: 0 }
}

fn scratch(numbers: std::ops::Range<u32>) -> Vec<Code> {
    numbers.map(|number| Code::new(number.to_string().as_bytes()).unwrap()).collect()
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let directory = folder.path().canonicalize().unwrap().join("store");
        let settings = StoreSettings { directory, id: None };
        init(&settings, [7; 48]).unwrap();
        Self { _folder: folder, settings }
    }

    fn verifier(&self) -> Local<FileStore> {
        let store = FileStore::open(&self.settings).unwrap();
        Local::new(store, Policy::default(), || Time(NOW), random)
    }

    fn folder(&self, uid: u32) -> std::path::PathBuf {
        self.settings.directory.join(format!("users/{uid}"))
    }

    fn import(&self, tokens: &[Brought], scratch: Option<&[Code]>) -> Result<Imported, Refusal> {
        let new = Import { tokens, scratch, add: false, revive: false, rehearse: false };
        self.verifier().import(&alice(), &new)
    }

    fn verdict(&self, typed: &str) -> Verdict {
        match self.verifier().check(&alice(), &Typed::parse(typed.as_bytes()), Origin::Console) {
            Outcome::Judged(verdict) => verdict,
            other => panic!("{other:?}"),
        }
    }

    fn accepts(&self, typed: &str) -> bool {
        matches!(self.verdict(typed), Verdict::Accepted { .. })
    }

    fn shows(&self, token: &Token, factor: u64) -> bool {
        self.accepts(token.code(factor).expose())
    }

    fn id(&self) -> verifier::Id {
        self.verifier().status(&alice()).unwrap().unwrap().id
    }

    fn revoke(&self) {
        self.verifier().revoke(&alice(), self.id()).unwrap();
    }
}

#[test]
fn what_was_used_elsewhere_is_used_here_and_the_next_code_opens() {
    let place = Place::new();
    let fob = token("fob", K2, Kind::Hotp);
    let tokens = [brought(phone(K1), &[STEP - 1, STEP]), brought(fob.clone(), &[41])];
    let codes = scratch(12_345_670..12_345_675);
    assert_eq!(place.import(&tokens, Some(&codes)).unwrap(), Imported::Enrolled { scratch: 5 });
    for step in [STEP - 1, STEP] {
        let replayed = place.verdict(phone(K1).code(step).expose());
        assert!(matches!(replayed, Verdict::Replayed { .. }), "{replayed:?}");
    }
    assert!(!place.shows(&fob, 41));
    assert!(place.shows(&phone(K1), STEP + 1) && place.shows(&fob, 42));
    assert!(place.accepts("12345672") && !place.accepts("1234 5672"));
    assert_eq!(place.verifier().status(&alice()).unwrap().unwrap().scratch_left, Some(4));
}

#[test]
fn a_second_time_nothing_is_written() {
    let place = Place::new();
    let tokens = [Brought { floor: STEP, ..brought(phone(K1), &[STEP - 1]) }];
    let codes = scratch(12_345_670..12_345_675);
    place.import(&tokens, Some(&codes)).unwrap();
    assert!(place.shows(&phone(K1), STEP));
    let before = place.id();
    // As if time had passed: what the source does not tell is asked once.
    let later = [Brought { floor: STEP + 100, ..tokens[0].clone() }];
    assert_eq!(place.import(&later, Some(&codes)).unwrap(), Imported::Already);
    assert_eq!(place.id(), before);
    assert!(!place.shows(&phone(K1), STEP), "what was spent here stays spent");
    assert!(place.shows(&phone(K1), STEP + 1));
}

#[test]
fn what_the_earlier_module_took_since_is_carried_over_and_nothing_goes_back() {
    let place = Place::new();
    let fob = token("fob", K1, Kind::Hotp);
    let codes = scratch(12_345_670..12_345_675);
    place.import(&[brought(fob.clone(), &[9])], Some(&codes)).unwrap();
    assert!(place.shows(&fob, 10) && place.accepts("12345670"));
    assert_eq!(place.import(&[brought(fob.clone(), &[12])], Some(&codes[..4])).unwrap(), Imported::Advanced);
    assert!(!place.shows(&fob, 11) && !place.shows(&fob, 12) && !place.accepts("12345674"));
    assert!(place.accepts("12345671"), "the others are left");
    assert_eq!(place.import(&[brought(fob.clone(), &[3])], Some(&codes)).unwrap(), Imported::Already);
    assert!(!place.shows(&fob, 12) && place.shows(&fob, 13));
    assert!(!place.accepts("12345670") && !place.accepts("12345674"), "no code comes back");
}

#[test]
fn where_the_source_does_not_tell_what_was_used_nothing_below_the_floor_opens() {
    let place = Place::new();
    place.import(&[Brought { floor: STEP + 1, ..brought(phone(K1), &[]) }], None).unwrap();
    assert!(!place.shows(&phone(K1), STEP) && place.shows(&phone(K1), STEP + 1));
}

#[test]
fn somebody_who_is_enrolled_otherwise_is_left_alone() {
    let place = Place::new();
    place.import(&[brought(phone(K1), &[])], None).unwrap();
    let before = place.id();
    let refused = place.import(&[brought(phone(K2), &[])], None);
    assert!(matches!(refused, Err(Refusal::AlreadyEnrolled)), "{refused:?}");
    let both = [brought(phone(K1), &[]), brought(phone(K2), &[])];
    assert!(matches!(place.import(&both, None), Err(Refusal::AlreadyEnrolled)));
    assert_eq!(place.id(), before);
    let add = Import { tokens: &both, scratch: None, add: true, revive: false, rehearse: false };
    assert_eq!(place.verifier().import(&alice(), &add).unwrap(), Imported::Added { tokens: 1 });
    assert_eq!(place.verifier().import(&alice(), &add).unwrap(), Imported::Already);
    let status = place.verifier().status(&alice()).unwrap().unwrap();
    assert_eq!(status.announcements.len(), 1, "a token that was added is told");
    let names: Vec<_> = status.tokens;
    let names: Vec<_> = names.iter().map(|token| token.name.as_str()).collect();
    assert_eq!(names, ["phone", "phone-2"]);
}

#[test]
fn an_enrollment_that_was_made_here_counts_what_it_used_here() {
    let place = Place::new();
    let new = NewToken {
        from: None,
        how: Enrolled::First,
        token: &phone(K1),
        confirm: None,
        authority: Authority::Root,
        backup: &[],
    };
    place.verifier().enroll(&alice(), &new).unwrap();
    assert!(place.shows(&phone(K1), STEP));
    assert_eq!(place.import(&[brought(phone(K1), &[STEP - 5])], None).unwrap(), Imported::Already);
    assert!(!place.shows(&phone(K1), STEP) && place.shows(&phone(K1), STEP + 1));
}

#[test]
fn who_was_revoked_is_not_brought_back_unless_it_is_said() {
    let place = Place::new();
    let codes = scratch(12_345_670..12_345_675);
    place.import(&[brought(phone(K1), &[])], Some(&codes)).unwrap();
    assert!(place.shows(&phone(K1), STEP) && place.accepts("12345670"));
    place.revoke();
    assert!(matches!(place.import(&[brought(phone(K1), &[])], Some(&codes)), Err(Refusal::Revoked)));
    let tokens = [brought(phone(K1), &[])];
    let new = Import { tokens: &tokens, scratch: Some(&codes), add: false, revive: true, rehearse: false };
    assert_eq!(place.verifier().import(&alice(), &new).unwrap(), Imported::Enrolled { scratch: 0 });
    for step in STEP - 1..=STEP + 1 {
        assert!(!place.shows(&phone(K1), step), "what was used here before the revocation is not known");
    }
    assert!(!place.accepts("12345670"));
    place.revoke();
    let tokens = [brought(token("fob", K1, Kind::Hotp), &[])];
    let lost = place.verifier().import(&alice(), &Import { tokens: &tokens, ..new });
    assert!(matches!(lost, Err(Refusal::CounterLost)), "{lost:?}");
}

#[test]
fn a_rehearsal_tells_and_changes_nothing() {
    let place = Place::new();
    let tokens = [brought(phone(K1), &[])];
    let new = Import { tokens: &tokens, scratch: None, add: false, revive: false, rehearse: true };
    assert_eq!(place.verifier().import(&alice(), &new).unwrap(), Imported::Enrolled { scratch: 0 });
    assert!(place.verifier().status(&alice()).unwrap().is_none());
    assert_eq!(fs::read_dir(place.settings.directory.join("users")).unwrap().count(), 0);
}

#[test]
fn one_key_that_comes_twice_is_one_token_with_what_either_used() {
    let place = Place::new();
    place.import(&[brought(phone(K1), &[STEP - 1]), brought(phone(K1), &[STEP])], None).unwrap();
    assert_eq!(place.verifier().status(&alice()).unwrap().unwrap().tokens.len(), 1);
    assert!(!place.shows(&phone(K1), STEP) && place.shows(&phone(K1), STEP + 1));
}

#[test]
fn the_uids_next_owner_is_not_taken_for_the_one_before() {
    let place = Place::new();
    place.import(&[brought(phone(K1), &[])], None).unwrap();
    let bob = Account::local("bob-who-has-the-uid-now", 1000);
    let tokens = [brought(phone(K1), &[])];
    let new = Import { tokens: &tokens, scratch: None, add: false, revive: false, rehearse: false };
    let refused = place.verifier().import(&bob, &new);
    assert!(matches!(refused, Err(Refusal::Store(StoreError::Renamed { .. }))), "{refused:?}");
}

#[test]
fn a_spent_scratch_code_stays_spent_whichever_slot_rots() {
    for slot in [0, 1] {
        let place = Place::new();
        place.import(&[brought(phone(K1), &[])], Some(&scratch(12_345_670..12_345_675))).unwrap();
        assert!(place.accepts("12345670"));
        let path = place.settings.directory.join(format!("users/1000/ledger.{}", place.id()));
        let mut bytes = fs::read(&path).unwrap();
        bytes[slot * SLOT_LEN + 100] ^= 1;
        fs::write(path, bytes).unwrap();
        let checked = place.verifier().check(&alice(), &Typed::parse(b"12345670"), Origin::Console);
        assert!(matches!(checked, Outcome::Unavailable(StoreError::LedgerRepaired(_))), "{checked:?}");
        assert!(!place.accepts("12345670"), "slot {slot}");
    }
}

#[test]
fn new_backup_codes_void_the_scratch_codes() {
    let place = Place::new();
    place.import(&[brought(phone(K1), &[])], Some(&scratch(12_345_670..12_345_675))).unwrap();
    let code = BackupCode::parse("2345-6789-abcd").unwrap();
    place.verifier().backup_codes(&alice(), place.id(), &[code], Authority::Root).unwrap();
    assert!(!place.accepts("12345670") && place.accepts("2345-6789-abcd"));
    let again = place.import(&[brought(phone(K1), &[])], Some(&scratch(12_345_670..12_345_675))).unwrap();
    assert_eq!(again, Imported::Already);
    assert!(!place.accepts("12345670"), "an import does not bring them back");
}

fn person(name: &str, uid: u32) -> Account {
    Account::local(name, uid)
}

/// Whoever has a folder, or is refused, or comes twice among them.
#[test]
fn of_many_at_once_each_gets_what_they_would_get_alone() {
    let place = Place::new();
    let local = place.verifier();
    let tokens = [brought(phone(K1), &[STEP])];
    let (few, many) = (scratch(10_000_000..10_000_002), scratch(10_000_000..10_000_200));
    let new = |tokens, scratch| Import { tokens, scratch, add: false, revive: false, rehearse: false };
    let enrolled = |scratch| Ok::<_, ()>(Imported::Enrolled { scratch });
    // Enrolled otherwise, imported already, and a folder that a crash has left.
    let other = [brought(phone(K2), &[])];
    local.import(&person("other", 1001), &new(&other, None)).unwrap();
    local.import(&person("again", 1002), &new(&tokens, None)).unwrap();
    let left = place.folder(1003);
    fs::create_dir(&left).unwrap();
    fs::write(left.join("enrollment.new"), "half of a fi").unwrap();
    for path in [&left, &left.join("enrollment.new")] {
        let mode = if path.is_dir() { 0o700 } else { 0o600 };
        fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
    }
    let none: [Brought; 0] = [];
    let people = [
        (person("zoe", 1900), new(&tokens, Some(&few[..]))),
        (person("other", 1001), new(&tokens, None)),
        (person("again", 1002), new(&tokens, None)),
        (person("left", 1003), new(&tokens, None)),
        (person("nothing", 1004), new(&none, None)),
        (person("amy", 1005), new(&tokens, Some(&many[..0]))),
        (person("zoe", 1900), new(&tokens, None)),
    ];
    let named: Vec<_> = people.iter().map(|(account, new)| (account, Import { ..*new })).collect();
    let results = local.import_all(&named);
    let shown: Vec<_> = results.iter().map(|result| result.as_ref().map_err(|_| ()).copied()).collect();
    let refused = Err(());
    let expected = [
        enrolled(2),
        refused,
        Ok(Imported::Already),
        enrolled(0),
        refused,
        enrolled(0),
        Ok(Imported::Already),
    ];
    assert_eq!(shown, expected);
    assert!(matches!(results[1], Err(Refusal::AlreadyEnrolled)));
    for (name, uid) in [("zoe", 1900), ("left", 1003), ("amy", 1005), ("again", 1002)] {
        let code = |step| Typed::Code(phone(K1).code(step));
        let check = |step| local.check(&person(name, uid), &code(step), Origin::Console);
        assert!(!matches!(check(STEP), Outcome::Judged(Verdict::Accepted { .. })), "{name}: used there");
        assert!(matches!(check(STEP + 1), Outcome::Judged(Verdict::Accepted { .. })), "{name}");
        assert_eq!(fs::read_dir(place.folder(uid)).unwrap().count(), 2, "{name}");
    }
    assert!(!place.folder(1004).exists(), "what is refused beforehand leaves no folder");
    // More than are done together.
    let crowd: Vec<_> = (2000..2300).map(|uid| person(&format!("p{uid}"), uid)).collect();
    let crowd: Vec<_> = crowd.iter().map(|account| (account, new(&tokens, None))).collect();
    let results = local.import_all(&crowd);
    assert!(results.iter().all(|result| matches!(result, Ok(Imported::Enrolled { .. }))));
    assert_eq!(local.people().unwrap().len(), 305);
}

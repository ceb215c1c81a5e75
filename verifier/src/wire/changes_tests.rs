//! What people ask to be changed arrives as it was sent, and what is answered is read as it was meant.

use super::*;
use crate::wire::{LONGEST_REQUEST, Request};
use otp::{Time, Typed};

const ALICE: Owner = Owner::Uid(2001);
const ID: Id = Id([0xab; 16]);

fn code(text: &str) -> BackupCode {
    BackupCode::parse(text).unwrap()
}

fn token() -> Token {
    Token {
        name: TokenName::new("fob").unwrap(),
        kind: Kind::Totp { period: Period::new(60).unwrap() },
        algorithm: Algorithm::Sha256,
        digits: Digits::new(8).unwrap(),
        secret: Secret::from_base32("JVQWWZJANFXHMZLOORSWIIDTMVRXEZLU").unwrap(),
    }
}

fn claims() -> Claims {
    Claims { service: "totpctl".into(), rhost: None, tty: Some("/dev/pts/3".into()) }
}

fn wanted(call: &str) -> Wanted {
    match Request::parse(call.as_bytes()) {
        Ok(Request::Change(wanted)) => wanted,
        _ => panic!("{call}"),
    }
}

fn enrolling(confirm: Option<&Typed>, backup: &[BackupCode]) -> Zeroizing<String> {
    let authority = code("1234-abcd-5678");
    let new = NewToken {
        from: Some(ID),
        how: Enrolled::Add,
        token: &token(),
        confirm,
        authority: Authority::Code(&authority),
        backup,
    };
    enroll("alice", &new, &claims()).unwrap()
}

#[test]
fn a_token_arrives_as_it_was_sent() {
    let typed = Typed::parse(b"7059 2691");
    let wanted = wanted(&enrolling(Some(&typed), &[code("2345-6789-abcd")]));
    assert_eq!(wanted.user, "alice");
    assert_eq!(wanted.authority, Some(code("1234-abcd-5678")));
    assert_eq!(wanted.claims.tty.as_deref(), Some("/dev/pts/3"));
    assert!(!wanted.is_rehearsal());
    let Change::Enroll { from, how, token: read, confirm, backup } = wanted.change else { panic!("another") };
    assert_eq!((from, how, &*read), (Some(ID), Enrolled::Add, &token()));
    assert_eq!((confirm.unwrap().as_str(), backup), ("70592691", vec![code("2345-6789-abcd")]));
}

#[test]
fn a_token_without_a_code_is_a_rehearsal() {
    assert!(wanted(&enrolling(None, &[])).is_rehearsal());
}

#[test]
fn the_largest_change_fits_into_a_request() {
    let codes = vec![code("2345-6789-abcd"); BackupSet::MAX_CODES];
    let secret = Secret::new(&[0xff; 64]).unwrap();
    let token = Token { secret, name: TokenName::new(&"n".repeat(32)).unwrap(), ..token() };
    let long = "\u{1}".repeat(5000);
    let claims = Claims { service: long.clone(), rhost: Some(long.clone()), tty: Some(long) };
    let typed = Typed::parse(b"70592691 70592692");
    let authority = code("1234-abcd-5678");
    let new = NewToken {
        from: Some(ID),
        how: Enrolled::Replace,
        token: &token,
        confirm: Some(&typed),
        authority: Authority::Code(&authority),
        backup: &codes,
    };
    let call = enroll(&"x".repeat(255), &new, &claims).unwrap();
    assert!(call.len() < LONGEST_REQUEST, "{}", call.len());
    assert!(matches!(Request::parse(call.as_bytes()), Ok(Request::Change(_))));
}

#[test]
fn a_key_that_a_new_token_would_not_have_is_refused() {
    let call = enrolling(None, &[]);
    for (from, to, name) in [
        // 80 bits, 152 bits, no base32.
        ("JVQWWZJANFXHMZLOORSWIIDTMVRXEZLU", "MFRGGZDFMZTWQ2LK", "secret"),
        ("JVQWWZJANFXHMZLOORSWIIDTMVRXEZLU", "JVQWWZJANFXHMZLOORSWIIDTMVRXEZI", "secret"),
        ("JVQWWZJANFXHMZLOORSWIIDTMVRXEZLU", "JVQWWZJANFXHMZLOORSWIIDTMVRXEZL9", "secret"),
        ("\"fob\"", "\"a fob\"", "name"),
        ("\"sha256\"", "\"md5\"", "algorithm"),
        ("\"digits\":8", "\"digits\":9", "digits"),
        ("\"period\":60", "\"period\":0", "period"),
        ("\"period\":60", "\"period\":60,\"counter\":1", "counter"),
        ("\"add\"", "\"ADD\"", "how"),
        ("1234-abcd-5678", "592691", "authority"),
        ("abababab", "ABABABAB", "from"),
        ("\"backup_codes\":[]", "\"backup_codes\":[\"592691\"]", "backup_codes"),
        ("\"backup_codes\":[]", "\"backup_codes\":{}", "backup_codes"),
        ("\"backup_codes\":[]", "\"backup_codes\":[],\"uid\":0", "uid"),
    ] {
        let broken = call.replacen(from, to, 1);
        assert_ne!(broken, *call, "{from}");
        match Request::parse(broken.as_bytes()) {
            Err(mistake) => assert_eq!(mistake, Mistake::Parameter(name.into()), "{broken}"),
            Ok(_) => panic!("{broken}"),
        }
    }
    let many = format!("\"backup_codes\":[{}]", vec!["\"2345-6789-abcd\""; 101].join(","));
    let broken = call.replacen("\"backup_codes\":[]", &many, 1);
    assert!(
        matches!(Request::parse(broken.as_bytes()), Err(Mistake::Parameter(name)) if name == "backup_codes")
    );
}

fn sent<'a>(name: &'a TokenName) -> Sent<'a> {
    Sent { name: Some(name), unconfirmed: Verdict::Wrong { counted: false }, socket: Path::new("/run/s") }
}

#[test]
fn what_was_made_comes_out_as_it_went_in_and_about_this_account_alone() {
    let fob = TokenName::new("fob").unwrap();
    for by in [By::Open, By::Invitation, By::Backup, By::Bypass(3)] {
        for sheet in [None, Some(BackupSheet { number: 2, created: Time(7) })] {
            let all = Made { sheet, by };
            let reply = made(&ALICE, &all);
            match read_made(reply.as_bytes(), &ALICE, sent(&fob)) {
                Some(Reply::Result(Ok(read))) => assert_eq!(read, all),
                _ => panic!("{}", *reply),
            }
            assert!(read_made(reply.as_bytes(), &Owner::Uid(2002), sent(&fob)).is_none());
            assert!(read_made(reply.replace("\"by\"", "\"bye\"").as_bytes(), &ALICE, sent(&fob)).is_none());
        }
        let reply = removed(&ALICE, by);
        match read_removed(reply.as_bytes(), &ALICE, sent(&fob)) {
            Some(Reply::Result(Ok(read))) => assert_eq!(read, by),
            _ => panic!("{}", *reply),
        }
    }
}

#[test]
fn every_refusal_comes_out_as_it_went_in() {
    let fob = TokenName::new("fob").unwrap();
    let refusals = [
        Refusal::AlreadyEnrolled,
        Refusal::NotEnrolled,
        Refusal::NotConfirmed(Verdict::Wrong { counted: false }),
        Refusal::NotConfirmed(Verdict::ClockBehind { seconds: 90_000 }),
        Refusal::Tokens(EnrollmentError::TooMany(MAX_TOKENS + 1)),
        Refusal::Tokens(EnrollmentError::Twice(fob.clone())),
        Refusal::NoToken,
        Refusal::LastToken,
        Refusal::RootEnrolls,
        Objection::Missing.into(),
        Objection::Wrong.into(),
        Objection::Spent.into(),
        Objection::Expired.into(),
        StoreError::Changed.into(),
    ];
    for refusal in refusals {
        let reply = refused(&refusal).unwrap();
        match read_made(reply.as_bytes(), &ALICE, sent(&fob)) {
            Some(Reply::Result(Err(read))) => assert_eq!(format!("{read:?}"), format!("{refusal:?}")),
            _ => panic!("{}", *reply),
        }
    }
    let io = || std::io::Error::other("x");
    let unconfirmed = Refusal::Store(StoreError::Unconfirmed { path: "/x".into(), error: io() });
    let reply = refused(&unconfirmed).unwrap();
    assert!(matches!(
        read_removed(reply.as_bytes(), &ALICE, sent(&fob)),
        Some(Reply::Result(Err(Refusal::Store(StoreError::Unconfirmed { .. }))))
    ));
    assert!(refused(&StoreError::Random(io()).into()).is_none(), "that is no answer");
    assert!(read_made(reply.replace("unconfirmed", "whatever").as_bytes(), &ALICE, sent(&fob)).is_none());
}

//! What a daemon says to the module and to totpctl.

use super::documents::{Tree, read_by_serde};
use crate::wire::{self, Reply, Sent};
use crate::{FoldedName, Outcome, Owner, Refusal, Standing, Status};
use otp::{Malformed, TokenName, Verdict};
use std::path::Path;

/// Whom the replies are about.
const UID: u32 = 2001;
const OWNER: Owner = Owner::Uid(UID);

/// What is taken for an answer is about this account and says so; an accepted one is one for serde_json too;
/// and each comes back as it was when the daemon says it.
pub fn reply(bytes: &[u8]) {
    if let Some(Reply::Result(outcome)) = wire::read_checked(bytes, &OWNER) {
        is_about_this_account(bytes);
        verdict_comes_back(bytes, &outcome);
    }
    if let Some(Reply::Result((outcome, code))) = wire::read_split(bytes, &OWNER) {
        let said = wire::split(&OWNER, &outcome, code).expect("it came as a verdict");
        let again = wire::read_split(said.as_bytes(), &OWNER);
        assert!(matches!(again, Some(Reply::Result((_, again))) if again == code), "{}", *said);
    }
    if let Some(Reply::Result(status)) = wire::read_status(bytes, &OWNER) {
        is_about_this_account(bytes);
        status_comes_back(bytes, status.as_ref());
    }
    changes_come_back(bytes);
    let name = FoldedName::parse("alice").map(Owner::Name);
    for other in [Owner::Uid(0), Owner::Uid(UID + 1)].into_iter().chain(name) {
        let both = wire::read_checked(bytes, &OWNER).is_some() && wire::read_checked(bytes, &other).is_some();
        assert!(!both || matches!(wire::read_checked(bytes, &other), Some(Reply::Denied(_))));
    }
}

/// For serde_json too.
fn is_about_this_account(bytes: &[u8]) {
    let Some(tree) = read_by_serde(bytes) else { return };
    assert!(tree.member("error").is_none_or(|error| *error == Tree::Null));
    let about = tree.member("parameters").and_then(|given| given.member("uid"));
    assert_eq!(about, Some(&Tree::Number(UID.into())));
}

fn verdict_comes_back(bytes: &[u8], outcome: &Outcome) {
    let said = wire::checked(&OWNER, outcome).expect("it came as a verdict");
    let Some(Reply::Result(read)) = wire::read_checked(said.as_bytes(), &OWNER) else { panic!("{}", *said) };
    match (outcome, &read) {
        (Outcome::Judged(one), Outcome::Judged(other)) => assert_eq!(one, other),
        (Outcome::NotEnrolled, Outcome::NotEnrolled) => {}
        (Outcome::Suspended(one), Outcome::Suspended(other)) => assert_eq!(one, other),
        _ => panic!("{}", *said),
    }
    let Some(tree) = read_by_serde(bytes) else { return };
    let verdict = tree.member("parameters").and_then(|given| given.member("verdict")).and_then(Tree::text);
    let accepted = matches!(outcome, Outcome::Judged(Verdict::Accepted { .. }));
    assert_eq!(verdict == Some("accepted"), accepted);
}

fn status_comes_back(bytes: &[u8], status: Option<&Status>) {
    let standing = wire::read_standing(bytes, &OWNER);
    let is_suspended = status.is_some_and(|status| status.suspended.is_some());
    let expected = match status.is_some_and(|status| status.enrolled) {
        _ if is_suspended => Standing::Suspended,
        true => Standing::Enrolled,
        false => Standing::NotEnrolled,
    };
    assert!(matches!(standing, Some(Reply::Result(read)) if read == expected));
    let said = wire::known(&OWNER, status);
    let Some(Reply::Result(read)) = wire::read_status(said.as_bytes(), &OWNER) else { panic!("{}", *said) };
    assert_eq!(format!("{read:?}"), format!("{status:?}"));
}

fn changes_come_back(bytes: &[u8]) {
    let name = TokenName::new("phone").expect("a name");
    let read_made = |bytes: &[u8]| wire::read_made(bytes, &OWNER, sent(&name));
    let read_removed = |bytes: &[u8]| wire::read_removed(bytes, &OWNER, sent(&name));
    match read_made(bytes) {
        Some(Reply::Result(Ok(made))) => {
            is_about_this_account(bytes);
            let said = wire::made(&OWNER, &made);
            let again = read_made(said.as_bytes());
            assert!(matches!(again, Some(Reply::Result(Ok(again))) if again == made), "{}", *said);
        }
        Some(Reply::Result(Err(refusal))) => {
            let said = wire::refused(&refusal).expect("it came as a refusal");
            for again in [
                read_made(said.as_bytes()).and_then(refused),
                read_removed(said.as_bytes()).and_then(refused),
            ] {
                assert_eq!(again.as_ref().and_then(wire::why), wire::why(&refusal), "{}", *said);
            }
        }
        _ => {}
    }
    if let Some(Reply::Result(Ok(by))) = read_removed(bytes) {
        is_about_this_account(bytes);
        let said = wire::removed(&OWNER, by);
        let again = read_removed(said.as_bytes());
        assert!(matches!(again, Some(Reply::Result(Ok(again))) if again == by), "{}", *said);
    }
}

fn sent(name: &TokenName) -> Sent<'_> {
    let unconfirmed = Verdict::Malformed(Malformed::Empty);
    Sent { name: Some(name), unconfirmed, socket: Path::new("/run/enrolld/socket") }
}

fn refused<T>(reply: Reply<Result<T, Refusal>>) -> Option<Refusal> {
    match reply {
        Reply::Result(Err(refusal)) => Some(refusal),
        _ => None,
    }
}

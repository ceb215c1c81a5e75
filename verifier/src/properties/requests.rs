//! What a peer says to the daemon.

use super::documents::{Tree, read_by_serde};
use crate::wire::{self, Change, Claims, LONGEST_REPLY, LONGEST_REQUEST, Mistake, Need, Request, Wanted};
use crate::{Authority, NewToken, Origin};
use otp::{Tail, Typed};
use zeroize::Zeroizing;

/// What is taken for a request says what serde_json reads there, and comes back as it was when our client
/// says it; what is not is answered with a reply that carries no NUL and that our client would read to its end.
pub fn request(bytes: &[u8]) {
    if bytes.len() >= LONGEST_REQUEST {
        return;
    }
    match Request::parse(bytes) {
        Ok(request) => {
            if let Some(call) = read_by_serde(bytes) {
                says_what_it_says(&request, &call);
            }
            comes_back(&request);
        }
        Err(mistake) => is_answered(&mistake),
    }
}

fn says_what_it_says(request: &Request, call: &Tree) {
    let parameter = |key: &str| call.member("parameters")?.member(key);
    let given = |key: &str| parameter(key)?.text();
    let claimed = |claims: &Claims| {
        assert_eq!(given("service").unwrap_or_default(), claims.service);
        assert_eq!((given("rhost"), given("tty")), (claims.rhost.as_deref(), claims.tty.as_deref()));
    };
    let (method, user) = match request {
        Request::Check { user, typed, claims, origin, tail } => {
            assert_eq!(given("code"), Some(typed.as_str()));
            assert_eq!(given("tail").is_some(), tail.is_some());
            assert_eq!(given("origin").is_some(), origin.is_some());
            claimed(claims);
            ("org.pamtotp.enrolld1.Check", Some(user))
        }
        Request::Status { user } => ("org.pamtotp.enrolld1.Status", Some(user)),
        Request::Change(wanted) => {
            claimed(&wanted.claims);
            assert_eq!(given("authority").is_some(), wanted.authority.is_some());
            (changes(&wanted.change, &parameter), Some(&wanted.user))
        }
        Request::GetInfo => ("org.varlink.service.GetInfo", None),
        Request::GetInterfaceDescription { interface } => {
            assert_eq!(given("interface"), Some(interface.as_str()));
            ("org.varlink.service.GetInterfaceDescription", None)
        }
    };
    assert_eq!(call.member("method").and_then(Tree::text), Some(method));
    assert_eq!(given("user"), user.map(String::as_str));
    assert_ne!(call.member("oneway"), Some(&Tree::Flag(true)));
}

/// The method, once what is to be changed is what was said.
fn changes<'a>(change: &Change, parameter: &impl Fn(&str) -> Option<&'a Tree>) -> &'static str {
    let given = |key: &str| parameter(key)?.text();
    match change {
        Change::Enroll { token, confirm, .. } => {
            let name = parameter("token").and_then(|token| token.member("name")?.text());
            assert_eq!(name, Some(token.name.as_str()));
            assert_eq!(given("how"), Some(change.how()));
            assert_eq!(given("confirm"), confirm.as_ref().map(|text| text.as_str()));
            "org.pamtotp.enrolld1.Enroll"
        }
        Change::RemoveToken { name, .. } => {
            assert_eq!(given("token"), Some(name.as_str()));
            "org.pamtotp.enrolld1.RemoveToken"
        }
        Change::BackupCodes { codes, .. } => {
            assert!(
                matches!(parameter("backup_codes"), Some(Tree::Items(items)) if items.len() == codes.len())
            );
            "org.pamtotp.enrolld1.BackupCodes"
        }
    }
}

fn comes_back(request: &Request) {
    // What cannot be a code is not said, and a name that fills a request may not fit in again.
    let Some(said) = said(request).filter(|said| said.len() < LONGEST_REQUEST) else { return };
    let Ok(read) = Request::parse(said.as_bytes()) else { panic!("our client's own words: {}", *said) };
    assert_eq!(user(&read), user(request));
    assert_eq!(self::said(&read).as_ref(), Some(&said));
}

fn user(request: &Request) -> Option<&str> {
    match request {
        Request::Check { user, .. } | Request::Status { user } => Some(user),
        Request::Change(wanted) => Some(&wanted.user),
        Request::GetInfo | Request::GetInterfaceDescription { .. } => None,
    }
}

/// As our client says it.
fn said(request: &Request) -> Option<Zeroizing<String>> {
    match request {
        Request::Check { user, typed, claims, origin, tail: None } => {
            let typed = Typed::parse(typed.as_bytes());
            wire::check(user, &typed, claims, origin.unwrap_or(Origin::Stranger))
        }
        Request::Check { user, typed, claims, origin, tail: Some(need) } => {
            let tail = Tail::of(typed.as_bytes());
            let tail = if *need == Need::Optional { tail.optional() } else { tail };
            wire::check_tail(user, &tail, claims, origin.unwrap_or(Origin::Stranger))
        }
        Request::Status { user } => Some(wire::status(user)),
        Request::Change(wanted) => asked(wanted),
        Request::GetInfo | Request::GetInterfaceDescription { .. } => None,
    }
}

fn asked(wanted: &Wanted) -> Option<Zeroizing<String>> {
    let Wanted { user, change, authority, claims } = wanted;
    let authority = authority.as_ref().map_or(Authority::Open, Authority::Code);
    match change {
        Change::Enroll { from, how, token, confirm, backup } => {
            let confirm = confirm.as_ref().map(|text| Typed::parse(text.as_bytes()));
            let confirm = confirm.as_ref();
            let new = NewToken { from: *from, how: *how, token, confirm, authority, backup };
            wire::enroll(user, &new, claims)
        }
        Change::RemoveToken { from, name } => Some(wire::remove_token(user, *from, name, authority, claims)),
        Change::BackupCodes { from, codes } => Some(wire::new_codes(user, *from, codes, authority, claims)),
    }
}

fn is_answered(mistake: &Mistake) {
    let Some(reply) = wire::mistaken(mistake) else { return assert_eq!(*mistake, Mistake::NoCall) };
    assert!(reply.len() < LONGEST_REPLY, "{} bytes", reply.len());
    assert!(!reply.contains('\0'));
    let read: Tree = serde_json::from_str(&reply).expect("what we write is JSON");
    let error = read.member("error").and_then(Tree::text).expect("it says which error it is");
    assert!(error.starts_with("org.varlink.service."), "{error}");
    assert!(wire::read_checked(reply.as_bytes(), &crate::Owner::Uid(0)).is_none(), "no verdict");
}

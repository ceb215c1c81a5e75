//! Whom a verb is about: names from the command line are data until the name service knows them.

use crate::failure::Failure;
use crate::house::House;
use otp::Typed;
use std::ffi::OsStr;
use verifier::{Account, Holder, Owner, Status, StoreError, UserName, lookup, lookup_uid};

/// The account of this name.
pub(crate) fn account(name: &OsStr) -> Result<Account, Failure> {
    find(name)?.ok_or_else(|| unknown(name))
}

/// The account that this process runs as.
pub(crate) fn own() -> Result<Account, Failure> {
    let uid = nix::unistd::geteuid().as_raw();
    let found = lookup_uid(uid).map_err(|error| Failure::store(&error, "USER"))?;
    found.ok_or_else(|| Failure::new(format!("uid {uid} has no account")))
}

/// The account of this name, or the uid of one that is gone and of which something is kept: what was
/// enrolled for it must be seen and taken away too.
pub(crate) fn account_or_gone(house: &House, name: &OsStr) -> Result<Account, Failure> {
    if let Some(found) = find(name)? {
        return Ok(found);
    }
    let unknown = unknown(name);
    let people = match house.verifier.people() {
        Ok(people) => people,
        // Only root hears of accounts that are gone.
        Err(StoreError::Daemon { .. }) => return Err(unknown),
        Err(error) => return Err(Failure::store(&error, "USER")),
    };
    let people: Vec<_> = people.iter().filter_map(Owner::uid).collect();
    if let Some(uid) = name.to_str().and_then(|name| name.parse().ok()).filter(|uid| people.contains(uid)) {
        let present = lookup_uid(uid).map_err(|error| Failure::store(&error, "USER"))?;
        return match present {
            None => Ok(Account::local(uid.to_string(), uid)),
            Some(account) => Err(unknown.hint(format!("uid {uid} is {}", account.name))),
        };
    }
    Err(match former(house, name, &people) {
        Some(uid) => unknown.hint(format!("uid {uid} was enrolled under this name: totpctl status {uid}")),
        None => unknown,
    })
}

/// The present account of `uid`, or one named by the uid where there is none.
pub(crate) fn of_uid(uid: u32) -> Result<Account, StoreError> {
    Ok(lookup_uid(uid)?.unwrap_or_else(|| Account::local(uid.to_string(), uid)))
}

/// Whom something is kept of.
pub(crate) fn of_owner(owner: &Owner) -> Result<Account, StoreError> {
    match owner {
        Owner::Uid(uid) => of_uid(*uid),
        Owner::Name(name) => Ok(Account::by_name(name.clone())),
    }
}

/// What is known of `account`.
pub(crate) fn status(house: &House, account: &Account) -> Result<Option<Status>, Failure> {
    house.verifier.status(account).map_err(|error| Failure::store(&error, &account.name))
}

/// What is enrolled for `account`; fails where nothing is.
pub(crate) fn enrolled(house: &House, account: &Account) -> Result<Status, Failure> {
    let status = status(house, account)?.filter(|status| status.enrolled);
    status.ok_or_else(|| Failure::new(format!("{} is not enrolled", account.name)))
}

/// Whether what is enrolled is still this account's, and not that of who had the uid before.
pub(crate) fn vet(status: &Status, account: &Account) -> Result<(), StoreError> {
    let holder = Holder { owner: status.owner.clone(), account: status.account.clone() };
    verifier::vet(&holder, account)
}

/// What this machine is called, where apps are to tell it from others.
pub(crate) fn host_name() -> String {
    let name = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
    name.filter(|name| !name.is_empty()).unwrap_or_else(|| "localhost".to_owned())
}

/// Whoever leaves out the name and gives a code gave it as the name: it must not be repeated anywhere.
fn unknown(name: &OsStr) -> Failure {
    match Typed::parse(name.as_encoded_bytes()) {
        Typed::Malformed(_) => Failure::new(format!("no such user: {name:?}")),
        _ => Failure::new("no such user").hint("codes are asked for, never given as an argument"),
    }
}

fn find(name: &OsStr) -> Result<Option<Account>, Failure> {
    let text = name.to_str().ok_or_else(|| Failure::new("the user name is not UTF-8 text"))?;
    let name = UserName::new(text).map_err(|error| Failure::new(error.to_string()))?;
    lookup(&name).map_err(|error| Failure::store(&error, text))
}

fn former(house: &House, name: &OsStr, people: &[u32]) -> Option<u32> {
    people.iter().copied().find(|&uid| {
        let status = of_uid(uid).and_then(|account| house.verifier.status(&account));
        matches!(status, Ok(Some(status)) if status.enrolled && *status.account == *name)
    })
}

//! Whom a verb is about: names from the command line are data until the name service knows them.

use crate::failure::Failure;
use crate::former::Former;
use crate::house::House;
use otp::Typed;
use std::ffi::OsStr;
use verifier::{Account, FoldedName, Holder, Owner, Status, StoreError, UserName, lookup, lookup_uid};

/// The account of this name.
pub(crate) fn account(name: &OsStr) -> Result<Account, Failure> {
    find(name)?.ok_or_else(|| unknown(name))
}

/// Whoever has this name: an account or, where there is none, somebody who was enrolled without one.
pub(crate) fn person(house: &House, name: &OsStr) -> Result<Account, Failure> {
    match whose(name)? {
        Some(account) if account.uid().is_some() || has_record(house, &account)? => Ok(account),
        _ => Err(unknown(name)),
    }
}

/// Whoever an import is for: somebody who has no account and was not enrolled before only where that is meant.
pub(crate) fn newcomer(
    house: &House,
    name: &OsStr,
    no_account: bool,
    former: &mut Former,
) -> Result<Account, Failure> {
    match whose(name)? {
        Some(account) if account.uid().is_some() || has_record(house, &account)? => Ok(account),
        Some(account) if no_account => former.vet(house, &account).map(|()| account),
        _ => Err(unknown_but(name, "who has no account is imported with --no-account")),
    }
}

/// The account of this name, which is to be enrolled.
pub(crate) fn to_enroll(name: &OsStr) -> Result<Account, Failure> {
    find(name)?.ok_or_else(|| unknown_but(name, "who has no account, as of a VPN: enroll --no-account"))
}

/// The account of this name, of which a question is asked that needs no store.
pub(crate) fn to_explain(name: &OsStr) -> Result<Account, Failure> {
    find(name)?.ok_or_else(|| unknown_but(name, "who has no account, as of a VPN: explain --no-account"))
}

/// Somebody to be enrolled of whom it is said that there is no account.
pub(crate) fn unaccounted(name: &OsStr) -> Result<Account, Failure> {
    let wanted = without_account(name)?;
    let found = match whose(name)? {
        Some(account) if account.uid().is_none() => return Ok(account),
        Some(account) => account.name,
        None => wanted.name,
    };
    Err(Failure::new(format!("{found} has an account")).hint("leave out --no-account"))
}

/// Whoever was, or is to be, enrolled by this name and without an account, whether there is one by now or not.
pub(crate) fn without_account(name: &OsStr) -> Result<Account, Failure> {
    let folded = FoldedName::of(&user_name(name)?);
    folded.map(Account::by_name).ok_or_else(|| Failure::new("the user name is too long"))
}

/// Whether something is kept of somebody without an account. Only root hears of that.
fn has_record(house: &House, account: &Account) -> Result<bool, Failure> {
    Ok(!house.is_own && status(house, account)?.is_some())
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
    let found = whose(name)?;
    if let Some(account) = found.as_ref().filter(|found| found.uid().is_some()) {
        return Ok(account.clone());
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
    if let Some(person) = found
        && has_record(house, &person)?
    {
        return Ok(person);
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

/// What is said of an account that is not enrolled, where somebody was under its name before there was an account.
pub(crate) fn shadowed(house: &House, account: &Account, status: Option<&Status>) -> Option<String> {
    if house.is_own || status.is_some_and(|status| status.enrolled) {
        return None;
    }
    let error = house.verifier.standing(account).err()?;
    Some(error.hint(&account.name).map_or_else(|| error.to_string(), |hint| format!("{error}; {hint}")))
}

/// What is wrong where somebody was enrolled by this name and without an account: that there is one by now, or
/// that nobody knows.
pub(crate) fn shadow(name: &FoldedName) -> Option<String> {
    match lookup(name.as_user_name()) {
        Ok(None) => None,
        Ok(Some(account)) => Some(format!(
            "{name} is an account by now, for which this does not count: totpctl adopt {name}, or totpctl revoke \
             --no-account {name}",
            name = account.name
        )),
        Err(error) => Some(format!("whether this is an account by now: {error}")),
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

/// The same with what helps where it was meant as a name.
fn unknown_but(name: &OsStr, hint: &str) -> Failure {
    let is_name = matches!(Typed::parse(name.as_encoded_bytes()), Typed::Malformed(_));
    unknown(name).hints(is_name.then(|| hint.to_owned()))
}

/// Whoever leaves out the name and gives a code gave it as the name: it must not be repeated anywhere.
fn unknown(name: &OsStr) -> Failure {
    match Typed::parse(name.as_encoded_bytes()) {
        Typed::Malformed(_) => Failure::new(format!("no such user: {name:?}")),
        _ => Failure::new("no such user").hint("codes are asked for, never given as an argument"),
    }
}

fn find(name: &OsStr) -> Result<Option<Account>, Failure> {
    let name = user_name(name)?;
    lookup(&name).map_err(|error| Failure::store(&error, name.as_str()))
}

fn whose(name: &OsStr) -> Result<Option<Account>, Failure> {
    let name = user_name(name)?;
    verifier::whose(&name).map_err(|error| Failure::store(&error, name.as_str()))
}

fn user_name(name: &OsStr) -> Result<UserName, Failure> {
    let text = name.to_str().ok_or_else(|| Failure::new("the user name is not UTF-8 text"))?;
    UserName::new(text).map_err(|error| Failure::new(error.to_string()))
}

fn former(house: &House, name: &OsStr, people: &[u32]) -> Option<u32> {
    people.iter().copied().find(|&uid| {
        let status = of_uid(uid).and_then(|account| house.verifier.status(&account));
        matches!(status, Ok(Some(status)) if status.enrolled && *status.account == *name)
    })
}

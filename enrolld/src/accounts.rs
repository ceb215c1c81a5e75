//! The members of a group, and everybody: for this the name service has to be walked through.
#![allow(unsafe_code)]

use crate::failure::Failure;
use nix::unistd::Group;
use std::collections::BTreeSet;
use std::ffi::CStr;
use verifier::{Account, StoreError, UserName, lookup};

/// Everybody in `group`: by their own entry, and by the group's.
pub(crate) fn members(group: &str) -> Result<Vec<Account>, Failure> {
    let found = Group::from_name(group).map_err(|errno| StoreError::NameService(errno.into()))?;
    let found = found.ok_or_else(|| Failure::new(format!("no such group: {group:?}")))?;
    let mut names = with_group(found.gid.as_raw());
    names.extend(found.mem);
    let mut members = Vec::with_capacity(names.len());
    for name in names {
        // A group may list names that no account has any more.
        let Ok(name) = UserName::new(&name) else { continue };
        members.extend(lookup(&name)?);
    }
    Ok(members)
}

/// Every account that the name service lists, each uid once.
pub(crate) fn everybody() -> Result<Vec<Account>, Failure> {
    let mut seen = BTreeSet::new();
    let mut accounts = Vec::new();
    for name in names_of(|_| true) {
        let Ok(name) = UserName::new(&name) else { continue };
        accounts.extend(lookup(&name)?.filter(|account| seen.insert(account.uid)));
    }
    Ok(accounts)
}

/// The names of the accounts whose own group this is.
fn with_group(gid: u32) -> Vec<String> {
    names_of(|entry| entry.pw_gid == gid)
}

/// The names of these accounts, as far as the name service lists any (getpwent(3)): a directory may answer for
/// each and list none.
fn names_of(is_wanted: impl Fn(&libc::passwd) -> bool) -> Vec<String> {
    let mut names = Vec::new();
    // SAFETY: no other thread of this program reads the list of accounts, or the entry at hand.
    unsafe { libc::setpwent() };
    // SAFETY: as above; the entry stays as it is until the next call.
    while let Some(entry) = unsafe { libc::getpwent().as_ref() } {
        if is_wanted(entry) && !entry.pw_name.is_null() {
            // SAFETY: pw_name of an entry is a string that ends with NUL, and is copied before the next call.
            names.extend(unsafe { CStr::from_ptr(entry.pw_name) }.to_str().map(str::to_owned));
        }
    }
    // SAFETY: as above.
    unsafe { libc::endpwent() };
    names
}

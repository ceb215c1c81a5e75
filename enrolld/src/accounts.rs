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
    for entry in entries() {
        let Ok(name) = UserName::new(&entry.name) else { continue };
        accounts.extend(lookup(&name)?.filter(|account| seen.insert(account.owner.clone())));
    }
    Ok(accounts)
}

/// Accounts that a person logs in with: root, and those above the system's own with a shell.
pub(crate) fn users() -> Vec<Account> {
    let all = entries().into_iter();
    let has_shell = |entry: &Entry| {
        !["nologin", "false", "sync"].iter().any(|name| entry.shell.ends_with(&format!("/{name}")))
    };
    let people =
        all.filter(|entry| entry.uid == 0 || (1000..65_000).contains(&entry.uid) && has_shell(entry));
    people.map(|entry| Account::local(entry.name, entry.uid)).collect()
}

/// An account as the name service lists it.
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) shell: String,
}

/// The names of the accounts whose own group this is.
fn with_group(gid: u32) -> Vec<String> {
    entries().into_iter().filter(|entry| entry.gid == gid).map(|entry| entry.name).collect()
}

/// Every account, as far as the name service lists them (getpwent(3)): a directory may answer for each and
/// list none.
pub(crate) fn entries() -> Vec<Entry> {
    let mut all = Vec::new();
    // SAFETY: no other thread of this program reads the list of accounts, or the entry at hand.
    unsafe { libc::setpwent() };
    // SAFETY: as above; the entry stays as it is until the next call.
    while let Some(entry) = unsafe { libc::getpwent().as_ref() } {
        if let Some(name) = text(entry.pw_name) {
            let shell = text(entry.pw_shell).unwrap_or_default();
            all.push(Entry { name, uid: entry.pw_uid, gid: entry.pw_gid, shell });
        }
    }
    // SAFETY: as above.
    unsafe { libc::endpwent() };
    all
}

fn text(string: *const std::ffi::c_char) -> Option<String> {
    if string.is_null() {
        return None;
    }
    // SAFETY: the strings of an entry end with NUL, and are copied before the next call.
    unsafe { CStr::from_ptr(string) }.to_str().ok().map(str::to_owned)
}

/// The names of all groups of an account.
pub(crate) fn groups(name: &str) -> Vec<String> {
    let Ok(Some(user)) = nix::unistd::User::from_name(name) else { return Vec::new() };
    let Ok(name) = std::ffi::CString::new(name) else { return Vec::new() };
    let gids = nix::unistd::getgrouplist(&name, user.gid).unwrap_or_default();
    gids.into_iter().filter_map(|gid| Group::from_gid(gid).ok().flatten()).map(|group| group.name).collect()
}

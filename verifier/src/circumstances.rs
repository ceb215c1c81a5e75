//! A login as the rules of the settings see it, for module and command line alike: whoever explains a rule
//! asks the name service the same questions as whoever applies it.

use crate::{Account, FoldedName, Owner, UserName, lookup};
use config::rules::{Facts, Place};
use nix::errno::Errno;
use nix::libc;
use nix::unistd::{Gid, Group, User, getgrouplist};
use std::cell::OnceCell;
use std::ffi::CString;

/// What [`config::rules::decide`] goes by.
#[derive(Clone, Debug)]
pub struct Circumstances<'a> {
    /// Who wants in.
    account: &'a Account,
    /// The PAM service, if it is known.
    service: Option<&'a str>,
    /// From where.
    place: Place,
    /// Asked for once, however many groups the rules name.
    groups: OnceCell<nix::Result<Vec<Gid>>>,
}

impl<'a> Circumstances<'a> {
    /// A login of this account to this service from there.
    pub fn new(account: &'a Account, service: Option<&'a str>, place: Place) -> Self {
        Self { account, service, place, groups: OnceCell::new() }
    }
}

impl Facts for Circumstances<'_> {
    /// By the uid: every spelling that the name service takes for this account is this person. Without an account,
    /// by the folded name.
    fn is_user(&self, name: &str) -> Result<bool, String> {
        if name == self.account.name {
            return Ok(true);
        }
        // What no account can be called is nobody's name.
        let Ok(name) = UserName::new(name) else { return Ok(false) };
        if let Owner::Name(own) = &self.account.owner {
            return Ok(FoldedName::of(&name).is_some_and(|name| name == *own));
        }
        let other = lookup(&name).map_err(|error| error.to_string())?;
        Ok(other.is_some_and(|other| other.owner == self.account.owner))
    }

    fn is_member(&self, group: &str) -> Result<bool, String> {
        if self.account.uid().is_none() {
            return Err(format!("group {group:?}: there is no account that could be in it"));
        }
        // Of a group that the name service does not know nobody can be said not to be a member: it may be the
        // directory that is down.
        let found = Group::from_name(group).map_err(|errno| failed(group, errno))?;
        let found = found.ok_or_else(|| format!("there is no group {group:?}"))?;
        if found.mem.contains(&self.account.name) {
            return Ok(true);
        }
        let groups = self.groups.get_or_init(|| groups(self.account)).as_ref();
        Ok(groups.map_err(|&errno| failed(group, errno))?.contains(&found.gid))
    }

    fn may_skip(&self) -> bool {
        self.account.uid().is_some()
    }

    fn service(&self) -> Option<&str> {
        self.service
    }

    fn place(&self) -> &Place {
        &self.place
    }
}

fn failed(group: &str, errno: Errno) -> String {
    format!("group {group:?}: the name service does not answer: {errno}")
}

/// The primary and the supplementary groups.
fn groups(account: &Account) -> nix::Result<Vec<Gid>> {
    let user = User::from_name(&account.name)?.filter(|user| Some(user.uid.as_raw()) == account.uid());
    let user = user.ok_or(Errno::ESRCH)?;
    let name = CString::new(account.name.as_str()).map_err(|_| Errno::EINVAL)?;
    // A source of groups that is down may leave the same errno as one that found nothing (nslcd's: ENOENT). To a
    // question that no source has an answer for, the last one of them says which it is.
    Group::from_gid(NOBODYS)?;
    // getgrouplist(3) itself has no way to say that a source did not answer: it leaves that source's groups out.
    // What errno then holds says so.
    Errno::clear();
    let groups = getgrouplist(&name, user.gid)?;
    match Errno::last_raw() {
        // What also stands there after a search that found nothing, or began anew in a larger buffer. Anything else
        // may be a source's that could not be asked.
        0 | libc::ENOENT | libc::ESRCH | libc::ERANGE => Ok(groups),
        trouble => Err(Errno::from_raw(trouble)),
    }
}

/// A number that no group has.
const NOBODYS: Gid = Gid::from_raw(0xffff_ff8f);

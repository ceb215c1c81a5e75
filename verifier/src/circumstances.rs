//! A login as the rules of the settings see it, for module and command line alike: whoever explains a rule
//! asks the name service the same questions as whoever applies it.

use crate::{Account, FoldedName, Owner, UserName, lookup};
use config::rules::{Facts, Place};
use nix::errno::Errno;
use nix::unistd::{Gid, Group, User, getgrouplist};
use std::ffi::CString;

/// What [`config::rules::decide`] goes by.
#[derive(Clone, Debug)]
pub struct Circumstances<'a> {
    /// Who wants in.
    pub account: &'a Account,
    /// The PAM service, if it is known.
    pub service: Option<&'a str>,
    /// From where.
    pub place: Place,
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
        Ok(groups(self.account).map_err(|errno| failed(group, errno))?.contains(&found.gid))
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
    // getgrouplist(3) has no way to say that a source of groups did not answer: it leaves that source's groups
    // out. What errno then holds says so.
    Errno::clear();
    let groups = getgrouplist(&name, user.gid)?;
    match Errno::last() {
        trouble if is_trouble(trouble) => Err(trouble),
        _ => Ok(groups),
    }
}

/// What a source leaves in errno that could not be asked. ENOENT, ESRCH and ERANGE also stand there after a
/// search that found nothing, or began anew in a larger buffer.
fn is_trouble(errno: Errno) -> bool {
    matches!(
        errno,
        Errno::EIO
            | Errno::EAGAIN
            | Errno::EINTR
            | Errno::EACCES
            | Errno::EPERM
            | Errno::ENOMEM
            | Errno::EMFILE
            | Errno::ENFILE
            | Errno::EPIPE
            | Errno::ECONNREFUSED
            | Errno::ECONNRESET
            | Errno::ECONNABORTED
            | Errno::ENOTCONN
            | Errno::ETIMEDOUT
            | Errno::EHOSTDOWN
            | Errno::EHOSTUNREACH
            | Errno::ENETDOWN
            | Errno::ENETUNREACH
    )
}

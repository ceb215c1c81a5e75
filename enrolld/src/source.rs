//! Files that others wrote, opened so that nobody can lead root anywhere.
//!
//! pam_oath followed a user's symbolic link as root (CVE-2024-47191). Here every component is opened by its
//! own descriptor and is no link, what is opened is looked at on the handle, and what lies in somebody's home
//! is opened with that user's rights alone: root's would not do on NFS or in a home that is encrypted, either.

use nix::errno::Errno;
use nix::fcntl::{OFlag, open, openat};
use nix::sys::stat::{Mode, SFlag, fstat};
use nix::unistd::{Gid, Uid, setfsgid, setfsuid};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::fd::OwnedFd;
use std::path::{Component, Path};
use zeroize::Zeroizing;

/// Why a file was not opened.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The system's answer.
    System(Errno),
    /// What is wrong with it.
    Refused(&'static str),
}

impl Fault {
    /// Whether there is no such file.
    pub(crate) fn is_absence(&self) -> bool {
        matches!(self, Self::System(Errno::ENOENT))
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::System(errno) => f.write_str(errno.desc()),
            Self::Refused(why) => f.write_str(why),
        }
    }
}

impl From<Errno> for Fault {
    fn from(errno: Errno) -> Self {
        Self::System(errno)
    }
}

/// Opens `path`, relative to where this process stands, without following any link. It must belong to root or
/// to `owner`.
pub(crate) fn open_plainly(path: &Path, owner: Uid) -> Result<File, Fault> {
    let start = if path.is_absolute() { "/" } else { "." };
    open_below(&folder(Path::new(start))?, path, owner)
}

/// Opens `name` in the home `home` of a user, with that user's rights. The path of the home itself is the
/// administrator's, and may have links.
pub(crate) fn open_at_home(home: &Path, name: &OsStr, uid: Uid, gid: Gid) -> Result<File, Fault> {
    let _rights = Rights::of(uid, gid)?;
    open_below(&folder(home)?, Path::new(name), uid)
}

/// The names in a user's home that begin with `name` and go on with `~`: what an earlier module left behind, as
/// they may be shown.
pub(crate) fn leftovers(home: &Path, name: &str, uid: Uid, gid: Gid) -> Vec<String> {
    let Ok(_rights) = Rights::of(uid, gid) else { return Vec::new() };
    let Ok(entries) = std::fs::read_dir(home) else { return Vec::new() };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let left = names.filter(|found| found.strip_prefix(name).is_some_and(|rest| rest.starts_with('~')));
    // The user has chosen them, and a terminal obeys escape sequences.
    let mut left: Vec<_> = left.map(|found| found.replace(char::is_control, "?")).collect();
    left.sort();
    left
}

/// The whole of a file of at most `most` bytes, wiped on drop.
pub(crate) fn whole(file: &File, most: usize) -> Result<Zeroizing<Vec<u8>>, Fault> {
    // One more than fits, and none of it ever moves.
    let mut bytes = Zeroizing::new(vec![0; most + 1]);
    let mut filled = 0;
    while let Some(room) = bytes.get_mut(filled..).filter(|room| !room.is_empty()) {
        match (&mut &*file).read(room) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(Errno::from_raw(error.raw_os_error().unwrap_or(0)).into()),
        }
    }
    if filled > most {
        return Err(Fault::Refused("too large"));
    }
    bytes.truncate(filled);
    Ok(bytes)
}

fn folder(path: &Path) -> Result<OwnedFd, Fault> {
    Ok(open(path, OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())?)
}

fn open_below(start: &OwnedFd, path: &Path, owner: Uid) -> Result<File, Fault> {
    let mut folder = start.try_clone().map_err(|_| Errno::EMFILE)?;
    let mut components = path.components().peekable();
    while let Some(component) = components.next() {
        let name = match component {
            Component::RootDir | Component::CurDir => continue,
            Component::ParentDir => OsStr::new(".."),
            Component::Normal(name) => name,
            Component::Prefix(_) => return Err(Errno::EINVAL.into()),
        };
        if components.peek().is_none() {
            return open_file(&folder, name, owner);
        }
        let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        folder = openat(&folder, name, flags, Mode::empty())?;
        match kind(&folder)? {
            SFlag::S_IFDIR => {}
            SFlag::S_IFLNK => return Err(Fault::Refused(LINK)),
            _ => return Err(Errno::ENOTDIR.into()),
        }
    }
    Err(Fault::Refused(NO_FILE))
}

const LINK: &str = "a symbolic link is not followed";
const NO_FILE: &str = "not a regular file";

fn open_file(folder: &OwnedFd, name: &OsStr, owner: Uid) -> Result<File, Fault> {
    // Not to block where a pipe was put in its place.
    let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC | OFlag::O_NOCTTY;
    let file = match openat(folder, name, flags, Mode::empty()) {
        Ok(file) => file,
        Err(Errno::ELOOP) => return Err(Fault::Refused(LINK)),
        Err(Errno::ENXIO) => return Err(Fault::Refused(NO_FILE)),
        Err(errno) => return Err(errno.into()),
    };
    let found = fstat(&file)?;
    if kind(&file)? != SFlag::S_IFREG {
        return Err(Fault::Refused(NO_FILE));
    }
    if found.st_uid != 0 && found.st_uid != owner.as_raw() {
        return Err(Fault::Refused("belongs to somebody else"));
    }
    if found.st_mode & 0o022 != 0 {
        return Err(Fault::Refused("others may write it"));
    }
    if found.st_nlink > 1 {
        return Err(Fault::Refused("has more than one hard link"));
    }
    Ok(file.into())
}

fn kind(file: &OwnedFd) -> Result<SFlag, Fault> {
    Ok(SFlag::from_bits_truncate(fstat(file)?.st_mode & SFlag::S_IFMT.bits()))
}

/// While this lives, this thread opens files as a user (setfsuid(2)): with that the kernel takes away the
/// capabilities by which root may read anything, and gives them back afterwards.
struct Rights {
    uid: Uid,
    gid: Gid,
}

impl Rights {
    fn of(uid: Uid, gid: Gid) -> Result<Self, Fault> {
        let before = Self { gid: setfsgid(gid), uid: setfsuid(uid) };
        // These calls report no error: what is in force is what the next one says was before.
        if setfsuid(uid) != uid || setfsgid(gid) != gid {
            return Err(Fault::Refused("the rights of this user could not be taken on"));
        }
        Ok(before)
    }
}

impl Drop for Rights {
    fn drop(&mut self) {
        setfsuid(self.uid);
        setfsgid(self.gid);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::unistd::{getegid, geteuid};

    #[test]
    fn what_a_user_calls_a_leftover_is_no_escape_sequence_for_roots_terminal() {
        let home = tempfile::tempdir().unwrap();
        for name in [".x~", ".x~\x1b[2J\nnote: all is well", "x~", ".x"] {
            File::create(home.path().join(name)).unwrap();
        }
        let left = leftovers(home.path(), ".x", geteuid(), getegid());
        assert_eq!(left, [".x~", ".x~?[2J?note: all is well"]);
    }
}
